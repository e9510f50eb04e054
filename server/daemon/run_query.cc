#include "server/daemon/run_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "server/control/digest.h"
#include "server/daemon/errors.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

constexpr int32_t kMostOfAPage = 1000;
constexpr int32_t kDefaultPage = 100;
constexpr size_t kMostFilterBytes = 4096;
constexpr size_t kDigestDigits = 16;
constexpr std::string_view kLabels = "labels";
constexpr std::string_view kAnd = "AND";

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

absl::Status BadFilter(std::string_view why) {
  return InvalidField(
      "filter", fmt::format("{} Write it as `state = RUNNING AND labels.team = \"x\"`.", why));
}

// The number of an enum's value by its name, with or without its prefix.
std::optional<int> NumberOf(const google::protobuf::EnumDescriptor* type, std::string_view prefix,
                            std::string_view name) {
  std::string full(name);
  std::transform(full.begin(), full.end(), full.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (!full.starts_with(prefix)) full.insert(0, prefix);
  const auto* value = type->FindValueByName(full);
  if (value == nullptr || value->number() == 0) return std::nullopt;
  return value->number();
}

std::string NamesOf(const google::protobuf::EnumDescriptor* type, std::string_view prefix) {
  std::string names;
  for (int i = 1; i < type->value_count(); ++i) {
    names += (names.empty() ? "" : ", ") + type->value(i)->name().substr(prefix.size());
  }
  return names;
}

}  // namespace

// A filter, word by word.
class RunQuery::Words {
 public:
  struct Word {
    std::string text;        // without its quotes; empty and not quoted: the end
    bool is_quoted = false;  // then it is a value
  };

  explicit Words(std::string_view filter) : rest_(filter) {}

  bool AtEnd() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0) {
      rest_.remove_prefix(1);
    }
    return rest_.empty();
  }

  absl::StatusOr<Word> Next() {
    if (AtEnd()) return Word();
    if (rest_.front() == '"') return Quoted();
    size_t size = 0;
    while (size < rest_.size() && IsWordCharacter(rest_[size])) ++size;
    if (size == 0) size = rest_.starts_with("!=") ? 2 : 1;
    Word word{std::string(rest_.substr(0, size))};
    rest_.remove_prefix(size);
    return word;
  }

 private:
  absl::StatusOr<Word> Quoted() {
    Word word{"", true};
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return word;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      word.text += rest_[i];
    }
    return BadFilter("A quotation mark is not closed.");
  }

  std::string_view rest_;
};

absl::StatusOr<RunQuery> RunQuery::Parse(const v1::ListRunsRequest& request) {
  RunQuery query;
  if (request.page_size() < 0) return InvalidField("page_size", "Must not be negative.");
  query.page_size_ = static_cast<size_t>(
      request.page_size() == 0 ? kDefaultPage : std::min(request.page_size(), kMostOfAPage));
  if (absl::Status status = query.ParseFilter(request.filter()); !status.ok()) return status;
  if (absl::Status status = query.ParseOrder(request.order_by()); !status.ok()) return status;
  query.digest_ = Digest()
                      .AddField(request.filter())
                      .AddField(request.order_by())
                      .Hex()
                      .substr(0, kDigestDigits);
  if (absl::Status status = query.ParseToken(request.page_token()); !status.ok()) return status;
  return query;
}

absl::Status RunQuery::ParseFilter(std::string_view filter) {
  if (filter.size() > kMostFilterBytes) {
    return InvalidField("filter", fmt::format("Must be at most {} bytes long.", kMostFilterBytes));
  }
  Words words(filter);
  if (words.AtEnd()) return absl::OkStatus();
  while (true) {
    if (absl::Status status = ParseCondition(&words); !status.ok()) return status;
    if (words.AtEnd()) return absl::OkStatus();
    const auto next = words.Next();
    if (!next.ok()) return next.status();
    if (next->is_quoted || next->text != kAnd) {
      return BadFilter(fmt::format("AND must follow a condition, found \"{}\".", next->text));
    }
  }
}

