// The files that a path stands for: itself, or those that it is a pattern of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace throng::plugins {

struct MatchedPath {
  std::string path;
  int64_t part = -1;  // what stands for {part}; -1: the pattern has none
};

// Whether `path` has *, ?, {part} or {slice} in it.
bool IsPattern(std::string_view path);

// What there is of a pattern with `suffix` behind it, less the suffix, in natural order: numbers in
// names are compared as numbers. In a name * stands for any bytes, ? for one, {part} for a number
// and {slice} for one as 0-of-4; a name that begins with a dot wants one.
std::vector<MatchedPath> PathsOf(const std::string& pattern, std::string_view suffix = "");

// Whether `a` comes before `b` in natural order.
bool IsNaturallyLess(std::string_view a, std::string_view b);

}  // namespace throng::plugins
