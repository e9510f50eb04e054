#include "server/conformance/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"

namespace throng {
namespace {

std::optional<char> HexByte(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    const size_t digit = std::string_view("0123456789abcdef").find(c | 0x20);
    if (digit == std::string_view::npos) return std::nullopt;
    value = 16 * value + static_cast<int>(digit);
  }
  return digits.size() == 2 ? std::optional(static_cast<char>(value)) : std::nullopt;
}

std::optional<std::string> Unescaped(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    const size_t plain = std::string_view("tnr\\").find(text[i]);
    if (plain != std::string_view::npos) {
      bytes += "\t\n\r\\"[plain];
    } else if (const auto byte = HexByte(text.substr(i + 1, 2)); text[i] == 'x' && byte) {
      bytes += *byte;
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

}  // namespace

std::string Quoted(std::string_view bytes) {
  constexpr size_t kLongest = 60;
  std::string text;
  for (const char c : bytes.substr(0, kLongest)) {
    text += c >= ' ' && c <= '~' ? std::string(1, c)
                                 : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return fmt::format("\"{}\"{}", text, bytes.size() > kLongest ? "..." : "");
}

absl::StatusOr<Messages> ParseMessages(std::string_view text) {
  Messages messages;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t tab = line.find('\t');
    std::optional<std::string> key;
    std::optional<std::string> value;
    if (tab != std::string_view::npos) {
      key = Unescaped(line.substr(0, tab));
      value = Unescaped(line.substr(tab + 1));
    }
    if (!key || !value) {
      return absl::InternalError(fmt::format(
          "--read: line {} is {}; write a message as key, tab and value, and in them \\t, \\n, "
          "\\r, \\\\ or \\xHH.",
          number, Quoted(line)));
    }
    messages[*key].push_back(*std::move(value));
  }
  return messages;
}

}  // namespace throng
