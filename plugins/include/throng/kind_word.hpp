// The order of kinds over the grid: a word that is repeated, in which each kind is spread evenly.
#ifndef THRONG_KIND_WORD_HPP_
#define THRONG_KIND_WORD_HPP_

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "throng/random.hpp"

namespace throng {

// Letters 0, 1, ... in the ratio of their weights. Any stretch of the word has each letter in
// proportion to less than one or two places, and any beginning of it to less than one.
class KindWord {
 public:
  // The weights are not negative, not all 0, and without common divisor: their sum, at most 10^4,
  // is the word's period.
  explicit KindWord(std::span<const int64_t> weights)
      : weights_(weights.begin(), weights.end()),
        before_(weights.size()),
        period_(
            static_cast<uint64_t>(std::accumulate(weights.begin(), weights.end(), int64_t{0}))) {
    std::vector<int64_t> used(weights.size(), 0);
    for (int64_t place = 1; place <= static_cast<int64_t>(period_.divisor()); ++place) {
      // The letter most behind its share; of equal ones the more frequent, then the first.
      size_t best = 0;
      int64_t best_lag = 0;
      for (size_t letter = 0; letter < weights_.size(); ++letter) {
        before_[letter].push_back(static_cast<uint16_t>(used[letter]));
        const int64_t lag =
            place * weights_[letter] - used[letter] * static_cast<int64_t>(period_.divisor());
        if (lag > best_lag || (lag == best_lag && weights_[letter] > weights_[best])) {
          best = letter;
          best_lag = lag;
        }
      }
      places_.push_back({static_cast<uint16_t>(weights_[best]), static_cast<uint16_t>(used[best]),
                         static_cast<uint8_t>(best)});
      ++used[best];
    }
  }

  // For each place x (below 2^40): its letter, and how many of that letter stand before it.
  void At(std::span<const int64_t> x, std::span<uint8_t> letter, std::span<int64_t> ordinal) const {
    // Bytes alias everything: what the loop reads is kept out of memory that it may write.
    const Reciprocal period = period_;
    const Place* const places = places_.data();
    for (size_t i = 0; i < x.size(); ++i) {
      const auto place = static_cast<uint64_t>(x[i]);
      const uint64_t times = period.DivideSmall(place);
      const Place& at = places[place - times * period.divisor()];
      letter[i] = at.letter;
      ordinal[i] = static_cast<int64_t>(times * at.weight + at.ordinal);
    }
  }

  // Counts one letter.
  class Counter {
   public:
    // How many of the letter stand before place x.
    int64_t Before(int64_t x) const {
      const auto place = static_cast<uint64_t>(x);
      const uint64_t times = period_.DivideSmall(place);
      return static_cast<int64_t>(times * weight_ + before_[place - times * period_.divisor()]);
    }

   private:
    friend class KindWord;
    Counter(const Reciprocal& period, int64_t weight, const uint16_t* before)
        : period_(period), weight_(static_cast<uint64_t>(weight)), before_(before) {}
    Reciprocal period_;
    uint64_t weight_;
    const uint16_t* before_;
  };
  Counter CounterOf(size_t letter) const {
    return {period_, weights_[letter], before_[letter].data()};
  }

  uint64_t period() const { return period_.divisor(); }

 private:
  struct Place {
    uint16_t weight;   // of the letter
    uint16_t ordinal;  // within the period
    uint8_t letter;
  };

  std::vector<int64_t> weights_;
  std::vector<std::vector<uint16_t>> before_;  // by letter and place: how many came before
  std::vector<Place> places_;
  Reciprocal period_;
};

}  // namespace throng

#endif  // THRONG_KIND_WORD_HPP_
