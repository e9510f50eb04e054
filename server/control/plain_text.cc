#include "server/control/plain_text.h"

#include <algorithm>
#include <cstddef>

#include "proto/utf8.h"

namespace throng {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string PlainText(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    size_t bytes = Utf8CharacterBytes(text);
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
