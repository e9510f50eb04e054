#include "server/dataset/deal.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace throng {
namespace {

constexpr int64_t kMaxBlockSize = 1024;
constexpr int64_t kMaxDecks = 256;
constexpr int64_t kMaxDeckSlots = 16384;  // of all decks together: they stay in the cache
constexpr int64_t kMaxShuffled = 4096;

// Fisher and Yates.
void Shuffle(std::span<uint16_t> values, uint64_t key) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[MultiplyHigh(Hash(key, i), i)]);
  }
}

}  // namespace

// The shape with the shortest block and the fewest cards dealt at random, together. What is left of
// a hand may go behind the last block only if that is little of it: a small hand would else have
// all of its cards there.
Deal::Shape Deal::ChooseShape(std::span<const int64_t> hands) {
  const int64_t size = std::accumulate(hands.begin(), hands.end(), int64_t{0});
  Shape best;
  int64_t best_cost = size + kMaxBlockSize + 1;
  const auto consider = [&](int64_t blocks) {
    int64_t fixed = 0;
    bool is_little_left = true;
    for (const int64_t hand : hands) {
      fixed += hand / blocks;
      is_little_left &= hand % blocks <= 1 + hand / 8;
    }
    const int64_t left = size - blocks * fixed;
    const int64_t wild = left / blocks;
    const int64_t cost = fixed + wild + left;
    if (fixed + wild > kMaxBlockSize || cost >= best_cost) return;
    if (wild == 0 && !is_little_left) return;
    best_cost = cost;
    best.blocks = blocks;
    best.block_size = fixed + wild;
    best.wild = wild;
  };
  for (int64_t slots = 1; slots <= std::min(kMaxBlockSize, size); ++slots) {
    consider(size / slots);
    // Rounded hands often lack a card to fill the last block.
    if (size / slots > 1) consider(size / slots - 1);
  }
  for (const int64_t hand : hands) best.slots.push_back(best.blocks > 0 ? hand / best.blocks : 0);
  return best;
}

Deal::Deal(std::span<const int64_t> hands, uint64_t key)
    : key_(key),
      size_(std::accumulate(hands.begin(), hands.end(), int64_t{0})),
      shape_(ChooseShape(hands)),
      block_size_(static_cast<uint64_t>(std::max<int64_t>(shape_.block_size, 1))) {
  int64_t first_slot = 0;
  int64_t wild = 0;
  for (size_t hand = 0; hand < hands.size(); ++hand) {
    const int64_t slots = shape_.slots[hand];
    hand_slots_.emplace_back(static_cast<uint64_t>(std::max<int64_t>(slots, 1)));
    first_slot_.push_back(first_slot);
    wild_first_.push_back(wild);
    first_slot += slots;
    wild += hands[hand] - shape_.blocks * slots;
  }
  wild_first_.push_back(wild);
  BuildDecks();
  if (wild > kMaxShuffled) {
    wild_ = Permutation(static_cast<uint64_t>(wild), DeriveKey(key, "wild"));
    return;
  }
  // Shuffled hands; then each hand's cards in the order of their places.
  for (size_t hand = 0; hand < hands.size(); ++hand) {
    wild_card_.insert(wild_card_.end(),
                      static_cast<size_t>(wild_first_[hand + 1] - wild_first_[hand]),
                      static_cast<uint16_t>(hand));
  }
  Shuffle(wild_card_, DeriveKey(key, "wild"));
  wild_place_.resize(wild_card_.size());
  std::vector<int64_t> next(wild_first_.begin(), wild_first_.end());
  for (size_t place = 0; place < wild_card_.size(); ++place) {
    const auto card = static_cast<uint16_t>(next[wild_card_[place]]++);
    wild_card_[place] = card;
    wild_place_[card] = static_cast<uint16_t>(place);
  }
}

