// When: in sessions, rows of one user some seconds apart, which begin by the hours of the week.
#include <algorithm>
#include <bit>
#include <numeric>
#include <string>

#include "plugins/clock/log_normal.h"
#include "plugins/clock/near_hours.h"
#include "plugins/clock/time_profile.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

// The quantile of the gap between a place and the one before it.
constexpr size_t kGaps = 4096;
constexpr uint64_t GapOf(uint64_t key, uint64_t place) { return Hash32(key, place) / (1U << 20); }

THRONG_SIMD void FindGaps(uint64_t key, const int64_t* place, uint64_t* gap, size_t n) {
  for (size_t i = 0; i < n; ++i) gap[i] = GapOf(key, static_cast<uint64_t>(place[i]));
}

// Whether n rows, at least one, are whole sessions, the rows of each side by side and in order.
THRONG_SIMD bool HoldsSessions(const int64_t* session, const int64_t* row, const int64_t* rows,
                               size_t n) {
  bool is_broken = row[0] != 0 || row[n - 1] + 1 != rows[n - 1];
  for (size_t i = 1; i < n; ++i) {
    const bool goes_on = (session[i] == session[i - 1]) & (row[i] == row[i - 1] + 1);
    const bool begins = (row[i] == 0) & (row[i - 1] + 1 == rows[i - 1]);
    is_broken |= !(goes_on | begins);
  }
  return !is_broken;
}

class SessionsClock {
 public:
  struct Options : ProfileOptions {
    Duration gap;
    double gap_spread = 1.2;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    std::vector<OptionOf<Options>> options = DeclareProfileOptions<Options>();
    // Bounds such that the longest gap fits 32 bits.
    options.push_back(Option<&Options::gap>("gap", "Median time between two rows of a session.")
                          .Default("40s")
                          .Between("1ms", "30m"));
    options.push_back(
        Option<&Options::gap_spread>(
            "gap_spread", "Standard deviation of the logarithm of these times; 0: all are alike.")
            .Range(0, 2));
    return options;
  }
  static void Validate(const Options& options) { TimeProfile::Validate(options); }

  SessionsClock(const Options& options, const Dataset& dataset)
      : key_(dataset.key),
        rows_(dataset.plan_size),
        profile_(options, DeriveKey(dataset.key, "days")),
        shares_(dataset.plan_size),
        gaps_(LogNormalTable(kGaps, static_cast<double>(options.gap.ms), options.gap_spread)),
        block_rows_(WishFor(options.window.ms, dataset.plan_size)) {
    WarnIfSqueezed(options.window.ms, dataset.host);
  }

  uint32_t BlockRows() const { return block_rows_; }
  static bool Sorts() { return true; }

  // A block owns a slice of time, in which the profile has as much weight as the block has rows,
  // and each of its sessions lies within the slice.
  void Fill(const Rows& rows, std::span<int64_t> time) {
    if (rows.size == 0) return;
    StartEpoch(rows.epoch);
    const Slice slice = SliceOf(rows.epoch_first, static_cast<int64_t>(rows.size));
    if (!HoldsSessions(rows.session.data(), rows.session_row.data(), rows.session_rows.data(),
                       rows.size)) {
      FillOneByOne(rows, slice, time);
      return;
    }
    offsets_.resize(rows.size);
    courses_.resize(rows.size);
    FindGaps(gap_key_, rows.place.data(), offsets_.data(), rows.size);
    uint64_t offset = 0;
    for (size_t i = 0; i < rows.size; ++i) {
      offset = (offset + gaps_[offsets_[i]]) & (rows.session_row[i] == 0 ? 0 : ~uint64_t{0});
      offsets_[i] = offset;
    }
    for (size_t i = 0; i < rows.size; i += static_cast<size_t>(rows.session_rows[i])) {
      const uint64_t duration = offsets_[i + static_cast<size_t>(rows.session_rows[i]) - 1];
      courses_[i] = CourseOf(slice, static_cast<uint64_t>(rows.session[i]), duration);
    }
    for (size_t i = 0; i < rows.size; ++i) {
      time[i] = courses_[i - static_cast<size_t>(rows.session_row[i])].TimeAt(offsets_[i]);
    }
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    profile_.Tables(visit);
    visit(std::as_bytes(std::span(gaps_)));
  }

 private:
  static constexpr uint32_t kLeastBlock = 4096;
  static constexpr uint32_t kMostBlock = 65'408;

  // The times [first, last] that a block owns, and the weights [begin, end) in them.
  struct Slice {
    Uint128 begin;
    Uint128 end;
    int64_t first;
    int64_t last;
    size_t first_day;
    size_t last_day;
    bool is_near;  // its hours are in near_hours_
  };
  // When a session begins, and by how many 2^25ths its gaps are shrunk.
  struct Course {
    static constexpr int kShift = 25;
    int64_t start = 0;
    uint64_t ratio = uint64_t{1} << kShift;
    int64_t TimeAt(uint64_t offset) const {
      return start + static_cast<int64_t>((offset * ratio) >> kShift);
    }
  };

  // A power of two such that a block's slice is an hour or more on average, within bounds.
  static uint32_t WishFor(int64_t window, int64_t plan_size) {
    const auto rows_an_hour = static_cast<Uint128>(plan_size) * kHour;
    const Uint128 least = rows_an_hour / static_cast<Uint128>(window) +
                          (rows_an_hour % static_cast<Uint128>(window) > 0 ? 1 : 0);
    if (least > kMostBlock) return kMostBlock;
    return std::clamp(std::bit_ceil(static_cast<uint32_t>(least)), kLeastBlock, kMostBlock);
  }

