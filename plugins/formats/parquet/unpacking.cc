#include "plugins/formats/parquet/unpacking.h"

#include <algorithm>
#include <cstring>

namespace throng::plugins {
namespace {

constexpr size_t kGroup = 8;
constexpr uint64_t kMostBlock = 1 << 16;
constexpr unsigned kMostWidth = 64;

bool TakeVarint(std::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; shift < kMostWidth && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool TakeZigzag(std::string_view* bytes, int64_t* value) {
  uint64_t zigzag = 0;
  if (!TakeVarint(bytes, &zigzag)) return false;
  *value = static_cast<int64_t>(zigzag >> 1 ^ (0 - (zigzag & 1)));
  return true;
}

// put(value) for each of `count` numbers of `width` bits, which `bytes` holds.
template <class Put>
void Unpack(std::string_view bytes, unsigned width, size_t count, const Put& put) {
  const uint64_t mask = width == 0 ? 0 : ~uint64_t{0} >> (kMostWidth - width);
  unsigned __int128 bits = 0;
  unsigned held = 0;
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    while (held < width) {
      if (bytes.size() - at >= sizeof(uint64_t)) {
        uint64_t next = 0;
        std::memcpy(&next, bytes.data() + at, sizeof next);
        bits |= static_cast<unsigned __int128>(next) << held;
        at += sizeof next;
        held += kMostWidth;
      } else {
        bits |= static_cast<unsigned __int128>(static_cast<uint8_t>(bytes[at++])) << held;
        held += 8;
      }
    }
    put(static_cast<uint64_t>(bits) & mask);
    bits >>= width;
    held -= width;
  }
}

}  // namespace

bool ReadHybrid(std::string_view bytes, unsigned width, size_t count,
                std::vector<uint32_t>* values) {
  values->clear();
  if (width > 32) return false;
  values->reserve(count);
  while (values->size() < count) {
    uint64_t head = 0;
    if (!TakeVarint(&bytes, &head)) return false;
    const size_t left = count - values->size();
    if ((head & 1) == 0) {
      const size_t size = (width + 7) / 8;
      if (bytes.size() < size || head == 0) return false;
      uint32_t value = 0;
      std::memcpy(&value, bytes.data(), size);
      bytes.remove_prefix(size);
      values->insert(values->end(), std::min<size_t>(head >> 1, left), value);
      continue;
    }
    const uint64_t groups = head >> 1;
    if (groups == 0 || groups > bytes.size() / std::max(1U, width) + 1) return false;
    // The last group may be cut off behind its last number.
    const size_t numbers = std::min<size_t>(groups * kGroup, left);
    const size_t size = std::min<size_t>(groups * width, bytes.size());
    if (size * 8 < numbers * width) return false;
    Unpack(bytes.substr(0, size), width, numbers,
           [&](uint64_t value) { values->push_back(static_cast<uint32_t>(value)); });
    bytes.remove_prefix(size);
  }
  return true;
}

bool ReadDeltas(std::string_view* bytes, size_t count, std::vector<int64_t>* values) {
  values->clear();
  uint64_t block = 0;
  uint64_t miniblocks = 0;
  uint64_t total = 0;
  int64_t last = 0;
  if (!TakeVarint(bytes, &block) || !TakeVarint(bytes, &miniblocks) || !TakeVarint(bytes, &total) ||
      !TakeZigzag(bytes, &last)) {
    return false;
  }
  if (miniblocks == 0 || block == 0 || block > kMostBlock || block % miniblocks != 0 ||
      block / miniblocks % kGroup != 0 || total != count) {
    return false;
  }
  values->reserve(count);
  if (count > 0) values->push_back(last);
  const size_t size = block / miniblocks;
  while (values->size() < count) {
    int64_t least = 0;
    if (!TakeZigzag(bytes, &least) || bytes->size() < miniblocks) return false;
    const std::string_view widths = bytes->substr(0, miniblocks);
    bytes->remove_prefix(miniblocks);
    for (const char width_byte : widths) {
      if (values->size() == count) break;
      const auto width = static_cast<uint8_t>(width_byte);
      const size_t used = size / kGroup * width;
      if (width > kMostWidth || bytes->size() < used) return false;
      Unpack(bytes->substr(0, used), width, std::min(size, count - values->size()),
             [&](uint64_t above) {
               last = static_cast<int64_t>(static_cast<uint64_t>(last) +
                                           static_cast<uint64_t>(least) + above);
               values->push_back(last);
             });
      bytes->remove_prefix(used);
    }
  }
  return true;
}

}  // namespace throng::plugins
