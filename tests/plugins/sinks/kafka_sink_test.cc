// The sink `kafka` against librdkafka's mock cluster, and every kind of trouble that brokers make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "server/delivery/run.h"
#include "server/spec/reader.h"
#include "tests/plugins/sinks/kafka_cluster.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class KafkaSinkTest : public testing::Test {
 protected:
  std::unique_ptr<KafkaOutput> Output(KafkaOutput::Options options = {}) {
    return std::make_unique<KafkaOutput>(cluster_.bootstraps(), std::move(options));
  }
  std::unique_ptr<KafkaOutput> Opened(KafkaOutput::Options options = {}) {
    auto output = Output(std::move(options));
    const auto opened = output->Open();
    EXPECT_TRUE(opened.ok()) << opened.status();
    return output;
  }
  // The values of all records, sorted.
  std::vector<std::string> Values() {
    std::vector<std::string> values;
    for (const auto& message : cluster_.Read("interactions")) values.push_back(message.value);
    std::sort(values.begin(), values.end());
    return values;
  }
  static std::vector<std::string> Rows(int64_t first, int64_t end) {
    std::vector<std::string> rows;
    for (int64_t row = first; row < end; ++row) rows.push_back("row " + std::to_string(row));
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  // Clients of librdkafka in this process: each has one main thread.
  static int64_t CountClients() {
    const std::filesystem::directory_iterator threads("/proc/self/task");
    return std::count_if(begin(threads), end(threads), [](const auto& thread) {
      std::string name;
      std::ifstream(thread.path() / "comm") >> name;
      return name == "rdk:main";
    });
  }
  static void ExpectOk(const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; }
  static void ExpectFailure(const absl::Status& status, absl::StatusCode code,
                            const std::string& text) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }

  MockCluster cluster_;
};

TEST_F(KafkaSinkTest, GoesOnWhereItWasCommitted) {
  {
    auto output = Output();
    const auto opened = output->Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_FALSE(opened->position.has_value());
    EXPECT_EQ(opened->max_commit_ms, 30'000);
    ExpectOk(output->Write(0, 60));
    ExpectOk(output->Write(60, 40));
    ExpectOk(output->Commit(100, "state"));
    ExpectOk(output->Commit(100, "again, without a write"));
  }
  auto output = Output();
  const auto peeked = output->Peek();
  ASSERT_TRUE(peeked.ok()) << peeked.status();
  EXPECT_EQ(peeked->position, 100);
  const auto opened = output->Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->position, 100);
  EXPECT_FALSE(opened->is_complete);
  EXPECT_EQ(opened->host_state, "again, without a write");
  ExpectOk(output->Write(100, 50));
  ExpectOk(output->Commit(150));
  EXPECT_EQ(Values(), Rows(0, 150));
}

TEST_F(KafkaSinkTest, HostStatesAreBytesOfAnyValue) {
  std::string state;
  for (int byte = 0; byte < 256; ++byte) state += static_cast<char>(byte);
  for (const size_t size : {size_t{0}, size_t{254}, size_t{255}, size_t{256}}) {
    ExpectOk(Opened()->Commit(1, state.substr(0, size)));
    const auto opened = Output()->Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->host_state, state.substr(0, size));
  }
}

TEST_F(KafkaSinkTest, AtLeastOnceKeepsAPositionToo) {
  const KafkaOutput::Options options = {{"delivery", "at_least_once"}};
  {
    auto output = Opened(options);
    ExpectOk(output->Write(0, 100));
    ExpectOk(output->Commit(100));
  }
  auto output = Output(options);
  const auto opened = output->Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->position, 100);
  EXPECT_EQ(opened->max_commit_ms, 0);
  EXPECT_EQ(Values(), Rows(0, 100));
}

TEST_F(KafkaSinkTest, ResetForgetsThePosition) {
  for (const char* delivery : {"exactly_once", "at_least_once"}) {
    const KafkaOutput::Options options = {{"delivery", delivery}};
    ExpectOk(Opened(options)->Commit(7));
    ExpectOk(Output(options)->Reset());
    const auto opened = Output(options)->Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_FALSE(opened->position.has_value()) << delivery;
  }
}