  void WarnIfSqueezed(int64_t window, const Host& host) const {
    constexpr int64_t kLongSession = 20;  // rows
    // A block lies in one era of the activity, which is not told how many there are: as many as
    // `pareto` has unless told otherwise, of which each has 256 rows or more.
    const int64_t eras = std::clamp<int64_t>(rows_ / 256, 1, 10);
    const int64_t rows = std::min<int64_t>(block_rows_, rows_ / eras);
    const auto slice = static_cast<int64_t>(
        static_cast<Uint128>(window) * static_cast<Uint128>(rows) / static_cast<Uint128>(rows_));
    const auto sum = std::accumulate(gaps_.begin(), gaps_.end(), uint64_t{0});
    if (slice >= kLongSession * static_cast<int64_t>(sum / kGaps)) return;
    const std::string text =
        slice < 1000 ? std::to_string(slice) + " ms" : std::to_string(slice / 1000) + " s";
    host.Warn(
        "sessions are squeezed: each lies within the slice of time that its block of rows has, "
        "about " +
        text + " for " + std::to_string(rows) +
        " rows, so the gaps of those that would last longer shrink; ask for fewer "
        "interactions or for a longer window.");
  }

  void StartEpoch(int64_t epoch) {
    profile_.StartEpoch(epoch);
    const uint64_t epoch_key = Hash(key_, static_cast<uint64_t>(epoch));
    gap_key_ = Hash(epoch_key, 0);
    start_key_ = Hash(epoch_key, 1);
  }

  // Slices follow one another: the last millisecond of one is not after the first of the next.
  Slice SliceOf(int64_t first_row, int64_t rows) {
    const int64_t end_row = first_row + rows;
    Slice slice;
    slice.begin = profile_.AtShare(shares_.Begin(static_cast<uint64_t>(first_row)));
    slice.end = end_row == rows_ ? profile_.end()
                                 : profile_.AtShare(shares_.Begin(static_cast<uint64_t>(end_row)));
    slice.first_day = profile_.DayOf(slice.begin);
    slice.last_day = profile_.DayOf(std::max(slice.begin, slice.end - 1));
    slice.first = profile_.TimeOf(slice.begin, slice.first_day);
    slice.last = profile_.TimeOf(std::max(slice.begin, slice.end - 1), slice.last_day);
    slice.is_near = near_hours_.Take(profile_, slice.first, slice.last, static_cast<size_t>(rows));
    return slice;
  }

  // The same where the rows of a session are not neighbours: the sums for each row alone.
  void FillOneByOne(const Rows& rows, const Slice& slice, std::span<int64_t> time) const {
    for (size_t i = 0; i < rows.size; ++i) {
      const auto session = static_cast<uint64_t>(rows.session[i]);
      uint64_t offset = 0;
      uint64_t duration = 0;
      for (int64_t j = 1; j < rows.session_rows[i]; ++j) {
        duration += gaps_[GapOf(gap_key_, session + static_cast<uint64_t>(j))];
        if (j == rows.session_row[i]) offset = duration;
      }
      time[i] = CourseOf(slice, session, duration).TimeAt(offset);
    }
  }

  // A session of some ms: shrunk to .98 of the slice where it is longer, and placed in it by the
  // profile, where it still ends within.
  Course CourseOf(const Slice& slice, uint64_t session, uint64_t duration) const {
    Course course;
    const auto most = static_cast<uint64_t>(slice.last - slice.first) * 98 / 100;
    if (duration > most) {
      course.ratio = (most << Course::kShift) / duration;
      duration = most;
    }
    const int64_t last_start = slice.last - static_cast<int64_t>(duration);
    const uint64_t hash = Hash(start_key_, session);
    if (slice.is_near) {
      const auto begin = static_cast<uint64_t>(slice.begin - near_hours_.base());
      const uint64_t end = std::min(static_cast<uint64_t>(slice.end - near_hours_.base()),
                                    near_hours_.Within(last_start + 1));
      course.start = near_hours_.TimeOf(begin + MultiplyHigh(hash, end - begin));
      return course;
    }
    const Uint128 end = std::min(slice.end, profile_.Before(last_start + 1));
    const Uint128 weight = slice.begin + TimeProfile::Scale(hash, end - slice.begin);
    course.start = profile_.TimeOf(weight, profile_.DayOf(weight, slice.first_day, slice.last_day));
    return course;
  }

  uint64_t key_;
  int64_t rows_;
  TimeProfile profile_;
  RowShares shares_;
  std::vector<uint32_t> gaps_;  // ms
  uint32_t block_rows_;

  // Of the epoch that was filled last.
  uint64_t gap_key_ = 0;
  uint64_t start_key_ = 0;

  NearHours near_hours_;  // of the slice that was filled last

  // Scratch, by row.
  std::vector<uint64_t> offsets_;  // from its session's begin, ms
  std::vector<Course> courses_;    // of the session that begins there
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("sessions", THRONG_VERSION, "In sessions, by the hours of the week.",
              throng::Clock<throng::plugins::SessionsClock>(
                  "sessions", "Rows of a user some seconds apart, at the hours of the week."))
