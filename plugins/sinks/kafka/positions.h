// How far an output is, as a record of a compacted topic: written in the transaction of the data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sinks/kafka/client.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Of one partition of the data's topic.
struct KafkaEnd {
  int64_t first = 0;    // offset of the output's first record there
  int64_t next = 0;     // offset after its last record
  uint64_t digest = 0;  // RecordDigest of that record
};

struct KafkaPosition {
  std::string identity;  // of the output, as in throng_target
  std::string topic;
  std::string claim;                // of the worker that delivers it: random, another one each time
  std::optional<int64_t> position;  // the row to go on with; none: nothing is committed
  std::string host_state;
  int32_t partitions = 0;            // of the topic
  uint32_t slice_mode = 0;           // THRONG_SLICE_..., as far as there are slices
  std::map<int32_t, KafkaEnd> ends;  // by partition; of those with records of the output
};

// "RUN/OUTPUT/0-of-1"
std::string PositionKey(const throng_target& target);
// Whose position it is, by the key.
struct KafkaPositionKey {
  std::string run_uid;
  std::string output;
  int64_t slice_index = 0;
  int64_t slice_count = 1;
};
// Nothing if it is no such key.
std::optional<KafkaPositionKey> ParsePositionKey(std::string_view key);

std::string PositionText(const KafkaPosition& position);
// Nothing if the text is not one that PositionText wrote.
std::optional<KafkaPosition> ParsePosition(std::string_view text);

// The first 8 bytes of its SHA-256, big-endian: enough to see that a record is another one.
uint64_t RecordDigest(std::string_view key, std::string_view value);

// The partition that a key belongs to, as Java's producers choose it.
int32_t PartitionOf(std::string_view key, int32_t partitions);

// The last committed value of `key`; nothing if there is none, or if it was deleted. `committed`
// reads what is committed, `all` reads everything. A transaction that has this key and stays open,
// as of a worker that was killed, is not committed. Waits for those of other runs that are in the
// way, and throws UNAVAILABLE with the name of the run if that takes too long.
std::optional<std::string> ReadPosition(KafkaClient* committed, KafkaClient* all,
                                        const std::string& key, int32_t partitions);

}  // namespace throng::plugins
