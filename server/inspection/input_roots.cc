#include "server/inspection/input_roots.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "server/delivery/placed_options.h"
#include "server/host/roots.h"

namespace throng {

std::optional<std::string> OutsideInputRoots(const std::string& path,
                                             const std::vector<std::string>& roots) {
  if (LiesBelow(path, roots)) return std::nullopt;
  if (roots.empty()) {
    return fmt::format("{} may not be read: this daemon reads no files; set its input_roots.",
                       path);
  }
  return fmt::format("{} lies outside the input roots ({}); choose a path below one of them.", path,
                     fmt::join(roots, ", "));
}

std::optional<Problem> OutsideInputRoots(const Component& source, const throng_value* options,
                                         const std::vector<std::string>& pieces,
                                         const Environment& environment, std::string_view field) {
  if (!environment.input_roots) return std::nullopt;
  const std::vector<std::string>& roots = *environment.input_roots;
  std::optional<Problem> problem;
  const auto check = [&](const throng_option& option, const std::string& path) {
    if (problem) return;
    if (auto outside = OutsideInputRoots(path, roots)) {
      problem = Problem{fmt::format("{}.options.{}", field, option.name), *std::move(outside)};
    }
  };
  PlacedOptions::VisitPaths(source, options,
                            [&](const throng_option& option, std::string_view path) {
                              check(option, std::string(path));
                              for (const std::string& piece : pieces) check(option, piece);
                            });
  return problem;
}

}  // namespace throng
