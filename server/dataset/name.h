// The names that plugins give: to themselves and their components, to options, columns and metrics.
#pragma once

#include <algorithm>
#include <string_view>

namespace throng {

// Lower-case letters of ASCII, digits and underscores after a letter.
inline bool IsSnakeCase(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [is_letter](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
         });
}

}  // namespace throng
