#include "server/delivery/placed_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace throng {
namespace {

void Replace(std::string_view from, const std::string& to, std::string* text) {
  for (size_t at = 0; (at = text->find(from, at)) != std::string::npos; at += to.size()) {
    text->replace(at, from.size(), to);
  }
}

}  // namespace

PlacedOptions::PlacedOptions(const Component& component, const OptionValues& given,
                             const v1::Slice& slice, int64_t part)
    : values_(given.values(), given.values() + component.options.size()) {
  VisitPaths(component, given.values(), [&](const throng_option& option, std::string_view path) {
    std::string& text = texts_.emplace_back(OfSlice(path, slice));
    if (part >= 0) Replace(kPartPlaceholder, std::to_string(part), &text);
    values_[static_cast<size_t>(&option - component.options.data())].text = {text.data(),
                                                                             text.size()};
  });
}

std::string PlacedOptions::OfSlice(std::string_view path, const v1::Slice& slice) {
  std::string text(path);
  Replace("{slice}", fmt::format("{}-of-{}", slice.index(), std::max(1, slice.count())), &text);
  return text;
}

}  // namespace throng
