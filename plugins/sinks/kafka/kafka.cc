// The sink `kafka`: records into a topic, exactly once.
//
// Records and the position after them are written in one transaction, the position as a record of a
// compacted topic. Whoever opens the output first fences those that held it, which ends their
// transactions, and then reads the last committed position.
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sinks/kafka/client.h"
#include "plugins/sinks/kafka/options.h"
#include "plugins/sinks/kafka/positions.h"
#include "plugins/sinks/kafka/producer.h"
#include "plugins/sinks/kafka/topics.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr int64_t kDefaultMessageBytes = 1'048'588;  // of brokers
constexpr std::chrono::seconds kReadPatience{8};

class KafkaSink {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  using Options = KafkaOptions;
  static std::vector<OptionOf<Options>> DeclareOptions() { return Options::Declare(); }
  static void Validate(const Options& options) { options.Validate(); }

  KafkaSink(const Options& options, const Host& host) : options_(options), host_(host) {}
  KafkaSink(const KafkaSink&) = delete;
  KafkaSink& operator=(const KafkaSink&) = delete;

  Opened Open(const throng_target& target);
  void Write(const throng_records& records);
  void Commit(int64_t position, std::string_view host_state);
  void Finish(const throng_completion& completion);
  Opened Peek(const throng_target& target);
  void Reset(const throng_target& target);

 private:
  void Connect(const throng_target& target);
  // For Open, Peek and Reset, and in doubt; a run needs no readers.
  void ConnectReaders();
  void CloseReaders();
  void CheckTopic(const std::map<std::string, std::string>& config, int32_t partitions);
  // Makes the positions topic, or sees that it is fit for them; returns its partitions.
  int32_t RequirePositionsTopic();
  void MakeProducer(int32_t partitions, int64_t max_message_bytes);
  // What is stored for the output, if anything is.
  std::optional<KafkaPosition> Stored();
  // Whether the topic, with so many partitions, still is the one that `stored` speaks of; throws if
  // it is not, unless that means to start over.
  bool IsOf(const KafkaPosition& stored, int32_t partitions);
  // Why the topic, with so many partitions, is not one that had these ends, if it is not; warns of
  // rows that the brokers removed.
  std::optional<std::string> WhyNotOf(const std::map<int32_t, KafkaEnd>& ends, int32_t partitions);
  // Finds out whether the commit that ended in doubt took place; throws ABORTED if it did not.
  void SettleDoubt();
  void WarnOfRetention(const throng_records& records);

  const Options options_;
  const Host host_;
  std::string key_;
  std::string run_uid_;
  std::string transactional_id_;
  std::string identity_;
  std::unique_ptr<KafkaClient> all_;        // reads everything
  std::unique_ptr<KafkaClient> committed_;  // reads what is committed
  std::unique_ptr<KafkaProducer> producer_;
  int32_t positions_partitions_ = 0;
  std::optional<int64_t> retention_ms_;  // to warn of, once
  std::string committing_;               // the record of the last commit that was begun
  bool has_written_ = false;             // since it was opened
};

std::optional<int64_t> Number(const std::map<std::string, std::string>& config, const char* name) {
  const auto found = config.find(name);
  if (found == config.end()) return std::nullopt;
  int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  if (std::from_chars(found->second.data(), end, number).ptr != end) return std::nullopt;
  return number;
}

std::string Text(const std::map<std::string, std::string>& config, const char* name) {
  const auto found = config.find(name);
  return found == config.end() ? "" : found->second;
}

void KafkaSink::Connect(const throng_target& target) {
  if (target.part >= 0) {
    throw Error(THRONG_INVALID_ARGUMENT, "A topic is not rolled into parts; leave roll_rows out.");
  }
  key_ = PositionKey(target);
  run_uid_ = target.run_uid;
  identity_ = target.identity;
  transactional_id_ = "throng-" + key_;
  std::replace(transactional_id_.begin(), transactional_id_.end(), '/', '-');
  ConnectReaders();
}

void KafkaSink::ConnectReaders() {
  const KafkaPlace place = options_.Place();
  all_ = std::make_unique<KafkaClient>(RD_KAFKA_CONSUMER, options_.ConsumerProperties(false), place,
                                       host_);
  committed_ = std::make_unique<KafkaClient>(RD_KAFKA_CONSUMER, options_.ConsumerProperties(true),
                                             place, host_);
}

void KafkaSink::CloseReaders() {
  committed_.reset();
  all_.reset();
}

