// What a schema registry answers, as JSON.
#include "plugins/formats/registry/answer.h"

#include <algorithm>

namespace throng::plugins {

std::string ReasonOf(const nlohmann::json& json, const std::string& body) {
  constexpr size_t kLongest = 400;
  const auto message = Member<std::string>(json, "message");
  std::string reason = message.value_or(body);
  const auto is_odd = [&](char c) {
    return static_cast<unsigned char>(c) < ' ' || (!message && static_cast<unsigned char>(c) > '~');
  };
  std::replace_if(reason.begin(), reason.end(), is_odd, ' ');
  while (!reason.empty() && (reason.back() == ' ' || reason.back() == '.')) reason.pop_back();
  if (reason.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
    reason = reason.substr(0, end) + "...";
  }
  return reason.empty() ? "no reason given" : reason;
}

}  // namespace throng::plugins
