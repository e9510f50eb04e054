#include "server/inspection/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "server/inspection/figures_of_time.h"
#include "throng/plugin.h"

namespace throng {
namespace {

constexpr size_t kMostCells = 10'000;
constexpr int kCurvePoints = 200;
constexpr int64_t kLeastForChance = 10;  // rated rows of one whose mean is set against chance

// Between the two values nearest to a share of them. Ascending, at least one.
template <class Value>
double Quantile(const std::vector<Value>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const auto low = static_cast<double>(sorted[below]);
  return low + (static_cast<double>(sorted[above]) - low) * (at - static_cast<double>(below));
}

template <class Value>
void SetDistribution(const std::vector<Value>& sorted, v1::Distribution* d) {
  const auto n = static_cast<double>(sorted.size());
  d->set_count(static_cast<int64_t>(sorted.size()));
  if (sorted.empty()) return;
  double sum = 0;
  for (const Value value : sorted) sum += static_cast<double>(value);
  double squares = 0;
  for (const Value value : sorted) {
    const double off = static_cast<double>(value) - sum / n;
    squares += off * off;
  }
  d->set_mean(sum / n);
  d->set_sd(std::sqrt(squares / n));
  d->set_least(static_cast<double>(sorted.front()));
  d->set_p05(Quantile(sorted, 0.05));
  d->set_p25(Quantile(sorted, 0.25));
  d->set_p50(Quantile(sorted, 0.5));
  d->set_p75(Quantile(sorted, 0.75));
  d->set_p95(Quantile(sorted, 0.95));
  d->set_p99(Quantile(sorted, 0.99));
  d->set_greatest(static_cast<double>(sorted.back()));
}

// ---- Ratings --------------------------------------------------------------------------------

struct Moments {
  int64_t count = 0;
  double mean = 0;  // stars
  double sd = 0;
};

Moments MomentsOf(const std::map<int32_t, int64_t>& ratings) {
  Moments moments;
  double sum = 0;
  for (const auto& [hundredths, rows] : ratings) {
    moments.count += rows;
    sum += static_cast<double>(hundredths) * static_cast<double>(rows);
  }
  moments.mean = Ratio(sum / 100, static_cast<double>(moments.count));
  double squares = 0;
  for (const auto& [hundredths, rows] : ratings) {
    const double off = hundredths / 100.0 - moments.mean;
    squares += off * off * static_cast<double>(rows);
  }
  moments.sd = std::sqrt(Ratio(squares, static_cast<double>(moments.count)));
  return moments;
}

double ChanceRatio(const std::vector<Member>& members, const Moments& all) {
  double squares = 0;
  int64_t often = 0;
  for (const Member& member : members) {
    if (member.rated < kLeastForChance) continue;
    const double off = member.MeanRating() - all.mean;
    squares += static_cast<double>(member.rated) * off * off;
    ++often;
  }
  if (often < 2 || all.sd == 0) return 0;
  return squares / (all.sd * all.sd) / static_cast<double>(often - 1);
}

void AddBins(const std::vector<Member>& members, v1::Spread* spread) {
  struct Bin {
    int64_t members = 0;
    double sum = 0;
    double squares = 0;
  };
  std::map<int64_t, Bin> bins;  // by their fewest rows
  for (const Member& member : members) {
    if (member.rated == 0) continue;
    Bin& bin = bins[static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(member.rows)))];
    const double mean = member.MeanRating();
    ++bin.members;
    bin.sum += mean;
    bin.squares += mean * mean;
  }
  for (const auto& [from, bin] : bins) {
    const auto n = static_cast<double>(bin.members);
    v1::CountBin* line = spread->add_by_rows();
    line->set_from_rows(from);
    line->set_to_rows(2 * from - 1);
    line->set_members(bin.members);
    line->set_mean(bin.sum / n);
    line->set_sd(std::sqrt(std::max(0.0, bin.squares / n - bin.sum / n * bin.sum / n)));
  }
}

// ---- Spread ---------------------------------------------------------------------------------