void KafkaSink::CheckTopic(const std::map<std::string, std::string>& config, int32_t partitions) {
  const std::string where = "Topic " + options_.topic + " at " + options_.bootstrap_servers;
  if (Text(config, "cleanup.policy").find("compact") != std::string::npos) {
    throw Error(THRONG_FAILED_PRECONDITION,
                where +
                    " is compacted, which keeps only the last record of each user; choose a "
                    "topic with cleanup.policy=delete.",
                "topic");
  }
  if (options_.partitions > 0 && options_.partitions != partitions) {
    host_.Warn(where + " exists and keeps its " + std::to_string(partitions) +
               " partitions, though " + std::to_string(options_.partitions) + " are asked for.");
  }
  if (options_.record_timestamp != KafkaTimestamp::kEvent) return;
  if (Text(config, "message.timestamp.type") == "LogAppendTime") {
    host_.Warn(where +
               " has message.timestamp.type=LogAppendTime, so records get the time of "
               "their delivery in spite of record_timestamp: event.");
  }
  retention_ms_ = Number(config, "retention.ms");
  if (retention_ms_ && *retention_ms_ < 0) retention_ms_.reset();  // without end
}

void KafkaSink::WarnOfRetention(const throng_records& records) {
  if (!retention_ms_ || records.event_time == nullptr || records.rows == 0) return;
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  if (records.event_time[0] >= now - *retention_ms_) return;
  host_.Warn("Topic " + options_.topic + " keeps records for " + std::to_string(*retention_ms_) +
             " ms, and with record_timestamp: event these are older, so the brokers will delete "
             "them; raise its retention.ms or use record_timestamp: delivery.");
  retention_ms_.reset();
}

int32_t KafkaSink::RequirePositionsTopic() {
  const bool may_create = options_.create == KafkaCreate::kIfMissing;
  const bool is_new = may_create && !FindTopic(all_.get(), options_.positions_topic);
  const int32_t partitions = RequireTopic(all_.get(),
                                          {.name = options_.positions_topic,
                                           .partitions = 25,
                                           .replication = options_.replication,
                                           .config = {{"cleanup.policy", "compact"},
                                                      {"segment.bytes", "1048576"},
                                                      {"min.cleanable.dirty.ratio", "0.1"}}},
                                          may_create);
  if (is_new) return partitions;
  const std::string policy =
      Text(TopicConfig(all_.get(), options_.positions_topic), "cleanup.policy");
  if (!policy.empty() && policy != "compact") {
    throw Error(THRONG_FAILED_PRECONDITION,
                "Topic " + options_.positions_topic + " at " + options_.bootstrap_servers +
                    " has cleanup.policy=" + policy +
                    ", so positions would expire; set it to compact, or name another "
                    "positions_topic.",
                "positions_topic");
  }
  return partitions;
}

void KafkaSink::MakeProducer(int32_t partitions, int64_t max_message_bytes) {
  producer_ = std::make_unique<KafkaProducer>(
      options_, host_, options_.IsExactlyOnce() ? transactional_id_ : "", run_uid_, partitions,
      positions_partitions_, max_message_bytes);
  if (options_.IsExactlyOnce()) producer_->Fence();
}

std::optional<KafkaPosition> KafkaSink::Stored() {
  const auto text = ReadPosition(committed_.get(), all_.get(), key_, positions_partitions_);
  if (!text) return std::nullopt;
  auto stored = ParsePosition(*text);
  const std::string what = "The position " + key_ + " in topic " + options_.positions_topic;
  const std::string remedy =
      "; forget it by `throngctl runs positions reset`, or name another positions_topic.";
  if (!stored) {
    throw Error(THRONG_DATA_LOSS, what + " cannot be read" + remedy, "positions_topic");
  }
  if (stored->identity != identity_) {
    throw Error(THRONG_ALREADY_EXISTS,
                what + " is of another dataset, form or topic (" + stored->topic + ")" + remedy,
                "positions_topic");
  }
  return stored;
}

