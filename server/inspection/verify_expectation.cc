#include "server/inspection/verify_expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

#include "proto/option_text.h"
#include "server/control/digest.h"
#include "server/delivery/placed_options.h"
#include "server/host/behaviours.h"
#include "server/spec/reader.h"
#include "throng/worker/v1/host_state.pb.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestSuffix = ".manifest.json";
constexpr uintmax_t kMostManifestBytes = uintmax_t{64} << 20;

nlohmann::json ReadManifest(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error || size > kMostManifestBytes) return {};
  std::ifstream file(path, std::ios::binary);
  nlohmann::json manifest = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  return manifest.is_object() && manifest.contains("spec") ? manifest : nlohmann::json();
}

std::string TextOf(const nlohmann::json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

struct Placeholders {
  int64_t part = -1;
  int64_t slice_index = 0;
  int64_t slice_count = 1;
};

// Takes a number off the front.
bool TakeNumber(std::string_view* text, int64_t* number) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc() || *number < 0) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return true;
}

// What stands in `path` for {part} and {slice} of `pattern`; nothing: it is another path.
std::optional<Placeholders> MatchPath(std::string_view pattern, std::string_view path) {
  constexpr std::string_view kSlice = "{slice}";
  constexpr std::string_view kOf = "-of-";
  Placeholders found;
  while (!pattern.empty()) {
    if (pattern.starts_with(kPartPlaceholder)) {
      pattern.remove_prefix(kPartPlaceholder.size());
      if (!TakeNumber(&path, &found.part)) return std::nullopt;
    } else if (pattern.starts_with(kSlice)) {
      pattern.remove_prefix(kSlice.size());
      if (!TakeNumber(&path, &found.slice_index) || !path.starts_with(kOf)) return std::nullopt;
      path.remove_prefix(kOf.size());
      if (!TakeNumber(&path, &found.slice_count)) return std::nullopt;
    } else if (!path.empty() && path.front() == pattern.front()) {
      pattern.remove_prefix(1);
      path.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  return path.empty() ? std::optional(found) : std::nullopt;
}

std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

// The output without what differs between its slices.
std::string KeyOf(const v1::RunSpec& run, const Plan& plan) {
  Digest digest;
  std::map<std::string, std::string> options(run.outputs(0).sink().options().begin(),
                                             run.outputs(0).sink().options().end());
  digest.AddField(plan.fingerprint()).AddField(run.outputs(0).name());
  for (const auto& [name, value] : options) digest.AddField(name).AddField(value);
  return digest.Hex();
}

}  // namespace

ExpectationMaker::ExpectationMaker(const VerifyGiven& given, const Inspection& inspection)
    : given_(given), inspection_(inspection), environment_(inspection.environment) {
  environment_.output_roots.clear();
}

absl::StatusOr<std::shared_ptr<const Plan>> ExpectationMaker::PlanOf(
    const v1::DatasetSpec& dataset) {
  const std::string text = dataset.ShortDebugString();
  for (const auto& [known, plan] : plans_) {
    if (known == text) return plan;
  }
  Problems problems;
  std::shared_ptr<const Plan> plan =
      PlanDataset(dataset, inspection_.catalogue, environment_, inspection_.now_ms, &problems);
  if (plan == nullptr) {
    inspection_.problems->insert(inspection_.problems->end(), problems.begin(), problems.end());
    return absl::InvalidArgumentError(ToString(problems));
  }
  plans_.emplace_back(text, plan);
  return plan;
}

absl::StatusOr<std::shared_ptr<const Plan>> ExpectationMaker::GivenPlan() {
  if (!given_.run) return nullptr;
  return PlanOf(given_.run->dataset());
}

absl::StatusOr<Expectation> ExpectationMaker::Make(v1::RunSpec run) {
  auto plan = PlanOf(run.dataset());
  if (!plan.ok()) return plan.status();
  // The sink is not used: what it needs of secrets need not be here.
  v1::Component* sink = run.mutable_outputs(0)->mutable_sink();
  const auto component = inspection_.catalogue.Find(Role::kSink, sink->component());
  if (component.ok()) {
    std::map<std::string, std::string> kept;
    for (const throng_option& option : (*component)->options) {
      const auto given = sink->options().find(option.name);
      const bool is_needed =
          (option.flags & (THRONG_OPTION_IDENTITY | THRONG_OPTION_REQUIRED)) != 0;
      if (is_needed && given != sink->options().end()) kept[given->first] = given->second;
    }
    sink->clear_options();
    sink->mutable_options()->insert(kept.begin(), kept.end());
  }
  Problems problems;
  Expectation expectation;
  expectation.plan = *plan;
  expectation.request = std::make_shared<OutputRequest>(run, 0, inspection_.catalogue, environment_,
                                                        inspection_.now_ms, &problems);
  if (problems.empty()) expectation.request->Configure(**plan, &problems);
  if (!problems.empty()) {
    inspection_.problems->insert(inspection_.problems->end(), problems.begin(), problems.end());
    return absl::InvalidArgumentError(ToString(problems));
  }
  expectation.output_key = KeyOf(run, **plan);
  expectation.created_ms = inspection_.now_ms;
  return expectation;
}

absl::Status ExpectationMaker::CheckFingerprint(const std::string& fingerprint, const Plan& plan,
                                                const std::string& place) const {
  if (fingerprint == plan.fingerprint()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "The rows of {} cannot be made here: other plugins, another processor or C library made them "
      "(fingerprint {} instead of {}). Verify them where they were made.",
      place, ToHex(plan.fingerprint()).substr(0, 16), ToHex(fingerprint).substr(0, 16)));
}

