#include "server/inspection/known_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "proto/json.h"
#include "server/host/behaviours.h"
#include "server/host/option_values.h"
#include "server/host/readers.h"
#include "server/spec/reader.h"
#include "server/spec/spec_request.h"
#include "throng/worker/v1/host_state.pb.h"

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

// The dataset that several specs have in common.
class CommonDataset {
 public:
  // As JSON, field for field. False: it is another one.
  bool Take(nlohmann::json dataset) {
    // What was added to one of them later makes it longer, not another.
    const bool is_endless = !dataset.contains("interactions");
    const int64_t interactions = dataset.value("interactions", int64_t{0});
    dataset.erase("interactions");
    if (!dataset_) dataset_ = dataset;
    is_endless_ = is_endless_ || is_endless;
    interactions_ = std::max(interactions_, interactions);
    return *dataset_ == dataset;
  }

  bool IsKnown() const { return dataset_.has_value(); }

  // Planned; else why it cannot be, into `notes`.
  std::unique_ptr<Plan> MakePlan(const std::string& of, const Inspection& inspection,
                                 std::vector<std::string>* notes) const {
    nlohmann::json dataset = *dataset_;
    dataset["interactions"] = is_endless_ ? nlohmann::json(nullptr) : nlohmann::json(interactions_);
    Problems problems;
    const SpecLayer layer{
        .name = of, .text = nlohmann::json{{"dataset", dataset}}.dump(), .has_lines = false};
    const auto spec = ReadSpec(std::span(&layer, 1), &problems, false);
    std::unique_ptr<Plan> plan;
    if (spec && problems.empty()) plan = PlanOf(spec->dataset(), inspection, &problems);
    if (plan == nullptr) {
      notes->push_back(fmt::format("The spec of the {} cannot be planned here: {}", of,
                                   problems.empty() ? "it is no spec." : problems.front().message));
    }
    return plan;
  }

 private:
  std::optional<nlohmann::json> dataset_;
  int64_t interactions_ = 0;
  bool is_endless_ = false;
};

// What the sink of a source's name keeps there.
absl::StatusOr<std::vector<KeptPosition>> KeptIn(const v1::Component& asked,
                                                 const Inspection& inspection) {
  const auto component = inspection.catalogue.Find(Role::kSource, asked.component());
  if (!component.ok()) return component.status();
  Problems problems;
  const OptionValues options =
      OptionValues::Parse(**component, {asked.options().begin(), asked.options().end()}, "source",
                          inspection.now_ms, &problems, inspection.environment.source_roots);
  if (!problems.empty()) return absl::InvalidArgumentError(problems.front().message);
  auto source = Source::Create(**component, inspection.environment, options.values());
  if (!source.ok()) return source.status();
  return (*source)->Kept();
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
  CommonDataset dataset;
  int64_t rows = 0;
  size_t without = 0;
  for (const std::string& path : paths) {
    const auto manifest = ReadManifest(path);
    if (!manifest) {
      ++without;
      continue;
    }
    rows += manifest->value("rows", int64_t{0});
    if (!dataset.Take((*manifest)["spec"]["dataset"])) {
      known.notes.emplace_back("The manifests are of different datasets; no spec is known.");
      return known;
    }
  }
  if (!dataset.IsKnown()) return known;
  if (without > 0) {
    known.notes.push_back(
        fmt::format("{} of {} files have no manifest; no spec is known.", without, paths.size()));
    return known;
  }
  known.plan = dataset.MakePlan("manifests", inspection, &known.notes);
  if (known.plan != nullptr) known.rows = rows;
  return known;
}

KnownSpec ReadPositions(const google::protobuf::RepeatedPtrField<v1::DataSource>& sources,
                        const Inspection& inspection) {
  KnownSpec known;
  CommonDataset dataset;
  for (const v1::DataSource& source : sources) {
    const auto kept = KeptIn(source.source(), inspection);
    if (!kept.ok() || kept->empty()) return known;  // nothing of Throng's
    for (const KeptPosition& position : *kept) {
      worker::v1::HostState state;
      if (!state.ParseFromString(position.host_state)) return known;
      if (!dataset.Take(ToJson(state.dataset()))) {
        known.notes.emplace_back("The topics hold rows of different datasets; no spec is known.");
        return known;
      }
    }
  }
  if (dataset.IsKnown()) known.plan = dataset.MakePlan("topics", inspection, &known.notes);
  return known;
}

}  // namespace throng
