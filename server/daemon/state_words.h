// States as people and dashboards read them: `running`, `blocked`.
#pragma once

#include <string>
#include <string_view>

#include "throng/v1/run.pb.h"

namespace throng {

inline std::string WordAfter(std::string_view prefix, std::string_view name) {
  std::string word(name.substr(prefix.size()));
  for (char& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return word;
}

inline std::string WordOf(v1::RunState state) {
  return WordAfter("RUN_STATE_", v1::RunState_Name(state));
}
inline std::string WordOf(v1::OutputState state) {
  return WordAfter("OUTPUT_STATE_", v1::OutputState_Name(state));
}
inline std::string WordOf(v1::TargetState state) {
  return WordAfter("TARGET_STATE_", v1::TargetState_Name(state));
}

}  // namespace throng
