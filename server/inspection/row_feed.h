// Rows, found or made, on their way into the counts: ids become numbers, and what a known spec says
// of users, items and rows is put beside them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "server/dataset/generator.h"
#include "server/dataset/plan.h"
#include "server/inspection/found_rows.h"
#include "server/inspection/row_counts.h"
#include "server/inspection/time_counts.h"

namespace throng {

// Rows as a plan's generator makes them.
struct MadeRows {
  std::vector<int64_t> user;  // numbers, from 1
  std::vector<int64_t> item;  // likewise
  std::vector<int32_t> rating;
  std::vector<int64_t> time;
  std::vector<uint8_t> kind;
  std::vector<int64_t> session;  // by FillSessionIds; empty: there are none

  // The first n rows of `columns`, which begin with `first_row`.
  void Take(const Plan& plan, const Columns& columns, int64_t first_row, size_t n);
};

class RowFeed {
 public:
  // The plan of the spec that rows were made from, if it is known, outlives this.
  explicit RowFeed(const Plan* plan);

  // Adds rows in the order in which they were found.
  absl::Status Take(const FoundRows& rows);
  void Take(const MadeRows& rows);

  RowCounts& counts() { return counts_; }
  TimeCounts& times() { return times_; }

 private:
  void Resize(size_t rows);
  // What the world knows of a member that is new.
  void MeetUser(uint32_t user, const throng_bytes* cluster);
  void MeetItem(uint32_t item, const throng_bytes* category);
  // The kinds of rows that are those of the plan, from its first on; else none of any more.
  absl::Status FindKinds();
  void Count(bool has_kinds, bool has_sessions);

  const Plan* plan_;
  RowCounts counts_;
  TimeCounts times_;
  std::vector<uint16_t> world_clusters_;    // labels, by the world's index
  std::vector<uint16_t> world_categories_;  // likewise
  std::vector<uint16_t> plan_kinds_;        // likewise
  std::vector<int64_t> user_ranks_;         // by index; -1: not of the world
  std::vector<int64_t> item_ranks_;
  std::unique_ptr<Generator> generator_;  // null: kinds are not looked for
  std::unique_ptr<Columns> made_;
  // The rows at hand.
  std::vector<uint32_t> user_, item_;
  std::vector<int32_t> rating_;
  std::vector<int64_t> time_, session_;
  std::vector<uint16_t> kind_;
};

}  // namespace throng
