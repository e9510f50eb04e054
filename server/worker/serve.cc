#include "server/worker/serve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "server/control/call_page.h"
#include "server/control/frame.h"
#include "server/control/status.h"
#include "server/host/describe.h"
#include "server/worker/jobs.h"
#include "server/worker/messages.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

// How long a worker whose daemon is gone may take to commit.
constexpr std::chrono::seconds kGoodbye{10};
constexpr milliseconds kMemoryInterval{50};

// A thread that does something until this is destroyed.
class Background {
 public:
  explicit Background(std::function<void(std::stop_token)> work) : thread_(std::move(work)) {}

 private:
  std::jthread thread_;
};

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  file >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Ends the process, visibly, when it takes more memory than it may.
void WatchMemory(int64_t limit, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (ResidentBytes() > limit) {
      TheCallPage().is_out_of_memory = 1;
      std::abort();
    }
    std::this_thread::sleep_for(kMemoryInterval);
  }
}

// The kernel takes workers before anything else.
void OfferToOomKiller() { std::ofstream("/proc/self/oom_score_adj") << 500; }

Catalogue CatalogueOf(const worker::v1::Start& start) {
  std::vector<IndexedPlugin> index;
  for (const worker::v1::PluginFile& file : start.plugins()) {
    IndexedPlugin& plugin = index.emplace_back();
    plugin.path = file.path();
    plugin.digest = file.sha256();
    for (const worker::v1::ComponentName& name : file.components()) {
      if (const auto role = RoleNamed(name.role())) {
        plugin.components.emplace_back(*role, name.name());
      }
    }
  }
  return Catalogue::FromIndex(std::move(index),
                              {start.plugin_errors().begin(), start.plugin_errors().end()});
}

worker::v1::Finished Execute(const worker::v1::Start& start, JobControl* control) {
  const Catalogue catalogue = CatalogueOf(start);
  Environment* environment = control->environment();
  environment->output_roots = {start.output_roots().begin(), start.output_roots().end()};
  environment->input_roots.emplace(start.input_roots().begin(), start.input_roots().end());
  environment->source_roots.emplace(start.source_roots().begin(), start.source_roots().end());
  switch (start.job_case()) {
    case worker::v1::Start::kRun:
      return Execute(start.run(), start, catalogue, control);
    case worker::v1::Start::kGenerate:
      return Execute(start.generate(), start, catalogue, control);
    case worker::v1::Start::kDescribe:
      return Execute(start.describe(), control);
    case worker::v1::Start::kPositions:
      return Execute(start.positions(), catalogue, control);
    case worker::v1::Start::kInspect:
      return Execute(start.inspect(), start, catalogue, control);
    case worker::v1::Start::JOB_NOT_SET:
      break;
  }
  return AsFinished(absl::InvalidArgumentError("The daemon asked for a job that is none."));
}

// What the daemon has to say, until it is gone or breaks the protocol (false).
class Listener {
 public:
  explicit Listener(JobControl* control) : control_(control) {}
  ~Listener() {
    if (job_.joinable()) job_.join();
  }

  bool Listen() {
    FrameReader frames;
    std::string piece(64 << 10, '\0');
    while (true) {
      const ssize_t size = recv(kControlFd, piece.data(), piece.size(), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return true;  // the job has ended, or the daemon
      frames.Add({piece.data(), static_cast<size_t>(size)});
      while (true) {
        const auto frame = frames.Next();
        if (!frame.ok()) return false;
        if (!*frame) break;
        worker::v1::ToWorker message;
        if (!message.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size())) ||
            !Take(message)) {
          return false;
        }
      }
    }
  }

  bool HasEnded() const { return has_ended_; }

 private:
  bool Take(const worker::v1::ToWorker& message) {
    switch (message.message_case()) {
      case worker::v1::ToWorker::kStart:
        if (job_.joinable()) return false;
        job_ = std::thread([this, start = message.start()] { Do(start); });
        return true;
      case worker::v1::ToWorker::kBegin:
        control_->Begin(message.begin());
        return true;
      case worker::v1::ToWorker::kPause:
        control_->SetPaused(true);
        return true;
      case worker::v1::ToWorker::kResume:
        control_->SetPaused(false);
        return true;
      case worker::v1::ToWorker::kTune:
        control_->Tune(message.tune());
        return true;
      case worker::v1::ToWorker::kStop:
        control_->Stop();
        return true;
      case worker::v1::ToWorker::kGetStatistics:
        control_->AnswerStatistics(message.get_statistics());
        return true;
      case worker::v1::ToWorker::MESSAGE_NOT_SET:
        break;
    }
    return false;
  }

  void Do(const worker::v1::Start& start) {
    if (start.has_umask()) umask(start.umask());
    std::optional<Background> watch;
    if (start.memory_limit() > 0) {
      watch.emplace(
          [limit = start.memory_limit()](const std::stop_token& s) { WatchMemory(limit, s); });
    }
    const worker::v1::Finished finished = Execute(start, control_);
    control_->EndReports();
    control_->Finish(finished);
    has_ended_ = true;
    shutdown(kControlFd, SHUT_RD);  // wakes who listens
  }

  JobControl* control_;
  std::thread job_;
  std::atomic<bool> has_ended_ = false;
};

}  // namespace

worker::v1::Finished Execute(const worker::v1::DescribeJob& job, JobControl* control) {
  for (const std::string& path : job.paths()) {
    worker::v1::FromWorker message;
    worker::v1::Described* described = message.mutable_described();
    described->set_path(path);
    const auto plugin = Plugin::Load(path);
    if (plugin.ok()) {
      *described->mutable_plugin() = DescribePlugin(**plugin);
    } else {
      described->set_error(MessageOf(plugin.status()));
    }
    control->Send(message);
  }
  return {};
}

int ExecuteServe() {
  if (fcntl(kControlFd, F_GETFD) < 0) {
    fmt::print(stderr,
               "`serve` is how throngd starts a worker; use `throng-worker run` instead.\n");
    return 2;
  }
  const bool has_page = fcntl(kCallPageFd, F_GETFD) >= 0;
  if (const absl::Status status = AttachCallPage(has_page ? kCallPageFd : -1); !status.ok()) {
    fmt::print(stderr, "{}\n", MessageOf(status));
    return 2;
  }
  NoteCrashes();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  OfferToOomKiller();

  JobControl control(kControlFd);
  worker::v1::FromWorker hello;
  hello.mutable_hello()->set_version(THRONG_VERSION);
  control.Send(hello);
  std::jthread reports([&] { control.Report(); });
  bool is_well = true;
  {
    Listener listener(&control);
    is_well = listener.Listen();
    if (!listener.HasEnded()) {
      // Nobody asks any more: what is written is committed, unless a plugin is deaf.
      std::thread([] {
        std::this_thread::sleep_for(kGoodbye);
        _exit(1);
      }).detach();
    }
    if (!is_well) {
      control.Finish(AsFinished(absl::InvalidArgumentError(
          "What the daemon sent is no message of this version; install both from one release.")));
    }
    control.Stop();
  }
  control.EndReports();
  return is_well ? 0 : 1;
}

}  // namespace throng
