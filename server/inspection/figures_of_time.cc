#include "server/inspection/figures_of_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace throng {
namespace {

constexpr int64_t kMostWeeks = 1600;
constexpr size_t kMostTimes = 400;

// How many have their first row in each week.
std::map<int64_t, int64_t> Newcomers(const std::vector<Member>& members) {
  std::map<int64_t, int64_t> weeks;
  for (const Member& member : members) {
    if (member.rows > 0 && member.HasTime()) ++weeks[WeekOf(member.first_time)];
  }
  return weeks;
}

}  // namespace

void SetTime(int64_t ms, google::protobuf::Timestamp* time) {
  const int64_t seconds = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
  time->set_seconds(seconds);
  time->set_nanos(static_cast<int32_t>(ms - 1000 * seconds) * 1'000'000);
}

void AddWeeks(const RowCounts& counts, const TimeCounts* times, v1::Figures* figures) {
  if (counts.weeks.empty()) return;
  const std::map<int64_t, int64_t> users = Newcomers(counts.users());
  const std::map<int64_t, int64_t> items = Newcomers(counts.items());
  const auto at = [](const std::map<int64_t, int64_t>& weeks, int64_t week) {
    const auto found = weeks.find(week);
    return found == weeks.end() ? 0 : found->second;
  };
  const int64_t first = counts.weeks.begin()->first;
  const int64_t last = counts.weeks.rbegin()->first;
  for (int64_t week = first; week <= last && week - first < kMostWeeks; ++week) {
    v1::Week* line = figures->add_weeks();
    SetTime(kFirstMondayMs + week * kWeekMs, line->mutable_start());
    line->set_rows(at(counts.weeks, week));
    line->set_new_users(at(users, week));
    line->set_new_items(at(items, week));
    if (times == nullptr) continue;
    const auto present = times->weeks().find(week);
    const bool has_some = present != times->weeks().end();
    line->set_users(has_some ? present->second.users : 0);
    line->set_items(has_some ? present->second.items : 0);
  }
  if (last - first >= kMostWeeks) {
    figures->add_notes(
        fmt::format("Only the first {} of {} weeks are listed.", kMostWeeks, last - first + 1));
  }
}

void SetGaps(const GapCounts& counts, v1::Gaps* gaps) {
  const auto n = static_cast<long double>(counts.count);
  v1::Distribution* seconds = gaps->mutable_seconds();
  seconds->set_count(counts.count);
  if (counts.count == 0) return;
  const long double mean = counts.sum / n;
  seconds->set_mean(static_cast<double>(mean / 1000));
  seconds->set_sd(static_cast<double>(
      std::sqrt(std::max<long double>(0, counts.squares / n - mean * mean)) / 1000));
  seconds->set_least(static_cast<double>(counts.least) / 1000);
  seconds->set_greatest(static_cast<double>(counts.greatest) / 1000);
  seconds->set_p05(counts.Quantile(0.05) / 1000);
  seconds->set_p25(counts.Quantile(0.25) / 1000);
  seconds->set_p50(counts.Quantile(0.5) / 1000);
  seconds->set_p75(counts.Quantile(0.75) / 1000);
  seconds->set_p95(counts.Quantile(0.95) / 1000);
  seconds->set_p99(counts.Quantile(0.99) / 1000);
  gaps->set_within_minute(Share(counts.within_minute, counts.count));
  gaps->set_within_half_hour(Share(counts.within_half_hour, counts.count));
  gaps->set_beyond_day(Share(counts.beyond_day, counts.count));
  for (const GapCounts::Bin& bin : counts.HalfOctaves()) {
    v1::GapBin* line = gaps->add_bins();
    line->set_from_seconds(static_cast<double>(bin.from) / 1000);
    line->set_to_seconds(static_cast<double>(bin.to) / 1000);
    line->set_count(bin.count);
  }
}

void SetSessions(const TimeCounts::SessionCounts& counts, v1::Sessions* sessions) {
  sessions->set_is_told(counts.is_told);
  sessions->set_count(counts.count);
  sessions->set_mean_rows(Share(counts.rows, counts.count));
  sessions->set_mean_seconds(
      Ratio(static_cast<double>(counts.ms / 1000), static_cast<double>(counts.count)));
  sessions->set_single_row_share(Share(counts.by_rows[0], counts.count));
  for (const int64_t count : counts.by_rows) sessions->add_count_by_rows(count);
}

void AddTimelines(const RowCounts& counts, const TimeCounts& times, v1::Figures* figures) {
  std::vector<uint32_t> users;
  for (uint32_t i = 0; i < counts.users().size(); ++i) {
    if (counts.users()[i].rows > 0) users.push_back(i);
  }
  if (users.empty()) return;
  // Of equals, the one that was met first.
  std::sort(users.begin(), users.end(), [&](uint32_t a, uint32_t b) {
    const int64_t rows_a = counts.users()[a].rows;
    const int64_t rows_b = counts.users()[b].rows;
    return rows_a != rows_b ? rows_a > rows_b : a < b;
  });
  std::map<size_t, std::vector<int64_t>> chosen;  // by place
  for (const double share : {0.0, 0.05, 0.25, 0.5, 0.75, 0.95}) {
    chosen[static_cast<size_t>(share * static_cast<double>(users.size() - 1))];
  }
  std::map<uint32_t, std::vector<int64_t>*> by_user;
  for (auto& [place, moments] : chosen) by_user[users[place]] = &moments;
  std::vector<bool> is_chosen(counts.users().size());
  for (const auto& user : by_user) is_chosen[user.first] = true;
  for (const Event& event : times.events()) {
    if (is_chosen[event.user]) by_user[event.user]->push_back(event.time);
  }
  for (const auto& [place, moments] : chosen) {
    v1::Timeline* line = figures->add_timelines();
    line->set_user_id(counts.user_ids().TextOf(users[place]));
    line->set_rank(static_cast<int64_t>(place) + 1);
    line->set_rows(counts.users()[users[place]].rows);
    const size_t n = std::min(moments.size(), kMostTimes);
    for (size_t i = 0; i < n; ++i) {
      line->add_times_ms(n < 2 ? moments[i] : moments[i * (moments.size() - 1) / (n - 1)]);
    }
  }
  if (!times.HasAllEvents()) {
    figures->add_notes(fmt::format("Timelines are of the first {} rows.", times.events().size()));
  }
}

}  // namespace throng
