// What may change while a run delivers: how fast it does, and on how many threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

#include "throng/v1/spec.pb.h"

namespace throng {

// Any thread.
class Tuning {
 public:
  struct Values {
    v1::Pace pace;                 // of each output
    int64_t profile_start_ms = 0;  // since 1970 UTC: when the pace's profile began
    int threads = 1;               // of each output
  };

  void Set(Values values) {
    const std::lock_guard lock(mutex_);
    values_ = std::move(values);
    ++version_;
  }
  Values Get() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }
  // Another one after each Set.
  uint64_t version() const { return version_; }

 private:
  mutable std::mutex mutex_;
  Values values_;
  std::atomic<uint64_t> version_ = 0;
};

}  // namespace throng
