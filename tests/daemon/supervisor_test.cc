// Workers that do their work, misbehave or die, as the supervisor tells it.
#include "server/daemon/supervisor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;
using Kind = WorkerEnd::Kind;

// What a test waits for comes long before; it ends a test that has gone wrong.
constexpr auto kPatience = std::chrono::seconds(60);

class Listener : public WorkerListener {
 public:
  void OnMessage(const worker::v1::FromWorker& message) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(end_) << "nothing follows OnEnded";
    messages_.push_back(message);
    changed_.notify_all();
  }
  void OnEnded(const WorkerEnd& end) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(end_) << "OnEnded comes once";
    end_ = end;
    changed_.notify_all();
  }

  WorkerEnd End() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [this] { return end_.has_value(); })) {
      ADD_FAILURE() << "the worker has not ended";
      return {};
    }
    return *end_;
  }
  // Waits for a message of a kind.
  void Await(worker::v1::FromWorker::MessageCase what) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] {
      return std::any_of(messages_.begin(), messages_.end(),
                         [&](const auto& message) { return message.message_case() == what; });
    }));
  }
  // What was said for the log, as "source: message" or "message".
  std::vector<std::string> Log() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> lines;
    for (const auto& message : messages_) {
      if (!message.has_log()) continue;
      const auto& log = message.log();
      lines.push_back((log.source().empty() ? "" : log.source() + ": ") + log.message());
    }
    return lines;
  }
  bool has_ended() {
    const std::lock_guard lock(mutex_);
    return end_.has_value();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<worker::v1::FromWorker> messages_;
  std::optional<WorkerEnd> end_;
};

SupervisorOptions Options() {
  SupervisorOptions options;
  options.worker_path = THRONG_FAKE_WORKER;
  options.environment = {"ASAN_OPTIONS", "TSAN_OPTIONS"};
  options.hello_timeout = kPatience;  // a test makes the one short that it is about
  options.silence_timeout = kPatience;
  options.stop_timeout = kPatience;
  options.grace = kPatience;
  return options;
}

worker::v1::Start Script(const std::vector<std::string>& lines) {
  worker::v1::Start start;
  for (const std::string& line : lines) start.add_plugin_errors(line);
  for (const char* name : {"env:ASAN_OPTIONS", "env:TSAN_OPTIONS", "env:THRONG_FAKE"}) {
    start.add_source_roots(name);  // which it does not look at
  }
  return start;
}

// What becomes of a worker that does this.
WorkerEnd EndAfter(const std::vector<std::string>& lines, SupervisorOptions options = Options()) {
  Supervisor supervisor(std::move(options));
  const auto listener = std::make_shared<Listener>();
  supervisor.Launch(Script(lines), listener, {});
  return listener->End();
}

// A variable that workers get, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

SupervisorOptions OptionsWithFake() {
  SupervisorOptions options = Options();
  options.environment.emplace_back("THRONG_FAKE");
  return options;
}

// ---- Work that is done ----

TEST(Supervisor, TellsWhatAWorkerSaysAndThatItFinished) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  supervisor.Launch(Script({"log one", "log two", "finish 5"}), listener, {});
  const WorkerEnd end = listener->End();
  EXPECT_EQ(end.kind, Kind::kFinished);
  EXPECT_EQ(end.finished.code(), 5);
  EXPECT_EQ(end.sentence, "");
  EXPECT_THAT(listener->Log(), ElementsAre("one", "two"));
}

TEST(Supervisor, PassesMessagesInOrderAndStops) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  const WorkerId id = supervisor.Launch(Script({"serve"}), listener, {});
  worker::v1::ToWorker message;
  message.mutable_begin()->set_paused(true);
  supervisor.Send(id, message);
  message.mutable_resume();
  supervisor.Send(id, message);
  message.mutable_stop();
  supervisor.Send(id, message);
  EXPECT_EQ(listener->End().kind, Kind::kFinished);
  EXPECT_THAT(listener->Log(), ElementsAre("begin { paused: true }", "resume { }"));
  supervisor.Send(id, message);  // of one that has ended: nothing happens
  supervisor.Kill(id);
}

