// A run: one dataset, delivered to its outputs, each on a walk of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "server/dataset/plan.h"
#include "server/delivery/delivery.h"
#include "server/delivery/output.h"
#include "server/delivery/tuning.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/spec/problem.h"
#include "throng/v1/spec.pb.h"

namespace throng {

class Run {
 public:
  // Plans the run and writes nothing; nullptr with all mistakes in `problems`. The spec is resolved
  // (spec/reader.h); catalogue and environment outlive the run. `now`: ms since 1970 UTC.
  static std::unique_ptr<Run> Create(const v1::RunSpec& spec, const Catalogue& catalogue,
                                     const Environment& environment, int64_t now,
                                     Problems* problems);
  // Only whether there are such components and what is wrong with their options: what can be said
  // of a spec that breaks other rules.
  static void CheckComponents(const v1::RunSpec& spec, const Catalogue& catalogue,
                              const Environment& environment, int64_t now, Problems* problems);
  ~Run();

  // Adds the paths that can never be written to: of a run that is asked for the first time. When it
  // goes on, an output that lost its place fails alone.
  void CheckPaths(Problems* problems) const;

  // Opens every output, trying again for a while where a place is full or out of reach, and settles
  // on one dataset: where outputs go on, on the one they were begun with. On failure nothing has
  // been written. A retry_timeout of 0 tries without end.
  absl::Status Open(std::chrono::milliseconds retry_timeout);

  // Starts each output on a thread of its own, after Open.
  void Start(std::chrono::milliseconds retry_timeout);
  // Opens and starts each output on a thread of its own: one that cannot be opened fails alone, and
  // one whose place is out of reach holds up no other, unless they still have to agree on times
  // that were given relative to now.
  void OpenAndStart(std::chrono::milliseconds retry_timeout);
  // Whether all outputs have ended.
  bool HasEnded() const { return running_ == 0; }
  // Waits until all outputs have ended or a time has passed.
  void Wait(std::chrono::milliseconds time);

  // 32 hexadecimal digits that name the run: as set, else derived from its outputs' identities, so
  // that the same request meets its own positions.
  std::string Uid() const;
  // Another pace, and threads, from now on; 0: one a CPU, of all outputs together. Of a profile,
  // which began at `profile_start_ms` since 1970 UTC. Any thread.
  void Tune(const v1::Pace& pace, int64_t profile_start_ms, int threads);
  void SetUid(const std::string& uid) { uid_ = uid; }
  // Another word derives another uid; without one, the same request always derives the same.
  void SetAgain(const std::string& word) { again_ = word; }

  const Plan& plan() const { return *plan_; }
  // The plan's, and what there is to say of outputs.
  std::vector<std::string> Warnings() const;
  // The spec with every option and absolute times.
  v1::RunSpec ResolvedSpec() const;
  const std::vector<std::unique_ptr<Output>>& outputs() const { return outputs_; }

 private:
  Run(const v1::RunSpec& spec, const Catalogue& catalogue, const Environment& environment,
      int64_t now)
      : spec_(spec), catalogue_(catalogue), environment_(environment), now_(now) {}
  using Clock = std::chrono::steady_clock;

  absl::Status OpenOutput(Output* output, const std::string& uid, Clock::time_point give_up) const;
  // The dataset that the outputs that are open go on with becomes the run's.
  absl::Status Settle();
  // Settles once all outputs are open or have failed.
  absl::Status AwaitSettled();
  void StartThreads(const std::function<void(Output*)>& deliver);
  // What two outputs' places would do to each other.
  void CheckPlaces(Problems* problems) const;

  v1::RunSpec spec_;
  const Catalogue& catalogue_;
  const Environment& environment_;
  int64_t now_;
  std::string uid_;
  std::string again_;
  std::unique_ptr<Plan> plan_;
  std::vector<std::unique_ptr<Output>> outputs_;
  Tuning tuning_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<size_t> running_ = 0;
  size_t unopened_ = 0;
  absl::Status settled_;
};

}  // namespace throng
