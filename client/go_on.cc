#include "client/go_on.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "client/final_statistics.h"
#include "client/shell_text.h"

namespace throng {
namespace {

// The flags that ask for the rows that an interrupted run has not written to standard output, its
// only output. Nothing if it has none, or they are no range.
std::optional<std::vector<std::string>> RowsThatAreLeft(const v1::SpecSource& source,
                                                        const v1::Run& run) {
  if (run.outputs_size() != 1 || run.spec().slice().count() > 1) return std::nullopt;
  const v1::OutputSpec& output = run.spec().outputs(0);
  const v1::OutputStatus& status = run.outputs(0);
  if (output.has_share() || output.table() != v1::TABLE_INTERACTIONS || status.rows() == 0) {
    return std::nullopt;
  }
  const bool has_end = output.rows().has_to();
  if (status.rows() == status.total_rows()) return std::nullopt;
  std::vector<std::string> words = {
      "--set", has_end ? fmt::format("outputs[0].rows={{from: {}, to: {}}}", status.position(),
                                     output.rows().to())
                       : fmt::format("outputs[0].rows={{from: {}}}", status.position())};
  // Times as now-7d would mean another dataset by then.
  const bool is_relative = std::any_of(
      source.layers().begin(), source.layers().end(),
      [](const v1::SpecLayer& layer) { return layer.text().find("now") != std::string::npos; });
  const auto& options = run.spec().dataset().clock().options();
  if (const auto start = options.find("start"); is_relative && start != options.end()) {
    words.insert(words.end(), {"--set", "dataset.clock.options.start=" + start->second});
  }
  return words;
}

}  // namespace

std::string HowToGoOn(std::string_view when, const GenerateCommand& command,
                      const v1::SpecSource& source, const v1::Run& run, bool is_stopped) {
  constexpr std::string_view kNoPosition = "Standard output keeps no position";
  const std::string_view input = command.spec.file == "-" ? ", with the same standard input" : "";
  const auto to_stdout =
      std::count_if(run.spec().outputs().begin(), run.spec().outputs().end(), WritesToStdout);
  std::vector<std::string> words = command.command_line;
  if (to_stdout == 0) return fmt::format("{}{}:\n  {}", when, input, ShellLine(words));
  if (run.spec().outputs_size() > to_stdout) {
    return fmt::format("{}{}:\n  {}\n{}: there the rows begin again with the first.", when, input,
                       ShellLine(words), kNoPosition);
  }
  const auto left = is_stopped ? RowsThatAreLeft(source, run) : std::nullopt;
  if (!left) {
    return fmt::format("{}: the same command{} begins again with the first row:\n  {}", kNoPosition,
                       input, ShellLine(words));
  }
  words.insert(words.end(), left->begin(), left->end());
  return fmt::format(
      "{}: the same command begins again with the first row. For those that are left, from row {} "
      "on{}:\n  {}",
      kNoPosition, run.outputs(0).position(), input, ShellLine(words));
}

}  // namespace throng
