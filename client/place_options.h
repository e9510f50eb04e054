// NAME=VALUE&NAME=VALUE behind the question mark of a place, as --to and the commands that read
// have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace throng {

// "%2C" -> ",". Nothing if a % is not followed by two hexadecimal digits.
std::optional<std::string> DecodePercent(std::string_view text);

// What belongs to the format, in front of its options.
inline constexpr std::string_view kFormatOption = "format.";

struct PlaceText {
  std::string_view place;                                    // before the question mark
  std::vector<std::pair<std::string, std::string>> options;  // decoded, in order, each name once
};
// Refuses with a sentence.
absl::StatusOr<PlaceText> SplitPlace(std::string_view text);

// Servers and topic of "kafka://B1:9092,B2:9092/TOPIC".
inline constexpr std::string_view kKafkaScheme = "kafka://";
struct TopicPlace {
  std::string servers;
  std::string topic;
};
std::optional<TopicPlace> ParseTopic(std::string_view place);

}  // namespace throng
