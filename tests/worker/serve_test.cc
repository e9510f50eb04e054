// Runs of `throng-worker serve`: planned, driven, disturbed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/control/status.h"
#include "tests/plugins/sinks/scratch_folder.h"
#include "tests/worker/served_worker.h"

namespace throng {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int kInvalidArgument = 3;
constexpr int kFailedPrecondition = 9;

class ServeTest : public testing::Test {
 protected:
  ServeTest() {
    AddPlugins({THRONG_PLUGIN_FOLDER, THRONG_FLAKY_FOLDER, THRONG_UNRULY_FOLDER}, &start_);
  }

  // To run this spec, YAML.
  worker::v1::Start RunOf(const std::string& yaml) const {
    worker::v1::Start start = start_;
    v1::SpecLayer* layer = start.mutable_run()->mutable_source()->add_layers();
    layer->set_name("test");
    layer->set_text(yaml);
    start.mutable_run()->set_now_ms(1'700'000'000'000);
    return start;
  }
  // 30 000 rows, paced so that work is in progress for some seconds, committed every 100.
  worker::v1::Start PacedRun() const {
    return RunOf("{pace: {rate: 10000}, threads: 2, " + Rest());
  }
  worker::v1::Start FastRun() const { return RunOf("{threads: 2, " + Rest()); }
  static std::string Rest() {
    return "dataset: {seed: 5, interactions: 30000}, outputs: [{commit_rows: 100, format: "
           "{component: csv}, sink: {component: file, options: {path: a.csv}}}]}";
  }

  // The file of an undisturbed run.
  std::string Expected() const {
    const ScratchFolder folder;
    ServedWorker worker(folder.path());
    worker.Start(FastRun());
    worker.Planned();
    worker.Begin();
    EXPECT_EQ(worker.Finished().outputs(0).state(), v1::OUTPUT_STATE_SUCCEEDED);
    return folder.Read("a.csv");
  }
  static worker::v1::StatisticsReport AskStatistics(ServedWorker* worker,
                                                    const std::string& output) {
    worker::v1::ToWorker question;
    question.mutable_get_statistics()->set_id(7);
    question.mutable_get_statistics()->set_output(output);
    worker->Send(question);
    while (const auto message = worker->Next()) {
      if (message->has_statistics()) return message->statistics();
    }
    return {};
  }
  // Runs what is left, at full speed.
  void FinishTheRun() const {
    ServedWorker worker(folder_.path());
    worker.Start(FastRun());
    worker.Planned();
    worker.Begin();
    const worker::v1::Finished finished = worker.Finished();
    EXPECT_EQ(finished.code(), 0);
    EXPECT_EQ(finished.outputs(0).state(), v1::OUTPUT_STATE_SUCCEEDED)
        << finished.outputs(0).reason();
    EXPECT_EQ(worker.Wait(), 0);
  }

  static bool HasDelivered(const v1::OutputStatus& output) { return output.position() > 0; }
  static auto Is(v1::OutputState state) {
    return [state](const v1::OutputStatus& output) { return output.state() == state; };
  }

