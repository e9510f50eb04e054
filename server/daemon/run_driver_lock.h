// The lock of a RunDriver: for its own files.
#pragma once

#include <mutex>
#include <utility>

#include "server/daemon/run_driver.h"

namespace throng {

// Lines that were noted under it are written once it is let go: nobody waits for a disk.
class RunDriver::Lock {
 public:
  explicit Lock(RunDriver* driver) : driver_(driver) { lock(); }
  ~Lock() {
    if (is_locked_) unlock();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  // NOLINTBEGIN(readability-identifier-naming): as condition variables call them
  void lock() {
    driver_->mutex_.lock();
    is_locked_ = true;
  }
  void unlock() {
    const auto lines = std::exchange(driver_->lines_, {});
    is_locked_ = false;
    driver_->mutex_.unlock();
    for (const auto& [log, line] : lines) log->Append(line);
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  RunDriver* const driver_;
  bool is_locked_ = false;
};

}  // namespace throng
