#include "server/dataset/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/spec/presets.h"

namespace throng {
namespace {

// A dataset's component of a role, one of the four behaviours.
const v1::Component& SpecOf(const v1::DatasetSpec& spec, Role role) {
  switch (role) {
    case Role::kActivity:
      return spec.activity();
    case Role::kClock:
      return spec.clock();
    case Role::kChoice:
      return spec.choice();
    default:
      return spec.rating();
  }
}

v1::Component* MutableSpecOf(v1::DatasetSpec* spec, Role role) {
  return const_cast<v1::Component*>(&SpecOf(*spec, role));
}

WorldParameters ParametersOf(const v1::DatasetSpec& spec) {
  const v1::World& world = spec.world();
  WorldParameters parameters{.users = world.users(),
                             .items = world.items(),
                             .active_users = world.active_users(),
                             .touched_items = world.touched_items(),
                             .popular_items = world.popular_items(),
                             .clusters = {},
                             .categories = {},
                             .key = DeriveKey(spec.seed(), "world")};
  for (const v1::Cluster& cluster : world.clusters()) {
    parameters.clusters.push_back({cluster.name(), cluster.share(), cluster.prefers()});
  }
  for (const v1::Category& category : world.categories()) {
    parameters.categories.push_back({category.name(), category.share()});
  }
  return parameters;
}

Problem AsProblem(const RoleError& error) {
  std::string field = fmt::format("dataset.{}", RoleName(error.role));
  if (const std::string option = OptionOf(error.status); !option.empty()) {
    field += ".options." + option;
  }
  return {field, MessageOf(error.status)};
}

}  // namespace

std::unique_ptr<Plan> Plan::Create(const v1::DatasetSpec& spec, const BehaviourSource& source,
                                   const Remark& remark, int64_t now, Problems* problems) {
  if (spec.has_plan_size()) {
    return CreateSized(spec, spec.plan_size(), source, remark, now, problems);
  }
  Problems of_its_own;
  auto plan = CreateSized(spec, spec.interactions(), source, remark, now, &of_its_own);
  const int64_t rows = InteractionsOfSize(spec.size());
  // What is said of an option is no matter of how many rows there are.
  const bool is_of_options = std::any_of(
      of_its_own.begin(), of_its_own.end(),
      [](const Problem& problem) { return problem.field.find(".options.") != std::string::npos; });
  if (plan == nullptr && !is_of_options && spec.interactions() < rows) {
    Problems of_size;
    plan = CreateSized(spec, rows, source, remark, now, &of_size);
    if (plan != nullptr) {
      plan->warnings_.insert(
          plan->warnings_.begin(),
          fmt::format("{} interactions are too few for a plan of their own, so they are the first "
                      "of the {} of the size {}. Set dataset.plan_size for another plan.",
                      spec.interactions(), rows, spec.size()));
    }
  }
  if (plan == nullptr) problems->insert(problems->end(), of_its_own.begin(), of_its_own.end());
  return plan;
}

std::unique_ptr<Plan> Plan::CreateSized(const v1::DatasetSpec& spec, int64_t plan_size,
                                        const BehaviourSource& source, const Remark& remark,
                                        int64_t now, Problems* problems) {
  const size_t problems_before = problems->size();
  std::unique_ptr<Plan> plan(new Plan(spec));
  plan->spec_.set_plan_size(plan_size);
  plan->ChooseBehaviours(source, now, problems);
  plan->world_ = World::Create(ParametersOf(spec), problems);
  if (problems->size() > problems_before) return nullptr;
  plan->attributes_ = std::make_unique<Attributes>(plan->world(), DeriveKey(spec.seed(), "world"));
  plan->BuildIdentity();

  GeneratorParameters& parameters = plan->parameters_;
  parameters.seed = spec.seed();
  parameters.plan_size = plan_size;
  parameters.world = plan->world_->abi();
  // Heard once, not of every generator.
  const Remark planning = [&](int32_t level, const std::string& source_name,
                              const std::string& sentence) {
    if (level == THRONG_LOG_WARNING) {
      plan->warnings_.push_back(fmt::format("{}: {}", source_name, sentence));
    } else if (remark) {
      remark(level, source_name, sentence);
    }
  };
  std::vector<RoleError> errors;
  const auto generator = Generator::Create(parameters, planning, plan->MakeBlocks(), &errors);
  for (const RoleError& error : errors) problems->push_back(AsProblem(error));
  if (generator == nullptr) return nullptr;
  for (const RoleError& error : plan->TakeFurtherColumns(generator.get())) {
    problems->push_back(AsProblem(error));
  }
  if (absl::Status status = generator->CheckOrder(); !status.ok()) {
    problems->push_back({"dataset.order", MessageOf(status)});
  }
  if (problems->size() > problems_before) return nullptr;
  if (parameters.order.component == OrderParameters::Component::kIndependent) {
    plan->warnings_.emplace_back(
        "Order `independent` draws places as a sample with replacement, so that all counts hold "
        "only "
        "about.");
  }
  plan->kinds_ = generator->kinds();
  plan->leaves_out_ratings_ = generator->leaves_out_ratings();
  // An interleaved slice has at least so many of its blocks whole.
  constexpr int64_t kBlocksOfStride = 16;
  const int64_t stride = kBlocksOfStride * generator->block_rows();
  plan->stride_ = (stride + Slice::kStride - 1) / Slice::kStride * Slice::kStride;
  plan->stride_ = std::max(plan->stride_, Slice::kStride);
  if (absl::Status status = plan->TakeFingerprint(generator.get()); !status.ok()) {
    problems->push_back(
        {absl::IsOutOfRange(status) ? "dataset.clock" : "dataset", MessageOf(status)});
    return nullptr;
  }
  plan->end_ = plan->FindEnd(generator.get());
  if (!spec.has_interactions() && plan->end_ != Slice::kEndless) {
    plan->warnings_.push_back(fmt::format(
        "The dataset has no end, but the calendar has: row {} is the last one {} before the year "
        "10000, and outputs end there.",
        plan->end_ - 1,
        generator->block_rows() == 0 ? "with an event time"
                                     : "of a block whose event times all lie"));
  }
  return plan;
}

void Plan::ChooseBehaviours(const BehaviourSource& source, int64_t now, Problems* problems) {
  parameters_.order = OrderParameters::Parse(spec_.mutable_order(), problems);
  for (size_t i = 0; i < kBehaviours; ++i) {
    v1::Component* component = MutableSpecOf(&spec_, kRoles[i]);
    std::unique_ptr<ChosenBehaviour>& chosen = parameters_.behaviours[i];
    chosen = source.Choose(kRoles[i], *component, now, problems);
    if (chosen == nullptr) continue;
    component->mutable_options()->clear();
    for (const auto& [name, text] : chosen->options()) {
      (*component->mutable_options())[name] = text;
    }
  }
}

void Plan::BuildIdentity() {
  const v1::World& world = spec_.world();
  const auto text = [](std::string_view s) { return fmt::format("{}:{}", s.size(), s); };
  const auto out = std::back_inserter(identity_);
  fmt::format_to(out, "seed {}\nplan_size {}\nworld {} {} {} {} {} {} {}\n", spec_.seed(),
                 spec_.plan_size(), world.users(), world.items(), world.active_users(),
                 world.touched_items(), world.popular_items(), text(world.user_prefix()),
                 text(world.item_prefix()));
  if (world.ids() == v1::IDS_INTEGER) identity_ += "ids integer\n";
  if (world.ids() == v1::IDS_UUID) identity_ += "ids uuid\n";
  if (user_ids_.first() != 1) fmt::format_to(out, "user_start {}\n", user_ids_.first());
  if (item_ids_.first() != 1) fmt::format_to(out, "item_start {}\n", item_ids_.first());
  for (const v1::Cluster& cluster : world.clusters()) {
    fmt::format_to(out, "cluster {} {} {}\n", text(cluster.name()), cluster.share(),
                   text(cluster.prefers()));
  }
  for (const v1::Category& category : world.categories()) {
    fmt::format_to(out, "category {} {}\n", text(category.name()), category.share());
  }
  fmt::format_to(out, "order {}\n", text(spec_.order().component()));
  for (const auto& [name, value] :
       std::map(spec_.order().options().begin(), spec_.order().options().end())) {
    fmt::format_to(out, "  {} {}\n", text(name), text(value));
  }
  for (size_t role = 0; role < kBehaviours; ++role) {
    fmt::format_to(out, "{} {}\n{}", RoleName(kRoles[role]), text(behaviour(role).name()),
                   behaviour(role).Canonical());
  }
}

absl::Status Plan::TakeFingerprint(Generator* generator) {
  constexpr int64_t kRows = 256;
  Digest digest;
  digest.AddField("throng fingerprint 1");
  for (size_t role = 0; role < kBehaviours; ++role) {
    generator->behaviour(role).Tables([&](std::string_view table) { digest.AddField(table); });
  }
  const throng_world& world = *world_->abi();
  const int64_t plan_size = spec_.plan_size();
  Columns columns(kRows);
  std::vector<int64_t> number(kRows);
  // Rows at the beginning, in the middle and at the end of the first epoch.
  for (const int64_t first : {int64_t{0}, plan_size / 2, std::max(int64_t{0}, plan_size - kRows)}) {
    const auto rows = static_cast<size_t>(std::min(kRows, plan_size - first));
    absl::Status status = generator->Fill(first, static_cast<int64_t>(rows), &columns, 0);
    if (!status.ok()) return status;
    const auto add = [&](const auto& column) {
      digest.Add(column.data(), rows * sizeof(column[0]));
    };
    add(columns.user);
    add(columns.time);
    add(columns.item);
    add(columns.kind);
    add(columns.rating);
    world.user_number(world.self, columns.user.data(), number.data(), rows);
    add(number);
    world.item_number(world.self, columns.item.data(), number.data(), rows);
    add(number);
  }
  fingerprint_ = digest.Raw();
  // An event time that the last row cannot have is found now.
  if (!spec_.has_interactions() || spec_.interactions() == 0) return absl::OkStatus();
  return generator->Fill(spec_.interactions() - 1, 1, &columns, 0);
}

// The first epoch is there. Times never fall, so ever later epochs are tried, then halves between
// the last that is there and the first that is not, and so within that one. Of a block all rows are
// there or none: the end is then where the first block begins that leaves the calendar.
int64_t Plan::FindEnd(Generator* generator) const {
  constexpr int64_t kMostRows = int64_t{1} << 62;
  if (spec_.has_interactions()) return spec_.interactions();
  Columns column(1);
  // Whatever else is wrong with a row is told once it is to be delivered.
  const auto is_there = [&](int64_t row) {
    return !absl::IsOutOfRange(generator->Fill(row, 1, &column, 0));
  };
  const auto first_not_there = [&](int64_t there, int64_t not_there, int64_t rows_each) {
    while (not_there - there > 1) {
      const int64_t middle = there + (not_there - there) / 2;
      (is_there(middle * rows_each) ? there : not_there) = middle;
    }
    return not_there;
  };
  const int64_t plan_size = spec_.plan_size();
  int64_t epoch = 1;
  while (epoch < kMostRows / plan_size && is_there(epoch * plan_size)) epoch *= 2;
  if (epoch >= kMostRows / plan_size) return Slice::kEndless;
  epoch = first_not_there(epoch / 2, epoch, plan_size);  // the first that does not even begin
  return first_not_there((epoch - 1) * plan_size, epoch * plan_size, 1);
}

bool Plan::HasRelativeTimes() const {
  return std::any_of(parameters_.behaviours.begin(), parameters_.behaviours.end(),
                     [](const auto& behaviour) { return behaviour->HasRelativeTimes(); });
}

std::vector<RoleError> Plan::TakeFurtherColumns(Generator* generator) {
  std::vector<RoleError> errors;
  for (size_t role = 0; role < kBehaviours; ++role) {
    for (const v1::Table table : {v1::TABLE_INTERACTIONS, v1::TABLE_USERS, v1::TABLE_ITEMS}) {
      auto columns = generator->behaviour(role).Columns(table);
      absl::Status status = columns.status();
      if (status.ok()) {
        status = CheckFurtherColumns(*columns);
        if (!status.ok()) {
          status = absl::InternalError(fmt::format("{} `{}`: {}", RoleName(kRoles[role]),
                                                   behaviour(role).name(), MessageOf(status)));
        }
      }
      if (!status.ok()) {
        errors.push_back({kRoles[role], status});
        break;  // its other tables are wrong alike
      }
      for (FurtherColumn& column : *columns) {
        column.role = role;
        further_columns_[table].push_back(std::move(column));
      }
    }
  }
  return errors;
}

const std::vector<FurtherColumn>& Plan::further_columns(v1::Table table) const {
  return further_columns_[table];
}

std::shared_ptr<BlockCache> Plan::MakeBlocks(std::vector<FurtherColumn> further) const {
  // One for each thread, and the next; a walk says how many more its threads share.
  const size_t threads = std::max(1U, std::thread::hardware_concurrency());
  return std::make_shared<BlockCache>(threads + 1, std::move(further));
}

absl::StatusOr<std::unique_ptr<Generator>> Plan::MakeGenerator(
    std::shared_ptr<BlockCache> blocks) const {
  std::vector<RoleError> errors;
  auto generator = Generator::Create(parameters_, Remark(), std::move(blocks), &errors);
  if (generator == nullptr) return errors.front().status;
  return generator;
}

}  // namespace throng
