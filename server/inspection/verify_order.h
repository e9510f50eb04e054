// Whether rows lie where they must, and how far from it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include "server/inspection/verify_matcher.h"
#include "throng/v1/verification.pb.h"

namespace throng {

// Within a file or a partition rows must rise. Out of order are those that would have to be moved,
// as few as will do.
class OrderCheck {
 public:
  // `writer`: rows of several writers, each in order, may be mixed.
  void Add(const FoundRow& found, int64_t row, uint64_t writer = 0) {
    rows_[writer << 32 | found.piece].push_back({found, row});
  }
  // Looks at what was added since. Rows for which `belongs` does not hold are out of place anyway.
  void Check(const std::function<bool(int64_t row)>& belongs, RowMatcher* matcher);
  // The last row that was in order in the piece; -1: none.
  int64_t LastOf(uint32_t piece) const {
    const auto found = last_.find(piece);
    return found == last_.end() ? -1 : found->second;
  }
  // Rows up to this one have passed in the piece.
  void Pass(uint32_t piece, int64_t row) { last_[piece] = row; }

 private:
  struct Placed {
    FoundRow found;
    int64_t row;
  };
  std::map<uint64_t, std::vector<Placed>> rows_;  // by writer and piece
  std::unordered_map<uint64_t, int64_t> last_;
};

// How late rows come, by piece.
class LatenessMeter {
 public:
  void Add(const FoundRow& found, int64_t row, int64_t time);
  void AddTo(v1::Verification* verification) const;

 private:
  // Counts of values; those from 4096 on to about one in 2000.
  class Histogram {
   public:
    void Add(int64_t value);
    // The least value that at least this share of all are not above.
    int64_t Quantile(double share) const;
    bool empty() const { return count_ == 0; }
    int64_t most() const { return most_; }

   private:
    std::map<int64_t, int64_t> counts_;
    int64_t count_ = 0;
    int64_t most_ = INT64_MIN;
  };
  struct Furthest {
    int64_t row = -1;
    int64_t time = INT64_MIN;
  };
  std::unordered_map<uint32_t, Furthest> furthest_;
  Histogram rows_, event_ms_, message_ms_;
};

}  // namespace throng
