// Parts of the sink `kafka` that need no broker of their own: its sentences, the text of positions,
// and a producer whose topic has lost partitions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "plugins/sinks/kafka/errors.h"
#include "plugins/sinks/kafka/positions.h"
#include "plugins/sinks/kafka/producer.h"

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

// librdkafka 2.0 frees headers twice where it made their list and the partition is gone.
TEST(KafkaProducerTest, APartitionThatIsGoneIsAnErrorAlsoWithHeaders) {
  KafkaOptions options;
  options.topic = "t";
  options.bootstrap_servers = "mock";
  options.delivery = KafkaDelivery::kAtLeastOnce;
  options.headers = true;
  options.client = {{"test.mock.num.brokers", "1"}};  // whose topics have 4 partitions
  const throng_host host = {
      .struct_size = sizeof(throng_host),
      .self = nullptr,
      .log = [](const void*, int32_t, const char*) {},
      .is_cancelled = [](const void*) { return 0; },
      .get_extension = [](const void*, const char*) -> const void* { return nullptr; }};
  constexpr int32_t kPartitions = 9;  // as they were
  KafkaProducer producer(options, Host(&host), "", std::string(32, 'a'), kPartitions, 4,
                         {1'000'000, 1'000'000});
  int64_t row = 0;
  const auto write = [&](bool is_there) {
    std::string key = "k";
    while ((PartitionOf(key, kPartitions) < 4) != is_there) key += 'k';
    const auto key_end = static_cast<uint32_t>(key.size());
    throng_records records{};
    records.struct_size = sizeof records;
    records.rows = 1;
    records.first_row = row++;
    records.bytes = {key.data(), key.size()};
    records.key_end = &key_end;
    records.value_end = &key_end;
    producer.Write(records);
  };
  write(true);
  producer.Flush();
  EXPECT_THROW(write(false), Error);
}

}  // namespace
}  // namespace throng::plugins
