// What those who watch a daemon are told: metrics, health, its log, the service manager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "server/daemon/daemon_log.h"
#include "server/daemon/descriptor.h"
#include "server/daemon/health.h"
#include "server/daemon/metrics.h"
#include "server/daemon/run_changes.h"
#include "server/daemon/service_manager.h"
#include "server/daemon/wall_clock.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kNowMs = 1'700'000'000'123;

v1::Run RunIn(v1::RunState state, v1::OutputState output_state = v1::OUTPUT_STATE_RUNNING) {
  v1::Run run;
  run.set_name("runs/nightly");
  run.set_state(state);
  run.set_target_state(v1::TARGET_STATE_RUNNING);
  run.set_restarts(2);
  SetTime(kNowMs - 60'000, run.mutable_end_time());
  v1::OutputStatus* output = run.add_outputs();
  output->set_name("csv");
  output->set_state(output_state);
  output->set_rows(1500);
  output->set_bytes(64'000);
  output->set_position(1000);
  output->set_total_rows(50'000);
  v1::ComponentMetric* figure = run.add_metrics();
  figure->set_role("sink");
  figure->set_component("kafka");
  figure->set_name("delivered_records_total");
  figure->set_kind(v1::METRIC_KIND_COUNTER);
  figure->set_value(7);
  return run;
}

TEST(RunFigures, TellWhatEachOutputDoes) {
  RunFigures figures;
  figures.Take({}, RunIn(v1::RUN_STATE_RUNNING));
  const std::string text = figures.Text(true, kNowMs);
  for (
      const char* line : {
          "throng_ready 1\n",
          "throng_runs{state=\"running\"} 1\n",
          "throng_runs{state=\"failed\"} 0\n",
          "throng_run_state{run=\"nightly\",state=\"running\"} 1\n",
          "# TYPE throng_run_restarts_total counter\n",
          "throng_run_restarts_total{run=\"nightly\"} 2\n",
          "throng_output_rows_total{run=\"nightly\",output=\"csv\"} 1500\n",
          "throng_output_bytes_total{run=\"nightly\",output=\"csv\"} 64000\n",
          "throng_output_position{run=\"nightly\",output=\"csv\"} 1000\n",
          "throng_output_expected_rows{run=\"nightly\",output=\"csv\"} 50000\n",
          "throng_output_state{run=\"nightly\",output=\"csv\",state=\"running\"} 1\n",
          R"(throng_component_delivered_records_total{run="nightly",role="sink",component="kafka"} 7)",
          "process_open_fds ",
      }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(figures.Text(false, kNowMs), HasSubstr("throng_ready 0\n"));
}

TEST(RunFigures, ForgetWhatIsAtRestAndCountIt) {
  RunFigures figures;
  figures.Take({}, RunIn(v1::RUN_STATE_RUNNING));
  figures.Take(RunIn(v1::RUN_STATE_RUNNING), RunIn(v1::RUN_STATE_FAILED));
  std::string text = figures.Text(true, kNowMs);
  EXPECT_THAT(text, Not(HasSubstr("output=")));
  EXPECT_THAT(text, HasSubstr("throng_runs{state=\"running\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("throng_runs{state=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("throng_run_failed{run=\"nightly\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("throng_run_ends_total{state=\"failed\"} 1\n"));
  EXPECT_THAT(figures.Text(true, kNowMs + 3'600'000), Not(HasSubstr("throng_run_failed")));
  figures.Take(RunIn(v1::RUN_STATE_FAILED), {});
  text = figures.Text(true, kNowMs);
  EXPECT_THAT(text, Not(HasSubstr("nightly")));
  EXPECT_THAT(text, HasSubstr("throng_runs{state=\"failed\"} 0\n"));
}

TEST(RunFigures, TakeFiguresOfOneNameThatAreOfTwoKinds) {
  RunFigures figures;
  v1::Run run = RunIn(v1::RUN_STATE_RUNNING);
  v1::ComponentMetric* other = run.add_metrics();
  *other = run.metrics(0);
  other->set_component("other");
  other->set_kind(v1::METRIC_KIND_GAUGE);
  figures.Take({}, run);
  const std::string text = figures.Text(true, kNowMs);
  EXPECT_THAT(text, HasSubstr("# TYPE throng_component_delivered_records_total untyped\n"));
  EXPECT_THAT(text, HasSubstr("component=\"kafka\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("component=\"other\"} 7\n"));
}

std::vector<std::string> SentencesOf(const v1::Run& before, const v1::Run& now) {
  std::vector<std::string> sentences;
  for (const RunChange& change : ChangesOf(before, now)) {
    sentences.push_back(std::to_string(static_cast<int>(change.level)) + " " + change.sentence);
  }
  return sentences;
}

TEST(ChangesOf, TellsTheLifeOfARun) {
  const v1::Run running = RunIn(v1::RUN_STATE_RUNNING);
  EXPECT_THAT(SentencesOf({}, RunIn(v1::RUN_STATE_STARTING)),
              ElementsAre("1 It was created with 1 output; it is starting."));
  EXPECT_THAT(SentencesOf(RunIn(v1::RUN_STATE_STARTING), running), ElementsAre("1 It is running."));
  v1::Run progress = running;
  progress.mutable_outputs(0)->set_rows(2000);
  EXPECT_THAT(SentencesOf(running, progress), IsEmpty());
  v1::Run blocked = RunIn(v1::RUN_STATE_RUNNING, v1::OUTPUT_STATE_BLOCKED);
  blocked.mutable_outputs(0)->set_reason("The disk is full.");
  EXPECT_THAT(SentencesOf(running, blocked),
              ElementsAre("2 Output `csv` is blocked: The disk is full."));
  EXPECT_THAT(SentencesOf(blocked, running), ElementsAre("1 Output `csv` is running again."));
  v1::Run crashed = RunIn(v1::RUN_STATE_STARTING);
  crashed.set_restarts(3);
  crashed.set_reason("SIGSEGV in choice `zipf` at row 4096.");
  EXPECT_THAT(SentencesOf(running, crashed),
              ElementsAre("2 Its worker ended and is started again, for the 3. time: SIGSEGV in "
                          "choice `zipf` at row 4096.",
                          "1 It is starting: SIGSEGV in choice `zipf` at row 4096."));
  v1::Run pausing = running;
  pausing.set_target_state(v1::TARGET_STATE_PAUSED);
  EXPECT_THAT(SentencesOf(running, pausing), ElementsAre("1 It was asked to be paused."));
  v1::Run failed = RunIn(v1::RUN_STATE_FAILED, v1::OUTPUT_STATE_FAILED);
  failed.mutable_outputs(0)->set_reason("No such topic.");
  EXPECT_THAT(SentencesOf(running, failed),
              ElementsAre("3 It is failed.", "3 Output `csv` failed: No such topic."));
  EXPECT_THAT(SentencesOf(failed, {}), ElementsAre("1 It was deleted."));
}

TEST(DaemonLog, WritesLinesForPeopleAndForPrograms) {
  EXPECT_EQ(LogLineText({}, kNowMs, LogLevel::kWarning, "runs/a", "It waits."),
            "2023-11-14T22:13:20.123Z warning runs/a: It waits.");
  EXPECT_EQ(LogLineText({}, kNowMs, LogLevel::kInfo, "", "It\nlistens."),
            "2023-11-14T22:13:20.123Z info throngd: It listens.");
  const LogSettings json{.is_json = true};
  EXPECT_EQ(LogLineText(json, kNowMs, LogLevel::kError, "runs/a", "It \"fails\"\n."),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"error","run":"runs/a",)"
            R"("message":"It \"fails\"\n."})");
  EXPECT_EQ(LogLineText(json, kNowMs, LogLevel::kDebug, "", "\xff"),
            "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"debug\",\"message\":"
            "\"\xEF\xBF\xBD\"}");
  const LogSettings bare{.is_bare = true};
  EXPECT_EQ(LogLineText(bare, kNowMs, LogLevel::kInfo, "", "It listens."), "throngd: It listens.");
}

TEST(Health, TellsWhatKeepsPartsFromTheirWork) {
  Health health;
  std::vector<size_t> told;
  health.OnChange([&](const auto& troubles) { told.push_back(troubles.size()); });
  EXPECT_TRUE(health.IsReady());
  health.Set("store", "The disk is full.");
  health.Set("store", "The disk is full.");
  health.Set("end", "The daemon ends.");
  EXPECT_THAT(health.Troubles(), ElementsAre(testing::Pair("end", "The daemon ends."),
                                             testing::Pair("store", "The disk is full.")));
  health.Set("store", "");
  health.Set("end", "");
  EXPECT_TRUE(health.IsReady());
  EXPECT_THAT(told, ElementsAre(0U, 1U, 2U, 1U, 0U));
}

TEST(ServiceManager, HearsWhereItListens) {
  const ScratchFolder folder;
  const std::string path = folder.path("notify");
  const Descriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  TellServiceManager("READY=1");
  unsetenv("NOTIFY_SOCKET");
  TellServiceManager("STOPPING=1");  // nobody hears
  char text[64] = {};
  EXPECT_EQ(recv(fd.get(), text, sizeof text, MSG_DONTWAIT), 7);
  EXPECT_STREQ(text, "READY=1");
  EXPECT_EQ(recv(fd.get(), text, sizeof text, MSG_DONTWAIT), -1);
}

TEST(ServiceManager, WantsAWatchdogOnlyOfTheProcessThatItNames) {
  EXPECT_EQ(WatchdogInterval(), std::nullopt);
  setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(WatchdogInterval(), std::chrono::seconds(3));
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(WatchdogInterval(), std::chrono::seconds(3));
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(WatchdogInterval(), std::nullopt);
  unsetenv("WATCHDOG_PID");
  setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(WatchdogInterval(), std::nullopt);
  unsetenv("WATCHDOG_USEC");
}

}  // namespace
}  // namespace throng
