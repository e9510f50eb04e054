#include "server/daemon/run_creation.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <random>
#include <string_view>

#include "server/control/digest.h"
#include "server/daemon/errors.h"
#include "server/daemon/run_labels.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

// 1 to 63 of a-z, 0-9 and `-`, from a letter to a letter or digit (RFC 1123's labels).
bool IsRunId(std::string_view id) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !id.empty() && id.size() <= 63 && is_letter(id.front()) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

}  // namespace

absl::Status CheckOutputs(int outputs) {
  if (outputs <= kMostOutputs) return absl::OkStatus();
  return InvalidField("source",
                      fmt::format("Has {} outputs, and a run may have {}; make several runs of it.",
                                  outputs, kMostOutputs));
}

absl::Status CheckCreation(const v1::CreateRunRequest& request) {
  if (!request.run_id().empty() && !IsRunId(request.run_id())) {
    return InvalidField("run_id", fmt::format("Must be 1 to 63 of a-z, 0-9 and `-`, from a letter "
                                              "to a letter or digit, found \"{}\".",
                                              request.run_id()));
  }
  if (request.request_id().size() > 64) {
    return InvalidField("request_id", "Must be at most 64 bytes long; a UUID will do.");
  }
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  if (absl::Status status = CheckLabels("labels", request.labels()); !status.ok()) return status;
  absl::Status status = CheckAnnotations("annotations", request.annotations());
  if (!status.ok()) return status;
  return CheckOutputs(request.source().spec().outputs_size());
}

std::string NewUid() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string DigestOf(const v1::CreateRunRequest& request) {
  if (request.request_id().empty()) return "";
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  return Digest().Add(bytes).Hex();
}

daemon::v1::RunRecord RecordOf(const worker::v1::Planned& planned,
                               const v1::CreateRunRequest& request, int64_t now_ms) {
  daemon::v1::RunRecord record;
  record.set_now_ms(now_ms);
  record.set_request_id(request.request_id());
  record.set_request_sha256(DigestOf(request));
  *record.mutable_asked() = planned.asked();
  v1::Run* run = record.mutable_run();
  run->set_uid(planned.uid());
  run->set_target_state(request.paused() ? v1::TARGET_STATE_PAUSED : v1::TARGET_STATE_RUNNING);
  run->set_state(request.paused() ? v1::RUN_STATE_PAUSED : v1::RUN_STATE_STARTING);
  *run->mutable_spec() = planned.plan().spec();
  run->set_fingerprint(planned.plan().fingerprint());
  *run->mutable_plugins() = planned.plan().plugins();
  *run->mutable_warnings() = planned.plan().warnings();
  *run->mutable_labels() = request.labels();
  *run->mutable_annotations() = request.annotations();
  SetTime(now_ms, run->mutable_create_time());
  MarkCreated(run);
  for (const v1::OutputPlan& plan : planned.plan().outputs()) {
    v1::OutputStatus* output = run->add_outputs();
    output->set_name(plan.name());
    output->set_place(plan.place());
    output->set_total_rows(plan.rows());
    output->set_state(request.paused() ? v1::OUTPUT_STATE_PAUSED : v1::OUTPUT_STATE_STARTING);
  }
  return record;
}

}  // namespace throng