// The hashes are those of the test of Kafka's own Utils.murmur2.
TEST_F(KafkaSinkTest, KeysLieWhereJavasProducersPutThem) {
  const std::map<std::string, int32_t> hashes = {{"21", -973932308},
                                                 {"foobar", -790332482},
                                                 {"a-little-bit-long-string", -985981536},
                                                 {"a-little-bit-longer-string", -1486304829},
                                                 {"abc", 479470107}};
  auto output = Opened();
  std::vector<std::pair<std::string, std::string>> records;
  records.reserve(hashes.size());
  for (const auto& [key, hash] : hashes) records.emplace_back(key, "value");
  ExpectOk(output->Write(0, records));
  ExpectOk(output->Commit(1));
  const auto messages = cluster_.Read("interactions");
  EXPECT_EQ(messages.size(), hashes.size());
  for (const auto& message : messages) {
    const int32_t positive = hashes.at(message.key) & 0x7fffffff;
    EXPECT_EQ(message.partition, positive % MockCluster::kPartitions) << message.key;
  }
}

TEST_F(KafkaSinkTest, EachPartitionIsInOrder) {
  auto output = Opened();
  for (int64_t row = 0; row < 5000; row += 500) ExpectOk(output->Write(row, 500));
  ExpectOk(output->Commit(5000));
  std::map<int32_t, int64_t> last;
  for (const auto& message : cluster_.Read("interactions")) {
    const int64_t row = std::stoll(message.value.substr(4));
    const auto [found, is_first] = last.try_emplace(message.partition, -1);
    EXPECT_GT(row, found->second);
    found->second = row;
  }
  EXPECT_EQ(Values(), Rows(0, 5000));
}

TEST_F(KafkaSinkTest, HeadersTellRunAndRow) {
  auto output = Opened({{"headers", "true"}});
  ExpectOk(output->Write(40, 2));
  ExpectOk(output->Commit(42));
  const auto messages = cluster_.Read("interactions");
  ASSERT_EQ(messages.size(), 2U);
  for (const auto& message : messages) {
    EXPECT_EQ(message.headers.at("run"), "0123456789abcdef0123456789abcdef");
    EXPECT_EQ("row " + message.headers.at("row"), message.value);
  }
}

// Lists of headers go from message to message: none may bring another's row.
TEST_F(KafkaSinkTest, HeadersAreOfTheirRowAlsoWhereTheQueueIsFull) {
  auto output = Opened({{"headers", "true"}, {"client.queue.buffering.max.messages", "700"}});
  for (int64_t row = 0; row < 9000; row += 3000) {
    ExpectOk(output->Write(row, 3000));
    ExpectOk(output->Commit(row + 3000));
  }
  const auto messages = cluster_.Read("interactions");
  ASSERT_EQ(messages.size(), 9000U);
  for (const auto& message : messages) {
    ASSERT_EQ(message.headers.size(), 2U);
    ASSERT_EQ(message.headers.at("run"), "0123456789abcdef0123456789abcdef");
    ASSERT_EQ("row " + message.headers.at("row"), message.value);
  }
}

TEST_F(KafkaSinkTest, RecordsHaveTheTimeThatIsAskedFor) {
  ExpectOk(Opened({{"record_timestamp", "event"}})->Write(0, 1));
  {
    auto output = Opened({{"record_timestamp", "event"}});
    ExpectOk(output->Write(5, 3));
    ExpectOk(output->Commit(8));
  }
  std::vector<int64_t> times;
  for (const auto& message : cluster_.Read("interactions")) {
    if (message.value != "row 0") times.push_back(message.timestamp - KafkaOutput::kEventTime);
  }
  std::sort(times.begin(), times.end());
  EXPECT_THAT(times, ElementsAre(0, 1, 2));

  auto output = Opened();
  ExpectOk(output->Write(9, 1));
  ExpectOk(output->Commit(10));
  for (const auto& message : cluster_.Read("interactions")) {
    const bool is_delivery = message.timestamp > KafkaOutput::kEventTime + 1000;
    EXPECT_EQ(is_delivery, message.value == "row 9");
  }
}

TEST_F(KafkaSinkTest, AFullQueueBlocksAndLosesNothing) {
  auto output = Opened({{"client.queue.buffering.max.messages", "100"}});
  cluster_.SetDown(true);
  absl::Status status;
  // What was not taken is offered again, as the host does it.
  ExpectFailure(output->Write(0, 1000), absl::StatusCode::kUnavailable, "cannot be reached");
  ExpectFailure(output->Write(0, 1000), absl::StatusCode::kUnavailable, "cannot be reached");
  cluster_.SetDown(false);
  do {
    status = output->Write(0, 1000);
  } while (absl::IsUnavailable(status));
  ExpectOk(status);
  ExpectOk(output->CommitPatiently(1000));
  EXPECT_EQ(Values(), Rows(0, 1000));
}

