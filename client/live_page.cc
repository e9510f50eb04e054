#include "client/live_page.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "client/print.h"

namespace throng {

std::string FitPage(const std::string& page, TerminalSize size) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < page.size();) {
    const size_t end = std::min(page.find('\n', at), page.size());
    lines.push_back(page.substr(at, end - at));
    at = end + 1;
  }
  // The cursor stands in a line of its own.
  const size_t room = std::max<size_t>(size.lines, 2) - 1;
  if (lines.size() > room) {
    const size_t left_out = lines.size() - room + 1;
    lines.resize(room);
    lines.back() = fmt::format("... and {} more lines", left_out);
  }
  std::string text;
  for (const std::string& line : lines) text += CutTo(line, size.columns) + "\n";
  return text;
}

bool LivePage::Show(const std::string& page) {
  TerminalSize size = SizeOf(STDOUT_FILENO);
  --size.columns;  // what clears the rest of a line would take the last column, too
  const std::string fitting = FitPage(page, size);
  std::string text = lines_ > 0 ? fmt::format("\033[{}A\r", lines_) : "";
  lines_ = static_cast<size_t>(std::count(fitting.begin(), fitting.end(), '\n'));
  for (const char c : fitting) {
    if (c == '\n') text += "\033[K";
    text += c;
  }
  return Out(text + "\033[J");
}

}  // namespace throng
