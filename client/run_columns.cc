#include "client/run_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "client/nearest.h"
#include "client/print.h"
#include "client/run_text.h"
#include "client/terminal.h"
#include "proto/option_text.h"

namespace throng {
namespace {

struct Column {
  const char* name;
  const char* header;
  bool is_usual;
  bool is_wide;
  std::string (*text)(const v1::Run& run);
};

// Of each output, with commas between them.
template <class Text>
std::string OfOutputs(const v1::Run& run, Text text) {
  std::vector<std::string> texts;
  for (const v1::OutputStatus& output : run.outputs()) texts.push_back(text(output));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string RowsText(int64_t rows) { return rows < 0 ? "-" : std::to_string(rows); }

const std::array kColumns = {
    Column{"name", "NAME", true, true, [](const v1::Run& run) { return ShortName(run.name()); }},
    Column{"state", "STATE", true, true, [](const v1::Run& run) { return StateText(run); }},
    Column{"target", "TARGET", true, true,
           [](const v1::Run& run) { return TargetText(run.target_state()); }},
    Column{"done", "DONE", true, true,
           [](const v1::Run& run) { return PercentText(ProgressOf(run)); }},
    Column{"rows", "ROWS", true, true,
           [](const v1::Run& run) { return RowsText(ProgressOf(run).rows); }},
    Column{"of", "OF", false, true,
           [](const v1::Run& run) { return RowsText(ProgressOf(run).total_rows); }},
    Column{
        "rate", "ROWS/S", true, true,
        [](const v1::Run& run) { return fmt::format("{:.0f}", ProgressOf(run).rows_per_second); }},
    Column{"bytes", "BYTES", false, true,
           [](const v1::Run& run) { return RowsText(ProgressOf(run).bytes); }},
    Column{"created", "CREATED", true, true,
           [](const v1::Run& run) { return MomentText(run.create_time()); }},
    Column{"updated", "UPDATED", false, false,
           [](const v1::Run& run) { return MomentText(run.update_time()); }},
    Column{"started", "STARTED", false, false,
           [](const v1::Run& run) { return MomentText(run.start_time()); }},
    Column{"ended", "ENDED", false, true,
           [](const v1::Run& run) { return MomentText(run.end_time()); }},
    Column{"restarts", "RESTARTS", false, true,
           [](const v1::Run& run) { return std::to_string(run.restarts()); }},
    Column{"outputs", "OUTPUTS", false, false,
           [](const v1::Run& run) {
             return OfOutputs(run, [](const v1::OutputStatus& output) { return output.name(); });
           }},
    Column{"places", "PLACES", false, true,
           [](const v1::Run& run) {
             return OfOutputs(run, [](const v1::OutputStatus& output) { return output.place(); });
           }},
    Column{"labels", "LABELS", false, true,
           [](const v1::Run& run) { return PairsText(run.labels()); }},
    Column{"annotations", "ANNOTATIONS", false, false,
           [](const v1::Run& run) { return PairsText(run.annotations()); }},
    Column{"fingerprint", "FINGERPRINT", false, false,
           [](const v1::Run& run) { return run.fingerprint(); }},
    Column{"reason", "REASON", false, true, [](const v1::Run& run) { return run.reason(); }},
};

std::vector<std::string> NamesOf(bool (*is_wanted)(const Column&)) {
  std::vector<std::string> names;
  for (const Column& column : kColumns) {
    if (is_wanted(column)) names.emplace_back(column.name);
  }
  return names;
}

std::vector<std::string> AllColumns() {
  return NamesOf([](const Column&) { return true; });
}

const Column* Find(const std::string& name) {
  const auto* found = std::find_if(kColumns.begin(), kColumns.end(),
                                   [&](const Column& column) { return column.name == name; });
  return found == kColumns.end() ? nullptr : found;
}

}  // namespace

std::vector<std::string> UsualColumns() {
  return NamesOf([](const Column& column) { return column.is_usual; });
}

std::vector<std::string> WideColumns() {
  return NamesOf([](const Column& column) { return column.is_wide; });
}

absl::StatusOr<std::vector<std::string>> ParseColumns(const std::string& text) {
  std::vector<std::string> names;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    names.push_back(text.substr(at, end - at));
    at = end + 1;
    if (Find(names.back()) != nullptr) continue;
    return absl::InvalidArgumentError(
        fmt::format("There is no column \"{}\".{} There are {}.", names.back(),
                    DidYouMean(names.back(), AllColumns()), fmt::join(AllColumns(), ", ")));
  }
  return names;
}

std::string RunsTable(const std::vector<v1::Run>& runs, const std::vector<std::string>& columns,
                      bool has_color) {
  std::vector<const Column*> wanted;
  std::vector<std::string> header;
  for (const std::string& name : columns) {
    wanted.push_back(Find(name));
    header.emplace_back(wanted.back()->header);
  }
  TextTable table(header);
  for (const v1::Run& run : runs) {
    std::vector<std::string> row;
    for (const Column* column : wanted) {
      const std::string text = column->text(run);
      const std::string cell = text.empty() ? "-" : text;
      const bool is_state = std::string_view(column->name) == "state";
      row.push_back(is_state && has_color ? InColorOf(run.state(), cell) : cell);
    }
    table.Add(std::move(row));
  }
  return table.ToText();
}

std::string MomentText(const google::protobuf::Timestamp& time) {
  return time.seconds() == 0 ? "" : TimestampText(time.seconds() * 1000);
}

std::string PairsText(const google::protobuf::Map<std::string, std::string>& pairs) {
  std::string text;
  for (const auto& [key, value] : std::map<std::string, std::string>(pairs.begin(), pairs.end())) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, value);
  }
  return text;
}

}  // namespace throng
