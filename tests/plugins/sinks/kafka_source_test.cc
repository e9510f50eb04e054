// The source `kafka` against librdkafka's mock cluster, driven as the host drives it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/control/status.h"
#include "server/host/readers.h"
#include "tests/plugins/sinks/kafka_cluster.h"

namespace throng {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A message as it was read.
struct ReadMessage {
  std::string piece;
  int64_t offset = 0;
  std::string key;
  std::string value;
  int64_t time = 0;
  bool is_event_time = false;
};

class KafkaInput {
 public:
  KafkaInput(const std::string& bootstraps, std::map<std::string, std::string> options = {}) {
    environment_.is_stopping = &is_stopping;
    environment_.log = [this](int32_t, std::string_view, std::string_view message) {
      const std::lock_guard lock(mutex_);
      log_ += std::string(message) + "\n";
    };
    options.try_emplace("bootstrap_servers", bootstraps);
    options.try_emplace("topic", "interactions");
    static const Catalogue kCatalogue = *Catalogue::Load({THRONG_PLUGIN_FOLDER});
    const Component& component = **kCatalogue.Find(Role::kSource, "kafka");
    Problems problems;
    options_ = OptionValues::Parse(component, options, "source", 0, &problems);
    for (const Problem& problem : problems) refusal += problem.field + ": " + problem.message;
    if (!problems.empty()) return;
    source_ = *Source::Create(component, environment_, options_.values());
  }