void Deal::BuildDecks() {
  if (shape_.blocks == 0) return;
  const auto hands = shape_.slots.size();
  const auto slots = static_cast<size_t>(shape_.block_size);
  const int64_t room = std::min(kMaxDecks, kMaxDeckSlots / shape_.block_size);
  const size_t decks = std::bit_floor(static_cast<size_t>(room));
  deck_mask_ = decks - 1;
  slot_ordinal_.resize(decks * slots);
  hand_slot_.resize(decks * slots);
  std::vector<uint16_t> sorted;
  for (size_t hand = 0; hand <= hands; ++hand) {
    const int64_t count = hand < hands ? shape_.slots[hand] : shape_.wild;
    sorted.insert(sorted.end(), static_cast<size_t>(count), static_cast<uint16_t>(hand));
  }
  for (size_t deck = 0; deck < decks; ++deck) {
    std::vector<uint16_t> order = sorted;
    Shuffle(order, Hash(DeriveKey(key_, "deck"), deck));
    std::vector<uint16_t> next(hands + 1, 0);
    for (size_t slot = 0; slot < slots; ++slot) {
      const uint16_t hand = order[slot];
      const uint16_t ordinal = next[hand]++;
      slot_ordinal_[deck * slots + slot] = ordinal;
      const size_t first = hand < hands ? static_cast<size_t>(first_slot_[hand])
                                        : slots - static_cast<size_t>(shape_.wild);
      hand_slot_[deck * slots + first + ordinal] = static_cast<uint16_t>(slot);
    }
    slot_hand_.insert(slot_hand_.end(), order.begin(), order.end());
  }
}

size_t Deal::DeckOf(int64_t block) const {
  return Hash32(key_, static_cast<uint64_t>(block)) & deck_mask_;
}

Deal::Card Deal::FindWild(int64_t wild) const {
  const auto place = static_cast<size_t>(wild);
  const auto card = static_cast<int64_t>(wild_card_.empty() ? wild_.Map(place) : wild_card_[place]);
  // The last hand that begins at or before the card; the loop ends since the list's end is beyond.
  const auto after = std::upper_bound(wild_first_.begin(), wild_first_.end(), card);
  const auto hand = static_cast<size_t>(after - wild_first_.begin()) - 1;
  return {static_cast<int32_t>(hand),
          shape_.blocks * shape_.slots[hand] + card - wild_first_[hand]};
}

int64_t Deal::WildIndex(Card card) const {
  const auto index = static_cast<size_t>(wild_first_[static_cast<size_t>(card.hand)] + card.index);
  return static_cast<int64_t>(wild_place_.empty() ? wild_.Unmap(index) : wild_place_[index]);
}

Deal::Card Deal::Find(int64_t position) const {
  if (position >= shape_.blocks * shape_.block_size) {
    return FindWild(position - shape_.blocks * (shape_.block_size - shape_.wild));
  }
  const auto [block, slot] = block_size_.DivideWithRest(static_cast<uint64_t>(position));
  const auto at = DeckOf(static_cast<int64_t>(block)) * block_size_.divisor() + slot;
  const size_t hand = slot_hand_[at];
  const int64_t ordinal = slot_ordinal_[at];
  if (hand == shape_.slots.size()) {
    return FindWild(static_cast<int64_t>(block) * shape_.wild + ordinal);
  }
  return {static_cast<int32_t>(hand), static_cast<int64_t>(block) * shape_.slots[hand] + ordinal};
}

int64_t Deal::Position(Card card) const {
  const auto hand = static_cast<size_t>(card.hand);
  const int64_t fixed = shape_.blocks * shape_.slots[hand];
  int64_t block = 0;
  int64_t ordinal = 0;
  if (card.index < fixed) {
    const auto parts = hand_slots_[hand].DivideWithRest(static_cast<uint64_t>(card.index));
    block = static_cast<int64_t>(parts.first);
    ordinal = first_slot_[hand] + static_cast<int64_t>(parts.second);
  } else {
    const int64_t wild = WildIndex({card.hand, card.index - fixed});
    if (wild >= shape_.blocks * shape_.wild) {
      return wild + shape_.blocks * (shape_.block_size - shape_.wild);
    }
    block = wild / shape_.wild;
    ordinal = shape_.block_size - shape_.wild + wild % shape_.wild;
  }
  const size_t at = DeckOf(block) * block_size_.divisor() + static_cast<size_t>(ordinal);
  return block * shape_.block_size + hand_slot_[at];
}

}  // namespace throng
