// Text in the fixed arrays that plugins fill.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace throng {

// What stands in the array, which may lack its end.
template <size_t N>
std::string_view FixedText(const char (&array)[N]) {
  return {array, static_cast<size_t>(std::find(array, array + N, '\0') - array)};
}

}  // namespace throng
