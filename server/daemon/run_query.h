// Which runs a list shows, in which order, and where its next page begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "throng/v1/run_service.pb.h"

namespace throng {

class RunQuery {
 public:
  // INVALID_ARGUMENT about `filter`, `order_by`, `page_size` or `page_token`.
  static absl::StatusOr<RunQuery> Parse(const v1::ListRunsRequest& request);

  size_t page_size() const { return page_size_; }
  bool IsByName() const { return order_ == Order::kName && !is_descending_; }
  // Whether the filter lets it through, and it is not of a page before.
  bool Takes(const v1::Run& run) const;
  bool IsBefore(const v1::Run& one, const v1::Run& other) const;
  // The page_token of the page behind `last`; for this filter and order only.
  std::string TokenAfter(const v1::Run& last) const;

 private:
  enum class Order { kName, kCreateTime, kUpdateTime };
  // What one condition compares.
  enum class Field { kState, kTargetState, kLabel };
  struct Condition {
    Field field = Field::kLabel;
    std::string label;                 // its key
    bool is_negated = false;           // !=
    std::optional<std::string> value;  // nothing: any, of a label
    int number = 0;                    // of an enum's value
  };
  class Words;
  using Key = std::pair<int64_t, std::string>;  // of the order, then the name

  absl::Status ParseFilter(std::string_view filter);
  absl::Status ParseCondition(Words* words);
  absl::Status ParseOrder(std::string_view order_by);
  absl::Status ParseToken(std::string_view token);
  static bool Holds(const Condition& condition, const v1::Run& run);
  Key KeyOf(const v1::Run& run) const;
  bool IsKeyBefore(const Key& one, const Key& other) const;

  size_t page_size_ = 0;
  std::vector<Condition> conditions_;
  Order order_ = Order::kName;
  bool is_descending_ = false;
  std::string digest_;        // of filter and order
  std::optional<Key> after_;  // the last of the page before
};

}  // namespace throng
