#include "server/inspection/row_counts.h"

#include <algorithm>

#include "throng/random.hpp"

namespace throng {
namespace {

uint64_t PairHash(const Ids& users, uint32_t user, const Ids& items, uint32_t item) {
  return Hash(users.HashOf(user), items.HashOf(item));
}

}  // namespace

int64_t WeekOf(int64_t time) {
  const int64_t since = time - kFirstMondayMs;
  return since >= 0 ? since / kWeekMs : -((-since + kWeekMs - 1) / kWeekMs);
}

uint16_t Labels::IndexOf(std::string_view name) {
  const auto found = indices_.find(name);
  if (found != indices_.end()) return found->second;
  if (names_.size() > kMost) return 0;
  const auto index = static_cast<uint16_t>(names_.size());
  names_.emplace_back(name);
  indices_.emplace(name, index);
  return index;
}

RowCounts::RowCounts(std::optional<IdText> users, std::optional<IdText> items, size_t most_pairs)
    : user_ids_(std::move(users)),
      item_ids_(std::move(items)),
      pairs_([this](uint32_t user,
                    uint32_t item) { return PairHash(user_ids_, user, item_ids_, item); },
             most_pairs) {}

void RowCounts::AddRating(int32_t hundredths, int64_t more) {
  const auto index = static_cast<size_t>(hundredths);
  (hundredths >= 0 && index < ratings_.size() ? ratings_[index] : other_ratings_[hundredths]) +=
      more;
}

std::map<int32_t, int64_t> RowCounts::Ratings() const {
  std::map<int32_t, int64_t> ratings = other_ratings_;
  for (size_t i = 0; i < ratings_.size(); ++i) {
    if (ratings_[i] > 0) ratings[static_cast<int32_t>(i)] = ratings_[i];
  }
  return ratings;
}

void RowCounts::AddTime(int64_t time) {
  if (week_ == nullptr || time < week_begin_ || time >= week_begin_ + kWeekMs) {
    const int64_t week = WeekOf(time);
    week_begin_ = kFirstMondayMs + week * kWeekMs;
    week_ = &weeks[week];
  }
  ++*week_;
  ++hours[static_cast<size_t>((time - week_begin_) / kHourMs)];
  first_time = timed_rows == 0 ? time : std::min(first_time, time);
  last_time = timed_rows == 0 ? time : std::max(last_time, time);
  ++timed_rows;
}

RatedRows& RowCounts::Cell(uint16_t cluster, uint16_t category) {
  if (cluster >= cells_.size()) cells_.resize(cluster + 1U);
  if (category >= cells_[cluster].size()) cells_[cluster].resize(category + 1U);
  return cells_[cluster][category];
}

RatedRows& RowCounts::Kind(uint16_t kind) {
  if (kind >= kind_rows.size()) kind_rows.resize(kind + 1U);
  return kind_rows[kind];
}

std::map<std::pair<uint16_t, uint16_t>, RatedRows> RowCounts::Cells() const {
  std::map<std::pair<uint16_t, uint16_t>, RatedRows> cells;
  for (size_t cluster = 0; cluster < cells_.size(); ++cluster) {
    for (size_t category = 0; category < cells_[cluster].size(); ++category) {
      if (cells_[cluster][category].rows == 0) continue;
      cells[{static_cast<uint16_t>(cluster), static_cast<uint16_t>(category)}] =
          cells_[cluster][category];
    }
  }
  return cells;
}

void RowCounts::Add(const RowColumns& more) {
  constexpr size_t kAhead = 16;  // rows that memory needs to answer
  for (size_t i = 0; i < more.user.size(); ++i) {
    if (i + kAhead < more.user.size())
      pairs_.Prefetch(more.user[i + kAhead], more.item[i + kAhead]);
    Member& user = users_[more.user[i]];
    Member& item = items_[more.item[i]];
    const int32_t rating = more.rating[i];
    const int64_t time = more.time[i];
    user.Add(rating);
    item.Add(rating);
    if (rating != kNoRating) AddRating(rating, 1);
    if (time != kNoTime) {
      user.first_time = std::min(user.first_time, time);
      item.first_time = std::min(item.first_time, time);
      AddTime(time);
    }
    if (user.label != 0 || item.label != 0) Cell(user.label, item.label).Add(rating);
    if (!more.kind.empty()) Kind(more.kind[i]).Add(rating);
    pairs_.Add(more.user[i], more.item[i], rating);
  }
  rows += static_cast<int64_t>(more.user.size());
}

// ---- States ---------------------------------------------------------------------------------

namespace {

constexpr int64_t kChunk = 65'536;
constexpr int64_t kMostNumber = 4'294'967'295;

// Members in the order of a state: by number, then by text.
std::vector<uint32_t> InOrder(const Ids& ids, const std::vector<Member>& members) {
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < members.size(); ++i) {
    if (members[i].rows > 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const int64_t number_a = ids.NumberBehindPrefix(a);
    const int64_t number_b = ids.NumberBehindPrefix(b);
    if (number_a < 0 && number_b < 0) return ids.TextOf(a) < ids.TextOf(b);
    return (number_a < 0 ? INT64_MAX : number_a) < (number_b < 0 ? INT64_MAX : number_b);
  });
  return order;
}

void AddMembers(const Ids& ids, const std::vector<Member>& members, std::span<const uint32_t> order,
                std::span<const int32_t> label_order,
                google::protobuf::RepeatedPtrField<v1::CountChunk>* chunks,
                google::protobuf::RepeatedPtrField<v1::IdRows>* others,
                v1::MemberMoments* moments) {
  int64_t chunk_of = -1;
  v1::CountChunk* chunk = nullptr;
  for (const uint32_t index : order) {
    const Member& member = members[index];
    const int64_t number = ids.NumberBehindPrefix(index);
    if (number < 0) {
      v1::IdRows* other = others->Add();
      other->set_id(ids.TextOf(index));
      other->set_rows(member.rows);
    } else {
      // As the states of runs have them: from 1 on, and 0, which those have not, in one of its own.
      const int64_t wanted = number == 0 ? -2 : (number - 1) / kChunk;
      if (chunk == nullptr || wanted != chunk_of) {
        chunk_of = wanted;
        chunk = chunks->Add();
        chunk->set_first_number(number == 0 ? 0 : number);
      }
      while (chunk->first_number() + chunk->rows_size() < number) chunk->add_rows(0);
      chunk->add_rows(member.rows);
    }
    moments->add_rated_rows(member.rated);
    moments->add_rating_hundredths(member.hundredths);
    moments->add_first_time_ms(member.HasTime() ? member.first_time : kNoTime);
    moments->add_label(label_order[member.label]);
  }
}

// Labels in order of their names: puts the names into `names`, and says which each is there.
std::vector<int32_t> Sorted(const Labels& labels,
                            google::protobuf::RepeatedPtrField<std::string>* names) {
  std::vector<uint16_t> order;
  for (size_t i = 1; i < labels.size(); ++i) order.push_back(static_cast<uint16_t>(i));
  std::sort(order.begin(), order.end(),
            [&](uint16_t a, uint16_t b) { return labels.name(a) < labels.name(b); });
  std::vector<int32_t> place(labels.size());
  for (const uint16_t label : order) {
    *names->Add() = labels.name(label);
    place[label] = names->size();
  }
  return place;
}

v1::LabelRows* AddLabels(const RatedRows& rows, const std::string& first, const std::string& second,
                         google::protobuf::RepeatedPtrField<v1::LabelRows>* all) {
  v1::LabelRows* line = all->Add();
  line->set_first(first);
  line->set_second(second);
  line->set_rows(rows.rows);
  line->set_rated_rows(rows.rated);
  line->set_rating_hundredths(rows.hundredths);
  return line;
}

void SortByLabels(google::protobuf::RepeatedPtrField<v1::LabelRows>* all) {
  std::sort(all->begin(), all->end(), [](const v1::LabelRows& a, const v1::LabelRows& b) {
    return std::pair(a.first(), a.second()) < std::pair(b.first(), b.second());
  });
}

RatedRows RowsOf(const v1::LabelRows& line) {
  return {.rows = line.rows(), .rated = line.rated_rows(), .hundredths = line.rating_hundredths()};
}

// The members that a state names, made room for, with their rows.
class StatedMembers {
 public:
  StatedMembers(Ids* ids, std::vector<Member>* members, int64_t rows)
      : ids_(*ids), members_(*members), rows_left_(rows) {}

