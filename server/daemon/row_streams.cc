#include "server/daemon/row_streams.h"

#include <fmt/format.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "server/daemon/errors.h"
#include "server/daemon/row_stream.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

// A stream that counts as open for as long as it lives.
class CountedStream final : public RowStream {
 public:
  CountedStream(std::unique_ptr<RowStream> stream, std::shared_ptr<std::atomic<int>> count)
      : stream_(std::move(stream)), count_(std::move(count)) {}
  ~CountedStream() override {
    stream_.reset();
    --*count_;
  }
  absl::StatusOr<std::optional<std::string>> Next() override { return stream_->Next(); }
  void Cancel() override { stream_->Cancel(); }

 private:
  std::unique_ptr<RowStream> stream_;
  const std::shared_ptr<std::atomic<int>> count_;
};

// Adds the components of the snapshot that `start` does not have yet.
void AddMissing(const PluginSnapshot& snapshot, worker::v1::Start* start) {
  using Name = std::pair<std::string, std::string>;
  std::set<Name> known;
  for (const worker::v1::PluginFile& file : start->plugins()) {
    for (const auto& name : file.components()) known.emplace(name.role(), name.name());
  }
  worker::v1::Start all;
  snapshot.AddTo(&all);
  *start->mutable_plugin_errors() = all.plugin_errors();
  for (const worker::v1::PluginFile& file : all.plugins()) {
    worker::v1::PluginFile missing = file;
    missing.clear_components();
    for (const auto& name : file.components()) {
      if (!known.contains(Name(name.role(), name.name()))) *missing.add_components() = name;
    }
    if (missing.components_size() > 0) *start->add_plugins() = std::move(missing);
  }
}

}  // namespace

absl::Status RowStreams::Count() {
  constexpr std::chrono::milliseconds kRetryDelay{1'000};
  if (++*streams_ <= most_) return absl::OkStatus();
  --*streams_;
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                fmt::format("{} streams of rows are open, and no more are allowed; try again "
                            "once one has ended.",
                            most_)),
      kRetryDelay);
}

std::unique_ptr<RowStream> RowStreams::StreamOf(Planner::Asked* worker, int row_fd, bool delivers) {
  using Farewell = WorkerRowStream::Farewell;
  const auto end = std::make_shared<RowStreamEnd>();
  const WorkerId id = worker->id();
  if (delivers) {
    const std::lock_guard lock(mutex_);
    delivering_.insert(id);
  }
  const auto on_ended = [this, end, id](const WorkerEnd& ended) {
    const bool is_done = ended.kind == WorkerEnd::Kind::kFinished && ended.finished.code() == 0;
    end->Set(is_done ? absl::OkStatus() : ErrorOf(ended));
    const std::lock_guard lock(mutex_);
    delivering_.erase(id);
    changed_.notify_all();
  };
  worker->LetGo();
  worker->call()->HandOver({[](const worker::v1::FromWorker&) {}, on_ended});
  auto stream = std::make_unique<WorkerRowStream>(
      row_fd, workers_, id, end, delivers ? Farewell::kAtACommit : Farewell::kAtOnce);
  return std::make_unique<CountedStream>(std::move(stream), streams_);
}

absl::StatusOr<std::unique_ptr<RowStream>> RowStreams::Generate(const v1::GenerateRequest& request,
                                                                const daemon::v1::RunRecord* record,
                                                                const CallContext& context) {
  worker::v1::Start start = planner_->NewStart();
  worker::v1::GenerateJob* job = start.mutable_generate();
  if (record != nullptr) {
    absl::Status status = planner_->AddKept(record->run(), &start);
    if (!status.ok()) return status;
    *job->mutable_asked() = record->asked();
    job->set_now_ms(record->now_ms());
    job->set_fingerprint(record->run().fingerprint());
  } else if (request.has_source()) {
    index_->Refresh()->AddTo(&start);
    *job->mutable_source() = request.source();
    job->set_now_ms(NowMs());
  } else {
    return InvalidField("source", "Must hold a spec or layers of one; or name a run in `run`.");
  }
  job->set_start_row(request.start_row());
  if (request.has_row_limit()) job->set_row_limit(request.row_limit());
  *job->mutable_columns() = request.columns();
  job->set_batch_rows(request.batch_rows());

  std::optional<PlanningQueue::Turn> turn;
  if (absl::Status status = planner_->WaitForTurn(context, &turn); !status.ok()) return status;
  if (absl::Status status = Count(); !status.ok()) return status;
  int row_fd = -1;
  Planner::Asked worker(planner_, start, &row_fd);
  if (const auto answer = worker.Answer(context); !answer.ok()) {
    if (row_fd >= 0) close(row_fd);
    --*streams_;
    return answer.status();
  }
  return StreamOf(&worker, row_fd, /*delivers=*/false);
}

absl::StatusOr<std::unique_ptr<RowStream>> RowStreams::Inspect(
    const worker::v1::InspectJob& job, const daemon::v1::RunRecord* record) {
  worker::v1::Start start = planner_->NewStart();
  *start.mutable_inspect() = job;
  start.mutable_inspect()->set_now_ms(NowMs());
  if (record != nullptr) {
    absl::Status status = planner_->AddKept(record->run(), &start);
    if (!status.ok()) return status;
    *start.mutable_inspect()->mutable_asked() = record->asked();
    start.mutable_inspect()->set_now_ms(record->now_ms());
    start.mutable_inspect()->set_uid(record->run().uid());
  }
  AddMissing(*index_->Refresh(), &start);

  if (absl::Status status = Count(); !status.ok()) return status;
  int row_fd = -1;
  Planner::Asked worker(planner_, start, &row_fd);
  if (worker.id() == 0) {
    --*streams_;
    return DaemonStopping();
  }
  return StreamOf(&worker, row_fd, job.has_replay());
}

void RowStreams::Stop() {
  const std::lock_guard lock(mutex_);
  worker::v1::ToWorker stop;
  stop.mutable_stop();
  for (const WorkerId id : delivering_) workers_->Send(id, stop);
}

bool RowStreams::AwaitEnd(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto have_ended = [this] { return delivering_.empty(); };
  if (changed_.wait_until(lock, deadline, have_ended)) return true;
  for (const WorkerId id : delivering_) workers_->Kill(id);
  return changed_.wait_for(lock, kKilledWithin, have_ended);
}

}  // namespace throng
