/* The randomness of behaviours for C, and for whoever writes it down in another language;
 * random.hpp has the same and more for C++. */
#ifndef THRONG_HASH_H_
#define THRONG_HASH_H_

#include <stdint.h>

/* 64 uniform bits for each (key, counter): SplitMix64's stream of that key, at any place. All sums
 * and products are modulo 2^64.
 *   throng_hash(0, 0)         = 0xe220a8397b1dcdaf
 *   throng_hash(42, 7)        = 0xccf635ee9e9e2fa4
 *   throng_hash(2^64 - 1, 2^64 - 1) = 0xb4d055fcf2cbbd7b
 * For more than one counter: throng_hash(throng_hash(key, first), second). */
static inline uint64_t throng_hash(uint64_t key, uint64_t counter) {
  uint64_t x = key + (counter + 1) * UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

#endif /* THRONG_HASH_H_ */
