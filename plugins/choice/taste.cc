// What is chosen by people with tastes: something of the preferred category, something popular, or
// at random; in sessions that keep to something, and from a range of items that changes.
#include <array>
#include <string>
#include <vector>

#include "plugins/choice/item_curves.h"
#include "plugins/choice/kind_deck.h"
#include "plugins/choice/kind_shares.h"
#include "plugins/choice/kinds.h"
#include "plugins/choice/popular_deal.h"
#include "plugins/choice/preferred_choice.h"
#include "plugins/choice/succession.h"
#include "plugins/tastes.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Taste {
 public:
  struct Options : KindShares {
    double breadth = 0.143;
    double favourites = 0.1;
    double keep = 0.7;
    double turnover = 0.2;
    double popular_turnover = 0;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    auto options = DeclareKindShares<Options>();
    options.push_back(Option<&Options::breadth>(
                          "breadth",
                          "Share of choices without regard to taste, of a user with as many "
                          "rows as a category has tail items; 0: no such choices, 1: no "
                          "tastes.")
                          .Range(0, 1));
    options.push_back(Option<&Options::favourites>("favourites",
                                                   "Share of preferred choices that repeat one of "
                                                   "the user's eight favourites.")
                          .Range(0, 1));
    options.push_back(Option<&Options::keep>("keep",
                                             "Share of the other preferred choices that keep to "
                                             "the niche of their session.")
                          .Range(0, 1));
    options.push_back(Option<&Options::turnover>("turnover",
                                                 "Share of the items of the tail that come or go "
                                                 "in the course of an epoch, another in their "
                                                 "place.")
                          .Range(0, 1));
    options.push_back(Option<&Options::popular_turnover>("popular_turnover",
                                                         "Share of the popular items that come or "
                                                         "go likewise.")
                          .Range(0, 1));
    return options;
  }
  static void Validate(const Options& options) { KindWeights(options); }

  Taste(const Options& options, const Dataset& dataset)
      : key_(DeriveKey(dataset.key, "taste")),
        world_key_(dataset.world_key),
        world_(dataset.world),
        deck_(KindWeights(options), dataset.plan_size, dataset.key),
        kinds_(KindsOf(deck_)),
        exponents_(ExponentsOf(world_, kinds_)),
        head_curve_(HeadCurve(world_->popular_items, exponents_.head)),
        popular_(kinds_[kPopular].rows, world_->popular_items, &head_curve_),
        random_(kinds_[kRandom].rows, world_->touched_items - world_->popular_items, nullptr),
        breadth_(options.breadth, static_cast<double>(random_.items()) /
                                      static_cast<double>(world_.categories().size())),
        preferred_(dataset, {.favourites = options.favourites, .keep = options.keep}, breadth_,
                   TailCurve(exponents_.tail)),
        popular_deal_(dataset, breadth_),
        tail_succession_(dataset, kRandom, random_, deck_, options.turnover),
        popular_succession_(dataset, kPopular, popular_, deck_, options.popular_turnover) {
    WarnIfUntouched(dataset.host, world_, kinds_, head_curve_);
  }
  Taste(const Taste&) = delete;
  Taste& operator=(const Taste&) = delete;

  std::vector<Kind> Kinds() const { return kinds_; }

  // Popular items are dealt to the rows of a block.
  static uint32_t BlockRows() { return 4096; }

  void Fill(const Rows& rows, ChoiceColumns out) {
    if (rows.epoch != epoch_) StartEpoch(rows);
    deck_.At(rows.place, out.kind, out.kind_row);
    by_kind_.Sort(out.kind);
    FillPreferred(rows, by_kind_.Of(kPreferred), out);
    FillPopular(rows, by_kind_.Of(kPopular), out);
    FillRandom(rows, by_kind_.Of(kRandom), out);
    const auto niche = rows.extra.Of<int32_t>(0);
    if (!niche.empty()) NicheOfItems(out.item, niche);
  }

  std::vector<Column> Columns(uint32_t table) const {
    Column niche{.type = THRONG_COLUMN_LABEL,
                 .name = "niche",
                 .doc = "Of the item, within its category.",
                 .labels = {}};
    for (int64_t i = 0; i < kNiches; ++i) {
      niche.labels.push_back("niche_" + std::to_string(i + 1));
    }
    if (table == THRONG_TABLE_USERS) {
      niche.doc = "The one that the user likes most, of the category that the cluster prefers.";
      niche.nullable = true;
      return {niche};
    }
    for (int64_t i = 0; i < kNicheGroup; ++i) {
      niche.labels.push_back("popular_" + std::to_string(i + 1));
    }
    return {niche};
  }

  void Side(uint32_t table, std::span<const int64_t> rank, const Extra& extra) const {
    const auto niche = extra.Of<int32_t>(0);
    if (niche.empty()) return;
    if (table == THRONG_TABLE_USERS) {
      preferred_.LikedNiche(rank, niche);
    } else {
      NicheOfItems(rank, niche);
    }
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(head_curve_.knots()));
    preferred_.Tables(visit);
    deck_.Tables(visit);
    const double breadth = breadth_.k();
    visit(std::as_bytes(std::span(&breadth, 1)));
    for (const Kind& kind : kinds_) visit(std::as_bytes(std::span(&kind.rows, 1)));
  }

 private:
  static std::vector<Kind> KindsOf(const KindDeck& deck) {
    std::vector<Kind> kinds;
    for (size_t kind = 0; kind < kKinds; ++kind) {
      kinds.push_back({kKindNames[kind], deck.Rows(kind)});
    }
    return kinds;
  }

  static CurveExponents ExponentsOf(const World& world, const std::vector<Kind>& kinds) {
    return FindExponents({.popular_items = world->popular_items,
                          .tail_items = world->touched_items - world->popular_items,
                          .preferred_rows = kinds[kPreferred].rows,
                          .popular_rows = kinds[kPopular].rows,
                          .random_rows = kinds[kRandom].rows});
  }

  void StartEpoch(const Rows& rows) {
    epoch_ = rows.epoch;
    const uint64_t key = Hash(key_, static_cast<uint64_t>(epoch_));
    for (size_t kind = 0; kind < kKinds; ++kind) {
      permutations_[kind] = Permutation(static_cast<uint64_t>(kinds_[kind].rows), Hash(key, kind));
    }
    deck_.StartEpoch(epoch_);
    preferred_.StartEpoch(epoch_);
    popular_deal_.StartEpoch(epoch_);
    tail_succession_.StartEpoch(rows, permutations_[kRandom]);
    popular_succession_.StartEpoch(rows, permutations_[kPopular]);
  }

  void FillPreferred(const Rows& rows, std::span<const uint32_t> chosen, ChoiceColumns out) {
    const size_t n = chosen.size();
    category_.resize(n);
    for (auto* column : {&index_, &item_index_, &item_}) column->resize(n);
    preferred_.Choose(rows, chosen, category_, index_);
    for (size_t j = 0; j < n; ++j) {
      item_index_[j] = world_.categories()[static_cast<size_t>(category_[j])]->popular + index_[j];
    }
    world_.CategoryItem(category_, item_index_, item_);
    for (size_t j = 0; j < n; ++j) out.item[chosen[j]] = item_[j];
    tail_succession_.Replace(rows, chosen, category_, index_, out.item);
  }

  void FillPopular(const Rows& rows, std::span<const uint32_t> chosen, ChoiceColumns out) {
    PermuteKindRows(kPopular, chosen, out);
    item_.resize(chosen.size());
    for (size_t j = 0; j < chosen.size(); ++j) item_[j] = popular_.At(index_[j]);
    popular_deal_.Deal(rows, chosen, item_, out.item);
    popular_succession_.Replace(rows, chosen, {}, {}, out.item);
  }

  void FillRandom(const Rows& rows, std::span<const uint32_t> chosen, ChoiceColumns out) {
    PermuteKindRows(kRandom, chosen, out);
    const int64_t first = world_->popular_items;
    for (size_t j = 0; j < chosen.size(); ++j) out.item[chosen[j]] = first + random_.At(index_[j]);
    tail_succession_.Replace(rows, chosen, {}, {}, out.item);
  }

  // index_[j] = a permutation of the kind's ordinals, at row chosen[j].
  void PermuteKindRows(size_t kind, std::span<const uint32_t> chosen, const ChoiceColumns& out) {
    index_.resize(chosen.size());
    for (size_t j = 0; j < chosen.size(); ++j) index_[j] = out.kind_row[chosen[j]];
    permutations_[kind].Map(index_, index_);
  }

  // Of the tail the niche of its place among the category's items, of popular items a 25th of the
  // circle of tastes; as an index of the column's labels.
  void NicheOfItems(std::span<const int64_t> item, std::span<int32_t> niche) const {
    std::vector<int64_t> index(item.size());
    world_.ItemCategory(item, niche);
    world_.ItemIndex(item, index);
    for (size_t i = 0; i < item.size(); ++i) {
      const int64_t popular = world_.categories()[static_cast<size_t>(niche[i])]->popular;
      const uint64_t angle = ItemAngle(world_key_, item[i]);
      niche[i] =
          static_cast<int32_t>(item[i] < world_->popular_items
                                   ? kNiches + static_cast<int64_t>(angle * kNicheGroup >> 32)
                                   : NicheOf(index[i] - popular));
    }
  }

  uint64_t key_;
  uint64_t world_key_;
  World world_;
  KindDeck deck_;
  std::vector<Kind> kinds_;
  CurveExponents exponents_;
  Curve head_curve_;
  SpacedItems popular_;
  SpacedItems random_;
  Breadth breadth_;
  PreferredChoice preferred_;
  PopularDeal popular_deal_;
  Succession tail_succession_;
  Succession popular_succession_;

  // Of the epoch that was filled last.
  int64_t epoch_ = -1;
  std::array<Permutation, kKinds> permutations_;

  // Scratch, by chosen row.
  RowsByKind by_kind_{kKinds};
  std::vector<int32_t> category_;
  std::vector<int64_t> index_, item_index_, item_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("taste", THRONG_VERSION, "Choices of people with tastes.",
              throng::Choice<throng::plugins::Taste>(
                  "taste",
                  "Preferred, popular and random choices in fixed shares, by people whose "
                  "tastes can be learnt."))
