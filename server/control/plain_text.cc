#include "server/control/plain_text.h"

#include <algorithm>
#include <cstddef>

namespace throng {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Bytes of the well-formed character (Unicode, table 3-7) that `text` begins with; 0: none does.
size_t CharacterBytes(std::string_view text) {
  const auto at = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto is_tail = [at](size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned least = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned most = first == 0xED ? 0x9F : 0xBF;
    return at(1) >= least && at(1) <= most && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned least = first == 0xF0 ? 0x90 : 0x80;
    const unsigned most = first == 0xF4 ? 0x8F : 0xBF;
    return at(1) >= least && at(1) <= most && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string PlainText(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    size_t bytes = CharacterBytes(text);
    if (first == '\t') {
      plain += ' ';
    } else if (first < 0x20 || first == 0x7F || bytes == 0 ||
               (first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0)) {  // C1 controls
      plain += kReplacement;
      bytes = std::max<size_t>(bytes, 1);
    } else {
      plain += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return plain;
}

std::string PlainLines(std::string_view text) {
  std::string plain;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    plain += PlainText(text.substr(0, end)) + '\n';
    text.remove_prefix(end + 1);
  }
  return plain + PlainText(text);
}

}  // namespace throng