TEST_F(KafkaSinkTest, AStoppingHostIsNotKeptWaiting) {
  auto output = Opened({{"client.queue.buffering.max.messages", "100"}});
  cluster_.SetDown(true);
  output->is_stopping = true;
  ExpectFailure(output->Write(0, 1000), absl::StatusCode::kCancelled, "stopping");
}

TEST_F(KafkaSinkTest, ErrorsThatGoAwayAreRetried) {
  auto output = Opened();
  cluster_.Answer(KafkaRequest::kProduce,
                  {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                   RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION});
  cluster_.Answer(
      KafkaRequest::kAddPartitionsToTransaction,
      {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS});
  cluster_.Answer(KafkaRequest::kEndTransaction,
                  {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR});
  ExpectOk(output->Write(0, 100));
  ExpectOk(output->CommitPatiently(100));
  EXPECT_EQ(Values(), Rows(0, 100));
}

TEST_F(KafkaSinkTest, WhatNoRepetitionMendsIsNotRepeated) {
  const auto failure = [&](rd_kafka_resp_err_t code) {
    auto output = Opened();
    cluster_.Answer(KafkaRequest::kProduce, {code});
    absl::Status status = output->Write(0, 100);
    return status.ok() ? output->CommitPatiently(100) : status;
  };
  ExpectFailure(failure(RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP), absl::StatusCode::kInvalidArgument,
                "use record_timestamp: delivery, start the dataset at another time, or raise");
  ExpectFailure(failure(RD_KAFKA_RESP_ERR_INVALID_RECORD), absl::StatusCode::kFailedPrecondition,
                "does not take the records: ");
  ExpectFailure(failure(RD_KAFKA_RESP_ERR_POLICY_VIOLATION), absl::StatusCode::kFailedPrecondition,
                "does not take the records: ");
  EXPECT_EQ(Output()->Peek()->position, std::nullopt);
}

TEST_F(KafkaSinkTest, ACommitWithoutAnAnswerIsUnavailableAndGoesOn) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  cluster_.AnswerAlways(KafkaRequest::kEndTransaction, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
  ExpectFailure(output->Commit(100), absl::StatusCode::kUnavailable, cluster_.bootstraps());
  cluster_.AnswerWell(KafkaRequest::kEndTransaction);
  ExpectOk(output->CommitPatiently(100));
  EXPECT_EQ(Values(), Rows(0, 100));
  EXPECT_EQ(Output()->Peek()->position, 100);
}

TEST_F(KafkaSinkTest, AnAbortedTransactionIsSentAgain) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  ExpectOk(output->Commit(100));
  cluster_.Answer(KafkaRequest::kAddPartitionsToTransaction,
                  {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING});
  absl::Status status = output->Write(100, 50);
  if (status.ok()) status = output->CommitPatiently(150);
  ExpectFailure(status, absl::StatusCode::kAborted,
                "What came after the last commit is sent again");
  EXPECT_EQ(Output()->Peek()->position, 100);
  ExpectOk(output->Write(100, 50));
  ExpectOk(output->CommitPatiently(150));
  EXPECT_EQ(Output()->Peek()->position, 150);
}

// Brokers have been seen to take the first batch of a producer for an old one, and to drop it.
TEST_F(KafkaSinkTest, ABatchThatIsSaidToBeThereAlreadyIsSentAgain) {
  auto output = Opened();
  cluster_.Answer(KafkaRequest::kProduce, {RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER});
  const auto send = [&] {
    const absl::Status status = output->Write(0, 100);
    return status.ok() ? output->CommitPatiently(100) : status;
  };
  absl::Status status = send();
  ExpectFailure(status, absl::StatusCode::kAborted,
                cluster_.bootstraps() +
                    " does not tell where it put some records of topic "
                    "interactions, so that they may not be there. What came "
                    "after the last commit is sent again.");
  // The mock misses the dropped batch once more.
  for (int tries = 0; tries < 5 && absl::IsAborted(status); ++tries) status = send();
  ExpectOk(status);
  std::vector<std::string> values = Values();  // of which the mock takes none back
  values.erase(std::unique(values.begin(), values.end()), values.end());
  EXPECT_EQ(values, Rows(0, 100));
}