  bool Take(const google::protobuf::RepeatedPtrField<v1::CountChunk>& chunks,
            const std::string* prefix) {
    if (chunks.empty()) return true;
    if (prefix == nullptr) return false;
    const bool is_ours = ids_.has_prefix() && *prefix == ids_.prefix();
    for (const v1::CountChunk& chunk : chunks) {
      const int64_t first = chunk.first_number();
      if (first < 0 || first > kMostNumber - chunk.rows_size() + 1) return false;
      for (int i = 0; i < chunk.rows_size(); ++i) {
        if (chunk.rows(i) == 0) continue;
        const int64_t number = first + i;
        const uint32_t index =
            is_ours ? ids_.IndexOf(number) : ids_.IndexOf(*prefix + std::to_string(number));
        if (!TakeOne(index, chunk.rows(i))) return false;
      }
    }
    return true;
  }
  bool Take(const google::protobuf::RepeatedPtrField<v1::IdRows>& others) {
    return std::all_of(others.begin(), others.end(), [this](const v1::IdRows& other) {
      return TakeOne(ids_.IndexOf(other.id()), other.rows());
    });
  }
  bool IsAll() const { return rows_left_ == 0; }
  const std::vector<uint32_t>& indices() const { return indices_; }

 private:
  bool TakeOne(uint32_t index, int64_t rows) {
    if (rows < 0 || rows > rows_left_) return false;
    rows_left_ -= rows;
    if (index >= members_.size()) members_.resize(index + 1);
    members_[index].rows += rows;
    indices_.push_back(index);
    return true;
  }

