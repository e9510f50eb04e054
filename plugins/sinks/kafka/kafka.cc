// The sink `kafka`: records into a topic, exactly once.
//
// Records and the position after them are written in one transaction, the position as a record of a
// compacted topic. Whoever opens the output first fences those that held it, which ends their
// transactions, then reads the last committed position and writes its claim into it. Brokers also
// fence a worker whose transaction was open for too long: as the claim is still its own, it makes
// another producer and goes on.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "plugins/sinks/kafka/options.h"
#include "plugins/sinks/kafka/positions.h"
#include "plugins/sinks/kafka/producer.h"
#include "plugins/sinks/kafka/source.h"
#include "plugins/sinks/kafka/topic_reader.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

// Who fences another worker writes its claim well within this.
constexpr std::chrono::seconds kClaimTime{1};
constexpr std::chrono::seconds kTakePatience{8};

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
  void Name(const throng_target& target);
  // Fences those that held the output, and takes the place. Throws ProducerLost where another
  // worker was quicker.
  Opened Take(TopicReader* reader);
  void MakeProducer(TopicReader* reader);
  // Calls what the producer does. Where it ends as the producer is lost, another one takes its
  // place; then it returns only if the commit that was on its way took place.
  void Try(const std::function<void()>& call);
  void Replace();
  // What is stored for the output, if anything is; `text`: as it is stored.
  std::optional<KafkaPosition> Stored(TopicReader* reader, std::string* text = nullptr) const;
  // The position is the output's own: throws if another worker has claimed it since.
  void CheckClaim(const std::optional<KafkaPosition>& stored) const;
  // Whether the topic still is the one that `stored` speaks of; throws if it is not, unless that
  // means to start over.
  bool IsOf(const KafkaPosition& stored, TopicReader* reader) const;
  void WarnOfPartitions(int32_t before, int32_t now) const;
  void WarnOfRetention(const throng_records& records);

  const Options options_;
  const Host host_;
  std::string key_;
  std::string run_uid_;
  std::string transactional_id_;
  std::string identity_;
  uint32_t slice_mode_ = 0;
  std::string claim_;
  int32_t partitions_ = 0;
  KafkaLimits limits_;  // that the producer was made by
  std::unique_ptr<KafkaProducer> producer_;
  std::optional<ProducerLost> lost_;       // why there is none
  std::optional<std::string> committing_;  // the record of a commit that is on its way
  std::optional<int64_t> retention_ms_;    // to warn of, once
  bool has_written_ = false;               // since it was opened
};

// 16 hexadecimal digits.
std::string RandomClaim() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device device;
  std::string claim(16, '0');
  for (char& digit : claim) digit = kDigits[device() % kDigits.size()];
  return claim;
}

void KafkaSink::Name(const throng_target& target) {
  if (target.part >= 0) {
    throw Error(THRONG_INVALID_ARGUMENT, "A topic is not rolled into parts; leave roll_rows out.");
  }
  key_ = PositionKey(target);
  run_uid_ = target.run_uid;
  identity_ = target.identity;
  slice_mode_ = target.slice_mode;
  transactional_id_ = "throng-" + key_;
  std::replace(transactional_id_.begin(), transactional_id_.end(), '/', '-');
}

void KafkaSink::MakeProducer(TopicReader* reader) {
  limits_ = reader->Limits();
  partitions_ = reader->partitions();
  producer_ = std::make_unique<KafkaProducer>(
      options_, host_, options_.IsExactlyOnce() ? transactional_id_ : "", run_uid_, partitions_,
      reader->positions_partitions(), limits_);
  if (options_.IsExactlyOnce()) producer_->Fence();
}

