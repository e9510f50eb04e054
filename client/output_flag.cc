#include "client/output_flag.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "client/place_options.h"

namespace throng {
namespace {

absl::Status Refuse(std::string_view text, std::string_view sentence) {
  return absl::InvalidArgumentError(fmt::format("--to {}: {}", text, sentence));
}

// An output while it is read.
struct Parts {
  std::string format;
  std::string sink;
  YamlTree fields = {};  // of the output itself
  YamlTree format_options = {};
  YamlTree sink_options = {};
};

YamlTree OutputOf(Parts parts) {
  YamlTree output = std::move(parts.fields);
  YamlTree* format = output.Member("format");
  *format->Member("component") = YamlTree::Scalar(parts.format);
  if (!parts.format_options.members.empty()) {
    *format->Member("options") = std::move(parts.format_options);
  }
  YamlTree* sink = output.Member("sink");
  *sink->Member("component") = YamlTree::Scalar(parts.sink);
  if (!parts.sink_options.members.empty()) {
    *sink->Member("options") = std::move(parts.sink_options);
  }
  return output;
}

// Options into what they belong to. Some names mean more than an option of the sink.
absl::Status AddOptions(std::string_view text, const PlaceText& place, bool is_messages,
                        Parts* parts) {
  for (const auto& [name, value] : place.options) {
    if (is_messages && name == "format") {
      parts->format = value;
      continue;
    }
    const bool is_prefixed = name.starts_with(kFormatOption);
    const bool is_formats = is_prefixed || (is_messages && name == "registry");
    const bool is_outputs = name == (is_messages ? "key" : "roll_rows");
    YamlTree* options = is_outputs   ? &parts->fields
                        : is_formats ? &parts->format_options
                                     : &parts->sink_options;
    const std::string key = is_prefixed ? name.substr(kFormatOption.size()) : name;
    if (options->Find(key) != nullptr) {
      return Refuse(text, fmt::format("\"{}\" is given twice; keep one.", name));
    }
    *options->Member(key) = YamlTree::Scalar(value);
  }
  return absl::OkStatus();
}

// "kafka://B1:9092,B2:9092/TOPIC[?...]"
absl::StatusOr<YamlTree> ParseKafka(std::string_view text, const PlaceText& place) {
  const auto topic = ParseTopic(place.place);
  if (!topic) {
    return Refuse(text, "write kafka://HOST:PORT/TOPIC, as kafka://localhost:9092/interactions.");
  }
  Parts parts{.format = "json", .sink = "kafka"};
  *parts.sink_options.Member("bootstrap_servers") = YamlTree::Scalar(topic->servers);
  *parts.sink_options.Member("topic") = YamlTree::Scalar(topic->topic);
  const absl::Status status = AddOptions(text, place, /*is_messages=*/true, &parts);
  if (!status.ok()) return status;
  // Who gives a command again wants the topic full, whatever became of an earlier one.
  if (parts.sink_options.Find("if_recreated") == nullptr) {
    *parts.sink_options.Member("if_recreated") = YamlTree::Scalar("start_over");
  }
  return OutputOf(std::move(parts));
}

}  // namespace

absl::StatusOr<YamlTree> ParseOutput(std::string_view text) {
  const auto split = SplitPlace(text == "-" ? "csv:-" : text);
  if (!split.ok()) return Refuse(text, std::string(split.status().message()));
  if (text.starts_with(kKafkaScheme)) return ParseKafka(text, *split);
  const size_t colon = split->place.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Refuse(text,
                  "write FORMAT:PATH, as csv:out/interactions.csv, csv:- for standard output, or "
                  "kafka://HOST:PORT/TOPIC.");
  }
  const std::string_view path = split->place.substr(colon + 1);
  if (path.empty()) {
    return Refuse(text, "it names no file; write FORMAT:PATH, as csv:out/interactions.csv.");
  }
  const bool is_stdout = path == "-";
  Parts parts{.format = std::string(split->place.substr(0, colon)),
              .sink = is_stdout ? "stdout" : "file"};
  if (!is_stdout) *parts.sink_options.Member("path") = YamlTree::Scalar(std::string(path));
  const absl::Status status = AddOptions(text, *split, /*is_messages=*/false, &parts);
  if (!status.ok()) return status;
  return OutputOf(std::move(parts));
}

}  // namespace throng
