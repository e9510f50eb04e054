#include "client/source_flag.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>

#include "client/output_flag.h"
#include "client/place_options.h"

namespace throng {
namespace {

// Columns that can be read.
constexpr std::array<std::string_view, 10> kColumns = {
    "user_id", "item_id", "rating",   "timestamp",  "interaction_id",
    "kind",    "cluster", "category", "session_id", "session_row"};

absl::Status Refuse(std::string_view text, std::string_view sentence) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", text, sentence));
}

// The format that is named in front of a path, as `csv` of "csv:rows.txt"; empty: none.
std::string_view FormatOf(std::string_view place) {
  const size_t colon = place.find(':');
  if (colon == std::string_view::npos || colon == 0) return "";
  const std::string_view word = place.substr(0, colon);
  const bool is_name = std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  return is_name ? word : "";
}

}  // namespace

absl::StatusOr<v1::DataSource> ParseSource(std::string_view text) {
  const auto split = SplitPlace(text);
  if (!split.ok()) return Refuse(text, std::string(split.status().message()));
  v1::DataSource source;
  const bool is_topic = text.starts_with(kKafkaScheme);
  auto& options = *source.mutable_source()->mutable_options();
  if (is_topic) {
    const auto topic = ParseTopic(split->place);
    if (!topic) {
      return Refuse(text, "write kafka://HOST:PORT/TOPIC, as kafka://localhost:9092/interactions.");
    }
    source.mutable_source()->set_component("kafka");
    options["bootstrap_servers"] = topic->servers;
    options["topic"] = topic->topic;
  } else {
    const std::string_view format = FormatOf(split->place);
    std::string_view path = split->place;
    if (!format.empty()) path.remove_prefix(format.size() + 1);
    if (path.starts_with("//")) {
      return Refuse(text, "it can be read from files and from kafka://HOST:PORT/TOPIC only.");
    }
    if (path.empty() || path == "-") {
      return Refuse(text, "it names no file; standard input cannot be read, write it to a file.");
    }
    source.mutable_source()->set_component("file");
    options["path"] = std::string(path);
    if (!format.empty()) source.mutable_decoder()->set_component(std::string(format));
  }
  for (const auto& [name, value] : split->options) {
    if (is_topic && name == "format") {
      source.mutable_decoder()->set_component(value);
    } else if (name.starts_with(kFormatOption)) {
      (*source.mutable_decoder()->mutable_options())[name.substr(kFormatOption.size())] = value;
    } else if (is_topic && name == "registry") {
      (*source.mutable_decoder()->mutable_options())[name] = value;
    } else if (!is_topic && name == "delimiter") {
      return Refuse(text, "the delimiter is the format's: write ?format.delimiter=.");
    } else if (options.contains(name)) {
      return Refuse(text, fmt::format("\"{}\" is given twice; keep one.", name));
    } else {
      options[name] = value;
    }
  }
  return source;
}

absl::StatusOr<std::vector<v1::DataSource>> ParseSources(const std::vector<std::string>& places,
                                                         const std::vector<std::string>& maps) {
  std::vector<v1::DataSource> sources;
  for (const std::string& place : places) {
    auto source = ParseSource(place);
    if (!source.ok()) return source.status();
    sources.push_back(*std::move(source));
  }
  for (const std::string& map : maps) {
    const size_t equals = map.find('=');
    const std::string column = map.substr(0, equals);
    if (equals == std::string::npos || equals + 1 == map.size()) {
      return Refuse("--map " + map, "write COLUMN=NAME, as user_id=userId.");
    }
    if (std::find(kColumns.begin(), kColumns.end(), column) == kColumns.end()) {
      return Refuse("--map " + map,
                    fmt::format("there is no column \"{}\"; before = stands one of user_id, "
                                "item_id, rating, timestamp, interaction_id, kind, cluster, "
                                "category, session_id and session_row.",
                                column));
    }
    for (v1::DataSource& source : sources) {
      if (!source.mutable_columns()->emplace(column, map.substr(equals + 1)).second) {
        return Refuse("--map " + map, "the column is named twice; keep one.");
      }
    }
  }
  return sources;
}

bool IsTopic(const v1::DataSource& source) { return source.source().component() == "kafka"; }

std::string PlaceName(const v1::DataSource& source) {
  const auto& options = source.source().options();
  const auto found = options.find(IsTopic(source) ? "topic" : "path");
  return found == options.end() ? source.source().component() : found->second;
}

absl::StatusOr<v1::OutputSpec> ParseOutputSpec(std::string_view text) {
  const auto tree = ParseOutput(text);
  if (!tree.ok()) return tree.status();
  v1::OutputSpec output;
  const auto status = google::protobuf::util::JsonStringToMessage(JsonText(*tree), &output);
  if (!status.ok()) return Refuse("--to " + std::string(text), status.ToString());
  return output;
}

}  // namespace throng
