// The options of one instance: as given, with {part} and {slice} put into those that are paths.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "server/host/catalogue.h"
#include "server/host/option_values.h"
#include "throng/plugin.h"
#include "throng/v1/spec.pb.h"

namespace throng {

inline constexpr std::string_view kPartPlaceholder = "{part}";

class PlacedOptions {
 public:
  // {slice} becomes "j-of-n", and {part} the number `part`, from 0; -1: there is none, and it
  // stays. Component and options outlive this.
  PlacedOptions(const Component& component, const OptionValues& given, const v1::Slice& slice,
                int64_t part);
  PlacedOptions(PlacedOptions&&) = default;

  // The text of a path with {slice} replaced.
  static std::string OfSlice(std::string_view path, const v1::Slice& slice);

  const throng_value* values() const { return values_.data(); }

  // Each path that is set, as `visit(option, text)`.
  template <class Visit>
  static void VisitPaths(const Component& component, const throng_value* values, Visit&& visit) {
    for (size_t i = 0; i < component.options.size(); ++i) {
      const throng_option& option = component.options[i];
      const bool is_path =
          (option.flags & THRONG_OPTION_PATH) != 0 && option.type == THRONG_OPTION_STRING;
      if (!is_path || values[i].is_set == 0) continue;
      visit(option, std::string_view(values[i].text.data, values[i].text.size));
    }
  }

 private:
  std::vector<throng_value> values_;
  std::deque<std::string> texts_;  // of values_
};

}  // namespace throng
