// Topics as they are at the brokers: made where they are missing, looked at, read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
std::optional<int32_t> FindTopic(KafkaClient* client, const std::string& topic,
                                 KafkaClock::time_point due);
// Throws why the brokers would not make the topic, with as many partitions as they choose.
void CheckThatTopicCanBeMade(const KafkaClient& client, const std::string& topic);

struct KafkaBroker {
  int32_t id = 0;
  std::string address;  // as it calls itself
};
// All brokers, by those that can be reached; `topic`: what they are wanted for.
std::vector<KafkaBroker> FindBrokers(KafkaClient* client, const std::string& topic,
                                     KafkaClock::time_point due);
// Whether a broker answers, at the address that it calls itself.
bool IsBrokerThere(const KafkaClient& client, int32_t broker, std::chrono::milliseconds patience);

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
