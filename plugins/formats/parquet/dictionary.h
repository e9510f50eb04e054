// The different values of a column, and for each row which of them it has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace throng::plugins {

struct Ends {
  int64_t least = INT64_MIN;
  int64_t greatest = INT64_MAX;
};
// Of the values within `range`; `least` is the greater one if there is none.
Ends EndsOf(std::span<const int64_t> values, Ends range = {});

class Dictionary {
 public:
  // False: there are more than `most` different values.
  bool Build(std::span<const int64_t> values, size_t most);

  // Rising if all lie close together, else in the order in which they first come.
  std::span<const int64_t> entries() const { return {entries_.data(), count_}; }
  std::span<const uint32_t> indexes() const { return indexes_; }

 private:
  // Of values from `least` on, all within `range`.
  bool BuildOfRange(std::span<const int64_t> values, int64_t least, size_t range, size_t most);
  bool BuildByHash(std::span<const int64_t> values, size_t most);

  std::vector<int64_t> entries_;
  size_t count_ = 0;
  std::vector<uint32_t> indexes_;
  std::vector<uint8_t> is_seen_;  // of a value of the range
  std::vector<uint32_t> slots_;   // of it, or of a hash: its entry
};

}  // namespace throng::plugins
