// Messages of several partitions of a topic, in batches.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plugins/sinks/kafka/client.h"

namespace throng::plugins {

class KafkaStream {
 public:
  static constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();
  // What is read of a partition: its messages in [first, end).
  struct Range {
    int64_t first = 0;
    int64_t end = 0;
  };

  // By partition. The client outlives it. Throws where reading cannot begin.
  KafkaStream(KafkaClient* client, const std::string& topic,
              const std::map<int32_t, Range>& ranges);
  KafkaStream(const KafkaStream&) = delete;
  KafkaStream& operator=(const KafkaStream&) = delete;
  ~KafkaStream();

  // The next messages, of each partition in order, valid until the next call; none if nothing comes
  // within so many milliseconds, or nothing follows. Throws what the brokers refuse, and within
  // some seconds that they cannot be reached.
  const std::vector<rd_kafka_message_t*>& Next(int64_t wait_ms);
  // Whether nothing follows: each partition was read to its end, whatever stands there (records of
  // transactions themselves and of those that were aborted are not handed over).
  bool IsAtEnd() const { return open_.empty(); }

 private:
  // Takes a message if it is wanted; else gives it back.
  void Take(rd_kafka_message_t* message);
  void Close(int32_t partition);
  void Forget();
  void CheckBrokers();

  KafkaClient* const client_;
  const std::string topic_;
  rd_kafka_topic_t* const handle_;
  const std::unique_ptr<rd_kafka_queue_t, void (*)(rd_kafka_queue_t*)> queue_;
  std::map<int32_t, Range> open_;  // those that are being read
  std::vector<rd_kafka_message_t*> batch_;
  std::vector<rd_kafka_message_t*> taken_;
  KafkaClock::time_point heard_;  // when something last came
};

}  // namespace throng::plugins
