#include "server/host/behaviours.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proto/utf8.h"
#include "server/control/status.h"
#include "server/host/option_values.h"

namespace throng {
namespace {

uint32_t TableOf(v1::Table table) {
  return table == v1::TABLE_USERS   ? THRONG_TABLE_USERS
         : table == v1::TABLE_ITEMS ? THRONG_TABLE_ITEMS
                                    : THRONG_TABLE_INTERACTIONS;
}

class ChosenPlugin : public ChosenBehaviour {
 public:
  ChosenPlugin(const Component& component, OptionValues options, const Environment& environment)
      : component_(component), options_(std::move(options)) {
    environment_.is_stopping = environment.is_stopping;
    environment_.metrics = environment.metrics;
  }
  const Component& component() const { return component_; }

  std::string name() const override { return component_.name; }
  const std::map<std::string, std::string>& options() const override { return options_.resolved(); }
  std::string Canonical() const override { return options_.Canonical(false); }
  bool HasRelativeTimes() const override { return options_.has_relative_times(); }
  absl::StatusOr<std::unique_ptr<Behaviour>> Make(const throng_dataset& dataset,
                                                  const Remark& remark) const override {
    Environment environment = environment_;
    environment.log = remark;
    auto made = PluginBehaviour::Create(component_, environment, dataset, options_.values());
    if (!made.ok()) return made.status();
    return std::unique_ptr<Behaviour>(*std::move(made));
  }

