#include "server/inspection/verify_bytes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "proto/json.h"

namespace throng {
namespace {

constexpr int64_t kUnitRows = 16'384;

}  // namespace

ExpectedStream::ExpectedStream(const Expectation& expectation, const Environment& environment,
                               int threads)
    : expectation_(expectation),
      environment_(environment),
      threads_(threads),
      slice_(expectation.request->PartSlice(expectation.part)) {}

absl::StatusOr<std::unique_ptr<ExpectedStream>> ExpectedStream::Create(
    const Expectation& expectation, const Environment& environment, int threads) {
  std::unique_ptr<ExpectedStream> made(new ExpectedStream(expectation, environment, threads));
  if (absl::Status status = made->Begin(); !status.ok()) return status;
  return made;
}

absl::Status ExpectedStream::Begin() {
  const OutputRequest& request = *expectation_.request;
  encoding_ =
      request.EncodingOf(expectation_.part, expectation_.created_ms, expectation_.format_state);
  Format::Prologue prologue;
  if (const auto format = BeginFormat(encoding_, &prologue); !format.ok()) return format.status();
  encoding_.prologue = std::move(prologue);
  if (request.HasInteractions()) {
    tally_.emplace(request.table(), environment_, slice_, std::nullopt, slice_.first(),
                   worker::v1::Counts(), threads_);
  }
  const int64_t unit_rows =
      encoding_.prologue.cut_rows > 1 ? encoding_.prologue.cut_rows : kUnitRows;
  encoding_.table->blocks()->Keep(WalkRing::Span(threads_, unit_rows));
  walk_.emplace(slice_, unit_rows, slice_.first(), threads_,
                [this]() -> absl::StatusOr<EncodingWalk::Fill> {
                  auto encoder = Encoder::Create(encoding_);
                  if (!encoder.ok()) return encoder.status();
                  return [this, e = std::shared_ptr<Encoder>(*std::move(encoder))](
                             const Unit& unit, Encoded* encoded) {
                    if (tally_) tally_->CountPending();
                    return e->Encode(unit, encoded);
                  };
                });
  return absl::OkStatus();
}

absl::StatusOr<bool> ExpectedStream::Load() {
  if (stage_ == Stage::kPrologue) {
    stage_ = Stage::kRows;
    if (!prologue().empty()) {
      bytes_ += static_cast<int64_t>(prologue().size());
      view_ = Chunk{.what = What::kPrologue,
                    .bytes = prologue(),
                    .first = slice_.first(),
                    .end = slice_.first()};
      return true;
    }
  }
  if (stage_ == Stage::kEnd) return false;
  const auto block = walk_->Next();
  if (!block.ok()) return block.status();
  if (*block == nullptr) {
    stage_ = Stage::kEnd;
    auto epilogue = Epilogue();
    if (!epilogue.ok()) return epilogue.status();
    epilogue_ = *std::move(epilogue);
    if (epilogue_.empty()) return false;
    view_ = Chunk{
        .what = What::kEpilogue, .bytes = epilogue_, .first = slice_.end(), .end = slice_.end()};
    return true;
  }
  const Unit& unit = (*block)->unit;
  Encoded& encoded = (*block)->payload;
  const std::string_view bytes = encoded.records.bytes();
  if (encoded.note) {
    cuts_.push_back({bytes_, static_cast<int64_t>(bytes.size()), unit.rows, *encoded.note});
  }
  bytes_ += static_cast<int64_t>(bytes.size());
  if (tally_) {
    if (absl::Status status = tally_->Add(unit, &encoded.seen); !status.ok()) return status;
  }
  view_ = Chunk{.what = What::kRows,
                .bytes = bytes,
                .first = unit.first,
                .end = unit.first + unit.rows,
                .rows = unit.rows};
  return true;
}

absl::StatusOr<std::optional<ExpectedStream::Chunk>> ExpectedStream::Peek(size_t ahead) {
  if (ahead == 0 && kept_.empty()) {
    if (!view_) {
      const auto loaded = Load();
      if (!loaded.ok()) return loaded.status();
    }
    return view_;
  }
  while (kept_.size() <= ahead) {
    if (!view_) {
      const auto loaded = Load();
      if (!loaded.ok()) return loaded.status();
      if (!*loaded) return std::nullopt;
    }
    kept_.push_back(
        {view_->what, std::string(view_->bytes), view_->first, view_->end, view_->rows});
    view_.reset();
  }
  const Kept& kept = kept_[ahead];
  return Chunk{kept.what, kept.bytes, kept.first, kept.end, kept.rows};
}

void ExpectedStream::Pass() {
  if (kept_.empty()) {
    view_.reset();
  } else {
    kept_.pop_front();
  }
}

absl::StatusOr<std::string> ExpectedStream::FirstRecord() const {
  const auto unit = slice_.UnitAt(slice_.first(), kUnitRows);
  if (!unit) return "";
  auto encoder = Encoder::Create(encoding_);
  if (!encoder.ok()) return encoder.status();
  Encoded encoded;
  absl::Status status = (*encoder)->Encode(Unit{unit->first, 1, unit->first + 1}, &encoded);
  if (!status.ok()) return status;
  return std::string(encoded.records.bytes());
}

absl::StatusOr<std::optional<v1::Statistics>> ExpectedStream::Statistics() {
  if (!tally_) return std::nullopt;
  auto counted = tally_->FinishOutput();
  if (!counted.ok()) return counted.status();
  return *std::move(counted);
}

absl::StatusOr<std::string> ExpectedStream::Epilogue() {
  auto statistics = Statistics();
  if (!statistics.ok()) return statistics.status();
  const std::string text =
      *statistics ? ToJson(**statistics, JsonFields::kAll).dump() : std::string("{}");
  std::vector<throng_note> notes;
  for (const Cut& cut : cuts_) {
    notes.push_back({cut.offset, cut.size, cut.rows, {cut.note.data(), cut.note.size()}});
  }
  throng_summary summary{};
  summary.struct_size = sizeof summary;
  summary.rows = slice_.RowsBelow(slice_.end());
  summary.statistics = text.c_str();
  summary.notes_count = static_cast<uint32_t>(notes.size());
  summary.notes = notes.data();
  summary.bytes = bytes_;
  Format::Prologue prologue;
  const auto format = BeginFormat(encoding_, &prologue);
  if (!format.ok()) return format.status();
  RecordBuffer epilogue;
  if (absl::Status status = (*format)->End(summary, epilogue.abi()); !status.ok()) return status;
  return std::string(epilogue.bytes());
}

absl::StatusOr<bool> FoundBytes::NextPiece() {
  if (is_end_) return false;
  buffer_.clear();
  begin_ = 0;
  offset_ = 0;
  ends_ = false;
  has_piece_ = false;
  digest_.emplace();
  if (absl::Status status = Fill(1); !status.ok()) return status;
  return has_piece_;
}

absl::Status FoundBytes::Fill(size_t bytes) {
  constexpr int64_t kWaitMs = 500;
  while (!ends_ && buffer_.size() - begin_ < bytes) {
    throng_input input;
    if (absl::Status status = source_.Read(kWaitMs, &input); !status.ok()) return status;
    has_piece_ = has_piece_ || input.bytes.size > 0 || input.ends_piece != 0;
    if (begin_ > buffer_.size() / 2) {
      buffer_.erase(0, begin_);
      begin_ = 0;
    }
    buffer_.append(input.bytes.data == nullptr ? "" : input.bytes.data, input.bytes.size);
    taken_ += static_cast<int64_t>(input.bytes.size);
    ends_ = input.ends_piece != 0;
    if (input.is_end != 0) ends_ = is_end_ = true;
  }
  return absl::OkStatus();
}

void FoundBytes::Take(size_t bytes) {
  digest_->Add(buffer_.data() + begin_, bytes);
  begin_ += bytes;
  offset_ += static_cast<int64_t>(bytes);
}

}  // namespace throng
