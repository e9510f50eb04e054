// Defaults and rules of throng.v1.RunSpec.
#include "server/spec/rules.h"

#include <fmt/format.h>
#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/utf8.h"
#include "server/spec/presets.h"
#include "server/spec/tree.h"

namespace throng {
namespace {

constexpr uint64_t kDefaultSeed = 42;
constexpr int64_t kEndlessPlanSize = 50'000;
constexpr int64_t kMostRows = 100'000'000'000;
constexpr int64_t kMostUsersOrItems = 4'294'967'295;
constexpr int kMostGroups = 1000;
constexpr int64_t kMostSlices = 1'000'000;
constexpr int64_t kMostThreads = 256;
constexpr double kFastestRate = 1e9;
constexpr int kMostPaceSteps = 1000;
constexpr int64_t kShortestCommitMs = 1;
constexpr int64_t kLongestCommitMs = 3'600'000;
constexpr size_t kLongestName = 64;
constexpr double kShareTolerance = 1e-9;

// A number is never given to another column, also if its own is gone.
constexpr TableColumn kInteractionColumns[] = {{"user_id", 1},
                                               {"item_id", 2},
                                               {"rating", 3},
                                               {"timestamp", 4},
                                               {"interaction_id", 5, true},
                                               {"kind", 6, true},
                                               {"cluster", 7, true},
                                               {"category", 8, true},
                                               {"session_id", 9, true},
                                               {"session_row", 10, true}};
constexpr TableColumn kUserColumns[] = {{"user_id", 1},
                                        {"cluster", 2},
                                        {"activity_rank", 3},
                                        {"age_band", 4, true},
                                        {"region", 5, true}};
constexpr TableColumn kItemColumns[] = {
    {"item_id", 1}, {"category", 2}, {"popular", 3}, {"brand", 4, true}, {"price", 5, true}};

bool IsText(v1::Ids ids) { return ids == v1::IDS_UNSPECIFIED || ids == v1::IDS_TEXT; }

std::string_view TableName(v1::Table table) {
  switch (table) {
    case v1::TABLE_USERS:
      return "users";
    case v1::TABLE_ITEMS:
      return "items";
    default:
      return "interactions";
  }
}

std::vector<std::string> ColumnNames(v1::Table table) {
  std::vector<std::string> names;
  for (const TableColumn& column : TableColumns(table)) names.emplace_back(column.name);
  return names;
}

// Whether a column is named as one of a behaviour's own: "choice.niche".
bool IsOfBehaviour(std::string_view column) {
  const size_t dot = column.find('.');
  if (dot == std::string_view::npos || dot + 1 == column.size()) return false;
  const std::string_view role = column.substr(0, dot);
  return role == "activity" || role == "clock" || role == "choice" || role == "rating";
}

// As the user would write it, without the dust of binary fractions.
std::string Text(double value) { return fmt::format("{:.10g}", value); }

int64_t Milliseconds(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1000 + duration.nanos() / 1'000'000;
}

std::string Element(std::string_view list, int index) { return fmt::format("{}[{}]", list, index); }

class Rules {
 public:
  Rules(const v1::RunSpec& spec, Problems* problems) : spec_(spec), problems_(problems) {}

  void CheckAll(bool needs_outputs) {
    CheckDataset();
    CheckWorld();
    if (needs_outputs && spec_.outputs().empty()) {
      Add("outputs", "The run has no output; give at least one with a format and a sink.");
    }
    std::map<std::string, int> names;
    for (int i = 0; i < spec_.outputs_size(); ++i) {
      const std::string path = Element("outputs", i);
      CheckOutput(spec_.outputs(i), path);
      CheckUnique(spec_.outputs(i).name(), "outputs", i, &names);
    }
    if (spec_.has_pace()) CheckPace(spec_.pace());
    CheckSlice();
    CheckRange("threads", spec_.threads(), 0, kMostThreads);
  }

 private:
  void Add(std::string field, std::string message) {
    problems_->push_back({std::move(field), std::move(message)});
  }

