// The presets of docs and CLI, as the YAML that a user could have written.
#include "server/spec/presets.h"

namespace throng {
namespace {

// The people and the shop of the seed presets, and who, when and what; the rating is added below.
#define THRONG_SEED_WORLD                                                 \
  "dataset:\n"                                                            \
  "  world:\n"                                                            \
  "    active_users: 0.8\n"                                               \
  "    touched_items: 0.95\n"                                             \
  "    popular_items: 0.1\n"                                              \
  "    clusters:\n"                                                       \
  "      - {name: tech_enthusiasts, share: 0.15, prefers: electronics}\n" \
  "      - {name: fashion_lovers, share: 0.15, prefers: fashion}\n"       \
  "      - {name: home_makers, share: 0.15, prefers: home}\n"             \
  "      - {name: sports_fans, share: 0.15, prefers: sports}\n"           \
  "      - {name: bookworms, share: 0.15, prefers: books}\n"              \
  "      - {name: general, share: 0.25}\n"                                \
  "    categories:\n"                                                     \
  "      - {name: electronics, share: 0.2}\n"                             \
  "      - {name: fashion, share: 0.2}\n"                                 \
  "      - {name: home, share: 0.2}\n"                                    \
  "      - {name: sports, share: 0.2}\n"                                  \
  "      - {name: books, share: 0.2}\n"                                   \
  "  order: {component: shuffled}\n"                                      \
  "  activity: {component: pareto, options: {eras: 1}}\n"                 \
  "  clock: {component: uniform}\n"                                       \
  "  choice: {component: clustered, options: {placement: spread, mix: by_user}}\n"

constexpr Preset kBehaviours[] = {
    {"seed",
     "20% of the users make 80% of the rows; ratings follow the promised histogram exactly.",
     THRONG_SEED_WORLD "  rating: {component: calibrated}\n"},
    {"seed-ranges",
     "As seed, but ratings keep to the range of their kind instead of the histogram.",
     THRONG_SEED_WORLD "  rating: {component: ranges}\n"},
};
#undef THRONG_SEED_WORLD

constexpr Preset kSizes[] = {
    {"quick", "20 users, 50 items, 100 interactions.",
     "dataset: {interactions: 100, world: {users: 20, items: 50}}", 100},
    {"producer", "100 users, 200 items, 5 000 interactions.",
     "dataset: {interactions: 5000, world: {users: 100, items: 200}}", 5000},
    {"development", "100 users, 300 items, 5 000 interactions.",
     "dataset: {interactions: 5000, world: {users: 100, items: 300}}", 5000},
    {"testing", "200 users, 500 items, 20 000 interactions.",
     "dataset: {interactions: 20000, world: {users: 200, items: 500}}", 20000},
    {"medium", "300 users, 600 items, 20 000 interactions.",
     "dataset: {interactions: 20000, world: {users: 300, items: 600}}", 20000},
    {"production", "500 users, 1 000 items, 50 000 interactions.",
     "dataset: {interactions: 50000, world: {users: 500, items: 1000}}", 50000},
    {"large", "1 000 users, 3 000 items, 100 000 interactions.",
     "dataset: {interactions: 100000, world: {users: 1000, items: 3000}}", 100000},
};

}  // namespace

std::span<const Preset> BehaviourPresets() { return kBehaviours; }

std::span<const Preset> SizePresets() { return kSizes; }

const Preset* FindPreset(std::span<const Preset> presets, std::string_view name) {
  for (const Preset& preset : presets) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

int64_t InteractionsOfSize(std::string_view name) {
  const Preset* size = FindPreset(SizePresets(), name);
  return size != nullptr ? size->interactions : 0;
}

std::vector<std::string> PresetNames(std::span<const Preset> presets) {
  std::vector<std::string> names;
  for (const Preset& preset : presets) names.emplace_back(preset.name);
  return names;
}

}  // namespace throng
