#include "server/inspection/verify_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "proto/option_text.h"
#include "server/control/status.h"

namespace throng {
namespace {

// Both sides are looked at so many units ahead for where they are the same again.
constexpr size_t kAhead = 8;
constexpr size_t kSlackBytes = size_t{1} << 20;
// The begin of a unit by which it is told.
constexpr size_t kMarkBytes = 256;
// Of a span, what is kept of both sides for an example.
constexpr size_t kMostKept = size_t{1} << 20;

// Of a document without a manifest, when it says that it was made.
constexpr size_t kHeadBytes = 4096;
std::optional<int64_t> CreatedOf(std::string_view head) {
  constexpr std::string_view kMember = "\"generated_at\": \"";
  const size_t at = head.find(kMember);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view text = head.substr(at + kMember.size());
  const auto created = ParseTimestamp(text.substr(0, text.find('"')), 0);
  return created ? std::optional(created->ms) : std::nullopt;
}

std::string Excerpt(std::string_view bytes, size_t at) {
  constexpr size_t kBefore = 8;
  constexpr size_t kBytes = 48;
  std::string text;
  const size_t begin = at > kBefore ? at - kBefore : 0;
  for (const char c : bytes.substr(std::min(begin, bytes.size()), kBytes)) {
    if (c == '\n') {
      text += "\\n";
    } else if (c < ' ' || c > '~') {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text;
}

// Whether an offset that its decoder gives is none of the file's own bytes.
bool IsCompressed(const OutputRequest& request) {
  const v1::OutputSpec spec = request.ResolvedSpec();
  return std::any_of(spec.format().options().begin(), spec.format().options().end(),
                     [](const auto& option) {
                       return (option.first == "codec" || option.first == "compression") &&
                              option.second != "none" && option.second != "null";
                     });
}

}  // namespace

absl::Status StreamVerifier::Verify() {
  is_compressed_ = IsCompressed(*expectation_.request);
  if (expectation_.manifest.is_null()) {
    if (absl::Status status = found_.Fill(kHeadBytes); !status.ok()) return status;
    if (const auto created = CreatedOf(found_.bytes().substr(0, kHeadBytes))) {
      expectation_.created_ms = *created;
    }
  }
  auto expected = ExpectedStream::Create(expectation_, inspection_.environment, threads_);
  if (!expected.ok()) return expected.status();
  expected_ = *std::move(expected);
  while (!has_given_up_) {
    if (absl::Status status = on_progress_(found_rows_); !status.ok()) return status;
    const auto chunk = expected_->Peek();
    if (!chunk.ok()) return chunk.status();
    if (!*chunk) break;
    if (!span_) {
      absl::Status status = found_.Fill((*chunk)->bytes.size());
      if (!status.ok()) return status;
    }
    if (span_ || !found_.bytes().starts_with((*chunk)->bytes)) {
      if (absl::Status status = Resynchronise(); !status.ok()) return status;
      continue;
    }
    found_.Take((*chunk)->bytes.size());
    if ((*chunk)->rows > 0) {
      found_rows_ += (*chunk)->rows;
      if (matcher_ != nullptr) matcher_->Found((*chunk)->first, (*chunk)->rows);
      order_.Pass(number_, (*chunk)->end - 1);
    }
    expected_->Pass();
  }
  // What follows the end.
  while (true) {
    if (absl::Status status = found_.Fill(kSlackBytes); !status.ok()) return status;
    if (found_.bytes().empty()) break;
    if (absl::Status status = on_progress_(found_rows_); !status.ok()) return status;
    if (!span_) {
      const int64_t end = expected_->slice().end();
      absl::Status status = OpenSpan({ExpectedStream::What::kEpilogue, "", end, end, 0});
      if (!status.ok()) return status;
    }
    absl::Status status = FeedSpan(found_.bytes().size(), found_.IsWhole());
    if (!status.ok()) return status;
  }
  if (span_) {
    if (absl::Status status = CloseSpan(); !status.ok()) return status;
  }
  return CheckManifest();
}

std::optional<size_t> StreamVerifier::FindChunk(const ExpectedStream::Chunk& chunk) const {
  const std::string_view found = found_.bytes();
  if (chunk.what == ExpectedStream::What::kEpilogue) {
    if (!found_.IsWhole() || !found.ends_with(chunk.bytes)) return std::nullopt;
    return found.size() - chunk.bytes.size();
  }
  const std::string_view mark = chunk.bytes.substr(0, kMarkBytes);
  const void* at = memmem(found.data(), found.size(), mark.data(), mark.size());
  if (at == nullptr) return std::nullopt;
  return static_cast<size_t>(static_cast<const char*>(at) - found.data());
}

absl::Status StreamVerifier::Resynchronise() {
  auto chunk = expected_->Peek();
  if (!chunk.ok()) return chunk.status();
  const bool is_new = !span_;
  if (is_new) {
    if (absl::Status status = OpenSpan(**chunk); !status.ok()) return status;
  }
  size_t ahead = 0;
  size_t bytes = 0;
  for (; ahead < kAhead; ++ahead) {
    const auto next = expected_->Peek(ahead);
    if (!next.ok()) return next.status();
    if (!*next) break;
    bytes += (*next)->bytes.size();
  }
  if (absl::Status status = found_.Fill(bytes + kSlackBytes); !status.ok()) return status;
  for (size_t k = is_new ? 1 : 0; k < ahead; ++k) {
    const auto next = expected_->Peek(k);
    if (!next.ok()) return next.status();
    const auto at = FindChunk(**next);
    if (!at) continue;
    for (; k > 0; --k) {
      ExpectInSpan(**expected_->Peek());
      expected_->Pass();
    }
    // What it ends with goes on, so that nothing is to be said of its end.
    if (absl::Status status = FeedSpan(*at, /*ends=*/false); !status.ok()) return status;
    return CloseSpan();
  }
  if (found_.IsWhole()) {
    for (; ahead > 0; --ahead) {
      ExpectInSpan(**expected_->Peek());
      expected_->Pass();
    }
    has_given_up_ = true;
    if (absl::Status status = FeedSpan(found_.bytes().size(), true); !status.ok()) return status;
    return CloseSpan();
  }
  // They are not the same for long: rows tell how far they are.
  if (absl::Status status = FeedSpan(found_.bytes().size() / 2, false); !status.ok()) return status;
  int64_t last = -1;
  if (decoding_ != nullptr) {
    const bool needs_range = !decoding_->columns()[static_cast<size_t>(FoundColumn::kTimestamp)];
    const auto range =
        needs_range ? std::optional(RowRange{span_->first, (*expected_->Peek(ahead - 1))->end})
                    : std::nullopt;
    if (absl::Status status = matcher_->Flush(range); !status.ok()) return status;
    const int64_t before = order_.LastOf(number_);
    order_.Check([this](int64_t row) { return expected_->slice().Has(row); }, matcher_);
    if (order_.LastOf(number_) > before) last = order_.LastOf(number_);
  }
  size_t passed = 0;
  while (ahead - passed > 0) {
    const auto next = expected_->Peek();
    if (!next.ok()) return next.status();
    if (!*next || (last >= 0 ? (*next)->end > last : passed >= ahead / 2)) break;
    ExpectInSpan(**next);
    expected_->Pass();
    ++passed;
  }
  return absl::OkStatus();
}

absl::Status StreamVerifier::OpenSpan(const ExpectedStream::Chunk& chunk) {
  span_.emplace();
  span_->offset = found_.offset();
  span_->first = span_->end = chunk.first;
  span_->findings_before = Noticed();
  if (matcher_ == nullptr || cannot_decode_) return absl::OkStatus();
  if (decoding_ == nullptr) {
    auto decoding = VerifyDecoding::Create(*expectation_.request, matcher_->text(), inspection_);
    if (absl::IsUnimplemented(decoding.status())) {
      cannot_decode_ = true;
      return absl::OkStatus();
    }
    if (!decoding.ok()) return decoding.status();
    decoding_ = *std::move(decoding);
  }
  const ColumnSet& columns = decoding_->columns();
  const bool has_range = !columns[static_cast<size_t>(FoundColumn::kTimestamp)] &&
                         !columns[static_cast<size_t>(FoundColumn::kInteractionId)];
  if (absl::Status status = matcher_->SetColumns(columns, has_range); !status.ok()) return status;
  if (absl::Status status = decoding_->Begin(piece_); !status.ok()) return status;
  if (chunk.what == ExpectedStream::What::kPrologue) return absl::OkStatus();
  // As if what differs were the begin of a file, or followed its first record.
  std::string head = expected_->prologue();
  if (chunk.first != expected_->slice().first()) {
    auto record = expected_->FirstRecord();
    if (!record.ok()) return record.status();
    head += *record;
    span_->skipped_rows = 1;
  }
  span_->head_bytes = static_cast<int64_t>(head.size());
  return decoding_->Feed(
      head, false, [this](FoundRow row) { return TakeRow(std::move(row)); },
      [this](int64_t offset, const std::string& sentence) { TakeDamage(offset, sentence); });
}

void StreamVerifier::ExpectInSpan(const ExpectedStream::Chunk& chunk) {
  span_->end = chunk.end;
  const size_t room = kMostKept - std::min(kMostKept, span_->expected.size());
  span_->expected += chunk.bytes.substr(0, room);
}

absl::Status StreamVerifier::FeedSpan(size_t bytes, bool ends) {
  const std::string_view fed = found_.bytes().substr(0, bytes);
  span_->found += fed.substr(0, kMostKept - std::min(kMostKept, span_->found.size()));
  if (decoding_ != nullptr) {
    absl::Status status = decoding_->Feed(
        fed, ends, [this](FoundRow row) { return TakeRow(std::move(row)); },
        [this](int64_t offset, const std::string& sentence) { TakeDamage(offset, sentence); });
    if (!status.ok()) return status;
  }
  found_.Take(bytes);
  return absl::OkStatus();
}

int64_t StreamVerifier::OffsetOf(int64_t decoded) const {
  if (is_compressed_) return span_->offset;
  return std::max(span_->offset, span_->offset + decoded - span_->head_bytes);
}

absl::Status StreamVerifier::TakeRow(FoundRow row) {
  if (span_->skipped_rows > 0) {
    --span_->skipped_rows;
    return absl::OkStatus();
  }
  ++found_rows_;
  row.piece = number_;
  row.offset = OffsetOf(row.offset);
  return matcher_->Add(std::move(row));
}

void StreamVerifier::TakeDamage(int64_t offset, const std::string& sentence) {
  ++span_->damages_count;
  if (span_->damages.size() < Findings::kExamples) {
    span_->damages.push_back(ExampleAt(piece_, OffsetOf(offset), "", sentence));
  }
}

void StreamVerifier::VisitExpected(
    const std::function<void(int64_t first, int64_t rows)>& visit) const {
  const Slice rows = expected_->slice().Below(span_->end);
  for (auto unit = rows.UnitAt(span_->first, VerifyUnits::kUnitRows); unit;
       unit = rows.UnitAt(unit->next, VerifyUnits::kUnitRows)) {
    visit(unit->first, unit->rows);
  }
}

void StreamVerifier::CountDamages() {
  std::vector<int64_t> missing;
  VisitExpected([&](int64_t first, int64_t rows) {
    if (matcher_->HasAll(first, rows)) return;
    for (int64_t row = first; row < first + rows; ++row) {
      const bool is_wanted = static_cast<int64_t>(missing.size()) < span_->damages_count;
      if (is_wanted && !matcher_->Has(row)) missing.push_back(row);
    }
  });
  findings_.Count(v1::DIFFERENCE_KIND_DAMAGED, span_->damages_count);
  for (size_t i = 0; i < span_->damages.size(); ++i) {
    if (i < missing.size()) span_->damages[i].set_row(missing[i]);
    findings_.AddExample(v1::DIFFERENCE_KIND_DAMAGED, span_->damages[i]);
  }
  for (const int64_t row : missing) matcher_->Found(row, 1);
}

v1::DifferenceExample StreamVerifier::BytesExample(size_t at) const {
  v1::DifferenceExample example =
      ExampleAt(piece_, span_->offset + static_cast<int64_t>(at), Excerpt(span_->expected, at),
                Excerpt(span_->found, at));
  if (span_->end > span_->first) example.set_row(span_->first);
  return example;
}

void StreamVerifier::CountBytes() {
  const std::string& expected = span_->expected;
  const std::string& found = span_->found;
  const size_t shorter = std::min(expected.size(), found.size());
  size_t at = 0;
  while (at < shorter && expected[at] == found[at]) ++at;
  int64_t count = 0;
  if (expected.size() == found.size()) {
    for (size_t i = at; i < shorter; ++i) count += expected[i] == found[i] ? 0 : 1;
  } else {
    size_t same = 0;  // at the end
    while (same < shorter - at &&
           expected[expected.size() - 1 - same] == found[found.size() - 1 - same]) {
      ++same;
    }
    count = static_cast<int64_t>(std::max(expected.size(), found.size()) - at - same);
  }
  findings_.Count(v1::DIFFERENCE_KIND_BYTES, std::max<int64_t>(1, count));
  findings_.AddExample(v1::DIFFERENCE_KIND_BYTES, BytesExample(at));
}

absl::Status StreamVerifier::CloseSpan() {
  if (decoding_ == nullptr) {
    CountBytes();
    int64_t rows = 0;
    VisitExpected([&](int64_t first, int64_t n) {
      rows += n;
      if (matcher_ != nullptr) matcher_->Found(first, n);
    });
    found_rows_ += rows;
    span_.reset();
    return absl::OkStatus();
  }
  const ColumnSet& columns = decoding_->columns();
  const bool needs_range = !columns[static_cast<size_t>(FoundColumn::kTimestamp)] &&
                           !columns[static_cast<size_t>(FoundColumn::kInteractionId)];
  const auto range = needs_range ? std::optional(RowRange{span_->first, span_->end}) : std::nullopt;
  if (absl::Status status = matcher_->Flush(range); !status.ok()) return status;
  order_.Check([this](int64_t row) { return expected_->slice().Has(row); }, matcher_);
  if (span_->damages_count > 0) CountDamages();
  bool is_whole = true;
  VisitExpected(
      [&](int64_t first, int64_t rows) { is_whole = is_whole && matcher_->HasAll(first, rows); });
  if (is_whole && Noticed() == span_->findings_before) CountBytes();
  span_.reset();
  return absl::OkStatus();
}

absl::Status StreamVerifier::CheckManifest() {
  const nlohmann::json& manifest = expectation_.manifest;
  if (manifest.is_null()) return absl::OkStatus();
  const auto check = [&](const char* member, const nlohmann::json& found) {
    const auto said = manifest.find(member);
    if (said == manifest.end() || *said == found) return;
    findings_.Add(v1::DIFFERENCE_KIND_MANIFEST,
                  ExampleAt(expectation_.manifest_path, 0,
                            fmt::format("{}: {}", member, said->dump().substr(0, 80)),
                            fmt::format("{}: {}", member, found.dump().substr(0, 80))));
  };
  check("sha256", found_.Sha256());
  check("bytes", found_.offset());
  check("rows", found_rows_);
  return absl::OkStatus();
}

}  // namespace throng
