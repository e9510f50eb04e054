// A rating built with a newer minor version of the contract, in which batches have one column more.
#include <throng/sdk.hpp>

static_assert(THRONG_ABI_MINOR == 1);

class Moody {
 public:
  explicit Moody(const throng::Dataset& dataset) : metrics_(dataset.host.Metrics()) {}
  void Fill(const throng::Rows& rows, std::span<int32_t> rating) {
    metrics_.Add("rows_total", static_cast<double>(rows.size));
    metrics_.Set("last_row", static_cast<double>(rows.first));
    for (size_t i = 0; i < rows.size; ++i) {
      rating[i] = rows.mood.empty() ? 400 : static_cast<int32_t>(rows.mood[i]);
    }
  }

 private:
  throng::Metrics metrics_;
};
THRONG_PLUGIN("newer", "1.0.0", "Built with a newer contract.",
              throng::Rating<Moody>("moody", "The user's mood, or four stars."))
