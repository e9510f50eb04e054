// Verifies files that an output wrote: bytes are compared, and decoded only where they differ.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/inspection/verify_bytes.h"
#include "server/inspection/verify_decoding.h"
#include "server/inspection/verify_expectation.h"
#include "server/inspection/verify_findings.h"
#include "server/inspection/verify_matcher.h"
#include "server/inspection/verify_order.h"

namespace throng {

// The bytes that differ are decoded from here, until Close.
struct DifferingSpan {
  int64_t offset = 0;  // in the piece
  int64_t first = 0;   // rows that are expected of it
  int64_t end = 0;
  int64_t findings_before = 0;
  std::string expected;  // the begin of both sides
  std::string found;
  std::vector<v1::DifferenceExample> damages;  // as many as are of use
  int64_t damages_count = 0;
  int64_t head_bytes = 0;  // fed before those of the piece
  int skipped_rows = 0;    // that these hold
};

// Verifies one file, of which `found` is at the start. `matcher` is of the whole output, and
// nullptr of a side table; its on_row adds to `order`.
class StreamVerifier {
 public:
  StreamVerifier(const Expectation& expectation, const std::string& piece, uint32_t number,
                 FoundBytes* found, RowMatcher* matcher, OrderCheck* order, Findings* findings,
                 const Inspection& inspection, int threads,
                 std::function<absl::Status(int64_t rows)> on_progress)
      : expectation_(expectation),
        piece_(piece),
        number_(number),
        found_(*found),
        matcher_(matcher),
        order_(*order),
        findings_(*findings),
        inspection_(inspection),
        threads_(threads),
        on_progress_(std::move(on_progress)) {}

  absl::Status Verify();
  int64_t found_rows() const { return found_rows_; }

 private:
  // Goes on where both sides are the same again.
  absl::Status Resynchronise();
  // Where the bytes of `chunk` begin in what is found; nothing: they do not.
  std::optional<size_t> FindChunk(const ExpectedStream::Chunk& chunk) const;
  absl::Status OpenSpan(const ExpectedStream::Chunk& chunk);
  // Decodes so many of the found bytes; these end the span, or not.
  absl::Status FeedSpan(size_t bytes, bool ends);
  void ExpectInSpan(const ExpectedStream::Chunk& chunk);
  absl::Status CloseSpan();
  absl::Status TakeRow(FoundRow row);
  void TakeDamage(int64_t offset, const std::string& sentence);
  int64_t OffsetOf(int64_t decoded) const;
  absl::Status CheckManifest();
  // Calls `visit(first, rows)` for the stretches of the rows that are expected of the span.
  void VisitExpected(const std::function<void(int64_t first, int64_t rows)>& visit) const;
  // Of each damage the row that is missing for it.
  void CountDamages();
  void CountBytes();
  int64_t Noticed() const {
    return findings_.total() + (matcher_ == nullptr ? 0 : matcher_->aside());
  }
  v1::DifferenceExample BytesExample(size_t at) const;

  Expectation expectation_;
  const std::string piece_;
  const uint32_t number_;  // of the piece, among all
  FoundBytes& found_;
  RowMatcher* const matcher_;
  OrderCheck& order_;
  Findings& findings_;
  const Inspection& inspection_;
  const int threads_;
  const std::function<absl::Status(int64_t rows)> on_progress_;
  std::unique_ptr<ExpectedStream> expected_;
  std::unique_ptr<VerifyDecoding> decoding_;  // once it is needed
  bool cannot_decode_ = false;
  bool is_compressed_ = false;
  std::optional<DifferingSpan> span_;
  bool has_given_up_ = false;  // all that is left of both sides is looked at
  int64_t found_rows_ = 0;     // in the piece
};

}  // namespace throng