  absl::Status Open(uint32_t from = THRONG_FROM_START, std::vector<int64_t> positions = {},
                    bool follows = false) {
    const throng_start start = {.struct_size = sizeof(throng_start),
                                .from = from,
                                .follows = follows ? 1 : 0,
                                .positions_count = static_cast<uint32_t>(positions.size()),
                                .positions = positions.data()};
    auto opened = source_->Open(start);
    if (!opened.ok()) return opened.status();
    place = *std::move(opened);
    return absl::OkStatus();
  }
  // Adds to `messages`.
  absl::Status Read(int64_t wait_ms) {
    throng_input input;
    if (absl::Status status = source_->Read(wait_ms, &input); !status.ok()) return status;
    for (uint32_t i = 0; i < input.messages_count; ++i) {
      const throng_message& m = input.messages[i];
      messages.push_back({place.pieces[m.piece], m.offset, Text(m.key), Text(m.value), m.time,
                          m.is_event_time != 0});
    }
    is_end = input.is_end != 0;
    return absl::OkStatus();
  }
  absl::Status ReadAll() {
    while (!is_end) {
      if (absl::Status status = Read(10'000); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<KeptPosition>> Kept() { return source_->Kept(); }
  std::vector<ProbeStep> Probe() {
    std::vector<ProbeStep> steps;
    EXPECT_TRUE(source_->Probe([&](const ProbeStep& step) { steps.push_back(step); }).ok());
    return steps;
  }
  void Close() { source_.reset(); }
  std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  std::string refusal;  // of the options
  OpenedPlace place;
  std::vector<ReadMessage> messages;
  bool is_end = false;
  std::atomic<bool> is_stopping = false;

 private:
  static std::string Text(throng_bytes bytes) {
    return bytes.data == nullptr ? "none" : std::string(bytes.data, bytes.size);
  }

  std::mutex mutex_;
  std::string log_;
  Environment environment_;
  OptionValues options_;
  std::unique_ptr<Source> source_;
};

class KafkaSourceTest : public testing::Test {
 protected:
  // Rows [first, last), in batches.
  void Deliver(int64_t first, int64_t last) {
    KafkaOutput output(cluster_.bootstraps(), {{"delivery", "at_least_once"}, {"create", "never"}});
    ASSERT_TRUE(output.Open().ok());
    ASSERT_TRUE(output.Write(first, last - first).ok());
    ASSERT_TRUE(output.CommitPatiently(last).ok());
  }
  MockCluster cluster_;
};

TEST_F(KafkaSourceTest, EveryMessageIsReadOnceAndEachPartitionInOrder) {
  Deliver(0, 10'000);
  KafkaInput input(cluster_.bootstraps());
  ASSERT_TRUE(input.Open().ok());
  EXPECT_THAT(input.place.pieces, ElementsAre("interactions [0]", "interactions [1]",
                                              "interactions [2]", "interactions [3]"));
  EXPECT_EQ(input.place.size, 10'000);
  ASSERT_TRUE(input.ReadAll().ok());
  ASSERT_THAT(input.messages, SizeIs(10'000));
  std::map<std::string, int64_t> next;
  std::map<std::string, std::string> values;
  for (const ReadMessage& message : input.messages) {
    EXPECT_EQ(message.offset, next[message.piece]++);
    EXPECT_TRUE(message.is_event_time);
    EXPECT_GT(message.time, KafkaOutput::kEventTime);
    values[message.value] = message.key;
  }
  for (int64_t row = 0; row < 10'000; ++row) {
    EXPECT_EQ(values["row " + std::to_string(row)], "user_" + std::to_string(row % 10));
  }
}

TEST_F(KafkaSourceTest, AnEmptyTopicEndsAtOnce) {
  KafkaInput input(cluster_.bootstraps(), {{"topic", "made-anew"}});
  ASSERT_TRUE(input.Open().ok());
  EXPECT_EQ(input.place.size, 0);
  ASSERT_TRUE(input.Read(0).ok());
  EXPECT_TRUE(input.is_end);
}

TEST_F(KafkaSourceTest, WhatComesAfterOpeningIsNotReadUnlessItFollows) {
  Deliver(0, 100);
  KafkaInput input(cluster_.bootstraps());
  KafkaInput follower(cluster_.bootstraps());
  KafkaInput late(cluster_.bootstraps());
  ASSERT_TRUE(input.Open().ok());
  ASSERT_TRUE(follower.Open(THRONG_FROM_START, {}, /*follows=*/true).ok());
  ASSERT_TRUE(late.Open(THRONG_FROM_END, {}, /*follows=*/true).ok());
  Deliver(100, 150);
  ASSERT_TRUE(input.ReadAll().ok());
  EXPECT_THAT(input.messages, SizeIs(100));
  for (KafkaInput* one : {&follower, &late}) {
    const size_t expected = one == &late ? 50 : 150;
    while (one->messages.size() < expected) ASSERT_TRUE(one->Read(5000).ok());
    ASSERT_TRUE(one->Read(300).ok());
    EXPECT_THAT(one->messages, SizeIs(expected));
    EXPECT_FALSE(one->is_end);
  }
}

TEST_F(KafkaSourceTest, PositionsAndPartitionsAreChosen) {
  Deliver(0, 1000);
  KafkaInput whole(cluster_.bootstraps());
  ASSERT_TRUE(whole.Open().ok());
  ASSERT_TRUE(whole.ReadAll().ok());
  std::map<std::string, int64_t> sizes;
  for (const ReadMessage& message : whole.messages) ++sizes[message.piece];

  KafkaInput rest(cluster_.bootstraps());
  const int64_t zero = sizes["interactions [0]"];
  ASSERT_TRUE(rest.Open(THRONG_FROM_POSITIONS, {zero, 1}).ok());
  EXPECT_EQ(rest.place.size, 1000 - zero - 1);
  ASSERT_TRUE(rest.ReadAll().ok());
  EXPECT_THAT(rest.messages, SizeIs(static_cast<size_t>(1000 - zero - 1)));
  EXPECT_THAT(rest.Open(THRONG_FROM_POSITIONS, {zero + 1}).ToString(),
              AllOf(HasSubstr("OUT_OF_RANGE"), HasSubstr("cannot be read from")));

  KafkaInput one(cluster_.bootstraps(), {{"partition", "2"}});
  ASSERT_TRUE(one.Open().ok());
  EXPECT_THAT(one.place.pieces, ElementsAre("interactions [2]"));
  ASSERT_TRUE(one.ReadAll().ok());
  EXPECT_EQ(static_cast<int64_t>(one.messages.size()), sizes["interactions [2]"]);
  KafkaInput none(cluster_.bootstraps(), {{"partition", "4"}});
  EXPECT_THAT(none.Open().ToString(),
              HasSubstr("has 4 partitions, and no partition 4; they count"));
}

TEST_F(KafkaSourceTest, AGroupGoesOnWhereItWas) {
  Deliver(0, 100);
  {
    KafkaInput first(cluster_.bootstraps(), {{"group", "tappers"}});
    ASSERT_TRUE(first.Open().ok());
    ASSERT_TRUE(first.ReadAll().ok());
    EXPECT_THAT(first.messages, SizeIs(100));
  }
  Deliver(100, 130);
  KafkaInput second(cluster_.bootstraps(), {{"group", "tappers"}});
  ASSERT_TRUE(second.Open().ok());
  EXPECT_EQ(second.place.size, 30);
  ASSERT_TRUE(second.ReadAll().ok());
  EXPECT_THAT(second.messages, SizeIs(30));
  KafkaInput other(cluster_.bootstraps(), {{"group", "others"}});
  ASSERT_TRUE(other.Open().ok());
  EXPECT_EQ(other.place.size, 130);
}

TEST_F(KafkaSourceTest, WhatIsNotThereIsToldInASentence) {
  KafkaInput missing(cluster_.bootstraps(), {{"topic", "missing"}});
  cluster_.SetError("missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  EXPECT_THAT(missing.Open().ToString(),
              AllOf(HasSubstr("NOT_FOUND"), HasSubstr("Topic missing at "),
                    HasSubstr("does not exist; check topic and bootstrap_servers.")));
  cluster_.SetError("interactions", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  KafkaInput forbidden(cluster_.bootstraps());
  EXPECT_THAT(forbidden.Open().ToString(),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("grant DESCRIBE on it")));
  EXPECT_THAT(KafkaInput(cluster_.bootstraps(), {{"topic", "a/b"}}).refusal,
              HasSubstr("is no name of a topic"));
  EXPECT_THAT(KafkaInput(cluster_.bootstraps(), {{"client.group.id", "a"}}).refusal,
              HasSubstr("client.group.id cannot be set: use the option group."));
}

TEST_F(KafkaSourceTest, ABrokerOutOfReachIsToldWithinTenSeconds) {
  const auto seconds = [](const auto& call) {
    const auto start = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  KafkaInput nobody("localhost:1");
  absl::Status status;
  EXPECT_LT(seconds([&] { status = nobody.Open(); }), 10);
  EXPECT_THAT(status.ToString(), AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("Connection refused"),
                                       HasSubstr("check bootstrap_servers and the brokers.")));

  Deliver(0, 100);
  KafkaInput input(cluster_.bootstraps());
  ASSERT_TRUE(input.Open(THRONG_FROM_START, {}, /*follows=*/true).ok());
  while (input.messages.size() < 100) ASSERT_TRUE(input.Read(5000).ok());
  cluster_.SetDown(true);
  status = absl::OkStatus();
  EXPECT_LT(seconds([&] {
              for (int i = 0; i < 50 && status.ok(); ++i) status = input.Read(200);
            }),
            10);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  // It goes on once they are back.
  cluster_.SetDown(false);
  Deliver(100, 110);
  while (input.messages.size() < 110) {
    status = input.Read(1000);
    ASSERT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
  }
}

TEST_F(KafkaSourceTest, AHostThatStopsIsNotKeptWaiting) {
  KafkaInput input(cluster_.bootstraps());
  ASSERT_TRUE(input.Open(THRONG_FROM_END, {}, /*follows=*/true).ok());
  input.is_stopping = true;
  EXPECT_TRUE(absl::IsCancelled(input.Read(600'000)));
}

TEST_F(KafkaSourceTest, PositionsOfTheTopicAreTold) {
  KafkaInput input(cluster_.bootstraps());
  EXPECT_THAT(*input.Kept(), IsEmpty());
  Deliver(0, 100);
  EXPECT_THAT(*KafkaInput(cluster_.bootstraps(), {{"topic", "made-anew"}}).Kept(), IsEmpty());
  Deliver(100, 120);
  const auto kept = input.Kept();
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_THAT(*kept, SizeIs(1));
  EXPECT_EQ(kept->front().run_uid, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(kept->front().output, "kafka");
  EXPECT_EQ(kept->front().slice_count, 1);
  EXPECT_EQ(kept->front().position, 120);
  EXPECT_EQ(kept->front().host_state, "state");
}

TEST_F(KafkaSourceTest, TheWayIsTriedStepByStep) {
  Deliver(0, 100);
  KafkaInput input(cluster_.bootstraps());
  const std::vector<ProbeStep> steps = input.Probe();
  ASSERT_THAT(steps, SizeIs(3));
  for (const ProbeStep& step : steps) EXPECT_TRUE(step.status.ok()) << step.sentence;
  EXPECT_EQ(steps[0].name, "reach");
  EXPECT_EQ(steps[0].sentence, cluster_.bootstraps() + " answers by plaintext.");
  EXPECT_EQ(steps[1].name, "metadata");
  EXPECT_THAT(steps[1].sentence, HasSubstr(" has 1 broker: 1 at "));
  EXPECT_EQ(steps[2].name, "topic");
  EXPECT_EQ(steps[2].sentence,
            "Topic interactions has 4 partitions, each with a leader, and offsets of 100 records.");

  const auto start = std::chrono::steady_clock::now();
  const std::vector<ProbeStep> dead = KafkaInput("localhost:1").Probe();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].name, "reach");
  EXPECT_THAT(dead[0].sentence, HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace throng
