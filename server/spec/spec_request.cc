#include "server/spec/spec_request.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "proto/json.h"
#include "server/spec/reader.h"
#include "server/spec/rules.h"
#include "server/spec/tree.h"

namespace throng {
namespace {

// A typed spec as a layer: what it says, field by field. -1 interactions are none.
SpecLayer LayerOf(const v1::RunSpec& spec) {
  nlohmann::ordered_json json = ToJson(spec);
  if (spec.dataset().interactions() == -1) json["dataset"]["interactions"] = nullptr;
  return {"spec", json.dump(), false};
}

}  // namespace

std::optional<v1::RunSpec> ReadSpecRequest(const SpecRequest& request, Problems* problems) {
  if (request.asked != nullptr) {
    ValidateSpec(*request.asked, problems, request.needs_outputs);
    return *request.asked;
  }
  std::vector<SpecLayer> layers;
  if (request.source->has_spec()) layers.push_back(LayerOf(request.source->spec()));
  for (const v1::SpecLayer& layer : request.source->layers()) {
    layers.push_back({layer.name(), layer.text(), layer.has_lines()});
  }
  return ReadSpec(layers, problems, request.needs_outputs);
}

}  // namespace throng
