// Rows of interactions as they are found somewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "throng/plugin.h"

namespace throng {

// Columns that may be read back, by their names in Throng.
enum class FoundColumn : uint8_t {
  kUserId,         // text
  kItemId,         // text
  kRating,         // float64
  kTimestamp,      // timestamp
  kInteractionId,  // int64
  kKind,           // text
  kCluster,        // text
  kCategory,       // text
  kSessionId,      // int64
  kSessionRow,     // int64
};
inline constexpr size_t kFoundColumns = 10;
// "user_id", ...
std::string_view FoundColumnName(FoundColumn column);
// THRONG_FOUND_...: what a decoder is asked to make of its values.
uint32_t FoundColumnType(FoundColumn column);

// Something that could not be read.
struct Damage {
  std::string piece;   // a path, a topic's partition
  int64_t offset = 0;  // of the record: a byte of the piece (once decompressed), or an offset
  int64_t row = 0;     // rows found before it, of all pieces
  std::string column;  // as it is named in the data; empty: the record
  std::string sentence;
};

// Some rows, in the order in which they were found, and what they borrow is valid until the next.
struct FoundRows {
  size_t rows = 0;
  int64_t first_row = 0;  // rows found before these, of all pieces
  // By column; empty: not asked for or not there. Absent values: as in throng/source.h.
  std::vector<throng_bytes> user_id, item_id, kind, cluster, category;
  std::vector<double> rating;
  std::vector<int64_t> timestamp, interaction_id, session_id, session_row;
  // Where each lies.
  std::vector<uint32_t> piece;  // of RowReader::pieces()
  std::vector<int64_t> offset;
  // Of messages: the key (data null: none) and the time; else empty.
  std::vector<throng_bytes> key;
  std::vector<int64_t> message_time;
  std::vector<Damage> damages;
  bool is_end = false;  // nothing follows
};

}  // namespace throng
