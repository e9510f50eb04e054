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
#include "server/daemon/plugin_index.h"
#include "server/daemon/reload.h"
#include "server/daemon/run_engine.h"
#include "server/daemon/run_store.h"
#include "server/daemon/start_checks.h"
#include "server/daemon/supervisor.h"

namespace throng {
namespace {

void Say(const std::string& sentence) { fmt::print(stderr, "throngd: {}\n", sentence); }

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
void LookAtPlugins(PluginIndex* index) {
  const auto snapshot = index->Refresh();
  for (const v1::PluginLoadError& error : snapshot->errors) {
    Say(fmt::format("{}: {}", error.path(), error.message()));
  }
  std::string names;
  for (const v1::Plugin& plugin : snapshot->plugins) {
    names += (names.empty() ? "" : ", ") + plugin.name().substr(plugin.name().find('/') + 1);
  }
  Say(fmt::format("Found {} plugins: {}.", snapshot->plugins.size(), names));
}

void TellReady(int fd) {
  if (fd < 0) return;
  constexpr std::string_view kReady = "ready\n";
  (void)!write(fd, kReady.data(), kReady.size());
  close(fd);
}

int Fail(const std::string& sentence) {
  Say(sentence);
  return 1;
}

// What of the settings can change while the daemon runs, changes.
void Reload(const DaemonOptions& options, ApiServer* server) {
  std::string mistakes;
  const auto fresh = options.read_config(&mistakes);
  if (!fresh) return Say("SIGHUP: nothing is changed, as the settings are wrong: " + mistakes);
  for (const std::string& field : FieldsForTheNextStart(options.config.given, fresh->given)) {
    Say(
        fmt::format("SIGHUP: `{}` is other than before; it takes effect when throngd is started "
                    "again.",
                    field));
  }
  absl::Status status;
  if (HaveSameDoors(options.config.given, fresh->given)) {
    status = server->ChangeAccess(fresh->listeners);
  }
  Say(status.ok() ? "SIGHUP: the settings were read again."
                  : "SIGHUP: who may call stays as it was: " + MessageOf(status));
}

int Serve(const DaemonOptions& options, const Ending& ending, mode_t mask) {
  const DaemonConfig& config = options.config;
  if (const std::string mistake = FolderMistake(config, options.is_ephemeral); !mistake.empty()) {
    return Fail(mistake);
  }
  auto store = RunStore::Open(config.state_folder);
  if (!store.ok()) return Fail(MessageOf(store.status()));
  auto supervisor = std::make_unique<Supervisor>(WorkerOptions(config, options.is_ephemeral, mask));
  PluginIndex index(config.plugin_folders, config.state_folder, supervisor.get());
  std::atomic<ApiServer*> api = nullptr;  // once it listens
  RunEngine engine({
      .config = config,
      .is_ephemeral = options.is_ephemeral,
      .workers = supervisor.get(),
      .timers = supervisor.get(),
      .index = &index,
      .store = store->get(),
      .log = Say,
      .on_trouble =
          [&api](bool is_in_trouble) {
            if (ApiServer* server = api) server->SetServing(!is_in_trouble);
          },
  });
  auto server = ApiServer::Make(config.listeners, &engine);
  if (!server.ok()) return Fail(MessageOf(server.status()));

  if (!options.is_ephemeral) {
    (*server)->SetOnCall([](const std::string& caller, const std::string& method) {
      Say(fmt::format("{} calls {}.", caller, method));
    });
  }
  absl::Status status = engine.Start();
  if (status.ok()) status = (*server)->Listen();
  std::thread plugins;
  if (status.ok()) {
    api = server->get();
    TellReady(options.ready_fd);
    if (!options.is_ephemeral) {
      Say(fmt::format("{} listens on {}; its runs are in {}.", THRONG_VERSION,
                      fmt::join((*server)->addresses(), ", "), config.state_folder));
      plugins = std::thread(LookAtPlugins, &index);
    }
    ending.Wait([&] { Reload(options, server->get()); });
    ending.LetSignalsKill();
    if (!options.is_ephemeral) Say("Ends: runs commit and stop; a second signal ends it at once.");
    api = nullptr;
    (*server)->AnnounceEnd();
  }
  const bool have_ended = engine.Stop(Deadline::clock::now() + config.stop_timeout);
  if (have_ended && plugins.joinable()) plugins.join();
  server->reset();
  if (!have_ended) {
    Say("A worker was killed and does not end, since it waits for a disk; it is left behind.");
    std::_Exit(1);
  }
  supervisor.reset();  // before the engine, which it calls
  return status.ok() ? 0 : Fail(MessageOf(status));
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
