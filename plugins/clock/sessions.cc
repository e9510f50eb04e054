// When: in sessions, rows of one user some seconds apart, which begin by the hours of the week.
#include <algorithm>
#include <bit>
#include <numeric>
#include <string>

#include "plugins/clock/log_normal.h"
#include "plugins/clock/time_profile.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

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
    StartEpoch(rows.epoch);
    const Slice slice = SliceOf(rows.epoch_first, static_cast<int64_t>(rows.size));
    for (size_t i = 0; i < rows.size;) {
      const auto session = static_cast<uint64_t>(rows.session[i]);
      const auto size = static_cast<size_t>(rows.session_rows[i]);
      if (HoldsSession(rows, i, size)) {
        offsets_.resize(size);
        offsets_[0] = 0;
        for (size_t j = 1; j < size; ++j) offsets_[j] = offsets_[j - 1] + GapAt(session + j);
        const Course course = CourseOf(slice, session, offsets_[size - 1]);
        for (size_t j = 0; j < size; ++j) time[i + j] = course.TimeAt(offsets_[j]);
        i += size;
        continue;
      }
      // Its rows are not neighbours: the same sums for this row alone.
      const auto session_row = static_cast<uint64_t>(rows.session_row[i]);
      uint64_t offset = 0;
      uint64_t duration = 0;
      for (uint64_t j = 1; j < size; ++j) {
        duration += GapAt(session + j);
        if (j == session_row) offset = duration;
      }
      time[i] = CourseOf(slice, session, duration).TimeAt(offset);
      ++i;
    }
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    profile_.Tables(visit);
    visit(std::as_bytes(std::span(gaps_)));
  }

 private:
  static constexpr size_t kGaps = 4096;
  static constexpr int kGapShift = 32 - 12;
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
  };
  // When a session begins, and by how many 2^25ths its gaps are shrunk.
  struct Course {
    static constexpr int kShift = 25;
    int64_t start;
    uint64_t ratio;
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
    const int64_t rows = std::min<int64_t>(block_rows_, rows_);
    const auto slice = static_cast<int64_t>(
        static_cast<Uint128>(window) * static_cast<Uint128>(rows) / static_cast<Uint128>(rows_));
    const auto sum = std::accumulate(gaps_.begin(), gaps_.end(), uint64_t{0});
    if (slice >= kLongSession * static_cast<int64_t>(sum / kGaps)) return;
    const std::string text =
        slice < 1000 ? std::to_string(slice) + " ms" : std::to_string(slice / 1000) + " s";
    host.Warn("sessions are squeezed: each lies within its block's slice of time, which is " +
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
  Slice SliceOf(int64_t first_row, int64_t rows) const {
    const int64_t end_row = first_row + rows;
    Slice slice;
    slice.begin = profile_.AtShare(shares_.Begin(static_cast<uint64_t>(first_row)));
    slice.end = end_row == rows_ ? profile_.end()
                                 : profile_.AtShare(shares_.Begin(static_cast<uint64_t>(end_row)));
    slice.first_day = profile_.DayOf(slice.begin);
    slice.last_day = profile_.DayOf(std::max(slice.begin, slice.end - 1));
    slice.first = profile_.TimeOf(slice.begin, slice.first_day);
    slice.last = profile_.TimeOf(std::max(slice.begin, slice.end - 1), slice.last_day);
    return slice;
  }

  // Whether the `size` rows from i on are a session, in its order.
  static bool HoldsSession(const Rows& rows, size_t i, size_t size) {
    if (size > rows.size - i || rows.session_row[i] != 0) return false;
    for (size_t j = 1; j < size; ++j) {
      if (rows.session[i + j] != rows.session[i]) return false;
      if (rows.session_row[i + j] != static_cast<int64_t>(j)) return false;
    }
    return true;
  }

  // Between a place and the one before it.
  uint64_t GapAt(uint64_t place) const { return gaps_[Hash32(gap_key_, place) >> kGapShift]; }

  // A session of some ms: shrunk to .98 of the slice where it is longer, and placed in it by the
  // profile, where it still ends within.
  Course CourseOf(const Slice& slice, uint64_t session, uint64_t duration) const {
    Course course{.start = 0, .ratio = uint64_t{1} << Course::kShift};
    const auto most = static_cast<uint64_t>(slice.last - slice.first) * 98 / 100;
    if (duration > most) {
      course.ratio = (most << Course::kShift) / duration;
      duration = most;
    }
    const int64_t last_start = slice.last - static_cast<int64_t>(duration);
    const Uint128 end = std::min(slice.end, profile_.Before(last_start + 1));
    const Uint128 weight =
        slice.begin + TimeProfile::Scale(Hash(start_key_, session), end - slice.begin);
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

  std::vector<uint64_t> offsets_;  // scratch: of a session's rows from its begin, ms
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("sessions", THRONG_VERSION, "In sessions, by the hours of the week.",
              throng::Clock<throng::plugins::SessionsClock>(
                  "sessions", "Rows of a user some seconds apart, at the hours of the week."))
