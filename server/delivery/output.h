// One output of a run: its table, format and sink, and the position it is at.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/plan.h"
#include "server/dataset/slice.h"
#include "server/delivery/delivery.h"
#include "server/delivery/encoder.h"
#include "server/delivery/progress.h"
#include "server/delivery/table.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"
#include "server/spec/problem.h"
#include "throng/v1/spec.pb.h"
#include "throng/worker/v1/host_state.pb.h"

namespace throng {

class Output {
 public:
  // Looks up the components and parses the options of `run.outputs(index)`; adds to `problems`.
  // Catalogue and environment outlive the output. `now`: ms since 1970 UTC.
  Output(const v1::RunSpec& run, int index, const Catalogue& catalogue,
         const Environment& environment, int64_t now, Problems* problems);

  // Fixes what is written: table, range, slice and identity. A format of streams begins once
  // without a sink, so that what it refuses is found before anything is written.
  void Configure(const Plan& plan, Problems* problems);

  const std::string& name() const { return spec_.name(); }
  // 64 hexadecimal digits: equal for requests that mean the same output.
  const std::string& identity() const { return identity_; }
  // The path, the topic.
  const std::string& place() const { return sink_options_.place(); }
  bool HasInteractions() const { return spec_.table() == v1::TABLE_INTERACTIONS; }
  // Whether the place keeps a position to go on from.
  bool IsDurable() const { return sink_component_->sink.is_durable != 0; }
  const std::string& sink_name() const { return spec_.sink().component(); }
  // Whether it is a row of files, each a part of it, and a sink and a position to each.
  bool IsRolled() const { return spec_.roll_rows() > 0; }
  bool WritesToStdout() const { return spec_.sink().component() == "stdout"; }

  // Side tables belong to slice 0: other slices leave them alone.
  bool BelongsToAnotherSlice() const {
    return spec_.table() != v1::TABLE_INTERACTIONS && run_.slice().index() > 0;
  }

  // What the place holds, without taking it; nothing of one that keeps no position. UNIMPLEMENTED:
  // the sink cannot tell.
  absl::StatusOr<Sink::Opened> Peek(const std::string& run_uid);
  // Forgets the position, if one is kept, and what was delivered where the sink can. UNIMPLEMENTED:
  // it cannot.
  absl::Status Reset(const std::string& run_uid);

  // Takes the place. Afterwards stored() is what was committed there with the position, if any.
  absl::Status Open(const std::string& run_uid);
  const std::optional<worker::v1::HostState>& stored() const { return stored_; }

  // Delivers by the plan that the run goes on with, to the end or to a commit once the environment
  // is stopping. Whatever comes of it is in progress(). Any thread, once, after Open.
  void Run(const Plan& plan, const WalkSettings& settings);

  // Ends instead, since the place cannot be opened or the run cannot go on.
  void GiveUp(const absl::Status& reason);

  OutputProgress progress() const { return monitor_.Read(); }
  ProgressMonitor* monitor() { return &monitor_; }
  // Its spec with every option and absolute times.
  v1::OutputSpec ResolvedSpec() const;
  std::vector<const Component*> components() const { return {format_, sink_component_}; }
  // The rows it covers, once configured.
  const Slice& slice() const { return *slice_; }
  // Of the rows delivered so far. Nothing for other tables, and before the first row. Any thread.
  std::optional<Tally::Snapshot> PeekStatistics() const;
  // Whether there was nothing left to do.
  bool WasComplete() const { return opened_.is_complete; }
  // Of the whole output, once it succeeded, and of interactions only.
  const std::optional<v1::Statistics>& statistics() const { return statistics_; }

 private:
  absl::StatusOr<bool> Deliver(const Plan& plan, const WalkSettings& settings);
  // A format's begin with the destination, on an instance of its own.
  absl::StatusOr<Format::Prologue> Begin(const throng_destination& destination) const;
  // The files of an output are as many as it has parts: `path`, {part} and roll_rows agree.
  void CheckParts(Problems* problems) const;
  // Whether the paths among the sink's and the format's options lie below the output roots.
  void CheckRoots(Problems* problems) const;
  // The same again, right before the place is touched.
  absl::Status CheckPlace() const;

  // Of the part that is at hand, part_; it is all of an output that is not rolled.
  Slice PartSlice() const;
  bool IsLastPart() const { return PartSlice().end() == slice_->end(); }
  throng_target Target() const;
  absl::StatusOr<Sink::Opened> PeekPart() const;
  absl::Status OpenPart();
  OutputPart CurrentPart() const;
  absl::Status BeginPart();
  // The same, again while what the format needs (a schema registry) is not there.
  absl::Status BeginPatiently(std::chrono::milliseconds retry_timeout);
  // Goes on to the next part, or stays.
  absl::StatusOr<OutputPart> OpenNextPart();
  // More parts than are asked for would be taken for some of these.
  absl::Status CheckNothingFollows();

  absl::StatusOr<std::unique_ptr<Sink>> MakeSink() const;
  std::string Identity(bool depends_on_size) const;
  throng_destination Destination() const;
  absl::StatusOr<std::string> RecordFingerprint() const;
  // Who says what it holds: the place, or the sink of one without a name.
  std::string Holder() const;
  // What must be equal to go on with what is stored.
  absl::Status CheckStored() const;
  absl::Status CheckPosition() const;
  std::string HostState(const std::optional<v1::Statistics>& statistics) const;
  std::string Manifest(const std::optional<v1::Statistics>& statistics) const;

  v1::RunSpec run_;
  v1::OutputSpec spec_;
  std::string field_;  // "outputs[0]"
  const Environment& environment_;
  const Component* format_ = nullptr;
  const Component* sink_component_ = nullptr;
  OptionValues format_options_;
  OptionValues sink_options_;
  uint32_t mode_ = 0;

  const Plan* plan_ = nullptr;
  std::unique_ptr<Table> table_;
  std::optional<Slice> slice_;
  std::string identity_;
  std::string run_uid_;

  int64_t part_;  // at hand; -1: not rolled
  std::unique_ptr<Sink> sink_;
  Sink::Opened opened_;
  std::optional<worker::v1::HostState> stored_;  // of this part, else of the one before it
  worker::v1::HostState host_state_;
  Encoding encoding_;
  ProgressMonitor monitor_;
  mutable std::mutex delivery_mutex_;
  const Delivery* delivery_ = nullptr;  // while it runs
  std::optional<v1::Statistics> statistics_;
};

}  // namespace throng