std::vector<int64_t> AscendingRows(const std::vector<Member>& members) {
  std::vector<int64_t> rows;
  rows.reserve(members.size());
  for (const Member& member : members) {
    if (member.rows > 0) rows.push_back(member.rows);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

void AddCurves(const std::vector<int64_t>& rows, v1::Spread* spread) {
  const size_t n = rows.size();
  std::vector<int64_t> below(n + 1);  // rows of the first ones
  for (size_t i = 0; i < n; ++i) below[i + 1] = below[i] + rows[i];
  const auto all = static_cast<double>(below[n]);
  const auto count = static_cast<double>(n);
  const auto top = std::max<size_t>(1, static_cast<size_t>(std::llround(0.2 * count)));
  spread->set_top_fifth_share(static_cast<double>(below[n] - below[n - top]) / all);
  spread->set_bottom_half_share(static_cast<double>(below[n / 2]) / all);
  double weighted = 0;
  for (size_t i = 0; i < n; ++i) {
    weighted += static_cast<double>(i + 1) * static_cast<double>(rows[i]);
  }
  spread->set_gini(2 * weighted / (count * all) - (count + 1) / count);
  for (int percent = 0; percent <= 100; ++percent) {
    const double at = count * percent / 100;
    const size_t whole = std::min(static_cast<size_t>(at), n);
    const double more =
        whole < n ? (at - static_cast<double>(whole)) * static_cast<double>(rows[whole]) : 0;
    spread->add_lorenz((static_cast<double>(below[whole]) + more) / all);
  }
  int64_t last = 0;
  for (int i = 0; i < kCurvePoints; ++i) {
    const auto rank = std::llround(std::pow(count, i / (kCurvePoints - 1.0)));
    if (rank == last) continue;
    last = rank;
    v1::RankRows* point = spread->add_rank_curve();
    point->set_rank(rank);
    point->set_rows(rows[n - static_cast<size_t>(rank)]);
  }
}

void AddStays(const std::vector<Member>& members, const std::vector<TimeCounts::Stay>& stays,
              int64_t rows, v1::Spread* spread) {
  const int64_t last_fifth = rows / 5 * 4 + rows % 5 * 4 / 5;
  int64_t there = 0;
  int64_t only = 0;
  int64_t only_rows = 0;
  for (size_t i = 0; i < stays.size(); ++i) {
    if (stays[i].first_row < 0 || stays[i].last_row < last_fifth) continue;
    ++there;
    if (stays[i].first_row < last_fifth) continue;
    ++only;
    only_rows += members[i].rows;
  }
  spread->set_in_last_fifth(there);
  spread->set_only_in_last_fifth(only);
  spread->set_only_in_last_fifth_rows(only_rows);
}

void SetSpread(const std::vector<Member>& members, int64_t total, const Moments& all,
               v1::Spread* spread) {
  const std::vector<int64_t> rows = AscendingRows(members);
  spread->set_with_rows(static_cast<int64_t>(rows.size()));
  spread->set_total(total > 0 ? total : spread->with_rows());
  SetDistribution(rows, spread->mutable_rows());
  if (rows.empty()) return;
  AddCurves(rows, spread);
  std::vector<double> means;
  for (const Member& member : members) {
    if (member.rated > 0) means.push_back(member.MeanRating());
  }
  if (means.empty()) return;
  std::sort(means.begin(), means.end());
  SetDistribution(means, spread->mutable_mean_rating());
  spread->set_mean_rating_chance_ratio(ChanceRatio(members, all));
  AddBins(members, spread);
}

// ---- Groups ---------------------------------------------------------------------------------

struct GroupCounts {
  RatedRows rows;
  int64_t members = 0;
  int64_t total = 0;
};

// In order of their rows; what is unknown is left out. The label of each is in `order`.
void AddGroups(const Labels& labels, const std::vector<GroupCounts>& counts, int64_t all,
               google::protobuf::RepeatedPtrField<v1::Group>* groups,
               std::vector<uint16_t>* order) {
  for (size_t label = 1; label < labels.size(); ++label) {
    order->push_back(static_cast<uint16_t>(label));
  }
  std::stable_sort(order->begin(), order->end(), [&](uint16_t a, uint16_t b) {
    const int64_t rows_a = counts[a].rows.rows;
    const int64_t rows_b = counts[b].rows.rows;
    return rows_a != rows_b ? rows_a > rows_b : labels.name(a) < labels.name(b);
  });
  for (const uint16_t label : *order) {
    v1::Group* group = groups->Add();
    group->set_name(labels.name(label));
    group->set_members(counts[label].members);
    group->set_total(counts[label].total);
    group->set_rows(counts[label].rows.rows);
    group->set_share(Share(counts[label].rows.rows, all));
    group->set_mean_rating(counts[label].rows.MeanRating());
  }
}

void CountMembers(const std::vector<Member>& members, std::vector<GroupCounts>* groups) {
  for (const Member& member : members) {
    if (member.rows > 0) ++(*groups)[member.label].members;
  }
}

void AddLabels(const RowCounts& counts, const KnownWorld& known, v1::Figures* figures) {
  std::vector<GroupCounts> clusters(counts.clusters.size());
  std::vector<GroupCounts> categories(counts.categories.size());
  const auto cells = counts.Cells();
  for (const auto& [cell, rows] : cells) {
    clusters[cell.first].rows.Add(rows);
    categories[cell.second].rows.Add(rows);
  }
  CountMembers(counts.users(), &clusters);
  CountMembers(counts.items(), &categories);
  if (known.world != nullptr) {
    for (size_t label = 1; label < clusters.size(); ++label) {
      for (uint32_t i = 0; i < known.world->clusters_count; ++i) {
        const throng_cluster& cluster = *known.world->clusters[i];
        if (counts.clusters.name(static_cast<uint16_t>(label)) == cluster.name) {
          clusters[label].total = cluster.users;
        }
      }
    }
    for (size_t label = 1; label < categories.size(); ++label) {
      for (uint32_t i = 0; i < known.world->categories_count; ++i) {
        const throng_category& category = *known.world->categories[i];
        if (counts.categories.name(static_cast<uint16_t>(label)) == category.name) {
          categories[label].total = category.popular + category.tail + category.untouched;
        }
      }
    }
  }
  std::vector<uint16_t> cluster_order;
  std::vector<uint16_t> category_order;
  AddGroups(counts.clusters, clusters, counts.rows, figures->mutable_clusters(), &cluster_order);
  AddGroups(counts.categories, categories, counts.rows, figures->mutable_categories(),
            &category_order);
  if (cluster_order.size() * category_order.size() <= kMostCells) {
    for (const uint16_t cluster : cluster_order) {
      for (const uint16_t category : category_order) {
        const auto cell = cells.find({cluster, category});
        figures->add_cluster_category_rows(cell == cells.end() ? 0 : cell->second.rows);
      }
    }
  }
  int64_t rows_of_kinds = 0;
  for (const RatedRows& kind : counts.kind_rows) rows_of_kinds += kind.rows;
  if (rows_of_kinds != counts.rows) return;  // of some rows they are not known
  std::vector<GroupCounts> kinds(counts.kinds.size());
  for (size_t kind = 0; kind < counts.kind_rows.size(); ++kind) {
    kinds[kind].rows = counts.kind_rows[kind];
  }
  std::vector<uint16_t> kind_order;
  AddGroups(counts.kinds, kinds, counts.rows, figures->mutable_kinds(), &kind_order);
}

void SetPairs(const RowCounts& counts, double users, double items, v1::Figures* figures) {
  v1::Pairs* pairs = figures->mutable_pairs();
  const int64_t distinct = std::min(counts.pairs().Distinct(), counts.rows);
  pairs->set_distinct(distinct);
  pairs->set_repeated_rows_share(Share(counts.rows - distinct, counts.rows));
  pairs->set_density(Ratio(static_cast<double>(distinct), users * items));
  if (!counts.pairs().IsEstimate()) {
    pairs->set_repeated(counts.pairs().repeated());
    pairs->set_contradicted(counts.pairs().contradicted());
    return;
  }
  pairs->set_is_estimate(true);
  pairs->set_error(PairSketch::kError);
  figures->add_notes(fmt::format(
      "Distinct pairs are an estimate, with an error of {:.1f}%: {}.", 100 * PairSketch::kError,
      counts.is_merged ? "they are merged of states"
                       : fmt::format("there are more than {}", PairCounts::kMost)));
}

}  // namespace

v1::Statistics DeriveStatistics(const RowCounts& counts, const KnownWorld& world) {
  v1::Statistics s;
  int64_t users = 0;
  int64_t items = 0;
  int64_t most = 0;
  int64_t least = INT64_MAX;
  for (const Member& user : counts.users()) {
    if (user.rows == 0) continue;
    ++users;
    most = std::max(most, user.rows);
    least = std::min(least, user.rows);
  }
  for (const Member& item : counts.items()) items += item.rows > 0 ? 1 : 0;
  s.set_total_users(world.users > 0 ? world.users : users);
  s.set_total_items(world.items > 0 ? world.items : items);
  if (world.users == 0 || world.items == 0) s.set_totals_are_seen(true);
  s.set_total_interactions(counts.rows);
  s.set_unique_active_users(users);
  s.set_unique_items(items);
  s.set_max_interactions_per_user(most);
  s.set_min_interactions_per_user(users == 0 ? 0 : least);
  s.set_average_interactions_per_user(Share(counts.rows, s.total_users()));
  const std::map<int32_t, int64_t> ratings = counts.Ratings();
  const Moments moments = MomentsOf(ratings);
  s.set_average_rating(moments.mean);
  for (auto rating = ratings.rbegin(); rating != ratings.rend(); ++rating) {
    v1::RatingShare* line = s.add_rating_distribution();
    line->set_rating(rating->first / 100.0);
    line->set_interactions(rating->second);
    line->set_share(Share(rating->second, moments.count));
  }
  if (counts.timed_rows > 0) {
    SetTime(counts.first_time, s.mutable_first_timestamp());
    SetTime(counts.last_time, s.mutable_last_timestamp());
  }
  return s;
}

v1::Figures DeriveFigures(const RowCounts& counts, const TimeCounts* times,
                          const KnownWorld& world) {
  v1::Figures figures;
  const Moments ratings = MomentsOf(counts.Ratings());
  SetSpread(counts.users(), world.users, ratings, figures.mutable_users());
  SetSpread(counts.items(), world.items, ratings, figures.mutable_items());
  SetPairs(counts, static_cast<double>(figures.users().total()),
           static_cast<double>(figures.items().total()), &figures);
  figures.set_rated_rows(ratings.count);
  figures.set_rating_sd(ratings.sd);
  if (counts.timed_rows > 0) {
    figures.set_seconds(static_cast<double>(counts.last_time - counts.first_time) / 1000);
    for (const int64_t rows : counts.hours) figures.add_hour_of_week_rows(rows);
  }
  AddWeeks(counts, times, &figures);
  AddLabels(counts, world, &figures);
  if (times == nullptr || counts.rows == 0) return figures;
  AddStays(counts.users(), times->users(), counts.rows, figures.mutable_users());
  AddStays(counts.items(), times->items(), counts.rows, figures.mutable_items());
  SetGaps(times->gaps(), figures.mutable_gaps());
  SetSessions(times->sessions(), figures.mutable_sessions());
  AddTimelines(counts, *times, &figures);
  return figures;
}

int64_t RowsOfBusiest(const RowCounts& counts, int64_t top) {
  const std::vector<int64_t> rows = AscendingRows(counts.users());
  const auto n = std::min(static_cast<size_t>(top), rows.size());
  return std::accumulate(rows.end() - static_cast<ptrdiff_t>(n), rows.end(), int64_t{0});
}

}  // namespace throng
