#include "server/inspection/known_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "server/host/behaviours.h"
#include "server/spec/reader.h"
#include "server/spec/spec_request.h"

namespace throng {
namespace {

constexpr int64_t kMostManifest = 16 << 20;

std::optional<nlohmann::json> ReadManifest(const std::string& path) {
  std::ifstream file(path + ".manifest.json", std::ios::binary);
  if (!file) return {};
  std::ostringstream text;
  text << file.rdbuf();
  if (text.view().size() > kMostManifest) return {};
  nlohmann::json manifest = nlohmann::json::parse(text.view(), nullptr, false);
  if (!manifest.is_object() || !manifest.contains("spec")) return {};
  const nlohmann::json& spec = manifest["spec"];
  if (!spec.is_object() || !spec.contains("dataset") || !spec["dataset"].is_object()) return {};
  return manifest;
}

std::unique_ptr<Plan> PlanOf(const v1::DatasetSpec& spec, const Inspection& inspection,
                             Problems* problems) {
  return PlanDataset(spec, inspection.catalogue, inspection.environment, inspection.now_ms,
                     problems);
}

}  // namespace

std::unique_ptr<Plan> PlanNamed(const v1::SpecSource& source, const Inspection& inspection) {
  const auto spec =
      ReadSpecRequest({.source = &source, .needs_outputs = false}, inspection.problems);
  if (!spec || !inspection.problems->empty()) return nullptr;
  return PlanOf(spec->dataset(), inspection, inspection.problems);
}

KnownSpec ReadManifests(const std::vector<std::string>& paths, const Inspection& inspection) {
  KnownSpec known;
  std::optional<nlohmann::json> dataset;
  int64_t rows = 0;
  size_t without = 0;
  for (const std::string& path : paths) {
    const auto manifest = ReadManifest(path);
    if (!manifest) {
      ++without;
      continue;
    }
    rows += manifest->value("rows", int64_t{0});
    nlohmann::json own = (*manifest)["spec"]["dataset"];
    if (!dataset) {
      dataset = std::move(own);
      continue;
    }
    // What was added to one of them later makes it longer, not another.
    const auto longest = [](const nlohmann::json& spec) {
      return spec.value("interactions", int64_t{0});
    };
    nlohmann::json first = *dataset;
    const int64_t most = std::max(longest(first), longest(own));
    first.erase("interactions");
    const bool is_endless = !own.contains("interactions");
    own.erase("interactions");
    if (first != own) {
      known.notes.emplace_back("The manifests are of different datasets; no spec is known.");
      return known;
    }
    if (!is_endless) (*dataset)["interactions"] = most;
  }
  if (!dataset) return known;
  if (without > 0) {
    known.notes.push_back(
        fmt::format("{} of {} files have no manifest; no spec is known.", without, paths.size()));
    return known;
  }
  if (!dataset->contains("interactions")) (*dataset)["interactions"] = nullptr;
  Problems problems;
  const SpecLayer layer{.name = paths[0] + ".manifest.json",
                        .text = nlohmann::json{{"dataset", *dataset}}.dump(),
                        .has_lines = false};
  const auto spec = ReadSpec(std::span(&layer, 1), &problems, false);
  if (spec && problems.empty()) known.plan = PlanOf(spec->dataset(), inspection, &problems);
  if (known.plan == nullptr) {
    known.notes.push_back(
        fmt::format("The spec of the manifests cannot be planned here: {}",
                    problems.empty() ? "it is no spec." : problems.front().message));
    return known;
  }
  known.rows = rows;
  return known;
}

}  // namespace throng