  bool is_endless() const { return !spec_.dataset().has_interactions(); }

  bool CheckRange(std::string field, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return true;
    Add(std::move(field), fmt::format("Must lie between {} and {}, found {}.", least, most, value));
    return false;
  }

  void CheckFraction(std::string field, double value) {
    if (value > 0 && value <= 1) return;
    Add(std::move(field),
        fmt::format("Must lie above 0 and at most at 1 (0.8 is 80%), found {}.", Text(value)));
  }

  void CheckDataset() {
    const v1::DatasetSpec& dataset = spec_.dataset();
    if (!is_endless()) CheckRange("dataset.interactions", dataset.interactions(), 1, kMostRows);
    // A plan size that was filled in repeats the interactions: one mistake is enough.
    const bool is_told = !is_endless() && dataset.plan_size() == dataset.interactions();
    if (dataset.has_plan_size() && !is_told) {
      CheckRange("dataset.plan_size", dataset.plan_size(), 1, kMostRows);
    }
    CheckComponent(dataset.order(), "dataset.order", "shuffled");
    CheckComponent(dataset.activity(), "dataset.activity", "pareto");
    CheckComponent(dataset.clock(), "dataset.clock", "uniform");
    CheckComponent(dataset.choice(), "dataset.choice", "clustered");
    CheckComponent(dataset.rating(), "dataset.rating", "calibrated");
  }

  void CheckComponent(const v1::Component& component, const std::string& path,
                      std::string_view example) {
    if (!component.component().empty()) return;
    Add(JoinField(path, "component"),
        fmt::format("Name the component, for example `{{component: {}}}`.", example));
  }

  void CheckWorld() {
    const v1::World& world = spec_.dataset().world();
    const std::string path = "dataset.world";
    CheckRange(path + ".users", world.users(), 1, kMostUsersOrItems);
    CheckRange(path + ".items", world.items(), 1, kMostUsersOrItems);
    CheckFraction(path + ".active_users", world.active_users());
    CheckFraction(path + ".touched_items", world.touched_items());
    CheckFraction(path + ".popular_items", world.popular_items());
    if (world.popular_items() > 0 && world.touched_items() <= 1 &&
        world.popular_items() >= world.touched_items()) {
      Add(path + ".popular_items",
          fmt::format(
              "Must be below touched_items ({}), found {}; popular items are touched, and so "
              "are some that are not popular.",
              Text(world.touched_items()), Text(world.popular_items())));
    }
    CheckGroups(world.categories(), path + ".categories", "category");
    CheckGroups(world.clusters(), path + ".clusters", "cluster");
    std::vector<std::string> categories;
    for (const v1::Category& category : world.categories()) categories.push_back(category.name());
    for (int i = 0; i < world.clusters_size(); ++i) {
      const std::string& prefers = world.clusters(i).prefers();
      if (prefers.empty() ||
          std::find(categories.begin(), categories.end(), prefers) != categories.end()) {
        continue;
      }
      Add(Element(path + ".clusters", i) + ".prefers",
          fmt::format("{} is no category.{}", Quote(prefers), DidYouMean(prefers, categories)));
    }
    CheckPrefix(path + ".user_prefix", world.user_prefix());
    CheckPrefix(path + ".item_prefix", world.item_prefix());
    if (world.has_user_start()) {
      CheckStart(path + ".user_start", "users", world.user_start(), world.users());
    }
    if (world.has_item_start()) {
      CheckStart(path + ".item_start", "items", world.item_start(), world.items());
    }
  }

  void CheckPrefix(const std::string& field, const std::string& prefix) {
    CheckText(field, prefix);
    const v1::Ids ids = spec_.dataset().world().ids();
    if (!IsText(ids) && !prefix.empty()) {
      Add(field, fmt::format("Ids that are {} have no prefix, found {}; leave it out, or let "
                             "dataset.world.ids be text.",
                             ids == v1::IDS_UUID ? "UUIDs" : "integers", Quote(prefix)));
    }
    const uint32_t hidden = FindHidden(prefix);
    if (hidden == 0) return;
    Add(field, fmt::format("Holds U+{:04X}, which is not seen or turns the direction of what is; "
                           "leave it out.",
                           hidden));
  }

