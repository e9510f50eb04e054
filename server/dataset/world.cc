#include "server/dataset/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "throng/rounding.hpp"

namespace throng {
namespace {

constexpr int64_t kMaxDirect = 4096;  // users or items that are looked up instead of computed
constexpr int64_t kMaxMembers = 4'294'967'295;
constexpr size_t kMaxGroups = 1000;

template <class Parameters>
std::vector<int64_t> Weights(const std::vector<Parameters>& groups) {
  std::vector<double> shares;
  shares.reserve(groups.size());
  for (const Parameters& group : groups) shares.push_back(group.share);
  return IntegerWeights(shares);
}

// How many of `all` are a share of them; half a one counts.
int64_t ShareOf(double share, int64_t all) {
  return std::llround(share * static_cast<double>(all));
}

// The least share of so many that is one of them, with a hair more than is needed; and the fewest
// of whom a share is one.
double ShareOfOne(int64_t all) { return std::ceil(0.5e9 / static_cast<double>(all)) / 1e9; }
int64_t MembersForOne(double share) {
  auto members = static_cast<int64_t>(std::ceil(std::min(0.5 / share, 1e15)));
  if (ShareOf(share, members) < 1) ++members;
  return members;
}

class Checker {
 public:
  explicit Checker(Problems* problems) : problems_(problems), before_(problems->size()) {}

  bool Ok() const { return problems_->size() == before_; }

  template <class... Values>
  void Require(bool holds, const std::string& field, fmt::format_string<Values...> message,
               Values&&... values) {
    if (holds) return;
    problems_->push_back(
        {"dataset.world." + field, fmt::format(message, std::forward<Values>(values)...)});
  }

  template <class Parameters>
  void Groups(const std::vector<Parameters>& groups, const std::string& field) {
    Require(!groups.empty() && groups.size() <= kMaxGroups, field, "Give 1 to {} {}, not {}.",
            kMaxGroups, field, groups.size());
    double sum = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
      Share(groups[i].share, fmt::format("{}[{}].share", field, i));
      sum += groups[i].share;
    }
    Require(std::abs(sum - 1) < 1e-6 || groups.empty(), field,
            "The shares of the {} sum to {:.9g}; they must sum to 1.", field, sum);
  }

  void Share(double share, const std::string& field) {
    Require(share > 0 && share <= 1, field, "{} is no share; give a number above 0 and at most 1.",
            share);
  }

 private:
  Problems* problems_;
  size_t before_;
};

// What follows from the counts of a valid world: a preferred category needs something to choose.
void CheckPreferences(const WorldParameters& parameters, const throng_world& world,
                      Checker* checker) {
  for (size_t i = 0; i < parameters.clusters.size(); ++i) {
    const int32_t prefers = world.clusters[i]->prefers;
    if (prefers < 0) continue;
    const auto category = static_cast<size_t>(prefers);
    checker->Require(
        world.categories[category]->tail > 0, fmt::format("clusters[{}].prefers", i),
        "Category \"{}\" has {} items, none of them touched and not popular, so that nobody can "
        "prefer it. Give dataset.world.categories[{}] a larger share, or the world more items.",
        world.categories[category]->name,
        world.categories[category]->popular + world.categories[category]->untouched, category);
  }
}

}  // namespace

// ---- Numbers --------------------------------------------------------------------------------

Numbers::Numbers(int64_t size, uint64_t key) : permutation_(static_cast<uint64_t>(size), key) {
  if (size > kMaxDirect) return;
  number_.resize(static_cast<size_t>(size));
  rank_.resize(static_cast<size_t>(size));
  for (size_t rank = 0; rank < number_.size(); ++rank) {
    const uint64_t number = permutation_.Map(rank);
    number_[rank] = static_cast<int32_t>(number);
    rank_[number] = static_cast<int32_t>(rank);
  }
}

void Numbers::FromRanks(std::span<const int64_t> rank, std::span<int64_t> number) const {
  if (number_.empty()) return permutation_.Map(rank, number);
  for (size_t i = 0; i < rank.size(); ++i) number[i] = number_[static_cast<size_t>(rank[i])];
}

void Numbers::ToRanks(std::span<const int64_t> number, std::span<int64_t> rank) const {
  if (rank_.empty()) return permutation_.Unmap(number, rank);
  for (size_t i = 0; i < number.size(); ++i) rank[i] = rank_[static_cast<size_t>(number[i])];
}

// ---- Groups ---------------------------------------------------------------------------------

