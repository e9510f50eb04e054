// A format under check: an instance that has begun, and what it encodes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/conformance/check.h"
#include "server/conformance/lent.h"
#include "server/conformance/stand_in.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"

namespace throng {

// A kind of output that a format is tried with.
struct OutputCase {
  uint32_t mode;
  bool is_wide;
  std::string ToString() const;
};

// What some encodes made.
struct EncodedRows {
  std::string bytes;
  std::vector<uint32_t> key_end;
  std::vector<uint32_t> value_end;
  struct Note {
    int64_t offset, size, rows;
    std::string bytes;
  };
  std::vector<Note> notes;  // of cuts of a stream
};

// An instance that has begun.
class FormatTrial {
 public:
  // `state`: as a first instance's begin returned it, or empty. The table outlives the trial.
  static absl::StatusOr<std::unique_ptr<FormatTrial>> Begin(
      const CheckContext& context, const OutputCase& output, const StandInTable& table,
      std::string_view state = "", const std::map<std::string, std::string>& options = {});
  ~FormatTrial();
  FormatTrial(const FormatTrial&) = delete;
  FormatTrial& operator=(const FormatTrial&) = delete;

  const Format::Prologue& prologue() const { return prologue_; }

  // Appends rows from `first` on to a buffer.
  absl::Status Encode(int64_t first, int64_t rows, throng_buffer* buffer, EncodedRows* encoded);
  // All rows in blocks of `block_rows`, into one buffer.
  absl::StatusOr<EncodedRows> EncodeAll(int64_t block_rows);
  // The epilogue of what was encoded, by whichever instance.
  absl::StatusOr<std::string> End(const EncodedRows& encoded);

 private:
  FormatTrial(const CheckContext& context, const OutputCase& output, const StandInTable& table,
              OptionValues options);

  const bool is_lending_;
  const OutputCase output_;
  const StandInTable& table_;
  const OptionValues options_;
  LentMemory lent_for_life_;
  std::unique_ptr<Format> format_;
  Format::Prologue prologue_;
};

}  // namespace throng
