// Randomness that is a function: counter-based hashes, keyed permutations of [0, n), exact division
// by a run-time constant and tabulated curves. Integers only, the same on every machine.
#ifndef THRONG_RANDOM_HPP_
#define THRONG_RANDOM_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

// Before a function with loops over columns: compiles it for AVX2 too and picks one at load time.
// The results are the same, since all of it is integer (or single IEEE) arithmetic. Define it as
// nothing to have one version only.
#if defined(THRONG_SIMD)
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define THRONG_SIMD __attribute__((target_clones("avx2", "default")))
#else
#define THRONG_SIMD
#endif

namespace throng {

__extension__ using Uint128 = unsigned __int128;

// The upper half of a 64 x 64 bit product: floor(x y / 2^64). With x a fraction of 2^64 it scales
// x to [0, y).
constexpr uint64_t MultiplyHigh(uint64_t x, uint64_t y) {
  return static_cast<uint64_t>((static_cast<Uint128>(x) * y) >> 64);
}

// ---- Hashes ---------------------------------------------------------------------------------

// A bijection of 64 bits in which every input bit changes every output bit with probability 1/2
// (Stafford's variant 13 of MurmurHash3's finalizer, as in SplitMix64).
constexpr uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// 64 uniform bits for each (key, counter...): SplitMix64's stream of that key, at any place.
constexpr uint64_t Hash(uint64_t key, uint64_t counter) {
  return Mix(key + (counter + 1) * 0x9e3779b97f4a7c15);
}
constexpr uint64_t Hash(uint64_t key, uint64_t first, uint64_t second) {
  return Hash(Hash(key, first), second);
}

// The key of a named part ("clock") of whatever `key` is the key of.
constexpr uint64_t DeriveKey(uint64_t key, std::string_view name) {
  uint64_t hash = Hash(key, name.size());
  for (const char c : name) hash = Hash(hash, static_cast<unsigned char>(c));
  return hash;
}

// 32 uniform bits for each (key, counter), in 32-bit steps that compilers turn into vectors.
constexpr uint32_t Hash32(uint64_t key, uint64_t counter) {
  uint32_t x = static_cast<uint32_t>(counter) ^ static_cast<uint32_t>(key);
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x ^= (static_cast<uint32_t>(counter >> 32) * 0x9e3779b9U) ^ static_cast<uint32_t>(key >> 32);
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

// ---- Division -------------------------------------------------------------------------------

// Divides any 64-bit number by a constant known only at run time, exactly, without a division.
class Reciprocal {
 public:
  Reciprocal() = default;
  explicit constexpr Reciprocal(uint64_t divisor)  // at least 1
      : divisor_(divisor), factor_(~uint64_t{0} / divisor) {}

  constexpr uint64_t divisor() const { return divisor_; }

  constexpr std::pair<uint64_t, uint64_t> DivideWithRest(uint64_t x) const {
    const uint64_t quotient = MultiplyHigh(x, factor_);  // right, or one too small
    const uint64_t rest = x - quotient * divisor_;
    const bool short_by_one = rest >= divisor_;
    return {quotient + (short_by_one ? 1 : 0), rest - (short_by_one ? divisor_ : 0)};
  }
  constexpr uint64_t Divide(uint64_t x) const { return DivideWithRest(x).first; }
  // The same where x < 2^64 / divisor, in half the time: with m = floor((2^64 - 1) / d) the error
  // of (x + 1) m / 2^64 against x / d lies between -(x + 1) / 2^64 and 1 / d.
  constexpr uint64_t DivideSmall(uint64_t x) const { return MultiplyHigh(x + 1, factor_); }
  constexpr uint64_t Rest(uint64_t x) const { return DivideWithRest(x).second; }

 private:
  uint64_t divisor_ = 1;
  uint64_t factor_ = ~uint64_t{0};
};

// The midpoints (i + 1/2) / n of [0, 1) as fractions of 2^64. Their spacing is never more than 1/n,
// so that for n up to 3 * 10^9 every interval of length 1/n or more within [0, 1) holds one.
class Grid {
 public:
  Grid() = default;
  explicit constexpr Grid(uint64_t n) : step_(~uint64_t{0} / std::max<uint64_t>(n, 1)) {}
  constexpr uint64_t Point(uint64_t i) const { return i * step_ + step_ / 2; }

 private:
  uint64_t step_ = ~uint64_t{0};
};

// ---- Permutations ---------------------------------------------------------------------------

// A keyed permutation of [0, n), computed for any point alone, in both directions; n below 2^62.
//
// A Feistel network over x = L b + R with b a power of two, a = ceil(n / b) and |a - b| small: L is
// in Z_a, R in Z_b, each round adds a hash of the one to the other; what lands in [n, a b), less
// than one point in a, walks the cycle on (Black and Rogaway, Ciphers with Arbitrary Finite
// Domains, 2002). Four rounds; six where so few points show the difference; below 64 points a
// shuffle.
class Permutation {
 public:
  Permutation() : Permutation(0, 0) {}
  Permutation(uint64_t n, uint64_t key) : n_(n) {
    if (n < kShuffled) {
      Shuffle(key);
      return;
    }
    shift_ = static_cast<int>(std::bit_width(n)) / 2;
    r_mask_ = (uint32_t{1} << shift_) - 1;
    l_size_ = static_cast<uint32_t>(((n - 1) >> shift_) + 1);
    kernel_ = n > uint64_t{1} << 32 ? Kernel::kWide4
              : n < kSixRounds      ? Kernel::kNarrow6
                                    : Kernel::kNarrow4;
    for (size_t i = 0; i < keys_.size(); ++i) keys_[i] = static_cast<uint32_t>(Hash(key, i) >> 32);
  }

  uint64_t size() const { return n_; }

  // x and y in [0, n).
  uint64_t Map(uint64_t x) const;
  uint64_t Unmap(uint64_t y) const;

  // The same for columns of equal length; they may be one and the same.
  void Map(std::span<const int64_t> x, std::span<int64_t> y) const {
    MapColumn(*this, x.data(), y.data(), x.size());
  }
  void Unmap(std::span<const int64_t> y, std::span<int64_t> x) const {
    UnmapColumn(*this, y.data(), x.data(), y.size());
  }
  // y[i] = Map(first + i).
  void MapRange(uint64_t first, std::span<int64_t> y) const {
    for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<int64_t>(first + i);
    Map(y, y);
  }

 private:
  static constexpr uint64_t kShuffled = 64;
  static constexpr uint64_t kSixRounds = 8192;
  enum class Kernel : uint8_t { kShuffle, kNarrow4, kNarrow6, kWide4 };

  // The key of each round and the sizes, as values that a loop keeps in registers.
  struct Rounds {
    uint64_t n;
    uint32_t l_size;
    uint32_t r_mask;
    int shift;
    std::array<uint32_t, 6> keys;

    // A round's hash; only its upper bits are used, and they depend on all of x.
    static uint32_t F(uint32_t x, uint32_t key) {
      uint32_t h = (x ^ key) * 0x7feb352dU;
      h = (h ^ (h >> 15)) * 0x846ca68bU;
      return h;
    }
    // Scales a hash to [0, l_size): from its upper 16 bits where that is fine enough (l_size <=
    // 2^16), since 32-bit products fill vectors and 64-bit ones do not.
    template <bool kWide>
    uint32_t ScaleL(uint32_t h) const {
      if constexpr (kWide) return static_cast<uint32_t>((uint64_t{h} * l_size) >> 32);
      return ((h >> 16) * l_size) >> 16;
    }
    uint32_t ScaleR(uint32_t h) const { return h >> (32 - shift); }

    template <int kRounds, bool kWide>
    uint64_t Forward(uint64_t x) const {
      auto l = static_cast<uint32_t>(x >> shift);
      uint32_t r = static_cast<uint32_t>(x) & r_mask;
      for (size_t i = 0; i < kRounds; i += 2) {
        r ^= ScaleR(F(l, keys[i]));
        l += ScaleL<kWide>(F(r, keys[i + 1]));
        l = std::min(l, l - l_size);  // l mod l_size: below it, the difference wraps round
      }
      return uint64_t{l} << shift | r;
    }
    template <int kRounds, bool kWide>
    uint64_t Backward(uint64_t y) const {
      auto l = static_cast<uint32_t>(y >> shift);
      uint32_t r = static_cast<uint32_t>(y) & r_mask;
      for (size_t i = kRounds; i > 0; i -= 2) {
        l -= ScaleL<kWide>(F(r, keys[i - 1]));
        l = std::min(l, l + l_size);
        r ^= ScaleR(F(l, keys[i - 2]));
      }
      return uint64_t{l} << shift | r;
    }
  };

  Rounds GetRounds() const { return {n_, l_size_, r_mask_, shift_, keys_}; }

  // Calls f.template operator()<rounds, wide>() for this permutation's kernel.
  template <class F>
  auto WithKernel(F&& f) const {
    switch (kernel_) {
      case Kernel::kNarrow6:
        return f.template operator()<6, false>();
      case Kernel::kNarrow4:
        return f.template operator()<4, false>();
      default:
        return f.template operator()<4, true>();
    }
  }

  THRONG_SIMD static void MapColumn(const Permutation& p, const int64_t* x, int64_t* y, size_t n);
  THRONG_SIMD static void UnmapColumn(const Permutation& p, const int64_t* y, int64_t* x, size_t n);

  // One pass that compilers turn into vectors, in pieces that are then mended where they left
  // [0, n): rare, so that the loop itself needs no walk.
  template <class Step>
  [[gnu::always_inline]] static void Walk(uint64_t n, const int64_t* from, int64_t* to, size_t size,
                                          Step step) {
    constexpr size_t kPiece = 128;
    for (size_t begin = 0; begin < size; begin += kPiece) {
      const size_t end = std::min(size, begin + kPiece);
      int64_t outside = 0;
      for (size_t i = begin; i < end; ++i) {
        to[i] = static_cast<int64_t>(step(static_cast<uint64_t>(from[i])));
        outside |= static_cast<int64_t>(n) - 1 - to[i];  // negative where to[i] >= n
      }
      if (outside >= 0) continue;
      for (size_t i = begin; i < end; ++i) {
        while (static_cast<uint64_t>(to[i]) >= n) {
          to[i] = static_cast<int64_t>(step(static_cast<uint64_t>(to[i])));
        }
      }
    }
  }

  void Shuffle(uint64_t key) {  // Fisher and Yates
    for (uint64_t i = 0; i < n_; ++i) table_[i] = static_cast<uint8_t>(i);
    for (uint64_t i = n_; i > 1; --i) {
      std::swap(table_[i - 1], table_[MultiplyHigh(Hash(key, i), i)]);
    }
    for (uint64_t i = 0; i < n_; ++i) inverse_[table_[i]] = static_cast<uint8_t>(i);
  }

  uint64_t n_ = 0;
  Kernel kernel_ = Kernel::kShuffle;
  int shift_ = 0;
  uint32_t l_size_ = 0;
  uint32_t r_mask_ = 0;
  std::array<uint32_t, 6> keys_{};
  std::array<uint8_t, kShuffled> table_{};
  std::array<uint8_t, kShuffled> inverse_{};
};

inline uint64_t Permutation::Map(uint64_t x) const {
  if (kernel_ == Kernel::kShuffle) return table_[x];
  return WithKernel([&]<int kRounds, bool kWide>() {
    const Rounds rounds = GetRounds();
    do {
      x = rounds.Forward<kRounds, kWide>(x);
    } while (x >= n_);
    return x;
  });
}

inline uint64_t Permutation::Unmap(uint64_t y) const {
  if (kernel_ == Kernel::kShuffle) return inverse_[y];
  return WithKernel([&]<int kRounds, bool kWide>() {
    const Rounds rounds = GetRounds();
    do {
      y = rounds.Backward<kRounds, kWide>(y);
    } while (y >= n_);
    return y;
  });
}

inline void Permutation::MapColumn(const Permutation& p, const int64_t* x, int64_t* y, size_t n) {
  if (p.kernel_ == Kernel::kShuffle) {
    for (size_t i = 0; i < n; ++i) y[i] = p.table_[static_cast<size_t>(x[i])];
    return;
  }
  const Rounds rounds = p.GetRounds();
  p.WithKernel([&]<int kRounds, bool kWide>() {
    Walk(rounds.n, x, y, n, [rounds](uint64_t v) { return rounds.Forward<kRounds, kWide>(v); });
  });
}

inline void Permutation::UnmapColumn(const Permutation& p, const int64_t* y, int64_t* x, size_t n) {
  if (p.kernel_ == Kernel::kShuffle) {
    for (size_t i = 0; i < n; ++i) x[i] = p.inverse_[static_cast<size_t>(y[i])];
    return;
  }
  const Rounds rounds = p.GetRounds();
  p.WithKernel([&]<int kRounds, bool kWide>() {
    Walk(rounds.n, y, x, n, [rounds](uint64_t v) { return rounds.Backward<kRounds, kWide>(v); });
  });
}

// ---- Curves ---------------------------------------------------------------------------------

// A non-decreasing function of [0, 1) into [0, 1), planned once and rounded: 4096 pieces, linear
// between knots of 32 bits. Arguments and values are fractions of 2^64.
class Curve {
 public:
  static constexpr size_t kPieces = 4096;

  Curve() = default;
  template <class F>
  explicit Curve(const F& f) : knots_(kPieces + 1) {  // f: double in [0, 1] -> double in [0, 1]
    uint32_t least = 0;
    for (size_t i = 0; i <= kPieces; ++i) {
      const double y = std::clamp(f(static_cast<double>(i) / kPieces), 0.0, 1.0);
      least = std::max(least, static_cast<uint32_t>(std::llround(y * 4294967295.0)));
      knots_[i] = least;
    }
  }

  uint64_t operator()(uint64_t x) const {
    const size_t piece = x >> 52;
    const uint64_t y = knots_[piece];
    return (y << 32) + (knots_[piece + 1] - y) * ((x >> 20) & 0xffffffff);
  }

  // The largest slope: an interval of length d of values is reached from one of length d / slope.
  double MaxSlope() const {
    uint32_t rise = 0;
    for (size_t i = 0; i < kPieces; ++i) rise = std::max(rise, knots_[i + 1] - knots_[i]);
    return static_cast<double>(rise) * kPieces / 4294967296.0;
  }

  std::span<const uint32_t> knots() const { return knots_; }

 private:
  std::vector<uint32_t> knots_;
};

}  // namespace throng

#endif  // THRONG_RANDOM_HPP_
