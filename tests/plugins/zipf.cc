// Chooses items with Zipf-distributed popularity.
#include <cmath>
#include <throng/random.hpp>
#include <throng/sdk.hpp>

class ZipfChoice {
 public:
  struct Options {
    double exponent = 1.1;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::exponent>("exponent", "Skew; 0 is uniform.").Range(0, 10)};
  }
  // The n-th item gets about n^-exponent of the rows: its inverse distribution, as a table.
  ZipfChoice(const Options& options, const throng::Dataset& dataset)
      : key_(dataset.key), items_(static_cast<uint64_t>(dataset.world->touched_items)) {
    const auto n = static_cast<double>(items_);
    const double t = 1 - options.exponent + 1e-9;  // at 0 it would be a logarithm
    curve_ = throng::Curve(
        [&](double v) { return (std::pow(1 + v * (std::pow(1 + n, t) - 1), 1 / t) - 1) / n; });
  }
  void Fill(const throng::Rows& rows, std::span<int64_t> item) const {
    for (size_t i = 0; i < rows.size; ++i) {
      const uint64_t v = throng::Hash(key_, static_cast<uint64_t>(rows.first) + i);
      item[i] = static_cast<int64_t>(throng::MultiplyHigh(curve_(v), items_));
    }
  }

 private:
  uint64_t key_, items_;
  throng::Curve curve_;
};
THRONG_PLUGIN("zipf", "1.0.0", "Zipf-distributed behaviours.",
              throng::Choice<ZipfChoice>("zipf", "Zipf item popularity."))
