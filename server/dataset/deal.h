// Deals positions 0, 1, 2, ... to hands of given sizes, so that any stretch of positions holds
// every hand in proportion, and each position or card is found alone, in O(1), in bounded memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "throng/random.hpp"

namespace throng {

// Positions come in blocks. In each, a hand has a fixed number of slots, in the order of one of up
// to 256 shuffled decks; a hash of the block says which. Sizes that no block of up to 1024 slots
// divides leave cards over: these go to `wild` slots, at most one less than there are hands in each
// block, and to the positions after the last block, at random.
class Deal {
 public:
  struct Card {
    int32_t hand;
    int64_t index;  // within the hand
  };

  Deal() = default;
  // At most 1000 hands; their sizes are not negative.
  Deal(std::span<const int64_t> hands, uint64_t key);

  int64_t size() const { return size_; }

  // A bijection of [0, size) and the cards. Within a hand, indices rise with positions, but for
  // wild cards: they come last, whatever their positions (without wild slots these are last too).
  Card Find(int64_t position) const;
  int64_t Position(Card card) const;

 private:
  struct Shape {
    int64_t blocks = 0;
    int64_t block_size = 0;
    std::vector<int64_t> slots;  // of each hand, in a block
    int64_t wild = 0;            // slots of none
  };
  static Shape ChooseShape(std::span<const int64_t> hands);
  void BuildDecks();
  size_t DeckOf(int64_t block) const;
  Card FindWild(int64_t wild) const;
  int64_t WildIndex(Card card) const;  // card.index counts from the hand's first wild card

  uint64_t key_ = 0;
  int64_t size_ = 0;
  Shape shape_;
  Reciprocal block_size_;
  std::vector<Reciprocal> hand_slots_;
  std::vector<int64_t> first_slot_;  // of each hand, in a deck in the order of hands

  // For each deck and slot: the hand (or their number, for wild), which of the hand's slots it is;
  // and back: hands in order, their slots in order.
  size_t deck_mask_ = 0;
  std::vector<uint16_t> slot_hand_;
  std::vector<uint16_t> slot_ordinal_;
  std::vector<uint16_t> hand_slot_;

  // Wild cards: few are shuffled and then sorted within each hand, many are permuted.
  std::vector<int64_t> wild_first_;  // of each hand, and the end
  std::vector<uint16_t> wild_card_;  // by place; empty: permuted
  std::vector<uint16_t> wild_place_;
  Permutation wild_;
};

}  // namespace throng
