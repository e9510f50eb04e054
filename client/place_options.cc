#include "client/place_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace throng {

std::optional<std::string> DecodePercent(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value, 16);
    if (digits.size() < 2 || error != std::errc() || end != digits.end()) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

absl::StatusOr<PlaceText> SplitPlace(std::string_view text) {
  const size_t question = text.find('?');
  PlaceText split{text.substr(0, question), {}};
  std::string_view rest = question == std::string_view::npos ? "" : text.substr(question + 1);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return absl::InvalidArgumentError(
          fmt::format("\"{}\" is no option; write ?NAME=VALUE&NAME=VALUE.", pair));
    }
    const auto name = DecodePercent(pair.substr(0, equals));
    const auto value = DecodePercent(pair.substr(equals + 1));
    if (!name || !value) {
      return absl::InvalidArgumentError(
          fmt::format("\"{}\" is not percent-encoded; write % as %25.", pair));
    }
    const bool is_known = std::any_of(split.options.begin(), split.options.end(),
                                      [&](const auto& known) { return known.first == *name; });
    if (is_known) {
      return absl::InvalidArgumentError(fmt::format("\"{}\" is given twice; keep one.", *name));
    }
    split.options.emplace_back(*name, *value);
  }
  return split;
}

std::optional<TopicPlace> ParseTopic(std::string_view place) {
  if (!place.starts_with(kKafkaScheme)) return std::nullopt;
  const std::string_view path = place.substr(kKafkaScheme.size());
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto servers = DecodePercent(path.substr(0, slash));
  const auto topic = DecodePercent(path.substr(slash + 1));
  if (!servers || servers->empty() || !topic || topic->empty()) return std::nullopt;
  return TopicPlace{*servers, *topic};
}

}  // namespace throng
