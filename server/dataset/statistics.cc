#include "server/dataset/statistics.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace throng {
namespace {

void SetTime(int64_t ms, google::protobuf::Timestamp* time) {
  const int64_t seconds = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
  time->set_seconds(seconds);
  time->set_nanos(static_cast<int32_t>(ms - 1000 * seconds) * 1'000'000);
}

double Ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

// The counts as chunks by number, in order, without chunks of zeroes.
void AddChunks(const RankCounts& counts,
               void (*rank_of)(const void* self, const int64_t* number, int64_t* rank, size_t n),
               const void* self, google::protobuf::RepeatedPtrField<v1::CountChunk>* chunks) {
  constexpr int64_t kChunk = 65'536;
  std::vector<int64_t> numbers;
  std::vector<int64_t> ranks;
  for (int64_t first = 0; first < counts.size(); first += kChunk) {
    const int64_t end = std::min(first + kChunk, counts.size());
    numbers.clear();
    for (int64_t number = first; number < end; ++number) numbers.push_back(number);
    ranks.resize(numbers.size());
    rank_of(self, numbers.data(), ranks.data(), numbers.size());
    v1::CountChunk chunk;
    chunk.set_first_number(first + 1);
    bool has_rows = false;
    for (const int64_t rank : ranks) {
      const int64_t rows = counts.At(static_cast<uint32_t>(rank));
      chunk.add_rows(rows);
      has_rows = has_rows || rows > 0;
    }
    if (has_rows) chunks->Add(std::move(chunk));
  }
}

// Whether chunks hold counts of `rows` rows in all, of numbers up to `size`.
bool HoldRows(const google::protobuf::RepeatedPtrField<v1::CountChunk>& chunks, int64_t size,
              int64_t rows) {
  for (const v1::CountChunk& chunk : chunks) {
    const bool is_within = chunk.first_number() >= 1 && chunk.first_number() <= size &&
                           chunk.rows_size() <= size - chunk.first_number() + 1;
    if (!is_within) return false;
    for (const int64_t more : chunk.rows()) {
      if (more < 0 || more > rows) return false;
      rows -= more;
    }
  }
  return rows == 0;
}

bool IsSound(const v1::StatisticsState& state, const throng_world& world) {
  int64_t rated = 0;
  for (const v1::RatingRows& rating : state.ratings()) {
    if (rating.rating_hundredths() < 0 || rating.rows() < 0) return false;
    if (rating.rows() > state.rows() - rated) return false;
    rated += rating.rows();
  }
  const bool has_times = state.has_first_time_ms() && state.has_last_time_ms();
  return (state.rows() == 0 || has_times) &&
         HoldRows(state.user_rows(), world.users, state.rows()) &&
         HoldRows(state.item_rows(), world.items, state.rows());
}

void Count(const google::protobuf::RepeatedPtrField<v1::CountChunk>& chunks,
           void (*rank_of)(const void* self, const int64_t* number, int64_t* rank, size_t n),
           const void* self, RankCounts* counts) {
  for (const v1::CountChunk& chunk : chunks) {
    std::vector<int64_t> numbers(static_cast<size_t>(chunk.rows_size()));
    std::iota(numbers.begin(), numbers.end(), chunk.first_number() - 1);
    std::vector<int64_t> ranks(numbers.size());
    rank_of(self, numbers.data(), ranks.data(), ranks.size());
    for (int i = 0; i < chunk.rows_size(); ++i) {
      counts->Add(static_cast<uint32_t>(ranks[static_cast<size_t>(i)]), chunk.rows(i));
    }
  }
}

}  // namespace

void SeenRows::Resize(size_t rows) {
  user.resize(rows);
  item.resize(rows);
  rating.resize(rows);
}

void SeenRows::Take(const Columns& columns, size_t at, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    user[at + i] = static_cast<uint32_t>(columns.user[i]);
    item[at + i] = static_cast<uint32_t>(columns.item[i]);
  }
  std::copy_n(columns.rating.begin(), n, rating.begin() + static_cast<ptrdiff_t>(at));
  if (at == 0) first_time = columns.time[0];
  last_time = columns.time[n - 1];
}

Statistics::Statistics(const throng_world& world)
    : world_(world), users_(world.users), items_(world.items) {}

