// A choice with columns of its own beside the item: the item's niche, how much it was wanted, and
// the same niche in the side table of items. And a rating that few rows get.
#include <limits>
#include <throng/random.hpp>
#include <throng/sdk.hpp>

class NicheChoice {
 public:
  struct Options {
    bool breaks = false;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::breaks>("breaks", "Whether a niche is one that is not there.")};
  }
  NicheChoice(const Options& options, const throng::Dataset& dataset)
      : breaks_(options.breaks),
        key_(dataset.key),
        items_(static_cast<uint64_t>(dataset.world->touched_items)) {}

  std::vector<throng::Column> Columns(uint32_t table) const {
    const throng::Column niche{.type = THRONG_COLUMN_LABEL,
                               .name = "niche",
                               .doc = "Of the item.",
                               .labels = {"jazz", "folk", "metal"}};
    const throng::Column wanted{.type = THRONG_COLUMN_FLOAT64,
                                .name = "wanted",
                                .doc = "How much, from 0 to 1; absent for every fourth row.",
                                .nullable = true};
    if (table == THRONG_TABLE_INTERACTIONS) return {niche, wanted};
    if (table == THRONG_TABLE_ITEMS) return {niche};
    return {};
  }

  void Fill(const throng::Rows& rows, std::span<int64_t> item) const {
    const auto niche = rows.extra.Of<int32_t>(0);
    const auto wanted = rows.extra.Of<double>(1);
    for (size_t i = 0; i < rows.size; ++i) {
      const uint64_t hash = throng::Hash(key_, static_cast<uint64_t>(rows.first) + i);
      item[i] = static_cast<int64_t>(throng::MultiplyHigh(hash, items_));
      if (!niche.empty()) niche[i] = NicheOf(item[i]);
      if (!wanted.empty()) wanted[i] = hash % 4 == 0 ? kAbsent : static_cast<double>(hash % 4) / 4;
    }
  }

  void Side(uint32_t /*table*/, std::span<const int64_t> rank, const throng::Extra& extra) const {
    const auto niche = extra.Of<int32_t>(0);
    for (size_t i = 0; i < niche.size(); ++i) niche[i] = NicheOf(rank[i]);
  }

 private:
  static constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
  int32_t NicheOf(int64_t item) const { return breaks_ ? 3 : static_cast<int32_t>(item % 3); }

  bool breaks_;
  uint64_t key_, items_;
};

class SeldomRating {
 public:
  explicit SeldomRating(const throng::Dataset& dataset) : key_(dataset.key) {}
  bool LeavesOut() const { return true; }
  // By niche, where there is a rating.
  void Fill(const throng::Rows& rows, std::span<int32_t> rating) const {
    for (size_t i = 0; i < rows.size; ++i) {
      const bool is_rated = throng::Hash(key_, static_cast<uint64_t>(rows.first) + i) % 4 == 0;
      rating[i] = is_rated ? StarsOf(rows.item[i]) : -1;
    }
  }
  void Learn(const throng::Rows& rows) {
    if (rows.rating[0] < -1) throw throng::Error(THRONG_INTERNAL, "It was shown no rating.");
    learnt_ += static_cast<int64_t>(rows.size);
  }
  void Score(const throng::Pairs& pairs) const {
    if (learnt_ == 0) throw throng::Error(THRONG_FAILED_PRECONDITION, "It has learnt nothing.");
    for (size_t i = 0; i < pairs.size; ++i) pairs.stars[i] = StarsOf(pairs.item[i]) / 100.0;
  }

 private:
  static int32_t StarsOf(int64_t item) { return 200 + 100 * static_cast<int32_t>(item % 3); }
  uint64_t key_;
  int64_t learnt_ = 0;
};

THRONG_PLUGIN("niches", "1.0.0", "Choices that tell why, and ratings that few rows get.",
              throng::Choice<NicheChoice>("niches", "Evenly, in three niches."),
              throng::Rating<SeldomRating>("seldom", "Every fourth row, by niche."))
