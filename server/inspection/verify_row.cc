#include "server/inspection/verify_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "proto/option_text.h"

namespace throng {
namespace {

constexpr size_t kMostText = 80;  // of a value that is kept for an example

// Hundredths as the formats write them: one decimal, two if needed.
std::string RatingText(int64_t hundredths) {
  const int64_t magnitude = hundredths < 0 ? -hundredths : hundredths;
  std::string text =
      fmt::format("{}{}.{}", hundredths < 0 ? "-" : "", magnitude / 100, magnitude / 10 % 10);
  if (magnitude % 10 != 0) text += std::to_string(magnitude % 10);
  return text;
}

}  // namespace

RowText::RowText(const Plan& plan) : user_ids_(plan.user_ids()), item_ids_(plan.item_ids()) {
  for (const KindRows& kind : plan.kinds()) kinds_.push_back(kind.name);
  for (const v1::Cluster& cluster : plan.spec().world().clusters()) {
    clusters_.push_back(cluster.name());
  }
  for (const v1::Category& category : plan.spec().world().categories()) {
    categories_.push_back(category.name());
  }
  for (const FoundColumn column :
       {FoundColumn::kKind, FoundColumn::kCluster, FoundColumn::kCategory}) {
    const std::vector<std::string>& labels = LabelsOf(column);
    for (size_t i = 0; i < labels.size(); ++i) {
      labels_[static_cast<size_t>(column)].emplace(labels[i], static_cast<int64_t>(i));
    }
  }
}

const std::vector<std::string>& RowText::LabelsOf(FoundColumn column) const {
  return column == FoundColumn::kKind      ? kinds_
         : column == FoundColumn::kCluster ? clusters_
                                           : categories_;
}

int64_t RowText::IdOf(throng_bytes text, const IdText& ids) {
  if (text.data == nullptr) return kAbsent;
  std::string_view digits(text.data, text.size);
  if (ids.IsUuid()) return ids.NumberOfUuid(digits).value_or(kUnreadable);
  if (digits.starts_with(ids.prefix())) digits.remove_prefix(ids.prefix().size());
  if (digits.ends_with(".0")) digits.remove_suffix(2);  // of a column of doubles
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_number = error == std::errc() && end == digits.data() + digits.size();
  return is_number && number >= 0 ? number - ids.first() : kUnreadable;
}

int64_t RowText::RatingOf(double stars) {
  constexpr double kMost = 1e15;
  if (std::isnan(stars)) return kAbsent;
  return std::abs(stars) < kMost ? std::llround(stars * 100) : kUnreadable;
}

int64_t RowText::LabelOf(FoundColumn column, throng_bytes text) const {
  if (text.data == nullptr) return kAbsent;
  const auto& known = labels_[static_cast<size_t>(column)];
  const auto found = known.find(std::string(text.data, text.size));
  return found == known.end() ? kUnreadable : found->second;
}

void RowText::Put(FoundColumn column, const FoundValue& value, FoundRow* row) const {
  int64_t& put = row->values[static_cast<size_t>(column)];
  if (!value.is_there) {
    put = kNotThere;
    return;
  }
  switch (column) {
    case FoundColumn::kUserId:
      put = IdOf(value.text, user_ids_);
      break;
    case FoundColumn::kItemId:
      put = IdOf(value.text, item_ids_);
      break;
    case FoundColumn::kRating:
      put = RatingOf(value.real);
      break;
    case FoundColumn::kKind:
    case FoundColumn::kCluster:
    case FoundColumn::kCategory:
      put = LabelOf(column, value.text);
      break;
    default:
      put = value.number == INT64_MIN ? kAbsent : value.number;
  }
  if (put != kUnreadable || row->unreadable != nullptr || value.text.data == nullptr) return;
  row->unreadable =
      std::make_shared<const std::string>(value.text.data, std::min(value.text.size, kMostText));
}

FoundRow RowText::RowOf(const FoundRows& rows, size_t i) const {
  const auto text = [i](const std::vector<throng_bytes>& found) {
    return found.empty() ? FoundValue() : FoundValue{.is_there = true, .text = found[i]};
  };
  const auto number = [i](const std::vector<int64_t>& found) {
    return found.empty() ? FoundValue() : FoundValue{.is_there = true, .number = found[i]};
  };
  FoundRow row = RowOf([&](FoundColumn column) {
    switch (column) {
      case FoundColumn::kUserId:
        return text(rows.user_id);
      case FoundColumn::kItemId:
        return text(rows.item_id);
      case FoundColumn::kRating:
        return rows.rating.empty() ? FoundValue()
                                   : FoundValue{.is_there = true, .real = rows.rating[i]};
      case FoundColumn::kTimestamp:
        return number(rows.timestamp);
      case FoundColumn::kInteractionId:
        return number(rows.interaction_id);
      case FoundColumn::kKind:
        return text(rows.kind);
      case FoundColumn::kCluster:
        return text(rows.cluster);
      case FoundColumn::kCategory:
        return text(rows.category);
      case FoundColumn::kSessionId:
        return number(rows.session_id);
      case FoundColumn::kSessionRow:
        return number(rows.session_row);
    }
    return FoundValue();
  });
  row.piece = rows.piece.empty() ? 0 : rows.piece[i];
  row.offset = rows.offset.empty() ? 0 : rows.offset[i];
  const bool has_time = !rows.message_time.empty() && rows.message_time[i] >= 0;
  row.message_time = has_time ? rows.message_time[i] : kNotThere;
  return row;
}

std::string RowText::ToText(FoundColumn column, int64_t value) const {
  if (value == kNotThere || value == kAbsent) return "";
  if (value == kUnreadable) return "?";
  switch (column) {
    case FoundColumn::kUserId:
      return user_ids_.Of(value);
    case FoundColumn::kItemId:
      return item_ids_.Of(value);
    case FoundColumn::kRating:
      return RatingText(value);
    case FoundColumn::kTimestamp:
      return TimestampText(value);
    case FoundColumn::kKind:
    case FoundColumn::kCluster:
    case FoundColumn::kCategory:
      return LabelsOf(column)[static_cast<size_t>(value)];
    default:
      return std::to_string(value);
  }
}

std::string RowText::ToText(const RowValues& values) const {
  std::string text;
  for (size_t c = 0; c < kFoundColumns; ++c) {
    if (values[c] == kNotThere) continue;
    if (!text.empty()) text += ',';
    text += ToText(static_cast<FoundColumn>(c), values[c]);
  }
  return text;
}

}  // namespace throng
