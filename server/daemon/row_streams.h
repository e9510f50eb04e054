// Streams of rows and of findings, each from a worker of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "absl/status/statusor.h"
#include "server/daemon/engine.h"
#include "server/daemon/planner.h"

namespace throng {

// All functions: any thread.
class RowStreams {
 public:
  // At most `most` at a time. All outlive it.
  RowStreams(Planner* planner, Workers* workers, PluginIndex* index, int most)
      : planner_(planner), workers_(workers), index_(index), most_(most) {}

  // What Engine::Generate and Inspect do. `record`: of the run that is named; nullptr: none is.
  absl::StatusOr<std::unique_ptr<RowStream>> Generate(const v1::GenerateRequest& request,
                                                      const daemon::v1::RunRecord* record,
                                                      const CallContext& context);
  absl::StatusOr<std::unique_ptr<RowStream>> Inspect(const worker::v1::InspectJob& job,
                                                     const daemon::v1::RunRecord* record);

  // Tells workers that deliver to end at a commit.
  void Stop();
  // Waits until they have ended; kills those that have not at the deadline. False: one lives on.
  bool AwaitEnd(Deadline deadline);

 private:
  // RESOURCE_EXHAUSTED: there are as many as are allowed.
  absl::Status Count();
  // What a worker that is let go sends over its row channel; it has been counted.
  // `delivers`: it ends at a commit when nobody reads any more, and else at once.
  std::unique_ptr<RowStream> StreamOf(Planner::Asked* worker, int row_fd, bool delivers);

  Planner* const planner_;
  Workers* const workers_;
  PluginIndex* const index_;
  const int most_;
  const std::shared_ptr<std::atomic<int>> streams_ = std::make_shared<std::atomic<int>>(0);
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<WorkerId> delivering_;
};

}  // namespace throng
