#include "server/inspection/time_counts.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "throng/random.hpp"

namespace throng {

// ---- GapCounts ------------------------------------------------------------------------------

size_t GapCounts::BinOf(int64_t ms) {
  const auto value = static_cast<uint64_t>(ms);
  if (value < kInOctave) return static_cast<size_t>(value);
  const size_t shift = std::bit_width(value) - std::bit_width(kInOctave);
  return shift * kInOctave + (value >> shift);
}

int64_t GapCounts::BeginOf(size_t bin) {
  if (bin < 2 * kInOctave) return static_cast<int64_t>(bin);
  const size_t shift = bin / kInOctave - 1;
  return static_cast<int64_t>((bin - shift * kInOctave) << shift);
}

void GapCounts::Add(int64_t ms) {
  least = count == 0 ? ms : std::min(least, ms);
  greatest = std::max(greatest, ms);
  ++count;
  const auto value = static_cast<long double>(ms);
  sum += value;
  squares += value * value;
  within_minute += ms <= kMinute ? 1 : 0;
  within_half_hour += ms <= kHalfHour ? 1 : 0;
  beyond_day += ms > kDay ? 1 : 0;
  ++bins_[BinOf(ms)];
}

double GapCounts::Quantile(double share) const {
  if (count == 0) return 0;
  const auto rank = static_cast<int64_t>(share * static_cast<double>(count - 1));
  int64_t before = 0;
  for (size_t bin = 0; bin < bins_.size(); ++bin) {
    before += bins_[bin];
    if (before <= rank) continue;
    const auto begin = static_cast<double>(BeginOf(bin));
    const auto last = static_cast<double>(BeginOf(bin + 1) - 1);
    return std::clamp((begin + last) / 2, static_cast<double>(least),
                      static_cast<double>(greatest));
  }
  return static_cast<double>(greatest);
}

std::vector<GapCounts::Bin> GapCounts::HalfOctaves() const {
  std::vector<Bin> halves;
  for (size_t bin = 0; bin < bins_.size(); ++bin) {
    if (bins_[bin] == 0) continue;
    const int64_t begin = BeginOf(bin);
    const auto octave =
        begin < 1 ? 0 : static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(begin)));
    const bool is_upper = octave > 1 && begin >= octave + octave / 2;
    const int64_t from = is_upper ? octave + octave / 2 : octave;
    int64_t to = octave + octave / 2;
    if (octave == 0) to = 1;
    if (is_upper || octave == 1) to = 2 * octave;
    if (halves.empty() || halves.back().from != from) halves.push_back({from, to, 0});
    halves.back().count += bins_[bin];
  }
  return halves;
}

// ---- ToldSessions ---------------------------------------------------------------------------

size_t ToldSessions::PlaceOf(int64_t id) const {
  const size_t mask = places_.size() - 1;
  size_t at = Mix(static_cast<uint64_t>(id)) & mask;
  while (places_[at].rows > 0 && places_[at].id != id) at = (at + 1) & mask;
  return at;
}

void ToldSessions::Add(int64_t id, int64_t time) {
  if (2 * (size_ + 1) > places_.size()) {
    std::vector<Session> before(2 * places_.size());
    before.swap(places_);
    for (const Session& session : before) {
      if (session.rows > 0) places_[PlaceOf(session.id)] = session;
    }
  }
  Session& session = places_[PlaceOf(id)];
  if (session.rows++ == 0) {
    session = {.id = id, .first = time, .last = time, .rows = 1};
    ++size_;
    return;
  }
  session.first = std::min(session.first, time);
  session.last = std::max(session.last, time);
}

// ---- TimeCounts -----------------------------------------------------------------------------

void TimeCounts::Add(const RowColumns& rows) {
  const size_t n = rows.user.size();
  for (size_t i = 0; i < n; ++i) {
    const Event event{rows.user[i], rows.item[i], rows.time[i]};
    if (event.time == kNoTime) has_all_times_ = false;
    if (event.time < last_time_) is_in_order_ = false;
    last_time_ = event.time;
    if (events_.size() < most_events_) events_.push_back(event);
    if (is_in_order_ && has_all_times_) AddInOrder(event);
  }
  rows_ += static_cast<int64_t>(n);
  if (!has_all_sessions_ || n == 0) return;
  has_all_sessions_ = !rows.session.empty() && told_.size() <= kMostSessions;
  for (size_t i = 0; i < n && has_all_sessions_; ++i) {
    has_all_sessions_ = rows.session[i] != kNoTime;
    told_.Add(rows.session[i], rows.time[i]);
  }
  if (!has_all_sessions_) told_ = ToldSessions();
}

void TimeCounts::SeeInWeek(int64_t time) {
  if (present_ != nullptr && time >= week_begin_ && time < week_begin_ + kWeekMs) return;
  week_ = WeekOf(time);
  week_begin_ = kFirstMondayMs + week_ * kWeekMs;
  present_ = &weeks_[week_];
}

void TimeCounts::End(int64_t rows, int64_t ms, SessionCounts* sessions) {
  ++sessions->count;
  sessions->rows += rows;
  sessions->ms += static_cast<long double>(ms);
  const auto most = static_cast<int64_t>(sessions->by_rows.size());
  ++sessions->by_rows[static_cast<size_t>(std::min(rows, most) - 1)];
}

void TimeCounts::AddInOrder(const Event& event) {
  SeeInWeek(event.time);
  if (event.user >= users_.size()) {
    users_.resize(event.user + 1U);
    open_.resize(event.user + 1U);
  }
  if (event.item >= items_.size()) items_.resize(event.item + 1U);
  const auto see = [this](Stay* stay, int64_t* present) {
    if (stay->first_row < 0) stay->first_row = row_;
    stay->last_row = row_;
    if (stay->last_week != week_) ++*present;
    stay->last_week = week_;
  };
  see(&users_[event.user], &present_->users);
  see(&items_[event.item], &present_->items);
  ++row_;

  Open& open = open_[event.user];
  if (open.rows > 0) {
    const int64_t gap = event.time - open.last;
    gaps_.Add(gap);
    if (gap > GapCounts::kHalfHour) {
      End(open.rows, open.last - open.first, &sessions_);
      open.rows = 0;
    }
  }
  if (open.rows == 0) open.first = event.time;
  open.last = event.time;
  ++open.rows;
}

bool TimeCounts::Finish() {
  if (!has_all_times_ || (!is_in_order_ && !HasAllEvents())) return false;
  if (!is_in_order_) {
    std::stable_sort(events_.begin(), events_.end(),
                     [](const Event& a, const Event& b) { return a.time < b.time; });
    row_ = 0;
    gaps_ = GapCounts();
    sessions_ = SessionCounts();
    open_.clear();
    users_.clear();
    items_.clear();
    weeks_.clear();
    present_ = nullptr;
    for (const Event& event : events_) AddInOrder(event);
    is_in_order_ = true;
  }
  for (Open& open : open_) {
    if (open.rows > 0) End(open.rows, open.last - open.first, &sessions_);
    open.rows = 0;
  }
  if (has_all_sessions_ && told_.size() > 0) {
    sessions_ = SessionCounts();
    sessions_.is_told = true;
    for (const ToldSessions::Session& told : told_.places()) {
      if (told.rows > 0) End(told.rows, told.last - told.first, &sessions_);
    }
  }
  return true;
}

}  // namespace throng
