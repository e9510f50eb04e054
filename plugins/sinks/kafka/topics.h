// Topics as they are at the brokers: made where they are missing, looked at, read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "plugins/sinks/kafka/client.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

struct KafkaTopic {
  std::string name;
  int64_t partitions = 0;   // 0: as the brokers choose
  int64_t replication = 0;  // likewise
  Map config;
};

// Returns how many partitions the topic has, once each has a leader. Makes it if it is missing and
// `may_create`; else throws NOT_FOUND.
int32_t RequireTopic(KafkaClient* client, const KafkaTopic& topic, bool may_create);
// The same, but nothing if the topic does not exist.
std::optional<int32_t> FindTopic(KafkaClient* client, const std::string& topic);

// Whether the brokers say that there is no such topic; false if they say nothing soon.
bool IsKnownToBeMissing(KafkaClient* client, const std::string& topic);

// The topic's settings; none if these brokers do not tell them to us.
std::map<std::string, std::string> TopicConfig(KafkaClient* client, const std::string& topic);

struct Watermarks {
  int64_t low = 0;
  int64_t high = 0;  // the end offset, or for a reader of what is committed the last stable one
};
Watermarks FindWatermarks(const KafkaClient& client, const std::string& topic, int32_t partition);

// Hands over messages from `offset` on, until `visit` returns false or the position of the reader
// is at least `end`. False: `due` passed first.
bool ReadMessages(KafkaClient* client, const std::string& topic, int32_t partition, int64_t offset,
                  int64_t end, KafkaClock::time_point due,
                  const std::function<bool(const rd_kafka_message_t&)>& visit);

}  // namespace throng::plugins
