// Topics: rows of one output over several partitions, among whatever else is there.
#include <fmt/format.h>

#include "server/delivery/encoder.h"
#include "tests/inspection/verify_fixture.h"
#include "throng/worker/v1/host_state.pb.h"

namespace throng {
namespace {

using ::testing::HasSubstr;

struct Message {
  std::string key;
  std::string value;
  int partition = 0;
};

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text.empty() ? "-" : text;
}

class TopicTest : public VerifyTest {
 protected:
  static constexpr int64_t kRows = 20'000;

  static std::string Spec(int seed, const std::string& slice = "",
                          const std::string& table = "interactions") {
    return fmt::format(
        "dataset: {{preset: {}, seed: {}, interactions: {}}}\n"
        "outputs: [{{table: {}, format: {{component: json}}, sink: {{component: kafka, options:"
        " {{bootstrap_servers: 'nowhere:9', topic: crowd}}}}}}]\n{}",
        slice.empty() ? "shop" : "seed", seed, kRows, table, slice);
  }
  // The messages of a run, in order, and their position record among what is kept.
  std::vector<Message> Send(const std::string& yaml, const std::string& uid) {
    Problems problems;
    const auto run = Make(yaml, &problems);
    EXPECT_NE(run, nullptr) << ToString(problems);
    const OutputRequest& request = run->outputs()[0]->request();
    Encoding encoding = request.EncodingOf(-1, now_, "");
    EXPECT_TRUE(BeginFormat(encoding, &encoding.prologue).ok());
    const auto encoder = Encoder::Create(encoding);
    EXPECT_TRUE(encoder.ok()) << encoder.status();
    std::vector<Message> messages;
    Encoded encoded;
    for (auto unit = request.slice().UnitAt(request.slice().first(), 4096); unit;
         unit = request.slice().UnitAt(unit->next, 4096)) {
      EXPECT_TRUE((*encoder)->Encode(*unit, &encoded).ok());
      size_t at = 0;
      for (size_t i = 0; i < unit->rows; ++i) {
        const std::string_view bytes = encoded.records.bytes();
        Message message;
        message.key = bytes.substr(at, encoded.key_end[i] - at);
        at = encoded.value_end[i];
        message.value = bytes.substr(encoded.key_end[i], at - encoded.key_end[i]);
        message.partition = message.key.back() % 3;
        messages.push_back(std::move(message));
      }
    }
    worker::v1::HostState state;
    *state.mutable_dataset() = run->plan().spec();
    state.set_fingerprint(run->plan().fingerprint());
    state.set_identity(request.identity());
    *state.mutable_run()->add_outputs() = request.ResolvedSpec();
    *state.mutable_run()->mutable_slice() = request.run().slice();
    kept_ += fmt::format("{} {} {} {} {} {}\n", uid, request.name(), request.run().slice().index(),
                         std::max(1, request.run().slice().count()), request.slice().end(),
                         Hex(state.SerializeAsString()));
    return messages;
  }
  // What is found in a topic that holds these: the partitions one after another by pieces.
  v1::Verification Found(const std::vector<Message>& messages, const VerifyGiven& given = {}) {
    std::string text;
    int64_t offsets[3] = {};
    for (size_t from = 0; from < messages.size(); from += 3000) {
      for (int partition = 0; partition < 3; ++partition) {
        for (size_t i = from; i < std::min(messages.size(), from + 3000); ++i) {
          if (messages[i].partition != partition) continue;
          text += fmt::format("{} {} {} {}\n", partition, offsets[partition]++,
                              Hex(messages[i].key), Hex(messages[i].value));
        }
      }
    }
    WriteFile("topic", text);
    WriteFile("topic.kept", kept_);
    v1::VerifyRequest request;
    v1::Component* source = request.add_sources()->mutable_source();
    source->set_component("messages");
    (*source->mutable_options())["path"] = Path("topic");
    return Verified(request, given);
  }

