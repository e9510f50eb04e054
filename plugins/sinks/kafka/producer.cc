// Records on their way into a topic: batches, transactions, and what became of them.
#include "plugins/sinks/kafka/producer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "plugins/sinks/kafka/topics.h"

namespace throng::plugins {
namespace {

constexpr std::chrono::seconds kFencePatience{8};
// A call that gets no further for so long is UNAVAILABLE.
constexpr std::chrono::milliseconds kCallPatience{2000};
constexpr std::chrono::seconds kCommitPatience{5};
constexpr int kLastAbortMs = 2000;
constexpr int kPollMs = 20;
constexpr int kFlushMs = 100;

using OwnedError = std::unique_ptr<rd_kafka_error_t, void (*)(rd_kafka_error_t*)>;
OwnedError Own(rd_kafka_error_t* error) { return {error, rd_kafka_error_destroy}; }

// Whether a wait gets no further: brokers that throttle are slow, not gone.
class Stall {
 public:
  // `heard_of` is read with each look.
  Stall(const KafkaClient& client, const size_t& heard_of)
      : client_(client), heard_of_(heard_of), before_(heard_of), since_(KafkaClock::now()) {}
  bool IsLong() {
    const auto now = KafkaClock::now();
    if (std::exchange(before_, heard_of_) != heard_of_) since_ = now;
    return now >= std::max(since_, client_.throttled_until()) + kCallPatience;
  }

 private:
  const KafkaClient& client_;
  const size_t& heard_of_;
  size_t before_;
  KafkaClock::time_point since_;
};

// Whether the same may succeed later, or with another producer.
bool MayGoAway(const Error& error) {
  return error.code() == THRONG_UNAVAILABLE || error.code() == THRONG_INTERNAL;
}

}  // namespace

KafkaProducer::KafkaProducer(const KafkaOptions& options, const Host& host,
                             const std::string& transactional_id, const std::string& run_uid,
                             int32_t partitions, int32_t positions_partitions,
                             const KafkaLimits& limits)
    : options_(options),
      transactional_id_(transactional_id),
      positions_partitions_(positions_partitions),
      metrics_(host.Metrics()),
      queue_(options, run_uid, partitions),
      partitions_(static_cast<size_t>(partitions)),
      client_(RD_KAFKA_PRODUCER, options.ProducerProperties(transactional_id, limits),
              options.Place(), host, [this](const rd_kafka_message_t& m) { OnDelivery(m); }),
      topic_(client_.Topic(options.topic)),
      positions_topic_(client_.Topic(options.positions_topic)) {}

KafkaProducer::~KafkaProducer() {
  char reason[256];
  // A commit that is on its way is not called back.
  const bool is_open = IsTransactional() && state_ != State::kIdle && state_ != State::kCommitting;
  if (is_open &&
      rd_kafka_fatal_error(client_.handle(), reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    Own(rd_kafka_abort_transaction(client_.handle(), kLastAbortMs));  // else it times out there
  }
  rd_kafka_purge(client_.handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client_.handle(), kLastAbortMs);
}

void KafkaProducer::Fence() {
  const auto due = KafkaClock::now() + kFencePatience;
  while (true) {
    const OwnedError error = Own(rd_kafka_init_transactions(client_.handle(), 1000));
    if (!error) return;
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
    if (IsFencing(code)) ThrowIfFatal();
    const bool may_retry = rd_kafka_error_is_retriable(error.get()) != 0;
    client_.AwaitRetry(may_retry && !IsTransient(code) ? RD_KAFKA_RESP_ERR__RETRY : code,
                       rd_kafka_error_string(error.get()), {options_.topic, "WRITE"}, due);
  }
}

void KafkaProducer::Begin() {
  if (state_ != State::kIdle) return;
  if (IsTransactional()) {
    const OwnedError error = Own(rd_kafka_begin_transaction(client_.handle()));
    if (error) {
      GiveUp(rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()), options_.topic);
    }
  }
  state_ = State::kOpen;
}

void KafkaProducer::Deal(const throng_records& records) {
  queue_.Deal(records);
  queue_.VisitLast([this](size_t index, const rd_kafka_message_t& last) {
    Partition& partition = partitions_[index];
    partition.last_key.assign(static_cast<const char*>(last.key), last.key_len);
    partition.last_value.assign(static_cast<const char*>(last.payload), last.len);
    partition.has_new = true;
  });
}

void KafkaProducer::Poll(int ms) {
  client_.Poll(ms);
  const size_t news = heard_of_ - std::exchange(counted_, heard_of_);
  if (news > 0) metrics_.Add("delivered_records_total", static_cast<double>(news));
}

void KafkaProducer::Write(const throng_records& records) {
  if (state_ == State::kAborting) Abort();
  CheckDeliveries();
  Begin();
  if (std::exchange(state_, State::kDealt) != State::kDealt) Deal(records);
  Poll(0);
  Stall stall(client_, heard_of_);
  while (!Offer()) {
    Poll(kPollMs);
    CheckDeliveries();
    client_.ThrowIfStopping();
    if (!stall.IsLong()) continue;
    FailStalled(RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
                "the queue of records to deliver is full and nothing of it is delivered",
                options_.topic);
  }
  state_ = State::kOpen;
}

bool KafkaProducer::Offer() {
  const auto [code, reason] = queue_.HandOver(client_.handle(), topic_, &in_flight_);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) GiveUp(code, reason, options_.topic);
  return false;
}

