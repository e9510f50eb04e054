// A rating built with a newer minor version of the contract, in which batches have one column more.
#include <throng/sdk.hpp>

static_assert(THRONG_ABI_MINOR == 1);

class Moody {
 public:
  explicit Moody(const throng::Dataset& /*dataset*/) {}
  void Fill(const throng::Rows& rows, std::span<int32_t> rating) {
    for (size_t i = 0; i < rows.size; ++i) {
      rating[i] = rows.mood.empty() ? 400 : static_cast<int32_t>(rows.mood[i]);
    }
  }
};
THRONG_PLUGIN("newer", "1.0.0", "Built with a newer contract.",
              throng::Rating<Moody>("moody", "The user's mood, or four stars."))
