#include "client/plan_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <sstream>

#include "client/print.h"

namespace throng {
namespace {

std::string Tables(const v1::Plan& plan) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "Plan\n  fingerprint    {}\n", plan.fingerprint());
  fmt::format_to(
      out, "  shares hold over {} rows: {} active users, {} touched items, of them {} popular\n",
      plan.plan_size(), plan.active_users(), plan.touched_items(), plan.popular_items());
  for (const v1::KindQuota& kind : plan.kinds()) {
    if (!kind.name().empty())
      fmt::format_to(out, "  choice {}: {} rows\n", kind.name(), kind.rows());
  }
  TextTable clusters({"CLUSTER", "USERS", "ACTIVE"});
  for (const v1::ClusterQuota& cluster : plan.clusters()) {
    clusters.Add(
        {cluster.name(), std::to_string(cluster.users()), std::to_string(cluster.active_users())});
  }
  TextTable categories({"CATEGORY", "POPULAR ITEMS", "TAIL ITEMS", "UNTOUCHED ITEMS"});
  for (const v1::CategoryQuota& category : plan.categories()) {
    categories.Add({category.name(), std::to_string(category.popular_items()),
                    std::to_string(category.tail_items()),
                    std::to_string(category.untouched_items())});
  }
  TextTable outputs({"OUTPUT", "FIRST ROW", "ROWS", "PLACE", "ON A REPEAT"});
  for (const v1::OutputPlan& output : plan.outputs()) {
    outputs.Add({output.name(), std::to_string(output.first_row()),
                 output.rows() < 0 ? "without end" : std::to_string(output.rows()),
                 output.place().empty() ? "-" : output.place(),
                 output.is_durable() ? "goes on" : "starts over"});
  }
  for (const TextTable& table : {clusters, categories, outputs}) {
    fmt::format_to(out, "\n{}", table.ToText());
  }
  for (const std::string& warning : plan.warnings()) fmt::format_to(out, "\nnote: {}", warning);
  return text;
}

}  // namespace

std::string PlanText(const v1::Plan& plan) {
  std::string text = YamlOf(plan.spec()) + "\n";
  std::istringstream lines(Tables(plan));
  for (std::string line; std::getline(lines, line);)
    text += line.empty() ? "#\n" : "# " + line + "\n";
  return text;
}

}  // namespace throng
