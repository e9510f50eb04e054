// Puts the parts of a daemon together and takes them apart again.
#include "server/daemon/daemon.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/control/start_up.h"
#include "server/control/status.h"
#include "server/daemon/api_server.h"
#include "server/daemon/descriptor.h"
#include "server/daemon/http_server.h"
#include "server/daemon/plugin_index.h"
#include "server/daemon/reload.h"
#include "server/daemon/run_engine.h"
#include "server/daemon/run_store.h"
#include "server/daemon/service_manager.h"
#include "server/daemon/start_checks.h"
#include "server/daemon/supervisor.h"
#include "server/daemon/watch.h"

namespace throng {
namespace {

// A run takes five descriptors.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// What gRPC has to say is for its developers; who wants to hear it sets GRPC_VERBOSITY.
void SilenceGrpc() { setenv("GRPC_VERBOSITY", "NONE", 0); }

// Signals that end the daemon, and the end of standard input. To be made before there are threads.
class Ending {
 public:
  // `is_ephemeral`: with its input, and with its terminal.
  explicit Ending(bool is_ephemeral) : is_ephemeral_(is_ephemeral) {
    sigemptyset(&signals_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    signal(SIGPIPE, SIG_IGN);
    signal_fd_ = Descriptor(signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  // Calls `on_hangup` for each SIGHUP meanwhile.
  void Wait(const std::function<void()>& on_hangup) const {
    pollfd events[] = {{signal_fd_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    const nfds_t count = is_ephemeral_ ? 2 : 1;
    for (;;) {
      if (poll(events, count, -1) < 0 && errno != EINTR) return;
      if (events[0].revents != 0) {
        signalfd_siginfo seen{};
        if (read(signal_fd_.get(), &seen, sizeof seen) != sizeof seen) continue;
        if (is_ephemeral_ || seen.ssi_signo != SIGHUP) return;
        on_hangup();
      }
      char ignored[256];
      if (count == 2 && events[1].revents != 0 &&
          read(STDIN_FILENO, ignored, sizeof ignored) <= 0) {
        return;
      }
    }
  }

  // From now on a signal ends the process at once.
  void LetSignalsKill() const {
    signalfd_siginfo seen;
    while (HasSignal()) (void)!read(signal_fd_.get(), &seen, sizeof seen);
    struct sigaction action {};
    action.sa_handler = [](int) { _exit(1); };
    for (const int signal : {SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
    if (!is_ephemeral_) action.sa_handler = SIG_IGN;  // there is nothing left to be read again for
    sigaction(SIGHUP, &action, nullptr);
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  }

 private:
  bool HasSignal() const {
    pollfd event{signal_fd_.get(), POLLIN, 0};
    return poll(&event, 1, 0) == 1;
  }

  const bool is_ephemeral_;
  sigset_t signals_{};
  Descriptor signal_fd_;
};

// Workers work in another folder, so what is relative is made absolute.
void MakeAbsolute(DaemonConfig* config) {
  const auto make = [](std::string* path) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(*path, error);
    if (!error && !path->empty()) *path = absolute.string();
  };
  make(&config->state_folder);
  for (auto* paths : {&config->plugin_folders, &config->output_roots, &config->input_roots,
                      &config->source_roots}) {
    for (std::string& path : *paths) make(&path);
  }
}

SupervisorOptions WorkerOptions(const DaemonConfig& config, bool is_ephemeral, mode_t mask) {
  SupervisorOptions options;
  options.worker_path = BinaryFolder() + "/throng-worker";
  if (!config.output_roots.empty()) options.working_folder = config.output_roots[0];
  options.environment = config.environment;
  options.inherits_environment = is_ephemeral;
  options.inherits_stdout = is_ephemeral;
  options.umask = mask;
  options.worker_memory = config.worker_memory;
  options.stop_timeout = config.stop_timeout;
  return options;
}

// Describes the plugins for whoever asks first, and says what was found.
void LookAtPlugins(PluginIndex* index, DaemonLog* log, Health* health) {
  const auto snapshot = index->Refresh();
  for (const v1::PluginLoadError& error : snapshot->errors) {
    log->Warning(fmt::format("{}: {}", error.path(), error.message()));
  }
  std::string names;
  for (const v1::Plugin& plugin : snapshot->plugins) {
    names += (names.empty() ? "" : ", ") + plugin.name().substr(plugin.name().find('/') + 1);
  }
  log->Info(fmt::format("Found {} plugins: {}.", snapshot->plugins.size(), names));
  if (snapshot->plugins.empty()) health->Set("plugins", "There are no plugins.");
}

void TellReady(int fd) {
  if (fd < 0) return;
  constexpr std::string_view kReady = "ready\n";
  (void)!write(fd, kReady.data(), kReady.size());
  close(fd);
}

// Tells a service manager that asks for it that both what watches workers and what answers calls
// are at work, again and again.
void FeedWatchdog(Timers* timers, RunEngine* engine, std::chrono::microseconds every) {
  v1::ListRunsRequest request;
  request.set_page_size(1);
  (void)engine->ListRuns(request);
  TellServiceManager("WATCHDOG=1");
  timers->CallAt(timers->Now() + every,
                 [timers, engine, every] { FeedWatchdog(timers, engine, every); });
}

// What of the settings can change while the daemon runs, changes.
void Reload(const DaemonOptions& options, ApiServer* server, HttpServer* http, DaemonLog* log) {
  TellServiceManager("RELOADING=1");
  std::string mistakes;
  const auto fresh = options.read_config(&mistakes);
  if (!fresh) {
    log->Error("SIGHUP: nothing is changed, as the settings are wrong: " +
               mistakes.substr(0, mistakes.find_last_not_of('\n') + 1));
  } else {
    log->Change(fresh->log);
    for (const std::string& field : FieldsForTheNextStart(options.config.given, fresh->given)) {
      log->Warning(
          fmt::format("SIGHUP: `{}` is other than before; it takes effect when throngd is "
                      "started again.",
                      field));
    }
    absl::Status status;
    if (HaveSameDoors(options.config.given, fresh->given)) {
      status = server->ChangeAccess(fresh->listeners);
      if (status.ok() && http != nullptr) status = http->ChangeAccess(*fresh->http);
    }
    if (status.ok()) {
      log->Info("SIGHUP: the settings were read again.");
    } else {
      log->Error("SIGHUP: who may call stays as it was: " + MessageOf(status));
    }
  }
  TellServiceManager("READY=1");
}

int Serve(const DaemonOptions& options, const Ending& ending, mode_t mask) {
  const DaemonConfig& config = options.config;
  Watch watch(config.log);
  DaemonLog& log = watch.log;
  const auto fail = [&log](const std::string& sentence) {
    log.Error(sentence);
    return 1;
  };
  if (const std::string mistake = FolderMistake(config, options.is_ephemeral); !mistake.empty()) {
    return fail(mistake);
  }
  auto store = RunStore::Open(config.state_folder);
  if (!store.ok()) return fail(MessageOf(store.status()));
  auto supervisor = std::make_unique<Supervisor>(WorkerOptions(config, options.is_ephemeral, mask));
  PluginIndex index(config.plugin_folders, config.state_folder, supervisor.get());
  RunEngine::Parts parts{
      .config = config,
      .is_ephemeral = options.is_ephemeral,
      .workers = supervisor.get(),
      .timers = supervisor.get(),
      .index = &index,
      .store = store->get(),
      .log = [&log](const std::string& sentence) { log.Warning(sentence); },
      .on_trouble = [&watch](const std::string& trouble) { watch.health.Set("store", trouble); },
      .on_change = nullptr,
      .on_drain =
          [&watch, &log] {
            watch.health.Set("drain", "The daemon is being drained.");
            log.Info("Is being drained: runs commit and stop, and nothing begins.");
          },
  };
  if (!options.is_ephemeral) {
    parts.on_change = [&watch](const auto& name, const auto& now) { watch.Take(name, now); };
  }
  RunEngine engine(parts);
  auto server = ApiServer::Make(config.listeners, &engine);
  if (!server.ok()) return fail(MessageOf(server.status()));

  if (!options.is_ephemeral) {
    (*server)->SetOnCall([&log](const std::string& caller, const std::string& method) {
      log.Info(fmt::format("{} calls {}.", caller, method));
    });
  }
  absl::Status status = engine.Start();
  watch.is_up = true;
  if (status.ok()) status = (*server)->Listen();
  std::unique_ptr<HttpServer> http;
  if (status.ok() && config.http) {
    auto started = HttpServer::Start(*config.http, watch.Pages());
    status = started.status();
    if (started.ok()) http = *std::move(started);
  }
  std::thread plugins;
  if (status.ok()) {
    watch.health.OnChange([&server](const auto& troubles) { (*server)->ShowTroubles(troubles); });
    TellReady(options.ready_fd);
    if (!options.is_ephemeral) {
      log.Info(fmt::format("{} listens on {}; its runs are in {}.", THRONG_VERSION,
                           fmt::join((*server)->addresses(), ", "), config.state_folder));
      if (http) {
        log.Info(fmt::format("Metrics are at http{}://{}/metrics.", config.http->IsTls() ? "s" : "",
                             http->address()));
      }
      if (watch.runs > 0) {
        log.Info(fmt::format("It has {} runs from before, {} of them go on.", watch.runs,
                             watch.going_on));
      }
      plugins = std::thread(LookAtPlugins, &index, &log, &watch.health);
      TellServiceManager("READY=1");
      if (const auto interval = WatchdogInterval()) {
        FeedWatchdog(supervisor.get(), &engine, *interval / 2);
      }
    }
    ending.Wait([&] { Reload(options, server->get(), http.get(), &log); });
    ending.LetSignalsKill();
    TellServiceManager("STOPPING=1");
    if (!options.is_ephemeral) {
      log.Info("Ends: runs commit and stop; a second signal ends it at once.");
    }
    watch.health.Set("end", "The daemon ends.");
    (*server)->AnnounceEnd();
  }
  const bool have_ended = engine.Stop(Deadline::clock::now() + config.stop_timeout);
  if (have_ended && plugins.joinable()) plugins.join();
  http.reset();
  watch.health.OnChange(nullptr);
  server->reset();
  if (!have_ended) {
    log.Error(
        "A worker was killed and does not end, since it waits for a disk; it is left behind.");
    std::_Exit(1);
  }
  supervisor.reset();  // before the engine, which it calls
  return status.ok() ? 0 : fail(MessageOf(status));
}

}  // namespace

int RunDaemon(DaemonOptions options) {
  KeepMemory();
  SilenceGrpc();
  if (options.is_ephemeral) {
    setpgid(0, 0);  // what a terminal sends is for the client
    options.config.state_folder.clear();
    options.config.output_roots.clear();
    options.config.input_roots.clear();
    options.config.source_roots.clear();
    options.config.log.is_bare = true;
  }
  if (options.config.plugin_folders.empty()) {
    options.config.plugin_folders = {DefaultPluginFolder()};
  }
  MakeAbsolute(&options.config);
  const Ending ending(options.is_ephemeral);
  RaiseDescriptorLimit();
  // The daemon's own files and its socket are its user's alone; those of runs are as they would be
  // without a daemon.
  return Serve(options, ending, umask(0077));
}

}  // namespace throng
