// Reads absl::Status without its string type, which is not the standard library's here.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"

namespace throng {

// The payload of a component's status that names the option at fault.
inline constexpr const char* kOptionPayload = "throng.option";

inline std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

// The option at fault, or empty.
inline std::string OptionOf(const absl::Status& status) {
  const auto option = status.GetPayload(kOptionPayload);
  return option ? std::string(*option) : "";
}

}  // namespace throng
