// throng.v1.RunService.
#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/daemon/calls.h"
#include "server/daemon/run_query.h"
#include "server/daemon/services.h"
#include "throng/v1/run_service.grpc.pb.h"

namespace throng {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

// The run of a call in its response.
template <class Response>
absl::Status TakeRun(absl::StatusOr<v1::Run> run, Response* response) {
  if (!run.ok()) return run.status();
  *response->mutable_run() = *std::move(run);
  return absl::OkStatus();
}

// The run of that name, if it is the one that it was the first time, when `uid` was empty.
absl::StatusOr<v1::Run> GetSame(Engine* engine, const std::string& name, std::string* uid) {
  auto run = engine->GetRun(name);
  if (!run.ok()) return run;
  if (uid->empty()) *uid = run->uid();
  if (run->uid() == *uid) return run;
  return MakeError(absl::StatusCode::kNotFound, "RUN_NOT_FOUND",
                   "The run was deleted; another one has its name now.");
}

absl::Status TooMany(std::string_view streams) {
  constexpr std::chrono::milliseconds kRetryDelay{1'000};
  return WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_CALLS",
                                  fmt::format("As many {} are open as the daemon can have; try "
                                              "again once some have ended.",
                                              streams)),
                        kRetryDelay);
}

// The run at once and after changes. While a message is on its way, changes add up to one more.
class Watch final : public PumpedCall<v1::WatchRunResponse> {
 public:
  Watch(Engine* engine, std::string name) : engine_(engine), name_(std::move(name)) {}

 private:
  Made Make() override {
    if (!watch_) {
      const auto id = engine_->Watch(name_, [this] { Wake(); });
      if (!id.ok()) return {std::nullopt, id.status()};
      watch_ = *id;
    }
    auto run = GetSame(engine_, name_, &uid_);
    if (!run.ok()) return {std::nullopt, run.status()};
    v1::WatchRunResponse response;
    *response.mutable_run() = *std::move(run);
    return {std::move(response), std::nullopt};
  }

  void Leave() override {
    if (watch_) engine_->Unwatch(*watch_);
  }

  Engine* const engine_;
  const std::string name_;
  std::string uid_;
  std::optional<uint64_t> watch_;
};

// All runs that a filter lets through, at once and after changes. While a message is on its way,
// changes of a run add up to one.
class WatchAll final : public PumpedCall<v1::WatchRunsResponse> {
 public:
  WatchAll(Engine* engine, std::string filter) : engine_(engine), filter_(std::move(filter)) {}

 private:
  absl::Status Begin() {
    v1::ListRunsRequest list;
    list.set_filter(filter_);
    auto query = RunQuery::Parse(list);
    if (!query.ok()) return query.status();
    query_ = *std::move(query);
    const auto id = engine_->WatchAll([this](const std::string& name) {
      {
        const std::lock_guard lock(mutex_);
        changed_.insert(name);
      }
      Wake();
    });
    if (!id.ok()) return id.status();
    watch_ = *id;
    return absl::OkStatus();
  }

  Made Make() override {
    if (!query_) {
      if (absl::Status status = Begin(); !status.ok()) return {std::nullopt, status};
    }
    while (const auto name = TakeChanged()) {
      auto run = engine_->GetRun(*name);
      if (!run.ok() && !absl::IsNotFound(run.status())) return {std::nullopt, run.status()};
      v1::WatchRunsResponse response;
      if (run.ok() && query_->Takes(*run)) {
        shown_.insert(*name);
        *response.mutable_run() = *std::move(run);
        response.mutable_run()->clear_spec();
      } else if (shown_.erase(*name) > 0) {
        response.set_removed(*name);
      } else {
        continue;
      }
      Wake();  // there may be more
      return {std::move(response), std::nullopt};
    }
    return {std::nullopt, std::nullopt};
  }

  std::optional<std::string> TakeChanged() {
    const std::lock_guard lock(mutex_);
    if (changed_.empty()) return std::nullopt;
    return changed_.extract(changed_.begin()).value();
  }

  void Leave() override {
    if (watch_) engine_->Unwatch(*watch_);
  }

  Engine* const engine_;
  const std::string filter_;
  std::optional<RunQuery> query_;
  std::optional<uint64_t> watch_;
  std::set<std::string> shown_;  // names
  std::mutex mutex_;
  std::set<std::string> changed_;  // likewise
};

// The log of a run, and what is added to it until the run has ended.
class ReadLogs final : public PumpedCall<v1::ReadRunLogsResponse> {
 public:
  ReadLogs(Engine* engine, v1::ReadRunLogsRequest request)
      : engine_(engine), request_(std::move(request)) {}

 private:
  absl::Status Begin() {
    if (request_.tail_lines() < 0) {
      return InvalidField("tail_lines", "Must not be negative; leave it out for all lines.");
    }
    if (request_.tail_lines() > 0) {
      const auto first = engine_->FirstOfLog(request_.name(), request_.tail_lines());
      if (!first.ok()) return first.status();
      next_ = *first;
    }
    if (!request_.follow()) return absl::OkStatus();
    for (const auto watch : {&Engine::Watch, &Engine::WatchLog}) {
      const auto id = (engine_->*watch)(request_.name(), [this] { Wake(); });
      if (!id.ok()) return id.status();
      watches_.push_back(*id);
    }
    return absl::OkStatus();
  }

