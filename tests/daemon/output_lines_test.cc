// A worker's output as lines: whole, printable, and not without end.
#include "server/daemon/output_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace throng {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr OutputLines::Clock::time_point kNow{std::chrono::hours(1)};

TEST(OutputLines, JoinsWhatComesInPieces) {
  OutputLines lines("stderr");
  EXPECT_THAT(lines.Add("one\ntw", kNow), ElementsAre("one"));
  EXPECT_THAT(lines.Add("o", kNow), IsEmpty());
  EXPECT_THAT(lines.Add("\r\n\nthree", kNow), ElementsAre("two", ""));
  EXPECT_THAT(lines.End(kNow), ElementsAre("three"));
  EXPECT_THAT(lines.End(kNow), IsEmpty());
}

TEST(OutputLines, CutsLongLines) {
  OutputLines lines("stderr");
  EXPECT_THAT(lines.Add(std::string(3000, 'x'), kNow), IsEmpty());
  EXPECT_THAT(lines.Add(std::string(3000, 'x') + "\nnext\n", kNow),
              ElementsAre(std::string(4096, 'x') + " ... (6000 bytes)", "next"));
}

TEST(OutputLines, DropsFloodsAndTellsSo) {
  OutputLines lines("stderr");
  std::string flood;
  for (int i = 0; i < 10'000; ++i) flood += std::string(99, '.') + "\n";
  const auto first = lines.Add(flood, kNow);
  ASSERT_FALSE(first.empty());
  EXPECT_LT(first.size() * (99 + 64), OutputLines::kBurstBytes + 200);
  EXPECT_EQ(first.back(), "More than 16384 bytes a second come from stderr; some are dropped.");
  const size_t dropped = 1'000'000 - (first.size() - 1) * 100;
  EXPECT_THAT(lines.Add("still\n", kNow + seconds(1)), IsEmpty());
  EXPECT_THAT(
      lines.Add("again\n", kNow + seconds(3)),
      ElementsAre(std::to_string(dropped + 6) + " bytes from stderr were dropped.", "again"));
  EXPECT_THAT(lines.End(kNow + seconds(3)), IsEmpty());
}

TEST(OutputLines, TellsAtTheEndWhatWasDropped) {
  OutputLines lines("stdout");
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += std::string(99, '.') + "\n";
  const size_t taken = lines.Add(flood, kNow).size() - 1;
  EXPECT_THAT(lines.End(kNow), ElementsAre(std::to_string(100'000 - taken * 100) +
                                           " bytes from stdout were dropped."));
}

}  // namespace
}  // namespace throng
