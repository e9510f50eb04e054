#include "server/delivery/commit_size.h"

#include <algorithm>
#include <bit>

namespace throng {
namespace {

constexpr int64_t kFirstRows = 1024;
constexpr int64_t kLeastRows = 64;
constexpr int64_t kMostRows = int64_t{1} << 26;  // beyond which time alone decides
constexpr int64_t kStep = 16;

// Powers of two, as units of a walk are cut from each other.
int64_t Fewer(int64_t rows) {
  return std::max(kLeastRows,
                  static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(rows / 4))));
}

}  // namespace

CommitSize::CommitSize(std::chrono::milliseconds limit)
    : limit_(limit), rows_(limit.count() > 0 ? kFirstRows : 0) {}

void CommitSize::Committed(int64_t rows, std::chrono::nanoseconds took) {
  if (limit_.count() == 0) return;
  if (took > limit_ / 2) {
    rows_ = Fewer(rows);
  } else if (took < limit_ / kStep && rows_ > 0 && rows >= rows_ / 2) {
    rows_ = rows_ < kMostRows / kStep ? rows_ * kStep : 0;
  }
}

void CommitSize::Aborted(int64_t rows) {
  if (limit_.count() > 0 && rows > 0) rows_ = Fewer(rows);
}

}  // namespace throng
