// A dataset of which the choice `taste` alone is real, for tests of its rows: users, segments and
// sessions are as simple as can be.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/dataset/columns.h"
#include "server/dataset/segments.h"
#include "server/dataset/world.h"
#include "server/host/behaviours.h"
#include "server/host/catalogue.h"
#include "server/host/option_values.h"
#include "throng/random.hpp"

namespace throng {

struct TasteWorld {
  int64_t users = 500;
  int64_t items = 1000;
  int64_t rows = 50'000;
  int64_t segments = 10;
  double touched_items = 0.95;
  double popular_items = 0.1;
  std::vector<ClusterParameters> clusters = {{"tech_enthusiasts", 0.15, "electronics"},
                                             {"fashion_lovers", 0.15, "fashion"},
                                             {"home_makers", 0.15, "home"},
                                             {"sports_fans", 0.15, "sports"},
                                             {"bookworms", 0.15, "books"},
                                             {"general", 0.25, ""}};
  std::vector<CategoryParameters> categories = {
      {"electronics", 0.2}, {"fashion", 0.2}, {"home", 0.2}, {"sports", 0.2}, {"books", 0.2}};
  uint64_t seed = 1;
};

using TasteOptions = std::map<std::string, std::string>;

class TastedDataset {
 public:
  struct Row {
    int64_t user = 0;
    int64_t session = 0;
    int64_t block = 0;
    int64_t item = 0;
    size_t kind = 0;
    int64_t kind_row = 0;
    int32_t niche = -2;
  };

  explicit TastedDataset(const TasteWorld& world, const TasteOptions& options = {})
      : parameters_(world) {
    Problems problems;
    world_ = World::Create({.users = world.users,
                            .items = world.items,
                            .active_users = 0.8,
                            .touched_items = world.touched_items,
                            .popular_items = world.popular_items,
                            .clusters = world.clusters,
                            .categories = world.categories,
                            .key = world.seed},
                           &problems);
    EXPECT_NE(world_, nullptr) << ToString(problems);
    const Component& component = **Plugins().Find(Role::kChoice, "taste");
    options_ = OptionValues::Parse(component, options, "choice", 0, &problems);
    EXPECT_TRUE(problems.empty()) << ToString(problems);
    throng_dataset dataset{};
    dataset.struct_size = sizeof dataset;
    dataset.key = DeriveKey(world.seed, "choice");
    dataset.world_key = DeriveKey(world.seed, "world_key");
    dataset.plan_size = world.rows;
    dataset.world = world_->abi();
    environment_.log = [this](int32_t, const std::string&, const std::string& sentence) {
      warnings_.push_back(sentence);
    };
    auto choice = PluginBehaviour::Create(component, environment_, dataset, options_.values());
    EXPECT_TRUE(choice.ok()) << choice.status();
    choice_ = *std::move(choice);
    kinds_ = choice_->Kinds().value();
  }

