#include "server/inspection/row_feed.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace throng {
namespace {

constexpr double kMostStars = 1e7;

std::string_view TextOf(const throng_bytes& bytes) {
  return bytes.data == nullptr ? std::string_view() : std::string_view(bytes.data, bytes.size);
}

int32_t Hundredths(double stars) {
  if (std::isnan(stars)) return kNoRating;
  return static_cast<int32_t>(std::lround(std::clamp(stars, -kMostStars, kMostStars) * 100));
}

std::optional<IdText> UserIds(const Plan* plan) {
  return plan == nullptr ? std::nullopt : std::optional(plan->user_ids());
}

std::optional<IdText> ItemIds(const Plan* plan) {
  return plan == nullptr ? std::nullopt : std::optional(plan->item_ids());
}

}  // namespace

void MadeRows::Take(const Plan& plan, const Columns& columns, int64_t first_row, size_t n) {
  const throng_world& world = plan.world();
  user.resize(n);
  item.resize(n);
  world.user_number(world.self, columns.user.data(), user.data(), n);
  world.item_number(world.self, columns.item.data(), item.data(), n);
  for (size_t i = 0; i < n; ++i) {
    user[i] += plan.user_ids().first();
    item[i] += plan.item_ids().first();
  }
  const auto count = static_cast<ptrdiff_t>(n);
  rating.assign(columns.rating.begin(), columns.rating.begin() + count);
  std::replace(rating.begin(), rating.end(), -1, kNoRating);
  time.assign(columns.time.begin(), columns.time.begin() + count);
  kind.assign(columns.kind.begin(), columns.kind.begin() + count);
  session.clear();
  if (plan.spec().order().component() != "sessions") return;
  session.resize(n);
  FillSessionIds(first_row, plan.spec().plan_size(), std::span(columns.session).first(n),
                 session.data());
}

RowFeed::RowFeed(const Plan* plan) : plan_(plan), counts_(UserIds(plan), ItemIds(plan)) {
  if (plan == nullptr) return;
  const throng_world& world = plan->world();
  for (uint32_t i = 0; i < world.clusters_count; ++i) {
    world_clusters_.push_back(counts_.clusters.IndexOf(world.clusters[i]->name));
  }
  for (uint32_t i = 0; i < world.categories_count; ++i) {
    world_categories_.push_back(counts_.categories.IndexOf(world.categories[i]->name));
  }
  for (const KindRows& kind : plan->kinds()) {
    plan_kinds_.push_back(counts_.kinds.IndexOf(kind.name));
  }
  if (plan_kinds_.size() < 2) return;
  auto generator = plan->MakeGenerator();
  if (generator.ok()) generator_ = *std::move(generator);
}

void RowFeed::Resize(size_t rows) {
  user_.resize(rows);
  item_.resize(rows);
  rating_.resize(rows);
  time_.resize(rows);
  session_.resize(rows);
  kind_.resize(rows);
}

void RowFeed::MeetUser(uint32_t user, const throng_bytes* cluster) {
  if (!counts_.MeetUser(user)) return;
  user_ranks_.push_back(-1);
  uint16_t& label = counts_.users()[user].label;
  const int64_t number =
      plan_ == nullptr ? -1 : counts_.user_ids().NumberOf(user) - plan_->user_ids().first();
  if (number >= 0 && number < plan_->world().users) {
    const throng_world& world = plan_->world();
    int32_t group = 0;
    world.user_rank(world.self, &number, &user_ranks_[user], 1);
    world.user_cluster(world.self, &user_ranks_[user], &group, 1);
    label = world_clusters_[static_cast<size_t>(group)];
  } else if (cluster != nullptr) {
    label = counts_.clusters.IndexOf(TextOf(*cluster));
  }
}

void RowFeed::MeetItem(uint32_t item, const throng_bytes* category) {
  if (!counts_.MeetItem(item)) return;
  item_ranks_.push_back(-1);
  uint16_t& label = counts_.items()[item].label;
  const int64_t number =
      plan_ == nullptr ? -1 : counts_.item_ids().NumberOf(item) - plan_->item_ids().first();
  if (number >= 0 && number < plan_->world().items) {
    const throng_world& world = plan_->world();
    int32_t group = 0;
    world.item_rank(world.self, &number, &item_ranks_[item], 1);
    world.item_category(world.self, &item_ranks_[item], &group, 1);
    label = world_categories_[static_cast<size_t>(group)];
  } else if (category != nullptr) {
    label = counts_.categories.IndexOf(TextOf(*category));
  }
}

