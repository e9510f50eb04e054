// What a schema registry answers, as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>

namespace throng::plugins {

// A member of an object, if it is there and of that type.
template <typename T>
std::optional<T> Member(const nlohmann::json& json, const char* name) {
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(name);
  if (found == json.end()) return std::nullopt;
  if constexpr (std::is_same_v<T, int64_t>) {
    if (!found->is_number_integer()) return std::nullopt;
  } else {
    if (!found->is_string()) return std::nullopt;
  }
  return found->template get<T>();
}

// What a registry says of a failure, on one line and not too long for a sentence. A body that is no
// JSON may be in any encoding.
std::string ReasonOf(const nlohmann::json& json, const std::string& body);

}  // namespace throng::plugins
