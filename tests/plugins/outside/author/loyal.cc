// Chooses what a user always chooses, or anything: two kinds in exact shares.
#include <throng/kind_word.hpp>
#include <throng/random.hpp>
#include <throng/rounding.hpp>
#include <throng/sdk.hpp>

class LoyalChoice {
 public:
  struct Options {
    double loyal = 0.75;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::loyal>("loyal", "Share of choices of the user's own item.")
                .Range(0, 1)};
  }
  static void Validate(const Options& options) {
    if (options.loyal * 1000 == std::round(options.loyal * 1000)) return;
    throw throng::Error(THRONG_INVALID_ARGUMENT, "loyal has more than three decimals; round it.",
                        "loyal");
  }
  LoyalChoice(const Options& options, const throng::Dataset& dataset)
      : key_(dataset.key),
        taste_key_(throng::DeriveKey(dataset.world_key, "loyal")),
        rows_(dataset.plan_size),
        items_(static_cast<uint64_t>(dataset.world->touched_items)),
        word_(throng::IntegerWeights(std::vector{options.loyal, 1 - options.loyal})) {}

  std::vector<throng::Kind> Kinds() const {
    return {{"loyal", word_.CounterOf(0).Before(rows_)},
            {"curious", word_.CounterOf(1).Before(rows_)}};
  }
  void Fill(const throng::Rows& rows, throng::ChoiceColumns out) const {
    word_.At(rows.place, out.kind, out.kind_row);
    for (size_t i = 0; i < rows.size; ++i) {
      const auto row = static_cast<uint64_t>(rows.first) + i;
      const uint64_t x = out.kind[i] == 0
                             ? throng::Hash(taste_key_, static_cast<uint64_t>(rows.user[i]))
                             : throng::Hash(key_, row);
      out.item[i] = static_cast<int64_t>(throng::MultiplyHigh(x, items_));
    }
  }

 private:
  uint64_t key_, taste_key_;
  int64_t rows_;
  uint64_t items_;
  throng::KindWord word_;
};
THRONG_PLUGIN("loyal", "1.2.3", "Loyal and curious users.",
              throng::Choice<LoyalChoice>("loyal", "The user's own item, or any."))
