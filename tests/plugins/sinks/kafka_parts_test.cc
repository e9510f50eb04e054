// Parts of the sink `kafka` that need no broker: its sentences, and the text of positions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "plugins/sinks/kafka/errors.h"
#include "plugins/sinks/kafka/positions.h"

namespace throng::plugins {
namespace {

using testing::HasSubstr;

TEST(KafkaErrorTest, ScramWithAnOldLibraryIsToldWithItsRemedy) {
  const KafkaPlace place = {.servers = "b:9092",
                            .topic = "t",
                            .positions_topic = "p",
                            .sasl_mechanism = "SCRAM-SHA-256",
                            .sasl_username = "alice"};
  const auto sentence = [&](int version) {
    const Error error = KafkaError(RD_KAFKA_RESP_ERR__AUTHENTICATION, "no", place, "t", version);
    EXPECT_EQ(error.code(), THRONG_UNAUTHENTICATED);
    return std::string(error.what());
  };
  EXPECT_THAT(sentence(0x020600ff), HasSubstr("put librdkafka 2.6.1 or newer in its place"));
  EXPECT_THAT(sentence(0x020601ff),
              HasSubstr("check sasl_username, sasl_password and sasl_mechanism."));
}

TEST(KafkaPositionTest, OnlyWhatWasWrittenIsRead) {
  const KafkaPosition position = {.identity = std::string(64, 'a'),
                                  .topic = "t",
                                  .position = 7,
                                  .host_state = std::string("\xff\0x", 3),
                                  .ends = {{0, {1, 5, "digest"}}, {3, {0, 2, "other"}}}};
  const auto read = ParsePosition(PositionText(position));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(PositionText(*read), PositionText(position));
  EXPECT_EQ(read->host_state, position.host_state);
  EXPECT_EQ(read->ends.at(3).next, 2);
  for (const char* text : {"", "{}", "[]", "{\"throng_position\": 2}", "not JSON"}) {
    EXPECT_FALSE(ParsePosition(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace throng::plugins
