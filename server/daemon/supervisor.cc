#include "server/daemon/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <utility>

#include "server/control/frame.h"
#include "server/control/status.h"
#include "server/daemon/descriptor.h"
#include "server/daemon/event_loop.h"
#include "server/daemon/supervised_worker.h"
#include "server/daemon/worker_process.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared

namespace throng {
namespace {

SupervisorOptions Prepared(SupervisorOptions options) {
  // Workers start in another folder.
  options.worker_path = std::filesystem::absolute(options.worker_path).string();
  return options;
}

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// Whether `env:NAME` stands anywhere in what a worker is told, be it in a text that only the worker
// can read.
bool Names(std::string_view start, std::string_view name) {
  const std::string reference = fmt::format("env:{}", name);
  for (size_t at = 0; (at = start.find(reference, at)) != std::string_view::npos; ++at) {
    const size_t end = at + reference.size();
    if (end == start.size() || !IsNameCharacter(start[end])) return true;
  }
  return false;
}

// NAME=VALUE of each variable that the worker gets: those that its secrets name, if the operator
// has named them, too.
std::vector<std::string> WorkerEnvironment(const SupervisorOptions& options,
                                           std::string_view start) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    const bool is_allowed = std::find(options.environment.begin(), options.environment.end(),
                                      name) != options.environment.end();
    if (name == "PATH" || name == "HOME" || name == "TMPDIR" || options.inherits_environment ||
        (is_allowed && Names(start, name))) {
      variables.emplace_back(text);
    }
  }
  return variables;
}

WorkerEnd NotStarted(WorkerEnd::Kind kind, std::string sentence) {
  WorkerEnd end;
  end.kind = kind;
  end.sentence = std::move(sentence);
  return end;
}

}  // namespace

// A launch on its way to the loop's thread.
struct Supervisor::Launching {
  WorkerId id = 0;
  std::string start;
  std::shared_ptr<WorkerListener> listener;
  std::chrono::milliseconds call_limit{};
  bool is_run = false;
  Descriptor row_channel;
  absl::Status status;  // not OK: it cannot be started
};

Supervisor::Supervisor(SupervisorOptions options)
    : options_(Prepared(std::move(options))), loop_(std::make_unique<EventLoop>()) {
  // Where children's ends are ignored, as a parent may have left it, nothing is known of them.
  struct sigaction now {};
  if (sigaction(SIGCHLD, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) {
    signal(SIGCHLD, SIG_DFL);
  }
}

Supervisor::~Supervisor() {
  loop_->Post([this] {
    is_ending_ = true;
    for (const auto& [id, worker] : workers_) worker->Dismiss();
    if (workers_.empty()) all_ended_.set_value();
  });
  all_ended_.get_future().wait();
  loop_.reset();
}

WorkerId Supervisor::Launch(const worker::v1::Start& start,
                            std::shared_ptr<WorkerListener> listener,
                            const LaunchOptions& options) {
  // Nothing is started here: a worker dies with the thread that has started it.
  auto launching = std::make_shared<Launching>();
  launching->id = ++last_id_;
  launching->listener = std::move(listener);
  launching->call_limit = options.call_limit;
  launching->is_run = start.has_run();
  worker::v1::ToWorker message;
  *message.mutable_start() = start;
  if (options_.umask) message.mutable_start()->set_umask(*options_.umask);
  launching->status = AppendFrame(message, &launching->start);
  if (options.row_fd != nullptr) {
    Descriptor reading;
    absl::Status made = MakeRowChannel(&reading, &launching->row_channel);
    *options.row_fd = reading.Release();
    launching->status.Update(made);
  }
  loop_->Post([this, launching] { StartWorker(launching.get()); });
  return launching->id;
}

void Supervisor::StartWorker(Launching* launching) {
  std::unique_ptr<WorkerProcess> process;
  absl::Status status = launching->status;
  if (status.ok() && is_ending_) {
    return launching->listener->OnEnded(
        NotStarted(WorkerEnd::Kind::kKilled, "The daemon ends; no worker is started any more."));
  }
  if (status.ok()) {
    auto started = WorkerProcess::Start({
        .path = options_.worker_path,
        .folder = options_.working_folder,
        .environment = WorkerEnvironment(options_, launching->start),
        .inherits_stdout = options_.inherits_stdout && launching->is_run,
        .row_fd = launching->row_channel.get(),
    });
    status = started.status();
    if (started.ok()) process = *std::move(started);
  }
  launching->row_channel.Close();
  if (!status.ok()) {
    const bool may_pass = status.code() == absl::StatusCode::kUnavailable;
    return launching->listener->OnEnded(NotStarted(
        may_pass ? WorkerEnd::Kind::kKilled : WorkerEnd::Kind::kRefused, MessageOf(status)));
  }
  const WorkerId id = launching->id;
  // Removed later: it is at work when it ends.
  const auto on_ended = [this, id] { loop_->Post([this, id] { Remove(id); }); };
  workers_[id] = std::make_unique<SupervisedWorker>(
      options_, loop_.get(), std::move(process), std::move(launching->start), launching->call_limit,
      std::move(launching->listener), on_ended);
}

void Supervisor::Remove(WorkerId id) {
  workers_.erase(id);
  if (is_ending_ && workers_.empty()) all_ended_.set_value();
}

void Supervisor::Send(WorkerId id, const worker::v1::ToWorker& message) {
  std::string frame;
  const bool is_short = AppendFrame(message, &frame).ok();
  loop_->Post([this, id, is_short, is_stop = message.has_stop(), frame = std::move(frame)] {
    const auto found = workers_.find(id);
    if (is_short && found != workers_.end()) found->second->Send(frame, is_stop);
  });
}

void Supervisor::Kill(WorkerId id) {
  loop_->Post([this, id] {
    const auto found = workers_.find(id);
    if (found != workers_.end()) found->second->Kill();
  });
}

Supervisor::Clock::time_point Supervisor::Now() const { return Clock::now(); }

void Supervisor::CallAt(Clock::time_point time, std::function<void()> call) {
  loop_->CallAt(time, std::move(call));
}

}  // namespace throng
