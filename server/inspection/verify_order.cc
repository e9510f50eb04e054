#include "server/inspection/verify_order.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace throng {

void OrderCheck::Check(const std::function<bool(int64_t row)>& belongs, RowMatcher* matcher) {
  for (auto& [piece, placed] : rows_) {
    const auto known = last_.find(piece);
    const int64_t last = known == last_.end() ? -1 : known->second;
    // The longest rising sequence: of each length the one that ends lowest.
    constexpr size_t kNone = SIZE_MAX;
    std::vector<size_t> ends;
    std::vector<size_t> before(placed.size(), kNone);
    std::vector<bool> stays(placed.size());
    for (size_t i = 0; i < placed.size(); ++i) {
      const int64_t row = placed[i].row;
      if (row <= last || (belongs && !belongs(row))) continue;
      const auto at =
          std::lower_bound(ends.begin(), ends.end(), row,
                           [&in = placed](size_t end, int64_t r) { return in[end].row < r; });
      if (at != ends.begin()) before[i] = *(at - 1);
      if (at == ends.end()) {
        ends.push_back(i);
      } else {
        *at = i;
      }
    }
    for (size_t i = ends.empty() ? kNone : ends.back(); i != kNone; i = before[i]) stays[i] = true;
    if (!ends.empty()) last_[piece] = placed[ends.back()].row;
    for (size_t i = 0; i < placed.size(); ++i) {
      if (!stays[i]) matcher->Moved(placed[i].found, placed[i].row);
    }
    placed.clear();
  }
}

void LatenessMeter::Histogram::Add(int64_t value) {
  constexpr int kExactBits = 12;
  ++count_;
  most_ = std::max(most_, value);
  const auto magnitude = static_cast<uint64_t>(value < 0 ? -value : value);
  const int drop = std::max(0, static_cast<int>(std::bit_width(magnitude)) - kExactBits);
  const auto rounded = static_cast<int64_t>(magnitude >> drop << drop);
  ++counts_[value < 0 ? -rounded : rounded];
}

int64_t LatenessMeter::Histogram::Quantile(double share) const {
  const auto wanted = static_cast<int64_t>(std::ceil(share * static_cast<double>(count_)));
  int64_t below = 0;
  for (const auto& [value, count] : counts_) {
    below += count;
    if (below >= wanted) return value;
  }
  return most_;
}

void LatenessMeter::Add(const FoundRow& found, int64_t row, int64_t time) {
  Furthest& furthest = furthest_[found.piece];
  rows_.Add(std::max<int64_t>(0, furthest.row - row));
  event_ms_.Add(furthest.row < 0 ? 0 : std::max<int64_t>(0, furthest.time - time));
  if (found.message_time != kNotThere) message_ms_.Add(found.message_time - time);
  furthest.row = std::max(furthest.row, row);
  furthest.time = std::max(furthest.time, time);
}

void LatenessMeter::AddTo(v1::Verification* verification) const {
  const auto add = [](const Histogram& histogram, auto* values) {
    if (histogram.empty()) return;
    for (const double share : {0.5, 0.9, 0.99}) values->Add(histogram.Quantile(share));
    values->Add(histogram.most());
  };
  v1::Lateness* lateness = verification->mutable_lateness();
  add(rows_, lateness->mutable_rows());
  add(event_ms_, lateness->mutable_event_ms());
  add(message_ms_, lateness->mutable_message_ms());
}

}  // namespace throng
