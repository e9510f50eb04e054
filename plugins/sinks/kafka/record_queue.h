// Records of a Write on their way into librdkafka's queue.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plugins/sinks/kafka/headers.h"
#include "plugins/sinks/kafka/options.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Deals records to partitions and keeps them until they are delivered. Outlives the client that it
// hands them to.
class RecordQueue {
 public:
  // `partitions` of the topic.
  RecordQueue(const KafkaOptions& options, const std::string& run_uid, int32_t partitions)
      : options_(options), headers_(run_uid), partitions_(static_cast<size_t>(partitions)) {}
  RecordQueue(const RecordQueue&) = delete;
  RecordQueue& operator=(const RecordQueue&) = delete;

  // Takes the records of a Write, of which none waits.
  void Deal(const throng_records& records);

  // Of those that were dealt: the last one of each partition that has any.
  template <class Visit>  // of the partition's number and a rd_kafka_message_t
  void VisitLast(Visit&& visit) const {
    for (size_t i = 0; i < partitions_.size(); ++i) {
      if (!partitions_[i].waiting.empty()) visit(i, partitions_[i].waiting.back());
    }
  }

  // What handing over came to: NO_ERROR once nothing waits any more, _QUEUE_FULL if some does.
  struct Result {
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string reason;
  };
  // Hands over what waits, as far as the client's queue has room; adds to `taken` what it took.
  Result HandOver(rd_kafka_t* client, rd_kafka_topic_t* topic, size_t* taken);
  // Drops what waits.
  void Drop();
  // The client has done with a message that it took.
  void GiveBack(const rd_kafka_message_t& message);

 private:
  // The records of one Write: librdkafka reads keys and values from `bytes` until all are
  // delivered.
  struct Chunk {
    std::string bytes;
    std::vector<int64_t> event_time;
    int64_t first_row = 0;
    size_t in_flight = 0;
  };
  struct Partition {
    std::vector<rd_kafka_message_t> waiting;
    size_t taken = 0;  // of these
  };

  Chunk* FreeChunk();
  void Release(Chunk* chunk);
  Result HandOverBatch(rd_kafka_topic_t* topic, int32_t index, Partition* partition, size_t* taken);
  Result HandOverSingly(rd_kafka_t* client, rd_kafka_topic_t* topic, int32_t index,
                        Partition* partition, size_t* taken);

  const KafkaOptions& options_;
  KafkaHeaders headers_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<Chunk*> free_chunks_;
  std::vector<Partition> partitions_;
};

}  // namespace throng::plugins