Groups::Groups(std::span<const int64_t> tiers, std::span<const int64_t> weights, uint64_t key)
    : groups_(weights.size()) {
  __extension__ using Int128 = __int128;
  const Int128 sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
  const int64_t all = std::accumulate(tiers.begin(), tiers.end(), int64_t{0});
  RealTable table{.rows = tiers.size(), .columns = groups_, .floors = {}, .fractions = {}};
  for (const int64_t tier : tiers) {
    for (const int64_t weight : weights) {
      table.floors.push_back(static_cast<int64_t>(Int128{tier} * weight / sum));
      table.fractions.push_back(static_cast<double>(Int128{tier} * weight % sum) /
                                static_cast<double>(sum));
    }
  }
  std::vector<int64_t> least;
  std::vector<int64_t> most;
  for (const int64_t weight : weights) {
    least.push_back(static_cast<int64_t>(Int128{all} * weight / sum));
    most.push_back(least.back() + (Int128{all} * weight % sum > 0 ? 1 : 0));
  }
  counts_ = RoundTable(table, tiers, least, most);

  int64_t first_rank = 0;
  for (size_t tier = 0; tier < tiers.size(); ++tier) {
    deals_.emplace_back(std::span(counts_).subspan(tier * groups_, groups_), Hash(key, tier));
    first_rank_.push_back(first_rank);
    first_rank += tiers[tier];
  }
  if (all > kMaxDirect) return;
  std::vector<std::vector<int32_t>> members(groups_);
  for (int64_t rank = 0; rank < all; ++rank) {
    const int32_t group = OfRank(rank);
    std::vector<int32_t>& ranks = members[static_cast<size_t>(group)];
    index_.push_back(static_cast<int32_t>(ranks.size()));
    ranks.push_back(static_cast<int32_t>(rank));
    group_.push_back(group);
  }
  for (const std::vector<int32_t>& ranks : members) {
    first_member_.push_back(static_cast<int32_t>(member_.size()));
    member_.insert(member_.end(), ranks.begin(), ranks.end());
  }
}

int32_t Groups::OfRank(int64_t rank) const {
  size_t tier = first_rank_.size() - 1;
  while (rank < first_rank_[tier]) --tier;
  return deals_[tier].Find(rank - first_rank_[tier]).hand;
}

int64_t Groups::Member(int32_t group, int64_t index) const {
  size_t tier = 0;
  while (index >= Count(tier, static_cast<size_t>(group))) {
    index -= Count(tier, static_cast<size_t>(group));
    ++tier;
  }
  return first_rank_[tier] + deals_[tier].Position({group, index});
}

void Groups::OfRanks(std::span<const int64_t> rank, std::span<int32_t> group) const {
  if (group_.empty()) {
    for (size_t i = 0; i < rank.size(); ++i) group[i] = OfRank(rank[i]);
  } else {
    for (size_t i = 0; i < rank.size(); ++i) group[i] = group_[static_cast<size_t>(rank[i])];
  }
}

void Groups::Members(std::span<const int32_t> group, std::span<const int64_t> index,
                     std::span<int64_t> rank) const {
  if (group_.empty()) {
    for (size_t i = 0; i < index.size(); ++i) rank[i] = Member(group[i], index[i]);
  } else {
    for (size_t i = 0; i < index.size(); ++i) {
      rank[i] =
          member_[static_cast<size_t>(first_member_[static_cast<size_t>(group[i])] + index[i])];
    }
  }
}

int64_t Groups::Index(int64_t rank) const {
  size_t tier = first_rank_.size() - 1;
  while (rank < first_rank_[tier]) --tier;
  const Deal::Card card = deals_[tier].Find(rank - first_rank_[tier]);
  int64_t index = card.index;
  while (tier-- > 0) index += Count(tier, static_cast<size_t>(card.hand));
  return index;
}

void Groups::Indices(std::span<const int64_t> rank, std::span<int64_t> index) const {
  for (size_t i = 0; i < rank.size(); ++i) {
    index[i] = index_.empty() ? Index(rank[i]) : index_[static_cast<size_t>(rank[i])];
  }
}

// ---- World ----------------------------------------------------------------------------------

std::unique_ptr<World> World::Create(const WorldParameters& p, Problems* problems) {
  Checker checker(problems);
  checker.Require(p.users >= 1 && p.users <= kMaxMembers, "users", "{} users; give 1 to {}.",
                  p.users, kMaxMembers);
  checker.Require(p.items >= 1 && p.items <= kMaxMembers, "items", "{} items; give 1 to {}.",
                  p.items, kMaxMembers);
  checker.Share(p.active_users, "active_users");
  checker.Share(p.touched_items, "touched_items");
  checker.Share(p.popular_items, "popular_items");
  checker.Groups(p.clusters, "clusters");
  checker.Groups(p.categories, "categories");
  for (size_t i = 0; i < p.clusters.size(); ++i) {
    const std::string& prefers = p.clusters[i].prefers;
    const bool is_known =
        prefers.empty() || std::any_of(p.categories.begin(), p.categories.end(),
                                       [&](const auto& c) { return c.name == prefers; });
    checker.Require(is_known, fmt::format("clusters[{}].prefers", i),
                    "\"{}\" is no category; name one of dataset.world.categories.", prefers);
  }
  if (!checker.Ok()) return nullptr;

  const int64_t active = ShareOf(p.active_users, p.users);
  const int64_t touched = ShareOf(p.touched_items, p.items);
  const int64_t popular = ShareOf(p.popular_items, p.items);
  checker.Require(active > 0, "active_users",
                  "{} of {} users is less than half a user; give at least {:.9g}, or at least {} "
                  "users.",
                  p.active_users, p.users, ShareOfOne(p.users), MembersForOne(p.active_users));
  checker.Require(popular > 0, "popular_items",
                  "{} of {} items is less than half an item; give {}at least {} items.",
                  p.popular_items, p.items,
                  p.items > 1 ? fmt::format("at least {:.9g}, or ", ShareOfOne(p.items)) : "",
                  MembersForOne(p.popular_items));
  checker.Require(touched > popular, "touched_items",
                  "{} of {} items are {} touched ones, and {} are popular; some touched items must "
                  "not be popular. Give more touched or fewer popular items.",
                  p.touched_items, p.items, touched, popular);
  if (!checker.Ok()) return nullptr;
  std::unique_ptr<World> world(new World(p, active, popular, touched));
  CheckPreferences(p, world->abi_, &checker);
  return checker.Ok() ? std::move(world) : nullptr;
}

