// A behaviour under check: an instance in the stand-in dataset, and what it writes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/conformance/check.h"
#include "server/conformance/lent.h"
#include "server/conformance/stand_in.h"
#include "server/dataset/generator.h"
#include "server/dataset/segments.h"
#include "server/host/behaviours.h"

namespace throng {

enum ColumnBit : unsigned {
  kPlaceBit = 1,
  kUserBit = 2,
  kUserRowBit = 4,
  kUserRowsBit = 8,
  kRunRowBit = 16,
  kRunRowsBit = 32,
  kTimeBit = 64,
  kItemBit = 128,
  kKindBit = 256,
  kKindRowBit = 512,
  kRatingBit = 1024
};

// Calls `visit(bit, name, column of a, the same column of b)` for each column.
template <class Visit>
void ForEachColumn(const Columns& a, Columns& b, Visit&& visit) {
  visit(kPlaceBit, "place", a.place, b.place);
  visit(kUserBit, "user", a.user, b.user);
  visit(kUserRowBit, "user_row", a.user_row, b.user_row);
  visit(kUserRowsBit, "user_rows", a.user_rows, b.user_rows);
  visit(kRunRowBit, "run_row", a.run_row, b.run_row);
  visit(kRunRowsBit, "run_rows", a.run_rows, b.run_rows);
  visit(kTimeBit, "time", a.time, b.time);
  visit(kItemBit, "item", a.item, b.item);
  visit(kKindBit, "kind", a.kind, b.kind);
  visit(kKindRowBit, "kind_row", a.kind_row, b.kind_row);
  visit(kRatingBit, "rating", a.rating, b.rating);
}

class BehaviourTrial {
 public:
  // What columns hold before anybody fills them.
  static constexpr uint8_t kPoison = 0xa5;
  static constexpr uint8_t kOtherPoison = 0x5a;
  static constexpr int64_t kEpochs = 2;
  static constexpr int64_t kFarEpoch = 1000;  // rows of this one may be filled too
  using Batch = std::pair<int64_t, int64_t>;  // first row of the dataset, and how many

  // `options` go over those that were given. The dataset outlives the trial.
  static absl::StatusOr<std::unique_ptr<BehaviourTrial>> Create(
      const CheckContext& context, const StandInDataset& dataset,
      const std::map<std::string, std::string>& options = {});
  ~BehaviourTrial();
  BehaviourTrial(const BehaviourTrial&) = delete;
  BehaviourTrial& operator=(const BehaviourTrial&) = delete;

  PluginBehaviour& behaviour() const { return *behaviour_; }
  // Whether it is given whole blocks, whatever batches are asked for.
  bool HasBlocks() const { return block_rows_ > 0; }
  int64_t plan_size() const { return dataset_.plan_size(); }
  const std::vector<KindRows>& kinds() const { return kinds_; }
  int64_t rows() const { return kEpochs * dataset_.plan_size(); }
  // Bits of the columns that the behaviour fills.
  unsigned Own() const;

  // Columns for all rows of the dataset.
  std::unique_ptr<Columns> MakeColumns() const;

  // All rows in batches of up to `batch_rows` rows, or of a block each.
  std::vector<Batch> Batches(int64_t batch_rows) const;
  // Likewise those that hold rows [begin, end) of an epoch.
  std::vector<Batch> BatchesOf(int64_t epoch, int64_t begin, int64_t end, int64_t batch_rows) const;

  // Fills `rows` rows from `first` on, all of one epoch, and copies them to where they belong in
  // `all`. Before it, everything that nobody has filled is `poison`.
  // `all` begins with row `base` of the dataset.
  absl::Status Fill(int64_t first, int64_t rows, uint8_t poison, Columns* all, int64_t base = 0);
  absl::Status FillAll(int64_t batch_rows, uint8_t poison, Columns* all);

  // From now on these further columns are asked for, which MakeColumns then has, in this order.
  void AskFor(std::vector<FurtherColumn> columns) { asked_ = std::move(columns); }
  // Shows it rows with all columns filled.
  absl::Status Learn(int64_t first, int64_t rows);

  // As Fill, and says what it wrote that is not its own.
  absl::Status FillGuarded(int64_t first, int64_t rows);

 private:
  BehaviourTrial(Role role, const StandInDataset& dataset, OptionValues options);
  // Asks it how its rows are cut.
  absl::Status TakeSegments();
  void Prepare(int64_t first, int64_t rows, uint8_t poison);

  const Role role_;
  const StandInDataset& dataset_;
  const OptionValues options_;
  LentMemory lent_for_life_;
  std::unique_ptr<PluginBehaviour> behaviour_;
  bool is_lending_ = false;
  int64_t block_rows_ = 0;
  bool sorts_ = false;
  std::map<int64_t, Segments> segments_;  // by epoch
  std::vector<KindRows> kinds_;
  std::vector<FurtherColumn> asked_;
  void* extra_[kMostFurtherColumns] = {};
  std::optional<Columns> cells_;  // a batch, with guard rows on either side
  throng_batch batch_{};
};

// The first row at which own columns differ from what they are in order and in batches of 4096;
// both begin with row `first`. `how` says how `found` was made.
absl::Status CompareOwn(const BehaviourTrial& trial, const Columns& expected, Columns& found,
                        int64_t first, std::string_view how);

// A line for each own column.
std::string OwnDigest(const BehaviourTrial& trial, Columns& rows);

}  // namespace throng