  ScratchFolder folder_;
  worker::v1::Start start_;
};

TEST_F(ServeTest, SaysHelloAtOnce) {
  ServedWorker worker(folder_.path());
  EXPECT_EQ(worker.version(), THRONG_VERSION);
  worker.Leave();
  EXPECT_EQ(worker.Wait(), 0);
}

TEST_F(ServeTest, PlansARunBeforeItBegins) {
  ServedWorker worker(folder_.path());
  worker.Start(RunOf(
      "{dataset: {size: quick, clock: {component: uniform, options: {start: now-7d}}}, outputs: "
      "[{format: {component: csv}, sink: {component: file, options: {path: a.csv}}}]}"));
  const worker::v1::Planned planned = worker.Planned();
  const v1::Plan& plan = planned.plan();
  EXPECT_EQ(planned.uid().size(), 32U);
  EXPECT_EQ(planned.asked().dataset().clock().options().at("start"), "now-7d");
  EXPECT_EQ(plan.spec().dataset().clock().options().at("start"), "2023-11-07T22:13:20Z");
  EXPECT_EQ(plan.fingerprint().size(), 64U);
  EXPECT_GT(plan.kinds_size(), 0);
  EXPECT_GT(plan.clusters_size(), 0);
  EXPECT_GT(plan.categories_size(), 0);
  int64_t users = 0;
  for (const v1::ClusterQuota& cluster : plan.clusters()) users += cluster.users();
  EXPECT_EQ(users, plan.spec().dataset().world().users());
  ASSERT_EQ(plan.outputs_size(), 1);
  EXPECT_EQ(plan.outputs(0).place(), "a.csv");
  EXPECT_EQ(plan.outputs(0).rows(), plan.spec().dataset().interactions());
  EXPECT_TRUE(plan.outputs(0).is_durable());
  ASSERT_EQ(plan.plugins_size(), 6);
  EXPECT_EQ(plan.plugins(5).role(), "sink");
  EXPECT_EQ(plan.plugins(5).sha256().size(), 64U);
  EXPECT_TRUE(folder_.Files().empty());

  // What was asked for, with the same time, is the same plan anywhere.
  ServedWorker again(folder_.path());
  worker::v1::Start start = start_;
  *start.mutable_run()->mutable_asked() = planned.asked();
  start.mutable_run()->set_now_ms(1'700'000'000'000);
  start.mutable_run()->set_fingerprint(plan.fingerprint());
  again.Start(start);
  EXPECT_EQ(again.Planned().DebugString(), planned.DebugString());
}

TEST_F(ServeTest, TellsAllMistakesAtOnce) {
  worker::v1::Start start = RunOf(
      "dataset:\n"
      "  rating: {component: calibratd}\n"
      "outputs:\n"
      "- {format: {component: csv}, sink: {component: file, options: {pth: a.csv}}}\n");
  v1::RunSpec* spec = start.mutable_run()->mutable_source()->mutable_spec();
  spec->mutable_dataset()->mutable_world()->set_active_users(7);
  start.add_output_roots(folder_.path());
  ServedWorker worker(folder_.path());
  worker.Start(start);
  const worker::v1::Finished finished = worker.Finished();
  EXPECT_EQ(finished.code(), kInvalidArgument);
  std::vector<std::string> fields;
  for (const v1::SpecProblem& problem : finished.problems()) fields.push_back(problem.field());
  EXPECT_THAT(fields, ElementsAre("dataset.world.active_users", "dataset.rating.component",
                                  "outputs[0].sink.options.pth", "outputs[0].sink.options.path"));
  EXPECT_THAT(finished.problems(1).message(), HasSubstr("Did you mean \"calibrated\"?"));
  EXPECT_EQ(worker.Wait(), 0);
}

TEST_F(ServeTest, NamesWhatCouldNotBeLoaded) {
  worker::v1::Start start = RunOf("{dataset: {rating: {component: stars}}, outputs: []}");
  start.add_plugin_errors("plugin stars.so cannot be loaded: it is empty");
  ServedWorker worker(folder_.path());
  worker.Start(start);
  const worker::v1::Finished finished = worker.Finished();
  ASSERT_EQ(finished.problems_size(), 2);
  EXPECT_EQ(finished.problems(0).field(), "outputs");
  EXPECT_THAT(finished.problems(1).message(),
              HasSubstr("Not loaded: plugin stars.so cannot be loaded: it is empty"));
}

TEST_F(ServeTest, LoadsNoPluginOfAnotherDigest) {
  worker::v1::Start start = FastRun();
  for (worker::v1::PluginFile& file : *start.mutable_plugins()) {
    if (file.path().ends_with("/csv.so")) file.set_sha256(std::string(64, '0'));
  }
  ServedWorker worker(folder_.path());
  worker.Start(start);
  const worker::v1::Finished finished = worker.Finished();
  ASSERT_EQ(finished.problems_size(), 1);
  EXPECT_EQ(finished.problems(0).field(), "outputs[0].format.component");
  EXPECT_THAT(finished.problems(0).message(), HasSubstr("csv.so has changed: its SHA-256 is"));
}

TEST_F(ServeTest, PlansADatasetWithoutOutputs) {
  worker::v1::Start start = RunOf("dataset: {}");
  start.mutable_run()->mutable_source()->mutable_spec()->mutable_dataset()->set_interactions(-1);
  start.mutable_run()->set_dataset_only(true);
  ServedWorker worker(folder_.path());
  worker.Start(start);
  const worker::v1::Planned planned = worker.Planned();
  EXPECT_EQ(planned.plan().outputs_size(), 0);
  EXPECT_EQ(planned.plan().plugins_size(), 4);
  EXPECT_FALSE(planned.asked().dataset().has_interactions());
  EXPECT_EQ(planned.asked().dataset().plan_size(), 50'000);
}

TEST_F(ServeTest, StoresThePlanThatAFewRowsAreTheFirstOf) {
  worker::v1::Start start = RunOf("dataset: {interactions: 10}");
  start.mutable_run()->set_dataset_only(true);
  ServedWorker worker(folder_.path());
  worker.Start(start);
  const worker::v1::Planned planned = worker.Planned();
  EXPECT_EQ(planned.asked().dataset().interactions(), 10);
  EXPECT_EQ(planned.asked().dataset().plan_size(), 50'000);
  EXPECT_THAT(planned.plan().warnings(0),
              HasSubstr("the first of the 50000 of the size production"));
}

TEST_F(ServeTest, RefusesAnotherFingerprint) {
  worker::v1::Start start = FastRun();
  start.mutable_run()->set_fingerprint(std::string(64, '0'));
  ServedWorker worker(folder_.path());
  worker.Start(start);
  const worker::v1::Finished finished = worker.Finished();
  EXPECT_EQ(finished.code(), kFailedPrecondition);
  EXPECT_THAT(finished.message(), HasSubstr("make other rows"));
}

TEST_F(ServeTest, DeliversTheGoldenRows) {
  ServedWorker worker(folder_.path());
  worker.Start(RunOf(
      "{dataset: {preset: seed, seed: 42}, outputs: [{rows: {to: 200}, format: {component: csv}, "
      "sink: {component: file, options: {path: first.csv}}}]}"));
  worker.Planned();
  worker.Begin();
  const worker::v1::Finished finished = worker.Finished();
  EXPECT_EQ(finished.code(), 0);
  ASSERT_EQ(finished.outputs_size(), 1);
  EXPECT_EQ(finished.outputs(0).state(), v1::OUTPUT_STATE_SUCCEEDED);
  EXPECT_EQ(finished.outputs(0).position(), 200);
  ASSERT_EQ(finished.statistics_size(), 1);
  EXPECT_TRUE(finished.statistics(0).is_final());
  EXPECT_EQ(finished.statistics(0).statistics().total_interactions(), 200);
  EXPECT_EQ(worker.Wait(), 0);
  std::ifstream golden(THRONG_GOLDEN_FOLDER "/seed-42.csv", std::ios::binary);
  EXPECT_EQ(folder_.Read("first.csv"), std::string(std::istreambuf_iterator<char>(golden), {}));
}

TEST_F(ServeTest, DeliversNothingWhilePausedAndGoesOnWhenResumed) {
  {
    ServedWorker worker(folder_.path());
    worker.Start(PacedRun());
    worker.Planned();
    worker.Begin();
    worker.AwaitOutput(HasDelivered);
    worker.Pause();
    const v1::OutputStatus paused = worker.AwaitOutput(Is(v1::OUTPUT_STATE_PAUSED));
    EXPECT_EQ(paused.rows(), paused.position());
    const std::string written = folder_.Read("a.csv.part");
    // A heartbeat later nothing has changed.
    const v1::OutputStatus later = worker.AwaitOutput(Is(v1::OUTPUT_STATE_PAUSED));
    EXPECT_EQ(later.SerializeAsString(), paused.SerializeAsString());
    EXPECT_EQ(folder_.Read("a.csv.part"), written);

    worker.Resume();
    worker.AwaitOutput([&](const v1::OutputStatus& output) {
      return output.state() == v1::OUTPUT_STATE_RUNNING && output.position() > paused.position();
    });
    worker.Stop();
    const worker::v1::Finished finished = worker.Finished();
    EXPECT_EQ(finished.code(), 0);
    EXPECT_EQ(finished.outputs(0).state(), v1::OUTPUT_STATE_STOPPED);
    EXPECT_EQ(finished.outputs(0).rows(), finished.outputs(0).position());
    EXPECT_EQ(worker.Wait(), 0);
  }
  FinishTheRun();
  EXPECT_EQ(folder_.Read("a.csv"), Expected());
}

TEST_F(ServeTest, BeginsPausedWithoutTouchingItsPlace) {
  ServedWorker worker(folder_.path());
  worker.Start(FastRun());
  worker.Planned();
  worker.Begin(true);
  worker.AwaitOutput(Is(v1::OUTPUT_STATE_PAUSED));
  EXPECT_TRUE(folder_.Files().empty());
  worker.Resume();
  EXPECT_EQ(worker.Finished().outputs(0).state(), v1::OUTPUT_STATE_SUCCEEDED);
}

TEST_F(ServeTest, StopsWhilePaused) {
  for (const bool has_begun_paused : {true, false}) {
    const ScratchFolder folder;
    ServedWorker worker(folder.path());
    worker.Start(PacedRun());
    worker.Planned();
    worker.Begin(has_begun_paused);
    if (!has_begun_paused) worker.Pause();
    worker.AwaitOutput(Is(v1::OUTPUT_STATE_PAUSED));
    worker.Stop();
    const worker::v1::Finished finished = worker.Finished();
    EXPECT_EQ(finished.code(), 0);
    EXPECT_EQ(finished.outputs(0).state(), v1::OUTPUT_STATE_STOPPED);
  }
}

TEST_F(ServeTest, StaysBlockedWithoutEndAndStopsAtOnce) {
  ServedWorker worker(folder_.path());
  worker.Start(
      RunOf("{dataset: {interactions: 5000}, outputs: [{format: {component: csv}, sink: "
            "{component: flaky, options: {path: a.csv, busy_calls: 1}}}]}"));
  worker.Planned();
  worker.Begin();
  for (int i = 0; i < 2; ++i) {
    const v1::OutputStatus blocked = worker.AwaitOutput(Is(v1::OUTPUT_STATE_BLOCKED));
    EXPECT_EQ(blocked.reason(), "sink `flaky`: out of reach for a moment.");
  }
  worker.Pause();
  worker.AwaitOutput(Is(v1::OUTPUT_STATE_PAUSED));
  worker.Resume();
  worker.AwaitOutput(Is(v1::OUTPUT_STATE_BLOCKED));
  worker.Stop();
  EXPECT_EQ(worker.Finished().outputs(0).state(), v1::OUTPUT_STATE_STOPPED);
}

TEST_F(ServeTest, CommitsAndEndsWithItsDaemon) {
  {
    ServedWorker worker(folder_.path());
    worker.Start(PacedRun());
    worker.Planned();
    worker.Begin();
    worker.AwaitOutput(HasDelivered);
    worker.Leave();
    EXPECT_EQ(worker.Wait(), 0);
  }
  EXPECT_THAT(folder_.Files(), testing::Contains("a.csv.position"));
  FinishTheRun();
  EXPECT_EQ(folder_.Read("a.csv"), Expected());
}

TEST_F(ServeTest, AnOutputThatCannotBeOpenedFailsAlone) {
  folder_.Write("a.csv", "somebody else's");
  ServedWorker worker(folder_.path());
  const std::string output = "{format: {component: csv}, sink: {component: file, options: {path: ";
  worker.Start(RunOf("{dataset: {interactions: 5000}, outputs: [" + output + "a.csv}}}, " + output +
                     "b.csv}}}]}"));
  worker.Planned();
  worker.Begin();
  const worker::v1::Finished finished = worker.Finished();
  EXPECT_EQ(finished.code(), 0);
  ASSERT_EQ(finished.outputs_size(), 2);
  EXPECT_EQ(finished.outputs(0).state(), v1::OUTPUT_STATE_FAILED);
  EXPECT_THAT(finished.outputs(0).reason(), StartsWith("sink `file`: a.csv"));
  EXPECT_EQ(finished.outputs(1).state(), v1::OUTPUT_STATE_SUCCEEDED);
  EXPECT_EQ(finished.statistics_size(), 1);
  EXPECT_EQ(folder_.Read("a.csv"), "somebody else's");
}

TEST_F(ServeTest, AnswersForStatisticsWhileItHolds) {
  ServedWorker worker(folder_.path());
  worker.Start(PacedRun());
  worker.Planned();
  worker.Begin();
  worker.AwaitOutput(HasDelivered);
  worker.Pause();
  const v1::OutputStatus paused = worker.AwaitOutput(Is(v1::OUTPUT_STATE_PAUSED));
  const auto ask = [&](const std::string& output) { return AskStatistics(&worker, output); };
  for (const char* name : {"", "file"}) {
    const worker::v1::StatisticsReport report = ask(name);
    EXPECT_EQ(report.id(), 7);
    EXPECT_EQ(report.code(), 0) << report.message();
    EXPECT_EQ(report.statistics().output(), "file");
    EXPECT_EQ(report.statistics().statistics().total_interactions(), paused.rows());
    EXPECT_FALSE(report.statistics().is_final());
  }
  EXPECT_EQ(ask("fil").message(), "The run has no output `fil`. Did you mean \"file\"?");
}

TEST_F(ServeTest, AnswersForStatisticsOfTheLargestWorld) {
  ServedWorker worker(folder_.path());
  worker.Start(
      RunOf("{pace: {rate: 5000}, threads: 2, dataset: {interactions: null, plan_size: "
            "100000000000, world: {users: 4294967295, items: 4294967295}}, outputs: [{commit_rows: "
            "100, roll_rows: 1000, format: {component: csv}, sink: {component: file, options: "
            "{path: 'a-{part}.csv'}}}]}"));
  worker.Planned();
  worker.Begin();
  int64_t rows = 0;
  for (int i = 0; i < 10; ++i) {
    worker.AwaitOutput([&](const v1::OutputStatus& output) { return output.rows() > rows; });
    const worker::v1::StatisticsReport report = AskStatistics(&worker, "");
    ASSERT_EQ(report.code(), 0) << report.message();
    const v1::Statistics& statistics = report.statistics().statistics();
    EXPECT_EQ(statistics.total_users(), 4'294'967'295);
    EXPECT_GT(statistics.total_interactions(), rows);
    EXPECT_GT(statistics.unique_active_users(), 0);
    EXPECT_EQ(statistics.min_interactions_per_user(), 1);
    rows = statistics.total_interactions();
  }
  // A counter for each user or item would be 17 GB.
  EXPECT_LT(worker.PeakMemory(), int64_t{1} << 30);
}

TEST_F(ServeTest, WritesNothingOutsideTheRoots) {
  fs::create_directories(folder_.path("out"));
  fs::create_directory_symlink("..", folder_.path("out/up"));
  const auto run = [&](const std::string& path) {
    worker::v1::Start start = RunOf(
        "{dataset: {interactions: 5000}, outputs: [{format: {component: csv}, sink: {component: "
        "file, options: {path: " +
        path + "}}}]}");
    start.add_output_roots(folder_.path("out"));
    return start;
  };
  for (const std::string& path :
       {std::string("../a.csv"), std::string("up/a.csv"), folder_.path("a.csv")}) {
    ServedWorker worker(folder_.path("out"));
    worker.Start(run(path));
    const worker::v1::Finished finished = worker.Finished();
    ASSERT_EQ(finished.problems_size(), 1) << path;
    EXPECT_EQ(finished.problems(0).field(), "outputs[0].sink.options.path");
    EXPECT_EQ(finished.problems(0).message(), path + " lies outside the output roots (" +
                                                  folder_.path("out") +
                                                  "); choose a path below one of them.");
  }
  // A link that came in between is found as well.
  ServedWorker worker(folder_.path("out"));
  worker.Start(run("sub/a.csv"));
  worker.Planned();
  fs::create_directory_symlink("..", folder_.path("out/sub"));
  worker.Begin();
  const worker::v1::Finished finished = worker.Finished();
  EXPECT_EQ(finished.outputs(0).state(), v1::OUTPUT_STATE_FAILED);
  EXPECT_THAT(finished.outputs(0).reason(), HasSubstr("lies outside the output roots"));
  fs::remove(folder_.path("out/sub"));

  ServedWorker inside(folder_.path("out"));
  inside.Start(run("sub/a.csv"));
  inside.Planned();
  inside.Begin();
  EXPECT_EQ(inside.Finished().outputs(0).state(), v1::OUTPUT_STATE_SUCCEEDED);
}

TEST_F(ServeTest, LeavesBehindWhoCrashed) {
  for (const auto& [deed, signal] :
       {std::pair("segfault", SIGSEGV), std::pair("abort", SIGABRT), std::pair("throw", SIGABRT)}) {
    for (const auto& [role, row] : {std::pair("rating", 20'480), std::pair("sink", 16'384)}) {
      const std::string unruly =
          std::string("{component: unruly, options: {at: 21000, does: ") + deed + "}}";
      const bool is_rating = role == std::string("rating");
      ServedWorker worker(folder_.path());
      worker.Start(RunOf("{threads: 1, dataset: {preset: seed, rating: " +
                         (is_rating ? unruly : std::string("{component: calibrated}")) +
                         "}, outputs: [{format: {component: csv}, sink: " +
                         (is_rating ? std::string("{component: 'null'}") : unruly) + "}]}"));
      worker.Planned();
      worker.Begin();
      EXPECT_EQ(worker.Wait(), -signal) << deed;
      const CallInfo culprit = CulpritIn(worker.calls());
      EXPECT_EQ(culprit.component, std::string(role) + " `unruly`") << deed;
      EXPECT_EQ(culprit.row, row) << deed;
    }
  }
}

TEST_F(ServeTest, SendsOnlyTextWhateverAPluginSays) {
  ServedWorker worker(folder_.path());
  worker.Start(
      RunOf("{threads: 1, dataset: {rating: {component: unruly, options: {at: 21000, does: "
            "mumble}}}, outputs: [{format: {component: csv}, sink: {component: 'null'}}]}"));
  EXPECT_THAT(worker.Planned().plan().warnings(), ElementsAre("rating `unruly`: plans ?."));
  worker.Begin();
  const worker::v1::Finished finished = worker.Finished();
  ASSERT_EQ(finished.outputs_size(), 1);
  EXPECT_EQ(finished.outputs(0).state(), v1::OUTPUT_STATE_FAILED);
  EXPECT_EQ(finished.outputs(0).reason(), "rating `unruly`: \xEF\xBF\xBD( is no text.");
  ASSERT_EQ(worker.logs().size(), 1U);
  EXPECT_EQ(worker.logs()[0].message(), std::string(65'536, '?') + " ...");
}

TEST_F(ServeTest, EndsItselfAboveItsMemory) {
  worker::v1::Start start = RunOf(
      "{threads: 1, dataset: {interactions: 5000}, outputs: [{format: {component: csv}, sink: "
      "{component: unruly, options: {does: leak}}}]}");
  start.set_memory_limit(int64_t{400} << 20);
  ServedWorker worker(folder_.path());
  worker.Start(start);
  worker.Planned();
  worker.Begin();
  EXPECT_EQ(worker.Wait(), -SIGABRT);
  EXPECT_EQ(worker.calls().is_out_of_memory, 1);
  EXPECT_EQ(CulpritIn(worker.calls()).component, "sink `unruly`");
}

TEST_F(ServeTest, TellsOfCallsThatLast) {
  ServedWorker worker(folder_.path());
  worker.Start(
      RunOf("{threads: 1, dataset: {rating: {component: unruly, options: {does: sleep}}}, "
            "outputs: [{format: {component: csv}, sink: {component: 'null'}}]}"));
  while (const auto message = worker.Next()) {
    if (message->progress().calls().empty()) continue;
    const worker::v1::Call& call = message->progress().calls(0);
    EXPECT_EQ(call.component(), "rating `unruly`");
    EXPECT_EQ(call.row(), 0);
    EXPECT_GE(call.lasts_ms(), 1000);
    EXPECT_FALSE(call.is_patient());
    return;
  }
  ADD_FAILURE() << "no such call was told";
}

TEST_F(ServeTest, EndsWithASentenceWhenItHearsGarbage) {
  for (const std::string& garbage :
       {std::string("\xff\xff\xff\xff", 4), std::string("\x04\0\0\0zzzz", 8),
        std::string("\0\0\0\0", 4)}) {
    ServedWorker worker(folder_.path());
    worker.SendBytes(garbage);
    const worker::v1::Finished finished = worker.Finished();
    EXPECT_EQ(finished.code(), kInvalidArgument);
    EXPECT_EQ(finished.message(),
              "What the daemon sent is no message of this version; install both from one release.");
    EXPECT_FALSE(worker.Next());
    EXPECT_EQ(worker.Wait(), 1);
  }
}

}  // namespace
}  // namespace throng
