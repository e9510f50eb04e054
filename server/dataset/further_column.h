// Columns that a behaviour fills beyond those of its role: a niche, an expected rating, factors of
// a side table. In specs they are named by role: "choice.niche".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/dataset/role.h"

namespace throng {

struct FurtherColumn {
  size_t role = 0;                  // of the behaviour, by its place among them
  size_t index = 0;                 // among those that it has of the table
  uint32_t type = 0;                // THRONG_COLUMN_..., no ID
  std::string name;                 // snake_case
  std::string doc;                  // one sentence
  std::vector<std::string> labels;  // LABEL
  bool is_nullable = false;

  std::string FullName() const { return std::string(RoleName(kRoles[role])) + "." + name; }
  // Its field's number in Protobuf for ever: 2^24 and the first three bytes, big-endian, of the
  // SHA-256 of its full name. So it depends on no other column, nor on the order in which an author
  // declares them. Of two names one in 16 million pairs shares a number, and Protobuf refuses both.
  uint32_t FieldNumber() const;
  // Bytes of an element.
  size_t width() const;
  // Whether n elements can be: labels and truth values that exist, ratings from 0, times of the
  // years 1 to 9999, finite numbers, and absent ones where they may be.
  bool Holds(const void* elements, size_t n) const;
};

// The most that a behaviour has of a table.
inline constexpr size_t kMostFurtherColumns = 32;

// What is wrong with a behaviour's columns of a table; OK: nothing.
absl::Status CheckFurtherColumns(const std::vector<FurtherColumn>& columns);

}  // namespace throng
