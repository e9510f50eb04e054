// The pieces of one output, verified together.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/delivery/encoder.h"
#include "server/inspection/inspection.h"
#include "server/inspection/verify_expectation.h"
#include "server/inspection/verify_findings.h"
#include "server/inspection/verify_matcher.h"
#include "server/inspection/verify_order.h"
#include "server/inspection/verify_side_table.h"

namespace throng {

class VerifyOutput {
 public:
  // Adds what a piece of it must hold. Of one output all have the same output_key.
  void Add(Expectation expectation) { expected_.push_back(std::move(expectation)); }
  const std::vector<Expectation>& expected() const { return expected_; }
  // Whether all of the output is looked for, and not only what its pieces must hold.
  void LookForAll() { is_whole_ = true; }

  // Once all is added: says which slices and parts are missing, and makes what is compared with.
  absl::Status Begin(ExpectationMaker* maker, const Inspection& inspection, int threads);
  // nullptr: its rows are none of interactions.
  RowMatcher* matcher() { return matcher_.get(); }
  // nullptr: it is none in a topic.
  SideTableCheck* side_table() { return side_table_.get(); }
  OrderCheck* order() { return &order_; }
  Findings* findings() { return &findings_; }
  // Of a side table in a file, whose rows are only counted.
  void CountFound(int64_t rows) { found_rows_ += rows; }
  absl::Status Finish(v1::Verification* verification);

 private:
  // The rows that are looked for, and pieces that are not there.
  absl::StatusOr<WantedRows> Wanted(ExpectationMaker* maker);
  void Miss(const Expectation& like, int32_t slice, int64_t part, int64_t first, int64_t rows);
  uint64_t WriterOf(int64_t row) const;
  bool HasPiece(int32_t slice, int64_t part) const;

  std::vector<Expectation> expected_;
  bool is_whole_ = false;
  Findings findings_;
  OrderCheck order_;
  Encoding messages_;
  std::unique_ptr<RowMatcher> matcher_;
  std::unique_ptr<SideTableCheck> side_table_;
  int64_t expected_rows_ = 0;
  int64_t found_rows_ = 0;
  bool is_open_ = false;
};

}  // namespace throng
