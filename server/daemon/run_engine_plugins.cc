// RunEngine: rows for callers, and the plugins that there are.
#include <fmt/format.h>
#include <unistd.h>

#include "server/daemon/errors.h"
#include "server/daemon/row_stream.h"
#include "server/daemon/run_engine.h"
#include "server/daemon/wall_clock.h"
#include "server/spec/problem.h"

namespace throng {
namespace {

constexpr std::string_view kPlugins = "plugins/";

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

}  // namespace

absl::StatusOr<std::unique_ptr<RowStream>> RunEngine::Generate(const v1::GenerateRequest& request,
                                                               Deadline deadline) {
  constexpr std::chrono::milliseconds kRetryDelay{1'000};
  worker::v1::Start start = NewStart();
  worker::v1::GenerateJob* job = start.mutable_generate();
  if (request.has_run()) {
    const std::lock_guard lock(mutex_);
    const auto entry = Find(request.run());
    if (!entry.ok()) return entry.status();
    const daemon::v1::RunRecord& record = (*entry)->controller.record();
    if (absl::Status status = AddKept(record.run(), &start); !status.ok()) return status;
    *job->mutable_asked() = record.asked();
    job->set_now_ms(record.now_ms());
    job->set_fingerprint(record.run().fingerprint());
  } else if (request.has_source()) {
    parts_.index->Refresh()->AddTo(&start);
    *job->mutable_source() = request.source();
    job->set_now_ms(NowMs());
  } else {
    return InvalidField("source", "Must hold a spec or layers of one; or name a run in `run`.");
  }
  job->set_start_row(request.start_row());
  if (request.has_row_limit()) job->set_row_limit(request.row_limit());
  *job->mutable_columns() = request.columns();
  job->set_batch_rows(request.batch_rows());

  if (++*streams_ > parts_.config.max_streams) {
    --*streams_;
    return WithRetryDelay(
        MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                  fmt::format("{} streams of rows are open, and no more are allowed; try again "
                              "once one has ended.",
                              parts_.config.max_streams)),
        kRetryDelay);
  }
  int row_fd = -1;
  AskedWorker worker(this, start, &row_fd);
  auto end = std::make_shared<RowStreamEnd>();
  const auto answer = worker.Answer(deadline);
  if (!answer.ok()) {
    if (row_fd >= 0) close(row_fd);
    --*streams_;
    return answer.status();
  }
  const auto status_of = [](const WorkerEnd& e) {
    const bool is_done = e.kind == WorkerEnd::Kind::kFinished && e.finished.code() == 0;
    return is_done ? absl::OkStatus() : ErrorOf(e);
  };
  worker.LetGo();
  worker.call()->HandOver({[](const worker::v1::FromWorker&) {},
                           [end, status_of](const WorkerEnd& e) { end->Set(status_of(e)); }});
  return std::unique_ptr<RowStream>(std::make_unique<CountedStream>(
      std::make_unique<WorkerRowStream>(row_fd, parts_.workers, worker.id(), std::move(end)),
      streams_));
}

absl::StatusOr<v1::ListPluginsResponse> RunEngine::ListPlugins(
    const v1::ListPluginsRequest& request) {
  constexpr int32_t kMost = 1000;
  constexpr int32_t kDefault = 100;
  if (request.page_size() < 0) return InvalidField("page_size", "Must not be negative.");
  const int32_t size = request.page_size() == 0 ? kDefault : std::min(request.page_size(), kMost);
  const auto snapshot = parts_.index->Refresh();
  v1::ListPluginsResponse response;
  for (const v1::Plugin& plugin : snapshot->plugins) {
    if (plugin.name() <= request.page_token()) continue;
    if (response.plugins_size() == size) {
      response.set_next_page_token(response.plugins(size - 1).name());
      break;
    }
    *response.add_plugins() = plugin;
  }
  if (request.page_token().empty()) {
    response.mutable_load_errors()->Assign(snapshot->errors.begin(), snapshot->errors.end());
  }
  return response;
}

absl::StatusOr<v1::GetPluginResponse> RunEngine::GetPlugin(const std::string& name) {
  const auto snapshot = parts_.index->Refresh();
  std::vector<std::string> known;
  v1::GetPluginResponse response;
  for (const v1::Plugin& plugin : snapshot->plugins) {
    known.push_back(plugin.name());
    bool is_it = plugin.name() == name;
    for (const v1::PluginComponent& component : plugin.components()) {
      known.push_back(std::string(kPlugins) + component.name());
      is_it = is_it || known.back() == name;
    }
    if (!is_it) continue;
    *response.mutable_plugin() = plugin;
    return response;
  }
  const auto nearest = NearestName(name, known);
  return MakeError(absl::StatusCode::kNotFound, "PLUGIN_NOT_FOUND",
                   fmt::format("There is no plugin `{}`.{}", name,
                               nearest ? fmt::format(" Did you mean `{}`?", *nearest) : ""));
}

}  // namespace throng
