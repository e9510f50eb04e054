// The word of kinds: its letters, their shares, and that the rows of each are numbered without
// gaps.
#include "throng/kind_word.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace throng {
namespace {

TEST(KindWord, IsTheWordOfTheModelForTheSeed) {
  const KindWord word(std::vector<int64_t>{6, 3, 1});
  std::vector<int64_t> x(10);
  std::iota(x.begin(), x.end(), int64_t{0});
  std::vector<uint8_t> letter(10);
  word.At(x, letter, x);
  std::string letters;
  for (const uint8_t l : letter) letters += "POR"[l];
  EXPECT_EQ(letters, "POPPOPRPOP");
}

TEST(KindWord, SpreadsEveryMixEvenly) {
  for (const std::vector<int64_t>& weights :
       std::vector<std::vector<int64_t>>{{6, 3, 1},
                                         {1},
                                         {0, 1, 0},
                                         {9, 7, 4},
                                         {333, 333, 334},
                                         {1, 1, 998},
                                         {4999, 3, 4998},
                                         {5, 0, 5},
                                         {2, 3, 5, 7, 11, 13}}) {
    const KindWord word(weights);
    const size_t places = 2 * word.period() + 3;
    std::vector<int64_t> x(places);
    std::iota(x.begin(), x.end(), int64_t{0});
    std::vector<uint8_t> found(places);
    std::vector<int64_t> ordinal(places);
    word.At(x, found, ordinal);
    std::vector<int64_t> seen(weights.size(), 0);
    for (size_t i = 0; i < places; ++i) {
      for (size_t letter = 0; letter < weights.size(); ++letter) {
        ASSERT_EQ(word.CounterOf(letter).Before(x[i]), seen[letter]);
        const double expected = static_cast<double>(weights[letter]) * static_cast<double>(i) /
                                static_cast<double>(word.period());
        ASSERT_LT(std::abs(static_cast<double>(seen[letter]) - expected), 1.0)
            << "letter " << letter << " before " << i;
      }
      ASSERT_EQ(ordinal[i], seen[found[i]]);
      ++seen[found[i]];
    }
  }
}

// As a choice uses it: an epoch's rows, shifted round.
TEST(KindWord, IsNeitherEmptyNorTooLong) {
  EXPECT_EQ(KindWord(std::vector<int64_t>{9'999, 1}).period(), 10'000U);
  EXPECT_THROW(KindWord(std::vector<int64_t>{10'000, 1}), std::invalid_argument);
  EXPECT_THROW(KindWord(std::vector<int64_t>{0, 0}), std::invalid_argument);
}

TEST(KindWord, NumbersTheRowsOfAShiftedEpochWithoutGaps) {
  const KindWord word(std::vector<int64_t>{6, 3, 1});
  constexpr int64_t kRows = 137;
  for (int64_t shift = 0; shift < kRows; ++shift) {
    std::vector<int64_t> place(kRows);
    for (int64_t row = 0; row < kRows; ++row) {
      place[static_cast<size_t>(row)] = (row + shift) % kRows;
    }
    std::vector<uint8_t> kind(kRows);
    std::vector<int64_t> kind_row(kRows);
    word.At(place, kind, kind_row);
    for (size_t k = 0; k < 3; ++k) {
      std::vector<bool> has(static_cast<size_t>(word.CounterOf(k).Before(kRows)));
      for (size_t row = 0; row < kRows; ++row) {
        if (kind[row] == k) has.at(static_cast<size_t>(kind_row[row])).flip();
      }
      for (const bool once : has) EXPECT_TRUE(once);
    }
  }
}

}  // namespace
}  // namespace throng