TEST_F(KafkaSinkTest, ACommitInDoubtThatTookPlaceIsNotSentAgain) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  // librdkafka gives up; the mock does not take back what it holds, as if it had committed it.
  cluster_.Answer(KafkaRequest::kEndTransaction, {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING});
  ExpectOk(output->CommitPatiently(100));
  ExpectOk(output->Write(100, 50));
  ExpectOk(output->CommitPatiently(150));
  EXPECT_EQ(Values(), Rows(0, 150));
}

TEST_F(KafkaSinkTest, ACommitInDoubtThatDidNotTakePlaceIsSentAgain) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  while (Values().size() < 100) {
  }
  // All partitions of the data are in the transaction; that of the position is not.
  cluster_.Answer(KafkaRequest::kAddPartitionsToTransaction,
                  {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING});
  ExpectFailure(output->CommitPatiently(100), absl::StatusCode::kAborted,
                "What came after the last commit is sent again.");
  ExpectOk(output->Write(0, 100));
  ExpectOk(output->CommitPatiently(100));
  EXPECT_EQ(Output()->Peek()->position, 100);
}

TEST_F(KafkaSinkTest, ACommitInDoubtWaitsForItsAnswer) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  cluster_.Answer(KafkaRequest::kEndTransaction, {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING});
  cluster_.AnswerAlways(KafkaRequest::kListOffsets, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
  ExpectFailure(output->Commit(100), absl::StatusCode::kUnavailable, cluster_.bootstraps());
  cluster_.AnswerWell(KafkaRequest::kListOffsets);
  ExpectOk(output->CommitPatiently(100));
  ExpectOk(output->Write(100, 50));
  ExpectOk(output->CommitPatiently(150));
  EXPECT_EQ(Values(), Rows(0, 150));
}

TEST_F(KafkaSinkTest, OnceItIsOpenOnlyTheProducerIsConnected) {
  const int64_t before = CountClients();
  auto output = Opened();
  EXPECT_EQ(CountClients(), before + 1);
  // In doubt the position is read again; the mock does not take back what it holds.
  ExpectOk(output->Write(0, 100));
  cluster_.Answer(KafkaRequest::kEndTransaction, {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING});
  ExpectOk(output->CommitPatiently(100));
  EXPECT_EQ(CountClients(), before + 1);
}

TEST_F(KafkaSinkTest, WhoIsFencedByAnotherWorkerIsToldSoAndStops) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  while (Values().size() < 100) {
  }
  const auto newer = Opened();
  cluster_.Answer(KafkaRequest::kAddPartitionsToTransaction, {RD_KAFKA_RESP_ERR_PRODUCER_FENCED});
  ExpectFailure(output->CommitPatiently(100), absl::StatusCode::kFailedPrecondition,
                "Another worker of this run has taken topic interactions over");
  EXPECT_FALSE(output->Write(100, 1).ok());
  ExpectOk(newer->Write(0, 1));
}

// As brokers do where a transaction was open for longer than its timeout.
TEST_F(KafkaSinkTest, WhoIsFencedByTheBrokersClockGoesOn) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  while (Values().size() < 100) {
  }
  cluster_.Answer(KafkaRequest::kAddPartitionsToTransaction, {RD_KAFKA_RESP_ERR_PRODUCER_FENCED});
  ExpectFailure(output->CommitPatiently(100), absl::StatusCode::kAborted,
                "What came after the last commit is sent again.");
  ExpectOk(output->Write(0, 100));
  ExpectOk(output->CommitPatiently(100));
  EXPECT_EQ(Output()->Peek()->position, 100);
}

