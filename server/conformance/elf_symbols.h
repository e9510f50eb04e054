// The dynamic symbols of a shared library, read from its file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace throng {

struct ElfSymbol {
  std::string name;
  bool is_defined = false;
  bool is_weak = false;
  bool is_unique = false;   // GNU_UNIQUE: one in the whole process, keeps the library loaded
  bool is_visible = false;  // to others
};

// Global symbols only. Fails with a sentence for what is no 64-bit little-endian ELF file.
absl::StatusOr<std::vector<ElfSymbol>> ReadDynamicSymbols(const std::string& path);

}  // namespace throng
