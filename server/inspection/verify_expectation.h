// What a file or a topic must hold: from its manifest or its position record, or as it was given.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/plan.h"
#include "server/delivery/output_request.h"
#include "server/host/readers.h"
#include "server/inspection/inspection.h"
#include "throng/v1/spec.pb.h"

namespace throng {

// What was asked for, if somebody says so.
struct VerifyGiven {
  std::optional<v1::RunSpec> run;  // resolved; may lack outputs
  std::string run_uid;             // of the run that was named; or empty
};

// What is expected of an output of one slice, or of a part of it.
struct Expectation {
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<OutputRequest> request;  // configured
  int64_t part = -1;
  int64_t created_ms = 0;
  std::string format_state;
  std::optional<int64_t> position;  // of messages: the next row
  // Of a file.
  std::string manifest_path;
  nlohmann::json manifest;  // null: there is none
  // Equal for the slices and parts of one output.
  std::string output_key;
};

class ExpectationMaker {
 public:
  // All of it outlives this.
  ExpectationMaker(const VerifyGiven& given, const Inspection& inspection);

  // Of a file; nothing if neither a manifest nor what is given tells its bytes.
  // INVALID_ARGUMENT: nothing tells its rows either; FAILED_PRECONDITION: they cannot be made here.
  absl::StatusOr<std::optional<Expectation>> OfFile(const std::string& path);
  // Of a topic, one for each slice; none if what is given tells only the rows.
  absl::StatusOr<std::vector<Expectation>> OfTopic(Source* source, const std::string& topic);

  // The dataset that is given; nullptr: none is.
  absl::StatusOr<std::shared_ptr<const Plan>> GivenPlan();
  // Of a run with one output.
  absl::StatusOr<Expectation> Make(v1::RunSpec run);

 private:
  absl::StatusOr<std::shared_ptr<const Plan>> PlanOf(const v1::DatasetSpec& dataset);
  // The output that is given and writes that path, with what {part} and {slice} in it are.
  std::optional<Expectation> OfPath(const std::string& path, absl::Status* status);
  absl::StatusOr<v1::RunSpec> RunOf(const nlohmann::json& manifest, const std::string& path);
  absl::Status CheckFingerprint(const std::string& fingerprint, const Plan& plan,
                                const std::string& place) const;

  const VerifyGiven& given_;
  const Inspection& inspection_;
  Environment environment_;  // without output roots: nothing is written
  std::vector<std::pair<std::string, std::shared_ptr<const Plan>>> plans_;  // by dataset
};

}  // namespace throng
