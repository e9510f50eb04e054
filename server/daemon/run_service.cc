// throng.v1.RunService.
#include <algorithm>
#include <string>
#include <utility>

#include "server/daemon/calls.h"
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

// The run at once and after changes. While a message is on its way, changes add up to one more.
class Watch final : public StreamCall<v1::WatchRunResponse> {
 public:
  Watch(Engine* engine, std::string name) : engine_(engine), name_(std::move(name)) {}

 private:
  absl::Status Make() override {
    const auto id = engine_->Watch(name_, [this] { Wake(); });
    if (!id.ok()) return id.status();
    absl::Status status = Follow();
    engine_->Unwatch(*id);
    return status;
  }

  absl::Status Follow() {
    std::string uid;
    do {
      auto run = GetSame(engine_, name_, &uid);
      if (!run.ok()) return run.status();
      v1::WatchRunResponse response;
      *response.mutable_run() = *std::move(run);
      if (!Write(std::move(response))) break;
    } while (WaitWritten() && Sleep());
    return absl::CancelledError("Nobody watches any more.");
  }

  Engine* const engine_;
  const std::string name_;
};

// The log of a run, and what is added to it until the run has ended.
class ReadLogs final : public StreamCall<v1::ReadRunLogsResponse> {
 public:
  ReadLogs(Engine* engine, v1::ReadRunLogsRequest request)
      : engine_(engine), request_(std::move(request)) {}

 private:
  absl::Status Make() override {
    if (request_.tail_lines() < 0) {
      return InvalidField("tail_lines", "Must not be negative; leave it out for all lines.");
    }
    uint64_t next = 0;
    if (request_.tail_lines() > 0) {
      const auto first = engine_->FirstOfLog(request_.name(), request_.tail_lines());
      if (!first.ok()) return first.status();
      next = *first;
    }
    // Lines come by the hundred and not one by one, so they are asked for rather than announced.
    constexpr std::chrono::milliseconds kInterval{200};
    std::string uid;
    for (;;) {
      bool has_ended = true;
      if (request_.follow()) {
        const auto run = GetSame(engine_, request_.name(), &uid);  // before the lines: none follow
        if (!run.ok()) return run.status();
        has_ended = run->state() == v1::RUN_STATE_SUCCEEDED || run->state() == v1::RUN_STATE_FAILED;
      }
      auto lines = engine_->ReadLog(request_.name(), &next);
      if (!lines.ok()) return lines.status();
      if (lines->empty()) {
        if (has_ended) return absl::OkStatus();
        if (!Sleep(kInterval)) break;
        continue;
      }
      v1::ReadRunLogsResponse response;
      for (v1::LogLine& line : *lines) *response.add_lines() = std::move(line);
      if (!Write(std::move(response))) break;
    }
    return absl::CancelledError("Nobody reads any more.");
  }

  Engine* const engine_;
  const v1::ReadRunLogsRequest request_;
};

class RunService final : public v1::RunService::CallbackService {
 public:
  RunService(Engine* engine, CallThreads* threads) : engine_(engine), threads_(threads) {}

  Reactor* CreateRun(Context* context, const v1::CreateRunRequest* request,
                     v1::CreateRunResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline deadline) {
      return TakeRun(engine_->CreateRun(*request, deadline), response);
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

  Reactor* DeleteRun(Context* context, const v1::DeleteRunRequest* request,
                     v1::DeleteRunResponse* /*response*/) override {
    return Answer(context, engine_->DeleteRun(request->name()));
  }

  Reactor* PauseRun(Context* context, const v1::PauseRunRequest* request,
                    v1::PauseRunResponse* response) override {
    return Answer(context, TakeRun(engine_->PauseRun(request->name()), response));
  }

  Reactor* ResumeRun(Context* context, const v1::ResumeRunRequest* request,
                     v1::ResumeRunResponse* response) override {
    return Answer(context, TakeRun(engine_->ResumeRun(request->name()), response));
  }

  Reactor* StopRun(Context* context, const v1::StopRunRequest* request,
                   v1::StopRunResponse* response) override {
    return Answer(context, TakeRun(engine_->StopRun(request->name()), response));
  }

  Reactor* RestartRun(Context* context, const v1::RestartRunRequest* request,
                      v1::RestartRunResponse* response) override {
    return Answer(context, TakeRun(engine_->RestartRun(request->name()), response));
  }

  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(
      Context* /*context*/, const v1::WatchRunRequest* request) override {
    auto* watch = new Watch(engine_, request->name());
    watch->Start(threads_);
    return watch;
  }

  Reactor* GetPositions(Context* context, const v1::GetPositionsRequest* request,
                        v1::GetPositionsResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline deadline) {
      return Take(engine_->GetPositions(*request, deadline), response);
    });
  }

  Reactor* ResetPositions(Context* context, const v1::ResetPositionsRequest* request,
                          v1::ResetPositionsResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline deadline) {
      return Take(engine_->ResetPositions(*request, deadline), response);
    });
  }

  Reactor* GetRunStatistics(Context* context, const v1::GetRunStatisticsRequest* request,
                            v1::GetRunStatisticsResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline deadline) {
      return Take(engine_->GetRunStatistics(*request, deadline), response);
    });
  }

  grpc::ServerWriteReactor<v1::ReadRunLogsResponse>* ReadRunLogs(
      Context* /*context*/, const v1::ReadRunLogsRequest* request) override {
    auto* logs = new ReadLogs(engine_, *request);
    logs->Start(threads_);
    return logs;
  }

 private:
  Engine* const engine_;
  CallThreads* const threads_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRunService(Engine* engine, CallThreads* threads) {
  return std::make_unique<RunService>(engine, threads);
}

}  // namespace throng
