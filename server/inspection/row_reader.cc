#include "server/inspection/row_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "server/control/plain_text.h"
#include "server/control/status.h"
#include "server/host/option_values.h"
#include "server/host/readers.h"
#include "server/inspection/decoder_names.h"
#include "server/inspection/input_roots.h"
#include "server/spec/problem.h"

namespace throng {
namespace {

constexpr uint32_t kMostRows = 4096;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

absl::Status Wrong(const Problems& problems) {
  std::string text = ToString(problems);
  text.pop_back();  // the last line's end
  absl::Status status = absl::InvalidArgumentError(text);
  status.SetPayload(kOptionPayload, absl::Cord(problems.front().field));
  return status;
}

// What a component says, without its name before it.
std::string SentenceOf(const absl::Status& status) {
  const std::string message = MessageOf(status);
  const size_t name_end = message.find("`: ");
  const bool is_named = message.starts_with("source `") || message.starts_with("decoder `");
  return is_named && name_end != std::string::npos ? message.substr(name_end + 3) : message;
}

// The same, as of a field of the DataSource.
absl::Status InField(const absl::Status& status, std::string_view component) {
  const std::string option = OptionOf(status);
  const std::string field =
      option.empty() ? std::string(component) : fmt::format("{}.options.{}", component, option);
  absl::Status named(status.code(), fmt::format("{}: {}", field, SentenceOf(status)));
  named.SetPayload(kOptionPayload, absl::Cord(field));
  return named;
}

const char* ModeWord(uint32_t mode) {
  return mode == THRONG_RECORDS_MESSAGES ? "messages" : "a stream";
}

// Calls `visit` with the array of a column.
template <class Visit>
auto VisitColumn(FoundRows* rows, FoundColumn column, Visit&& visit) {
  switch (column) {
    case FoundColumn::kUserId:
      return visit(rows->user_id);
    case FoundColumn::kItemId:
      return visit(rows->item_id);
    case FoundColumn::kRating:
      return visit(rows->rating);
    case FoundColumn::kTimestamp:
      return visit(rows->timestamp);
    case FoundColumn::kInteractionId:
      return visit(rows->interaction_id);
    case FoundColumn::kKind:
      return visit(rows->kind);
    case FoundColumn::kCluster:
      return visit(rows->cluster);
    case FoundColumn::kCategory:
      return visit(rows->category);
    case FoundColumn::kSessionId:
      return visit(rows->session_id);
    case FoundColumn::kSessionRow:
      break;
  }
  return visit(rows->session_row);
}

bool IsAbsent(const throng_bytes& text) { return text.data == nullptr; }
bool IsAbsent(double value) { return std::isnan(value); }
bool IsAbsent(int64_t value) { return value == std::numeric_limits<int64_t>::min(); }

// What is read of each record.
struct WantedColumn {
  FoundColumn column;
  std::string name;  // in the data
  bool is_required;
};

// A component that is there, with its options; or what is wrong.
struct Configured {
  const Component* component;
  OptionValues options;
};
absl::StatusOr<Configured> Configure(Role role, const std::string& name, const v1::Component& asked,
                                     const Catalogue& catalogue, const Environment& environment) {
  const std::string field(RoleName(role));
  const auto found = catalogue.Find(role, name);
  if (!found.ok()) return Wrong({{field + ".component", MessageOf(found.status())}});
  Problems problems;
  OptionValues options =
      OptionValues::Parse(**found, {asked.options().begin(), asked.options().end()}, field, NowMs(),
                          &problems, environment.source_roots);
  if (!problems.empty()) return Wrong(problems);
  return Configured{*found, std::move(options)};
}

class SourceReader : public RowReader {
 public:
  SourceReader(const ReadRequest& request, const Catalogue& catalogue,
               const Environment& environment)
      : request_(request), catalogue_(catalogue), environment_(environment) {}

  absl::Status Open();
  absl::Status Next(int64_t wait_ms, FoundRows* rows) override;
  const std::vector<std::string>& pieces() const override { return place_.pieces; }
  int64_t taken() const override { return taken_; }
  int64_t size() const override { return place_.size; }

