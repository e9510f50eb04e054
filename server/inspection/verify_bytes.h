// The two sides of a comparison byte by byte: what a stream must be, and what there is.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/control/digest.h"
#include "server/delivery/encoder.h"
#include "server/delivery/tally.h"
#include "server/host/readers.h"
#include "server/inspection/verify_expectation.h"

namespace throng {

// What an output, or a part of it, must be: prologue, units in order, epilogue, made as a delivery
// makes them.
class ExpectedStream {
 public:
  enum class What : uint8_t { kPrologue, kRows, kEpilogue };
  struct Chunk {
    What what = What::kRows;
    std::string_view bytes;
    int64_t first = 0;  // row
    int64_t end = 0;    // after its last row
    int64_t rows = 0;
  };

  // All of it outlives this.
  static absl::StatusOr<std::unique_ptr<ExpectedStream>> Create(const Expectation& expectation,
                                                                const Environment& environment,
                                                                int threads);

  // The chunk at `ahead` places from the one at hand, kept until it is passed; nothing at the end.
  // Looking ahead makes copies.
  absl::StatusOr<std::optional<Chunk>> Peek(size_t ahead = 0);
  // Passes the chunk at hand.
  void Pass();

  const Slice& slice() const { return slice_; }
  // The prologue, and the records of the first row, after which further ones can follow.
  const std::string& prologue() const { return encoding_.prologue.bytes; }
  absl::StatusOr<std::string> FirstRecord() const;
  // Once all has been passed; nothing for other tables.
  absl::StatusOr<std::optional<v1::Statistics>> Statistics();

 private:
  // A whole cut of the format's, for its epilogue.
  struct Cut {
    int64_t offset;
    int64_t size;
    int64_t rows;
    std::string note;
  };
  struct Kept {
    What what = What::kRows;
    std::string bytes;
    int64_t first = 0, end = 0, rows = 0;
  };
  ExpectedStream(const Expectation& expectation, const Environment& environment, int threads);
  absl::Status Begin();
  // Loads what follows all that is loaded into view_, which is free; false: nothing does.
  absl::StatusOr<bool> Load();
  absl::StatusOr<std::string> Epilogue();

  const Expectation& expectation_;
  const Environment& environment_;
  const int threads_;
  const Slice slice_;
  Encoding encoding_;
  std::optional<EncodingWalk> walk_;
  std::optional<Tally> tally_;
  std::deque<Kept> kept_;      // copies; or
  std::optional<Chunk> view_;  // the one that was loaded last, where the walk has it
  std::string epilogue_;
  enum class Stage : uint8_t { kPrologue, kRows, kEnd } stage_ = Stage::kPrologue;
  int64_t bytes_ = 0;  // loaded
  std::vector<Cut> cuts_;
};

// Bytes of one piece after another.
class FoundBytes {
 public:
  explicit FoundBytes(Source* source) : source_(*source) {}
  // Begins with the next piece; false: there is none.
  absl::StatusOr<bool> NextPiece();
  // Reads until so many bytes are there, or the piece ends.
  absl::Status Fill(size_t bytes);
  std::string_view bytes() const { return std::string_view(buffer_).substr(begin_); }
  bool IsWhole() const { return ends_; }  // nothing of the piece follows bytes()
  void Take(size_t bytes);
  int64_t offset() const { return offset_; }  // of bytes() in the piece
  int64_t taken() const { return taken_; }    // of all pieces
  // SHA-256 of the piece, once all of it is taken.
  std::string Sha256() { return digest_->Hex(); }

 private:
  Source& source_;
  std::string buffer_;
  size_t begin_ = 0;
  int64_t offset_ = 0;
  int64_t taken_ = 0;
  bool has_piece_ = false;
  bool ends_ = false;
  bool is_end_ = false;
  std::optional<Digest> digest_;
};

}  // namespace throng