  // Of `count` ids.
  void CheckStart(const std::string& field, const std::string& noun, int64_t start, int64_t count) {
    if (!CheckRange(field, start, 0, kMostUsersOrItems)) return;
    if (start != 1 && spec_.dataset().world().ids() == v1::IDS_UUID) {
      return Add(field,
                 "UUIDs show no numbers; leave it out, or let dataset.world.ids be integer.");
    }
    if (count >= 1 && count <= kMostUsersOrItems && start > kMostUsersOrItems - count + 1) {
      Add(field, fmt::format(
                     "The last of {} {} would be number {}, beyond {}; begin at {} at most.", count,
                     noun, start + count - 1, kMostUsersOrItems, kMostUsersOrItems - count + 1));
    }
  }

  // The first character of a UTF-8 text that is not seen, or turns the direction of what follows
  // it (Unicode's Cf, and separators of lines and paragraphs); 0: none.
  static uint32_t FindHidden(std::string_view text) {
    constexpr std::pair<uint32_t, uint32_t> kHidden[] = {
        {0x80, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x180E, 0x180E}, {0x200B, 0x200F},
        {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
    if (FindInvalidUtf8(text) != std::string_view::npos) return 0;
    for (size_t i = 0; i < text.size();) {
      const auto lead = static_cast<unsigned char>(text[i++]);
      const int more = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
      uint32_t point = more == 0 ? lead : lead & (0x3FU >> more);
      for (int j = 0; j < more; ++j) {
        point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3FU);
      }
      for (const auto& [first, last] : kHidden) {
        if (point >= first && point <= last) return point;
      }
    }
    return 0;
  }

  void CheckPace(const v1::Pace& pace) {
    if (pace.repeat() && pace.profile().empty()) {
      Add("pace.repeat", "Only a profile is repeated; give `pace.profile`, or leave it out.");
    }
    const int ways =
        (pace.rate() != 0 ? 1 : 0) + (pace.profile().empty() ? 0 : 1) + (pace.has_live() ? 1 : 0);
    if (ways > 1) {
      Add("pace", "Has more than one of `rate`, `profile` and `live`; keep one.");
    } else if (!pace.profile().empty()) {
      CheckProfile(pace);
    } else if (!pace.has_live() && !IsRate(pace.rate())) {
      Add("pace.rate", fmt::format("Must lie above 0 and at most at {} rows a second, found {}; "
                                   "leave out `pace` for as fast as possible.",
                                   kFastestRate, Text(pace.rate())));
    }
  }

  void CheckProfile(const v1::Pace& pace) {
    const std::string path = "pace.profile";
    if (pace.profile_size() > kMostPaceSteps) {
      Add(path, fmt::format("Has {} steps; {} are the most.", pace.profile_size(), kMostPaceSteps));
    }
    bool has_rows = false;
    for (int i = 0; i < pace.profile_size(); ++i) {
      const v1::PaceStep& step = pace.profile(i);
      const std::string at = Element(path, i);
      const bool holds = step.has_for_();
      if (holds == step.has_over()) {
        Add(at,
            "Must be either `rate` and `for`, as {rate: 100, for: 1m}, or `to` and `over`, as "
            "{to: 5000, over: 10m}.");
        continue;
      }
      if (holds ? step.to() != 0 : step.rate() != 0) {
        Add(at + (holds ? ".to" : ".rate"), holds ? "Goes with `over`, and `rate` with `for`."
                                                  : "Goes with `for`, and `to` with "
                                                    "`over`.");
      }
      const double rate = holds ? step.rate() : step.to();
      if (rate != 0 && !IsRate(rate)) {
        Add(at + (holds ? ".rate" : ".to"),
            fmt::format("Must lie between 0 and {} rows a second, found {}.", kFastestRate,
                        Text(rate)));
      }
      if (Milliseconds(holds ? step.for_() : step.over()) <= 0) {
        Add(at + (holds ? ".for" : ".over"), "Must be longer than 0.");
      }
      has_rows = has_rows || rate > 0;
    }
    const v1::PaceStep& last = *pace.profile().rbegin();
    if (pace.repeat() ? !has_rows : last.rate() == 0 && last.to() == 0) {
      Add(path,
          "Ends at 0 rows a second for ever; end with a rate above 0, or give `repeat: true` "
          "and a step with rows.");
    }
  }

  static bool IsRate(double rate) { return rate > 0 && rate <= kFastestRate; }

  // Clusters or categories: names, shares and their sum.
  template <class Groups>
  void CheckGroups(const Groups& groups, const std::string& path, std::string_view noun) {
    if (groups.empty() || groups.size() > kMostGroups) {
      return Add(path, fmt::format("Must have between 1 and {} elements, found {}.", kMostGroups,
                                   groups.size()));
    }
    std::map<std::string, int> names;
    double sum = 0;
    bool shares_are_sound = true;
    for (int i = 0; i < groups.size(); ++i) {
      const auto& group = groups.Get(i);
      CheckName(Element(path, i) + ".name", group.name());
      CheckUnique(group.name(), path, i, &names);
      CheckFraction(Element(path, i) + ".share", group.share());
      shares_are_sound = shares_are_sound && group.share() > 0 && group.share() <= 1;
      sum += group.share();
    }
    if (!shares_are_sound || std::abs(sum - 1) <= kShareTolerance) return;
    Add(path, sum < 1
                  ? fmt::format("The shares sum to {0}, not to 1; add {1} to one of them or a {2} "
                                "with a share of {1}.",
                                Text(sum), Text(1 - sum), noun)
                  : fmt::format("The shares sum to {}, not to 1; take {} away from them.",
                                Text(sum), Text(sum - 1)));
  }

  void CheckUnique(const std::string& name, const std::string& list, int index,
                   std::map<std::string, int>* names) {
    const auto [first, is_new] = names->emplace(name, index);
    if (is_new || name.empty()) return;
    Add(Element(list, index) + ".name",
        fmt::format("{} is already the name of {}; give it another.", Quote(name),
                    Element(list, first->second)));
  }

  void CheckName(const std::string& field, const std::string& name) {
    if (name.empty()) return Add(field, "Give it a name.");
    CheckText(field, name);
  }

  // Text that stands in records: it must not break CSV, nor a line of a log.
  void CheckText(const std::string& field, const std::string& text) {
    if (text.size() > kLongestName) {
      return Add(field,
                 fmt::format("Must have at most {} bytes, found {}.", kLongestName, text.size()));
    }
    if (FindInvalidUtf8(text) != std::string::npos) {
      return Add(field, fmt::format("{} is not UTF-8 text; write it anew.", Quote(text)));
    }
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c != ',' && c != '"' && byte >= 0x20 && byte != 0x7F) continue;
      const std::string_view what = c == ','    ? "a comma"
                                    : c == '"'  ? "a quote"
                                    : c == '\n' ? "a line break"
                                                : "a control character";
      return Add(field, fmt::format("{} holds {}, which would break CSV; leave it out.",
                                    Quote(text), what));
    }
  }

