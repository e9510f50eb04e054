// Integers in groups of seven bits, the lowest first, as Avro and Protobuf write them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace throng::plugins {

inline constexpr size_t kMaxVarint = 10;

namespace detail {

[[gnu::noinline]] inline char* WriteLongVarint(uint64_t n, char* p) {
  for (; n >= 0x80; n >>= 7) *p++ = static_cast<char>(n | 0x80);
  *p++ = static_cast<char>(n);
  return p;
}

}  // namespace detail

// Takes kMaxVarint bytes of room whatever the value is.
inline char* WriteVarint(uint64_t n, char* p) {
  if (n >> 56 != 0) [[unlikely]] {
    return detail::WriteLongVarint(n, p);
  }
  const auto more = static_cast<uint32_t>(63 - std::countl_zero(n | 1)) / 7;  // after the first
  // Spreads eight groups of seven bits over eight bytes, in halves.
  n = (n & 0x000000000FFFFFFF) | (n & 0x00FFFFFFF0000000) << 4;
  n = (n & 0x00003FFF00003FFF) | (n & 0x0FFFC0000FFFC000) << 2;
  n = (n & 0x007F007F007F007F) | (n & 0x3F803F803F803F80) << 1;
  n |= 0x8080808080808080 & ((uint64_t{1} << (8 * more)) - 1);
  std::memcpy(p, &n, sizeof n);
  return p + more + 1;
}

// Signed numbers so that small ones are short: 0, -1, 1, -2 become 0, 1, 2, 3.
inline char* WriteZigzag(int64_t value, char* p) {
  return WriteVarint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63), p);
}

}  // namespace throng::plugins
