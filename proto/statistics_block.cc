#include "proto/statistics_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace throng {
namespace {

// "80", "99.67": at most two decimals, none that are not needed.
std::string Short(double value) {
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

double Ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

}  // namespace

std::string StatisticsBlock(const v1::Statistics& s) {
  const std::string line(70, '=');
  const auto percent = [](int64_t part, int64_t whole) {
    return Short(100 * Ratio(static_cast<double>(part), static_cast<double>(whole)));
  };
  std::string text = fmt::format("{0}\nDataset Statistics\n{0}\n", line);
  const auto out = std::back_inserter(text);
  const std::string_view seen = s.totals_are_seen() ? " (seen)" : "";
  fmt::format_to(out, "Total Users: {}{}\n", s.total_users(), seen);
  fmt::format_to(out, "Total Items: {}{}\n", s.total_items(), seen);
  fmt::format_to(out, "Total Interactions: {}\n", s.total_interactions());
  fmt::format_to(out, "Unique Active Users: {} ({}%)\n", s.unique_active_users(),
                 percent(s.unique_active_users(), s.total_users()));
  fmt::format_to(out, "Unique Items with Interactions: {} ({}%)\n\n", s.unique_items(),
                 percent(s.unique_items(), s.total_items()));
  fmt::format_to(out, "Average Rating: {:.2f} ⭐\n", s.average_rating());
  fmt::format_to(out, "Avg Interactions per User: {}\n", Short(s.average_interactions_per_user()));
  fmt::format_to(out, "Max Interactions per User: {} (power user!)\n",
                 s.max_interactions_per_user());
  fmt::format_to(out, "Min Interactions per User: {}\n\n", s.min_interactions_per_user());
  fmt::format_to(out, "Rating Distribution:");
  size_t width = 5;
  for (const v1::RatingShare& share : s.rating_distribution()) {
    width = std::max(width, std::to_string(share.interactions()).size());
  }
  for (const v1::RatingShare& share : s.rating_distribution()) {
    const auto stars = static_cast<int>(std::clamp(std::floor(share.rating()), 0.0, 5.0));
    std::string bar;
    for (int i = 0; i < 5; ++i) bar += i < stars ? "★" : "☆";
    std::string rating = Short(share.rating());
    if (rating.find('.') == std::string::npos) rating += ".0";
    fmt::format_to(out, "\n  {}: {:{}} ({:5.2f}%) {}", rating, share.interactions(), width,
                   100 * share.share(), bar);
  }
  return text + "\n" + line;
}

}  // namespace throng
