// What is known of where data came from: the spec that somebody names, or that of their manifests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/dataset/plan.h"
#include "server/inspection/inspection.h"
#include "throng/v1/inspection.pb.h"
#include "throng/v1/spec_source.pb.h"

namespace throng {

struct KnownSpec {
  std::unique_ptr<Plan> plan;      // null: nothing is known
  std::optional<int64_t> rows;     // that all manifests together promise
  std::vector<std::string> notes;  // why nothing is known, although there is something
};

// Of a spec that was named. Null, with the reasons in the inspection's problems, if there is none
// such.
std::unique_ptr<Plan> PlanNamed(const v1::SpecSource& source, const Inspection& inspection);

// Of the manifests beside these files (PATH.manifest.json). All must have one, of datasets that are
// the same but for their interactions.
KnownSpec ReadManifests(const std::vector<std::string>& paths, const Inspection& inspection);

// Of the positions that sinks keep of what they wrote there (topics), likewise; how many rows there
// must be is then not known.
KnownSpec ReadPositions(const google::protobuf::RepeatedPtrField<v1::DataSource>& sources,
                        const Inspection& inspection);

}  // namespace throng
