#include "server/conformance/stand_in.h"

#include <algorithm>

#include "throng/random.hpp"

namespace throng {
namespace {

constexpr uint64_t kKey = 0x5eed;
constexpr uint64_t kUsers = 500;
constexpr uint64_t kItems = 1000;
constexpr int64_t kStart = 1'704'067'200'000;  // 2024-01-01T00:00:00Z
constexpr int64_t kMsPerRow = 1500;
constexpr const char* kKindNames[] = {"preferred", "popular", "random"};

std::unique_ptr<World> MakeWorld(int64_t users, int64_t items, double active, double touched,
                                 double popular, std::vector<ClusterParameters> clusters,
                                 std::vector<CategoryParameters> categories) {
  const WorldParameters parameters{.users = users,
                                   .items = items,
                                   .active_users = active,
                                   .touched_items = touched,
                                   .popular_items = popular,
                                   .clusters = std::move(clusters),
                                   .categories = std::move(categories),
                                   .key = kKey};
  Problems problems;
  return World::Create(parameters, &problems);
}

std::unique_ptr<World> MakeUsualWorld() {
  return MakeWorld(
      500, 1000, 0.8, 0.95, 0.1,
      {{"tech_enthusiasts", 0.15, "electronics"},
       {"fashion_lovers", 0.15, "fashion"},
       {"home_makers", 0.15, "home"},
       {"sports_fans", 0.15, "sports"},
       {"bookworms", 0.15, "books"},
       {"general", 0.25, ""}},
      {{"electronics", 0.2}, {"fashion", 0.2}, {"home", 0.2}, {"sports", 0.2}, {"books", 0.2}});
}

}  // namespace

StandInDataset::StandInDataset() : StandInDataset(10'007, MakeUsualWorld()) {}

std::unique_ptr<StandInDataset> StandInDataset::Large() {
  return std::unique_ptr<StandInDataset>(new StandInDataset(100'000'000'003, MakeUsualWorld()));
}

std::unique_ptr<StandInDataset> StandInDataset::Smallest() {
  return std::unique_ptr<StandInDataset>(new StandInDataset(
      1, MakeWorld(1, 2, 1, 1, 0.5, {{"everybody", 1, ""}}, {{"everything", 1}})));
}

StandInDataset::StandInDataset(int64_t plan_size, std::unique_ptr<World> world)
    : plan_size_(plan_size), world_(std::move(world)) {
  const int64_t popular = plan_size * 3 / 10;
  const int64_t random = plan_size / 10;
  for (const int64_t rows : {plan_size - popular - random, popular, random}) {
    kinds_.push_back({sizeof(throng_kind), kKindNames[kinds_.size()], rows});
  }
  for (const throng_kind& kind : kinds_) kind_pointers_.push_back(&kind);
}

throng_dataset StandInDataset::For(Role role) const {
  throng_dataset dataset{};
  dataset.struct_size = sizeof dataset;
  dataset.key = DeriveKey(kKey, RoleName(role));
  dataset.plan_size = plan_size_;
  dataset.world = world_->abi();
  dataset.world_key = DeriveKey(kKey, "world_key");
  dataset.from_time = INT64_MIN;
  if (role == Role::kRating) {
    dataset.kinds = kind_pointers_.data();
    dataset.kinds_count = static_cast<uint32_t>(kind_pointers_.size());
  }
  return dataset;
}

void StandInDataset::FillBefore(Role role, const throng_batch& batch) const {
  const int64_t active = world().active_users;
  const int64_t segment_first = batch.segments[batch.segment];
  const Permutation order(static_cast<uint64_t>(batch.segments[batch.segment + 1] - segment_first),
                          Hash(kKey, static_cast<uint64_t>(batch.epoch)));
  order.MapRange(static_cast<uint64_t>(batch.epoch_row - segment_first), {batch.place, batch.rows});
  // Users own runs of places, as equal as can be.
  const auto first_place = [&](int64_t user) { return (user * plan_size_ + active - 1) / active; };
  for (size_t i = 0; i < batch.rows; ++i) {
    const int64_t k = batch.place[i] += segment_first;
    if (role > Role::kActivity) {
      batch.user[i] = k * active / plan_size_;
      batch.user_row[i] = batch.run_row[i] = k - first_place(batch.user[i]);
      batch.user_rows[i] = batch.run_rows[i] =
          first_place(batch.user[i] + 1) - first_place(batch.user[i]);
    }
    if (role > Role::kClock) {
      batch.time[i] = kStart + (batch.first_row + static_cast<int64_t>(i)) * kMsPerRow;
    }
    if (role == Role::kChoice) {
      batch.kind[i] = 0;
      batch.kind_row[i] = k;
    }
    if (role > Role::kChoice) {
      batch.item[i] = static_cast<int64_t>(
          MultiplyHigh(Hash(kKey, static_cast<uint64_t>(batch.epoch), static_cast<uint64_t>(k)),
                       static_cast<uint64_t>(world().touched_items)));
      int64_t before = 0;
      size_t kind = 0;
      while (k >= before + kinds_[kind].rows) before += kinds_[kind++].rows;
      batch.kind[i] = static_cast<uint8_t>(kind);
      batch.kind_row[i] = k - before;
    }
  }
}

StandInTable::StandInTable(int64_t rows, bool is_wide) : rows_(rows) {
  for (int64_t i = 0; i < rows; ++i) {
    const uint64_t hash = Hash(kKey, static_cast<uint64_t>(i));
    user_.push_back(static_cast<int64_t>(hash % kUsers));
    item_.push_back(static_cast<int64_t>(hash / kUsers % kItems));
    rating_.push_back(static_cast<int32_t>(100 + hash % 9 * 50));
    time_.push_back(kStart + i * kMsPerRow);
    row_.push_back(i);
    kind_.push_back(static_cast<int32_t>(hash % 4) - 1);
    popular_.push_back(static_cast<uint8_t>(hash % 2));
    expected_.push_back(static_cast<double>(hash % 400) / 100 + 1);
  }
  const auto add = [this](uint32_t type, const char* name, uint32_t flags) -> throng_column& {
    throng_column& column = columns_.emplace_back();
    column.struct_size = sizeof column;
    column.type = type;
    column.flags = flags;
    column.name = name;
    column.doc = "A column of the conformance check.";
    column.id_first = 1;
    column.field_number = static_cast<uint32_t>(columns_.size());
    return column;
  };
  const auto add_ids = [&add](const char* name, const char* prefix, int64_t count) {
    throng_column& column = add(THRONG_COLUMN_ID, name, 0);
    column.prefix = prefix;
    column.id_count = count;
  };
  add_ids("user_id", "user_", kUsers);
  add_ids("item_id", "item_", kItems);
  add(THRONG_COLUMN_RATING, "rating", 0);
  add(THRONG_COLUMN_TIMESTAMP, "timestamp", 0);
  if (is_wide) {
    add(THRONG_COLUMN_INT64, "interaction_id", THRONG_COLUMN_EXTRA);
    throng_column& kind = add(THRONG_COLUMN_LABEL, "kind", THRONG_COLUMN_EXTRA);
    kind.labels = kKindNames;
    kind.labels_count = std::size(kKindNames);
    add(THRONG_COLUMN_BOOL, "popular", THRONG_COLUMN_EXTRA);
    add(THRONG_COLUMN_FLOAT64, "expected_rating", THRONG_COLUMN_EXTRA);
  }
  for (const throng_column& column : columns_) column_pointers_.push_back(&column);
  schema_.struct_size = sizeof schema_;
  schema_.columns_count = static_cast<uint32_t>(columns_.size());
  schema_.table = "interactions";
  schema_.columns = column_pointers_.data();
}

throng_destination StandInTable::Destination(uint32_t mode) const {
  throng_destination d{};
  d.struct_size = sizeof d;
  d.mode = mode;
  d.schema = &schema_;
  d.key_column = mode == THRONG_RECORDS_MESSAGES ? 0 : -1;
  d.slice_mode = THRONG_SLICE_CONTIGUOUS;
  d.slice_count = 1;
  d.name = "conformance";
  d.fingerprint = {"0123456789abcdef0123456789abcdef", 32};
  d.created = kStart;
  d.users = 500;
  d.items = 1000;
  d.interactions = rows_;
  d.rows = rows_;
  d.state = {"", 0};
  return d;
}

std::vector<const void*> StandInTable::ColumnsAt(int64_t first) const {
  std::vector<const void*> at = {user_.data() + first, item_.data() + first, rating_.data() + first,
                                 time_.data() + first};
  if (columns_.size() > 4) {
    at.insert(at.end(), {row_.data() + first, kind_.data() + first, popular_.data() + first,
                         expected_.data() + first});
  }
  return at;
}

}  // namespace throng
