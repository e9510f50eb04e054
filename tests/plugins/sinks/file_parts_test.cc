// What the file sink is made of: a digest that goes on elsewhere, the marks on its way, and the
// check of what they lead over.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/sinks/digest.h"
#include "plugins/sinks/file/check.h"
#include "plugins/sinks/file/state.h"
#include "tests/plugins/sinks/loaded_sink.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng::plugins {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMebibyte = int64_t{1} << 20;

std::string SomeBytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t word = 1;
  for (char& byte : bytes) {
    word = word * 1'664'525 + 1'013'904'223;
    byte = static_cast<char>(word >> 24);
  }
  return bytes;
}

TEST(Sha256, GoesOnElsewhereAfterAnyNumberOfBytes) {
  const std::string bytes = SomeBytes(1000);
  for (const size_t size : {0U, 1U, 31U, 55U, 56U, 63U, 64U, 65U, 128U, 999U, 1000U}) {
    Sha256 begun;
    begun.Update(bytes.substr(0, size));
    EXPECT_THAT(begun.State(), SizeIs(32 + size % 64));
    auto going_on = Sha256::After(static_cast<int64_t>(size), begun.State());
    ASSERT_TRUE(going_on.has_value());
    EXPECT_EQ(going_on->Hex(), Sha256Of(bytes.substr(0, size)));
    going_on->Update(bytes.substr(size));
    EXPECT_EQ(going_on->Hex(), Sha256Of(bytes)) << size;
    EXPECT_EQ(going_on->bytes(), 1000);
  }
}

TEST(Sha256, GoesOnBeyondTwoToTheThirtySecondBits) {
  const std::string piece = SomeBytes(kMebibyte);
  Sha256 whole;
  for (int i = 0; i < 513; ++i) whole.Update(piece);
  whole.Update("a few more");
  auto going_on = Sha256::After(whole.bytes(), whole.State());
  ASSERT_TRUE(going_on.has_value());
  EXPECT_EQ(going_on->Hex(), whole.Hex());
  going_on->Update(piece);
  whole.Update(piece);
  EXPECT_EQ(going_on->Hex(), whole.Hex());
}

TEST(Sha256, TakesNothingElseForAState) {
  Sha256 sha;
  sha.Update("seventy bytes are one block of sixty-four bytes and another six of it.");
  const std::string state = sha.State();
  EXPECT_TRUE(Sha256::After(70, state).has_value());
  EXPECT_FALSE(Sha256::After(71, state).has_value());
  EXPECT_FALSE(Sha256::After(-70, state).has_value());
  EXPECT_FALSE(Sha256::After(64, state).has_value());
  EXPECT_FALSE(Sha256::After(70, state.substr(1)).has_value());
  EXPECT_FALSE(Sha256::After(0, "").has_value());
}

TEST(MarkedSha256, HasFewMarksHoweverManyBytes) {
  const std::string piece = SomeBytes(kMebibyte);
  MarkedSha256 marked;
  size_t most = 0;
  for (int i = 0; i < 600; ++i) {
    marked.Update(piece);
    if (i % 50 == 10) {  // another process goes on
      auto after = MarkedSha256::After(marked.Marks());
      ASSERT_TRUE(after.has_value());
      marked = *after;
    }
    const std::vector<DigestMark> marks = marked.Marks();
    most = std::max(most, marks.size());
    EXPECT_EQ(marks.back().bytes, marked.bytes());
  }
  EXPECT_LE(most, 33U);
  const std::vector<DigestMark> marks = marked.Marks();
  EXPECT_GE(marks.size(), 10U);
  for (size_t i = 1; i < marks.size(); ++i) {
    EXPECT_GE(marks[i].bytes, marks[i - 1].bytes);
    EXPECT_LE(marks[i].bytes - marks[i - 1].bytes, 70 * kMebibyte) << "as much for each thread";
  }
}

