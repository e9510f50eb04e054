// What a spec will give, for --dry-run.
#pragma once

#include <string>

#include "throng/v1/plan.pb.h"

namespace throng {

// The whole spec as YAML, and what was computed from it as comments after it: together a spec.
std::string PlanText(const v1::Plan& plan);

}  // namespace throng
