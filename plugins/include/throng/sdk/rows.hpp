// What a behaviour meets: the world, the dataset, the columns of a batch, pairs to score.
#ifndef THRONG_SDK_ROWS_HPP_
#define THRONG_SDK_ROWS_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "throng/plugin.h"
#include "throng/sdk/component.hpp"

namespace throng {

// The people and the shop; ranks, numbers and their functions as in throng_world.
class World {
 public:
  explicit World(const throng_world* world) : world_(world) {}
  const throng_world& operator*() const { return *world_; }
  const throng_world* operator->() const { return world_; }
  std::span<const throng_cluster* const> clusters() const {
    return {world_->clusters, world_->clusters_count};
  }
  std::span<const throng_category* const> categories() const {
    return {world_->categories, world_->categories_count};
  }
  void UserNumber(std::span<const int64_t> rank, std::span<int64_t> number) const {
    world_->user_number(world_->self, rank.data(), number.data(), rank.size());
  }
  void UserRank(std::span<const int64_t> number, std::span<int64_t> rank) const {
    world_->user_rank(world_->self, number.data(), rank.data(), number.size());
  }
  void UserCluster(std::span<const int64_t> rank, std::span<int32_t> cluster) const {
    world_->user_cluster(world_->self, rank.data(), cluster.data(), rank.size());
  }
  void UserMember(std::span<const int64_t> rank, std::span<int64_t> member) const {
    world_->user_member(world_->self, rank.data(), member.data(), rank.size());
  }
  void ItemNumber(std::span<const int64_t> rank, std::span<int64_t> number) const {
    world_->item_number(world_->self, rank.data(), number.data(), rank.size());
  }
  void ItemRank(std::span<const int64_t> number, std::span<int64_t> rank) const {
    world_->item_rank(world_->self, number.data(), rank.data(), number.size());
  }
  void ItemCategory(std::span<const int64_t> rank, std::span<int32_t> category) const {
    world_->item_category(world_->self, rank.data(), category.data(), rank.size());
  }
  void ItemIndex(std::span<const int64_t> rank, std::span<int64_t> index) const {
    world_->item_index(world_->self, rank.data(), index.data(), rank.size());
  }
  void CategoryItem(std::span<const int32_t> category, std::span<const int64_t> index,
                    std::span<int64_t> rank) const {
    world_->category_item(world_->self, category.data(), index.data(), rank.data(), index.size());
  }

 private:
  const throng_world* world_;
};

struct Kind {
  std::string name;
  int64_t rows = 0;  // an epoch
};

// What a behaviour is made for; see throng_dataset.
struct Dataset {
  uint64_t key = 0;
  int64_t plan_size = 0;
  World world;
  std::vector<Kind> kinds;  // ratings only
  Host host;
  uint64_t world_key = 0;
  int64_t from_row = 0;
  int64_t from_time = INT64_MIN;
};

// A further column that a behaviour fills; see throng_column.
struct Column {
  uint32_t type = THRONG_COLUMN_FLOAT64;
  std::string name;
  std::string doc;
  std::vector<std::string> labels = {};  // LABEL
  bool nullable = false;
};

// Arrays for further columns, in the order in which they were declared.
class Extra {
 public:
  Extra(void* const* arrays, size_t rows) : arrays_(arrays), rows_(rows) {}
  // T is what a column of its type holds. Empty: not asked for.
  template <class T>
  std::span<T> Of(size_t column) const {
    if (arrays_ == nullptr || arrays_[column] == nullptr) return {};
    return {static_cast<T*>(arrays_[column]), rows_};
  }

 private:
  void* const* arrays_;
  size_t rows_;
};

// The columns before one's own; see throng_batch. Columns of later roles are not filled.
struct Rows {
  explicit Rows(const throng_batch& b)
      : first(b.first_row),
        epoch(b.epoch),
        epoch_first(b.epoch_row),
        segment(b.segment),
        segments(b.segments, static_cast<size_t>(b.segments_count) + 1),
        segment_first(b.segments[b.segment]),
        segment_size(b.segments[b.segment + 1] - segment_first),
        size(b.rows),
        place(b.place, size),
        piece_row(b.piece_row, size),
        piece_rows(b.piece_rows, size),
        user(b.user, size),
        user_row(b.user_row, size),
        user_rows(b.user_rows, size),
        run_row(b.run_row, size),
        run_rows(b.run_rows, size),
        session(b.session, size),
        session_row(b.session_row, size),
        session_rows(b.session_rows, size),
        time(b.time, size),
        item(b.item, size),
        kind(b.kind, size),
        kind_row(b.kind_row, size),
        rating(b.rating, size),
        extra(b.extra, size) {}

  int64_t first;
  int64_t epoch;
  int64_t epoch_first;
  int64_t segment;
  std::span<const int64_t> segments;  // the first row of each in the epoch, and the epoch's end
  int64_t segment_first;
  int64_t segment_size;
  size_t size;
  std::span<const int64_t> place, piece_row, piece_rows;
  std::span<const int64_t> user, user_row, user_rows, run_row, run_rows;
  std::span<const int64_t> session, session_row, session_rows;
  std::span<const int64_t> time;
  std::span<const int64_t> item;
  std::span<const uint8_t> kind;
  std::span<const int64_t> kind_row;
  std::span<const int32_t> rating;
  Extra extra;  // one's own further columns, to be filled
};

struct ActivityColumns {
  std::span<int64_t> user, user_row, user_rows;
};
// For an activity that knows its users' runs; without them every run is of one row.
struct ActivityRunColumns {
  std::span<int64_t> user, user_row, user_rows, run_row, run_rows;
};
// For a choice that has kinds; one without fills a plain span of items.
struct ChoiceColumns {
  std::span<int64_t> item;
  std::span<uint8_t> kind;
  std::span<int64_t> kind_row;
};

// Pairs of user and item whose truth is asked for; see throng_pairs. A choice fills probability and
// kind_share, a rating reads kind_share and fills stars.
struct Pairs {
  Pairs(const throng_pairs& p, size_t kinds)
      : size(p.n),
        row(p.row, size),
        user(p.user, size),
        item(p.item, size),
        probability(p.probability, size),
        kind_share(p.kind_share, size * kinds),
        stars(p.stars, size) {}
  size_t size;
  std::span<const int64_t> row, user, item;
  std::span<double> probability;
  std::span<double> kind_share;  // those of a pair together
  std::span<double> stars;
};

}  // namespace throng

#endif  // THRONG_SDK_ROWS_HPP_
