// The headers of records, run and row, as librdkafka takes them.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace throng::plugins {

// A list of headers belongs to its message. What was delivered gives its list back, and the next
// message has it with another row: to make a list costs four allocations, to change one costs one.
class KafkaHeaders {
 public:
  explicit KafkaHeaders(std::string run_uid) : run_uid_(std::move(run_uid)) {}

  // The headers of a row, for the message that takes them; else they are given back.
  rd_kafka_headers_t* Take(int64_t row);
  void GiveBack(rd_kafka_headers_t* headers) { free_.emplace_back(headers); }
  // Those of a message that is delivered, if it has any.
  void GiveBackFrom(const rd_kafka_message_t& message);

 private:
  struct Destroy {
    void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
  };

  const std::string run_uid_;
  std::vector<std::unique_ptr<rd_kafka_headers_t, Destroy>> free_;
};

}  // namespace throng::plugins
