// Values of typed data, put into the columns that are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/formats/decoding/values.h"
#include "plugins/formats/decoding/wanted.h"
#include "throng/sdk.hpp"
#include "throng/source.h"

namespace throng::plugins {

// Numbers of a call are those of rows and of wanted columns. What is put has to be in range.
class FoundColumns {
 public:
  // INVALID_ARGUMENT for a type that is not known, and for a name that is wanted twice.
  void Begin(const throng_origin& origin);
  size_t size() const { return columns_.size(); }
  const std::string& name(size_t wanted) const { return wanted_[wanted].name; }
  uint32_t type(size_t wanted) const { return wanted_[wanted].type; }
  bool is_required(size_t wanted) const { return wanted_[wanted].is_required; }
  bool must_have_value(size_t wanted) const { return MustHaveValue(wanted_[wanted]); }
  // Its number, or nothing.
  std::optional<size_t> Find(std::string_view name) const;

  // From here on values go there; texts and damages of the call before are dropped.
  void Start(throng_decoded* decoded);

  // Put a value of a row. False: the column cannot hold it, and reason() says which and why. A text
  // stays where it is until KeepTexts; an empty one is absent.
  bool PutText(size_t wanted, size_t row, std::string_view text) {
    Column& column = columns_[wanted];
    if (column.type != THRONG_FOUND_TEXT) return PutParsed(column, row, text);
    if (text.empty()) return PutAbsent(wanted, row);
    if (text.size() > kMostText) return RefuseLongText(column, text.size());
    static_cast<throng_bytes*>(column.values)[row] = {text.data(), text.size()};
    return true;
  }
  bool PutInteger(size_t wanted, size_t row, int64_t value) {
    Column& column = columns_[wanted];
    if (column.type != THRONG_FOUND_INT64) return PutConverted(column, row, value);
    static_cast<int64_t*>(column.values)[row] = value;
    return true;
  }
  bool PutFloat(size_t wanted, size_t row, double value) {
    Column& column = columns_[wanted];
    if (column.type != THRONG_FOUND_FLOAT64) return PutConverted(column, row, value);
    static_cast<double*>(column.values)[row] = value;
    return true;
  }
  bool PutTime(size_t wanted, size_t row, int64_t ms) {
    Column& column = columns_[wanted];
    if (column.type == THRONG_FOUND_TEXT) return PutTimeText(column, row, ms);
    if (column.type == THRONG_FOUND_FLOAT64) return PutConverted(column, row, ms);
    static_cast<int64_t*>(column.values)[row] = ms;
    return true;
  }
  // False: the column must have a value.
  bool PutAbsent(size_t wanted, size_t row) {
    SetAbsent(columns_[wanted].type, columns_[wanted].values, static_cast<uint32_t>(row));
    return !must_have_value(wanted) || Refuse(name(wanted) + " is missing");
  }

  // Copies the texts of rows [first, last), so that what they lay in may change.
  void KeepTexts(size_t first, size_t last);

  static constexpr size_t kRecord = std::numeric_limits<size_t>::max();
  // `wanted`: the column at fault, or kRecord.
  void AddDamage(int64_t offset, size_t row, size_t wanted, std::string sentence);
  size_t damages() const { return damages_count_; }
  // Where records begin, by row.
  int64_t* offsets() const { return decoded_->offset; }
  // Hands rows and damages over.
  void Finish(size_t rows, size_t consumed);

  const std::string& reason() const { return reason_; }

 private:
  // Longer ones are no names of anything.
  static constexpr size_t kMostText = 1 << 16;
  struct Column {
    const Wanted* wanted;
    uint32_t type;
    void* values;
  };

  bool Refuse(std::string reason);
  bool RefuseLongText(const Column& column, size_t size);
  bool PutParsed(Column& column, size_t row, std::string_view text);
  bool PutConverted(const Column& column, size_t row, int64_t value);
  bool PutConverted(const Column& column, size_t row, double value);
  bool RefuseValue(const Column& column, const std::string& text);
  bool PutTimeText(const Column& column, size_t row, int64_t ms);
  throng_bytes Keep(std::string_view text);

  std::vector<Wanted> wanted_;
  std::vector<Column> columns_;  // of these
  TimeReader times_;
  throng_decoded* decoded_ = nullptr;
  Damages damages_;
  size_t damages_count_ = 0;
  std::deque<std::string> texts_;  // chunks that do not move
  std::string reason_;
};

}  // namespace throng::plugins