absl::Status RowFeed::Take(const FoundRows& rows) {
  const size_t n = rows.rows;
  if (n == 0) return absl::OkStatus();
  Resize(n);
  for (size_t i = 0; i < n; ++i) {
    user_[i] = counts_.user_ids().IndexOf(TextOf(rows.user_id[i]));
    item_[i] = counts_.item_ids().IndexOf(TextOf(rows.item_id[i]));
    MeetUser(user_[i], rows.cluster.empty() ? nullptr : &rows.cluster[i]);
    MeetItem(item_[i], rows.category.empty() ? nullptr : &rows.category[i]);
    rating_[i] = rows.rating.empty() ? kNoRating : Hundredths(rows.rating[i]);
    time_[i] = rows.timestamp.empty() ? kNoTime : rows.timestamp[i];
  }
  const bool has_kinds = !rows.kind.empty();
  if (has_kinds) {
    generator_ = nullptr;
    for (size_t i = 0; i < n; ++i) kind_[i] = counts_.kinds.IndexOf(TextOf(rows.kind[i]));
  }
  const bool has_sessions = !rows.session_id.empty();
  if (has_sessions) std::copy_n(rows.session_id.begin(), n, session_.begin());
  if (generator_ != nullptr) {
    if (absl::Status status = FindKinds(); !status.ok()) return status;
  }
  Count(has_kinds || generator_ != nullptr, has_sessions);
  return absl::OkStatus();
}

absl::Status RowFeed::FindKinds() {
  const size_t n = user_.size();
  if (made_ == nullptr || made_->capacity() < n) made_ = std::make_unique<Columns>(n);
  const auto rows = static_cast<int64_t>(n);
  const bool is_within = counts_.rows + rows <= plan_->end();
  if (is_within) {
    absl::Status status = generator_->Fill(counts_.rows, rows, made_.get(), 0);
    if (!status.ok()) return status;
  }
  const auto is_made = [this](size_t i) {
    // Times may have been cut to seconds.
    const int64_t off = made_->time[i] - time_[i];
    return made_->user[i] == user_ranks_[user_[i]] && made_->item[i] == item_ranks_[item_[i]] &&
           off >= 0 && off < 1000;
  };
  for (size_t i = 0; i < n; ++i) {
    if (!is_within || !is_made(i)) {
      // Other rows than the plan's, or in another order: of none of them the kind is known.
      generator_ = nullptr;
      counts_.kind_rows.clear();
      return absl::OkStatus();
    }
    kind_[i] = plan_kinds_[made_->kind[i]];
  }
  return absl::OkStatus();
}

void RowFeed::Take(const MadeRows& rows) {
  const size_t n = rows.user.size();
  Resize(n);
  for (size_t i = 0; i < n; ++i) {
    user_[i] = counts_.user_ids().IndexOf(rows.user[i]);
    item_[i] = counts_.item_ids().IndexOf(rows.item[i]);
    MeetUser(user_[i], nullptr);
    MeetItem(item_[i], nullptr);
    rating_[i] = rows.rating[i];
    time_[i] = rows.time[i];
  }
  const bool has_kinds = plan_kinds_.size() > 1;
  for (size_t i = 0; i < n && has_kinds; ++i) kind_[i] = plan_kinds_[rows.kind[i]];
  const bool has_sessions = !rows.session.empty();
  if (has_sessions) std::copy_n(rows.session.begin(), n, session_.begin());
  Count(has_kinds, has_sessions);
}

void RowFeed::Count(bool has_kinds, bool has_sessions) {
  const RowColumns columns{
      .user = user_,
      .item = item_,
      .rating = rating_,
      .time = time_,
      .kind = has_kinds ? std::span<const uint16_t>(kind_) : std::span<const uint16_t>(),
      .session = has_sessions ? std::span<const int64_t>(session_) : std::span<const int64_t>()};
  counts_.Add(columns);
  times_.Add(columns);
}

}  // namespace throng
