#include "server/inspection/tap.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "server/control/status.h"
#include "server/inspection/found_interaction.h"
#include "server/inspection/row_reader.h"

namespace throng {
namespace {

// Who looks at a topic sees a row as soon as this.
constexpr int64_t kWaitMs = 200;
constexpr size_t kMostMessageRows = 256;
constexpr size_t kMostMessageBytes = 1 << 20;

// Some messages with the first `most` of the rows, and what is damaged among them.
absl::Status SendAll(const FoundRows& rows, size_t most, const std::vector<std::string>& pieces,
                     const Inspection& inspection) {
  const int64_t end = rows.first_row + static_cast<int64_t>(most);
  v1::TapResponse response;
  size_t bytes = 0;
  const auto flush = [&]() -> absl::Status {
    if (bytes == 0) return absl::OkStatus();
    absl::Status status = inspection.send(response);
    response.Clear();
    bytes = 0;
    return status;
  };
  auto damage = rows.damages.begin();
  // Damages stand before the row that follows them; a message has its damages last.
  const auto add_damages = [&](int64_t row) -> absl::Status {
    for (; damage != rows.damages.end() && damage->row <= row; ++damage) {
      *response.add_damaged() = DamageMessage(*damage);
      bytes += response.damaged(response.damaged_size() - 1).ByteSizeLong() + 1;
      if (bytes < kMostMessageBytes) continue;
      if (absl::Status status = flush(); !status.ok()) return status;
    }
    return absl::OkStatus();
  };
  for (size_t i = 0; i < most; ++i) {
    const size_t before = bytes;
    absl::Status status = add_damages(rows.first_row + static_cast<int64_t>(i));
    const bool has_damages = bytes != before;
    const auto count = static_cast<size_t>(response.interactions_size());
    if (status.ok() && (has_damages || count >= kMostMessageRows || bytes >= kMostMessageBytes)) {
      status = flush();
    }
    if (!status.ok()) return status;
    *response.add_interactions() = FoundMessage(rows, i, pieces);
    bytes += response.interactions(response.interactions_size() - 1).ByteSizeLong() + 1;
  }
  // Of those behind the last row only if nothing was cut off there.
  if (most == rows.rows) {
    if (absl::Status status = add_damages(end); !status.ok()) return status;
  }
  return flush();
}

absl::Status SendLoss(const absl::Status& loss, int64_t rows, const Inspection& inspection) {
  v1::TapResponse response;
  v1::DamagedRecord* damaged = response.add_damaged();
  damaged->set_row(rows);
  damaged->set_sentence(MessageOf(loss));
  return inspection.send(response);
}

}  // namespace

absl::Status Tap(const v1::TapRequest& request, const Inspection& inspection) {
  if (request.has_limit() && request.limit() < 1) {
    inspection.problems->push_back(
        {"limit",
         fmt::format("Must be at least 1, found {}; leave it out for all rows.", request.limit())});
    return absl::InvalidArgumentError("limit");
  }
  ReadRequest read{
      .source = request.source(), .follows = request.follow(), .from_end = request.from_end()};
  read.wanted.fill(true);
  read.is_optional[static_cast<size_t>(FoundColumn::kRating)] = true;
  auto reader = RowReader::Open(read, inspection.catalogue, inspection.environment);
  if (!reader.ok()) return reader.status();
  int64_t left = request.has_limit() ? request.limit() : std::numeric_limits<int64_t>::max();
  int64_t seen = 0;
  FoundRows rows;
  while (left > 0 && !inspection.environment.IsStopping()) {
    absl::Status status = (*reader)->Next(kWaitMs, &rows);
    if (absl::IsDataLoss(status)) {
      if (absl::Status sent = SendLoss(status, seen, inspection); !sent.ok()) return sent;
      continue;
    }
    if (!status.ok()) return status;
    const auto most = static_cast<size_t>(std::min(left, static_cast<int64_t>(rows.rows)));
    absl::Status sent = SendAll(rows, most, (*reader)->pieces(), inspection);
    if (!sent.ok()) return sent;
    left -= static_cast<int64_t>(most);
    seen += static_cast<int64_t>(most);
    if (rows.is_end) break;
  }
  return absl::OkStatus();
}

}  // namespace throng
