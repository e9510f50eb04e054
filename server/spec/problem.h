// What is wrong with what a user asked for: the field at fault and a sentence that names the
// remedy.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

// One mistake. `field` is the path within the spec (`dataset.world.clusters[2].share`), empty when
// the text as a whole is at fault; `message` is a full sentence.
struct Problem {
  std::string field;
  std::string message;
};

using Problems = std::vector<Problem>;

// The known name that `name` was probably meant to be (Damerau-Levenshtein distance of at most a
// third of its length, case ignored, the first of the nearest; else the first that begins with it),
// or nothing.
std::optional<std::string> NearestName(std::string_view name, std::span<const std::string> known);

// The tail of a sentence about an unknown name: ` Did you mean "users"?` with the nearest known
// name, else ` Known: items, users.`; empty when nothing is known.
std::string DidYouMean(std::string_view name, std::span<const std::string> known);

// One line a problem, `field: message`, for terminals and logs.
std::string ToString(const Problems& problems);

}  // namespace throng
