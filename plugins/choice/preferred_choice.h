// What a user chooses of the preferred category: by popularity, niche and habit.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "plugins/choice/item_curves.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

// A category's tail comes in groups of 25 neighbours in popularity, five niches of five. The curve
// of popularity says which group, at golden steps over the user's rows; the user's taste says which
// of the group. Tastes are dealt to the users of a cluster in turn, so that they balance over
// activity.
class PreferredChoice {
 public:
  struct Habits {
    double favourites = 0;  // share of choices that repeat one of the user's favourites
    double keep = 0;        // share of the others that keep to the session's niche
  };
  PreferredChoice(const Dataset& dataset, const Habits& habits, const Breadth& breadth,
                  Curve tail_curve);

  void StartEpoch(int64_t epoch);

  // For each chosen row: a category, and an index of the category's tail.
  void Choose(const Rows& rows, std::span<const uint32_t> chosen, std::span<int32_t> category,
              std::span<int64_t> index);

  // The niche that a user likes most, of the category that the cluster prefers; -1 if it prefers
  // none.
  void LikedNiche(std::span<const int64_t> user, std::span<int32_t> niche) const;

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(tail_curve_.knots()));
    visit(std::as_bytes(std::span(member_)));
    visit(std::as_bytes(std::span(&draws_, 1)));
  }

  // What the draws of a row need; 65536ths of 1.
  struct Draws {
    std::array<int32_t, 4> niche_limits{};   // cumulative: the most liked niche, the next, ...
    std::array<int32_t, 4> member_limits{};  // likewise, of those within a niche
    int32_t favourites = 0;
    int32_t keep = 0;
  };
  struct DrawKeys {
    uint64_t favourite, favourite_start, start;  // of the world
    std::array<uint64_t, 2> row;                 // of the epoch
    uint64_t session, alone;                     // likewise
  };

 private:
  void PlanMembers(const Dataset& dataset);
  int32_t OwnCategory(int64_t user, uint32_t taste) const;

  World world_;
  Breadth breadth_;
  Curve tail_curve_;
  Draws draws_;
  DrawKeys keys_{};
  uint64_t row_key_;
  uint64_t own_key_;
  std::vector<int32_t> preferred_;  // by cluster; -1: none
  std::vector<int64_t> tail_;       // by category: items
  std::vector<int64_t> tail_end_;   // their sum up to the category
  std::vector<uint8_t> member_;     // by category, user's turn of 25, draw of 25: of the group

  // Scratch, by chosen row.
  std::vector<int64_t> user_, user_rows_, user_row_, place_, session_, turn_;
  std::vector<int32_t> cluster_;
  std::vector<uint32_t> taste_, chance_, draw_;
  std::vector<uint64_t> x_;
};

}  // namespace throng::plugins