void KafkaProducer::OnDelivery(const rd_kafka_message_t& message) {
  --in_flight_;
  ++heard_of_;
  const bool is_record = message._private != nullptr;  // else the position
  if (message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
      message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    // Because of another error, which is the one to tell.
  } else if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (!failure_) {
      failure_ = {message.err, "", rd_kafka_topic_name(message.rkt)};
    }
  } else if (is_record && message.offset < 0) {
    // Said to be there already, which it need not be: brokers let a later batch of a new producer
    // in before the first, and then take the first for an old one. It is sent again.
    if (!failure_) {
      failure_ = {RD_KAFKA_RESP_ERR_NO_ERROR, "", options_.topic,
                  UntoldPlaceError(client_.place(), options_.topic)};
    }
  } else if (is_record) {
    KafkaEnd& end = partitions_[static_cast<size_t>(message.partition)].end;
    // Offsets of a topic only grow: this is another one of its name.
    if (message.offset < end.next && !failure_) {
      failure_ = {RD_KAFKA_RESP_ERR_NO_ERROR, "", options_.topic,
                  LostTopicError(client_.place(), options_.topic)};
    }
    if (end.next == 0) end.first = message.offset;
    end.next = message.offset + 1;
  }
  if (is_record) queue_.GiveBack(message);
}

void KafkaProducer::ThrowIfFatal() const {
  char reason[512];
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(client_.handle(), reason, sizeof reason);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const Error error = KafkaError(code, reason, client_.place(), {options_.topic, "WRITE"});
  if (IsFencing(code)) throw ProducerLost(error, ProducerLost::Why::kFenced);
  if (MayGoAway(error)) throw ProducerLost(error, ProducerLost::Why::kBroken);
  throw Error(error);
}

void KafkaProducer::CheckDeliveries() {
  if (failure_) GiveUp(failure_->code, failure_->reason, failure_->topic);
}

void KafkaProducer::CheckTransaction() {
  if (!IsTransactional()) return ThrowIfFatal();
  // Where one is open, this does nothing but tell what is wrong with it.
  const OwnedError error = Own(rd_kafka_begin_transaction(client_.handle()));
  if (!error || rd_kafka_error_txn_requires_abort(error.get()) == 0) return ThrowIfFatal();
  GiveUp(rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()),
         state_ == State::kCommitting ? options_.positions_topic : options_.topic);
}

void KafkaProducer::FailStalled(rd_kafka_resp_err_t code, const std::string& reason,
                                const std::string& topic) {
  CheckTransaction();
  // librdkafka waits for a topic that is missing.
  for (const std::string* name : {&options_.topic, &options_.positions_topic}) {
    if (!IsKnownToBeMissing(&client_, *name)) continue;
    throw ProducerLost(KafkaError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "", client_.place(),
                                  {*name, "DESCRIBE"}),
                       ProducerLost::Why::kMissing);
  }
  client_.Fail(code, reason, {topic, "WRITE"});
}

void KafkaProducer::GiveUp(rd_kafka_resp_err_t code, const std::string& reason,
                           const std::string& topic) {
  Poll(0);
  ThrowIfFatal();
  if (code == RD_KAFKA_RESP_ERR__STATE && !failure_) CheckTransaction();
  // What follows a failed delivery says less than the delivery.
  const Failure failure = failure_.value_or(Failure{code, reason, topic});
  const Error error = failure.error ? *failure.error
                                    : KafkaError(failure.code, failure.reason, client_.place(),
                                                 {failure.topic, "WRITE"});
  if (IsTooLarge(failure.code) && failure.topic == options_.topic) {
    throw ProducerLost(error, ProducerLost::Why::kTooLarge);
  }
  if (IsMissing(failure.code)) throw ProducerLost(error, ProducerLost::Why::kMissing);
  if (failure.code != RD_KAFKA_RESP_ERR__STATE && !MayGoAway(error)) throw Error(error);
  if (state_ == State::kCommitting && IsTransactional()) {
    throw ProducerLost(error, ProducerLost::Why::kBroken);  // it may be committed all the same
  }
  abort_reason_ = error.what();
  if (state_ != State::kIdle) state_ = State::kAborting;
  Abort();
}

