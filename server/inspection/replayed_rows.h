// Found rows -> messages: what a format needs of rows whose ids are any text.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/delivery/encoder.h"
#include "server/delivery/output_request.h"
#include "server/inspection/found_rows.h"

namespace throng {

// Some rows as a sink takes them. Those that cannot be written are left out, and are damages.
struct EncodedRows {
  RecordBuffer records;
  std::vector<uint32_t> key_end;
  std::vector<uint32_t> value_end;
  std::vector<int64_t> time;
  std::vector<Damage> left_out;

  throng_records Records(int64_t first_row) const;
};

// Encodes rows that come in their order, from the first of all. An id is a prefix and a number as
// long as all are, so that typed formats have the schema that a generated topic has; else any text.
class RowEncoder {
 public:
  static constexpr std::array<const char*, 4> kColumns = {"user_id", "item_id", "rating",
                                                          "timestamp"};
  // `output` and `environment` outlive this; the output's key is one of kColumns. `fingerprint`: 32
  // bytes, of the data.
  RowEncoder(const OutputRequest& output, const Environment& environment, std::string fingerprint,
             int64_t created_ms);
  ~RowEncoder();

  // Takes notice of rows [from, to) that were delivered before; those that were left out.
  std::vector<Damage> Pass(const FoundRows& rows, size_t from, size_t to,
                           const std::vector<std::string>& pieces);
  // Rows [from, to); may be called again with the same. UNAVAILABLE and RESOURCE_EXHAUSTED: the
  // format cannot begin now.
  absl::Status Encode(const FoundRows& rows, size_t from, size_t to,
                      const std::vector<std::string>& pieces, EncodedRows* encoded);

 private:
  class IdColumn;
  struct Columns;
  absl::Status Begin();

  const OutputRequest& output_;
  const Environment& environment_;
  const std::string fingerprint_;
  const std::unique_ptr<Columns> columns_;
  const std::shared_ptr<const PlacedOptions> options_;  // of the format, as long as it lives
  std::unique_ptr<Format> format_;
  throng_destination destination_{};
  std::string format_state_;
  std::string begun_with_;  // what decides about the schema; empty: it has not begun
};

}  // namespace throng
