#include "server/inspection/verify_bits.h"

#include <algorithm>
#include <bit>

namespace throng {
namespace {

constexpr int64_t kWord = 64;

// The bits [from, to) of a word.
uint64_t Mask(int64_t from, int64_t to) {
  const uint64_t below = to == kWord ? ~uint64_t{0} : (uint64_t{1} << to) - 1;
  return below & ~((uint64_t{1} << from) - 1);
}

// Calls `visit(word, mask)` for the words of bits [from, to).
template <class Visit>
void VisitWords(int64_t from, int64_t to, Visit&& visit) {
  while (from < to) {
    const int64_t end = std::min(to, (from / kWord + 1) * kWord);
    visit(static_cast<size_t>(from / kWord), Mask(from % kWord, end - from / kWord * kWord));
    from = end;
  }
}

}  // namespace

RowBits::Stretch& RowBits::StretchOf(int64_t row) {
  Stretch& stretch = stretches_[row / kStretch];
  if (stretch.bits == nullptr && stretch.seen == 0) {
    stretch.bits = std::make_unique<uint64_t[]>(static_cast<size_t>(kStretch / kWord));
  }
  return stretch;
}

bool RowBits::Set(int64_t row) { return SetRange(row, 1) == 0; }

bool RowBits::Has(int64_t row) const { return Count(row, 1) == 1; }

int64_t RowBits::SetRange(int64_t first, int64_t rows) {
  int64_t before = 0;
  for (int64_t end = 0; rows > 0; rows -= end - first, first = end) {
    end = std::min(first + rows, (first / kStretch + 1) * kStretch);
    Stretch& stretch = StretchOf(first);
    if (stretch.bits == nullptr) {
      before += end - first;
      continue;
    }
    const int64_t base = first / kStretch * kStretch;
    VisitWords(first - base, end - base, [&](size_t word, uint64_t mask) {
      const int new_bits = std::popcount(mask & ~stretch.bits[word]);
      before += std::popcount(mask) - new_bits;
      stretch.seen += new_bits;
      stretch.bits[word] |= mask;
    });
    if (stretch.seen == kStretch) stretch.bits.reset();
  }
  return before;
}

int64_t RowBits::Count(int64_t first, int64_t rows) const {
  int64_t count = 0;
  for (int64_t end = 0; rows > 0; rows -= end - first, first = end) {
    end = std::min(first + rows, (first / kStretch + 1) * kStretch);
    const auto found = stretches_.find(first / kStretch);
    if (found == stretches_.end()) continue;
    if (found->second.bits == nullptr) {
      count += end - first;
      continue;
    }
    const int64_t base = first / kStretch * kStretch;
    VisitWords(first - base, end - base, [&](size_t word, uint64_t mask) {
      count += std::popcount(mask & found->second.bits[word]);
    });
  }
  return count;
}

}  // namespace throng
