// Layers of settings -> throng.v1.RunSpec, on top of the presets that they name.
#include "server/spec/reader.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/spec/message_reader.h"
#include "server/spec/presets.h"
#include "server/spec/rules.h"

namespace throng {
namespace {

using Kind = SpecNode::Kind;

constexpr std::string_view kEndless =
    "dataset.interactions";  // the field whose null says something

const SpecNode* FindMember(const SpecNode& node, std::string_view key) {
  for (const SpecMember& member : node.members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

// The value of `dataset.<field>` in the strongest layer that gives it; nullptr: none does.
const SpecNode* FindDatasetName(const std::vector<SpecNode>& layers, std::string_view field) {
  const SpecNode* name = nullptr;
  for (const SpecNode& root : layers) {
    const SpecNode* dataset = FindMember(root, "dataset");
    const SpecNode* node = dataset != nullptr ? FindMember(*dataset, field) : nullptr;
    if (node != nullptr && node->kind == Kind::kScalar) name = node;
  }
  return name;
}

// The preset that the layers name in `dataset.<field>`, as the layer below them. An unknown one is
// a problem; reading then goes on with the default, so that other mistakes are found as well.
SpecLayer PresetLayer(const std::vector<SpecNode>& layers, std::string_view field,
                      std::span<const Preset> presets, std::string_view default_name,
                      Problems* problems, std::string* used_name) {
  const SpecNode* given = FindDatasetName(layers, field);
  const Preset* preset = FindPreset(presets, default_name);
  if (given != nullptr) {
    if (const Preset* named = FindPreset(presets, given->text)) {
      preset = named;
    } else {
      problems->push_back(ProblemAt(given->place, fmt::format("dataset.{}", field),
                                    fmt::format("Unknown {} {}.{}", field, Found(*given),
                                                DidYouMean(given->text, PresetNames(presets)))));
    }
  }
  *used_name = preset->name;
  return {fmt::format("{} \"{}\"", field, preset->name), std::string(preset->yaml), false};
}

}  // namespace

std::optional<v1::RunSpec> ReadSpec(std::span<const SpecLayer> layers, Problems* problems,
                                    bool needs_outputs) {
  std::vector<SpecNode> parsed;
  for (const SpecLayer& layer : layers) {
    if (auto root = ParseSpec(layer, problems)) parsed.push_back(*std::move(root));
  }
  if (parsed.size() < layers.size()) return std::nullopt;  // what else is wrong cannot be known

  std::string preset_name, size_name;
  const SpecLayer below[] = {
      PresetLayer(parsed, "size", SizePresets(), kDefaultSize, problems, &size_name),
      PresetLayer(parsed, "preset", BehaviourPresets(), kDefaultPreset, problems, &preset_name)};
  v1::RunSpec spec;
  MessageReader reader(problems, kEndless);
  for (const SpecLayer& layer : below) {
    if (const auto root = ParseSpec(layer, problems)) reader.Apply(*root, &spec);
  }
  for (const SpecNode& root : parsed) reader.Apply(root, &spec);
  spec.mutable_dataset()->set_preset(preset_name);
  spec.mutable_dataset()->set_size(size_name);

  FillDefaults(&spec);
  Problems broken_rules;
  ValidateSpec(spec, &broken_rules, needs_outputs);
  reader.AddWhatDoesNotFollow(broken_rules);
  return spec;
}

}  // namespace throng
