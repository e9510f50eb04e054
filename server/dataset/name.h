// The names that plugins give: to themselves and their components, to options, columns and metrics;
// to kinds and labels.
#pragma once

#include <algorithm>
#include <string_view>

#include "server/control/plain_text.h"

namespace throng {

// Lower-case letters of ASCII, digits and underscores after a letter.
inline bool IsSnakeCase(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [is_letter](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
         });
}

// Whether it can stand in any record as it is: not empty, without comma, quote or control
// character.
inline bool IsLabel(std::string_view text) {
  return !text.empty() && PlainText(text) == text &&
         text.find_first_of(",\"") == std::string_view::npos;
}

}  // namespace throng