  static std::string Quote(const std::string& text) {
    const bool is_utf8 = FindInvalidUtf8(text) == std::string::npos;
    std::string quoted = "\"";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_utf8)) {
        quoted += fmt::format("\\x{:02x}", byte);
      } else {
        quoted += c;
      }
    }
    return quoted + '"';
  }

  void CheckOutput(const v1::OutputSpec& output, const std::string& path) {
    CheckText(path + ".name", output.name());  // empty only without a sink, which is said below
    CheckComponent(output.format(), path + ".format", "csv");
    CheckComponent(output.sink(), path + ".sink", "file");
    CheckColumns(output, path);
    CheckRows(output, path);
    CheckRange(path + ".commit_rows", output.commit_rows(), 0, kMostRows);
    CheckRange(path + ".roll_rows", output.roll_rows(), 0, kMostRows);
    const google::protobuf::Duration& interval = output.commit_interval();
    const bool overflows = interval.seconds() < 0 || interval.seconds() > kLongestCommitMs;
    const int64_t ms = overflows ? -1 : Milliseconds(interval);
    if (ms < kShortestCommitMs || ms > kLongestCommitMs) {
      Add(path + ".commit_interval", "Must lie between 1ms and 1h.");
    }
  }

  void CheckColumns(const v1::OutputSpec& output, const std::string& path) {
    const std::vector<std::string> known = ColumnNames(output.table());
    const auto check = [&](std::string field, const std::string& column) {
      if (std::find(known.begin(), known.end(), column) != known.end()) return;
      if (IsOfBehaviour(column)) return;  // which the plan knows
      Add(std::move(field),
          fmt::format("The table {} has no column {}.{}", TableName(output.table()), Quote(column),
                      DidYouMean(column, known)));
    };
    std::map<std::string, int> names;
    for (int i = 0; i < output.columns_size(); ++i) {
      const v1::Column& column = output.columns(i);
      const std::string column_path = Element(path + ".columns", i);
      check(column_path + ".column", column.column());
      if (column.name() != column.column()) CheckName(column_path + ".name", column.name());
      CheckUnique(column.name(), path + ".columns", i, &names);
    }
    check(path + ".key", output.key());
  }

  void CheckRows(const v1::OutputSpec& output, const std::string& path) {
    if (output.table() != v1::TABLE_INTERACTIONS) {
      for (const auto& [is_given, field] :
           {std::pair(output.has_rows(), ".rows"), std::pair(output.has_share(), ".share")}) {
        if (!is_given) continue;
        Add(path + field, fmt::format("The table {} is always written whole; leave this out.",
                                      TableName(output.table())));
      }
      return;
    }
    if (output.has_rows() && output.has_share()) {
      Add(path + ".share", "Give either rows or share, not both.");
    }
    if (output.has_rows()) CheckRowRange(output.rows(), path + ".rows");
    if (output.has_share()) CheckShareRange(output.share(), path + ".share");
  }

  void CheckRowRange(const v1::RowRange& rows, const std::string& path) {
    const int64_t end = is_endless() ? kMostRows : spec_.dataset().interactions();
    if (rows.from() < 0 || rows.from() >= end) {
      Add(path + ".from",
          fmt::format("Must lie between 0 and {}, the last row, found {}.", end - 1, rows.from()));
    }
    if (!rows.has_to()) return;
    if (is_endless()) {
      return Add(path + ".to",
                 "The dataset has no end; set dataset.interactions or leave this out.");
    }
    if (rows.to() > end) {
      Add(path + ".to",
          fmt::format("Must be at most {}, the dataset's interactions, found {}.", end, rows.to()));
    } else if (rows.to() <= rows.from()) {
      Add(path + ".to",
          fmt::format("Must be above `from` ({}), found {}.", rows.from(), rows.to()));
    }
  }

  void CheckShareRange(const v1::ShareRange& share, const std::string& path) {
    if (is_endless()) {
      return Add(
          path, "A share needs a dataset with an end; set dataset.interactions or leave this out.");
    }
    if (!(share.from() >= 0 && share.from() < 1)) {
      Add(path + ".from",
          fmt::format("Must lie between 0 and 1 (below 1), found {}.", Text(share.from())));
    }
    if (!(share.to() > 0 && share.to() <= 1)) {
      Add(path + ".to",
          fmt::format("Must lie above 0 and at most at 1, found {}.", Text(share.to())));
    } else if (share.to() <= share.from()) {
      Add(path + ".to", fmt::format("Must be above `from` ({}), found {}.", Text(share.from()),
                                    Text(share.to())));
    }
  }

  void CheckSlice() {
    const v1::Slice& slice = spec_.slice();
    if (CheckRange("slice.count", slice.count(), 1, kMostSlices)) {
      CheckRange("slice.index", slice.index(), 0, slice.count() - 1);
    }
    if (slice.mode() == v1::SLICE_MODE_CONTIGUOUS && is_endless()) {
      Add("slice.mode",
          "Contiguous slices need a dataset with an end; say interleaved or set "
          "dataset.interactions.");
    }
  }

  const v1::RunSpec& spec_;
  Problems* problems_;
};

