// What somebody may have meant by a word that is none of those that there are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace throng {

// ` Did you mean "list"?`, of the nearest of `words` by letters typed wrongly, left out, too many
// or swapped; empty if none is near.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& words);

}  // namespace throng
