// When: by the hours of the week, each row by itself.
#include "plugins/clock/time_profile.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class DiurnalClock {
 public:
  using Options = ProfileOptions;
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return DeclareProfileOptions<Options>();
  }
  static void Validate(const Options& options) { TimeProfile::Validate(options); }

  DiurnalClock(const Options& options, const Dataset& dataset)
      : key_(dataset.key),
        profile_(options, DeriveKey(dataset.key, "days")),
        shares_(dataset.plan_size) {}

  // Row i of an epoch of N rows lies where (i + u)/N of the window's weight is before it, u in
  // [0, 1). So rows are in order of time, and every N-th of the weight has one.
  void Fill(const Rows& rows, std::span<int64_t> time) {
    profile_.StartEpoch(rows.epoch);
    const uint64_t key = Hash(key_, static_cast<uint64_t>(rows.epoch));
    const auto first = static_cast<uint64_t>(rows.epoch_first);
    TimeProfile::Hour hour;  // that holds the last row
    uint64_t share = 0;
    for (uint64_t row = first; row < first + rows.size; ++row) {
      share = row == first || row % RowShares::kPiece == 0 ? shares_.Begin(row)
                                                           : share + shares_.step();
      const uint64_t within = MultiplyHigh(shares_.step(), Hash(key, row));
      const Uint128 weight = profile_.AtShare(share + within);
      if (weight >= hour.end) hour = profile_.HourOf(weight);
      time[row - first] = hour.TimeOf(weight);
    }
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    profile_.Tables(visit);
  }

 private:
  uint64_t key_;
  TimeProfile profile_;
  RowShares shares_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("diurnal", THRONG_VERSION, "By the hours of the week.",
              throng::Clock<throng::plugins::DiurnalClock>(
                  "diurnal", "Events by the hours of the week: nights, evenings, weekends."))
