// What goes wrong with Kafka, as codes and sentences for the person who must act.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "throng/sdk.hpp"

namespace throng::plugins {

// The names that sentences need.
struct KafkaPlace {
  std::string servers;
  std::string topic;
  std::string positions_topic;
  std::string sasl_mechanism;  // empty without SASL
  std::string sasl_username;
};

// Whether it goes away by itself: a broker that restarts, a leader that moves.
bool IsTransient(rd_kafka_resp_err_t code);
// Whether another producer took the place.
bool IsFencing(rd_kafka_resp_err_t code);

// Whether a topic is not there, or not with all of its partitions.
bool IsMissing(rd_kafka_resp_err_t code);
// A topic that records went to was deleted, or made anew, before all were committed.
Error LostTopicError(const KafkaPlace& place, const std::string& topic);

// `reason` is librdkafka's own; `topic` the one that was worked on. `library_version` is
// rd_kafka_version() but in tests.
Error KafkaError(rd_kafka_resp_err_t code, const std::string& reason, const KafkaPlace& place,
                 const std::string& topic, int library_version = rd_kafka_version());

}  // namespace throng::plugins
