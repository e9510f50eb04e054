// The table that an output writes: its columns as a schema for formats, and how they are filled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/generator.h"
#include "server/dataset/plan.h"
#include "server/spec/problem.h"
#include "throng/plugin.h"
#include "throng/v1/spec.pb.h"

namespace throng {

// Where a column's values come from.
enum class ColumnSource {
  kUserId,
  kItemId,
  kRating,
  kTimestamp,
  kRow,
  kKind,
  kCluster,
  kCategory,
  kSessionId,
  kSessionRow,
  kActivityRank,
  kPopular,
  kAgeBand,
  kRegion,
  kBrand,
  kPrice,
  kFurther  // a behaviour
};

class Table {
 public:
  // The spec is valid, and the plan has its further columns; it outlives this.
  Table(const v1::OutputSpec& spec, const Plan& plan);
  // Adds each column that the plan's behaviours do not have. `field`: the output's, "outputs[0]".
  static void Check(const v1::OutputSpec& spec, const Plan& plan, const std::string& field,
                    Problems* problems);
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const Plan& plan() const { return plan_; }
  const throng_schema& schema() const { return schema_; }
  const std::vector<ColumnSource>& sources() const { return sources_; }
  // Of a column that is a further one: which of further().
  size_t further_of(size_t column) const { return further_of_[column]; }
  v1::Table kind() const { return kind_; }
  bool IsInteractions() const { return kind_ == v1::TABLE_INTERACTIONS; }
  // The column that becomes a message's key; -1: none.
  int32_t key_column() const { return key_column_; }
  // Whether no two of its rows have the same.
  bool HasUniqueKeys() const;
  // Rows of the whole table, or Slice::kEndless.
  int64_t rows() const;
  // The further columns among its own, each once.
  const std::vector<FurtherColumn>& further() const { return blocks_->further(); }
  // Where its threads find blocks that another of them filled.
  const std::shared_ptr<BlockCache>& blocks() const { return blocks_; }

 private:
  const Plan& plan_;
  const std::shared_ptr<BlockCache> blocks_;
  v1::Table kind_;
  int32_t key_column_ = -1;
  std::vector<ColumnSource> sources_;
  std::vector<size_t> further_of_;  // by column
  std::vector<std::string> names_;
  std::vector<const char*> cluster_labels_;
  std::vector<const char*> category_labels_;
  std::vector<const char*> kind_labels_;
  std::vector<const char*> brand_labels_;
  std::vector<std::vector<const char*>> further_labels_;
  std::vector<throng_column> columns_;
  std::vector<const throng_column*> column_pointers_;
  throng_schema schema_{};
};

// A column that outputs of a plan may have.
struct KnownColumn {
  v1::Table table = v1::TABLE_UNSPECIFIED;
  std::string name;       // as "choice.niche" of a behaviour
  std::string_view type;  // as "label"
  std::string doc;        // one sentence
  bool is_extra = false;
};

// All of them, table by table.
std::vector<KnownColumn> KnownColumns(const Plan& plan);

// One thread's columns of a table.
class TableRows {
 public:
  // Room for `capacity` rows. The table outlives this.
  static absl::StatusOr<std::unique_ptr<TableRows>> Create(const Table& table, size_t capacity);

  // Fills the first `rows` places with the table's rows from `first` on.
  absl::Status Fill(int64_t first, uint32_t rows);

  // An array for each column of the schema.
  const void* const* columns() const { return column_arrays_.data(); }
  // Interactions only: the columns behind them.
  const Columns& interactions() const { return columns_; }

 private:
  TableRows(const Table& table, size_t capacity);
  absl::Status FillInteractions(int64_t first, size_t rows, size_t offset);
  absl::Status FillFurther(size_t rows);
  void FillUsers(int64_t first, size_t rows);
  void FillItems(int64_t first, size_t rows);

  const Table& table_;
  const throng_world& world_;
  std::unique_ptr<Generator> generator_;
  Columns columns_;
  std::vector<int64_t> user_number_;
  std::vector<int64_t> item_number_;
  std::vector<int64_t> session_id_;
  std::vector<int64_t> row_;  // also a user's activity rank, from 1
  std::vector<int64_t> rank_;
  std::vector<int32_t> cluster_;
  std::vector<int32_t> category_;
  std::vector<int32_t> kind_;
  std::vector<uint8_t> popular_;
  std::vector<int32_t> age_band_;
  std::vector<int32_t> region_;
  std::vector<int32_t> brand_;
  std::vector<double> price_;
  std::vector<const void*> column_arrays_;
};

}  // namespace throng