 private:
  const Component& component_;
  OptionValues options_;
  Environment environment_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PluginBehaviour>> PluginBehaviour::Create(
    const Component& component, const Environment& environment, const throng_dataset& dataset,
    const throng_value* options) {
  std::unique_ptr<PluginBehaviour> made(new PluginBehaviour(component, environment));
  absl::Status status = made->TryCreate([&](const throng_host* host, void** self, throng_error* e) {
    return component.behaviour.create(host, &dataset, options, self, e);
  });
  if (!status.ok()) return status;
  return made;
}

PluginBehaviour::~PluginBehaviour() {
  if (self_ != nullptr) Enter(kNoRow, [this] { component_.behaviour.destroy(self_); });
}

absl::StatusOr<std::vector<KindRows>> PluginBehaviour::Kinds() {
  constexpr uint32_t kMost = 256;
  std::vector<KindRows> result;
  if (component_.behaviour.kinds == nullptr) return result;
  const throng_kind* const* kinds = nullptr;
  uint32_t count = 0;
  absl::Status status = Try(kNoRow, [&](throng_error* e) {
    return component_.behaviour.kinds(self_, &kinds, &count, e);
  });
  if (!status.ok()) return status;
  if (count > kMost) return Fault("has {} kinds; {} are allowed.", count, kMost);
  for (uint32_t i = 0; i < count; ++i) {
    if (kinds == nullptr || kinds[i] == nullptr || kinds[i]->name == nullptr ||
        FindInvalidUtf8(kinds[i]->name) != std::string_view::npos || kinds[i]->rows < 0) {
      return Fault(
          "has a kind that cannot be: its kind {} lacks a name in UTF-8, or has less than "
          "no rows.",
          i);
    }
    result.push_back({kinds[i]->name, kinds[i]->rows});
  }
  return result;
}

uint32_t PluginBehaviour::BlockRows() {
  const auto block_rows = component_.behaviour.block_rows;
  return block_rows == nullptr ? 0 : Enter(kNoRow, [&] { return block_rows(self_); });
}

bool PluginBehaviour::Sorts() {
  const auto sorts = component_.behaviour.sorts;
  return sorts != nullptr && Enter(kNoRow, [&] { return sorts(self_); }) != 0;
}

bool PluginBehaviour::LeavesOut() {
  const auto leaves_out = component_.behaviour.leaves_out;
  return leaves_out != nullptr && Enter(kNoRow, [&] { return leaves_out(self_); }) != 0;
}

absl::StatusOr<std::vector<int64_t>> PluginBehaviour::Segments(int64_t epoch) {
  if (component_.behaviour.segments == nullptr) return Behaviour::Segments(epoch);
  const int64_t* first_rows = nullptr;
  uint32_t count = 0;
  absl::Status status = Try(kNoRow, [&](throng_error* e) {
    return component_.behaviour.segments(self_, epoch, &first_rows, &count, e);
  });
  if (!status.ok()) return status;
  constexpr uint32_t kMost = 256;
  if (count > kMost) return Fault("has {} segments; {} are allowed.", count, kMost);
  if (first_rows == nullptr) count = 0;
  return std::vector<int64_t>(first_rows, first_rows + count);
}

void PluginBehaviour::Tables(const std::function<void(std::string_view table)>& visit) {
  if (component_.behaviour.tables == nullptr) return;
  auto* context = const_cast<void*>(static_cast<const void*>(&visit));
  const auto hand_over = [](void* c, const void* table, size_t bytes) {
    (*static_cast<const std::function<void(std::string_view)>*>(c))(
        {static_cast<const char*>(table), bytes});
  };
  Enter(kNoRow, [&] { component_.behaviour.tables(self_, context, hand_over); });
}

absl::StatusOr<std::vector<FurtherColumn>> PluginBehaviour::Columns(v1::Table table) {
  std::vector<FurtherColumn> result;
  if (component_.behaviour.columns == nullptr) return result;
  const throng_column* const* columns = nullptr;
  uint32_t count = 0;
  absl::Status status = Try(kNoRow, [&](throng_error* e) {
    return component_.behaviour.columns(self_, TableOf(table), &columns, &count, e);
  });
  if (!status.ok()) return status;
  if (count > kMostFurtherColumns) {
    return Fault("has {} further columns of a table; {} are allowed.", count, kMostFurtherColumns);
  }
  if (count > 0 && table != v1::TABLE_INTERACTIONS && component_.behaviour.side == nullptr) {
    return Fault("has further columns of a side table and no function that fills them.");
  }
  for (uint32_t i = 0; i < count; ++i) {
    const throng_column* column = columns == nullptr ? nullptr : columns[i];
    const bool has_labels = column != nullptr && (column->labels_count == 0 || column->labels);
    if (!has_labels || column->name == nullptr || column->doc == nullptr) {
      return Fault("says nothing of its further column {}: a name, a doc or labels are missing.",
                   i);
    }
    FurtherColumn& further = result.emplace_back();
    further.index = i;
    further.type = column->type;
    further.name = column->name;
    further.doc = column->doc;
    further.is_nullable = (column->flags & THRONG_COLUMN_NULLABLE) != 0;
    for (uint32_t label = 0; label < column->labels_count; ++label) {
      const char* text = column->labels[label];
      if (text == nullptr || FindInvalidUtf8(text) != std::string_view::npos) {
        return Fault("has a further column {} with a label that is no text.", further.name);
      }
      further.labels.emplace_back(text);
    }
  }
  return result;
}

absl::Status PluginBehaviour::Side(v1::Table table, const int64_t* rank, size_t n,
                                   void* const* extra) {
  return Try(kNoRow, [&](throng_error* e) {
    return component_.behaviour.side(self_, TableOf(table), rank, n, extra, e);
  });
}

absl::Status PluginBehaviour::Learn(const throng_batch& batch) {
  if (component_.behaviour.learn == nullptr) return absl::OkStatus();
  return Try(batch.first_row,
             [&](throng_error* e) { return component_.behaviour.learn(self_, &batch, e); });
}

absl::Status PluginBehaviour::Score(const throng_pairs& pairs) {
  if (component_.behaviour.score == nullptr) {
    return absl::UnimplementedError(
        fmt::format("{} `{}` does not know the truth about its rows; choose another.",
                    RoleName(component_.role), component_.name));
  }
  return Try(kNoRow, [&](throng_error* e) { return component_.behaviour.score(self_, &pairs, e); });
}

std::unique_ptr<ChosenBehaviour> PluginBehaviours::Choose(Role role, const v1::Component& component,
                                                          int64_t now, Problems* problems) const {
  const std::string field = fmt::format("dataset.{}", RoleName(role));
  const auto found = catalogue_.Find(role, component.component());
  if (!found.ok()) {
    problems->push_back({field + ".component", MessageOf(found.status())});
    return nullptr;
  }
  OptionValues options =
      OptionValues::Parse(**found, {component.options().begin(), component.options().end()}, field,
                          now, problems, environment_.source_roots);
  return std::make_unique<ChosenPlugin>(**found, std::move(options), environment_);
}

std::unique_ptr<Plan> PlanDataset(const v1::DatasetSpec& spec, const Catalogue& catalogue,
                                  const Environment& environment, int64_t now, Problems* problems) {
  return Plan::Create(spec, PluginBehaviours(catalogue, environment), environment.log, now,
                      problems);
}

std::vector<const Component*> ComponentsOf(const Plan& plan) {
  std::vector<const Component*> components;
  for (size_t role = 0; role < kBehaviours; ++role) {
    if (const auto* chosen = dynamic_cast<const ChosenPlugin*>(&plan.behaviour(role))) {
      components.push_back(&chosen->component());
    }
  }
  return components;
}

}  // namespace throng