World::World(const WorldParameters& p, int64_t active, int64_t popular, int64_t touched)
    : user_numbers_(p.users, DeriveKey(p.key, "user_numbers")),
      item_numbers_(p.items, DeriveKey(p.key, "item_numbers")),
      clusters_(std::vector{active, p.users - active}, Weights(p.clusters),
                DeriveKey(p.key, "clusters")),
      categories_(std::vector{popular, touched - popular, p.items - touched}, Weights(p.categories),
                  DeriveKey(p.key, "categories")) {
  // Names first: their text must not move once it is pointed to.
  for (const auto& category : p.categories) names_.push_back(category.name);
  for (const auto& cluster : p.clusters) names_.push_back(cluster.name);
  for (size_t i = 0; i < p.categories.size(); ++i) {
    abi_categories_.push_back({.struct_size = sizeof(throng_category),
                               .name = names_[i].c_str(),
                               .popular = categories_.Count(0, i),
                               .tail = categories_.Count(1, i),
                               .untouched = categories_.Count(2, i)});
  }
  for (size_t i = 0; i < p.clusters.size(); ++i) {
    const auto preferred =
        std::find_if(p.categories.begin(), p.categories.end(),
                     [&](const auto& c) { return c.name == p.clusters[i].prefers; });
    const bool has_one = !p.clusters[i].prefers.empty() && preferred != p.categories.end();
    abi_clusters_.push_back(
        {.struct_size = sizeof(throng_cluster),
         .prefers = has_one ? static_cast<int32_t>(preferred - p.categories.begin()) : -1,
         .name = names_[p.categories.size() + i].c_str(),
         .users = clusters_.Count(0, i) + clusters_.Count(1, i),
         .active = clusters_.Count(0, i)});
  }
  for (const throng_cluster& cluster : abi_clusters_) cluster_pointers_.push_back(&cluster);
  for (const throng_category& category : abi_categories_) category_pointers_.push_back(&category);

  abi_.struct_size = sizeof abi_;
  abi_.clusters_count = static_cast<uint32_t>(abi_clusters_.size());
  abi_.categories_count = static_cast<uint32_t>(abi_categories_.size());
  abi_.users = p.users;
  abi_.active_users = active;
  abi_.items = p.items;
  abi_.popular_items = popular;
  abi_.touched_items = touched;
  abi_.clusters = cluster_pointers_.data();
  abi_.categories = category_pointers_.data();
  abi_.self = this;
  abi_.user_number = [](const void* world, const int64_t* rank, int64_t* number, size_t n) {
    static_cast<const World*>(world)->user_numbers_.FromRanks({rank, n}, {number, n});
  };
  abi_.user_rank = [](const void* world, const int64_t* number, int64_t* rank, size_t n) {
    static_cast<const World*>(world)->user_numbers_.ToRanks({number, n}, {rank, n});
  };
  abi_.user_cluster = [](const void* world, const int64_t* rank, int32_t* cluster, size_t n) {
    static_cast<const World*>(world)->clusters_.OfRanks({rank, n}, {cluster, n});
  };
  abi_.item_number = [](const void* world, const int64_t* rank, int64_t* number, size_t n) {
    static_cast<const World*>(world)->item_numbers_.FromRanks({rank, n}, {number, n});
  };
  abi_.item_rank = [](const void* world, const int64_t* number, int64_t* rank, size_t n) {
    static_cast<const World*>(world)->item_numbers_.ToRanks({number, n}, {rank, n});
  };
  abi_.item_category = [](const void* world, const int64_t* rank, int32_t* category, size_t n) {
    static_cast<const World*>(world)->categories_.OfRanks({rank, n}, {category, n});
  };
  abi_.category_item = [](const void* world, const int32_t* category, const int64_t* index,
                          int64_t* rank, size_t n) {
    static_cast<const World*>(world)->categories_.Members({category, n}, {index, n}, {rank, n});
  };
  abi_.item_index = [](const void* world, const int64_t* rank, int64_t* index, size_t n) {
    static_cast<const World*>(world)->categories_.Indices({rank, n}, {index, n});
  };
  abi_.user_member = [](const void* world, const int64_t* rank, int64_t* member, size_t n) {
    static_cast<const World*>(world)->clusters_.Indices({rank, n}, {member, n});
  };
}

}  // namespace throng
