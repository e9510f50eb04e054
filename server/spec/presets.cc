// The presets of docs and CLI, as the YAML that a user could have written.
#include "server/spec/presets.h"

namespace throng {
namespace {

// The people and the shop of all presets; behaviours are added below.
#define THRONG_WORLD                                                      \
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
  "      - {name: books, share: 0.2}\n"

// Who, when and what of the presets without life; the rating is added below.
#define THRONG_SEED                                       \
  THRONG_WORLD                                            \
  "  order: {component: shuffled}\n"                      \
  "  activity: {component: pareto, options: {eras: 1}}\n" \
  "  clock: {component: uniform}\n"                       \
  "  choice: {component: clustered, options: {placement: spread, mix: by_user}}\n"

constexpr Preset kBehaviours[] = {
    {"shop",
     "A crowd that lives: people who come and go, in sessions and by the hours of the week, with "
     "tastes to learn; 20% of the users make 80% of the rows.",
     THRONG_WORLD "  order: {component: sessions}\n"
                  "  activity: {component: pareto}\n"
                  "  clock: {component: sessions}\n"
                  "  choice: {component: taste}\n"
                  "  rating: {component: latent}\n"},
    {"seed",
     "The same shares to the letter, for each user too, and no life: everybody is there all the "
     "time.",
     THRONG_SEED "  rating: {component: calibrated}\n"},
    {"seed-ranges",
     "As seed, but ratings keep to the range of their kind instead of the histogram.",
     THRONG_SEED "  rating: {component: ranges}\n"},
    {"trace", "As seed-ranges, and made fastest: a load for what takes the rows.",
     THRONG_WORLD "  order: {component: shuffled}\n"
                  "  activity: {component: pareto, options: {eras: 1}}\n"
                  "  clock: {component: uniform}\n"
                  "  choice: {component: clustered}\n"
                  "  rating: {component: ranges}\n"},
};
#undef THRONG_SEED
#undef THRONG_WORLD

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