  Ids& ids_;
  std::vector<Member>& members_;
  int64_t rows_left_;
  std::vector<uint32_t> indices_;
};

bool TakeMoments(const v1::MemberMoments& moments, std::span<const uint32_t> indices,
                 const google::protobuf::RepeatedPtrField<std::string>& names, Labels* labels,
                 std::vector<Member>* members) {
  const auto size = static_cast<int>(indices.size());
  if (moments.rated_rows_size() != size || moments.rating_hundredths_size() != size ||
      moments.first_time_ms_size() != size || moments.label_size() != size) {
    return false;
  }
  for (int i = 0; i < size; ++i) {
    Member& member = (*members)[indices[static_cast<size_t>(i)]];
    member.rated += moments.rated_rows(i);
    member.hundredths += moments.rating_hundredths(i);
    if (moments.first_time_ms(i) != kNoTime) {
      member.first_time = std::min(member.first_time, moments.first_time_ms(i));
    }
    if (moments.label(i) < 0 || moments.label(i) > names.size()) return false;
    if (moments.label(i) > 0) member.label = labels->IndexOf(names[moments.label(i) - 1]);
  }
  return true;
}

}  // namespace

v1::StatisticsState RowCounts::State(int64_t total_users, int64_t total_items) const {
  v1::StatisticsState state;
  state.set_rows(rows);
  state.set_total_users(total_users);
  state.set_total_items(total_items);
  if (user_ids_.has_prefix()) state.set_user_prefix(user_ids_.prefix());
  if (item_ids_.has_prefix()) state.set_item_prefix(item_ids_.prefix());
  for (const auto& [hundredths, count] : Ratings()) {
    v1::RatingRows* line = state.add_ratings();
    line->set_rating_hundredths(hundredths);
    line->set_rows(count);
  }
  if (timed_rows > 0) {
    state.set_first_time_ms(first_time);
    state.set_last_time_ms(last_time);
  }
  v1::FiguresState figures;
  const std::vector<int32_t> cluster_order = Sorted(clusters, figures.mutable_clusters());
  const std::vector<int32_t> category_order = Sorted(categories, figures.mutable_categories());
  AddMembers(user_ids_, users_, InOrder(user_ids_, users_), cluster_order,
             state.mutable_user_rows(), state.mutable_other_user_rows(), figures.mutable_users());
  AddMembers(item_ids_, items_, InOrder(item_ids_, items_), category_order,
             state.mutable_item_rows(), state.mutable_other_item_rows(), figures.mutable_items());
  if (has_no_figures) return state;
  for (const int64_t count : hours) figures.add_hour_of_week_rows(count);
  for (const auto& [week, count] : weeks) {
    v1::WeekRows* line = figures.add_weeks();
    line->set_week(week);
    line->set_rows(count);
  }
  for (const auto& [cell, count] : Cells()) {
    AddLabels(count, clusters.name(cell.first), categories.name(cell.second),
              figures.mutable_cells());
  }
  SortByLabels(figures.mutable_cells());
  for (size_t kind = 0; kind < kind_rows.size(); ++kind) {
    if (kind_rows[kind].rows == 0) continue;
    AddLabels(kind_rows[kind], kinds.name(static_cast<uint16_t>(kind)), "",
              figures.mutable_kinds());
  }
  SortByLabels(figures.mutable_kinds());
  figures.set_pair_sketch(pairs_.Sketch().registers());
  *state.mutable_figures() = std::move(figures);
  return state;
}

