// Options of the sink `kafka`, and the properties of librdkafka that follow from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sinks/kafka/connection.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

enum class KafkaDelivery { kExactlyOnce, kAtLeastOnce };
enum class KafkaCreate { kIfMissing, kNever };
enum class KafkaRecreated { kFail, kStartOver };
enum class KafkaTimestamp { kDelivery, kEvent };
enum class KafkaCompression { kNone, kGzip, kSnappy, kLz4, kZstd };

// The largest record that topics take, in bytes.
struct KafkaLimits {
  int64_t topic = 0;
  int64_t positions_topic = 0;
};

struct KafkaOptions : KafkaConnection {
  KafkaDelivery delivery = KafkaDelivery::kExactlyOnce;
  KafkaCreate create = KafkaCreate::kIfMissing;
  int64_t partitions = 0;
  int64_t replication = 0;
  Map topic_config;
  KafkaRecreated if_recreated = KafkaRecreated::kFail;
  KafkaTimestamp record_timestamp = KafkaTimestamp::kDelivery;
  bool headers = false;
  KafkaCompression compression = KafkaCompression::kNone;
  Duration transaction_timeout;

  static std::vector<OptionOf<KafkaOptions>> Declare();
  // Throws INVALID_ARGUMENT.
  void Validate() const;

  bool MayCreate() const { return create == KafkaCreate::kIfMissing; }
  bool IsExactlyOnce() const { return delivery == KafkaDelivery::kExactlyOnce; }

  // Of a producer. `transactional_id`: empty for at_least_once.
  Map ProducerProperties(const std::string& transactional_id, const KafkaLimits& limits) const;
};

}  // namespace throng::plugins