TEST(Supervisor, TakesAWorkerThatFinishedAndStaysForFinished) {
  SupervisorOptions options = Options();
  options.grace = milliseconds(50);
  EXPECT_EQ(EndAfter({"finish-and-stay"}, options).kind, Kind::kFinished);
}

TEST(Supervisor, RunsManyWorkersAtATime) {
  Supervisor supervisor(Options());
  std::vector<std::shared_ptr<Listener>> listeners(24);
  for (auto& listener : listeners) {
    listener = std::make_shared<Listener>();
    supervisor.Launch(Script({"log here", "finish 0"}), listener, {});
  }
  for (auto& listener : listeners) {
    EXPECT_EQ(listener->End().kind, Kind::kFinished);
    EXPECT_THAT(listener->Log(), ElementsAre("here"));
  }
}

// ---- How a worker finds itself ----

TEST(Supervisor, GivesAWorkerTheDescriptorsOfTheProtocolAndNoOther) {
  const int other = open("/dev/null", O_RDONLY);  // inheritable
  Supervisor supervisor(Options());
  const auto plain = std::make_shared<Listener>();
  const auto with_rows = std::make_shared<Listener>();
  supervisor.Launch(Script({"tell-descriptors", "finish 0"}), plain, {});
  int row_fd = -1;
  LaunchOptions rows;
  rows.row_fd = &row_fd;
  supervisor.Launch(Script({"tell-descriptors", "finish 0"}), with_rows, rows);
  EXPECT_EQ(plain->End().kind, Kind::kFinished);
  EXPECT_EQ(with_rows->End().kind, Kind::kFinished);
  EXPECT_THAT(plain->Log(), ElementsAre("0 1 2 3 4"));
  EXPECT_THAT(with_rows->Log(), ElementsAre("0 1 2 3 4 5"));
  close(row_fd);
  close(other);
}

TEST(Supervisor, GivesAWorkerTheVariablesThatAreAllowedAndThatItsWorkNames) {
  const Variable allowed("THRONG_TEST_ALLOWED", "yes");
  const Variable longer("THRONG_TEST_ALLOWED_AS_WELL", "no");
  const Variable secret("THRONG_TEST_SECRET", "no");
  SupervisorOptions options = Options();
  options.environment.emplace_back("THRONG_TEST_ALLOWED");
  options.environment.emplace_back("THRONG_TEST_ALLOWED_AS_WELL");
  Supervisor supervisor(options);
  options.inherits_environment = true;
  Supervisor private_supervisor(options);
  const auto some = std::make_shared<Listener>();
  const auto all = std::make_shared<Listener>();
  worker::v1::Start naming = Script({"tell-environment", "finish 0"});
  naming.mutable_run()->mutable_source()->add_layers()->set_text(
      "password: 'env:THRONG_TEST_ALLOWED', other: env:THRONG_TEST_SECRET");
  const auto none = std::make_shared<Listener>();
  supervisor.Launch(naming, some, {});
  supervisor.Launch(Script({"tell-environment", "finish 0"}), none, {});
  private_supervisor.Launch(Script({"tell-environment", "finish 0"}), all, {});
  some->End();
  none->End();
  all->End();
  EXPECT_THAT(some->Log(), IsSupersetOf({StartsWith("PATH="), StartsWith("THRONG_TEST_ALLOWED=")}));
  EXPECT_THAT(some->Log(), Not(Contains(StartsWith("THRONG_TEST_SECRET="))));
  EXPECT_THAT(some->Log(), Not(Contains(StartsWith("THRONG_TEST_ALLOWED_AS_WELL="))));
  EXPECT_THAT(none->Log(), Not(Contains(StartsWith("THRONG_TEST_"))));
  EXPECT_THAT(all->Log(), Contains("THRONG_TEST_SECRET=no"));
}

