#include "server/inspection/replayed_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "proto/utf8.h"

namespace throng {
namespace {

constexpr int64_t kAbsent = std::numeric_limits<int64_t>::min();
constexpr double kNoRating = std::numeric_limits<double>::quiet_NaN();
// Of event times: before the year 10000.
constexpr int64_t kEndOfTime = 253'402'300'800'000;

std::string_view View(throng_bytes text) { return {text.data, text.size}; }

// "user_" and 15 of "user_15"; nothing of what is not exactly the text of such a pair.
struct NumberedId {
  std::string_view prefix;
  int64_t number;
};
std::optional<NumberedId> ParseId(std::string_view id) {
  size_t digits = id.size();
  while (digits > 0 && id[digits - 1] >= '0' && id[digits - 1] <= '9') --digits;
  std::string_view text = id.substr(digits);
  while (text.size() > 1 && text.front() == '0') {  // zeros belong to the prefix
    text.remove_prefix(1);
  }
  constexpr size_t kMostDigits = 18;
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  NumberedId parsed{id.substr(0, id.size() - text.size()), 0};
  std::from_chars(text.data(), text.data() + text.size(), parsed.number);
  return parsed;
}

}  // namespace

throng_records EncodedRows::Records(int64_t first_row) const {
  throng_records abi{};
  abi.struct_size = sizeof abi;
  abi.rows = static_cast<uint32_t>(time.size());
  abi.first_row = first_row;
  abi.bytes = {records.bytes().data(), records.bytes().size()};
  abi.key_end = key_end.data();
  abi.value_end = value_end.data();
  abi.event_time = time.data();
  return abi;
}

// One of the two columns of ids.
class RowEncoder::IdColumn {
 public:
  // Whether ids are still a prefix and a number.
  bool is_numbered() const { return is_numbered_; }

  void Learn(std::string_view id) {
    if (!is_numbered_) return;
    const auto parsed = ParseId(id);
    if (parsed && !prefix_) prefix_ = parsed->prefix;
    is_numbered_ = parsed && parsed->prefix == *prefix_;
  }
  void Clear() {
    numbers_.clear();
    indexes_.clear();
    index_of_.clear();
    labels_.clear();
    texts_.clear();
  }
  // After Learn has seen it and all of the same batch.
  void Add(std::string_view id) {
    if (is_numbered_) {
      numbers_.push_back(ParseId(id)->number);
      return;
    }
    const auto [known, is_new] = index_of_.try_emplace(std::string(id), labels_.size());
    if (is_new) labels_.push_back(texts_.emplace_back(id).c_str());
    indexes_.push_back(static_cast<int32_t>(known->second));
  }
  const void* data() const {
    return is_numbered_ ? static_cast<const void*>(numbers_.data()) : indexes_.data();
  }
  void Describe(throng_column* column) const {
    column->type = is_numbered_ ? THRONG_COLUMN_ID : THRONG_COLUMN_LABEL;
    column->prefix = prefix_ ? prefix_->c_str() : "";
    column->id_first = 0;
    column->labels = labels_.data();
    column->labels_count = static_cast<uint32_t>(labels_.size());
  }