// librdkafka's idempotent producer ends for good where brokers lost or doubled what it had sent.
TEST_F(KafkaSinkTest, AProducerThatIsOfNoUseAnyMoreIsReplaced) {
  for (const char* delivery : {"exactly_once", "at_least_once"}) {
    auto output = Opened({{"delivery", delivery}});
    cluster_.Answer(KafkaRequest::kProduce, {RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
                                             RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
    absl::Status status = absl::AbortedError("");
    for (int tries = 0; absl::IsAborted(status) && tries < 5; ++tries) {  // an error may meet each
      status = output->Write(0, 100);
      if (status.ok()) status = output->CommitPatiently(100);
    }
    ExpectOk(status);
    EXPECT_EQ(Output()->Peek()->position, 100);
  }
}

TEST_F(KafkaSinkTest, AReplacementThatIsNotLetInYetIsMadeLater) {
  auto output = Opened();
  ExpectOk(output->Write(0, 100));
  cluster_.Answer(KafkaRequest::kEndTransaction, {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING});
  cluster_.AnswerAlways(KafkaRequest::kInitProducerId, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
  ExpectFailure(output->Commit(100), absl::StatusCode::kUnavailable, cluster_.bootstraps());
  cluster_.AnswerWell(KafkaRequest::kInitProducerId);
  ExpectOk(output->CommitPatiently(100));
  EXPECT_EQ(Values(), Rows(0, 100));
}

TEST_F(KafkaSinkTest, WithoutAPositionsTopicWhatATopicHoldsIsNotSentTwice) {
  cluster_.SetError("other-positions", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  {
    auto output = Opened();
    ExpectOk(output->Write(0, 100));
    ExpectOk(output->Commit(100));
  }
  auto output = Output({{"positions_topic", "other-positions"}});
  ExpectFailure(output->Open().status(), absl::StatusCode::kFailedPrecondition,
                "Topic other-positions at " + cluster_.bootstraps() +
                    " does not exist, so nobody knows which rows topic interactions holds, and it "
                    "holds records. Send all rows by --again, or for a run of a daemon after "
                    "`throngctl runs positions reset`");
}

TEST_F(KafkaSinkTest, ARecordThatIsTooLargeIsSaidAndNothingIsCommitted) {
  auto output = Opened({{"client.message.max.bytes", "1000"}});
  ExpectFailure(output->Write(0, {{"user_1", std::string(2000, 'x')}}),
                absl::StatusCode::kInvalidArgument,
                "A record is larger than topic interactions at");
  output = Opened();
  cluster_.AnswerAlways(KafkaRequest::kProduce, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  ExpectOk(output->Write(0, 10));
  ExpectFailure(output->CommitPatiently(10), absl::StatusCode::kInvalidArgument,
                "raise its max.message.bytes");
}

TEST_F(KafkaSinkTest, ATopicThatIsMissingIsNamed) {
  auto output = Output({{"topic", "elsewhere"}, {"create", "never"}});
  cluster_.SetError("elsewhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  ExpectFailure(output->Open().status(), absl::StatusCode::kNotFound,
                "Topic elsewhere does not exist at " + cluster_.bootstraps() +
                    "; make it, or set create: if_missing.");
}

TEST_F(KafkaSinkTest, MissingAuthorityIsSaid) {
  auto output = Output();
  cluster_.Answer(KafkaRequest::kInitProducerId,
                  {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED});
  ExpectFailure(output->Open().status(), absl::StatusCode::kPermissionDenied,
                "grant DESCRIBE and WRITE on transactional ids");

  for (const char* delivery : {"exactly_once", "at_least_once"}) {
    output = Opened({{"delivery", delivery}});
    cluster_.AnswerAlways(KafkaRequest::kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    ExpectOk(output->Write(0, 10));
    ExpectFailure(
        output->CommitPatiently(10), absl::StatusCode::kPermissionDenied,
        "does not allow these credentials to WRITE topic interactions; grant WRITE on it.");
    cluster_.AnswerWell(KafkaRequest::kProduce);
  }
}

TEST_F(KafkaSinkTest, BrokersOutOfReachAreUnavailable) {
  cluster_.SetDown(true);
  ExpectFailure(Output()->Open().status(), absl::StatusCode::kUnavailable,
                "check bootstrap_servers and the brokers");
}

TEST_F(KafkaSinkTest, APositionOfSomethingElseIsRefused) {
  ExpectOk(Opened()->Commit(5));
  auto output = Output();
  output->identity = std::string(64, 'b');
  ExpectFailure(output->Open().status(), absl::StatusCode::kAlreadyExists,
                "is of another dataset, form or topic (interactions); forget it by `throngctl runs "
                "positions reset`");
}

TEST_F(KafkaSinkTest, ATopicThatWasMadeAnewIsNoticed) {
  {
    auto output = Opened();
    ExpectOk(output->Write(0, 100));
    ExpectOk(output->Commit(100));
  }
  // The test gives the same identity to another topic, which stands for one that was made anew.
  const KafkaOutput::Options elsewhere = {{"topic", "made-anew"}};
  ExpectFailure(Output(elsewhere)->Open().status(), absl::StatusCode::kFailedPrecondition,
                "is not the one that rows below 100 went to: its partition ");
  auto output = Output({{"topic", "made-anew"}, {"if_recreated", "start_over"}});
  const auto opened = output->Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened->position.has_value());
  EXPECT_THAT(output->log(), HasSubstr("All rows are sent from the first one on."));
}

TEST_F(KafkaSinkTest, AnotherRecordAtTheLastOffsetIsNoticed) {
  {
    auto output = Opened();
    ExpectOk(output->Write(0, {{"user_1", "ours"}}));
    ExpectOk(output->Commit(1));
  }
  {
    auto other = Opened({{"topic", "made-anew"}, {"positions_topic", "other-positions"}});
    ExpectOk(other->Write(0, {{"user_1", "theirs"}}));
    ExpectOk(other->Commit(1));
  }
  ExpectFailure(Output({{"topic", "made-anew"}})->Open().status(),
                absl::StatusCode::kFailedPrecondition, "has another record at offset 0");
}

TEST_F(KafkaSinkTest, AWholeRunGoesBackWhenItsTransactionIsAborted) {
  const SpecLayer layer{"test",
                        "dataset: {seed: 5, interactions: 30000}\n"
                        "outputs:\n"
                        "- format: {component: json}\n"
                        "  commit_rows: 4096\n"
                        "  sink: {component: kafka, options: {topic: interactions, headers: true, "
                        "bootstrap_servers: \"" +
                            cluster_.bootstraps() + "\"}}\n"};
  Problems problems;
  const auto spec = ReadSpec({&layer, 1}, &problems);
  ASSERT_TRUE(problems.empty()) << ToString(problems);
  const auto catalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER});
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  Environment environment;
  const auto run = Run::Create(*spec, *catalogue, environment, 0, &problems);
  ASSERT_TRUE(problems.empty()) << ToString(problems);
  ExpectOk(run->Open(std::chrono::seconds(60)));
  cluster_.Answer(KafkaRequest::kAddPartitionsToTransaction,
                  {RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR,
                   RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING});
  run->Start(std::chrono::minutes(5));
  while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(100));
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
  EXPECT_EQ(progress.rows, 30'000);
  EXPECT_EQ(progress.new_rows, 30'000);
  // The mock shows what was aborted, too: rows may be there twice, but none is missing.
  std::set<std::string> rows;
  for (const auto& message : cluster_.Read("interactions")) rows.insert(message.headers.at("row"));
  EXPECT_EQ(rows.size(), 30'000U);
}

TEST_F(KafkaSinkTest, OptionsThatTheContractOwnsAreRefusedByName) {
  const auto refusal = [&](KafkaOutput::Options options) {
    return Output(std::move(options))->refusal;
  };
  EXPECT_THAT(refusal({{"client.acks", "1"}}),
              HasSubstr("client.acks cannot be set: exactly-once delivery depends on it"));
  EXPECT_THAT(refusal({{"client.compression.type", "lz4"}}),
              HasSubstr("use the option compression"));
  EXPECT_THAT(refusal({{"client.sasl.kerberos.kinit.cmd", "true"}}),
              HasSubstr("it makes the worker run other programs"));
  EXPECT_THAT(refusal({{"client.lingre.ms", "5"}}), HasSubstr("client.lingre.ms: "));
  EXPECT_THAT(refusal({{"client.linger.ms", "long"}}), HasSubstr("client.linger.ms: "));
  EXPECT_EQ(refusal({{"client.linger.ms", "7"}}), "");
}

TEST_F(KafkaSinkTest, OptionsThatDoNotGoTogetherAreRefused) {
  const auto refusal = [&](KafkaOutput::Options options) {
    return Output(std::move(options))->refusal;
  };
  EXPECT_THAT(refusal({{"topic", "a topic"}}), HasSubstr("\"a topic\" is no name of a topic"));
  for (const char* option : {"topic", "positions_topic"}) {
    EXPECT_THAT(refusal({{option, "__consumer_offsets"}}),
                HasSubstr("Topics that begin with __ are Kafka's own, as __consumer_offsets"));
  }
  EXPECT_THAT(refusal({{"positions_topic", "interactions"}}),
              HasSubstr("positions need a topic of their own"));
  EXPECT_THAT(
      refusal({{"security_protocol", "sasl_ssl"}}),
      HasSubstr("security_protocol sasl_ssl with sasl_mechanism PLAIN needs sasl_username."));
  EXPECT_THAT(
      refusal({{"sasl_username", "alice"}}),
      HasSubstr("sasl_username is used with security_protocol sasl_plaintext or sasl_ssl only"));
  EXPECT_THAT(refusal({{"sasl_password", "literal"}}), HasSubstr("env:"));
}

}  // namespace
}  // namespace throng
