// How a choice gives kinds to rows: over a word that is repeated, in which each kind is spread
// evenly.
//
//   KindWord word(IntegerWeights(shares));         // of rounding.hpp; shares such as 0.65, 0.35
//   kinds[k].rows = word.CounterOf(k).Before(plan_size);
//   ...
//   word.At(rows.place, kind, kind_row);           // columns of throng_batch
//
// Places may be shifted round the epoch, too, by any amount: each kind still has as many rows, and
// numbers them without gaps.
#ifndef THRONG_KIND_WORD_HPP_
#define THRONG_KIND_WORD_HPP_

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "throng/random.hpp"

namespace throng {

// Letters 0, 1, ..., at most 256 of them, in the ratio of their weights. Any stretch of the word
// has each letter in proportion to less than two places, and any beginning of it to less than one.
// Constant, and so for any number of threads.
class KindWord {
 public:
  static constexpr int64_t kMostPeriod = 10'000;

  // The weights are not negative and not all 0; their sum, the word's period, is at most
  // kMostPeriod: else std::invalid_argument is thrown. It is shortest if they have no common
  // divisor.
  explicit KindWord(std::span<const int64_t> weights)
      : weights_(weights.begin(), weights.end()),
        before_(weights.size()),
        period_(PeriodOf(weights)) {
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

  // For each place x, from 0 to below 2^40: its letter, and how many of that letter stand before
  // it, in all repetitions. `ordinal` may be x itself; all three have the same size.
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

  // Counts one letter. Is not to outlive the word.
  class Counter {
   public:
    // How many of the letter stand before place x, from 0 to 2^40.
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

  // Places until the word repeats itself.
  uint64_t period() const { return period_.divisor(); }

 private:
  static uint64_t PeriodOf(std::span<const int64_t> weights) {
    const int64_t period = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    if (period < 1 || period > kMostPeriod) {
      throw std::invalid_argument("Kinds in the ratio of these shares take turns of " +
                                  std::to_string(period) +
                                  " rows, and 1 to 10000 are allowed; round the shares.");
    }
    return static_cast<uint64_t>(period);
  }

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
