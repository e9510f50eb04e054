// The messages of a side table, compared with those that its rows make.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/slice.h"
#include "server/delivery/encoder.h"
#include "server/inspection/verify_findings.h"

namespace throng {

// Keeps 32 bytes for each row. In which order the messages are is not looked at.
class SideTableCheck {
 public:
  // `rows` that may be there, of which those in `wanted` must. All of it outlives this.
  static absl::StatusOr<std::unique_ptr<SideTableCheck>> Make(
      const Encoding& messages, const Slice& rows, const Slice& wanted,
      const std::function<bool()>& is_stopping, Findings* findings);

  absl::Status Add(const std::string& piece, int64_t offset, std::string_view key,
                   std::string_view value);
  int64_t found_rows() const { return found_rows_; }
  // Once all is added: which rows are lost.
  absl::Status Finish();

 private:
  struct Record {
    uint64_t key_hash;
    uint64_t hash;
    int64_t row;
    bool is_found = false;
  };

  SideTableCheck(const Encoding& messages, const Slice& rows, const Slice& wanted,
                 Findings* findings)
      : messages_(messages), rows_(rows), wanted_(wanted), findings_(*findings) {}

  absl::Status MakeRecords(const std::function<bool()>& is_stopping);
  // The value that the row must have, as text.
  absl::StatusOr<std::string> ValueOf(int64_t row);

  const Encoding& messages_;
  const Slice rows_;
  const Slice wanted_;
  Findings& findings_;
  std::unique_ptr<Encoder> encoder_;
  Encoded encoded_;
  std::vector<Record> records_;  // by key
  int64_t found_rows_ = 0;
};

}  // namespace throng
