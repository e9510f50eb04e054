// Values of typed data, put into the columns that are asked for.
#include "plugins/formats/decoding/found_columns.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "throng/text.hpp"

namespace throng::plugins {
namespace {

constexpr size_t kChunk = 1 << 16;

std::string FloatText(double value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// As TimestampWriter has it, with the milliseconds where there are some.
std::string TimeText(int64_t ms) {
  TimestampWriter writer;
  char text[kTimestampText + kTextSlack];
  std::string written(text, static_cast<size_t>(writer.Write(ms, text) - text));
  const int64_t rest = ms % 1000;
  if (rest == 0) return written;
  std::string fraction = std::to_string(1000 + rest);
  fraction.front() = '.';
  written.pop_back();
  return written + fraction + "Z";
}

}  // namespace

void FoundColumns::Begin(const throng_origin& origin) {
  wanted_ = WantedOf(origin);
  columns_.clear();
  for (const Wanted& wanted : wanted_) {
    if (wanted.type < THRONG_FOUND_TEXT || wanted.type > THRONG_FOUND_TIMESTAMP) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "The column " + wanted.name + " is wanted as a type that is not known here.");
    }
    if (std::any_of(columns_.begin(), columns_.end(),
                    [&](const Column& other) { return other.wanted->name == wanted.name; })) {
      throw Error(THRONG_INVALID_ARGUMENT, "The column " + wanted.name + " is wanted twice.");
    }
    columns_.push_back({&wanted, wanted.type, nullptr});
  }
}

std::optional<size_t> FoundColumns::Find(std::string_view name) const {
  for (size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].name == name) return i;
  }
  return std::nullopt;
}

void FoundColumns::Start(throng_decoded* decoded) {
  decoded_ = decoded;
  for (size_t i = 0; i < columns_.size(); ++i) columns_[i].values = decoded->columns[i];
  damages_.Clear();
  damages_count_ = 0;
  while (texts_.size() > 1) texts_.pop_back();
  if (!texts_.empty()) texts_.front().clear();
}

throng_bytes FoundColumns::Keep(std::string_view text) {
  if (texts_.empty() || texts_.back().capacity() - texts_.back().size() < text.size()) {
    texts_.emplace_back().reserve(std::max(kChunk, text.size()));
  }
  std::string& chunk = texts_.back();
  chunk.append(text);
  return {chunk.data() + chunk.size() - text.size(), text.size()};
}

void FoundColumns::KeepTexts(size_t first, size_t last) {
  for (const Column& column : columns_) {
    if (column.type != THRONG_FOUND_TEXT) continue;
    auto* const values = static_cast<throng_bytes*>(column.values);
    for (size_t row = first; row < last; ++row) {
      if (values[row].data != nullptr) values[row] = Keep(View(values[row]));
    }
  }
}

bool FoundColumns::Refuse(std::string reason) {
  reason_ = std::move(reason);
  return false;
}

bool FoundColumns::RefuseLongText(const Column& column, size_t size) {
  return Refuse(column.wanted->name + " has " + std::to_string(size) + " bytes, and " +
                std::to_string(kMostText) + " are read at most");
}

bool FoundColumns::RefuseValue(const Column& column, const std::string& text) {
  return Refuse(Misread(column.wanted->name, column.type, text));
}

bool FoundColumns::PutParsed(Column& column, size_t row, std::string_view text) {
  if (SetText(column.type, column.values, static_cast<uint32_t>(row), text, &times_)) return true;
  if (!IsAbsentText(text) || MustHaveValue(*column.wanted)) {
    return Refuse(Misread(column.wanted->name, column.type, text));
  }
  SetAbsent(column.type, column.values, static_cast<uint32_t>(row));
  return true;
}

bool FoundColumns::PutConverted(const Column& column, size_t row, int64_t value) {
  if (column.type == THRONG_FOUND_FLOAT64) {
    static_cast<double*>(column.values)[row] = static_cast<double>(value);
  } else if (column.type == THRONG_FOUND_TIMESTAMP) {
    int64_t* const ms = static_cast<int64_t*>(column.values) + row;
    if (!TimeOfNumber(value, TimeForm::kAuto, ms))
      return RefuseValue(column, std::to_string(value));
  } else {
    char text[kMaxValueText + kTextSlack];
    const auto size = static_cast<size_t>(WriteSigned(value, text) - text);
    static_cast<throng_bytes*>(column.values)[row] = Keep({text, size});
  }
  return true;
}

bool FoundColumns::PutConverted(const Column& column, size_t row, double value) {
  if (column.type == THRONG_FOUND_TEXT) {
    static_cast<throng_bytes*>(column.values)[row] = Keep(FloatText(value));
    return true;
  }
  int64_t* const found = static_cast<int64_t*>(column.values) + row;
  if (column.type == THRONG_FOUND_TIMESTAMP) {
    return TimeOfNumber(value, TimeForm::kAuto, found) || RefuseValue(column, FloatText(value));
  }
  if (!(std::abs(value) <= 9e15) || std::trunc(value) != value) {
    return RefuseValue(column, FloatText(value));
  }
  *found = static_cast<int64_t>(value);
  return true;
}

bool FoundColumns::PutTimeText(const Column& column, size_t row, int64_t ms) {
  constexpr int64_t kYear10000 = 253'402'300'800'000;
  if (ms < 0 || ms >= kYear10000) return PutConverted(column, row, ms);
  static_cast<throng_bytes*>(column.values)[row] = Keep(TimeText(ms));
  return true;
}

void FoundColumns::AddDamage(int64_t offset, size_t row, size_t wanted, std::string sentence) {
  const uint32_t column = wanted == kRecord ? Damages::kWholeRecord : static_cast<uint32_t>(wanted);
  damages_.Add(offset, static_cast<uint32_t>(row), column, std::move(sentence));
  ++damages_count_;
}

void FoundColumns::Finish(size_t rows, size_t consumed) {
  decoded_->rows = static_cast<uint32_t>(rows);
  decoded_->consumed = consumed;
  damages_.Report(*decoded_);
}

}  // namespace throng::plugins