absl::StatusOr<v1::RunSpec> ExpectationMaker::RunOf(const nlohmann::json& manifest,
                                                    const std::string& path) {
  nlohmann::json spec = manifest.at("spec");
  // In a resolved spec what is absent is without end.
  if (spec.contains("dataset") && !spec["dataset"].contains("interactions")) {
    spec["dataset"]["interactions"] = nullptr;
  }
  Problems problems;
  const SpecLayer layer{path, spec.dump()};
  auto run = ReadSpec({&layer, 1}, &problems);
  if (run && problems.empty() && run->outputs_size() == 1) return *std::move(run);
  return absl::DataLossError(fmt::format("{} cannot be read: {}", path, ToString(problems)));
}

absl::StatusOr<std::optional<Expectation>> ExpectationMaker::OfFile(const std::string& path) {
  const std::string manifest_path = path + std::string(kManifestSuffix);
  nlohmann::json manifest = ReadManifest(manifest_path);
  std::optional<Expectation> expectation;
  absl::Status status;
  if (given_.run) expectation = OfPath(path, &status);
  if (!status.ok()) return status;
  if (!expectation) {
    if (manifest.is_null()) {
      if (given_.run) return std::nullopt;
      return absl::InvalidArgumentError(fmt::format(
          "{} has no manifest that says what its rows must be; name a spec or a run.", path));
    }
    auto run = RunOf(manifest, manifest_path);
    if (!run.ok()) return run.status();
    if (given_.run) *run->mutable_dataset() = given_.run->dataset();
    auto made = Make(*std::move(run));
    if (!made.ok()) return made.status();
    expectation = *std::move(made);
    const std::string fingerprint = TextOf(manifest, "fingerprint");
    if (!given_.run && fingerprint != ToHex(expectation->plan->fingerprint())) {
      return absl::FailedPreconditionError(fmt::format(
          "The rows of {} cannot be made here: other plugins, another processor or C library made "
          "them (fingerprint {} instead of {}). Verify them where they were made.",
          path, ToHex(expectation->plan->fingerprint()).substr(0, 16), fingerprint.substr(0, 16)));
    }
    if (manifest.contains("part") && manifest["part"].is_number_integer()) {
      expectation->part = manifest["part"].get<int64_t>();
    }
  }
  if (!manifest.is_null()) {
    if (const auto created = ParseTimestamp(TextOf(manifest, "created"), 0)) {
      expectation->created_ms = created->ms;
    }
    expectation->manifest_path = manifest_path;
    expectation->manifest = std::move(manifest);
  }
  return expectation;
}

std::optional<Expectation> ExpectationMaker::OfPath(const std::string& path, absl::Status* status) {
  for (const v1::OutputSpec& output : given_.run->outputs()) {
    const auto named = output.sink().options().find("path");
    if (named == output.sink().options().end()) continue;
    const auto found = MatchPath(AbsolutePath(named->second), AbsolutePath(path));
    if (!found) continue;
    v1::RunSpec run = *given_.run;
    run.clear_outputs();
    *run.add_outputs() = output;
    if (found->slice_count > 1) {
      run.mutable_slice()->set_index(static_cast<int32_t>(found->slice_index));
      run.mutable_slice()->set_count(static_cast<int32_t>(found->slice_count));
    }
    auto made = Make(std::move(run));
    *status = made.status();
    if (!made.ok()) return std::nullopt;
    made->part = found->part;
    return *std::move(made);
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<Expectation>> ExpectationMaker::OfTopic(Source* source,
                                                                   const std::string& topic) {
  std::vector<Expectation> expectations;
  auto kept = source->Kept();
  if (absl::IsUnimplemented(kept.status()) && given_.run) return expectations;
  if (!kept.ok()) return kept.status();
  std::map<std::string, std::string> uids;  // by identity
  for (const KeptPosition& position : *kept) {
    if (!given_.run_uid.empty() && position.run_uid != given_.run_uid) continue;
    worker::v1::HostState state;
    if (!state.ParseFromString(position.host_state) || state.run().outputs_size() != 1) continue;
    v1::RunSpec run = state.run();
    *run.mutable_dataset() = state.dataset();
    auto made = Make(std::move(run));
    if (!made.ok()) return made.status();
    if (given_.run) {
      auto plan = GivenPlan();
      if (!plan.ok()) return plan.status();
      if ((*plan)->fingerprint() != made->plan->fingerprint()) continue;  // another dataset's
    } else if (absl::Status status = CheckFingerprint(state.fingerprint(), *made->plan, topic);
               !status.ok()) {
      return status;
    }
    const auto [same, is_new] = uids.emplace(state.identity(), position.run_uid);
    if (!is_new) {
      return absl::InvalidArgumentError(
          fmt::format("{} holds the same rows of the runs {} and {}; name one of them.", topic,
                      same->second, position.run_uid));
    }
    made->created_ms = state.created_ms();
    made->format_state = state.format_state();
    made->position = position.position;
    expectations.push_back(*std::move(made));
  }
  if (expectations.empty() && !given_.run) {
    return absl::InvalidArgumentError(fmt::format(
        "No position record says what the rows of {} must be; name a spec or a run.", topic));
  }
  for (const Expectation& other : expectations) {
    if (other.output_key == expectations.front().output_key) continue;
    return absl::InvalidArgumentError(
        fmt::format("{} holds rows of several datasets; name the spec or the run that is meant, "
                    "and the others' "
                    "rows count as foreign.",
                    topic));
  }
  return expectations;
}

}  // namespace throng