TEST(Supervisor, StartsAWorkerInItsFolderAndAGroupOfItsOwnWithSignalsAsUsual) {
  const ScratchFolder folder;
  const auto before = signal(SIGPIPE, SIG_IGN);  // as the daemon does
  SupervisorOptions options = Options();
  options.working_folder = folder.path();
  Supervisor supervisor(options);
  const auto listener = std::make_shared<Listener>();
  supervisor.Launch(Script({"tell-folder", "tell-group", "tell-signals", "finish 0"}), listener,
                    {});
  listener->End();
  EXPECT_THAT(listener->Log(), ElementsAre(folder.path(), "own", "default"));
  signal(SIGPIPE, before);
}

// ---- Workers that cannot be used ----

TEST(Supervisor, RefusesAWorkerThatCannotBeStarted) {
  SupervisorOptions options = Options();
  options.worker_path = "/nowhere/throng-worker";
  const WorkerEnd end = EndAfter({}, options);
  EXPECT_EQ(end.kind, Kind::kRefused);
  EXPECT_EQ(end.sentence,
            "The worker /nowhere/throng-worker cannot be started: No such file or directory.");
}

TEST(Supervisor, RefusesAWorkerOfAnotherVersion) {
  const Variable fake("THRONG_FAKE", "other-version");
  const WorkerEnd end = EndAfter({}, OptionsWithFake());
  EXPECT_EQ(end.kind, Kind::kRefused);
  EXPECT_THAT(end.sentence,
              HasSubstr("is of version 0.0.9, throngd of version " THRONG_VERSION
                        "; install throngd and throng-worker from the same release."));
}

TEST(Supervisor, KillsAWorkerThatDoesNotSayHello) {
  const Variable fake("THRONG_FAKE", "hang");
  SupervisorOptions options = OptionsWithFake();
  options.hello_timeout = milliseconds(50);
  const WorkerEnd end = EndAfter({}, options);
  EXPECT_EQ(end.kind, Kind::kKilled);
  EXPECT_THAT(end.sentence, HasSubstr("did not say Hello within 0.05 s."));
}

TEST(Supervisor, RefusesAWorkerThatExitsInsteadOfSayingHello) {
  const Variable fake("THRONG_FAKE", "exit 7");
  const WorkerEnd end = EndAfter({}, OptionsWithFake());
  EXPECT_EQ(end.kind, Kind::kRefused);
  EXPECT_THAT(end.sentence, HasSubstr("ended with exit code 7 before it said Hello; install"));
}

TEST(Supervisor, RefusesAStartThatNoFrameHolds) {
  worker::v1::Start start;
  start.add_plugin_errors(std::string(17 << 20, 'x'));
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  supervisor.Launch(start, listener, {});
  const WorkerEnd end = listener->End();
  EXPECT_EQ(end.kind, Kind::kRefused);
  EXPECT_THAT(end.sentence, HasSubstr("longer than a frame may be"));
}

// ---- Crashes of their own making ----

class OwnSignal : public testing::TestWithParam<std::pair<int, const char*>> {};

TEST_P(OwnSignal, IsACrashThatNamesComponentAndRow) {
  const auto [number, name] = GetParam();
  const WorkerEnd end = EndAfter({"call 4096 choice `zipf`", "raise " + std::to_string(number)});
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence, std::string(name) + " in choice `zipf` at row 4096.");
  EXPECT_EQ(end.component, "choice `zipf`");
  EXPECT_EQ(end.row, 4096);
}

INSTANTIATE_TEST_SUITE_P(Supervisor, OwnSignal,
                         testing::Values(std::pair(SIGSEGV, "SIGSEGV"), std::pair(SIGBUS, "SIGBUS"),
                                         std::pair(SIGFPE, "SIGFPE"), std::pair(SIGILL, "SIGILL"),
                                         std::pair(SIGABRT, "SIGABRT")),
                         [](const auto& value) { return value.param.second; });

TEST(Supervisor, CallsAnExitWithoutFinishedACrash) {
  const WorkerEnd end = EndAfter({"call 8192 sink `file`", "exit 3"});
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence,
            "The worker ended with exit code 3 before its work was done in sink `file` at row "
            "8192.");
}

TEST(Supervisor, AbortsAWorkerThatSaysNothing) {
  SupervisorOptions options = Options();
  options.silence_timeout = milliseconds(50);
  const WorkerEnd end = EndAfter({"call 12 rating `loop`", "hang"}, options);
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence, "The worker said nothing for 0.05 s in rating `loop` at row 12.");
}

