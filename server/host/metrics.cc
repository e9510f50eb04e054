#include "server/host/metrics.h"

#include <fmt/format.h>

#include <cmath>

#include "server/dataset/name.h"

namespace throng {

std::string Metrics::Take(Role role, const std::string& component, std::string_view name,
                          bool is_counter, double value) {
  const Owner owner(role, component);
  const std::lock_guard lock(mutex_);
  const auto refuse = [&](std::string sentence) {
    return refused_.insert(owner).second ? std::move(sentence) : "";
  };
  if (name.size() > kMostNameBytes || !IsSnakeCase(name)) {
    return refuse(
        fmt::format("a metric's name is snake_case, of at most {} characters; one that "
                    "is not is dropped.",
                    kMostNameBytes));
  }
  if (!std::isfinite(value) || (is_counter && value < 0)) {
    return refuse(
        fmt::format("metric {}: {} is dropped; what is added to a counter is finite and "
                    "not negative, and a gauge finite.",
                    name, value));
  }
  auto& known = metrics_[owner];
  auto found = known.find(name);
  if (found == known.end()) {
    if (known.size() >= kMostOfAComponent) {
      return refuse(fmt::format("metric {} is dropped: a component has at most {} of them.", name,
                                kMostOfAComponent));
    }
    found = known.emplace(std::string(name), Value{is_counter, 0}).first;
  }
  if (found->second.is_counter != is_counter) {
    return refuse(fmt::format("metric {} is a {} and is used as a {}; what that says is dropped.",
                              name, is_counter ? "gauge" : "counter",
                              is_counter ? "counter" : "gauge"));
  }
  found->second.value = is_counter ? found->second.value + value : value;
  return "";
}

std::vector<Metric> Metrics::Read() const {
  const std::lock_guard lock(mutex_);
  std::vector<Metric> metrics;
  for (const auto& [owner, known] : metrics_) {
    for (const auto& [name, value] : known) {
      metrics.push_back({owner.first, owner.second, name, value.is_counter, value.value});
    }
  }
  return metrics;
}

}  // namespace throng