 private:
  bool is_numbered_ = true;
  std::optional<std::string> prefix_;
  std::vector<int64_t> numbers_;
  std::vector<int32_t> indexes_;
  std::unordered_map<std::string, size_t> index_of_;
  std::vector<const char*> labels_;
  std::deque<std::string> texts_;  // of labels_
};

struct RowEncoder::Columns {
  IdColumn users;
  IdColumn items;
  std::vector<int32_t> ratings;
  std::vector<int64_t> times;
  bool has_absent_ratings = false;
  std::array<throng_column, 4> abi{};
  std::array<const throng_column*, 4> pointers{};
  throng_schema schema{};
};

namespace {

// What keeps a row from being written: a column and a sentence.
struct Obstacle {
  const char* column;
  std::string sentence;
};
std::optional<Obstacle> ObstacleOf(const FoundRows& rows, size_t i) {
  const auto id = [i](const char* name,
                      const std::vector<throng_bytes>& column) -> std::optional<Obstacle> {
    if (column.empty() || column[i].data == nullptr) return Obstacle{name, "It has no value."};
    if (FindInvalidUtf8(View(column[i])) == std::string_view::npos) return std::nullopt;
    return Obstacle{name, "It is no UTF-8 text."};
  };
  if (auto obstacle = id("user_id", rows.user_id)) return obstacle;
  if (auto obstacle = id("item_id", rows.item_id)) return obstacle;
  const double stars = rows.rating.empty() ? kNoRating : rows.rating[i];
  const double hundredths = stars * 100;
  constexpr double kMost = 2e9;
  if (hundredths < 0 || hundredths > kMost) {
    return Obstacle{"rating",
                    fmt::format("Ratings lie between 0 and {}, found {}.", kMost / 100, stars)};
  }
  constexpr double kTolerance = 1e-4;
  if (!std::isnan(stars) && std::abs(hundredths - std::round(hundredths)) > kTolerance) {
    return Obstacle{"rating",
                    fmt::format("Ratings have two decimals at most, found {}; round it.", stars)};
  }
  const int64_t time = rows.timestamp.empty() ? kAbsent : rows.timestamp[i];
  if (time == kAbsent) return Obstacle{"timestamp", "It has no value."};
  if (time < 0 || time >= kEndOfTime) {
    return Obstacle{"timestamp", "It lies outside the years 1970 to 9999."};
  }
  return std::nullopt;
}

}  // namespace

RowEncoder::RowEncoder(const OutputRequest& output, const Environment& environment,
                       std::string fingerprint, int64_t created_ms)
    : output_(output),
      environment_(environment),
      fingerprint_(std::move(fingerprint)),
      columns_(std::make_unique<Columns>()),
      options_(output.FormatOptions(output.first_part())) {
  constexpr std::array<const char*, 4> kDocs = {"Who.", "What.",
                                                "How much they liked it, in stars.", "When."};
  Columns& columns = *columns_;
  for (size_t c = 0; c < kColumns.size(); ++c) {
    columns.abi[c].struct_size = sizeof(throng_column);
    columns.abi[c].name = kColumns[c];
    columns.abi[c].doc = kDocs[c];
    columns.abi[c].field_number = static_cast<uint32_t>(c + 1);
    columns.pointers[c] = &columns.abi[c];
  }
  columns.abi[2].type = THRONG_COLUMN_RATING;
  columns.abi[3].type = THRONG_COLUMN_TIMESTAMP;
  columns.schema = {.struct_size = sizeof(throng_schema),
                    .columns_count = static_cast<uint32_t>(kColumns.size()),
                    .table = "interactions",
                    .columns = columns.pointers.data()};
  destination_.struct_size = sizeof destination_;
  destination_.mode = THRONG_RECORDS_MESSAGES;
  destination_.schema = &columns.schema;
  destination_.slice_count = 1;
  destination_.key_column = -1;
  for (size_t c = 0; c < kColumns.size(); ++c) {
    if (kColumns[c] == output.spec().key()) destination_.key_column = static_cast<int32_t>(c);
  }
  destination_.fingerprint = {fingerprint_.data(), fingerprint_.size()};
  destination_.name = output.destination().c_str();
  destination_.created = created_ms;
  destination_.interactions = destination_.rows = -1;
}

RowEncoder::~RowEncoder() = default;

std::vector<Damage> RowEncoder::Pass(const FoundRows& rows, size_t from, size_t to,
                                     const std::vector<std::string>& pieces) {
  std::vector<Damage> left_out;
  for (size_t i = from; i < to; ++i) {
    if (auto obstacle = ObstacleOf(rows, i)) {
      const bool has_piece = !rows.piece.empty() && rows.piece[i] < pieces.size();
      left_out.push_back({.piece = has_piece ? pieces[rows.piece[i]] : "",
                          .offset = rows.offset.empty() ? 0 : rows.offset[i],
                          .row = rows.first_row + static_cast<int64_t>(i),
                          .column = obstacle->column,
                          .sentence = std::move(obstacle->sentence)});
      continue;
    }
    columns_->users.Learn(View(rows.user_id[i]));
    columns_->items.Learn(View(rows.item_id[i]));
    if (rows.rating.empty() || std::isnan(rows.rating[i])) columns_->has_absent_ratings = true;
  }
  return left_out;
}

absl::Status RowEncoder::Encode(const FoundRows& rows, size_t from, size_t to,
                                const std::vector<std::string>& pieces, EncodedRows* encoded) {
  Columns& columns = *columns_;
  columns.users.Clear();
  columns.items.Clear();
  columns.ratings.clear();
  columns.times.clear();
  encoded->left_out = Pass(rows, from, to, pieces);
  auto next_left_out = encoded->left_out.begin();
  for (size_t i = from; i < to; ++i) {
    if (next_left_out != encoded->left_out.end() &&
        next_left_out->row == rows.first_row + static_cast<int64_t>(i)) {
      ++next_left_out;
      continue;
    }
    columns.users.Add(View(rows.user_id[i]));
    columns.items.Add(View(rows.item_id[i]));
    const double stars = rows.rating.empty() ? kNoRating : rows.rating[i];
    columns.ratings.push_back(std::isnan(stars) ? -1
                                                : static_cast<int32_t>(std::lround(stars * 100)));
    columns.times.push_back(rows.timestamp[i]);
  }
  const size_t count = columns.times.size();
  encoded->records.Clear();
  encoded->key_end.resize(count);
  encoded->value_end.resize(count);
  encoded->time = columns.times;
  if (count == 0) return absl::OkStatus();
  if (absl::Status status = Begin(); !status.ok()) return status;
  const std::array<const void*, 4> data = {columns.users.data(), columns.items.data(),
                                           columns.ratings.data(), columns.times.data()};
  throng_block block{};
  block.struct_size = sizeof block;
  block.rows = static_cast<uint32_t>(count);
  block.first_row = rows.first_row + static_cast<int64_t>(from);
  block.columns = data.data();
  block.key_end = encoded->key_end.data();
  block.value_end = encoded->value_end.data();
  return format_->Encode(block, encoded->records.abi());
}

absl::Status RowEncoder::Begin() {
  Columns& columns = *columns_;
  const std::string shape = fmt::format("{}{}{}", columns.users.is_numbered(),
                                        columns.items.is_numbered(), columns.has_absent_ratings);
  const bool has_labels = !columns.users.is_numbered() || !columns.items.is_numbered();
  if (shape == begun_with_ && !has_labels) return absl::OkStatus();
  if (shape != begun_with_) format_state_.clear();
  columns.users.Describe(&columns.abi[0]);
  columns.items.Describe(&columns.abi[1]);
  columns.abi[2].flags = columns.has_absent_ratings ? THRONG_COLUMN_NULLABLE : 0;
  destination_.state = {format_state_.data(), format_state_.size()};
  if (format_ == nullptr) {
    auto format = Format::Create(output_.format(), environment_, options_->values());
    if (!format.ok()) return format.status();
    format_ = *std::move(format);
  }
  auto prologue = format_->Begin(destination_);
  if (!prologue.ok()) return prologue.status();
  if (!prologue->state.empty()) format_state_ = std::move(prologue->state);
  begun_with_ = shape;
  return absl::OkStatus();
}

}  // namespace throng
