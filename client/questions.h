// The four questions of `throngctl generate` without options.
#pragma once

#include <iosfwd>
#include <optional>

#include "client/spec_flags.h"

namespace throng {

// Asks on `out`, reads answers from `in`; an empty answer takes the default in brackets, a wrong
// one is asked again. Nothing if `in` ends.
std::optional<SpecFlags> AskQuestions(std::istream& in, std::ostream& out);

// The flags that say the same, as words of a command line.
std::vector<std::string> WordsOf(const SpecFlags& flags);

}  // namespace throng
