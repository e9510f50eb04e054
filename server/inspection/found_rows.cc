#include "server/inspection/found_rows.h"

#include "throng/source.h"

namespace throng {

std::string_view FoundColumnName(FoundColumn column) {
  constexpr std::string_view kNames[kFoundColumns] = {
      "user_id", "item_id", "rating",   "timestamp",  "interaction_id",
      "kind",    "cluster", "category", "session_id", "session_row"};
  return kNames[static_cast<size_t>(column)];
}

uint32_t FoundColumnType(FoundColumn column) {
  switch (column) {
    case FoundColumn::kRating:
      return THRONG_FOUND_FLOAT64;
    case FoundColumn::kTimestamp:
      return THRONG_FOUND_TIMESTAMP;
    case FoundColumn::kInteractionId:
    case FoundColumn::kSessionId:
    case FoundColumn::kSessionRow:
      return THRONG_FOUND_INT64;
    default:
      return THRONG_FOUND_TEXT;
  }
}

}  // namespace throng
