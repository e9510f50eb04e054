// Records of a Write on their way into librdkafka's queue.
#include "plugins/sinks/kafka/record_queue.h"

#include <algorithm>
#include <string_view>

#include "plugins/sinks/kafka/positions.h"

namespace throng::plugins {

RecordQueue::Chunk* RecordQueue::FreeChunk() {
  if (free_chunks_.empty()) {
    free_chunks_.push_back(chunks_.emplace_back(std::make_unique<Chunk>()).get());
  }
  Chunk* chunk = free_chunks_.back();
  free_chunks_.pop_back();
  return chunk;
}

void RecordQueue::Release(Chunk* chunk) {
  if (--chunk->in_flight == 0) free_chunks_.push_back(chunk);
}

void RecordQueue::Deal(const throng_records& records) {
  if (records.rows == 0) return;
  Chunk* chunk = FreeChunk();
  chunk->bytes.assign(records.bytes.data, records.bytes.size);
  chunk->first_row = records.first_row;
  chunk->in_flight = records.rows;
  chunk->event_time.clear();
  if (options_.record_timestamp == KafkaTimestamp::kEvent && records.event_time != nullptr) {
    chunk->event_time.assign(records.event_time, records.event_time + records.rows);
  }
  const auto count = static_cast<int32_t>(partitions_.size());
  char* bytes = chunk->bytes.data();
  uint32_t begin = 0;
  for (uint32_t i = 0; i < records.rows; ++i) {
    const std::string_view key(bytes + begin, records.key_end[i] - begin);
    rd_kafka_message_t message = {};
    message.key = bytes + begin;
    message.key_len = key.size();
    message.payload = bytes + records.key_end[i];
    message.len = records.value_end[i] - records.key_end[i];
    message.offset = i;  // which librdkafka does not look at
    message._private = chunk;
    partitions_[static_cast<size_t>(PartitionOf(key, count))].waiting.push_back(message);
    begin = records.value_end[i];
  }
}

RecordQueue::Result RecordQueue::HandOver(rd_kafka_t* client, rd_kafka_topic_t* topic,
                                          size_t* taken) {
  const bool is_plain = !options_.headers && options_.record_timestamp == KafkaTimestamp::kDelivery;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    Partition& partition = partitions_[i];
    if (partition.waiting.empty()) continue;
    const auto index = static_cast<int32_t>(i);
    Result result = is_plain ? HandOverBatch(topic, index, &partition, taken)
                             : HandOverSingly(client, topic, index, &partition, taken);
    if (result.code != RD_KAFKA_RESP_ERR_NO_ERROR) return result;
    partition.waiting.clear();
    partition.taken = 0;
  }
  return {};
}

RecordQueue::Result RecordQueue::HandOverBatch(rd_kafka_topic_t* topic, int32_t index,
                                               Partition* partition, size_t* taken) {
  rd_kafka_message_t* messages = partition->waiting.data() + partition->taken;
  const auto count = partition->waiting.size() - partition->taken;
  const auto done = static_cast<size_t>(
      std::max(0, rd_kafka_produce_batch(topic, index, 0, messages, static_cast<int>(count))));
  *taken += done;
  if (done == count) return {};
  const auto* refused = std::find_if(messages, messages + count, [](const rd_kafka_message_t& m) {
    return m.err != RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  const rd_kafka_resp_err_t code =
      refused == messages + count ? rd_kafka_last_error() : refused->err;
  // Once it is full, it takes nothing more.
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) partition->taken += done;
  return {code, ""};
}

RecordQueue::Result RecordQueue::HandOverSingly(rd_kafka_t* client, rd_kafka_topic_t* topic,
                                                int32_t index, Partition* partition,
                                                size_t* taken) {
  for (; partition->taken < partition->waiting.size(); ++partition->taken, ++*taken) {
    const rd_kafka_message_t& message = partition->waiting[partition->taken];
    const auto* chunk = static_cast<const Chunk*>(message._private);
    rd_kafka_vu_t fields[7] = {};
    size_t count = 0;
    const auto add = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
      fields[count].vtype = type;
      return fields[count++];
    };
    add(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
    add(RD_KAFKA_VTYPE_PARTITION).u.i32 = index;
    add(RD_KAFKA_VTYPE_KEY).u.mem = {message.key, message.key_len};
    add(RD_KAFKA_VTYPE_VALUE).u.mem = {message.payload, message.len};
    add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = message._private;
    if (!chunk->event_time.empty()) {
      add(RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = chunk->event_time[static_cast<size_t>(message.offset)];
    }
    rd_kafka_headers_t* headers = nullptr;
    if (options_.headers) {
      headers = headers_.Take(chunk->first_row + message.offset);
      add(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
    }
    const std::unique_ptr<rd_kafka_error_t, void (*)(rd_kafka_error_t*)> error(
        rd_kafka_produceva(client, fields, count), rd_kafka_error_destroy);
    if (!error) continue;
    if (headers != nullptr) headers_.GiveBack(headers);
    return {rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get())};
  }
  return {};
}

void RecordQueue::Drop() {
  for (Partition& partition : partitions_) {
    for (size_t i = partition.taken; i < partition.waiting.size(); ++i) {
      Release(static_cast<Chunk*>(partition.waiting[i]._private));
    }
    partition.waiting.clear();
    partition.taken = 0;
  }
}

void RecordQueue::GiveBack(const rd_kafka_message_t& message) {
  if (options_.headers) headers_.GiveBackFrom(message);
  Release(static_cast<Chunk*>(message._private));
}

}  // namespace throng::plugins
