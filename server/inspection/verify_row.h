// Rows as verification compares them: each value as a number, whatever it was written as.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/dataset/id_text.h"
#include "server/dataset/plan.h"
#include "server/inspection/found_rows.h"

namespace throng {

// By FoundColumn: the number of an id from 0, hundredths of a star, ms, the index of a label.
using RowValues = std::array<int64_t, kFoundColumns>;
using ColumnSet = std::array<bool, kFoundColumns>;

inline constexpr int64_t kNotThere = INT64_MIN;        // the data have no such column
inline constexpr int64_t kAbsent = INT64_MIN + 1;      // no value
inline constexpr int64_t kUnreadable = INT64_MIN + 2;  // a text that is none of this dataset

inline bool IsValue(int64_t value) { return value > kUnreadable; }
inline int64_t ValueOf(const RowValues& values, FoundColumn column) {
  return values[static_cast<size_t>(column)];
}

// A time as it may have been written: in whole seconds, or with its milliseconds.
inline bool IsSameTime(int64_t expected, int64_t found) {
  if (expected == found) return true;
  return found % 1000 == 0 && expected >= found && expected - found < 1000;
}

// A row that was found.
struct FoundRow {
  RowValues values;
  uint64_t record_hash = 0;  // of a message's key and value
  int64_t offset = 0;
  int64_t message_time = 0;  // kNotThere: none
  uint32_t piece = 0;
  std::shared_ptr<const std::string> unreadable;  // the text of the first value that is so
};

// A value as it was found, in the type of its column.
struct FoundValue {
  bool is_there = false;
  throng_bytes text{};
  double real = 0;
  int64_t number = 0;
};

// Values as numbers and as text, of one dataset.
class RowText {
 public:
  // The plan outlives this.
  explicit RowText(const Plan& plan);
  // Row `i` of what was read.
  FoundRow RowOf(const FoundRows& rows, size_t i) const;
  // The row whose values `get(column)` are, without a place.
  template <class Get>
  FoundRow RowOf(Get&& get) const {
    FoundRow row;
    for (size_t c = 0; c < kFoundColumns; ++c)
      Put(static_cast<FoundColumn>(c), get(static_cast<FoundColumn>(c)), &row);
    return row;
  }

  std::string ToText(FoundColumn column, int64_t value) const;
  // Those columns of a row that are there, with commas.
  std::string ToText(const RowValues& values) const;

 private:
  void Put(FoundColumn column, const FoundValue& value, FoundRow* row) const;
  // Number of an id's text, with or without its prefix.
  static int64_t IdOf(throng_bytes text, const IdText& ids);
  static int64_t RatingOf(double stars);
  int64_t LabelOf(FoundColumn column, throng_bytes text) const;
  const std::vector<std::string>& LabelsOf(FoundColumn column) const;

  IdText user_ids_;
  IdText item_ids_;
  std::vector<std::string> kinds_;
  std::vector<std::string> clusters_;
  std::vector<std::string> categories_;
  std::array<std::unordered_map<std::string, int64_t>, kFoundColumns> labels_;
};

}  // namespace throng
