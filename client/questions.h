// The questions of `throngctl generate` without options.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/spec_flags.h"

namespace throng {

// An output that cannot be as it was answered.
struct Obstacle {
  size_t output = 0;     // which, from 0
  std::string sentence;  // why
  bool may_be_overwritten = true;
};

// What a daemon thinks of answers.
struct AnswerChecks {
  // Why there can be no dataset of such counts; empty: there can.
  std::function<absl::StatusOr<std::string>(const SpecFlags&)> counts;
  // What is in the way of the outputs, at most one of each.
  std::function<absl::StatusOr<std::vector<Obstacle>>(const SpecFlags&)> outputs;
};

// Asks on `out`, reads answers from `in`; an empty answer takes the default in brackets. What
// cannot be is asked again with the reason, and a better default where there is one; where a file
// is in the way, whether to overwrite it or for another name. CANCELLED: `in` has ended. ABORTED,
// with a sentence: whoever answers gives up. Otherwise what a check has failed with.
absl::StatusOr<SpecFlags> AskQuestions(std::istream& in, std::ostream& out,
                                       const AnswerChecks& checks);

// The flags that say the same, as words of a command line.
std::vector<std::string> WordsOf(const SpecFlags& flags);

}  // namespace throng