std::string RowCounts::Merge(const v1::StatisticsState& state) {
  is_merged = true;
  if (state.rows() < 0) return "it has fewer than no rows.";
  StatedMembers users(&user_ids_, &users_, state.rows());
  StatedMembers items(&item_ids_, &items_, state.rows());
  const bool has_users =
      users.Take(state.user_rows(), state.has_user_prefix() ? &state.user_prefix() : nullptr) &&
      users.Take(state.other_user_rows()) && users.IsAll();
  const bool has_items =
      items.Take(state.item_rows(), state.has_item_prefix() ? &state.item_prefix() : nullptr) &&
      items.Take(state.other_item_rows()) && items.IsAll();
  if (!has_users || !has_items) {
    return "the rows of its users or items are not its rows; it is cut short, or no state.";
  }
  int64_t rated = 0;
  for (const v1::RatingRows& rating : state.ratings()) {
    if (rating.rows() < 0 || rating.rows() > state.rows() - rated) {
      return "it has more ratings than rows.";
    }
    rated += rating.rows();
    AddRating(rating.rating_hundredths(), rating.rows());
  }
  rows += state.rows();
  if (state.has_first_time_ms() && state.has_last_time_ms()) {
    const bool is_first = timed_rows == 0;
    first_time = is_first ? state.first_time_ms() : std::min(first_time, state.first_time_ms());
    last_time = is_first ? state.last_time_ms() : std::max(last_time, state.last_time_ms());
    timed_rows += state.rows();
  }
  if (state.rows() == 0) return "";
  if (!state.has_figures()) {
    has_no_figures = true;
    return "";
  }
  return MergeFigures(state.figures(), users.indices(), items.indices());
}

std::string RowCounts::MergeFigures(const v1::FiguresState& figures,
                                    std::span<const uint32_t> users,
                                    std::span<const uint32_t> items) {
  if (!TakeMoments(figures.users(), users, figures.clusters(), &clusters, &users_) ||
      !TakeMoments(figures.items(), items, figures.categories(), &categories, &items_)) {
    return "its figures are not those of its users and items.";
  }
  if (figures.hour_of_week_rows_size() != static_cast<int>(hours.size())) {
    return "its week has not 168 hours.";
  }
  for (size_t i = 0; i < hours.size(); ++i) {
    hours[i] += figures.hour_of_week_rows(static_cast<int>(i));
  }
  for (const v1::WeekRows& week : figures.weeks()) weeks[week.week()] += week.rows();
  for (const v1::LabelRows& cell : figures.cells()) {
    Cell(clusters.IndexOf(cell.first()), categories.IndexOf(cell.second())).Add(RowsOf(cell));
  }
  for (const v1::LabelRows& kind : figures.kinds()) {
    Kind(kinds.IndexOf(kind.first())).Add(RowsOf(kind));
  }
  if (!pairs_.Merge(figures.pair_sketch())) return "its pair_sketch is none.";
  return "";
}

}  // namespace throng
