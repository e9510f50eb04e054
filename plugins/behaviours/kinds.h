// Rows of a batch, kind by kind: behaviours whose tables depend on the kind then run one tight loop
// for each.
#ifndef THRONG_BEHAVIOURS_KINDS_H_
#define THRONG_BEHAVIOURS_KINDS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace throng {

class RowsByKind {
 public:
  explicit RowsByKind(size_t kinds) : first_(kinds + 1) {}

  // kind[i] is below the number of kinds.
  void Sort(std::span<const uint8_t> kind) {
    const size_t kinds = first_.size() - 1;
    rows_.resize(kind.size());
    if (kinds <= kFew) {
      // A pass for each writes every row and moves on only past those of the kind: no branch.
      rows_.resize(kind.size() + 1);
      size_t at = 0;
      for (size_t k = 0; k < kinds; ++k) {
        first_[k] = at;
        for (size_t i = 0; i < kind.size(); ++i) {
          rows_[at] = static_cast<uint32_t>(i);
          at += static_cast<size_t>(kind[i] == k);
        }
      }
      first_[kinds] = at;
      return;
    }
    std::fill(first_.begin(), first_.end(), size_t{0});
    for (const uint8_t k : kind) ++first_[k + size_t{1}];
    for (size_t k = 0; k < kinds; ++k) first_[k + 1] += first_[k];
    next_ = first_;
    for (size_t i = 0; i < kind.size(); ++i) rows_[next_[kind[i]]++] = static_cast<uint32_t>(i);
  }

  std::span<const uint32_t> Of(size_t kind) const {
    return std::span(rows_).subspan(first_[kind], first_[kind + 1] - first_[kind]);
  }

 private:
  static constexpr size_t kFew = 4;

  std::vector<size_t> first_;
  std::vector<size_t> next_;
  std::vector<uint32_t> rows_;
};

}  // namespace throng

#endif  // THRONG_BEHAVIOURS_KINDS_H_
