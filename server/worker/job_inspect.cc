// The jobs of InspectionService: answers go over the row channel, as those of a generation call do.
#include <sys/socket.h>

#include <sstream>
#include <string>

#include "server/control/frame.h"
#include "server/control/status.h"
#include "server/inspection/diagnose.h"
#include "server/inspection/inspection.h"
#include "server/inspection/replay.h"
#include "server/inspection/summarize.h"
#include "server/inspection/tap.h"
#include "server/inspection/verify.h"
#include "server/spec/spec_request.h"
#include "server/worker/jobs.h"
#include "server/worker/messages.h"

namespace throng {

namespace {

// What a reader says of the fields of a DataSource, as problems: "source.options.path: ...".
void TakeProblems(const absl::Status& status, Problems* problems) {
  if (!absl::IsInvalidArgument(status) || OptionOf(status).empty()) return;
  std::istringstream lines(MessageOf(status));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    const bool has_field = colon != std::string::npos && line.find(' ') > colon;
    problems->push_back(has_field ? Problem{line.substr(0, colon), line.substr(colon + 2)}
                                  : Problem{OptionOf(status), line});
  }
}

// What the data must be may be given without outputs.
absl::Status ExecuteVerify(const worker::v1::InspectJob& job, const Inspection& inspection) {
  VerifyGiven given;
  given.run_uid = job.uid();
  if (job.has_asked() || job.verify().has_spec()) {
    given.run = ReadSpecRequest({.source = job.has_asked() ? nullptr : &job.verify().spec(),
                                 .asked = job.has_asked() ? &job.asked() : nullptr,
                                 .needs_outputs = false},
                                inspection.problems);
    if (!given.run || !inspection.problems->empty()) return absl::OkStatus();
  }
  return Verify(job.verify(), given, inspection);
}

}  // namespace

worker::v1::Finished Execute(const worker::v1::InspectJob& job, const worker::v1::Start& start,
                             const Catalogue& catalogue, JobControl* control) {
  Problems problems;
  const Inspection inspection{.catalogue = catalogue,
                              .environment = *control->environment(),
                              .now_ms = job.now_ms(),
                              .retry_timeout = std::chrono::milliseconds(start.retry_timeout_ms()),
                              .send =
                                  [](const google::protobuf::MessageLite& message) {
                                    if (WriteFrame(kRowFd, message).ok()) return absl::OkStatus();
                                    return absl::CancelledError("Nobody reads any more.");
                                  },
                              .problems = &problems};
  control->OnStop([] { shutdown(kRowFd, SHUT_RDWR); });  // wakes a write that waits for its reader
  absl::Status status;
  switch (job.request_case()) {
    case worker::v1::InspectJob::kSummarize:
      status = Summarize(job.summarize(), inspection);
      break;
    case worker::v1::InspectJob::kTap:
      status = Tap(job.tap(), inspection);
      break;
    case worker::v1::InspectJob::kReplay:
      status = Replay(job.replay(), inspection);
      break;
    case worker::v1::InspectJob::kVerify:
      status = ExecuteVerify(job, inspection);
      break;
    case worker::v1::InspectJob::kDiagnose:
      status = Diagnose(job.diagnose(), inspection);
      break;
    default:
      status = absl::UnimplementedError("The daemon asked for an inspection that is none.");
  }
  if (problems.empty()) TakeProblems(status, &problems);
  if (!problems.empty()) return AsFinished(problems);
  return AsFinished(status);
}

}  // namespace throng
