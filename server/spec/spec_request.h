// A spec as the daemon hands it over.
#pragma once

#include <optional>

#include "server/spec/problem.h"
#include "throng/v1/spec.pb.h"
#include "throng/v1/spec_source.pb.h"

namespace throng {

// One of both: what a client wrote, or a resolved spec that was asked before.
struct SpecRequest {
  const v1::SpecSource* source = nullptr;
  const v1::RunSpec* asked = nullptr;
  bool needs_outputs = true;
};

// The resolved spec, with what is wrong with it in `problems`; nothing if it cannot even be read.
std::optional<v1::RunSpec> ReadSpecRequest(const SpecRequest& request, Problems* problems);

}  // namespace throng
