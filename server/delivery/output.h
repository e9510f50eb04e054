// One output of a run: what is asked of it, its place, the delivery while it runs, and its
// progress.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/plan.h"
#include "server/delivery/delivery.h"
#include "server/delivery/output_request.h"
#include "server/delivery/place.h"
#include "server/delivery/progress.h"
#include "server/delivery/tally.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/spec/problem.h"
#include "throng/v1/spec.pb.h"

namespace throng {

class Output {
 public:
  // Looks up the components and parses the options of `run.outputs(index)`; adds to `problems`.
  // Catalogue and environment outlive the output. `now`: ms since 1970 UTC.
  Output(const v1::RunSpec& run, int index, const Catalogue& catalogue,
         const Environment& environment, int64_t now, Problems* problems)
      : environment_(environment),
        request_(run, index, catalogue, environment, now, problems),
        place_(request_, environment),
        monitor_(environment.on_progress) {}

  void Configure(const Plan& plan, Problems* problems) { request_.Configure(plan, problems); }

  const OutputRequest& request() const { return request_; }
  const std::string& name() const { return request_.name(); }
  // The path, the topic.
  const std::string& place() const { return request_.destination(); }
  bool HasInteractions() const { return request_.HasInteractions(); }

  // As Place's.
  absl::StatusOr<Sink::Opened> Peek(const std::string& run_uid) { return place_.Peek(run_uid); }
  absl::Status Reset(const std::string& run_uid) { return place_.Reset(run_uid); }
  absl::Status Open(const std::string& run_uid, bool sends_again) {
    return place_.Open(run_uid, sends_again);
  }
  const std::optional<worker::v1::HostState>& stored() const { return place_.stored(); }
  absl::Status CheckPath(const std::string& run_uid) { return place_.CheckPath(run_uid); }
  // Whether there were no rows left to deliver, once it has ended.
  bool WasComplete() const { return was_complete_; }

  // Delivers by the plan that the run goes on with, to the end or to a commit once the environment
  // is stopping. Whatever comes of it is in progress(). Any thread, once, after Open.
  void Run(const Plan& plan, const WalkSettings& settings);

  // Ends instead, since the place cannot be opened or the run cannot go on.
  void GiveUp(const absl::Status& reason);

  OutputProgress progress() const { return monitor_.Read(); }
  ProgressMonitor* monitor() { return &monitor_; }
  // Of the rows delivered so far. Nothing for other tables, and before the first row. Any thread.
  std::optional<Tally::Snapshot> PeekStatistics();
  // Of the whole output, once it succeeded, and of interactions only.
  const std::optional<v1::Statistics>& statistics() const { return statistics_; }

 private:
  absl::StatusOr<bool> Deliver(const Plan& plan, const WalkSettings& settings);
  // Calls again while what is needed (a schema registry, space on a disk) is not there.
  absl::Status Patiently(const std::function<absl::Status()>& call,
                         std::chrono::milliseconds retry_timeout);
  // What there is to say of an output that is complete.
  absl::Status TakeComplete(int threads);

  const Environment& environment_;
  OutputRequest request_;
  Place place_;
  ProgressMonitor monitor_;
  std::mutex delivery_mutex_;
  Delivery* delivery_ = nullptr;  // while it runs
  std::optional<v1::Statistics> statistics_;
  bool was_complete_ = false;
};

}  // namespace throng