void Statistics::Add(const SeenRows& rows) {
  Add(rows.user, rows.item, rows.rating, std::array{rows.first_time, rows.last_time});
}

void Statistics::Add(std::span<const uint32_t> user, std::span<const uint32_t> item,
                     std::span<const int32_t> rating, std::span<const int64_t> time) {
  if (user.empty()) return;
  users_.Add(user);
  items_.Add(item);
  for (const int32_t hundredths : rating) {
    if (hundredths >= 0) AddRating(hundredths, 1);
  }
  AddRows(static_cast<int64_t>(user.size()), time.front(), time.back());
}

void Statistics::AddRating(int32_t hundredths, int64_t rows) {
  const auto index = static_cast<size_t>(hundredths);
  (index < ratings_.size() ? ratings_[index] : other_ratings_[hundredths]) += rows;
}

void Statistics::AddRows(int64_t rows, int64_t first_time, int64_t last_time) {
  first_time_ = rows_ == 0 ? first_time : std::min(first_time_, first_time);
  last_time_ = rows_ == 0 ? last_time : std::max(last_time_, last_time);
  rows_ += rows;
}

bool Statistics::Merge(const v1::StatisticsState& state) {
  if (!IsSound(state, world_)) return false;
  if (state.rows() == 0) return true;
  Count(state.user_rows(), world_.user_rank, world_.self, &users_);
  Count(state.item_rows(), world_.item_rank, world_.self, &items_);
  for (const v1::RatingRows& rating : state.ratings()) {
    AddRating(rating.rating_hundredths(), rating.rows());
  }
  AddRows(state.rows(), state.first_time_ms(), state.last_time_ms());
  return true;
}

v1::StatisticsState Statistics::State() const {
  v1::StatisticsState state;
  state.set_rows(rows_);
  AddChunks(users_, world_.user_rank, world_.self, state.mutable_user_rows());
  AddChunks(items_, world_.item_rank, world_.self, state.mutable_item_rows());
  std::map<int32_t, int64_t> ratings = other_ratings_;
  for (size_t i = 0; i < ratings_.size(); ++i) {
    if (ratings_[i] > 0) ratings[static_cast<int32_t>(i)] = ratings_[i];
  }
  for (const auto& [hundredths, rows] : ratings) {
    v1::RatingRows* line = state.add_ratings();
    line->set_rating_hundredths(hundredths);
    line->set_rows(rows);
  }
  if (rows_ > 0) {
    state.set_first_time_ms(first_time_);
    state.set_last_time_ms(last_time_);
  }
  return state;
}

v1::Statistics Statistics::Derive() const {
  v1::Statistics s;
  s.set_total_users(world_.users);
  s.set_total_items(world_.items);
  s.set_total_interactions(rows_);
  s.set_unique_active_users(users_.Met());
  s.set_unique_items(items_.Met());
  s.set_min_interactions_per_user(users_.Least());
  s.set_max_interactions_per_user(users_.Most());
  const auto rows = static_cast<double>(rows_);
  s.set_average_interactions_per_user(Ratio(rows, static_cast<double>(world_.users)));
  std::map<int32_t, int64_t, std::greater<>> ratings(other_ratings_.begin(), other_ratings_.end());
  for (size_t i = 0; i < ratings_.size(); ++i) {
    if (ratings_[i] > 0) ratings[static_cast<int32_t>(i)] = ratings_[i];
  }
  int64_t rated = 0;
  for (const auto& rating : ratings) rated += rating.second;
  double sum = 0;  // hundredths; exact up to 2^53
  for (const auto& [hundredths, count] : ratings) {
    sum += static_cast<double>(hundredths) * static_cast<double>(count);
    v1::RatingShare* line = s.add_rating_distribution();
    line->set_rating(hundredths / 100.0);
    line->set_interactions(count);
    line->set_share(Ratio(static_cast<double>(count), static_cast<double>(rated)));
  }
  s.set_average_rating(Ratio(sum / 100, static_cast<double>(rated)));
  if (rows_ > 0) {
    SetTime(first_time_, s.mutable_first_timestamp());
    SetTime(last_time_, s.mutable_last_timestamp());
  }
  return s;
}

}  // namespace throng
