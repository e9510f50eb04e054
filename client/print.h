// What commands print on stdout: tables for people, messages for programs.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

enum class PrintFormat { kTable, kJson, kJsonLines, kYaml, kName };

// "table", "json", "jsonl", "yaml" or "name".
std::optional<PrintFormat> ParsePrintFormat(std::string_view text);

// A message, and what -o name prints of it.
struct Printed {
  const google::protobuf::Message* message;
  std::string name;
};

// In any format but table. PrintOne returns what Out does.
bool PrintOne(PrintFormat format, const Printed& printed);
void PrintList(PrintFormat format, const std::vector<Printed>& list);
// What is no message; not of -o name.
bool PrintJson(PrintFormat format, const nlohmann::ordered_json& json);
// The message as JSON in one line, or as YAML; with a newline.
std::string JsonLine(const google::protobuf::Message& message);
std::string YamlOf(const google::protobuf::Message& message);

// Writes to stdout. False: this or an earlier write failed, since nobody reads any more or the disk
// is full; ExecuteCommandLine tells it.
bool Out(std::string_view text);
// The error number of the first write that failed; 0: none has.
int OutError();

// Columns side by side.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) { Add(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Lines; columns are as wide as their widest cell, and those of numbers are flush right.
  std::string ToText() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the header; all of equal length
};

}  // namespace throng
