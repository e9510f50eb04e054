// How `taste` gives kinds to places: in windows of places with the same letters each, dealt in one
// of some arrangements of short runs. Places that follow one another, those of a session, so tend
// to be of one kind, and people differ.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "throng/kind_word.hpp"
#include "throng/random.hpp"

namespace throng::plugins {

// Kinds 0, 1, ..., at most 256 of them, in the ratio of their weights over [0, places): exact to
// one row, since the last window, if not whole, is read from the balanced word. Constant, but for
// the epoch.
class KindDeck {
 public:
  // The weights as KindWord takes them; `places` is below 2^40.
  KindDeck(std::span<const int64_t> weights, int64_t places, uint64_t key)
      : key_(DeriveKey(key, "kind_deck")) {
    const KindWord word(weights);
    const auto period = static_cast<int64_t>(word.period());
    const int64_t repeats = (kLeastWindow + period - 1) / period;
    const int64_t window = period * repeats;
    window_ = Reciprocal(static_cast<uint64_t>(window));
    whole_windows_ = static_cast<uint64_t>(places / window);
    uint32_t first_slot = 0;
    for (size_t kind = 0; kind < weights.size(); ++kind) {
      const int64_t each = weights[kind] * repeats;
      kinds_.push_back({.each = static_cast<uint32_t>(each),
                        .first_slot = first_slot,
                        .per_window = Reciprocal(static_cast<uint64_t>(std::max<int64_t>(each, 1))),
                        .rows = each * static_cast<int64_t>(whole_windows_) +
                                word.CounterOf(kind).Before(places % window)});
      first_slot += static_cast<uint32_t>(each);
    }
    const auto slots = static_cast<size_t>(window);
    const size_t arrangements = std::min(kMostArrangements, std::bit_floor(kMostSlots / slots));
    arrangement_mask_ = static_cast<uint32_t>(arrangements - 1);
    for (size_t i = 0; i < arrangements; ++i) Add(Arrange(Hash(key_, i)));
    // The last one is the word.
    std::vector<int64_t> ordinal(slots);
    std::vector<uint8_t> kind(slots);
    std::iota(ordinal.begin(), ordinal.end(), int64_t{0});
    word.At(ordinal, kind, ordinal);
    Add(kind);
  }

  void StartEpoch(int64_t epoch) { epoch_key_ = Hash(key_, ~static_cast<uint64_t>(epoch)); }

  // How many of the places are of the kind.
  int64_t Rows(size_t kind) const { return kinds_[kind].rows; }

  // For each place: its kind, and how many of that kind are at places before it.
  void At(std::span<const int64_t> place, std::span<uint8_t> kind,
          std::span<int64_t> kind_row) const {
    // Bytes alias everything: what the loop reads is kept out of memory that it may write.
    const Reciprocal window_size = window_;
    const Slot* const slots = slots_.data();
    const KindOf* const kinds = kinds_.data();
    for (size_t i = 0; i < place.size(); ++i) {
      const auto at = static_cast<uint64_t>(place[i]);
      const uint64_t window = window_size.DivideSmall(at);
      const uint64_t rest = at - window * window_size.divisor();
      const Slot slot = slots[ArrangementOf(window) * window_size.divisor() + rest];
      kind[i] = static_cast<uint8_t>(slot.kind);
      kind_row[i] = static_cast<int64_t>(window * kinds[slot.kind].each + slot.ordinal);
    }
  }

  // And back: the place of the kind's row `kind_row`, in [0, Rows(kind)).
  int64_t PlaceOf(size_t kind, int64_t kind_row) const {
    const KindOf& of = kinds_[kind];
    const auto row = static_cast<uint64_t>(kind_row);
    const uint64_t window = std::min(of.per_window.DivideSmall(row), whole_windows_);
    const uint64_t first = ArrangementOf(window) * window_.divisor();
    const uint64_t ordinal = row - window * of.each;
    return static_cast<int64_t>(window * window_.divisor() +
                                positions_[first + of.first_slot + ordinal]);
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(std::span(slots_)));
  }

 private:
  static constexpr int64_t kLeastWindow = 120;
  static constexpr size_t kMostArrangements = 64;
  static constexpr size_t kMostSlots = 65'536;  // of all arrangements: they stay in the cache

  struct Slot {
    uint16_t kind;
    uint16_t ordinal;  // among those of its kind in the window
  };
  struct KindOf {
    uint32_t each;  // in a window
    uint32_t first_slot;
    Reciprocal per_window;
    int64_t rows;
  };

  uint64_t ArrangementOf(uint64_t window) const {
    const uint64_t dealt = Hash32(epoch_key_, window) & arrangement_mask_;
    return window == whole_windows_ ? arrangement_mask_ + uint64_t{1} : dealt;
  }

  // The letters of a window as runs of geometric length, 1.5 on average, shuffled.
  std::vector<uint8_t> Arrange(uint64_t key) const {
    std::vector<std::pair<uint8_t, uint32_t>> runs;
    uint64_t draw = 0;
    for (size_t kind = 0; kind < kinds_.size(); ++kind) {
      for (uint32_t left = kinds_[kind].each; left > 0;) {
        uint32_t length = 1;
        while (length < left && MultiplyHigh(Hash(key, draw++), 3) == 0) ++length;
        runs.emplace_back(static_cast<uint8_t>(kind), length);
        left -= length;
      }
    }
    for (size_t i = runs.size(); i > 1; --i) {
      std::swap(runs[i - 1], runs[MultiplyHigh(Hash(key, draw++), i)]);
    }
    std::vector<uint8_t> letters;
    for (const auto& [kind, length] : runs) letters.insert(letters.end(), length, kind);
    return letters;
  }

  void Add(const std::vector<uint8_t>& letters) {
    const size_t first = slots_.size();
    positions_.resize(first + letters.size());
    std::vector<uint16_t> next(kinds_.size(), 0);
    for (size_t i = 0; i < letters.size(); ++i) {
      const uint8_t kind = letters[i];
      positions_[first + kinds_[kind].first_slot + next[kind]] = static_cast<uint16_t>(i);
      slots_.push_back({kind, next[kind]++});
    }
  }

  uint64_t key_;
  uint64_t epoch_key_ = 0;
  Reciprocal window_;
  uint64_t whole_windows_ = 0;
  uint32_t arrangement_mask_ = 0;
  std::vector<KindOf> kinds_;
  std::vector<Slot> slots_;          // by arrangement and place in the window
  std::vector<uint16_t> positions_;  // by arrangement, kind and ordinal
};

}  // namespace throng::plugins
