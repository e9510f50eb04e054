#include "server/dataset/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/control/digest.h"
#include "server/control/status.h"

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

std::unique_ptr<Plan> Plan::Create(const v1::DatasetSpec& spec, const Catalogue& catalogue,
                                   const Environment& environment, int64_t now,
                                   Problems* problems) {
  const size_t problems_before = problems->size();
  std::unique_ptr<Plan> plan(new Plan(spec));
  plan->quiet_.is_stopping = environment.is_stopping;
  plan->ChooseBehaviours(catalogue, environment, now, problems);
  plan->world_ = World::Create(ParametersOf(spec), problems);
  if (problems->size() > problems_before) return nullptr;
  plan->BuildIdentity();

  GeneratorParameters& parameters = plan->parameters_;
  parameters.seed = spec.seed();
  parameters.plan_size = spec.plan_size();
  parameters.world = plan->world_->abi();
  Environment planning = environment;
  planning.log = [&](int32_t level, const std::string& source, const std::string& sentence) {
    if (level == THRONG_LOG_WARNING) {
      plan->warnings_.push_back(fmt::format("{}: {}", source, sentence));
    } else if (environment.log) {
      environment.log(level, source, sentence);
    }
  };
  std::vector<RoleError> errors;
  const auto generator = Generator::Create(parameters, planning, &errors);
  for (const RoleError& error : errors) problems->push_back(AsProblem(error));
  if (generator == nullptr) return nullptr;
  plan->kinds_ = generator->kinds();
  if (absl::Status status = plan->TakeFingerprint(generator.get()); !status.ok()) {
    problems->push_back(
        {absl::IsOutOfRange(status) ? "dataset.clock" : "dataset", MessageOf(status)});
    return nullptr;
  }
  return plan;
}

void Plan::ChooseBehaviours(const Catalogue& catalogue, const Environment& environment, int64_t now,
                            Problems* problems) {
  for (size_t i = 0; i < 4; ++i) {
    const Role role = kRoles[i];
    const std::string field = fmt::format("dataset.{}", RoleName(role));
    v1::Component* component = MutableSpecOf(&spec_, role);
    const auto found = catalogue.Find(role, component->component());
    if (!found.ok()) {
      problems->push_back({field + ".component", MessageOf(found.status())});
      continue;
    }
    ChosenBehaviour& chosen = parameters_.behaviours[i];
    chosen.component = *found;
    chosen.options =
        OptionValues::Parse(**found, {component->options().begin(), component->options().end()},
                            field, now, problems, environment.source_roots);
    component->mutable_options()->clear();
    for (const auto& [name, text] : chosen.options.resolved()) {
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
  for (const v1::Cluster& cluster : world.clusters()) {
    fmt::format_to(out, "cluster {} {} {}\n", text(cluster.name()), cluster.share(),
                   text(cluster.prefers()));
  }
  for (const v1::Category& category : world.categories()) {
    fmt::format_to(out, "category {} {}\n", text(category.name()), category.share());
  }
  for (const ChosenBehaviour& behaviour : parameters_.behaviours) {
    fmt::format_to(out, "{} {}\n{}", RoleName(behaviour.component->role),
                   text(behaviour.component->name), behaviour.options.Canonical(false));
  }
}

absl::Status Plan::TakeFingerprint(Generator* generator) {
  constexpr int64_t kRows = 256;
  Digest digest;
  digest.AddField("throng fingerprint 1");
  for (size_t role = 0; role < 4; ++role) {
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

bool Plan::HasRelativeTimes() const {
  return std::any_of(
      std::begin(parameters_.behaviours), std::end(parameters_.behaviours),
      [](const ChosenBehaviour& behaviour) { return behaviour.options.has_relative_times(); });
}

std::vector<const Component*> Plan::components() const {
  std::vector<const Component*> components;
  for (const ChosenBehaviour& b : parameters_.behaviours) components.push_back(b.component);
  return components;
}

absl::StatusOr<std::unique_ptr<Generator>> Plan::MakeGenerator() const {
  std::vector<RoleError> errors;
  auto generator = Generator::Create(parameters_, quiet_, &errors);
  if (generator == nullptr) return errors.front().status;
  return generator;
}

}  // namespace throng