TEST(Supervisor, KillsAWorkerThatSurvivesItsAbort) {
  SupervisorOptions options = Options();
  options.silence_timeout = milliseconds(50);
  options.grace = milliseconds(50);
  const WorkerEnd end = EndAfter({"ignore-abort", "hang"}, options);
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence, "The worker said nothing for 0.05 s.");
}

TEST(Supervisor, LeavesAWorkerAloneThatGivesSignsOfLife) {
  SupervisorOptions options = Options();
  options.silence_timeout = milliseconds(1500);
  Supervisor supervisor(options);
  const auto listener = std::make_shared<Listener>();
  const WorkerId id = supervisor.Launch(Script({"serve"}), listener, {});
  std::promise<void> later;
  supervisor.CallAt(supervisor.Now() + milliseconds(2500), [&] { later.set_value(); });
  later.get_future().wait();
  EXPECT_FALSE(listener->has_ended());
  worker::v1::ToWorker stop;
  stop.mutable_stop();
  supervisor.Send(id, stop);
  EXPECT_EQ(listener->End().kind, Kind::kFinished);
}

TEST(Supervisor, AbortsAWorkerWhoseCallTakesTooLong) {
  const WorkerEnd end = EndAfter({"long-call 10001 0 4096 choice `zipf`", "serve"});
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence,
            "choice `zipf` has been in a call for 10 s at row 4096; a call of a behaviour or a "
            "format may last 10 s (call_limit).");
  EXPECT_EQ(end.component, "choice `zipf`");
  EXPECT_EQ(end.row, 4096);
}

TEST(Supervisor, LetsPatientCallsAndShortOnesLast) {
  EXPECT_EQ(EndAfter({"long-call 100000 1 4096 sink `kafka`", "long-call 9000 0 1 choice `zipf`",
                      "finish 0"})
                .kind,
            Kind::kFinished);
}

TEST(Supervisor, AbortsAWorkerThatIsDeafToStop) {
  SupervisorOptions options = Options();
  options.stop_timeout = milliseconds(50);
  Supervisor supervisor(options);
  const auto listener = std::make_shared<Listener>();
  const WorkerId id = supervisor.Launch(Script({"call 7 sink `deaf`", "deaf"}), listener, {});
  listener->Await(worker::v1::FromWorker::kProgress);
  worker::v1::ToWorker stop;
  stop.mutable_stop();
  supervisor.Send(id, stop);
  const WorkerEnd end = listener->End();
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence,
            "The worker was told to stop and did not within 0.05 s (stop_timeout) in sink `deaf` "
            "at row 7.");
}

TEST(Supervisor, EndsAWorkerThatClosesItsControlSocket) {
  SupervisorOptions options = Options();
  options.grace = milliseconds(50);
  const WorkerEnd end = EndAfter({"call 5 format `closer`", "close-control", "hang"}, options);
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence, "The worker closed its control socket in format `closer` at row 5.");
}

TEST(Supervisor, TellsTheCrashOfAWorkerThatHadClosedItsControlSocket) {
  EXPECT_EQ(EndAfter({"close-control", "raise 11"}).sentence, "SIGSEGV.");
}

TEST(Supervisor, AbortsAWorkerThatSendsNonsense) {
  for (const char* nonsense : {"send-garbage", "say-hello"}) {
    const WorkerEnd end = EndAfter({"call 1 choice `mad`", nonsense, "hang"});
    EXPECT_EQ(end.kind, Kind::kCrashed);
    EXPECT_EQ(end.sentence,
              "The worker sent a frame that is no message or comes out of turn in choice `mad` at "
              "row 1.");
  }
  const WorkerEnd end = EndAfter({"send-long-frame", "hang"});
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence, "The worker sent bytes that are no frame.");
}

TEST(Supervisor, NamesTheMemoryLimit) {
  SupervisorOptions options = Options();
  options.worker_memory = 1 << 30;
  const WorkerEnd end = EndAfter({"call 64 choice `leak`", "out-of-memory", "raise 9"}, options);
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence,
            "The worker used more than worker_memory (1 GiB) in choice `leak` at row 64.");
}

