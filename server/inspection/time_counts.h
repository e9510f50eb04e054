// What is counted of rows in order of time: gaps, sessions, and who was there when. It does not add
// up over parts of the rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "server/inspection/row_counts.h"

namespace throng {

// Lengths of time, from 0 ms on, in bins of 1 in 128 of their length.
class GapCounts {
 public:
  static constexpr int64_t kMinute = 60'000;
  static constexpr int64_t kHalfHour = 1'800'000;
  static constexpr int64_t kDay = 86'400'000;
  static constexpr size_t kInOctave = 128;

  void Add(int64_t ms);

  int64_t count = 0;
  long double sum = 0;  // ms
  long double squares = 0;
  int64_t least = 0;  // of none: 0
  int64_t greatest = 0;
  int64_t within_minute = 0;
  int64_t within_half_hour = 0;
  int64_t beyond_day = 0;

  // The gap below which a share of them is, in ms.
  double Quantile(double share) const;
  // Half octaves from `first` (a power of two of ms) on: bin i has gaps of [begin, 1.5 begin) or
  // [1.5 begin, 2 begin).
  struct Bin {
    int64_t from = 0;
    int64_t to = 0;
    int64_t count = 0;
  };
  std::vector<Bin> HalfOctaves() const;

 private:
  static size_t BinOf(int64_t ms);
  static int64_t BeginOf(size_t bin);

  std::array<int64_t, 64 * kInOctave> bins_{};
};

// Sessions as the data tell them, by their ids.
class ToldSessions {
 public:
  struct Session {
    int64_t id = 0;
    int64_t first = 0;  // ms since 1970 UTC
    int64_t last = 0;
    int64_t rows = 0;  // 0: a free place
  };

  void Add(int64_t id, int64_t time);
  size_t size() const { return size_; }
  // Those with rows are the sessions.
  const std::vector<Session>& places() const { return places_; }

 private:
  size_t PlaceOf(int64_t id) const;

  std::vector<Session> places_ = std::vector<Session>(1024);
  size_t size_ = 0;
};

// Rows as time needs them, to be put in order later.
struct Event {
  uint32_t user = 0;
  uint32_t item = 0;
  int64_t time = 0;
};

class TimeCounts {
 public:
  static constexpr size_t kMostEvents = size_t{1} << 24;  // 256 MiB
  static constexpr size_t kMostSessions = 8'000'000;

  explicit TimeCounts(size_t most_events = kMostEvents) : most_events_(most_events) {}

  void Add(const RowColumns& rows);
  // Once all rows are there: puts them in order where they came in another one, and ends sessions.
  // False: they are too many to be put in order, or some have no time, and what follows is not
  // known.
  bool Finish();

  // The first rows, in order of time, and whether those are all.
  const std::vector<Event>& events() const { return events_; }
  bool HasAllEvents() const { return static_cast<int64_t>(events_.size()) == rows_; }

  const GapCounts& gaps() const { return gaps_; }

  struct SessionCounts {
    bool is_told = false;
    int64_t count = 0;
    int64_t rows = 0;
    long double ms = 0;                 // from first rows to last ones, of all
    std::array<int64_t, 20> by_rows{};  // of 1, 2, ... rows; 20 and more
  };
  const SessionCounts& sessions() const { return sessions_; }

  // First and last row of each, in order of time; -1: none.
  struct Stay {
    int64_t first_row = -1;
    int64_t last_row = -1;
    int64_t last_week = INT64_MIN;
  };
  const std::vector<Stay>& users() const { return users_; }
  const std::vector<Stay>& items() const { return items_; }
  // Users and items with a row in each week.
  struct Present {
    int64_t users = 0;
    int64_t items = 0;
  };
  const std::map<int64_t, Present>& weeks() const { return weeks_; }
  int64_t rows() const { return rows_; }

 private:
  struct Open {  // a user's session by gaps
    int64_t first = 0;
    int64_t last = 0;
    int64_t rows = 0;
  };

  void AddInOrder(const Event& event);
  void SeeInWeek(int64_t time);
  void End(int64_t rows, int64_t ms, SessionCounts* sessions);

  const size_t most_events_;
  std::vector<Event> events_;
  int64_t rows_ = 0;
  int64_t last_time_ = INT64_MIN;
  bool is_in_order_ = true;
  bool has_all_times_ = true;
  bool has_all_sessions_ = true;

  // In order of time:
  int64_t row_ = 0;
  GapCounts gaps_;
  SessionCounts sessions_;
  std::vector<Open> open_;  // by user
  std::vector<Stay> users_;
  std::vector<Stay> items_;
  std::map<int64_t, Present> weeks_;
  int64_t week_ = INT64_MIN;
  int64_t week_begin_ = 0;
  Present* present_ = nullptr;
  ToldSessions told_;
};

}  // namespace throng
