// The two topics of an output as they are at the brokers: whether they are fit for it, and what
// they hold.
#include "plugins/sinks/kafka/topic_reader.h"

#include <algorithm>
#include <charconv>

#include "plugins/sinks/kafka/topics.h"

namespace throng::plugins {
namespace {

constexpr int64_t kDefaultMessageBytes = 1'048'588;  // of brokers
constexpr std::chrono::seconds kReadPatience{8};

using Config = std::map<std::string, std::string>;

std::optional<int64_t> Number(const Config& config, const char* name) {
  const auto found = config.find(name);
  if (found == config.end()) return std::nullopt;
  int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  if (std::from_chars(found->second.data(), end, number).ptr != end) return std::nullopt;
  return number;
}

std::string Text(const Config& config, const char* name) {
  const auto found = config.find(name);
  return found == config.end() ? "" : found->second;
}

bool IsCompacted(const Config& config) {
  return Text(config, "cleanup.policy").find("compact") != std::string::npos;
}

int64_t LargestRecord(const Config& config) {
  return Number(config, "max.message.bytes").value_or(kDefaultMessageBytes);
}

KafkaTopic PositionsTopic(const KafkaOptions& options) {
  return {.name = options.positions_topic,
          .partitions = 25,
          .replication = options.replication,
          .config = {{"cleanup.policy", "compact"},
                     {"segment.bytes", "1048576"},
                     {"min.cleanable.dirty.ratio", "0.1"}}};
}

}  // namespace

TopicReader::TopicReader(const KafkaOptions& options, const Host& host)
    : options_(options),
      host_(host),
      all_(RD_KAFKA_CONSUMER, options.ConsumerProperties(false), options.Place(), host),
      committed_(RD_KAFKA_CONSUMER, options.ConsumerProperties(true), options.Place(), host) {}

void TopicReader::Require(const throng_target& target) {
  partitions_ = RequireTopic(&all_,
                             {.name = options_.topic,
                              .partitions = options_.partitions,
                              .replication = options_.replication,
                              .config = options_.topic_config},
                             options_.MayCreate());
  config_ = TopicConfig(&all_, options_.topic);
  CheckTopic(target);
  RequirePositionsTopic(target);
}

bool TopicReader::Find() {
  positions_partitions_ = FindTopic(&all_, options_.positions_topic).value_or(0);
  partitions_ = FindTopic(&all_, options_.topic).value_or(0);
  return positions_partitions_ > 0;
}

bool TopicReader::FindOrMakePositions() {
  if (!Find() && options_.MayCreate()) {
    positions_partitions_ = RequireTopic(&all_, PositionsTopic(options_), true);
  }
  return positions_partitions_ > 0;
}

void TopicReader::CheckTopic(const throng_target& target) {
  const std::string where = "Topic " + options_.topic + " at " + options_.bootstrap_servers;
  if (IsCompacted(config_) && target.has_unique_keys == 0) {
    throw Error(THRONG_FAILED_PRECONDITION,
                where +
                    " is compacted, which keeps only the last record of each key; choose a topic "
                    "with cleanup.policy=delete, or a table of which each record has a key of its "
                    "own, as users by user_id.",
                "topic");
  }
  if (options_.partitions > 0 && options_.partitions != partitions_) {
    host_.Warn(where + " exists and keeps its " + std::to_string(partitions_) +
               " partitions, though " + std::to_string(options_.partitions) + " are asked for.");
  }
  if (options_.record_timestamp == KafkaTimestamp::kEvent &&
      Text(config_, "message.timestamp.type") == "LogAppendTime") {
    host_.Warn(where +
               " has message.timestamp.type=LogAppendTime, so records get the time of "
               "their delivery in spite of record_timestamp: event.");
  }
}

void TopicReader::RequirePositionsTopic(const throng_target& target) {
  const std::string where =
      "Topic " + options_.positions_topic + " at " + options_.bootstrap_servers;
  const auto found = FindTopic(&all_, options_.positions_topic);
  if (!found) {
    // Who makes it does so before writing, so that a second look tells of another worker.
    if (target.sends_again == 0 && HoldsRecords() && !FindTopic(&all_, options_.positions_topic)) {
      throw Error(THRONG_FAILED_PRECONDITION,
                  where + " does not exist, so nobody knows which rows topic " + options_.topic +
                      " holds, and it holds records. Send all rows by --again, or for a run of a "
                      "daemon after `throngctl runs positions reset`; or name the "
                      "positions_topic that they were delivered with.",
                  "positions_topic");
    }
    positions_partitions_ = RequireTopic(&all_, PositionsTopic(options_), options_.MayCreate());
    return;
  }
  positions_partitions_ = *found;
  positions_config_ = TopicConfig(&all_, options_.positions_topic);
  const std::string policy = Text(positions_config_, "cleanup.policy");
  if (!policy.empty() && policy != "compact") {
    throw Error(THRONG_FAILED_PRECONDITION,
                where + " has cleanup.policy=" + policy +
                    ", so positions would expire; set it to compact, or name another "
                    "positions_topic.",
                "positions_topic");
  }
}

bool TopicReader::HoldsRecords() {
  for (int32_t partition = 0; partition < partitions_; ++partition) {
    const Watermarks marks = FindWatermarks(all_, options_.topic, partition);
    if (marks.low < marks.high) return true;
  }
  return false;
}

KafkaLimits TopicReader::Limits() {
  if (config_.empty()) config_ = TopicConfig(&all_, options_.topic);
  if (positions_config_.empty()) {
    positions_config_ = TopicConfig(&all_, options_.positions_topic);
  }
  return {.topic = LargestRecord(config_), .positions_topic = LargestRecord(positions_config_)};
}

std::optional<int64_t> TopicReader::RetentionMs() const {
  const auto ms = Number(config_, "retention.ms");
  const bool is_kept = Text(config_, "cleanup.policy").find("delete") == std::string::npos;
  return ms && *ms >= 0 && !is_kept ? ms : std::nullopt;
}

std::optional<std::string> TopicReader::Position(const std::string& key) {
  return ReadPosition(&committed_, &all_, key, positions_partitions_);
}

std::optional<std::string> TopicReader::WhyNotOf(const std::map<int32_t, KafkaEnd>& ends) {
  int64_t removed = 0;
  for (const auto& entry : ends) {
    const int32_t partition = entry.first;
    const KafkaEnd& end = entry.second;
    if (partition >= partitions_) {
      return "it has " + std::to_string(partitions_) +
             " partitions now, and rows went to partition " + std::to_string(partition);
    }
    const Watermarks marks = FindWatermarks(all_, options_.topic, partition);
    const std::string where = "its partition " + std::to_string(partition);
    if (marks.high < end.next) {
      return where + " ends at offset " + std::to_string(marks.high) + ", and rows went up to " +
             std::to_string(end.next);
    }
    removed += std::max<int64_t>(0, std::min(marks.low, end.next) - end.first);
    if (marks.low >= end.next) continue;
    std::optional<uint64_t> found;
    const bool is_read = ReadMessages(
        &all_, options_.topic, partition, end.next - 1, end.next, KafkaClock::now() + kReadPatience,
        [&](const rd_kafka_message_t& message) {
          if (message.offset != end.next - 1) return false;
          found = RecordDigest({static_cast<const char*>(message.key), message.key_len},
                               {static_cast<const char*>(message.payload), message.len});
          return false;
        });
    if (!is_read) {
      throw Error(THRONG_UNAVAILABLE, "Topic " + options_.topic + " at " +
                                          options_.bootstrap_servers + " does not tell what " +
                                          where + " holds; check the brokers.");
    }
    if (!found && IsCompacted(config_)) continue;  // a later record has its key
    if (found != end.digest) {
      return where + " has another record at offset " + std::to_string(end.next - 1);
    }
  }
  if (removed > 0) {
    host_.Warn("The brokers have removed up to " + std::to_string(removed) +
               " of the rows in topic " + options_.topic +
               " by its retention; they are not sent again.");
  }
  return std::nullopt;
}

}  // namespace throng::plugins
