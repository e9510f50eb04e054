// What would have to change for a run to be what a spec says.
#pragma once

#include <string>
#include <vector>

#include "throng/v1/run.pb.h"
#include "throng/v1/spec_source.pb.h"

namespace throng {

struct RunChange {
  std::string field;    // as errors name it: pace.rate, labels.team
  std::string from;     // "-": there is none
  std::string to;       // likewise
  std::string refusal;  // why a run cannot change it; empty: it can
};

// Field by field, of two resolved specs. Names of presets and sizes do not count, since what they
// say stands in the other fields; nor do times, if `has_relative_times`: now-7d is another time at
// each look, and a run keeps that of its creation.
std::vector<RunChange> DiffSpecs(const v1::RunSpec& is, const v1::RunSpec& wanted,
                                 bool has_relative_times);

// Of labels or annotations, by that name. Those that nobody wants stay.
std::vector<RunChange> DiffTexts(const std::string& name,
                                 const google::protobuf::Map<std::string, std::string>& is,
                                 const google::protobuf::Map<std::string, std::string>& wanted);

// Whether times in it may be relative.
bool HasRelativeTimes(const v1::SpecSource& source);

}  // namespace throng
