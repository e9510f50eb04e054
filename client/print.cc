#include "client/print.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/terminal.h"
#include "client/yaml_text.h"
#include "proto/json.h"

namespace throng {
namespace {

using nlohmann::ordered_json;

bool IsNumber(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0 &&
         text.find_first_not_of("0123456789.%") == std::string_view::npos;
}

// Of the first write to stdout that failed; 0: none has.
int& WriteError() {
  static int error = 0;
  return error;
}

}  // namespace

std::optional<PrintFormat> ParsePrintFormat(std::string_view text) {
  if (text == "table") return PrintFormat::kTable;
  if (text == "json") return PrintFormat::kJson;
  if (text == "jsonl") return PrintFormat::kJsonLines;
  if (text == "yaml") return PrintFormat::kYaml;
  if (text == "name") return PrintFormat::kName;
  return std::nullopt;
}

bool Out(std::string_view text) {
  int& error = WriteError();
  if (error == 0 && (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
                     std::fflush(stdout) != 0)) {
    error = errno;
  }
  return error == 0;
}

int OutError() { return WriteError(); }

std::string JsonLine(const google::protobuf::Message& message) {
  return ToJson(message).dump() + "\n";
}

std::string YamlOf(const google::protobuf::Message& message) { return YamlText(ToJson(message)); }

bool PrintOne(PrintFormat format, const Printed& printed) {
  switch (format) {
    case PrintFormat::kTable:
      break;
    case PrintFormat::kJson:
      return Out(ToJson(*printed.message).dump(2) + "\n");
    case PrintFormat::kJsonLines:
      return Out(JsonLine(*printed.message));
    case PrintFormat::kYaml:
      return Out(YamlOf(*printed.message));
    case PrintFormat::kName:
      return Out(printed.name + "\n");
  }
  return true;
}

bool PrintJson(PrintFormat format, const ordered_json& json) {
  if (format == PrintFormat::kYaml) return Out(YamlText(json));
  return Out(json.dump(format == PrintFormat::kJsonLines ? -1 : 2) + "\n");
}

void PrintList(PrintFormat format, const std::vector<Printed>& list) {
  if (format == PrintFormat::kJsonLines || format == PrintFormat::kName) {
    for (const Printed& printed : list) PrintOne(format, printed);
    return;
  }
  ordered_json json = ordered_json::array();
  for (const Printed& printed : list) json.push_back(ToJson(*printed.message));
  PrintJson(format, json);
}

std::string TextTable::ToText() const {
  const size_t columns = rows_[0].size();
  std::vector<size_t> widths(columns, 0);
  std::vector<bool> is_right(columns, rows_.size() > 1);
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      const std::string& cell = rows_[r][c];
      widths[c] = std::max(widths[c], WidthOf(cell));
      if (r > 0 && cell != "-" && !IsNumber(cell)) is_right[c] = false;
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t c = 0; c < columns; ++c) {
      const std::string padding(widths[c] - WidthOf(row[c]), ' ');
      line += (c > 0 ? "  " : "") + (is_right[c] ? padding + row[c] : row[c] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace throng
