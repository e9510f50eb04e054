#include "server/inspection/pair_counts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace throng {
namespace {

constexpr size_t kFirstSlots = 1024;
constexpr int kIndexBits = 14;
constexpr int kRankBits = 64 - kIndexBits;

// Ertl's sigma and tau: x + sum of x^(2^k) 2^(k-1), and its counterpart for full registers.
double Sigma(double x) {
  if (x == 1) return INFINITY;
  double y = 1;
  double z = x;
  for (double before = -1; before != z; y += y) {
    before = z;
    x *= x;
    z += x * y;
  }
  return z;
}

double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  for (double before = -1; before != z;) {
    before = z;
    x = std::sqrt(x);
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

}  // namespace

// ---- PairSketch -----------------------------------------------------------------------------

void PairSketch::Add(uint64_t hash) {
  const size_t index = hash >> kRankBits;
  const uint64_t rest = hash << kIndexBits;
  const int rank = std::min(std::countl_zero(rest), kRankBits) + 1;
  registers_[index] = std::max(registers_[index], static_cast<uint8_t>(rank));
}

bool PairSketch::Merge(std::string_view registers) {
  if (registers.size() != kRegisters) return false;
  const auto is_wrong = [](char rank) { return static_cast<uint8_t>(rank) > kRankBits + 1; };
  if (std::any_of(registers.begin(), registers.end(), is_wrong)) return false;
  for (size_t i = 0; i < kRegisters; ++i) {
    registers_[i] = std::max(registers_[i], static_cast<uint8_t>(registers[i]));
  }
  return true;
}

int64_t PairSketch::Estimate() const {
  std::array<double, kRankBits + 2> having{};  // registers by rank
  for (const uint8_t rank : registers_) ++having[rank];
  constexpr auto kM = static_cast<double>(kRegisters);
  double z = kM * Tau(1 - having[kRankBits + 1] / kM);
  for (size_t rank = kRankBits; rank >= 1; --rank) z = 0.5 * (z + having[rank]);
  z += kM * Sigma(having[0] / kM);
  return std::llround(kM * kM / (2 * std::log(2.0)) / z);
}

// ---- PairCounts -----------------------------------------------------------------------------

PairCounts::PairCounts(HashOf hash_of, size_t most)
    : hash_of_(std::move(hash_of)), most_(most), slots_(kFirstSlots) {}

size_t PairCounts::SlotOf(uint64_t pair) const {
  const size_t mask = slots_.size() - 1;
  size_t at = Mix(pair) & mask;
  while (slots_[at].pair != pair && slots_[at].pair != kFree) at = (at + 1) & mask;
  return at;
}

void PairCounts::Grow() {
  std::vector<Slot> before(2 * slots_.size());
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.pair != kFree) slots_[SlotOf(slot.pair)] = slot;
  }
}

PairSketch PairCounts::Sketch() const {
  if (is_sketch_) return sketch_;
  PairSketch sketch;
  for (const Slot& slot : slots_) {
    if (slot.pair == kFree) continue;
    sketch.Add(hash_of_(static_cast<uint32_t>(slot.pair >> 32), static_cast<uint32_t>(slot.pair)));
  }
  return sketch;
}

void PairCounts::BecomeSketch() {
  sketch_ = Sketch();
  is_sketch_ = true;
  slots_ = {};
}

void PairCounts::Add(uint32_t user, uint32_t item, int32_t rating) {
  if (is_sketch_) return sketch_.Add(hash_of_(user, item));
  const uint64_t pair = uint64_t{user} << 32 | item;
  size_t at = SlotOf(pair);
  if (slots_[at].pair == kFree) {
    if (met_ == most_) {
      BecomeSketch();
      return sketch_.Add(hash_of_(user, item));
    }
    if (2 * (met_ + 1) > slots_.size()) {
      Grow();
      at = SlotOf(pair);
    }
    slots_[at] = {.pair = pair, .rating = rating};
    ++met_;
    return;
  }
  Slot& slot = slots_[at];
  if (!std::exchange(slot.is_repeated, true)) ++repeated_;
  if (slot.rating != rating && !std::exchange(slot.is_contradicted, true)) ++contradicted_;
}

bool PairCounts::Merge(std::string_view registers) {
  PairSketch other;
  if (!other.Merge(registers)) return false;
  if (!is_sketch_) BecomeSketch();
  return sketch_.Merge(registers);
}

int64_t PairCounts::Distinct() const {
  return is_sketch_ ? sketch_.Estimate() : static_cast<int64_t>(met_);
}

}  // namespace throng
