// The people and the shop of a dataset: who is active and in which cluster, what is popular and of
// which category, and the numbers that ids show. Counts are exact, any one user or item is computed
// alone, and nothing here grows with their number.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/dataset/deal.h"
#include "server/spec/problem.h"
#include "throng/plugin.h"
#include "throng/random.hpp"

namespace throng {

struct ClusterParameters {
  std::string name;
  double share = 0;     // of the users
  std::string prefers;  // a category's name; empty: none
};

struct CategoryParameters {
  std::string name;
  double share = 0;  // of the items
};

struct WorldParameters {
  int64_t users = 0;
  int64_t items = 0;
  double active_users = 0;   // share of the users
  double touched_items = 0;  // share of the items
  double popular_items = 0;  // share of the items
  std::vector<ClusterParameters> clusters;
  std::vector<CategoryParameters> categories;
  uint64_t key = 0;
};

// Ranks and the numbers that stand for them: a keyed permutation.
class Numbers {
 public:
  Numbers(int64_t size, uint64_t key);
  void FromRanks(std::span<const int64_t> rank, std::span<int64_t> number) const;
  void ToRanks(std::span<const int64_t> number, std::span<int64_t> rank) const;

 private:
  Permutation permutation_;
  std::vector<int32_t> number_;  // by rank, where there are few; else empty
  std::vector<int32_t> rank_;    // by number
};

// Ranks in tiers, each dealt to the same groups: active and inactive users to clusters; popular,
// tail and untouched items to categories.
class Groups {
 public:
  // The sizes of the tiers, and the groups' weights: each tier has each group's share of it, and
  // each group its share of all, rounded down or up.
  Groups(std::span<const int64_t> tiers, std::span<const int64_t> weights, uint64_t key);

  int64_t Count(size_t tier, size_t group) const { return counts_[tier * groups_ + group]; }
  void OfRanks(std::span<const int64_t> rank, std::span<int32_t> group) const;
  // The rank of the index-th of a group, tier by tier.
  void Members(std::span<const int32_t> group, std::span<const int64_t> index,
               std::span<int64_t> rank) const;
  // And back: which of its group a rank is.
  void Indices(std::span<const int64_t> rank, std::span<int64_t> index) const;

 private:
  int32_t OfRank(int64_t rank) const;
  int64_t Member(int32_t group, int64_t index) const;
  int64_t Index(int64_t rank) const;

  size_t groups_;
  std::vector<int64_t> counts_;
  std::vector<int64_t> first_rank_;  // of each tier
  std::vector<Deal> deals_;
  std::vector<int32_t> group_;         // by rank, where there are few; else empty
  std::vector<int32_t> index_;         // likewise, within the group
  std::vector<int32_t> member_;        // ranks, group by group
  std::vector<int32_t> first_member_;  // of each group
};

class World {
 public:
  // Null if something is wrong; `problems` then says what, field by field. Names are not checked
  // but for clusters' preferences.
  static std::unique_ptr<World> Create(const WorldParameters& parameters, Problems* problems);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The world as behaviours see it; valid while this lives.
  const throng_world* abi() const { return &abi_; }

 private:
  World(const WorldParameters& parameters, int64_t active, int64_t popular, int64_t touched);

  Numbers user_numbers_;
  Numbers item_numbers_;
  Groups clusters_;
  Groups categories_;
  std::vector<std::string> names_;
  std::vector<throng_cluster> abi_clusters_;
  std::vector<throng_category> abi_categories_;
  std::vector<const throng_cluster*> cluster_pointers_;
  std::vector<const throng_category*> category_pointers_;
  throng_world abi_{};
};

}  // namespace throng
