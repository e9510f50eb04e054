#include "server/inspection/found_interaction.h"

#include <cmath>
#include <limits>

#include "server/control/plain_text.h"

namespace throng {
namespace {

constexpr int64_t kAbsent = std::numeric_limits<int64_t>::min();

void SetTime(int64_t ms, google::protobuf::Timestamp* time) {
  const int64_t in_second = ((ms % 1000) + 1000) % 1000;
  time->set_seconds((ms - in_second) / 1000);
  time->set_nanos(static_cast<int32_t>(in_second * 1'000'000));
}

std::string Text(throng_bytes text) { return PlainText({text.data, text.size}); }

}  // namespace

v1::FoundInteraction FoundMessage(const FoundRows& rows, size_t i,
                                  const std::vector<std::string>& pieces) {
  v1::FoundInteraction found;
  v1::Interaction* interaction = found.mutable_interaction();
  // Of a column that is there, and has a value in this row.
  const auto text = [i](const std::vector<throng_bytes>& column, auto&& set) {
    if (!column.empty() && column[i].data != nullptr) set(Text(column[i]));
  };
  const auto number = [i](const std::vector<int64_t>& column, auto&& set) {
    if (!column.empty() && column[i] != kAbsent) set(column[i]);
  };
  text(rows.user_id, [&](std::string id) { interaction->set_user_id(std::move(id)); });
  text(rows.item_id, [&](std::string id) { interaction->set_item_id(std::move(id)); });
  text(rows.kind, [&](std::string label) { interaction->set_kind(std::move(label)); });
  text(rows.cluster, [&](std::string label) { interaction->set_cluster(std::move(label)); });
  text(rows.category, [&](std::string label) { interaction->set_category(std::move(label)); });
  if (!rows.rating.empty() && !std::isnan(rows.rating[i])) interaction->set_rating(rows.rating[i]);
  number(rows.timestamp, [&](int64_t ms) { SetTime(ms, interaction->mutable_timestamp()); });
  number(rows.interaction_id, [&](int64_t row) { interaction->set_interaction_id(row); });
  number(rows.session_id, [&](int64_t id) { interaction->set_session_id(id); });
  number(rows.session_row, [&](int64_t row) { interaction->set_session_row(row); });
  if (!rows.piece.empty() && rows.piece[i] < pieces.size()) found.set_piece(pieces[rows.piece[i]]);
  if (!rows.offset.empty()) found.set_offset(rows.offset[i]);
  if (!rows.key.empty() && rows.key[i].data != nullptr) {
    found.set_key(rows.key[i].data, rows.key[i].size);
  }
  if (!rows.message_time.empty() && rows.message_time[i] >= 0) {
    SetTime(rows.message_time[i], found.mutable_message_time());
  }
  return found;
}

v1::DamagedRecord DamageMessage(const Damage& damage) {
  v1::DamagedRecord message;
  message.set_piece(PlainText(damage.piece));
  message.set_offset(damage.offset);
  message.set_row(damage.row);
  message.set_column(PlainText(damage.column));
  message.set_sentence(PlainText(damage.sentence));
  return message;
}

}  // namespace throng
