#include "server/inspection/verify_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "server/delivery/placed_options.h"

namespace throng {
namespace {

int32_t SliceOf(const Expectation& expectation) {
  return expectation.request->run().slice().index();
}

std::string PathOf(const OutputRequest& request, int64_t part) {
  std::string path = request.destination();
  const std::string number = std::to_string(part);
  for (size_t at = 0; (at = path.find(kPartPlaceholder, at)) != std::string::npos;) {
    path.replace(at, kPartPlaceholder.size(), number);
  }
  return path;
}

}  // namespace

bool VerifyOutput::HasPiece(int32_t slice, int64_t part) const {
  return std::any_of(expected_.begin(), expected_.end(),
                     [&](const Expectation& e) { return SliceOf(e) == slice && e.part == part; });
}

void VerifyOutput::Miss(const Expectation& like, int32_t slice, int64_t part, int64_t first,
                        int64_t rows) {
  const OutputRequest& request = *like.request;
  const int32_t slices = request.run().slice().count();
  std::string what = slices > 1 ? fmt::format("slice {} of {}", slice, slices) : "";
  if (part >= 0) what += fmt::format("{}part {}", what.empty() ? "" : ", ", part);
  v1::DifferenceExample example =
      ExampleAt(PathOf(request, part), 0, fmt::format("{}: {} rows", what, rows), "");
  example.set_row(first);
  findings_.Add(v1::DIFFERENCE_KIND_MISSING_PIECE, std::move(example));
}

absl::StatusOr<WantedRows> VerifyOutput::Wanted(ExpectationMaker* maker) {
  WantedRows wanted;
  const Expectation& first = expected_.front();
  if (!is_whole_) {
    std::set<std::pair<int32_t, int64_t>> known;  // a copy is no more rows
    for (const Expectation& e : expected_) {
      if (!known.emplace(SliceOf(e), e.part).second) continue;
      const Slice slice = e.request->PartSlice(e.part);
      wanted.is_open = wanted.is_open || (slice.IsEndless() && !e.position);
      wanted.Add(e.position ? slice.Below(*e.position) : slice, slice);
    }
    return wanted;
  }
  // A side table is the first slice's.
  const int32_t slices =
      first.request->HasInteractions() ? std::max(1, first.request->run().slice().count()) : 1;
  for (int32_t index = 0; index < slices; ++index) {
    const auto known = std::find_if(expected_.begin(), expected_.end(),
                                    [&](const Expectation& e) { return SliceOf(e) == index; });
    Expectation made;
    if (known == expected_.end()) {
      v1::RunSpec run = first.request->run();
      run.mutable_slice()->set_index(index);
      auto of_slice = maker->Make(std::move(run));
      if (!of_slice.ok()) return of_slice.status();
      made = *std::move(of_slice);
    }
    const Expectation& expected = known == expected_.end() ? made : *known;
    const OutputRequest& request = *expected.request;
    const Slice& slice = request.slice();
    int64_t parts = 1;
    if (request.IsRolled()) {
      const int64_t roll = request.spec().roll_rows();
      if (slice.IsEndless()) {
        for (const Expectation& e : expected_) parts = std::max(parts, e.part + 1);
      } else {
        parts = std::max<int64_t>(1, (slice.RowsBelow(slice.end()) + roll - 1) / roll);
      }
    }
    for (int64_t p = 0; p < parts; ++p) {
      const int64_t part = request.IsRolled() ? p : -1;
      const Slice rows = request.IsRolled() ? request.PartSlice(part) : slice;
      const bool is_there = HasPiece(index, part);
      if (!is_there && rows.IsEndless()) {
        findings_.Remark(
            fmt::format("Slice {} of {} is not there, and has no end.", index, slices));
        continue;
      }
      if (!is_there) Miss(expected, index, part, rows.first(), rows.RowsBelow(rows.end()));
      wanted.is_open = wanted.is_open || (rows.IsEndless() && !expected.position);
      if (request.IsRolled() && slice.IsEndless()) wanted.Add(rows);
    }
    if (request.IsRolled() && slice.IsEndless()) continue;
    wanted.Add(expected.position ? slice.Below(*expected.position) : slice, slice);
  }
  return wanted;
}

absl::Status VerifyOutput::Begin(ExpectationMaker* maker, const Inspection& inspection,
                                 int threads) {
  auto wanted = Wanted(maker);
  if (!wanted.ok()) return wanted.status();
  is_open_ = wanted->is_open;
  const Expectation& first = expected_.front();
  if (!is_open_) expected_rows_ = wanted->Rows();
  const bool is_stream = !first.request->IsMessages();
  if (is_stream && !first.request->HasInteractions()) return absl::OkStatus();
  const auto is_stopping = [&inspection] { return inspection.environment.IsStopping(); };
  if (!is_stream) {
    messages_ = first.request->EncodingOf(-1, first.created_ms, first.format_state);
    Format::Prologue prologue;
    if (const auto format = BeginFormat(messages_, &prologue); !format.ok()) return format.status();
    messages_.prologue = std::move(prologue);
  }
  if (!first.request->HasInteractions()) {
    const Slice& rows = first.request->slice();
    auto check =
        SideTableCheck::Make(messages_, rows, first.position ? rows.Below(*first.position) : rows,
                             is_stopping, &findings_);
    if (!check.ok()) return check.status();
    side_table_ = *std::move(check);
    return absl::OkStatus();
  }
  RowMatcher::Settings settings;
  settings.plan = first.plan.get();
  settings.wanted = *std::move(wanted);
  settings.threads = threads;
  settings.on_row = [this](const FoundRow& found, int64_t row, int64_t, bool is_new) {
    if (is_new) order_.Add(found, row, WriterOf(row));
  };
  settings.is_stopping = is_stopping;
  if (!is_stream) {
    settings.messages = &messages_;
    settings.on_batch = [this] { order_.Check(nullptr, matcher_.get()); };
  }
  matcher_ = std::make_unique<RowMatcher>(std::move(settings), &findings_);
  return absl::OkStatus();
}

// A topic's slices are written side by side.
uint64_t VerifyOutput::WriterOf(int64_t row) const {
  if (expected_.size() < 2 || !expected_.front().request->IsMessages()) return 0;
  for (size_t i = 0; i < expected_.size(); ++i) {
    if (expected_[i].request->slice().Has(row)) return i;
  }
  return 0;
}

absl::Status VerifyOutput::Finish(v1::Verification* verification) {
  if (matcher_ != nullptr) {
    if (absl::Status status = matcher_->Finish(); !status.ok()) return status;
    found_rows_ = matcher_->found_rows();
    if (is_open_) expected_rows_ = matcher_->wanted().Rows();
  }
  if (side_table_ != nullptr) {
    if (absl::Status status = side_table_->Finish(); !status.ok()) return status;
    found_rows_ = side_table_->found_rows();
  }
  verification->set_expected_rows(verification->expected_rows() + expected_rows_);
  verification->set_found_rows(verification->found_rows() + found_rows_);
  findings_.AddTo(verification);
  return absl::OkStatus();
}

}  // namespace throng