std::optional<KafkaPosition> KafkaSink::Stored(TopicReader* reader, std::string* text) const {
  const auto found = reader->Position(key_);
  if (!found) return std::nullopt;
  if (text != nullptr) *text = *found;
  auto stored = ParsePosition(*found);
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

void KafkaSink::CheckClaim(const std::optional<KafkaPosition>& stored) const {
  const bool is_fenced = lost_->why() == ProducerLost::Why::kFenced;
  if (!stored && !is_fenced) throw LostTopicError(options_.Place(), options_.positions_topic);
  if (!stored || stored->claim != claim_) throw TakenOverError(options_.Place());
}

bool KafkaSink::IsOf(const KafkaPosition& stored, TopicReader* reader) const {
  const auto reason = reader->WhyNotOf(stored.ends);
  if (!reason) return true;
  const std::string what = "Topic " + options_.topic + " at " + options_.bootstrap_servers +
                           " is not the one that rows below " +
                           std::to_string(stored.position.value_or(0)) + " went to: " + *reason;
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

void KafkaSink::WarnOfPartitions(int32_t before, int32_t now) const {
  if (before == now) return;
  host_.Warn("Topic " + options_.topic + " had " + std::to_string(before) + " partitions and has " +
             std::to_string(now) +
             " now: from here on a key may be in another partition than its earlier records.");
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

Opened KafkaSink::Open(const throng_target& target) {
  Name(target);
  claim_ = RandomClaim();
  TopicReader reader(options_, host_);
  reader.Require(target);
  if (options_.record_timestamp == KafkaTimestamp::kEvent) retention_ms_ = reader.RetentionMs();
  const auto due = KafkaClock::now() + kTakePatience;
  while (true) {
    try {
      return Take(&reader);
    } catch (const ProducerLost& lost) {
      if (lost.why() != ProducerLost::Why::kFenced || KafkaClock::now() >= due) throw;
    }
  }
}

Opened KafkaSink::Take(TopicReader* reader) {
  MakeProducer(reader);
  Opened opened;
  // Well before the brokers end the transaction by themselves.
  if (options_.IsExactlyOnce()) opened.max_commit_ms = options_.transaction_timeout.ms / 2;
  KafkaPosition position = Stored(reader).value_or(KafkaPosition());
  if (position.position && IsOf(position, reader)) {
    WarnOfPartitions(position.partitions, partitions_);
    producer_->SetEnds(position.ends);
    opened.position = position.position;
    opened.host_state = position.host_state;
  } else {
    position = {};
    position.identity = identity_;
    position.topic = options_.topic;
  }
  position.claim = claim_;
  position.partitions = partitions_;
  position.slice_mode = slice_mode_;
  producer_->Commit(key_, PositionText(position));
  return opened;
}

Opened KafkaSink::Peek(const throng_target& target) {
  Name(target);
  TopicReader reader(options_, host_);
  if (!reader.Find()) return {};
  const auto stored = Stored(&reader);
  if (!stored || !stored->position || !IsOf(*stored, &reader)) return {};
  return {.position = stored->position, .host_state = stored->host_state};
}

void KafkaSink::Reset(const throng_target& target) {
  Name(target);
  TopicReader reader(options_, host_);
  if (!reader.FindOrMakePositions()) return;  // nothing is stored
  MakeProducer(&reader);
  producer_->Commit(key_, std::nullopt);
}

void KafkaSink::Try(const std::function<void()>& call) {
  if (producer_) {
    try {
      return call();
    } catch (const ProducerLost& lost) {
      lost_ = lost;
      producer_.reset();
    }
  }
  Replace();
}

void KafkaSink::Replace() {
  if (lost_->why() == ProducerLost::Why::kFenced) std::this_thread::sleep_for(kClaimTime);
  TopicReader reader(options_, host_);
  if (!reader.Find() || reader.partitions() == 0) {
    MakeProducer(&reader);  // which ends the transaction that was open
    producer_.reset();
    throw LostTopicError(options_.Place(), reader.positions_partitions() == 0
                                               ? options_.positions_topic
                                               : options_.topic);
  }
  CheckClaim(Stored(&reader));  // before anybody else is fenced
  if (lost_->why() == ProducerLost::Why::kTooLarge && reader.Limits().topic >= limits_.topic) {
    throw Error(*lost_);
  }
  const int32_t partitions_before = partitions_;
  try {
    MakeProducer(&reader);
    std::string text;
    const auto stored = Stored(&reader, &text);
    CheckClaim(stored);
    if (reader.WhyNotOf(stored->ends)) throw LostTopicError(options_.Place(), options_.topic);
    WarnOfPartitions(partitions_before, partitions_);
    producer_->SetEnds(stored->ends);
    if (committing_.has_value() && text == *committing_) return;
  } catch (...) {
    producer_.reset();  // so that the same is done again
    throw;
  }
  throw Error(THRONG_ABORTED,
              std::string(lost_->what()) + " What came after the last commit is sent again.");
}

void KafkaSink::Write(const throng_records& records) {
  if (records.rows == 0) return;
  WarnOfRetention(records);
  has_written_ = true;
  committing_.reset();
  Try([&] { producer_->Write(records); });
}

void KafkaSink::Commit(int64_t position, std::string_view host_state) {
  Try([&] {
    producer_->Flush();
    committing_ = PositionText({.identity = identity_,
                                .topic = options_.topic,
                                .claim = claim_,
                                .position = position,
                                .host_state = std::string(host_state),
                                .partitions = partitions_,
                                .slice_mode = slice_mode_,
                                .ends = producer_->Ends()});
    producer_->Commit(key_, *committing_);
  });
  committing_.reset();
}

// A topic is never complete; but whoever hears that all is there shall find it.
void KafkaSink::Finish(const throng_completion& /*completion*/) {
  if (!has_written_) return;
  TopicReader reader(options_, host_);
  if (!reader.Find()) throw LostTopicError(options_.Place(), options_.positions_topic);
  if (reader.WhyNotOf(producer_->Ends())) throw LostTopicError(options_.Place(), options_.topic);
}

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("kafka", THRONG_VERSION, "Records into Kafka, and out of it.",
              throng::Sink<throng::plugins::KafkaSink>("kafka", "A topic of Kafka, exactly once."),
              throng::Source<throng::plugins::KafkaSource>("kafka", "The messages of a topic."))
