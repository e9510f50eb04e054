// The options that a component declares, as its plugin wrote them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "throng/plugin.h"

namespace throng {

// Why the table cannot be used ("option `stars` twice"), or empty: names, types, flags, and texts
// of defaults and bounds that are none of their type. Whether a default lies in its bounds is for
// `check` to say: it harms nobody who gives a value.
std::string OptionTableFault(const std::vector<throng_option>& options);

// Whether an option of that name may be given: one of the table, or a key below one that is a map.
bool HasOption(const std::vector<throng_option>& options, std::string_view name);

}  // namespace throng
