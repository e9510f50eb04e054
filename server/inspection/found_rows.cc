#include "server/inspection/found_rows.h"

namespace throng {

std::string_view FoundColumnName(FoundColumn column) {
  constexpr std::string_view kNames[kFoundColumns] = {
      "user_id", "item_id", "rating",   "timestamp",  "interaction_id",
      "kind",    "cluster", "category", "session_id", "session_row"};
  return kNames[static_cast<size_t>(column)];
}

}  // namespace throng
