#include "client/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace throng {
namespace {

constexpr std::string_view kPlain = "\033[0m";
constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kGreen = "\033[32m";
constexpr std::string_view kYellow = "\033[33m";

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Bytes of the color that the text begins with; 0: it begins with none.
size_t ColorBytes(std::string_view text) {
  if (!text.starts_with("\033[")) return 0;
  const size_t end = text.find('m');
  return end == std::string_view::npos ? 0 : end + 1;
}

bool IsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

std::string In(std::string_view color, const std::string& text) {
  return fmt::format("{}{}{}", color, text, kPlain);
}

}  // namespace

bool IsDrawable(int fd) { return isatty(fd) != 0 && Variable("TERM") != "dumb"; }

bool IsColorful(int fd) { return IsDrawable(fd) && Variable("NO_COLOR").empty(); }

TerminalSize SizeOf(int fd) {
  TerminalSize size;
  winsize window{};
  if (ioctl(fd, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.columns = window.ws_col;
  if (window.ws_row > 0) size.lines = window.ws_row;
  return size;
}

std::string InColorOf(v1::RunState state, const std::string& text) {
  switch (state) {
    case v1::RUN_STATE_RUNNING:
    case v1::RUN_STATE_SUCCEEDED:
      return In(kGreen, text);
    case v1::RUN_STATE_STARTING:
    case v1::RUN_STATE_PAUSED:
      return In(kYellow, text);
    case v1::RUN_STATE_FAILED:
      return In(kRed, text);
    default:
      return text;
  }
}

std::string InColorOf(v1::OutputState state, const std::string& text) {
  switch (state) {
    case v1::OUTPUT_STATE_RUNNING:
    case v1::OUTPUT_STATE_SUCCEEDED:
      return In(kGreen, text);
    case v1::OUTPUT_STATE_STARTING:
    case v1::OUTPUT_STATE_BLOCKED:
    case v1::OUTPUT_STATE_PAUSED:
      return In(kYellow, text);
    case v1::OUTPUT_STATE_FAILED:
      return In(kRed, text);
    default:
      return text;
  }
}

size_t WidthOf(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    if (const size_t color = ColorBytes(text); color > 0) {
      text.remove_prefix(color);
      continue;
    }
    if (IsCharacter(text[0])) ++width;
    text.remove_prefix(1);
  }
  return width;
}

std::string CutTo(const std::string& text, size_t width) {
  if (WidthOf(text) <= width) return text;
  constexpr std::string_view kMore = "...";
  const std::string_view more = kMore.substr(0, std::min(kMore.size(), width));
  std::string cut;
  size_t left = width - more.size();
  bool is_colored = false;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    const size_t color = ColorBytes(rest);
    if (color == 0 && IsCharacter(rest[0])) {
      if (left == 0) break;
      --left;
    }
    const size_t bytes = std::max<size_t>(color, 1);
    if (color > 0) is_colored = rest.substr(0, color) != kPlain;
    cut += rest.substr(0, bytes);
    at += bytes;
  }
  if (is_colored) cut += kPlain;
  return cut.append(more);
}

bool IsConfirmed(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) return true;
  std::fputs((question + " [y/N] ").c_str(), stderr);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace throng
