// What holds of a decoder of files whatever it is given: however a file comes, the same rows and
// damages come out.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/plugins/formats/driven_decoder.h"

namespace throng {

inline Decoding DecodeInChunks(const throng_component& component, std::string_view file,
                               size_t chunk, uint32_t capacity) {
  DrivenDecoder decoder(component);
  decoder.wanted[0].is_required = decoder.wanted[1].is_required = false;
  decoder.wanted.push_back({"kind", THRONG_FOUND_TEXT, false});
  decoder.capacity = capacity;
  return decoder.Stream(file, chunk);
}

// The first byte chooses how the file behind it comes. Aborts where that makes a difference.
inline void TryFileInParts(const throng_component& component, const uint8_t* data, size_t size) {
  if (size == 0) return;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Decoding whole = DecodeInChunks(component, file, file.size(), 4096);
  const Decoding parts = DecodeInChunks(component, file, 1 + data[0] % 64, 1U + data[0] / 64U * 5U);
  const bool is_same = whole.code == parts.code && whole.rows == parts.rows &&
                       whole.damages == parts.damages && whole.offsets == parts.offsets;
  if (!is_same) std::abort();
}

}  // namespace throng
