// Messages of several partitions of a topic, in batches.
#include "plugins/sinks/kafka/stream.h"

#include <algorithm>

#include "plugins/sinks/kafka/topics.h"

namespace throng::plugins {
namespace {

constexpr size_t kBatch = 4096;
constexpr int64_t kSliceMs = 100;  // then it is looked whether the host is stopping
// After so long a silence brokers are asked whether they are there, and are waited for so long.
constexpr std::chrono::seconds kSilence{2};
constexpr std::chrono::seconds kPatience{5};

}  // namespace

KafkaStream::KafkaStream(KafkaClient* client, const std::string& topic,
                         const std::map<int32_t, Range>& ranges)
    : client_(client),
      topic_(topic),
      handle_(client->Topic(topic)),
      queue_(rd_kafka_queue_new(client->handle()), rd_kafka_queue_destroy),
      batch_(kBatch),
      heard_(KafkaClock::now()) {
  for (const auto& [partition, range] : ranges) {
    if (range.first >= range.end) continue;
    if (rd_kafka_consume_start_queue(handle_, partition, range.first, queue_.get()) != 0) {
      const rd_kafka_resp_err_t code = rd_kafka_last_error();
      while (!open_.empty()) Close(open_.begin()->first);
      client_->Fail(code, "", {topic_, "READ"});
    }
    open_.emplace(partition, range);
  }
}

KafkaStream::~KafkaStream() {
  Forget();
  while (!open_.empty()) Close(open_.begin()->first);
}

void KafkaStream::Close(int32_t partition) {
  rd_kafka_consume_stop(handle_, partition);
  open_.erase(partition);
}

void KafkaStream::Forget() {
  for (rd_kafka_message_t* message : taken_) rd_kafka_message_destroy(message);
  taken_.clear();
}

const std::vector<rd_kafka_message_t*>& KafkaStream::Next(int64_t wait_ms) {
  Forget();
  const auto due = KafkaClock::now() + std::chrono::milliseconds(std::max<int64_t>(wait_ms, 0));
  while (!IsAtEnd()) {
    client_->Poll(0);
    client_->ThrowIfStopping();
    // A batch is waited for until it is full or the time is over; one message is not.
    const int slice = static_cast<int>(std::min<int64_t>(kSliceMs, MsUntil(due)));
    rd_kafka_message_t* const first = rd_kafka_consume_queue(queue_.get(), slice);
    if (first != nullptr) {
      const ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), 0, batch_.data(), kBatch);
      heard_ = KafkaClock::now();
      // What is thrown of one does not lose the others.
      std::vector<rd_kafka_message_t*> found(batch_.begin(),
                                             batch_.begin() + std::max<ssize_t>(count, 0));
      found.insert(found.begin(), first);
      for (size_t i = 0; i < found.size(); ++i) {
        try {
          Take(found[i]);
        } catch (...) {
          for (++i; i < found.size(); ++i) rd_kafka_message_destroy(found[i]);
          throw;
        }
      }
      if (!taken_.empty()) break;
    } else {
      CheckBrokers();
    }
    if (KafkaClock::now() >= due) break;
  }
  return taken_;
}

void KafkaStream::Take(rd_kafka_message_t* message) {
  std::unique_ptr<rd_kafka_message_t, void (*)(rd_kafka_message_t*)> owner(
      message, rd_kafka_message_destroy);
  const auto found = open_.find(message->partition);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
      message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    client_->ForgetTrouble();
    if (found == open_.end()) return;
    const bool is_message = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    const int64_t end = found->second.end;
    const int64_t next = message->offset + (is_message ? 1 : 0);
    if (is_message && message->offset < end) taken_.push_back(owner.release());
    if (next >= end) Close(found->first);
    return;
  }
  if (IsTransient(message->err)) return;  // librdkafka goes on by itself
  if (IsMissing(message->err)) {
    throw Error(THRONG_NOT_FOUND,
                "Topic " + topic_ + " at " + client_->place().servers +
                    " was deleted, or made anew with fewer partitions, while it was read; read it "
                    "again.",
                "topic");
  }
  client_->Fail(message->err, rd_kafka_message_errstr(message), {topic_, "READ"});
}

void KafkaStream::CheckBrokers() {
  const bool follows = std::all_of(open_.begin(), open_.end(),
                                   [](const auto& entry) { return entry.second.end == kNoEnd; });
  if (KafkaClock::now() < heard_ + kSilence || (follows && client_->trouble().empty())) return;
  if (!FindTopic(client_, topic_, KafkaClock::now() + kPatience)) {
    throw Error(THRONG_NOT_FOUND,
                "Topic " + topic_ + " at " + client_->place().servers +
                    " was deleted while it was read; read it again once it is there.",
                "topic");
  }
  heard_ = KafkaClock::now();
}

}  // namespace throng::plugins