absl::Status RunQuery::ParseCondition(Words* words) {
  const auto field = words->Next();
  if (!field.ok()) return field.status();
  const auto sign = words->Next();
  if (!sign.ok()) return sign.status();
  const auto value = words->Next();
  if (!value.ok()) return value.status();
  Condition condition;
  const std::string label_prefix = std::string(kLabels) + ".";
  if (field->text == kLabels && sign->text == ":") {
    condition.label = value->text;
  } else if (field->text.starts_with(label_prefix)) {
    condition.label = field->text.substr(label_prefix.size());
    condition.value = value->text;
  } else if (field->text == "state" || field->text == "target_state") {
    condition.field = field->text == "state" ? Field::kState : Field::kTargetState;
    condition.value = value->text;
  } else {
    return BadFilter(
        fmt::format("It has \"{}\", which is no field of a filter; `state`, "
                    "`target_state`, `labels.KEY` and `labels:KEY` are.",
                    field->text));
  }
  if (value->text.empty() && !value->is_quoted) {
    return BadFilter(fmt::format("No value follows `{}`.", field->text));
  }
  if (condition.value && sign->text != "=" && sign->text != "!=") {
    return BadFilter(
        fmt::format("= or != must follow `{}`, found \"{}\".", field->text, sign->text));
  }
  condition.is_negated = sign->text == "!=";
  if (!value->is_quoted && !std::all_of(value->text.begin(), value->text.end(), IsWordCharacter)) {
    return BadFilter(fmt::format("A value must follow `{} {}`, found \"{}\".", field->text,
                                 sign->text, value->text));
  }
  if (condition.field != Field::kLabel) {
    const bool is_state = condition.field == Field::kState;
    const auto* type = is_state ? v1::RunState_descriptor() : v1::TargetState_descriptor();
    const std::string_view prefix = is_state ? "RUN_STATE_" : "TARGET_STATE_";
    const auto number = NumberOf(type, prefix, value->text);
    if (!number) {
      return BadFilter(fmt::format("\"{}\" is none of the values of `{}`: {}.", value->text,
                                   field->text, NamesOf(type, prefix)));
    }
    condition.number = *number;
  }
  conditions_.push_back(std::move(condition));
  return absl::OkStatus();
}

absl::Status RunQuery::ParseOrder(std::string_view order_by) {
  constexpr std::string_view kDescending = " desc";
  std::string_view field = order_by;
  if (field.ends_with(kDescending)) {
    is_descending_ = true;
    field.remove_suffix(kDescending.size());
  }
  if (order_by.empty() || field == "name") {
    order_ = Order::kName;
  } else if (field == "create_time") {
    order_ = Order::kCreateTime;
  } else if (field == "update_time") {
    order_ = Order::kUpdateTime;
  } else {
    return InvalidField(
        "order_by", fmt::format("Must be `name`, `create_time` or `update_time`, or one of them "
                                "and ` desc`, found \"{}\".",
                                order_by));
  }
  return absl::OkStatus();
}

// Digest, key of the order and name, with `:` between them.
absl::Status RunQuery::ParseToken(std::string_view token) {
  if (token.empty()) return absl::OkStatus();
  const size_t first = token.find(':');
  const size_t second = first == std::string_view::npos ? first : token.find(':', first + 1);
  if (second != std::string_view::npos && token.substr(0, first) == digest_) {
    const std::string_view number = token.substr(first + 1, second - first - 1);
    Key key{0, token.substr(second + 1)};
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), key.first);
    if (error == std::errc() && end == number.data() + number.size()) {
      after_ = std::move(key);
      return absl::OkStatus();
    }
  }
  return InvalidField("page_token",
                      "Must be the next_page_token of a list with this filter and order_by; leave "
                      "it out to begin at the first page.");
}

RunQuery::Key RunQuery::KeyOf(const v1::Run& run) const {
  switch (order_) {
    case Order::kCreateTime:
      return {MsOf(run.create_time()), run.name()};
    case Order::kUpdateTime:
      return {MsOf(run.update_time()), run.name()};
    case Order::kName:
      break;
  }
  return {0, run.name()};
}

bool RunQuery::IsKeyBefore(const Key& one, const Key& other) const {
  if (one.first != other.first) return (one.first < other.first) != is_descending_;
  const bool is_reversed = is_descending_ && order_ == Order::kName;
  return is_reversed ? other.second < one.second : one.second < other.second;
}

bool RunQuery::IsBefore(const v1::Run& one, const v1::Run& other) const {
  return IsKeyBefore(KeyOf(one), KeyOf(other));
}

bool RunQuery::Holds(const Condition& condition, const v1::Run& run) {
  if (condition.field == Field::kState) {
    return (run.state() == condition.number) != condition.is_negated;
  }
  if (condition.field == Field::kTargetState) {
    return (run.target_state() == condition.number) != condition.is_negated;
  }
  const auto found = run.labels().find(condition.label);
  if (found == run.labels().end()) return condition.is_negated;
  return !condition.value || (found->second == *condition.value) != condition.is_negated;
}

bool RunQuery::Takes(const v1::Run& run) const {
  if (after_ && !IsKeyBefore(*after_, KeyOf(run))) return false;
  return std::all_of(conditions_.begin(), conditions_.end(),
                     [&](const Condition& condition) { return Holds(condition, run); });
}

std::string RunQuery::TokenAfter(const v1::Run& last) const {
  const Key key = KeyOf(last);
  return fmt::format("{}:{}:{}", digest_, key.first, key.second);
}

}  // namespace throng
