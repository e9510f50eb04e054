// When: evenly over a window of time, an epoch after the other.
#include "plugins/clock/window.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class UniformClock {
 public:
  struct Options : WindowOptions {};
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {StartOption<Options>(), WindowOption<Options>()};
  }

  UniformClock(const Options& options, const Dataset& dataset)
      : key_(dataset.key),
        options_(options),
        plan_size_(static_cast<uint64_t>(dataset.plan_size)) {}

  // Row i of an epoch of N rows and T ms: floor(T (i + u) / N) into its window, u in [0, 1). So
  // rows are in order of time, and every T/N has one.
  void Fill(const Rows& rows, std::span<int64_t> time) const {
    const uint64_t key = Hash(key_, static_cast<uint64_t>(rows.epoch));
    const auto window = static_cast<uint64_t>(options_.window.ms);
    const int64_t epoch_start = EpochStart(options_, rows.epoch);
    for (size_t begin = 0; begin < rows.size; begin += kPiece) {
      const size_t size = std::min(kPiece, rows.size - begin);
      const uint64_t first = static_cast<uint64_t>(rows.epoch_first) + begin;
      const Uint128 product = static_cast<Uint128>(window) * first;
      const auto whole = static_cast<int64_t>(product / plan_size_.divisor());
      const auto rest = static_cast<uint64_t>(product % plan_size_.divisor());
      for (size_t i = 0; i < size; ++i) {
        const uint64_t u = Hash(key, first + i);
        const uint64_t ms = plan_size_.Divide(rest + window * i + MultiplyHigh(window, u));
        time[begin + i] = epoch_start + whole + static_cast<int64_t>(ms);
      }
    }
  }

 private:
  static constexpr size_t kPiece = 1024;  // 64 bits hold this times a window of 100 years

  uint64_t key_;
  WindowOptions options_;
  Reciprocal plan_size_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("uniform", THRONG_VERSION, "Evenly spread.",
              throng::Clock<throng::plugins::UniformClock>("uniform",
                                                           "Events evenly over a window of time."))
