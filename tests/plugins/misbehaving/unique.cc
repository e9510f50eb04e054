// A plugin with a GNU_UNIQUE symbol: it can never be unloaded.
#include <throng/sdk.hpp>

template <class T>
struct __attribute__((visibility("default"))) Shared {
  static int value;
};
template <class T>
int Shared<T>::value = 300;

class UniqueRating {
 public:
  explicit UniqueRating(const throng::Dataset&) {}
  void Fill(const throng::Rows&, std::span<int32_t> rating) const {
    for (int32_t& r : rating) r = Shared<int>::value;
  }
};

THRONG_PLUGIN("unique", "1.0.0", "Ratings that stay for ever.",
              throng::Rating<UniqueRating>("unique", "Three stars."))
