// A column of a table as Parquet has it, and its values in Parquet's plain encoding.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/column_type.h"
#include "plugins/formats/parquet/layout.h"
#include "plugins/formats/parquet/thrift.h"
#include "throng/plugin.h"
#include "throng/text.hpp"

namespace throng::plugins {

// How ratings and times are typed.
enum class RatingType { kDouble, kDecimal };
enum class TimeUnit { kMillis, kMicros };

// Each value of a column has an int64 that stands for it: of an id with text its number, of a label
// its index, of a double its bits, of a decimal its hundredths.
class ParquetColumn {
 public:
  ParquetColumn(const throng_column& column, RatingType ratings, TimeUnit times);

  ColumnType type() const { return type_; }
  ParquetType stored_type() const { return stored_; }
  const std::string& name() const { return name_; }
  bool is_optional() const { return is_optional_; }

  // Takes the values that are there out of an array of the column's type. `levels`: of each row
  // whether there is one; empty if all are. The span lies in the array or in `room`.
  std::span<const int64_t> Gather(const void* values, size_t rows, std::vector<int64_t>* room,
                                  std::vector<uint32_t>* levels) const;

  size_t PlainRoom(size_t count) const { return count * most_bytes_ + kTextSlack; }
  char* WritePlain(std::span<const int64_t> values, char* p) const;

  // The least and the greatest in the plain encoding, a text without its size.
  struct Bounds {
    std::string least;
    std::string greatest;
  };
  // Of values of which one is there; nothing where it is not worth the time.
  std::optional<Bounds> BoundsOf(std::span<const int64_t> values) const;

  // Writes its struct SchemaElement.
  void WriteSchema(ThriftWriter* out) const;

 private:
  void SetStored(RatingType ratings, TimeUnit times);
  bool IsText() const { return stored_ == ParquetType::kBytes; }
  char* WriteText(int64_t value, char* p) const;
  std::string Text(int64_t value) const;
  Bounds BoundsOfTexts(std::span<const int64_t> values) const;

  ColumnType type_;
  ParquetType stored_ = ParquetType::kInt64;
  bool is_optional_;
  bool is_checked_;  // for absence
  bool is_decimal_ = false;
  int64_t factor_ = 1;  // of times
  std::string name_;
  FixedText prefix_;  // of an id
  std::vector<std::string> labels_;
  int64_t id_first_;
  uint64_t id_key_;
  size_t most_bytes_ = sizeof(int64_t);  // of a plain value
};

}  // namespace throng::plugins