// ---- Ends from outside ----

TEST(Supervisor, TellsKillsFromOutsideFromCrashes) {
  for (const auto& [number, name] : {std::pair("9", "SIGKILL"), std::pair("15", "SIGTERM")}) {
    const WorkerEnd end = EndAfter({"call 4096 choice `zipf`", std::string("raise ") + number});
    EXPECT_EQ(end.kind, Kind::kKilled);
    EXPECT_EQ(end.sentence, std::string(name) + " from outside in choice `zipf` at row 4096.");
  }
}

TEST(Supervisor, KillsAtOnceWhenAsked) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  const WorkerId id = supervisor.Launch(Script({"ignore-abort", "hang"}), listener, {});
  supervisor.Kill(id);
  EXPECT_EQ(listener->End().kind, Kind::kKilled);
}

TEST(Supervisor, LeavesNothingBehindThatAWorkerHasStarted) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  supervisor.Launch(Script({"leave-a-child", "raise 11"}), listener, {});
  EXPECT_EQ(listener->End().sentence, "SIGSEGV.");
  const pid_t child = std::stoi(listener->Log().at(0));
  // Dead, but perhaps not yet buried by who has adopted it.
  const auto until = std::chrono::steady_clock::now() + kPatience;
  const auto is_alive = [child] {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string text;
    return std::getline(stat, text) && text.find(") Z ") == std::string::npos;
  };
  while (is_alive() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_FALSE(is_alive());
}

TEST(Supervisor, StopsAllWorkersAtItsEnd) {
  const auto obedient = std::make_shared<Listener>();
  const auto deaf = std::make_shared<Listener>();
  {
    SupervisorOptions options = Options();
    options.stop_timeout = milliseconds(2000);  // plenty for the obedient one
    options.grace = milliseconds(50);
    Supervisor supervisor(options);
    supervisor.Launch(Script({"serve"}), obedient, {});
    supervisor.Launch(Script({"ignore-abort", "deaf"}), deaf, {});
    obedient->Await(worker::v1::FromWorker::kProgress);
    deaf->Await(worker::v1::FromWorker::kProgress);
  }
  EXPECT_TRUE(obedient->has_ended());
  EXPECT_TRUE(deaf->has_ended());
  EXPECT_EQ(obedient->End().kind, Kind::kFinished);
  EXPECT_EQ(deaf->End().kind, Kind::kCrashed);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// ---- Output and channels ----

TEST(Supervisor, MakesLogLinesOfOutput) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  supervisor.Launch(Script({"print 1 to standard output", "print 2 to standard error", "exit 1"}),
                    listener, {});
  listener->End();
  EXPECT_THAT(listener->Log(), testing::UnorderedElementsAre("stdout: to standard output",
                                                             "stderr: to standard error"));
}

TEST(Supervisor, LetsARunWriteToTheStandardOutputOfAPrivateDaemon) {
  testing::internal::CaptureStdout();
  SupervisorOptions options = Options();
  options.inherits_stdout = true;
  const auto run = std::make_shared<Listener>();
  const auto other = std::make_shared<Listener>();
  {
    Supervisor supervisor(options);
    worker::v1::Start start = Script({"print 1 rows", "finish 0"});
    start.mutable_run();
    supervisor.Launch(start, run, {});
    supervisor.Launch(Script({"print 1 chatter", "finish 0"}), other, {});
    run->End();
    other->End();
  }
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "rows\n");
  EXPECT_THAT(run->Log(), testing::IsEmpty());
  EXPECT_THAT(other->Log(), ElementsAre("stdout: chatter"));
}

