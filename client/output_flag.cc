#include "client/output_flag.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace throng {
namespace {

constexpr std::string_view kFormatOption = "format.";

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

// NAME=VALUE into the options that it belongs to.
absl::Status AddOption(std::string_view text, std::string_view pair, YamlTree* format_options,
                       YamlTree* sink_options) {
  const size_t equals = pair.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Refuse(text, fmt::format("\"{}\" is no option; write ?NAME=VALUE&NAME=VALUE.", pair));
  }
  const auto name = DecodePercent(pair.substr(0, equals));
  const auto value = DecodePercent(pair.substr(equals + 1));
  if (!name || !value) {
    return Refuse(text, fmt::format("\"{}\" is not percent-encoded; write % as %25.", pair));
  }
  const bool is_formats = name->starts_with(kFormatOption);
  YamlTree* options = is_formats ? format_options : sink_options;
  const std::string key = is_formats ? name->substr(kFormatOption.size()) : *name;
  if (options->Find(key) != nullptr) {
    return Refuse(text, fmt::format("\"{}\" is given twice; keep one.", *name));
  }
  *options->Member(key) = YamlTree::Scalar(*value);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<YamlTree> ParseOutput(std::string_view text) {
  const std::string_view whole = text == "-" ? "csv:-" : text;
  const size_t colon = whole.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Refuse(text,
                  "write FORMAT:PATH, as csv:out/interactions.csv, or csv:- for standard "
                  "output.");
  }
  const std::string_view place = whole.substr(colon + 1);
  const size_t question = place.find('?');
  const std::string_view path = place.substr(0, question);
  if (path.empty()) {
    return Refuse(text, "it names no file; write FORMAT:PATH, as csv:out/interactions.csv.");
  }
  YamlTree format_options, sink_options;
  const bool is_stdout = path == "-";
  if (!is_stdout) *sink_options.Member("path") = YamlTree::Scalar(std::string(path));
  std::string_view options = question == std::string_view::npos ? "" : place.substr(question + 1);
  while (!options.empty()) {
    const size_t end = options.find('&');
    const absl::Status status =
        AddOption(text, options.substr(0, end), &format_options, &sink_options);
    if (!status.ok()) return status;
    options = end == std::string_view::npos ? "" : options.substr(end + 1);
  }
  YamlTree output;
  YamlTree* format = output.Member("format");
  *format->Member("component") = YamlTree::Scalar(std::string(whole.substr(0, colon)));
  if (!format_options.members.empty()) *format->Member("options") = std::move(format_options);
  YamlTree* sink = output.Member("sink");
  *sink->Member("component") = YamlTree::Scalar(is_stdout ? "stdout" : "file");
  if (!sink_options.members.empty()) *sink->Member("options") = std::move(sink_options);
  return output;
}

}  // namespace throng
