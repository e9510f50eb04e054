// Text of plugins and of other strangers, made fit for terminals and logs.
#pragma once

#include <string>
#include <string_view>

namespace throng {

// Valid UTF-8 without control characters: what is neither becomes U+FFFD; tabs become spaces.
std::string PlainText(std::string_view text);

// The same line by line: line breaks stay.
std::string PlainLines(std::string_view text);

}  // namespace throng
