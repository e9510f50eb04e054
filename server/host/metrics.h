// What the components of a process count: the extension "metrics/1" (throng/metrics.h).
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/dataset/role.h"

namespace throng {

struct Metric {
  Role role = Role::kActivity;
  std::string component;
  std::string name;
  bool is_counter = false;  // else a gauge
  double value = 0;
};

// Any thread. Instances of a component count together.
class Metrics {
 public:
  static constexpr size_t kMostOfAComponent = 32;
  static constexpr size_t kMostNameBytes = 64;

  // Adds to a counter. Says what is wrong, the first time for a component, with a name that is not
  // snake_case, a value that is negative or not finite, or one metric too many; then nothing else
  // happens.
  std::string Add(Role role, const std::string& component, std::string_view name, double value) {
    return Take(role, component, name, true, value);
  }
  // Sets a gauge, likewise; its value may be negative.
  std::string Set(Role role, const std::string& component, std::string_view name, double value) {
    return Take(role, component, name, false, value);
  }

  // All of them, by role, component and name.
  std::vector<Metric> Read() const;

 private:
  using Owner = std::pair<Role, std::string>;
  struct Value {
    bool is_counter = false;
    double value = 0;
  };

  std::string Take(Role role, const std::string& component, std::string_view name, bool is_counter,
                   double value);

  mutable std::mutex mutex_;
  std::map<Owner, std::map<std::string, Value, std::less<>>> metrics_;
  std::set<Owner> refused_;
};

}  // namespace throng