  std::string kept_;
};

TEST_F(TopicTest, WhatWasSentIsThere) {
  const v1::Verification found = Found(Send(Spec(1), "a"));
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(Summary(found), "");
  EXPECT_EQ(found.expected_rows(), kRows);
  EXPECT_EQ(found.found_rows(), kRows);
}

TEST_F(TopicTest, LostDoubledAlteredSwappedAndDamagedMessagesAreFound) {
  std::vector<Message> messages = Send(Spec(1), "a");
  const auto next_of_partition = [&](size_t i) {
    size_t next = i + 1;
    while (messages[next].partition != messages[i].partition) ++next;
    return next;
  };
  std::swap(messages[5000], messages[next_of_partition(5000)]);
  std::string& value = messages[9000].value;
  const size_t rating = value.find("\"rating\": ") + 10;
  value[rating] = value[rating] == '1' ? '2' : '1';
  messages[11'000].value += " ";
  messages[12'000].value = "{";
  messages.insert(messages.begin() + 15'000, messages[14'999]);
  messages.erase(messages.begin() + 17'000);
  const v1::Verification found = Found(messages);
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(Summary(found),
            "lost 2, doubled 1, altered rating 1, damaged 1, out_of_order 1, bytes 1");
  EXPECT_EQ(First(found, 2).row(), 9000);
  EXPECT_THAT(First(found, 2).piece(), HasSubstr("topic ["));
}

TEST_F(TopicTest, AnotherRunsRowsAreForeign) {
  std::vector<Message> messages = Send(Spec(1), "a");
  const std::vector<Message> others = Send(Spec(2), "b");
  messages.insert(messages.begin() + 7000, others.begin(), others.begin() + 500);
  Found(messages);
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("several datasets"));
  VerifyGiven run;
  run.run_uid = "a";
  EXPECT_EQ(Summary(Found(messages, run)), "foreign 500");
  EXPECT_EQ(Summary(Found(messages, Given(Spec(1)))), "foreign 500");
}

TEST_F(TopicTest, AMissingSliceIsNamed) {
  const std::string slices[] = {"slice: {index: 0, count: 2, mode: interleaved}\n",
                                "slice: {index: 1, count: 2, mode: interleaved}\n"};
  std::vector<Message> messages = Send(Spec(1, slices[0]), "a");
  const v1::Verification half = Found(messages);
  ASSERT_EQ(half.differences_size(), 2) << Summary(half);
  EXPECT_EQ(half.differences(0).count(), kRows - static_cast<int64_t>(messages.size()));
  EXPECT_EQ(half.differences(1).kind(), v1::DIFFERENCE_KIND_MISSING_PIECE);
  for (const Message& message : Send(Spec(1, slices[1]), "b")) messages.push_back(message);
  EXPECT_EQ(Summary(Found(messages)), "");
}

TEST_F(TopicTest, ATopicNobodyKnowsIsVerifiedRowByRow) {
  const std::vector<Message> messages = Send(Spec(1), "a");
  kept_.clear();
  Found(messages);
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  EXPECT_EQ(Summary(Found(messages, Given(Spec(1)))), "");
}

TEST_F(TopicTest, SideTablesAreComparedByTheirKeys) {
  for (const std::string slice : {"", "slice: {index: 0, count: 2}\n"}) {
    SCOPED_TRACE(slice);
    kept_.clear();
    std::vector<Message> messages = Send(Spec(1, slice, "items"), "a");
    const v1::Verification whole = Found(messages);
    EXPECT_TRUE(status_.ok()) << status_;
    EXPECT_EQ(Summary(whole), "");
    EXPECT_EQ(whole.expected_rows(), static_cast<int64_t>(messages.size()));
    EXPECT_EQ(whole.found_rows(), whole.expected_rows());

    messages[100].value += " ";
    messages[200].key += "0000";
    messages.insert(messages.begin() + 300, messages[299]);
    const v1::Verification found = Found(messages);
    EXPECT_EQ(Summary(found), "lost 1, doubled 1, altered 1, foreign 1");
    EXPECT_EQ(First(found, 0).row(), 200);
    EXPECT_THAT(First(found, 0).expected(), HasSubstr("item_"));
    EXPECT_EQ(First(found, 1).row(), 299);
    EXPECT_EQ(First(found, 2).row(), 100);
    EXPECT_EQ(First(found, 2).expected() + " ", First(found, 2).found());
  }
}

}  // namespace
}  // namespace throng
