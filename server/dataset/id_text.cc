#include "server/dataset/id_text.h"

#include <array>

#include "throng/random.hpp"
#include "throng/text.hpp"

namespace throng {
namespace {

constexpr int64_t kFirst = 1;
constexpr uint64_t kMostNumber = 4'294'967'295;

// What an odd factor is undone by, modulo 2^64 (Newton's iteration).
constexpr uint64_t InverseOf(uint64_t factor) {
  uint64_t inverse = factor;
  for (int bits = 3; bits < 64; bits *= 2) inverse *= 2 - factor * inverse;
  return inverse;
}

// The counter whose Hash(key, counter) that is.
constexpr uint64_t CounterOf(uint64_t key, uint64_t hash) {
  uint64_t x = hash;
  x = (x ^ (x >> 31) ^ (x >> 62)) * InverseOf(0x94d049bb133111eb);
  x = (x ^ (x >> 27) ^ (x >> 54)) * InverseOf(0xbf58476d1ce4e5b9);
  x = x ^ (x >> 30) ^ (x >> 60);
  return (x - key) * InverseOf(0x9e3779b97f4a7c15) - 1;
}
static_assert(CounterOf(42, Hash(42, 4711)) == 4711);

// The value of a hexadecimal digit; -1: it is none.
int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string UuidText(uint64_t key, int64_t number) {
  std::array<char, kUuidText> text{};
  WriteUuid(key, number, text.data());
  return {text.data(), text.size()};
}

}  // namespace

IdText IdText::OfUsers(const v1::DatasetSpec& spec) {
  const v1::World& world = spec.world();
  IdText text(world.user_prefix(), world.has_user_start() ? world.user_start() : kFirst);
  text.style_ = world.ids();
  text.key_ = DeriveKey(DeriveKey(spec.seed(), "world"), "user_uuids");
  return text;
}

IdText IdText::OfItems(const v1::DatasetSpec& spec) {
  const v1::World& world = spec.world();
  IdText text(world.item_prefix(), world.has_item_start() ? world.item_start() : kFirst);
  text.style_ = world.ids();
  text.key_ = DeriveKey(DeriveKey(spec.seed(), "world"), "item_uuids");
  return text;
}

std::string IdText::Of(int64_t number) const {
  return IsUuid() ? UuidText(key_, number) : prefix_ + std::to_string(first_ + number);
}

void IdText::PutUuid(int64_t number, char* bytes) const {
  int digits = 0;
  for (const char c : UuidText(key_, number)) {
    if (c == '-') continue;
    char* const byte = bytes + digits++ / 2;
    *byte = static_cast<char>((digits % 2 == 1 ? 0 : *byte << 4) | DigitOf(c));
  }
}

std::optional<int64_t> IdText::NumberOfUuid(std::string_view text) const {
  if (text.size() != kUuidText) return {};
  std::string lower;
  uint64_t high = 0;
  for (const char c : text) {
    const int digit = DigitOf(c);
    if (digit < 0 && c != '-') return {};
    lower += digit < 0 ? c : "0123456789abcdef"[digit];
    if (digit >= 0 && lower.size() <= kUuidText / 2) {
      high = high << 4 | static_cast<uint64_t>(digit);
    }
  }
  // Four bits of the hash gave way to the version.
  constexpr uint64_t kVersion = 0xf000;
  for (uint64_t bits = 0; bits <= kVersion; bits += 0x1000) {
    const uint64_t number = CounterOf(key_, (high & ~kVersion) | bits);
    if (number > kMostNumber) continue;
    if (UuidText(key_, static_cast<int64_t>(number)) == lower) return static_cast<int64_t>(number);
  }
  return {};
}

}  // namespace throng