void FillOutput(v1::OutputSpec* output) {
  if (output->table() == v1::TABLE_UNSPECIFIED) output->set_table(v1::TABLE_INTERACTIONS);
  if (output->columns().empty()) {
    for (const TableColumn& column : TableColumns(output->table())) {
      if (!column.is_extra) output->add_columns()->set_column(std::string(column.name));
    }
  }
  for (v1::Column& column : *output->mutable_columns()) {
    if (!column.name().empty()) continue;
    const std::string& own = column.column();
    column.set_name(IsOfBehaviour(own) ? own.substr(own.find('.') + 1) : own);
  }
  if (output->key().empty()) {
    output->set_key(output->table() == v1::TABLE_ITEMS ? "item_id" : "user_id");
  }
  if (output->has_share() && !output->share().has_to()) output->mutable_share()->set_to(1);
  if (!output->has_commit_interval()) output->mutable_commit_interval()->set_seconds(1);
}

// Outputs without a name get their sink's, then -2, -3, ...
void NameOutputs(v1::RunSpec* spec) {
  std::set<std::string> taken;
  for (const v1::OutputSpec& output : spec->outputs()) taken.insert(output.name());
  for (v1::OutputSpec& output : *spec->mutable_outputs()) {
    const std::string& sink = output.sink().component();
    if (!output.name().empty() || sink.empty()) continue;
    std::string name = sink;
    for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}", sink, i);
    output.set_name(name);
  }
}

}  // namespace

