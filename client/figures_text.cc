#include "client/figures_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

#include "client/print.h"

namespace throng {
namespace {

constexpr int kHours = 24;
constexpr int kDays = 7;
constexpr int kMostWeeks = 60;   // of a line
constexpr int kMostGroups = 12;  // of a table
constexpr std::array kDayNames = {"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"};

std::string Percent(double share) {
  return fmt::format("{:.{}f}%", 100 * share, share > 0 && share < 0.1 ? 1 : 0);
}

// "35 s", "4.2 min", "1.5 d".
std::string Length(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  if (seconds < 3600) return fmt::format("{:.1f} min", seconds / 60);
  if (seconds < 86'400) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} d", seconds / 86'400);
}

// A bar for each count, the greatest of them full.
std::string Bars(const std::vector<int64_t>& counts) {
  constexpr std::array kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  std::string text;
  for (const int64_t count : counts) {
    const double share = most == 0 ? 0 : static_cast<double>(count) / static_cast<double>(most);
    const auto bar =
        static_cast<size_t>(std::lround(share * static_cast<double>(kBars.size() - 1)));
    text += kBars[bar];
  }
  return text;
}

std::string SpreadTable(const v1::Figures& figures) {
  const auto row = [&](const std::string& name, const auto& text) {
    return std::vector{name, text(figures.users()), text(figures.items())};
  };
  TextTable table({"", "USERS", "ITEMS"});
  table.Add(row("with rows", [](const v1::Spread& s) {
    return fmt::format("{} of {}", s.with_rows(), s.total());
  }));
  table.Add(row("rows: median, most", [](const v1::Spread& s) {
    return fmt::format("{:.0f}, {:.0f}", s.rows().p50(), s.rows().greatest());
  }));
  table.Add(row("top 20% have", [](const v1::Spread& s) { return Percent(s.top_fifth_share()); }));
  table.Add(
      row("bottom half has", [](const v1::Spread& s) { return Percent(s.bottom_half_share()); }));
  table.Add(row("Gini", [](const v1::Spread& s) { return fmt::format("{:.2f}", s.gini()); }));
  table.Add(row("mean ratings", [](const v1::Spread& s) {
    return s.has_mean_rating()
               ? fmt::format("{:.2f} ± {:.2f}", s.mean_rating().mean(), s.mean_rating().sd())
               : std::string("-");
  }));
  table.Add(row("their spread to chance", [](const v1::Spread& s) {
    return s.mean_rating_chance_ratio() == 0
               ? std::string("-")
               : fmt::format("x {:.1f}", s.mean_rating_chance_ratio());
  }));
  table.Add(row("only in the last fifth", [](const v1::Spread& s) {
    if (!s.has_in_last_fifth()) return std::string("-");
    return fmt::format("{} of {}", s.only_in_last_fifth(), s.in_last_fifth());
  }));
  return table.ToText();
}

std::string PairLine(const v1::Figures& figures) {
  const v1::Pairs& pairs = figures.pairs();
  std::string text =
      fmt::format("Pairs     {}{} of a user and an item, density {:.3g}%",
                  pairs.is_estimate() ? "about " : "", pairs.distinct(), 100 * pairs.density());
  text += fmt::format("; {} of the rows repeat one", Percent(pairs.repeated_rows_share()));
  if (pairs.contradicted() > 0) {
    text += fmt::format(", {} of {} repeated pairs with ratings that differ", pairs.contradicted(),
                        pairs.repeated());
  }
  return text + "\n";
}

std::string TimeLines(const v1::Figures& figures) {
  std::string text;
  const auto out = std::back_inserter(text);
  if (figures.hour_of_week_rows_size() == kHours * kDays) {
    std::vector<int64_t> hours(kHours);
    std::vector<int64_t> days(kDays);
    for (int i = 0; i < kHours * kDays; ++i) {
      hours[static_cast<size_t>(i % kHours)] += figures.hour_of_week_rows(i);
      days[static_cast<size_t>(i / kHours)] += figures.hour_of_week_rows(i);
    }
    const auto busiest = std::max_element(hours.begin(), hours.end()) - hours.begin();
    const auto day = std::max_element(days.begin(), days.end()) - days.begin();
    fmt::format_to(out, "Time      {}; hours 0 {} 23 UTC, most at {}; days Mo {} Su, most on {}\n",
                   Length(figures.seconds()), Bars(hours), busiest, Bars(days),
                   kDayNames[static_cast<size_t>(day)]);
  }
  if (figures.weeks_size() > 1 && figures.weeks_size() <= kMostWeeks) {
    std::vector<int64_t> rows;
    std::vector<int64_t> items;
    for (const v1::Week& week : figures.weeks()) {
      rows.push_back(week.rows());
      items.push_back(week.new_items());
    }
    fmt::format_to(out, "Weeks     {}; rows {}, new items {}\n", figures.weeks_size(), Bars(rows),
                   Bars(items));
  }
  if (figures.has_gaps() && figures.gaps().seconds().count() > 0) {
    const v1::Distribution& gaps = figures.gaps().seconds();
    fmt::format_to(out,
                   "Gaps      median {}, 95% below {}; {} within a minute, {} within 30 min, {} "
                   "beyond a day\n",
                   Length(gaps.p50()), Length(gaps.p95()), Percent(figures.gaps().within_minute()),
                   Percent(figures.gaps().within_half_hour()),
                   Percent(figures.gaps().beyond_day()));
  }
  if (figures.has_sessions()) {
    const v1::Sessions& sessions = figures.sessions();
    fmt::format_to(out, "Sessions  {}{}, on average {:.1f} rows in {}; {} of one row\n",
                   sessions.count(), sessions.is_told() ? " by session_id" : "",
                   sessions.mean_rows(), Length(sessions.mean_seconds()),
                   Percent(sessions.single_row_share()));
  }
  return text;
}

std::string KindLine(const v1::Figures& figures) {
  if (figures.kinds().empty()) return "";
  std::string text = "Kinds    ";
  for (int i = 0; i < std::min(figures.kinds_size(), kMostGroups); ++i) {
    const v1::Group& kind = figures.kinds(i);
    text += fmt::format("{} {} {} ({:.2f} stars)", i == 0 ? "" : ",", kind.name(),
                        Percent(kind.share()), kind.mean_rating());
  }
  return text + "\n";
}

// Rows of each cluster by category, in percent of the cluster's.
std::string GroupTable(const v1::Figures& figures) {
  const int clusters = figures.clusters_size();
  const int categories = figures.categories_size();
  if (clusters == 0 || categories == 0 || figures.cluster_category_rows().empty()) return "";
  const int shown = std::min(categories, kMostGroups);
  std::vector<std::string> header = {"CLUSTER", "USERS", "ROWS"};
  for (int j = 0; j < shown; ++j) header.push_back(figures.categories(j).name());
  TextTable table(header);
  for (int i = 0; i < std::min(clusters, kMostGroups); ++i) {
    const v1::Group& cluster = figures.clusters(i);
    std::vector<std::string> row = {cluster.name(), std::to_string(cluster.members()),
                                    Percent(cluster.share())};
    for (int j = 0; j < shown; ++j) {
      const int64_t rows = figures.cluster_category_rows(i * categories + j);
      row.push_back(cluster.rows() == 0
                        ? "-"
                        : Percent(static_cast<double>(rows) / static_cast<double>(cluster.rows())));
    }
    table.Add(row);
  }
  std::string text = "\n" + table.ToText();
  if (shown < categories || kMostGroups < clusters) {
    text += fmt::format("(the largest of {} clusters and {} categories)\n", clusters, categories);
  }
  return text;
}

const char* VerdictText(v1::Verdict verdict) {
  if (verdict == v1::VERDICT_PASS) return "PASS";
  return verdict == v1::VERDICT_FAIL ? "FAIL" : "-   ";
}

}  // namespace

std::string FiguresText(const v1::Figures& figures) {
  std::string text = SpreadTable(figures) + "\n" + PairLine(figures) + TimeLines(figures) +
                     KindLine(figures) + GroupTable(figures);
  for (const std::string& note : figures.notes()) text += "note: " + note + "\n";
  return text;
}

std::string ChecklistText(const v1::Checklist& checklist) {
  std::string text = "Checklist\n";
  const auto out = std::back_inserter(text);
  for (const v1::Check& check : checklist.checks()) {
    fmt::format_to(out, "  {}  {}", VerdictText(check.verdict()), check.title());
    if (!check.figure().empty()) fmt::format_to(out, ": {}", check.figure());
    text += "\n";
    if (check.verdict() == v1::VERDICT_FAIL) {
      fmt::format_to(out, "        expected: {}\n        {}\n", check.expected(), check.reason());
    } else if (check.verdict() != v1::VERDICT_PASS || check.id() == "enough_data") {
      fmt::format_to(out, "        {}\n", check.reason());
    }
  }
  fmt::format_to(out, "{} passed, {} failed", checklist.passed(), checklist.failed());
  if (checklist.not_checked() > 0) {
    fmt::format_to(out, ", {} not checked", checklist.not_checked());
  }
  return text + ".\n";
}

}  // namespace throng
