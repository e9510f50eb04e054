#include "server/inspection/ids.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "throng/text.hpp"

namespace throng {
namespace {

constexpr int64_t kDirect = int64_t{1} << 22;
constexpr int64_t kMostNumber = 4'294'967'295;
constexpr size_t kMostDigits = 10;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Digits at the end of a UUID are no number behind a prefix.
bool LooksLikeUuid(std::string_view id) {
  constexpr size_t kDashes[] = {8, 13, 18, 23};
  return id.size() == kUuidText && std::all_of(std::begin(kDashes), std::end(kDashes),
                                               [&](size_t at) { return id[at] == '-'; });
}

}  // namespace

Ids::Ids(std::optional<IdText> text) {
  if (!text) return;
  if (text->IsUuid()) {
    uuids_ = std::move(text);
  } else {
    prefix_ = text->prefix();
  }
}

std::optional<int64_t> Ids::NumberIn(std::string_view id) const {
  if (uuids_) {
    const auto number = uuids_->NumberOfUuid(id);
    return number ? std::optional(*number + uuids_->first()) : std::nullopt;
  }
  if (!prefix_ || !id.starts_with(*prefix_)) return {};
  const std::string_view digits = id.substr(prefix_->size());
  if (digits.empty() || digits.size() > kMostDigits) return {};
  if (digits.front() == '0' && digits.size() > 1) return {};
  int64_t number = 0;
  for (const char c : digits) {
    if (!IsDigit(c)) return {};
    number = 10 * number + (c - '0');
  }
  if (number > kMostNumber) return {};
  return number;
}

uint32_t Ids::Add(int64_t code) {
  codes_.push_back(code);
  return static_cast<uint32_t>(codes_.size() - 1);
}

uint32_t Ids::IndexOf(int64_t number) {
  if (number < kDirect) {
    const auto at = static_cast<size_t>(number);
    if (at >= direct_.size()) direct_.resize(std::max(at + 1, 2 * direct_.size()));
    if (direct_[at] == 0) direct_[at] = 1 + Add(number);
    return direct_[at] - 1;
  }
  const auto [found, is_new] = numbers_.try_emplace(number, 0);
  if (is_new) found->second = Add(number);
  return found->second;
}

uint32_t Ids::IndexOf(std::string_view id) {
  if (!prefix_ && !uuids_ && !id.empty() && IsDigit(id.back()) && !LooksLikeUuid(id)) {
    size_t digits = 0;
    while (digits < id.size() && IsDigit(id[id.size() - 1 - digits])) ++digits;
    prefix_ = std::string(id.substr(0, id.size() - digits));
  }
  if (const auto number = NumberIn(id)) return IndexOf(*number);
  const auto found = texts_by_id_.find(id);
  if (found != texts_by_id_.end()) return found->second;
  const uint32_t index = Add(-1 - static_cast<int64_t>(texts_.size()));
  texts_.emplace_back(texts_by_id_.emplace(std::string(id), index).first->first);
  return index;
}

std::string Ids::TextOf(uint32_t index) const {
  const int64_t code = codes_[index];
  if (code >= 0)
    return uuids_ ? uuids_->Of(code - uuids_->first()) : *prefix_ + std::to_string(code);
  return std::string(texts_[static_cast<size_t>(-1 - code)]);
}

uint64_t Ids::HashOf(uint32_t index) const {
  // FNV-1a (Fowler, Noll, Vo).
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : TextOf(index)) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace throng
