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

// What was done to a topic, and the permission that it takes.
struct KafkaAccess {
  std::string topic;
  const char* permission;  // as Kafka names it: "WRITE"
};

// Whether it goes away by itself: a broker that restarts, a leader that moves.
bool IsTransient(rd_kafka_resp_err_t code);
// Whether the brokers take nothing more from a producer: another one took its place, or they ended
// its transaction because it was open for too long.
bool IsFencing(rd_kafka_resp_err_t code);

// Whether a topic is not there, or not with all of its partitions.
bool IsMissing(rd_kafka_resp_err_t code);
// Whether a record, or a batch, is larger than a topic takes.
bool IsTooLarge(rd_kafka_resp_err_t code);
// A topic that records went to was deleted, or made anew, before all were committed.
Error LostTopicError(const KafkaPlace& place, const std::string& topic);

// Brokers say that records are there already, and not where.
Error UntoldPlaceError(const KafkaPlace& place, const std::string& topic);

// Another worker writes to the topic in the place of this one.
Error TakenOverError(const KafkaPlace& place);

// `reason` is librdkafka's own. `library_version` is rd_kafka_version() but in tests.
Error KafkaError(rd_kafka_resp_err_t code, const std::string& reason, const KafkaPlace& place,
                 const KafkaAccess& access, int library_version = rd_kafka_version());

}  // namespace throng::plugins
