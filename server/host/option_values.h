// Options of a component: text from a spec -> typed values in the order of its descriptors.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/host/catalogue.h"
#include "server/spec/problem.h"
#include "throng/plugin.h"

namespace throng {

// The typed values of one component, and what their texts mean. Movable, not copyable: the values
// point into it.
class OptionValues {
 public:
  // `options` are as in the spec; `field` is the path of the component in it ("dataset.choice").
  // Adds to `problems`: unknown options (with the nearest), missing ones, wrong types, values out
  // of range, secrets that are literals, and what the component's own `validate` says.
  // `now` (ms since 1970 UTC) resolves relative times. Secrets may come from files below
  // `source_roots` (roots.h); absent: from any.
  static OptionValues Parse(
      const Component& component, const std::map<std::string, std::string>& options,
      const std::string& field, int64_t now, Problems* problems,
      const std::optional<std::vector<std::string>>& source_roots = std::nullopt);

  OptionValues() = default;
  OptionValues(OptionValues&&) = default;
  OptionValues& operator=(OptionValues&&) = default;

  const throng_value* values() const { return values_.data(); }

  // Every option that is set, with relative times resolved and secrets as references: what a run
  // stores, so that no default can change under it.
  const std::map<std::string, std::string>& resolved() const { return resolved_; }

  // Canonical typed values, relative times as asked. `identity_only`: those options that decide
  // what is written or where. For digests.
  std::string Canonical(bool identity_only) const;

  // Whether one of them is a time relative to now.
  bool has_relative_times() const { return has_relative_times_; }

  // The first identity option's text (a path, a topic), or empty.
  const std::string& place() const { return place_; }

 private:
  friend class OptionParser;
  struct Entry {
    std::string name;
    std::string canonical;
    bool is_identity = false;
  };

  std::vector<throng_value> values_;
  std::vector<Entry> canonical_;
  std::map<std::string, std::string> resolved_;
  std::string place_;
  bool has_relative_times_ = false;
  // What values_ points to; deques and heap blocks keep their addresses when moved.
  std::deque<std::string> texts_;
  std::deque<std::vector<double>> lists_;
  std::deque<std::vector<const char*>> pointers_;
};

}  // namespace throng