TEST(Supervisor, GoesOnWithOthersWhileAWorkerFloodsItsOutput) {
  Supervisor supervisor(Options());
  const auto flooding = std::make_shared<Listener>();
  supervisor.Launch(Script({"flood 2 200000000", "finish 0"}), flooding, {});
  for (int i = 0; i < 3; ++i) {
    const auto other = std::make_shared<Listener>();
    supervisor.Launch(Script({"finish 0"}), other, {});
    EXPECT_EQ(other->End().kind, Kind::kFinished);
  }
  EXPECT_EQ(flooding->End().kind, Kind::kFinished);
  EXPECT_THAT(flooding->Log(),
              Contains("stderr: More than 16384 bytes a second come from stderr; some are "
                       "dropped."));
  EXPECT_THAT(flooding->Log().back(),
              testing::MatchesRegex("stderr: [0-9]+ bytes from stderr were dropped."));
}

TEST(Supervisor, DoesNotWaitForAWorkerThatDoesNotRead) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  const WorkerId id = supervisor.Launch(Script({"beat"}), listener, {});
  worker::v1::ToWorker message;
  message.mutable_start()->add_plugin_errors(std::string(8 << 20, 'x'));
  for (int i = 0; i < 9; ++i) supervisor.Send(id, message);
  const WorkerEnd end = listener->End();
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence, "The worker does not read its control socket.");
}

TEST(Supervisor, PassesTheRowChannelOn) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Listener>();
  int row_fd = -1;
  LaunchOptions options;
  options.row_fd = &row_fd;
  supervisor.Launch(Script({"half-a-row", "finish 0"}), listener, options);
  EXPECT_EQ(listener->End().kind, Kind::kFinished);
  char bytes[16];
  EXPECT_EQ(recv(row_fd, bytes, sizeof bytes, 0), 7);
  EXPECT_EQ(recv(row_fd, bytes, sizeof bytes, 0), 0);
  close(row_fd);
}

// ---- Time and threads ----

TEST(Supervisor, CallsInTheOrderOfTheirTimes) {
  Supervisor supervisor(Options());
  const auto now = supervisor.Now();
  std::vector<int> order;
  std::promise<void> done;
  supervisor.CallAt(now + milliseconds(30), [&] {
    order.push_back(3);
    done.set_value();
  });
  supervisor.CallAt(now + milliseconds(10), [&] { order.push_back(1); });
  supervisor.CallAt(now + milliseconds(20), [&] {
    order.push_back(2);
    EXPECT_GE(supervisor.Now(), now + milliseconds(20));
  });
  done.get_future().wait();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(Supervisor, DropsCallsThatAreNotDueAtItsEnd) {
  std::atomic<bool> is_called = false;
  {
    Supervisor supervisor(Options());
    supervisor.CallAt(supervisor.Now() + kPatience, [&] { is_called = true; });
  }
  EXPECT_FALSE(is_called);
}

// A listener that starts its worker again, as a run does.
class Restarting : public Listener {
 public:
  Restarting(Workers* workers, int times) : workers_(workers), times_(times) {}
  void OnEnded(const WorkerEnd& end) override {
    if (--times_ > 0) {
      workers_->Launch(Script({"raise 9"}), again_.lock(), {});
    } else {
      Listener::OnEnded(end);
    }
  }
  std::weak_ptr<Restarting> again_;

 private:
  Workers* workers_;
  int times_;
};

TEST(Supervisor, MayBeCalledByListeners) {
  Supervisor supervisor(Options());
  const auto listener = std::make_shared<Restarting>(&supervisor, 5);
  listener->again_ = listener;
  supervisor.Launch(Script({"raise 9"}), listener, {});
  EXPECT_EQ(listener->End().kind, Kind::kKilled);
}

TEST(Supervisor, IsUsedByManyThreads) {
  Supervisor supervisor(Options());
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&supervisor, t] {
      for (int i = 0; i < 4; ++i) {
        const auto listener = std::make_shared<Listener>();
        const WorkerId id = supervisor.Launch(Script({"serve"}), listener, {});
        worker::v1::ToWorker message;
        message.mutable_pause();
        supervisor.Send(id, message);
        supervisor.CallAt(supervisor.Now(), [] {});
        if ((t + i) % 2 == 0) {
          message.mutable_stop();
          supervisor.Send(id, message);
          EXPECT_EQ(listener->End().kind, Kind::kFinished);
        } else {
          supervisor.Kill(id);
          EXPECT_EQ(listener->End().kind, Kind::kKilled);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace throng
