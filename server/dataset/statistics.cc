#include "server/dataset/statistics.h"

#include <algorithm>
#include <new>
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
      chunk.add_rows(counts.At(rank));
      has_rows = has_rows || counts.At(rank) > 0;
    }
    if (has_rows) chunks->Add(std::move(chunk));
  }
}

}  // namespace

RankCounts::RankCounts(int64_t n)
    : size_(n),
      low_(static_cast<uint32_t*>(std::calloc(static_cast<size_t>(n), sizeof(uint32_t)))) {
  if (low_ == nullptr && n > 0) throw std::bad_alloc();
}

int64_t RankCounts::At(int64_t rank) const {
  if (high_.empty()) return low_.get()[rank];
  const auto high = high_.find(static_cast<uint32_t>(rank));
  return low_.get()[rank] + (high == high_.end() ? 0 : high->second << 32);
}

void RankCounts::Merge(const RankCounts& other) {
  for (int64_t rank = 0; rank < size_; ++rank) {
    const int64_t theirs = other.At(rank);
    if (theirs == 0) continue;  // reading takes no memory, writing does
    const int64_t sum = At(rank) + theirs;
    low_.get()[rank] = static_cast<uint32_t>(sum);
    if (sum >> 32 != 0) high_[static_cast<uint32_t>(rank)] = sum >> 32;
  }
}

Statistics::Statistics(const throng_world& world)
    : world_(world), users_(world.users), items_(world.items) {}

void Statistics::Add(std::span<const uint32_t> user, std::span<const uint32_t> item,
                     std::span<const int32_t> rating, std::span<const int64_t> time) {
  if (user.empty()) return;
  for (const uint32_t rank : user) users_.Add(rank);
  for (const uint32_t rank : item) items_.Add(rank);
  for (const int32_t hundredths : rating) {
    if (static_cast<uint32_t>(hundredths) < ratings_.size()) {
      ++ratings_[static_cast<uint32_t>(hundredths)];
    } else if (hundredths >= 0) {
      ++other_ratings_[hundredths];
    }
  }
  first_time_ = rows_ == 0 ? time.front() : std::min(first_time_, time.front());
  last_time_ = rows_ == 0 ? time.back() : std::max(last_time_, time.back());
  rows_ += static_cast<int64_t>(user.size());
}

void Statistics::Merge(const Statistics& other) {
  if (other.rows_ == 0) return;
  users_.Merge(other.users_);
  items_.Merge(other.items_);
  for (size_t i = 0; i < ratings_.size(); ++i) ratings_[i] += other.ratings_[i];
  for (const auto& [rating, rows] : other.other_ratings_) other_ratings_[rating] += rows;
  first_time_ = rows_ == 0 ? other.first_time_ : std::min(first_time_, other.first_time_);
  last_time_ = rows_ == 0 ? other.last_time_ : std::max(last_time_, other.last_time_);
  rows_ += other.rows_;
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
  int64_t active = 0;
  int64_t least = 0;
  int64_t most = 0;
  for (int64_t rank = 0; rank < users_.size(); ++rank) {
    const int64_t rows = users_.At(rank);
    if (rows == 0) continue;
    ++active;
    least = active == 1 ? rows : std::min(least, rows);
    most = std::max(most, rows);
  }
  int64_t touched = 0;
  for (int64_t rank = 0; rank < items_.size(); ++rank) touched += items_.At(rank) > 0 ? 1 : 0;
  s.set_unique_active_users(active);
  s.set_unique_items(touched);
  s.set_min_interactions_per_user(least);
  s.set_max_interactions_per_user(most);
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
