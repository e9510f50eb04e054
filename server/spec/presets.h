// The named presets that a spec builds on: behaviours with the world's shares, and sizes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

// A spec in YAML that stands below the user's own.
struct Preset {
  std::string_view name;
  std::string_view doc;      // one sentence
  std::string_view yaml;     // what it says of `dataset`
  int64_t interactions = 0;  // of these, in a size
};

inline constexpr std::string_view kDefaultPreset = "shop";
inline constexpr std::string_view kDefaultSize = "production";

// Behaviours and shares of the world, no counts: `dataset.preset`.
std::span<const Preset> BehaviourPresets();
// Users, items and interactions: `dataset.size`.
std::span<const Preset> SizePresets();

// The preset of that name, or null.
const Preset* FindPreset(std::span<const Preset> presets, std::string_view name);
std::vector<std::string> PresetNames(std::span<const Preset> presets);
// The interactions of the size of that name; 0 if there is none.
int64_t InteractionsOfSize(std::string_view name);

}  // namespace throng