 private:
  absl::Status SetWanted();
  absl::Status OpenSource();
  absl::Status CheckRoots(const Configured& source) const;
  absl::Status CreateDecoder(const std::string& name);
  // The same, as the input at hand tells; nothing happens while there is too little of it.
  absl::Status TellDecoder();
  absl::Status Begin();
  // Takes the next input, if the last one is used up; false: none came.
  absl::StatusOr<bool> Take(int64_t wait_ms);
  // Decodes some of the input. DATA_LOSS: the rest of the piece is left out.
  absl::Status Decode(FoundRows* rows);
  void Report(const throng_decoded& decoded, FoundRows* rows);
  bool IsUsedUp() const {
    return mode_ == THRONG_RECORDS_STREAM ? input_.bytes.size == 0 : input_.messages_count == 0;
  }

  const ReadRequest request_;
  const Catalogue& catalogue_;
  const Environment& environment_;
  std::vector<WantedColumn> columns_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Decoder> decoder_;
  std::string place_name_;  // as the source's options have it
  OpenedPlace place_;
  uint32_t mode_ = 0;
  int64_t taken_ = 0;

  throng_input input_{};           // what is not yet decoded
  bool has_input_ = false;         // or what it says has not been seen
  std::optional<uint32_t> begun_;  // the piece
  std::optional<uint32_t> lost_;   // the piece of which nothing more is read
  absl::Status later_;             // an error that follows the rows before it
  int64_t rows_ = 0;
  bool is_end_ = false;
};

absl::Status SourceReader::Open() {
  if (absl::Status status = SetWanted(); !status.ok()) return status;
  if (absl::Status status = OpenSource(); !status.ok()) return status;
  const std::string& named = request_.source.decoder().component();
  if (!named.empty()) return CreateDecoder(named);
  if (const auto taken = Take(/*wait_ms=*/0); !taken.ok()) return taken.status();
  return TellDecoder();
}

absl::Status SourceReader::SetWanted() {
  std::map<std::string, std::string> names(request_.source.columns().begin(),
                                           request_.source.columns().end());
  std::vector<std::string> known;
  for (size_t i = 0; i < kFoundColumns; ++i) {
    const auto column = static_cast<FoundColumn>(i);
    const std::string& ours = known.emplace_back(FoundColumnName(column));
    const auto found = names.find(ours);
    if (request_.wanted[i]) {
      columns_.push_back({.column = column,
                          .name = found == names.end() ? ours : found->second,
                          .is_required = !request_.is_optional[i]});
    }
    if (found == names.end()) continue;
    if (found->second.empty()) {
      return Wrong({{"columns." + ours, "is empty; write the column's name in the data."}});
    }
    names.erase(found);
  }
  if (names.empty()) return absl::OkStatus();
  const std::string& unknown = names.begin()->first;
  return Wrong({{"columns." + unknown,
                 "is no column here; on the left stands the name here, on the "
                 "right that in the data." +
                     DidYouMean(unknown, known)}});
}

absl::Status SourceReader::OpenSource() {
  const v1::Component& asked = request_.source.source();
  auto configured = Configure(Role::kSource, asked.component(), asked, catalogue_, environment_);
  if (!configured.ok()) return configured.status();
  const Component& component = *configured->component;
  mode_ = component.source.modes;
  if (mode_ != THRONG_RECORDS_STREAM && mode_ != THRONG_RECORDS_MESSAGES) {
    return absl::InternalError(fmt::format("source `{}` says that it gives {} kinds of records.",
                                           component.name, mode_ == 0 ? "no" : "unknown"));
  }
  place_name_ = configured->options.place();
  if (absl::Status status = CheckRoots(*configured); !status.ok()) return status;
  auto source = Source::Create(component, environment_, configured->options.values());
  if (!source.ok()) return InField(source.status(), "source");
  source_ = *std::move(source);
  throng_start start{};
  start.struct_size = sizeof start;
  start.from = request_.from_end ? THRONG_FROM_END : THRONG_FROM_START;
  start.follows = request_.follows ? 1 : 0;
  auto place = source_->Open(start);
  if (!place.ok()) return InField(place.status(), "source");
  place_ = *std::move(place);
  return CheckRoots(*configured);
}

absl::Status SourceReader::CheckRoots(const Configured& source) const {
  const auto problem = OutsideInputRoots(*source.component, source.options.values(), place_.pieces,
                                         environment_, "source");
  return problem ? Wrong({*problem}) : absl::OkStatus();
}

absl::Status SourceReader::CreateDecoder(const std::string& name) {
  auto configured =
      Configure(Role::kDecoder, name, request_.source.decoder(), catalogue_, environment_);
  if (!configured.ok()) return configured.status();
  const Component& component = *configured->component;
  if ((component.decoder.modes & mode_) == 0) {
    return Wrong({{"decoder.component",
                   fmt::format("`{}` decodes {} and the source `{}` gives {}; choose another.",
                               component.name, ModeWord(component.decoder.modes),
                               request_.source.source().component(), ModeWord(mode_))}});
  }
  auto decoder = Decoder::Create(component, environment_, configured->options.values());
  if (!decoder.ok()) return InField(decoder.status(), "decoder");
  decoder_ = *std::move(decoder);
  return absl::OkStatus();
}

absl::Status SourceReader::TellDecoder() {
  if (decoder_ != nullptr || !has_input_) return absl::OkStatus();
  absl::StatusOr<std::string> name("");
  if (mode_ == THRONG_RECORDS_STREAM) {
    const std::string path =
        input_.piece < place_.pieces.size() ? place_.pieces[input_.piece] : place_name_;
    name = DecoderOfStream(path, {input_.bytes.data, input_.bytes.size});
    if (name.ok() && name->empty() && input_.bytes.size == 0) return absl::OkStatus();
    if (name.ok() && name->empty()) {
      name = absl::InvalidArgumentError(
          fmt::format("what {} holds cannot be told by its name; name the decoder, as csv.", path));
    }
  } else {
    const throng_message* const end = input_.messages + input_.messages_count;
    const throng_message* const first =
        std::find_if(input_.messages, end, [](const throng_message& message) {
          return message.value.data != nullptr && message.value.size > 0;
        });
    if (first == end) return absl::OkStatus();
    name = DecoderOfMessages({first->value.data, first->value.size});
  }
  if (!name.ok()) return Wrong({{"decoder", MessageOf(name.status())}});
  return CreateDecoder(*name);
}

absl::Status SourceReader::Begin() {
  const bool is_stream = mode_ == THRONG_RECORDS_STREAM;
  const uint32_t piece = is_stream ? input_.piece : 0;
  if (begun_ == piece) return absl::OkStatus();
  std::vector<throng_wanted> wanted;
  std::vector<const throng_wanted*> pointers;
  wanted.reserve(columns_.size());
  for (const WantedColumn& column : columns_) {
    wanted.push_back({.struct_size = sizeof(throng_wanted),
                      .type = FoundColumnType(column.column),
                      .is_required = column.is_required ? 1 : 0,
                      .name = column.name.c_str()});
    pointers.push_back(&wanted.back());
  }
  const std::string& name =
      is_stream && piece < place_.pieces.size() ? place_.pieces[piece] : place_name_;
  const throng_origin origin = {.struct_size = sizeof(throng_origin),
                                .mode = mode_,
                                .wanted_count = static_cast<uint32_t>(pointers.size()),
                                .wanted = pointers.data(),
                                .name = name.c_str()};
  if (absl::Status status = decoder_->Begin(origin); !status.ok()) {
    return InField(status, "decoder");
  }
  begun_ = piece;
  return absl::OkStatus();
}

absl::StatusOr<bool> SourceReader::Take(int64_t wait_ms) {
  if (has_input_) return true;
  if (is_end_) return false;
  if (absl::Status status = source_->Read(wait_ms, &input_); !status.ok()) {
    return InField(status, "source");
  }
  const bool is_stream = mode_ == THRONG_RECORDS_STREAM;
  taken_ += is_stream ? static_cast<int64_t>(input_.bytes.size) : input_.messages_count;
  has_input_ = !IsUsedUp() || (is_stream && input_.ends_piece != 0);
  is_end_ = input_.is_end != 0;
  return has_input_;
}

absl::Status SourceReader::Next(int64_t wait_ms, FoundRows* rows) {
  rows->rows = 0;
  rows->first_row = rows_;
  rows->damages.clear();
  rows->is_end = false;
  if (!later_.ok()) return std::exchange(later_, absl::OkStatus());
  while (rows->rows == 0 && rows->damages.empty()) {
    const auto taken = Take(wait_ms);
    if (!taken.ok()) return taken.status();
    if (!*taken) break;
    if (absl::Status status = TellDecoder(); !status.ok()) return status;
    // Nothing has told it, so there is nothing to decode: an empty piece, or no values.
    const bool is_left_out =
        decoder_ == nullptr || (mode_ == THRONG_RECORDS_STREAM && lost_ == input_.piece);
    if (is_left_out) {
      has_input_ = false;
      continue;
    }
    if (absl::Status status = Begin(); !status.ok()) return status;
    if (absl::Status status = Decode(rows); !status.ok()) {
      if (rows->rows == 0 && rows->damages.empty()) return status;
      later_ = std::move(status);
    }
  }
  rows->is_end = is_end_ && !has_input_ && later_.ok();
  return absl::OkStatus();
}

absl::Status SourceReader::Decode(FoundRows* rows) {
  std::vector<void*> arrays;
  for (const WantedColumn& column : columns_) {
    VisitColumn(rows, column.column, [&](auto& array) {
      array.resize(kMostRows);
      arrays.push_back(array.data());
    });
  }
  rows->offset.resize(kMostRows);
  throng_decoded decoded{};
  decoded.struct_size = sizeof decoded;
  decoded.capacity = kMostRows;
  decoded.columns = arrays.data();
  decoded.offset = rows->offset.data();
  const absl::Status status = decoder_->Decode(input_, &decoded);
  Report(decoded, rows);

  const auto consumed = static_cast<uint32_t>(decoded.consumed);
  if (mode_ == THRONG_RECORDS_STREAM) {
    input_.bytes.data += decoded.consumed;
    input_.bytes.size -= decoded.consumed;
    input_.offset += static_cast<int64_t>(decoded.consumed);
  } else {
    input_.messages += consumed;
    input_.messages_count -= consumed;
  }
  if (status.ok()) {
    const bool has_more =
        mode_ == THRONG_RECORDS_STREAM && decoded.rows == decoded.capacity;  // of what it took
    has_input_ = !IsUsedUp() || has_more;
    return absl::OkStatus();
  }
  if (status.code() == absl::StatusCode::kDataLoss) {
    has_input_ = false;
    lost_ = input_.piece;
    return absl::DataLossError(SentenceOf(status));
  }
  return InField(status, status.code() == absl::StatusCode::kNotFound ? "columns" : "decoder");
}

void SourceReader::Report(const throng_decoded& decoded, FoundRows* rows) {
  const size_t count = decoded.rows;
  rows->rows = count;
  for (const WantedColumn& column : columns_) {
    VisitColumn(rows, column.column, [&](auto& array) {
      array.resize(count);
      if (column.is_required) return;
      if (std::all_of(array.begin(), array.end(), [](const auto& v) { return IsAbsent(v); })) {
        array.clear();
      }
    });
  }
  rows->offset.resize(count);
  rows->piece.assign(count, input_.piece);
  rows->key.clear();
  rows->message_time.clear();
  const bool is_stream = mode_ == THRONG_RECORDS_STREAM;
  const auto message = [&](int64_t index) {
    const bool is_one = index >= 0 && index < input_.messages_count;
    return is_one ? input_.messages[index] : throng_message{};
  };
  for (size_t i = 0; i < count && !is_stream; ++i) {
    const throng_message found = message(rows->offset[i]);
    rows->piece[i] = found.piece;
    rows->offset[i] = found.offset;
    rows->key.push_back(found.key);
    rows->message_time.push_back(found.time);
  }
  for (uint32_t i = 0; i < decoded.damages_count; ++i) {
    const throng_damage& damage = decoded.damages[i];
    const uint32_t piece = is_stream ? input_.piece : message(damage.offset).piece;
    rows->damages.push_back(
        {.piece = piece < place_.pieces.size() ? place_.pieces[piece] : place_name_,
         .offset = is_stream ? damage.offset : message(damage.offset).offset,
         .row = rows_ + damage.row,
         .column = damage.wanted < columns_.size() ? columns_[damage.wanted].name : "",
         .sentence = damage.sentence == nullptr ? "" : PlainText(damage.sentence)});
  }
  rows_ += static_cast<int64_t>(count);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowReader>> RowReader::Open(const ReadRequest& request,
                                                           const Catalogue& catalogue,
                                                           const Environment& environment) {
  auto reader = std::make_unique<SourceReader>(request, catalogue, environment);
  if (absl::Status status = reader->Open(); !status.ok()) return status;
  return reader;
}

}  // namespace throng