  static const Catalogue& Plugins() {
    static const auto kCatalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER}).value();
    return kCatalogue;
  }

  const throng_world& world() const { return *world_->abi(); }
  const std::vector<KindRows>& kinds() const { return kinds_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  PluginBehaviour& choice() { return *choice_; }
  int64_t tail_items() const { return world().touched_items - world().popular_items; }

  // The rows of an epoch, block by block, or in batches of one row.
  std::vector<Row> Epoch(int64_t epoch, bool by_row = false) {
    const int64_t rows = parameters_.rows;
    const Segments segments(FirstRows(epoch), rows, by_row ? 0 : choice_->BlockRows());
    Columns columns(static_cast<size_t>(rows));
    std::vector<int64_t> session(columns.capacity());
    std::vector<int32_t> niche(columns.capacity());
    std::vector<Row> filled(columns.capacity());
    int64_t block = 0;
    for (int64_t row = 0; row < rows; ++block) {
      SegmentRange range = segments.At(row);
      if (by_row) range.rows = 1;
      const auto offset = static_cast<size_t>(row);
      throng_batch batch = columns.At(offset);
      batch.rows = static_cast<uint32_t>(range.rows);
      batch.epoch = epoch;
      batch.epoch_row = row;
      batch.first_row = epoch * rows + row;
      batch.segment = range.segment;
      batch.segments_count = static_cast<int64_t>(segments.count());
      batch.segments = segments.first_rows().data();
      batch.session = session.data() + offset;
      void* extra[] = {niche.data() + offset};
      batch.extra = extra;
      FillBefore(range, epoch, batch);
      const absl::Status status = choice_->Fill(batch);
      EXPECT_TRUE(status.ok()) << status;
      for (size_t i = offset; i < offset + batch.rows; ++i) {
        filled[i] = {columns.user[i], session[i],          block,   columns.item[i],
                     columns.kind[i], columns.kind_row[i], niche[i]};
      }
      row += range.rows;
    }
    return filled;
  }

  int32_t CategoryOf(int64_t item) const {
    int32_t category = 0;
    world().item_category(world().self, &item, &category, 1);
    return category;
  }
  // Within its category and tier.
  int64_t IndexOf(int64_t item) const {
    int64_t index = 0;
    world().item_index(world().self, &item, &index, 1);
    const bool is_popular = item < world().popular_items;
    return index - (is_popular ? 0 : world().categories[CategoryOf(item)]->popular);
  }
  int32_t PreferenceOf(int64_t user) const {
    int32_t cluster = 0;
    world().user_cluster(world().self, &user, &cluster, 1);
    return world().clusters[cluster]->prefers;
  }

  // Segments of unequal sizes, some of them empty where there are few rows.
  std::vector<int64_t> FirstRows(int64_t epoch) const {
    std::vector<int64_t> first_rows{0};
    for (int64_t i = 1; i < parameters_.segments; ++i) {
      const int64_t even = parameters_.rows * i / parameters_.segments;
      const int64_t size = parameters_.rows / parameters_.segments;
      const auto key = static_cast<uint64_t>(epoch * 1000 + i);
      const uint64_t moved = MultiplyHigh(Hash(77, key), static_cast<uint64_t>(size / 2 + 1));
      first_rows.push_back(even + static_cast<int64_t>(moved));
    }
    return first_rows;
  }

 private:
  // Places are shuffled within segments; users own stretches of places, the first ones longer ones;
  // sessions are of up to five places.
  void FillBefore(const SegmentRange& range, int64_t epoch, const throng_batch& batch) const {
    const uint64_t key =
        Hash(78, static_cast<uint64_t>(epoch), static_cast<uint64_t>(range.segment));
    const Permutation order(static_cast<uint64_t>(range.segment_rows), key);
    const int64_t active = world().active_users;
    const int64_t rows = parameters_.rows;
    const auto first_place = [&](int64_t user) {
      __extension__ using Int128 = __int128;
      const Int128 left = active - user;
      return rows - static_cast<int64_t>(Int128{rows} * left * left / active / active);
    };
    for (uint32_t i = 0; i < batch.rows; ++i) {
      const int64_t of_segment = batch.epoch_row + i - range.segment_first;
      const int64_t place =
          range.segment_first + static_cast<int64_t>(order.Map(static_cast<uint64_t>(of_segment)));
      int64_t low = 0;
      int64_t high = active;
      while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        (first_place(middle) <= place ? low : high) = middle;
      }
      batch.place[i] = place;
      batch.user[i] = low;
      batch.user_row[i] = place - first_place(low);
      batch.user_rows[i] = first_place(low + 1) - first_place(low);
      batch.session[i] = std::max({place / 5 * 5, first_place(low), range.segment_first});
      batch.session_row[i] = place - batch.session[i];
    }
  }

  TasteWorld parameters_;
  std::unique_ptr<World> world_;
  OptionValues options_;
  Environment environment_;
  std::vector<std::string> warnings_;
  std::unique_ptr<PluginBehaviour> choice_;
  std::vector<KindRows> kinds_;
};

}  // namespace throng
