// What is counted of rows whatever their order, so that counts of some rows and of others add up:
// the mergeable state of statistics, for ids of any kind.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/dataset/id_text.h"
#include "server/inspection/ids.h"
#include "server/inspection/pair_counts.h"
#include "throng/v1/statistics.pb.h"

namespace throng {

inline constexpr int32_t kNoRating = std::numeric_limits<int32_t>::min();
inline constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kHourMs = 3'600'000;
inline constexpr int64_t kWeekMs = 168 * kHourMs;
// 1970-01-05, the first Monday.
inline constexpr int64_t kFirstMondayMs = 96 * kHourMs;

// Weeks since the first Monday's, of which each begins on a Monday 00:00 UTC.
int64_t WeekOf(int64_t time);

// Names with numbers, from 1; 0 is "unknown", as are all beyond kMost.
class Labels {
 public:
  static constexpr size_t kMost = 4096;
  uint16_t IndexOf(std::string_view name);
  const std::string& name(uint16_t index) const { return names_[index]; }
  size_t size() const { return names_.size(); }  // unknown included

 private:
  std::vector<std::string> names_{""};
  std::map<std::string, uint16_t, std::less<>> indices_{{"", 0}};
};

// Of rows that have something in common.
struct RatedRows {
  int64_t rows = 0;
  int64_t rated = 0;
  int64_t hundredths = 0;  // sum of the ratings

  void Add(int32_t rating) {
    ++rows;
    if (rating == kNoRating) return;
    ++rated;
    hundredths += rating;
  }
  void Add(const RatedRows& more) {
    rows += more.rows;
    rated += more.rated;
    hundredths += more.hundredths;
  }
  double MeanRating() const {
    return rated == 0 ? 0 : static_cast<double>(hundredths) / 100 / static_cast<double>(rated);
  }
};

// A user or an item.
struct Member : RatedRows {
  int64_t first_time = std::numeric_limits<int64_t>::max();  // of those that have one
  uint16_t label = 0;                                        // the cluster or category
  bool HasTime() const { return first_time != std::numeric_limits<int64_t>::max(); }
};

// Some rows, as columns of equal length.
struct RowColumns {
  std::span<const uint32_t> user;    // of Ids
  std::span<const uint32_t> item;    // of Ids
  std::span<const int32_t> rating;   // hundredths of a star, or kNoRating
  std::span<const int64_t> time;     // ms since 1970 UTC, or kNoTime
  std::span<const uint16_t> kind;    // of `kinds`; empty: all unknown
  std::span<const int64_t> session;  // INT64_MIN: none; empty: likewise
};

class RowCounts {
 public:
  // With how ids are written and the most pairs that are known one by one, if need be.
  explicit RowCounts(std::optional<IdText> users = {}, std::optional<IdText> items = {},
                     size_t most_pairs = PairCounts::kMost);
  RowCounts(const RowCounts&) = delete;
  RowCounts& operator=(const RowCounts&) = delete;

  // Makes room for a user, or item, that user_ids() or item_ids() have just been given; members of
  // rows must have it. True: it is new.
  bool MeetUser(uint32_t user) { return Meet(user, &users_); }
  bool MeetItem(uint32_t item) { return Meet(item, &items_); }

  void Add(const RowColumns& rows);
  // Adds the rows of a state. What is wrong with it as a sentence, and then this is of no use any
  // more; empty: nothing.
  std::string Merge(const v1::StatisticsState& state);
  // The state, in one message. `total_users`, `total_items`: of the world, 0: unknown.
  v1::StatisticsState State(int64_t total_users, int64_t total_items) const;

  int64_t rows = 0;
  std::map<int32_t, int64_t> Ratings() const;  // rows by rating
  int64_t timed_rows = 0;
  int64_t first_time = 0;  // of timed rows, if there are any
  int64_t last_time = 0;
  std::array<int64_t, 168> hours{};  // of the week
  std::map<int64_t, int64_t> weeks;  // rows by week
  Labels clusters, categories, kinds;
  std::map<std::pair<uint16_t, uint16_t>, RatedRows> Cells() const;  // by cluster and category
  std::vector<RatedRows> kind_rows;                                  // by kind
  // Whether a state without what figures need was added.
  bool has_no_figures = false;
  bool is_merged = false;

  Ids& user_ids() { return user_ids_; }
  Ids& item_ids() { return item_ids_; }
  const Ids& user_ids() const { return user_ids_; }
  const Ids& item_ids() const { return item_ids_; }
  std::vector<Member>& users() { return users_; }
  std::vector<Member>& items() { return items_; }
  const std::vector<Member>& users() const { return users_; }
  const std::vector<Member>& items() const { return items_; }
  const PairCounts& pairs() const { return pairs_; }

 private:
  static bool Meet(uint32_t index, std::vector<Member>* members) {
    if (index < members->size()) return false;
    members->resize(index + 1);
    return true;
  }
  void AddRating(int32_t hundredths, int64_t more);
  void AddTime(int64_t time);
  RatedRows& Cell(uint16_t cluster, uint16_t category);
  RatedRows& Kind(uint16_t kind);
  std::string MergeFigures(const v1::FiguresState& figures, std::span<const uint32_t> users,
                           std::span<const uint32_t> items);

  Ids user_ids_;
  Ids item_ids_;
  std::vector<Member> users_;  // by index
  std::vector<Member> items_;
  PairCounts pairs_;
  std::array<int64_t, 1001> ratings_{};  // 0.00 to 10.00
  std::map<int32_t, int64_t> other_ratings_;
  std::vector<std::vector<RatedRows>> cells_;  // by cluster, then category
  int64_t week_begin_ = 0;                     // of the week at hand
  int64_t* week_ = nullptr;
};

}  // namespace throng
