// The source `kafka`: the messages of a topic.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sinks/kafka/client.h"
#include "plugins/sinks/kafka/connection.h"
#include "plugins/sinks/kafka/stream.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

enum class KafkaIsolation { kReadCommitted, kReadUncommitted };

struct KafkaSourceOptions : KafkaConnection {
  KafkaIsolation isolation = KafkaIsolation::kReadCommitted;
  std::string group;
  std::optional<int64_t> partition;
};

class KafkaSource {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  using Options = KafkaSourceOptions;
  static std::vector<OptionOf<Options>> DeclareOptions();
  static void Validate(const Options& options);

  KafkaSource(const Options& options, const Host& host) : options_(options), host_(host) {}
  KafkaSource(const KafkaSource&) = delete;
  KafkaSource& operator=(const KafkaSource&) = delete;
  // Commits what was handed out, of a group.
  ~KafkaSource();

  SourcePlace Open(const throng_start& start);
  void Read(int64_t wait_ms, throng_input& input);
  void Kept(const KeptVisitor& visit);
  void Probe(const ProbeVisitor& visit);

 private:
  std::unique_ptr<KafkaClient> Connect() const;
  // The partitions to read; NOT_FOUND where there are none.
  std::vector<int32_t> Partitions();
  // Where each goes on that the group has read of.
  std::map<int32_t, int64_t> Committed(const std::vector<int32_t>& partitions);
  KafkaStream::Range RangeOf(int32_t partition, const throng_start& start, size_t piece,
                             std::optional<int64_t> committed);
  // Commits what was handed out, at most once a second unless it is to be done now.
  void Commit(bool is_now);
  [[noreturn]] void FailGroup(rd_kafka_resp_err_t code) const;

  const Options options_;
  const Host host_;
  std::unique_ptr<KafkaClient> client_;
  std::map<int32_t, uint32_t> pieces_;  // by partition
  std::unique_ptr<KafkaStream> stream_;
  std::vector<throng_message> messages_;
  std::map<int32_t, int64_t> handed_out_;  // by partition: the next offset, not yet committed
  KafkaClock::time_point committed_at_;
};

}  // namespace throng::plugins