TEST(MarkedSha256, TakesNothingElseForMarks) {
  MarkedSha256 marked;
  marked.Update(SomeBytes(20 * kMebibyte));
  marked.Update("more");
  const std::vector<DigestMark> marks = marked.Marks();
  ASSERT_THAT(marks, SizeIs(2));
  EXPECT_FALSE(MarkedSha256::After({marks[1], marks[0]}).has_value());
  EXPECT_FALSE(MarkedSha256::After({marks[0], {marks[1].bytes, "no state"}}).has_value());
}

FileState Committed(const std::string& bytes) {
  MarkedSha256 sha;
  sha.Update(bytes);
  return {.identity = "a",
          .position = 7,
          .bytes = sha.bytes(),
          .sha256 = sha.Hex(),
          .host_state = "state",
          .marks = sha.Marks()};
}

TEST(FileState, OfAnOlderVersionOrWithMarksThatLeadElsewhereHasNone) {
  const FileState state = Committed("some bytes");
  const auto read = ParsePosition(PositionText(state, {}));
  ASSERT_TRUE(read.has_value());
  ASSERT_THAT(read->marks, SizeIs(1));
  EXPECT_EQ(read->marks[0].bytes, 10);
  EXPECT_EQ(read->marks[0].state, state.marks[0].state);

  std::vector<FileState> others(5, state);
  others[0].marks = Committed("other bytes").marks;
  others[1].marks = Committed("same bytes").marks;
  others[2].marks[0].state[0] ^= 1;
  others[3].marks[0].bytes = 9;
  others[4].marks.clear();
  for (const FileState& other : others) {
    const auto told = ParsePosition(PositionText(other, {}));
    ASSERT_TRUE(told.has_value());
    EXPECT_THAT(told->marks, IsEmpty());
    EXPECT_EQ(told->sha256, state.sha256);
  }
  const std::string text = PositionText(state, {});
  std::string line = text.substr(0, text.find(",\"sha256_states\"")) + "}";
  const auto older = ParsePosition(line + "\n" + Sha256Of(line) + "\n");
  ASSERT_TRUE(older.has_value());
  EXPECT_EQ(older->position, 7);
  EXPECT_THAT(older->marks, IsEmpty());
}

class CommittedCheckTest : public testing::Test {
 protected:
  CommittedCheckTest() {
    for (int i = 0; i < 40; ++i) {
      const std::string piece = SomeBytes(kMebibyte + 13);
      bytes_ += piece;
      sha_.Update(piece);
    }
    path_ = folder_.path("part");
  }
  bool IsChanged(const std::string& bytes) {
    folder_.Write("part", bytes);
    const Fd file = OpenFile(path_, O_RDONLY);
    CommittedCheck check(file, path_, sha_.Marks(), Host(host_.table()));
    return check.Await();
  }

  ScratchFolder folder_;
  TestHost host_;
  std::string path_;
  std::string bytes_;
  MarkedSha256 sha_;
};

TEST_F(CommittedCheckTest, FindsWhateverByteWasChanged) {
  EXPECT_FALSE(IsChanged(bytes_));
  EXPECT_FALSE(IsChanged(bytes_ + "not yet committed"));
  const auto mark = static_cast<size_t>(sha_.Marks()[1].bytes);
  for (const size_t at : {size_t{0}, mark - 1, mark, mark + 1, bytes_.size() - 1}) {
    std::string changed = bytes_;
    changed[at] ^= 1;
    EXPECT_TRUE(IsChanged(changed)) << at;
  }
  EXPECT_TRUE(IsChanged(bytes_.substr(0, bytes_.size() - 1)));
}

TEST_F(CommittedCheckTest, EndsWhenTheHostWantsToStop) {
  host_.is_cancelled = [] { return true; };
  try {
    IsChanged(bytes_);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), THRONG_CANCELLED);
    EXPECT_EQ(error.what(), "Stopped while " + path_ + " was read to go on with it.");
  }
}

TEST_F(CommittedCheckTest, SaysWhatCannotBeRead) {
  const Fd folder = OpenFile(folder_.path(), O_RDONLY);
  CommittedCheck check(folder, path_, sha_.Marks(), Host(host_.table()));
  EXPECT_THROW(check.Await(), Error);
}

}  // namespace
}  // namespace throng::plugins