  Made Make() override {
    if (!std::exchange(has_begun_, true)) {
      if (absl::Status status = Begin(); !status.ok()) return {std::nullopt, status};
    }
    bool has_ended = true;
    if (request_.follow()) {
      const auto run = GetSame(engine_, request_.name(), &uid_);  // before the lines: none follow
      if (!run.ok()) return {std::nullopt, run.status()};
      has_ended = run->state() == v1::RUN_STATE_SUCCEEDED || run->state() == v1::RUN_STATE_FAILED;
    }
    auto lines = engine_->ReadLog(request_.name(), &next_);
    if (!lines.ok()) return {std::nullopt, lines.status()};
    if (lines->empty()) {
      return {std::nullopt, has_ended ? std::optional(absl::OkStatus()) : std::nullopt};
    }
    Wake();  // there may be more
    v1::ReadRunLogsResponse response;
    for (v1::LogLine& line : *lines) *response.add_lines() = std::move(line);
    return {std::move(response), std::nullopt};
  }

  void Leave() override {
    for (const uint64_t watch : watches_) engine_->Unwatch(watch);
  }

  Engine* const engine_;
  const v1::ReadRunLogsRequest request_;
  bool has_begun_ = false;
  uint64_t next_ = 0;
  std::string uid_;
  std::vector<uint64_t> watches_;
};

class RunService final : public v1::RunService::CallbackService {
 public:
  RunService(Engine* engine, CallWork* work) : engine_(engine), work_(work) {}

  Reactor* CreateRun(Context* context, const v1::CreateRunRequest* request,
                     v1::CreateRunResponse* response) override {
    return AnswerOnThread(context, &work_->planning,
                          [this, request, response](const CallContext& call) {
                            return TakeRun(engine_->CreateRun(*request, call), response);
                          });
  }

  Reactor* GetRun(Context* context, const v1::GetRunRequest* request,
                  v1::GetRunResponse* response) override {
    return Answer(context, TakeRun(engine_->GetRun(request->name()), response));
  }

  Reactor* ListRuns(Context* context, const v1::ListRunsRequest* request,
                    v1::ListRunsResponse* response) override {
    return Answer(context, Take(engine_->ListRuns(*request), response));
  }

  Reactor* UpdateRun(Context* context, const v1::UpdateRunRequest* request,
                     v1::UpdateRunResponse* response) override {
    return AnswerOnThread(context, &work_->changes, [this, request, response](const CallContext&) {
      return TakeRun(engine_->UpdateRun(*request), response);
    });
  }

  Reactor* DeleteRun(Context* context, const v1::DeleteRunRequest* request,
                     v1::DeleteRunResponse* /*response*/) override {
    return AnswerOnThread(context, &work_->changes, [this, request](const CallContext&) {
      return engine_->DeleteRun({request->name(), request->etag()});
    });
  }

  Reactor* PauseRun(Context* context, const v1::PauseRunRequest* request,
                    v1::PauseRunResponse* response) override {
    return AnswerOnThread(context, &work_->changes, [this, request, response](const CallContext&) {
      return TakeRun(engine_->PauseRun({request->name(), request->etag()}), response);
    });
  }

  Reactor* ResumeRun(Context* context, const v1::ResumeRunRequest* request,
                     v1::ResumeRunResponse* response) override {
    return AnswerOnThread(context, &work_->changes, [this, request, response](const CallContext&) {
      return TakeRun(engine_->ResumeRun({request->name(), request->etag()}), response);
    });
  }

  Reactor* StopRun(Context* context, const v1::StopRunRequest* request,
                   v1::StopRunResponse* response) override {
    return AnswerOnThread(context, &work_->changes, [this, request, response](const CallContext&) {
      return TakeRun(engine_->StopRun({request->name(), request->etag()}), response);
    });
  }

  Reactor* RestartRun(Context* context, const v1::RestartRunRequest* request,
                      v1::RestartRunResponse* response) override {
    return AnswerOnThread(context, &work_->changes, [this, request, response](const CallContext&) {
      return TakeRun(engine_->RestartRun({request->name(), request->etag()}), response);
    });
  }

  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(
      Context* /*context*/, const v1::WatchRunRequest* request) override {
    auto* watch = new Watch(engine_, request->name());
    watch->Start(&work_->watches, TooMany("watches"));
    return watch;
  }

  grpc::ServerWriteReactor<v1::WatchRunsResponse>* WatchRuns(
      Context* /*context*/, const v1::WatchRunsRequest* request) override {
    auto* watch = new WatchAll(engine_, request->filter());
    watch->Start(&work_->watches, TooMany("watches"));
    return watch;
  }

  Reactor* GetPositions(Context* context, const v1::GetPositionsRequest* request,
                        v1::GetPositionsResponse* response) override {
    return AnswerOnThread(context, &work_->planning,
                          [this, request, response](const CallContext& call) {
                            return Take(engine_->GetPositions(*request, call), response);
                          });
  }

  Reactor* ResetPositions(Context* context, const v1::ResetPositionsRequest* request,
                          v1::ResetPositionsResponse* response) override {
    return AnswerOnThread(context, &work_->planning,
                          [this, request, response](const CallContext& call) {
                            return Take(engine_->ResetPositions(*request, call), response);
                          });
  }

  Reactor* GetRunStatistics(Context* context, const v1::GetRunStatisticsRequest* request,
                            v1::GetRunStatisticsResponse* response) override {
    return AnswerOnThread(context, &work_->planning,
                          [this, request, response](const CallContext& call) {
                            return Take(engine_->GetRunStatistics(*request, call), response);
                          });
  }

  grpc::ServerWriteReactor<v1::ReadRunLogsResponse>* ReadRunLogs(
      Context* /*context*/, const v1::ReadRunLogsRequest* request) override {
    auto* logs = new ReadLogs(engine_, *request);
    logs->Start(&work_->logs, TooMany("streams of logs"));
    return logs;
  }

 private:
  Engine* const engine_;
  CallWork* const work_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRunService(Engine* engine, CallWork* work) {
  return std::make_unique<RunService>(engine, work);
}

}  // namespace throng
