// What `taste` plans before any row is filled: decks of kinds, curves of items.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "plugins/choice/item_curves.h"
#include "plugins/choice/kind_deck.h"
#include "throng/rounding.hpp"

namespace throng::plugins {
namespace {

// ---- Kinds ----------------------------------------------------------------------------------

struct Dealt {
  std::vector<uint8_t> kind;
  std::vector<int64_t> kind_row;
};

Dealt Deal(const KindDeck& deck, int64_t first, int64_t places) {
  std::vector<int64_t> place(static_cast<size_t>(places));
  std::iota(place.begin(), place.end(), first);
  Dealt dealt{std::vector<uint8_t>(place.size()), std::vector<int64_t>(place.size())};
  deck.At(place, dealt.kind, dealt.kind_row);
  return dealt;
}

const std::vector<std::vector<int64_t>> kMixes = {
    {6, 3, 1}, {1, 1, 1}, {5, 4, 1},   {13, 6, 1},      {1, 0, 0},         {0, 1, 1},
    {0, 0, 1}, {7, 7, 7}, {59, 61, 1}, {333, 333, 334}, {5999, 2999, 1002}};

TEST(KindDeck, IsABijectionOfPlacesAndRowsOfKindsInBothDirections) {
  for (const std::vector<int64_t>& mix : kMixes) {
    const int64_t period = std::accumulate(mix.begin(), mix.end(), int64_t{0});
    for (const int64_t places : {1, 7, 28, 100, 119, 120, 121, 1000, 5000, 20'011}) {
      KindDeck deck(mix, places, 42);
      for (const int64_t epoch : {0, 1}) {
        deck.StartEpoch(epoch);
        const Dealt dealt = Deal(deck, 0, places);
        std::vector<std::vector<bool>> seen;
        for (size_t kind = 0; kind < mix.size(); ++kind) {
          const double share = static_cast<double>(mix[kind]) / static_cast<double>(period);
          ASSERT_LT(
              std::abs(static_cast<double>(deck.Rows(kind)) - share * static_cast<double>(places)),
              1);
          seen.emplace_back(static_cast<size_t>(deck.Rows(kind)), false);
        }
        for (size_t i = 0; i < dealt.kind.size(); ++i) {
          const uint8_t kind = dealt.kind[i];
          const auto row = static_cast<size_t>(dealt.kind_row[i]);
          ASSERT_LT(kind, mix.size());
          ASSERT_LT(row, seen[kind].size());
          ASSERT_FALSE(seen[kind][row]);
          seen[kind][row] = true;
          ASSERT_EQ(deck.PlaceOf(kind, dealt.kind_row[i]), static_cast<int64_t>(i));
        }
      }
    }
  }
}

TEST(KindDeck, CountsRowsFarOut) {
  constexpr int64_t kPlaces = 100'000'000'003;
  KindDeck deck(kMixes[0], kPlaces, 1);
  deck.StartEpoch(7);
  for (const int64_t first : {int64_t{0}, int64_t{1} << 33, kPlaces - 1000}) {
    const Dealt dealt = Deal(deck, first, 1000);
    for (size_t i = 0; i < dealt.kind.size(); ++i) {
      ASSERT_EQ(deck.PlaceOf(dealt.kind[i], dealt.kind_row[i]), first + static_cast<int64_t>(i));
      ASSERT_LT(dealt.kind_row[i], deck.Rows(dealt.kind[i]));
    }
  }
}

TEST(KindDeck, HasShortRunsThatDifferByWindowAndEpoch) {
  KindDeck deck(kMixes[0], 120'000, 1);
  deck.StartEpoch(0);
  const Dealt dealt = Deal(deck, 0, 120'000);
  int64_t runs = 1;
  for (size_t i = 1; i < dealt.kind.size(); ++i) runs += dealt.kind[i] != dealt.kind[i - 1] ? 1 : 0;
  // 65 runs a window, of which some meet others of their kind; the word has 1.1 places a run.
  EXPECT_NEAR(120'000.0 / static_cast<double>(runs), 2.7, 0.2);
  std::set<std::string> windows;
  for (size_t i = 0; i < 1000; ++i) {
    windows.emplace(dealt.kind.begin() + static_cast<std::ptrdiff_t>(i * 120),
                    dealt.kind.begin() + static_cast<std::ptrdiff_t>(i * 120 + 120));
  }
  EXPECT_EQ(windows.size(), 64U);
  deck.StartEpoch(1);
  EXPECT_NE(Deal(deck, 0, 120'000).kind, dealt.kind);
}

TEST(KindDeck, TakesLongWindowsOfAwkwardMixes) {
  KindDeck deck(kMixes.back(), 100'000, 1);
  deck.StartEpoch(0);
  const Dealt dealt = Deal(deck, 0, 100'000);
  // Not the word: that has no two random rows side by side.
  int64_t pairs = 0;
  for (size_t i = 1; i < dealt.kind.size(); ++i) {
    pairs += dealt.kind[i] == 2 && dealt.kind[i - 1] == 2 ? 1 : 0;
  }
  EXPECT_GT(pairs, 2000);
}

// ---- Items ----------------------------------------------------------------------------------

TEST(SpacedItems, KnowTheFirstRowOfEachItem) {
  const Curve curve = HeadCurve(90, 0.5);
  for (const Curve* shape : {static_cast<const Curve*>(nullptr), &curve}) {
    for (const int64_t items : {1, 2, 7, 90, 850}) {
      for (const int64_t rows : {1, 2, 89, 90, 91, 5000}) {
        const SpacedItems spaced(rows, items, shape);
        for (int64_t item = 0; item < items; ++item) {
          int64_t first = 0;
          while (first < rows - 1 && spaced.At(first) < item) ++first;
          ASSERT_EQ(spaced.FirstOf(item), first) << item << " of " << items << ", " << rows;
        }
        ASSERT_LT(spaced.At(rows - 1), items);
        ASSERT_GE(spaced.At(0), 0);
      }
    }
  }
}

TEST(SpacedItems, KnowTheFirstRowsOfManyItemsAndRows) {
  const SpacedItems spaced(3'000'000'000, 1'100'000'000, nullptr);
  for (const int64_t item :
       {int64_t{0}, int64_t{1}, int64_t{123'456'789}, int64_t{1'099'999'999}}) {
    const int64_t first = spaced.FirstOf(item);
    EXPECT_EQ(spaced.At(first), item);
    if (first > 0) {
      EXPECT_LT(spaced.At(first - 1), item);
    }
  }
}

TEST(ItemCurves, MeetAtTheEdgeOfThePopularItems) {
  const CurveGoal seed{.popular_items = 100,
                       .tail_items = 850,
                       .preferred_rows = 30'000,
                       .popular_rows = 15'000,
                       .random_rows = 5'000};
  const CurveExponents exponents = FindExponents(seed);
  EXPECT_NEAR(exponents.head, 0.49, 0.01);
  EXPECT_EQ(exponents.tail, 1.5);
  const Curve curve = HeadCurve(100, exponents.head);
  const SpacedItems popular(15'000, 100, &curve);
  std::vector<int64_t> rows(100, 0);
  for (int64_t i = 0; i < 15'000; ++i) ++rows[static_cast<size_t>(popular.At(i))];
  // Each is within one of its quota.
  for (size_t i = 1; i < rows.size(); ++i) EXPECT_LE(rows[i], rows[i - 1] + 1);
  const double first_of_tail = 5'000.0 / 850 + 1.5 * 30'000 / 850;
  EXPECT_NEAR(static_cast<double>(rows.back()), 1.5 * first_of_tail, 1);
  EXPECT_NEAR(static_cast<double>(rows[0]) / static_cast<double>(rows[1]), std::sqrt(9.0 / 7),
              0.05);
}

// Where popular choices are few, the head is flat, and the tail must be flatter.
TEST(ItemCurves, HaveAFlatTailWhereTheHeadIsFlat) {
  CurveGoal goal{.popular_items = 100,
                 .tail_items = 850,
                 .preferred_rows = 40'000,
                 .popular_rows = 5'000,
                 .random_rows = 5'000};
  EXPECT_LT(FindExponents(goal).head, 0.25);
  EXPECT_EQ(FindExponents(goal).tail, 1.3);
  goal.popular_rows = 0;
  EXPECT_EQ(FindExponents(goal).tail, 1.3);
  goal = {.popular_items = 1,
          .tail_items = 1,
          .preferred_rows = 0,
          .popular_rows = 40'000,
          .random_rows = 0};
  EXPECT_LE(FindExponents(goal).head, 3);
  EXPECT_EQ(HeadCurve(1, FindExponents(goal).head).knots().front(), 0);
}

TEST(ItemCurves, TakeAnExponentOfOne) {
  const Curve one = HeadCurve(1000, 1);
  const Curve near = HeadCurve(1000, 1 + 1e-7);
  for (uint64_t i = 0; i < 64; ++i) {
    const uint64_t x = i << 58;
    EXPECT_NEAR(static_cast<double>(one(x)), static_cast<double>(near(x)), 1e13);
  }
}

TEST(Breadth, GrowsWithTheRowsOfAUser) {
  const Breadth usual(0.143, 170);
  EXPECT_NEAR(usual(170), 0.143 * 65'536, 40);
  EXPECT_NEAR(usual(1019), 32'768, 40);
  EXPECT_LT(usual(1), 70);
  EXPECT_LE(usual(int64_t{1} << 40), 65'536);
  EXPECT_GT(usual(int64_t{1} << 40), 65'500);
  EXPECT_EQ(Breadth(0, 170)(1'000'000), 0);
  EXPECT_EQ(Breadth(1, 170)(1), 65'536);
}

}  // namespace
}  // namespace throng::plugins
