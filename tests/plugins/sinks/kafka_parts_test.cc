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
    const Error error =
        KafkaError(RD_KAFKA_RESP_ERR__AUTHENTICATION, "no", place, {"t", "WRITE"}, version);
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
                                  .claim = "0123456789abcdef",
                                  .position = 7,
                                  .host_state = std::string("\xff\0x", 3),
                                  .partitions = 300,
                                  .ends = {{0, {1, 5, 0xfedcba9876543210}},
                                           {3, {0, 2, 1}},
                                           {299, {int64_t{1} << 40, int64_t{1} << 41, 0}}}};
  const auto read = ParsePosition(PositionText(position));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(PositionText(*read), PositionText(position));
  EXPECT_EQ(read->host_state, position.host_state);
  EXPECT_EQ(read->claim, position.claim);
  EXPECT_EQ(read->partitions, 300);
  EXPECT_EQ(read->ends.at(0).digest, 0xfedcba9876543210);
  EXPECT_EQ(read->ends.at(3).next, 2);
  EXPECT_EQ(read->ends.at(299).first, int64_t{1} << 40);
  EXPECT_EQ(read->ends.at(299).next, int64_t{1} << 41);
  for (const char* text : {"", "{}", "[]", "{\"throng_position\": 2}", "not JSON"}) {
    EXPECT_FALSE(ParsePosition(text).has_value()) << text;
  }
}

TEST(KafkaPositionTest, OneThatNothingIsCommittedOfIsOnlyAClaim) {
  KafkaPosition position;
  position.claim = "0123456789abcdef";
  const auto read = ParsePosition(PositionText(position));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->position, std::nullopt);
  EXPECT_EQ(read->claim, position.claim);
}

TEST(KafkaPositionTest, ManyPartitionsTakeLittleRoom) {
  KafkaPosition position;
  for (int32_t partition = 0; partition < 1000; ++partition) {
    position.ends[partition] = {1'000'000, 2'000'000, RecordDigest("key", "value")};
  }
  EXPECT_LT(PositionText(position).size(), 22'000);
}

TEST(KafkaPositionTest, EndsThatAreCutShortAreNotRead) {
  KafkaPosition position;
  position.ends[2] = {5, 700, 42};
  const std::string text = PositionText(position);
  const std::string whole = "\"ends\":\"AgW3BQAAAAAAAAAq\"";
  ASSERT_THAT(text, HasSubstr(whole));
  for (const char* ends : {"AgW3BQAAAAAAAAA=", "Ag==", "gA==", "AgX/////////////////////"}) {
    std::string other = text;
    other.replace(text.find(whole), whole.size(), "\"ends\":\"" + std::string(ends) + "\"");
    EXPECT_FALSE(ParsePosition(other).has_value()) << ends;
  }
}

}  // namespace
}  // namespace throng::plugins
