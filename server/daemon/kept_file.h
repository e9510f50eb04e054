// Copies of files that must outlive their originals.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace throng {

// Makes `copy` a copy of `original` that is whole and on the disk, or nothing; its folder is made
// if need be. FAILED_PRECONDITION: the original's SHA-256 is another one; RESOURCE_EXHAUSTED: the
// disk is full; UNAVAILABLE: something cannot be read or written.
absl::Status KeepFile(const std::string& original, const std::string& sha256,
                      const std::string& copy);

}  // namespace throng
