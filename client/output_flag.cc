#include "client/output_flag.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace throng {
namespace {

constexpr std::string_view kFormatOption = "format.";
constexpr std::string_view kKafka = "kafka://";

absl::Status Refuse(std::string_view text, std::string_view sentence) {
  return absl::InvalidArgumentError(fmt::format("--to {}: {}", text, sentence));
}

// "%2C" -> ",". Nothing if a % is not followed by two hexadecimal digits.
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

// NAME=VALUE into what it belongs to. Some names mean more than an option of the sink.
absl::Status AddOption(std::string_view text, std::string_view pair, bool is_messages,
                       Parts* parts) {
  const size_t equals = pair.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Refuse(text, fmt::format("\"{}\" is no option; write ?NAME=VALUE&NAME=VALUE.", pair));
  }
  const auto name = DecodePercent(pair.substr(0, equals));
  const auto value = DecodePercent(pair.substr(equals + 1));
  if (!name || !value) {
    return Refuse(text, fmt::format("\"{}\" is not percent-encoded; write % as %25.", pair));
  }
  if (is_messages && *name == "format") {
    parts->format = *value;
    return absl::OkStatus();
  }
  const bool is_prefixed = name->starts_with(kFormatOption);
  const bool is_formats = is_prefixed || (is_messages && *name == "registry");
  const bool is_outputs = *name == (is_messages ? "key" : "roll_rows");
  YamlTree* options = is_outputs   ? &parts->fields
                      : is_formats ? &parts->format_options
                                   : &parts->sink_options;
  const std::string key = is_prefixed ? name->substr(kFormatOption.size()) : *name;
  if (options->Find(key) != nullptr) {
    return Refuse(text, fmt::format("\"{}\" is given twice; keep one.", *name));
  }
  *options->Member(key) = YamlTree::Scalar(*value);
  return absl::OkStatus();
}

// `options` is what follows the question mark.
absl::Status AddOptions(std::string_view text, std::string_view options, bool is_messages,
                        Parts* parts) {
  while (!options.empty()) {
    const size_t end = options.find('&');
    absl::Status status = AddOption(text, options.substr(0, end), is_messages, parts);
    if (!status.ok()) return status;
    options = end == std::string_view::npos ? "" : options.substr(end + 1);
  }
  return absl::OkStatus();
}

// "kafka://B1:9092,B2:9092/TOPIC[?...]"
absl::StatusOr<YamlTree> ParseKafka(std::string_view text) {
  const std::string_view place = text.substr(kKafka.size());
  const size_t question = place.find('?');
  const std::string_view path = place.substr(0, question);
  const size_t slash = path.find('/');
  const auto servers = DecodePercent(path.substr(0, slash));
  const auto topic =
      slash == std::string_view::npos ? std::nullopt : DecodePercent(path.substr(slash + 1));
  if (!servers || servers->empty() || !topic || topic->empty()) {
    return Refuse(text, "write kafka://HOST:PORT/TOPIC, as kafka://localhost:9092/interactions.");
  }
  Parts parts{.format = "json", .sink = "kafka"};
  *parts.sink_options.Member("bootstrap_servers") = YamlTree::Scalar(*servers);
  *parts.sink_options.Member("topic") = YamlTree::Scalar(*topic);
  const std::string_view options =
      question == std::string_view::npos ? "" : place.substr(question + 1);
  const absl::Status status = AddOptions(text, options, /*is_messages=*/true, &parts);
  if (!status.ok()) return status;
  // Who gives a command again wants the topic full, whatever became of an earlier one.
  if (parts.sink_options.Find("if_recreated") == nullptr) {
    *parts.sink_options.Member("if_recreated") = YamlTree::Scalar("start_over");
  }
  return OutputOf(std::move(parts));
}

}  // namespace

absl::StatusOr<YamlTree> ParseOutput(std::string_view text) {
  if (text.starts_with(kKafka)) return ParseKafka(text);
  const std::string_view whole = text == "-" ? "csv:-" : text;
  const size_t colon = whole.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Refuse(text,
                  "write FORMAT:PATH, as csv:out/interactions.csv, csv:- for standard output, or "
                  "kafka://HOST:PORT/TOPIC.");
  }
  const std::string_view place = whole.substr(colon + 1);
  const size_t question = place.find('?');
  const std::string_view path = place.substr(0, question);
  if (path.empty()) {
    return Refuse(text, "it names no file; write FORMAT:PATH, as csv:out/interactions.csv.");
  }
  const bool is_stdout = path == "-";
  Parts parts{.format = std::string(whole.substr(0, colon)), .sink = is_stdout ? "stdout" : "file"};
  if (!is_stdout) *parts.sink_options.Member("path") = YamlTree::Scalar(std::string(path));
  const std::string_view options =
      question == std::string_view::npos ? "" : place.substr(question + 1);
  const absl::Status status = AddOptions(text, options, /*is_messages=*/false, &parts);
  if (!status.ok()) return status;
  return OutputOf(std::move(parts));
}

}  // namespace throng
