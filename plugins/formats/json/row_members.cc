#include "plugins/formats/json/row_members.h"

#include <algorithm>

namespace throng::plugins {
namespace {

constexpr size_t kNoneWanted = SIZE_MAX;
constexpr size_t kMostPlaces = 64;

// A number, a truth, or what Python writes for no number; true of null, too.
bool IsPlainScalar(const JsonValue& value) {
  constexpr std::string_view kBegins = "-0123456789tfnN";
  return value.kind == JsonValue::Kind::kScalar && !value.raw.empty() &&
         kBegins.find(value.raw.front()) != std::string_view::npos;
}

}  // namespace

void RowMembers::Begin(const throng_origin& origin) {
  wanted_ = WantedOf(origin);
  values_.assign(wanted_.size(), {});
  has_.assign(wanted_.size(), false);
  places_.clear();
  Clear();
}

bool RowMembers::IsWanted(std::string_view name) const {
  return std::any_of(wanted_.begin(), wanted_.end(),
                     [&](const Wanted& wanted) { return wanted.name == name; });
}

size_t RowMembers::Find(const JsonValue& key, size_t place) {
  if (place < places_.size()) {
    const size_t before = places_[place];
    if (before != kNoneWanted && wanted_[before].name == key.raw) return before;
  }
  std::string unescaped;
  std::string_view name = key.raw;
  if (key.is_escaped && UnescapeJson(key.raw, &unescaped)) name = unescaped;
  const auto found = std::find_if(wanted_.begin(), wanted_.end(),
                                  [&](const Wanted& wanted) { return wanted.name == name; });
  const size_t index =
      found == wanted_.end() ? kNoneWanted : static_cast<size_t>(found - wanted_.begin());
  if (place < kMostPlaces) {
    places_.resize(std::max(places_.size(), place + 1), kNoneWanted);
    places_[place] = index;
  }
  return index;
}

JsonRead RowMembers::Read(JsonCursor* cursor) {
  std::fill(has_.begin(), has_.end(), false);
  size_t place = 0;
  const char* const start = cursor->at();
  const JsonRead read = cursor->ReadObject([&](const JsonValue& key, const JsonValue& value) {
    const size_t index = Find(key, place++);
    if (index == kNoneWanted) return;
    values_[index] = value;
    has_[index] = true;
  });
  object_ = {start, static_cast<size_t>(cursor->at() - start)};
  return read;
}

std::string RowMembers::Names() const {
  std::vector<std::string> names;
  JsonCursor cursor(object_.data(), object_.data() + object_.size());
  cursor.ReadObject([&](const JsonValue& key, const JsonValue&) { names.emplace_back(key.raw); });
  return Listed(names);
}

const Wanted* RowMembers::Missing() const {
  for (size_t i = 0; i < wanted_.size(); ++i) {
    if (!has_[i] && wanted_[i].is_required) return &wanted_[i];
  }
  return nullptr;
}

bool RowMembers::Write(throng_decoded& decoded, uint32_t* wanted, std::string* sentence) {
  const uint32_t row = decoded.rows;
  for (uint32_t i = 0; i < wanted_.size(); ++i) {
    const Wanted& asked = wanted_[i];
    const JsonValue& value = values_[i];
    std::string_view text = value.raw;
    bool is_absent = !has_[i] || (value.kind == JsonValue::Kind::kScalar && text == "null");
    bool is_right = value.kind == JsonValue::Kind::kText || IsPlainScalar(value);
    if (!is_absent && value.is_escaped && value.kind == JsonValue::Kind::kText) {
      std::string& unescaped = texts_.emplace_back();
      is_right = UnescapeJson(text, &unescaped);
      if (is_right) text = unescaped;
    }
    is_absent = is_absent || (is_right && text.empty()) ||
                (asked.type != THRONG_FOUND_TEXT && IsAbsentText(text));
    if (is_absent && !MustHaveValue(asked)) {
      SetAbsent(asked.type, decoded.columns[i], row);
    } else if (is_absent || !is_right ||
               !SetText(asked.type, decoded.columns[i], row, text, &times_)) {
      *wanted = i;
      *sentence = is_absent  ? asked.name + " is missing"
                  : is_right ? Misread(asked.name, asked.type, text)
                             : asked.name + " is neither a text nor a number";
      return false;
    }
  }
  return true;
}

}  // namespace throng::plugins
