// What the checks put in the place of all the other plugins: a small world, plausible columns for a
// behaviour to read, tables for a format to encode.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/dataset/generator.h"
#include "server/dataset/world.h"
#include "server/host/catalogue.h"
#include "throng/plugin.h"

namespace throng {

class StandInDataset {
 public:
  // 500 users of whom 400 are active, 1000 items of which 950 are touched, six clusters and five
  // categories as in the seed job; an epoch is no multiple of any batch or block.
  StandInDataset();
  // One user, two items of which one is popular, and one row an epoch.
  static std::unique_ptr<StandInDataset> Smallest();
  // The usual world, and an epoch of about 10^11 rows.
  static std::unique_ptr<StandInDataset> Large();
  StandInDataset(const StandInDataset&) = delete;
  StandInDataset& operator=(const StandInDataset&) = delete;

  int64_t plan_size() const { return plan_size_; }
  const throng_world& world() const { return *world_->abi(); }
  // For a behaviour of `role`; ratings meet three kinds. Valid while this lives.
  throng_dataset For(Role role) const;
  const std::vector<const throng_kind*>& kinds() const { return kind_pointers_; }

  // Fills the columns that a behaviour of `role` finds filled.
  void FillBefore(Role role, const throng_batch& batch) const;

 private:
  StandInDataset(int64_t plan_size, std::unique_ptr<World> world);

  int64_t plan_size_;
  std::unique_ptr<World> world_;
  std::vector<throng_kind> kinds_;
  std::vector<const throng_kind*> kind_pointers_;
};

// Rows of a table of interactions as formats meet them.
class StandInTable {
 public:
  // `is_wide`: with columns of all types beside the table's own four.
  StandInTable(int64_t rows, bool is_wide);
  StandInTable(const StandInTable&) = delete;
  StandInTable& operator=(const StandInTable&) = delete;

  int64_t rows() const { return rows_; }
  // The whole table as an output; valid while this lives.
  throng_destination Destination(uint32_t mode) const;
  // The columns from row `first` on.
  std::vector<const void*> ColumnsAt(int64_t first) const;

 private:
  int64_t rows_;
  std::vector<int64_t> user_, item_, time_, row_;
  std::vector<int32_t> rating_, kind_;
  std::vector<uint8_t> popular_;
  std::vector<double> expected_;
  std::vector<throng_column> columns_;
  std::vector<const throng_column*> column_pointers_;
  throng_schema schema_{};
};

}  // namespace throng
