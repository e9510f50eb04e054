// Compressed members: whatever they are, the text comes to an end, and it is the same however the
// bytes come, unless a member is damaged.
#include <algorithm>
#include <string>

#include "plugins/formats/compression/decompressor.h"
#include "tests/fuzz/decoder_fuzz.h"

namespace {

// A bomb is only begun.
constexpr size_t kMostText = size_t{1} << 20;

std::string Text(std::string_view bytes, size_t piece, size_t room, bool* is_damaged) {
  throng::plugins::Decompressor decompressor;
  decompressor.Begin("piece");
  std::string text;
  std::string part(room, '\0');
  size_t at = 0;
  while (text.size() < kMostText) {
    const size_t size = std::min(piece, bytes.size() - at);
    const bool ends = at + size == bytes.size();
    const auto step = decompressor.Run(bytes.substr(at, size), part.data(), room, ends);
    throng::Require(step.consumed <= size && step.produced <= room, "it took what was not there");
    text.append(part, 0, step.produced);
    at += step.consumed;
    *is_damaged = *is_damaged || !step.fault.empty();
    const bool stands = step.consumed == 0 && step.produced == 0 && step.fault.empty();
    if (!stands) continue;
    throng::Require(ends, "it does not go on");
    break;
  }
  text.resize(std::min(text.size(), kMostText));
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    bool is_damaged = false;
    const std::string whole = Text(bytes, size, 65536, &is_damaged);
    const std::string pieces = Text(bytes, 1 + data[0] % 37, 1 + data[0] % 61, &is_damaged);
    throng::Require(is_damaged || whole == pieces, "in pieces it is another text");
  } catch (const throng::Error&) {
  }
  return 0;
}