std::optional<std::string> KafkaSink::WhyNotOf(const std::map<int32_t, KafkaEnd>& ends,
                                               int32_t partitions) {
  int64_t removed = 0;
  for (const auto& entry : ends) {
    const int32_t partition = entry.first;
    const KafkaEnd& end = entry.second;
    if (partition >= partitions) {
      return "it has " + std::to_string(partitions) +
             " partitions now, and rows went to partition " + std::to_string(partition);
    }
    const Watermarks marks = FindWatermarks(*all_, options_.topic, partition);
    const std::string where = "its partition " + std::to_string(partition);
    if (marks.high < end.next) {
      return where + " ends at offset " + std::to_string(marks.high) + ", and rows went up to " +
             std::to_string(end.next);
    }
    removed += std::max<int64_t>(0, std::min(marks.low, end.next) - end.first);
    if (marks.low >= end.next) continue;
    std::string found;
    const bool is_read = ReadMessages(
        all_.get(), options_.topic, partition, end.next - 1, end.next,
        KafkaClock::now() + kReadPatience, [&](const rd_kafka_message_t& message) {
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
    if (found != end.sha256) {
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

bool KafkaSink::IsOf(const KafkaPosition& stored, int32_t partitions) {
  const auto reason = WhyNotOf(stored.ends, partitions);
  if (!reason) return true;
  const std::string what = "Topic " + options_.topic + " at " + options_.bootstrap_servers +
                           " is not the one that rows below " + std::to_string(stored.position) +
                           " went to: " + *reason;
  if (options_.if_recreated == KafkaRecreated::kStartOver) {
    host_.Warn(what + ". All rows are sent from the first one on.");
    return false;
  }
  throw Error(THRONG_FAILED_PRECONDITION,
              what +
                  "; send all rows again after `throngctl runs positions reset`, or set "
                  "if_recreated: start_over.",
              "topic");
}

Opened KafkaSink::Open(const throng_target& target) {
  Connect(target);
  const bool may_create = options_.create == KafkaCreate::kIfMissing;
  const int32_t partitions = RequireTopic(all_.get(),
                                          {.name = options_.topic,
                                           .partitions = options_.partitions,
                                           .replication = options_.replication,
                                           .config = options_.topic_config},
                                          may_create);
  const auto config = TopicConfig(all_.get(), options_.topic);
  CheckTopic(config, partitions);
  positions_partitions_ = RequirePositionsTopic();
  MakeProducer(partitions, Number(config, "max.message.bytes").value_or(kDefaultMessageBytes));

  Opened opened;
  // Well before the brokers end the transaction by themselves.
  if (options_.IsExactlyOnce()) opened.max_commit_ms = options_.transaction_timeout.ms / 2;
  const auto stored = Stored();
  if (stored && IsOf(*stored, partitions)) {
    producer_->SetEnds(stored->ends);
    opened.position = stored->position;
    opened.host_state = stored->host_state;
  }
  CloseReaders();
  return opened;
}

Opened KafkaSink::Peek(const throng_target& target) {
  Connect(target);
  const auto positions = FindTopic(all_.get(), options_.positions_topic);
  if (!positions) return {};
  positions_partitions_ = *positions;
  const auto stored = Stored();
  if (!stored || !IsOf(*stored, FindTopic(all_.get(), options_.topic).value_or(0))) return {};
  return {.position = stored->position, .host_state = stored->host_state};
}

void KafkaSink::Reset(const throng_target& target) {
  Connect(target);
  const auto positions = FindTopic(all_.get(), options_.positions_topic);
  if (!positions) return;  // nothing is stored
  positions_partitions_ = *positions;
  MakeProducer(0, kDefaultMessageBytes);
  producer_->Commit(key_, std::nullopt);
}

void KafkaSink::Write(const throng_records& records) {
  if (records.rows == 0) return;
  WarnOfRetention(records);
  has_written_ = true;
  producer_->Write(records);
}

// A topic is never complete; but whoever hears that all is there shall find it.
void KafkaSink::Finish(const throng_completion& /*completion*/) {
  if (!has_written_) return;
  ConnectReaders();
  const auto partitions = FindTopic(all_.get(), options_.topic);
  const auto reason = WhyNotOf(producer_->Ends(), partitions.value_or(0));
  CloseReaders();
  if (reason) throw LostTopicError(options_.Place(), options_.topic);
}

void KafkaSink::Commit(int64_t position, std::string_view host_state) {
  if (producer_->IsInDoubt()) return SettleDoubt();
  try {
    producer_->Flush();
    committing_ = PositionText({.identity = identity_,
                                .topic = options_.topic,
                                .position = position,
                                .host_state = std::string(host_state),
                                .ends = producer_->Ends()});
    producer_->Commit(key_, committing_);
  } catch (const Error&) {
    if (!producer_->IsInDoubt()) throw;
    SettleDoubt();
  }
}

void KafkaSink::SettleDoubt() {
  if (!all_) ConnectReaders();
  const auto stored = ReadPosition(committed_.get(), all_.get(), key_, positions_partitions_);
  CloseReaders();
  if (stored != committing_) {
    producer_->Settle(std::nullopt);
    throw Error(THRONG_ABORTED, "The transaction was rolled back by " + options_.bootstrap_servers +
                                    "; what came after the last commit is sent again.");
  }
  producer_->Settle(ParsePosition(*stored)->ends);
}

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("kafka", THRONG_VERSION, "Records into Kafka.",
              throng::Sink<throng::plugins::KafkaSink>("kafka", "A topic of Kafka, exactly once."))