void KafkaProducer::Abort() {
  if (state_ == State::kAborting) TakeBack();
  throw Error(THRONG_ABORTED, abort_reason_ + " What came after the last commit is sent again.");
}

void KafkaProducer::TakeBack() {
  if (IsTransactional()) {
    const OwnedError error = Own(rd_kafka_abort_transaction(
        client_.handle(), static_cast<int>(kCommitPatience.count()) * 1000));
    if (error) {
      client_.Poll(0);
      ThrowIfFatal();
      throw Error(THRONG_UNAVAILABLE, abort_reason_ + " Its transaction is not rolled back yet: " +
                                          rd_kafka_error_string(error.get()) + ".");
    }
  } else {
    rd_kafka_purge(client_.handle(), RD_KAFKA_PURGE_F_QUEUE);
    if (rd_kafka_flush(client_.handle(), static_cast<int>(kCallPatience.count())) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw Error(THRONG_UNAVAILABLE, abort_reason_);
    }
  }
  Poll(0);
  queue_.Drop();
  for (Partition& partition : partitions_) {
    partition.end = partition.committed;
    partition.has_new = false;
  }
  failure_.reset();
  state_ = State::kIdle;
}

void KafkaProducer::Flush() {
  if (state_ == State::kAborting) Abort();
  Stall stall(client_, heard_of_);
  while (rd_kafka_flush(client_.handle(), kFlushMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Poll(0);
    CheckDeliveries();
    CheckTransaction();
    if (!stall.IsLong()) continue;
    FailStalled(RD_KAFKA_RESP_ERR__TIMED_OUT,
                std::to_string(in_flight_) + " records wait to be delivered", options_.topic);
  }
  Poll(0);
  CheckDeliveries();
}

std::map<int32_t, KafkaEnd> KafkaProducer::Ends() const {
  std::map<int32_t, KafkaEnd> ends;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const Partition& partition = partitions_[i];
    if (partition.end.next == 0) continue;
    KafkaEnd& end = ends[static_cast<int32_t>(i)] = partition.end;
    if (partition.has_new) end.digest = RecordDigest(partition.last_key, partition.last_value);
  }
  return ends;
}

void KafkaProducer::SetEnds(const std::map<int32_t, KafkaEnd>& ends) {
  for (const auto& [partition, end] : ends) {
    Partition& p = partitions_.at(static_cast<size_t>(partition));
    p.committed = p.end = end;
  }
}

void KafkaProducer::Commit(const std::string& key, const std::optional<std::string>& value) {
  if (state_ == State::kAborting) Abort();
  if (state_ != State::kCommitting) {
    Begin();
    rd_kafka_vu_t fields[5] = {};
    fields[0].vtype = RD_KAFKA_VTYPE_RKT;
    fields[0].u.rkt = positions_topic_;
    fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    fields[1].u.i32 = PartitionOf(key, positions_partitions_);
    fields[2].vtype = RD_KAFKA_VTYPE_KEY;
    fields[2].u.mem = {const_cast<char*>(key.data()), key.size()};
    fields[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    fields[3].u.i = RD_KAFKA_MSG_F_COPY;
    fields[4].vtype = RD_KAFKA_VTYPE_VALUE;
    if (value) fields[4].u.mem = {const_cast<char*>(value->data()), value->size()};
    const OwnedError error = Own(rd_kafka_produceva(client_.handle(), fields, 5));
    if (error) {
      GiveUp(rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()),
             options_.positions_topic);
    }
    ++in_flight_;
    state_ = State::kCommitting;
  }
  if (IsTransactional()) {
    CommitTransaction();
  } else {
    Flush();
  }
  state_ = State::kIdle;
  const auto ends = Ends();
  SetEnds(ends);
  for (Partition& partition : partitions_) partition.has_new = false;
}

void KafkaProducer::CommitTransaction() {
  const auto due = KafkaClock::now() + kCommitPatience;
  while (true) {
    const OwnedError error =
        Own(rd_kafka_commit_transaction(client_.handle(), std::max(kPollMs, MsUntil(due))));
    if (!error) return;
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
    const std::string reason = rd_kafka_error_string(error.get());
    Poll(0);
    if (rd_kafka_error_is_retriable(error.get()) == 0) {
      GiveUp(code, reason, options_.positions_topic);  // that of the records has them all
    }
    if (KafkaClock::now() >= std::max(due, client_.throttled_until() + kCommitPatience)) {
      FailStalled(RD_KAFKA_RESP_ERR__TIMED_OUT, reason, options_.positions_topic);
    }
    Poll(kPollMs);
  }
}

}  // namespace throng::plugins
