// Decodes bytes or messages of an output in the middle: with the format's own decoder, and the
// names that the output gave its columns.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/delivery/output_request.h"
#include "server/host/option_values.h"
#include "server/host/readers.h"
#include "server/inspection/inspection.h"
#include "server/inspection/verify_row.h"

namespace throng {

class VerifyDecoding {
 public:
  // Takes what is decoded: rows, with their places in `offset` as the decoder gives them, and what
  // cannot be read.
  using TakeRow = std::function<absl::Status(FoundRow row)>;
  using TakeDamage = std::function<void(int64_t offset, const std::string& sentence)>;

  // UNIMPLEMENTED: the format has no decoder, or the output no columns of interactions.
  static absl::StatusOr<std::unique_ptr<VerifyDecoding>> Create(const OutputRequest& request,
                                                                const RowText& text,
                                                                const Inspection& inspection);

  // Those of the output that can be read back.
  const ColumnSet& columns() const { return columns_; }

  absl::Status Begin(const std::string& piece);
  // Of a stream: more bytes, which end it or not.
  absl::Status Feed(std::string_view bytes, bool ends, const TakeRow& take,
                    const TakeDamage& damage);
  // All of some messages; offsets are their indexes.
  absl::Status Decode(const throng_message* messages, size_t count, const TakeRow& take,
                      const TakeDamage& damage);

 private:
  static constexpr size_t kRows = 4096;

  VerifyDecoding(const OutputRequest& request, const RowText& text);
  // Decodes once and hands over what comes of it; whether there may be more at once.
  absl::StatusOr<bool> DecodeSome(const throng_input& input, size_t* consumed, const TakeRow& take,
                                  const TakeDamage& damage);

  const RowText& text_;
  const uint32_t mode_;
  ColumnSet columns_{};
  std::vector<std::string> names_;
  std::vector<throng_wanted> wanted_;
  std::vector<FoundColumn> wanted_columns_;
  OptionValues options_;
  std::unique_ptr<Decoder> decoder_;
  std::array<std::vector<throng_bytes>, kFoundColumns> texts_;
  std::array<std::vector<double>, kFoundColumns> reals_;
  std::array<std::vector<int64_t>, kFoundColumns> numbers_;
  std::vector<void*> arrays_;
  std::vector<int64_t> offsets_;
  std::string buffer_;      // not consumed yet
  int64_t offset_ = 0;      // of its first byte
  bool is_broken_ = false;  // nothing more of this stream can be read
};

}  // namespace throng
