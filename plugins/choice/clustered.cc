// What is chosen, and why: something of the preferred category, something popular, or at random.
#include <cmath>

#include "plugins/choice/kind_shares.h"
#include "plugins/choice/kinds.h"
#include "throng/kind_word.hpp"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

// The o-th of m equal parts of [0, 1), and a place within it at random for each k: as a fraction of
// 2^31.
THRONG_SIMD void PlaceEvenly(uint64_t key, const int64_t* k, const double* o, const double* m,
                             int32_t* x, size_t n) {
  for (size_t j = 0; j < n; ++j) {
    const uint32_t hash = Hash32(key, static_cast<uint64_t>(k[j]));
    const double within = static_cast<double>(static_cast<int32_t>(hash >> 1)) * 0x1p-31;
    const double scaled = (o[j] + within) / m[j] * 0x1p31;
    // Only rounding reaches 1.
    x[j] = static_cast<int32_t>(scaled < 0x1p31 - 1 ? scaled : 0x1p31 - 1);
  }
}

// How a user's preferred choices lie on the curve of popularity.
enum class Placement { kSpread, kIndependent };
// What the shares of the kinds hold for, to one row.
enum class Mix { kExact, kByUser };

class Clustered {
 public:
  struct Options : KindShares {
    Placement placement = Placement::kIndependent;
    Mix mix = Mix::kExact;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    auto options = DeclareKindShares<Options>();
    options.push_back(
        Option<&Options::placement>("placement",
                                    "How a user's preferred choices lie on the curve of "
                                    "popularity: spread evenly over it, so that a user seldom has "
                                    "two hits, or each independently of the others.")
            .Choices({"spread", "independent"}));
    options.push_back(
        Option<&Options::mix>("mix",
                              "Whether the shares of the kinds hold to one row for the epoch alone "
                              "(exact), so that users differ, or for each user too (by_user).")
            .Choices({"exact", "by_user"}));
    return options;
  }
  static void Validate(const Options& options) {
    KindWeights(options);
    if (options.placement == Placement::kSpread && options.mix == Mix::kExact) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "placement: spread needs to know how many preferred choices each user has; set "
                  "mix to by_user, or placement to independent.",
                  "placement");
    }
  }

  Clustered(const Options& options, const Dataset& dataset)
      : key_(dataset.key),
        rows_(dataset.plan_size),
        world_(dataset.world),
        word_(KindWeights(options)),
        placement_(options.placement),
        mix_(options.mix),
        popular_items_(world_->popular_items),
        tail_items_(world_->touched_items - world_->popular_items) {
    for (size_t kind = 0; kind < kKinds; ++kind) {
      kinds_.push_back({kKindNames[kind], word_.CounterOf(kind).Before(rows_)});
      grids_[kind] = Grid(static_cast<uint64_t>(kinds_[kind].rows));
    }
    for (const throng_cluster* cluster : world_.clusters()) {
      const bool has_one = cluster->prefers >= 0;
      const auto category = static_cast<size_t>(has_one ? cluster->prefers : 0);
      const throng_category& preferred = *world_.categories()[category];
      preferences_.push_back({.category = cluster->prefers,
                              .first = has_one ? preferred.popular : popular_items_,
                              .items = has_one ? preferred.tail : tail_items_});
    }
    PlanCurves(options.popular);
    WarnIfUntouched(dataset.host, world_, kinds_, popular_curve_);
  }

  std::vector<Kind> Kinds() const { return kinds_; }

  void Fill(const Rows& rows, ChoiceColumns out) {
    if (rows.epoch != epoch_) StartEpoch(rows.epoch);
    FillKinds(rows, out);
    by_kind_.Sort(out.kind);
    FillPreferred(rows, by_kind_.Of(kPreferred), out);
    FillPopular(by_kind_.Of(kPopular), out);
    FillRandom(by_kind_.Of(kRandom), out);
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(popular_curve_.knots()));
    visit(std::as_bytes(tail_curve_.knots()));
    for (const Kind& kind : kinds_) visit(std::as_bytes(std::span(&kind.rows, 1)));
  }

 private:
  struct Preference {
    int32_t category;  // -1: none
    int64_t first;     // of the tail, within the category; without one its rank
    int64_t items;     // of the tail
  };

  // Popularity: the first y of the touched items take y^t of the choices, t such that the popular
  // items take the share of their kind; for popular and tail items apart, its inverse scaled to
  // each. Shares below the popular items' own would turn popularity round, and are taken as even.
  void PlanCurves(double popular_share) {
    const double touched = static_cast<double>(popular_items_ + tail_items_);
    const double edge = static_cast<double>(popular_items_) / touched;
    const double share = std::max(std::min(popular_share, 0.95), edge);
    const double power = std::log(edge) / std::log(share);  // 1 / t
    popular_curve_ = Curve([&](double x) { return std::pow(x, power); });
    tail_curve_ = Curve(
        [&](double x) { return (std::pow(share + (1 - share) * x, power) - edge) / (1 - edge); });
  }

  void StartEpoch(int64_t epoch) {
    epoch_ = epoch;
    epoch_key_ = Hash(key_, static_cast<uint64_t>(epoch));
    shift_ =
        static_cast<int64_t>(MultiplyHigh(Hash(epoch_key_, kKinds), static_cast<uint64_t>(rows_)));
    for (size_t kind = 0; kind < kKinds; ++kind) {
      permutations_[kind] =
          Permutation(static_cast<uint64_t>(kinds_[kind].rows), Hash(epoch_key_, kind));
    }
    if (mix_ == Mix::kExact) {
      mixed_ = Permutation(static_cast<uint64_t>(rows_), Hash(epoch_key_, kKinds));
    }
  }

  // The word is read at places in an order of its own, or shifted round by another amount each
  // epoch: the places of a user then follow one another in it.
  void FillKinds(const Rows& rows, ChoiceColumns out) {
    place_.resize(rows.size);
    if (mix_ == Mix::kExact) {
      mixed_.Map(rows.place, place_);
      word_.At(place_, out.kind, out.kind_row);
      return;
    }
    const int64_t all = rows_;
    const int64_t shift = shift_;
    for (size_t i = 0; i < rows.size; ++i) {
      const int64_t place = rows.place[i] + shift;
      place_[i] = place >= all ? place - all : place;
    }
    word_.At(place_, out.kind, out.kind_row);
  }

  void FillPreferred(const Rows& rows, std::span<const uint32_t> chosen, ChoiceColumns out) {
    const size_t n = chosen.size();
    user_.resize(n);
    if (placement_ == Placement::kIndependent) {
      for (size_t j = 0; j < n; ++j) user_[j] = rows.user[chosen[j]];
      PermuteKindRows(kPreferred, chosen, out);
      PlacePreferred(chosen, out, [index = index_.data(), grid = grids_[kPreferred]](size_t j) {
        return grid.Point(static_cast<uint64_t>(index[j]));
      });
      return;
    }
    // The o-th of the m preferred choices of a user's run lies in the o-th m-th of the curve.
    for (auto* column : {&grid_, &index_}) column->resize(n);
    for (auto* column : {&o_, &m_}) column->resize(n);
    x_.resize(n);
    CountPreferred(rows, chosen, out.kind_row);
    PlaceEvenly(epoch_key_, grid_.data(), o_.data(), m_.data(), x_.data(), n);
    PlacePreferred(chosen, out,
                   [x = x_.data()](size_t j) { return static_cast<uint64_t>(x[j]) << 33; });
  }

  // The items of chosen rows whose users are in user_: at x(j), a fraction of 2^64, of the tail's
  // popularity curve. May write index_[j] once it has asked for x(j).
  template <class X>
  void PlacePreferred(std::span<const uint32_t> chosen, ChoiceColumns out, X x) {
    const size_t n = chosen.size();
    for (auto* column : {&cluster_, &category_}) column->resize(n);
    rows_of_.resize(n);
    world_.UserCluster(user_, cluster_);
    size_t special = 0;
    for (size_t j = 0; j < n; ++j) {
      const uint64_t y = tail_curve_(x(j));
      const Preference& preference = preferences_[static_cast<size_t>(cluster_[j])];
      const int64_t index = preference.first + static_cast<int64_t>(MultiplyHigh(
                                                   y, static_cast<uint64_t>(preference.items)));
      out.item[chosen[j]] = index;
      category_[special] = preference.category;
      index_[special] = index;
      rows_of_[special] = chosen[j];
      special += static_cast<size_t>(preference.category >= 0);
    }
    const std::span<int64_t> rank = std::span(user_).first(special);
    world_.CategoryItem(std::span(category_).first(special), std::span(index_).first(special),
                        rank);
    for (size_t j = 0; j < special; ++j) out.item[rows_of_[j]] = rank[j];
  }

  // o_ and m_ for each chosen row. They follow from the word: the places of a user's run follow one
  // another in it, round its end.
  void CountPreferred(const Rows& rows, std::span<const uint32_t> chosen,
                      std::span<const int64_t> kind_row) {
    const KindWord::Counter preferred = word_.CounterOf(kPreferred);
    const int64_t all = rows_;
    const int64_t all_preferred = kinds_[kPreferred].rows;
    for (size_t j = 0; j < chosen.size(); ++j) {
      const size_t i = chosen[j];
      const int64_t begin = place_[i] - rows.run_row[i];
      const int64_t end = begin + rows.run_rows[i];
      // Places before the word's begin are at its end, those behind its end at its begin.
      const bool is_wrapped = begin < 0;
      const bool wraps = end > all;
      const int64_t before = preferred.Before(begin + (is_wrapped ? all : 0));
      const int64_t until = preferred.Before(end - (wraps ? all : 0));
      const int64_t o = kind_row[i] - before + (is_wrapped ? all_preferred : 0);
      const int64_t m = until - before + (is_wrapped || wraps ? all_preferred : 0);
      user_[j] = rows.user[i];
      grid_[j] = rows.place[i];
      o_[j] = static_cast<double>(o);
      m_[j] = static_cast<double>(m);
    }
  }

  void FillPopular(std::span<const uint32_t> chosen, ChoiceColumns out) {
    PermuteKindRows(kPopular, chosen, out);
    for (size_t j = 0; j < chosen.size(); ++j) {
      const uint64_t x = grids_[kPopular].Point(static_cast<uint64_t>(index_[j]));
      out.item[chosen[j]] = static_cast<int64_t>(
          MultiplyHigh(popular_curve_(x), static_cast<uint64_t>(popular_items_)));
    }
  }

  void FillRandom(std::span<const uint32_t> chosen, ChoiceColumns out) {
    PermuteKindRows(kRandom, chosen, out);
    for (size_t j = 0; j < chosen.size(); ++j) {
      const uint64_t x = grids_[kRandom].Point(static_cast<uint64_t>(index_[j]));
      out.item[chosen[j]] = popular_items_ + static_cast<int64_t>(MultiplyHigh(
                                                 x, static_cast<uint64_t>(tail_items_)));
    }
  }

  // index_[j] = a permutation of the kind's ordinals, at row chosen[j].
  void PermuteKindRows(size_t kind, std::span<const uint32_t> chosen, const ChoiceColumns& out) {
    index_.resize(chosen.size());
    for (size_t j = 0; j < chosen.size(); ++j) index_[j] = out.kind_row[chosen[j]];
    permutations_[kind].Map(index_, index_);
  }

  uint64_t key_;
  int64_t rows_;
  World world_;
  KindWord word_;
  Placement placement_;
  Mix mix_;
  int64_t popular_items_;
  int64_t tail_items_;
  std::vector<Kind> kinds_;
  Grid grids_[kKinds];
  std::vector<Preference> preferences_;  // by cluster
  Curve popular_curve_;
  Curve tail_curve_;

  // Of the epoch that was filled last.
  int64_t epoch_ = -1;
  uint64_t epoch_key_ = 0;
  int64_t shift_ = 0;
  Permutation permutations_[kKinds];
  Permutation mixed_;  // of places, where the mix is exact

  // Scratch.
  RowsByKind by_kind_{kKinds};
  std::vector<int64_t> place_;  // by row; the others by chosen row
  std::vector<int64_t> user_, grid_, index_;
  std::vector<double> o_, m_;
  std::vector<int32_t> x_, cluster_, category_;
  std::vector<uint32_t> rows_of_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("clustered", THRONG_VERSION, "Choices by cluster, popularity and chance.",
              throng::Choice<throng::plugins::Clustered>(
                  "clustered", "Preferred, popular and random choices in fixed shares."))
