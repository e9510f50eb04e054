// The jobs of InspectionService: answers go over the row channel, as those of a generation call do.
#include <sys/socket.h>

#include "server/control/frame.h"
#include "server/control/status.h"
#include "server/inspection/inspection.h"
#include "server/inspection/summarize.h"
#include "server/worker/jobs.h"
#include "server/worker/messages.h"

namespace throng {

worker::v1::Finished Execute(const worker::v1::InspectJob& job, const Catalogue& catalogue,
                             JobControl* control) {
  Problems problems;
  const Inspection inspection{.catalogue = catalogue,
                              .environment = *control->environment(),
                              .now_ms = job.now_ms(),
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
    default:
      status = absl::UnimplementedError("The daemon asked for an inspection that is none.");
  }
  if (!problems.empty()) return AsFinished(problems);
  return AsFinished(status);
}

}  // namespace throng