std::span<const TableColumn> TableColumns(v1::Table table) {
  switch (table) {
    case v1::TABLE_INTERACTIONS:
      return kInteractionColumns;
    case v1::TABLE_USERS:
      return kUserColumns;
    case v1::TABLE_ITEMS:
      return kItemColumns;
    default:
      return {};
  }
}

void FillDefaults(v1::RunSpec* spec) {
  v1::DatasetSpec* dataset = spec->mutable_dataset();
  if (!dataset->has_seed()) dataset->set_seed(kDefaultSeed);
  const bool is_endless = !dataset->has_interactions();
  const bool may_be_a_prefix =
      !is_endless && dataset->interactions() < InteractionsOfSize(dataset->size());
  if (!dataset->has_plan_size() && !may_be_a_prefix) {
    dataset->set_plan_size(is_endless ? kEndlessPlanSize : dataset->interactions());
  }
  v1::World* world = dataset->mutable_world();
  const bool has_prefixes = IsText(world->ids());
  if (!world->has_user_prefix()) world->set_user_prefix(has_prefixes ? "user_" : "");
  if (!world->has_item_prefix()) world->set_item_prefix(has_prefixes ? "item_" : "");
  for (v1::OutputSpec& output : *spec->mutable_outputs()) FillOutput(&output);
  NameOutputs(spec);
  v1::Slice* slice = spec->mutable_slice();
  if (!slice->has_count()) slice->set_count(1);
  if (slice->mode() == v1::SLICE_MODE_UNSPECIFIED) {
    slice->set_mode(is_endless ? v1::SLICE_MODE_INTERLEAVED : v1::SLICE_MODE_CONTIGUOUS);
  }
}

void ValidateSpec(const v1::RunSpec& spec, Problems* problems, bool needs_outputs) {
  Rules(spec, problems).CheckAll(needs_outputs);
}

}  // namespace throng
