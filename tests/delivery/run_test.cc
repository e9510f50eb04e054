#include "server/delivery/run.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "server/control/status.h"
#include "tests/delivery/run_fixture.h"

namespace throng {
namespace {

TEST_F(RunTest, WhatHasNoEndSucceedsWithTheCalendar) {
  const auto run = Execute(
      "dataset: {size: quick, interactions: null, plan_size: 100, clock: {component: uniform,\n"
      "  options: {start: '9999-12-31T00:00:00Z', window: 1h}}}\n"
      "outputs: [{format: {component: csv}, sink: {component: 'null'}}]\n");
  ASSERT_NE(run, nullptr);
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
  EXPECT_EQ(progress.rows, 2400);
  EXPECT_EQ(progress.total_rows, 2400);
  EXPECT_EQ(run->outputs()[0]->statistics()->total_interactions(), 2400);
}

TEST_F(RunTest, AbortedWritesAndCommitsLoseAndDoubleNothing) {
  const std::string expected = Expected();
  for (const std::string trouble : {", abort_writes: 5", ", abort_commits: 3",
                                    ", abort_writes: 7, abort_commits: 2, busy_calls: 9"}) {
    const auto run = Execute(Spec("flaky", trouble));
    ASSERT_NE(run, nullptr);
    const OutputProgress progress = run->outputs()[0]->progress();
    EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
    EXPECT_EQ(progress.rows, 30'000);
    EXPECT_EQ(Content(folder_ / "flaky.json"), expected) << trouble;
  }
}

TEST_F(RunTest, CommitsStayWithinTheSinksLargest) {
  const std::string expected = Expected();
  const auto run = Execute(Spec("flaky", ", max_commit_rows: 700"));
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
  EXPECT_EQ(Content(folder_ / "flaky.json"), expected);
}

TEST_F(RunTest, CommitsStayWithinTheSinksLargestWhereverTheRowsBegin) {
  const auto run = Execute(
      "dataset: {seed: 5, interactions: 100000}\n"
      "outputs:\n"
      "- format: {component: csv}\n"
      "  rows: {from: 1}\n"
      "  sink: {component: flaky, options: {max_commit_rows: 20000, path: " +
      (folder_ / "a").string() + "}}\n");
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
  EXPECT_EQ(progress.rows, 99'999);
}

TEST_F(RunTest, OtherSlicesLeaveSideTablesAlone) {
  const auto run = Execute(
      "slice: {index: 1, count: 2}\n"
      "outputs:\n"
      "- {table: users, format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "users.csv").string() + "}}}\n");
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(RunTest, TwoOutputsToStandardOutputAreRefused) {
  Problems problems;
  const std::string output = "- {format: {component: csv}, sink: {component: stdout}}\n";
  EXPECT_EQ(Make("outputs:\n" + output + output, &problems), nullptr);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(
      problems[0].message,
      "writes to standard output, as the output `stdout` does; give each a place of its own.");
}

TEST_F(RunTest, ARunWithoutEndGoesOnAsOneWithAnEnd) {
  const std::string outputs =
      "pace: {rate: 20000}\n"
      "outputs:\n"
      "- {format: {component: csv}, commit_rows: 100, roll_rows: 3000,\n"
      "   sink: {component: file, options: {path: '" +
      (folder_ / "{part}.csv").string() + "'}}}\n";
  Problems problems;
  int64_t committed = 0;
  {
    auto endless =
        Make("dataset: {seed: 5, interactions: null, plan_size: 5000}\n" + outputs, &problems);
    ASSERT_NE(endless, nullptr) << ToString(problems);
    ASSERT_TRUE(endless->Open(std::chrono::seconds(1)).ok());
    endless->Start(std::chrono::seconds(1));
    while (endless->outputs()[0]->progress().position < 500) {
      endless->Wait(std::chrono::milliseconds(5));
    }
    is_stopping_ = true;
    while (!endless->HasEnded()) endless->Wait(std::chrono::milliseconds(5));
    EXPECT_EQ(endless->outputs()[0]->progress().state, OutputState::kStopped);
    committed = endless->outputs()[0]->progress().position;
  }
  is_stopping_ = false;
  const int64_t rows = committed + 7000;
  const auto run = Execute("dataset: {seed: 5, interactions: " + std::to_string(rows) +
                           ", plan_size: 5000}\n" + outputs);
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
      << run->outputs()[0]->progress().reason;
  EXPECT_EQ(run->outputs()[0]->statistics()->total_interactions(), rows);
}

// A file's output of `format`, with more fields, and what of the dataset is not the default.
std::string FileSpec(const fs::path& path, const std::string& format, const std::string& dataset,
                     const std::string& run, const std::string& output) {
  return "dataset: {preset: seed, seed: 5, interactions: 20000, plan_size: 5300" + dataset + "}\n" +
         run + "outputs:\n- {format: {component: " + format +
         "}, sink: {component: file, options: {path: " + path.string() + "}}" + output + "}\n";
}

TEST_F(RunTest, RowsOfWholeBlocksAreTheSameHoweverTheyAreCut) {
  int files = 0;
  const auto make = [&](const std::string& clock, const std::string& run,
                        const std::string& output) {
    const fs::path path = folder_ / (std::to_string(++files) + ".csv");
    const auto done = Execute(FileSpec(path, "csv", ", clock: {component: " + clock + "}", run,
                                       ", columns: [user_id, item_id, kind, rating]" + output));
    EXPECT_EQ(done->outputs()[0]->progress().state, OutputState::kSucceeded)
        << done->outputs()[0]->progress().reason;
    return Content(path);
  };
  const auto lines = [](const std::string& text, size_t from, size_t to) {
    std::istringstream stream(text);
    std::vector<std::string> all;
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    const auto begin = all.begin() + 1;  // after the header
    return std::vector<std::string>(begin + static_cast<std::ptrdiff_t>(from),
                                    begin + static_cast<std::ptrdiff_t>(to));
  };
  const std::string whole = make("by_user", "threads: 1\n", "");
  EXPECT_EQ(make("by_user", "threads: 3\n", ", commit_rows: 700"), whole);
  EXPECT_EQ(lines(make("by_user", "threads: 2\n", ", rows: {from: 1999, to: 12345}"), 0, 10'346),
            lines(whole, 1999, 12'345));
  std::string joined;
  for (const std::string index : {"0", "1", "2"}) {
    joined += make("by_user", "slice: {index: " + index + ", count: 3}\n", "");
  }
  EXPECT_EQ(joined, whole);
  // Interleaved slices take 16 blocks at once, as a multiple of 4096 rows.
  const std::string dealt = ", mode: interleaved}\nthreads: 2\n";
  EXPECT_EQ(lines(make("by_user", "slice: {index: 0, count: 2" + dealt, ""), 0, 16'384),
            lines(whole, 0, 16'384));
  EXPECT_EQ(lines(make("by_user", "slice: {index: 1, count: 2" + dealt, ""), 0, 3616),
            lines(whole, 16'384, 20'000));
  // They are other rows' neighbours, and nothing else about an epoch's users has changed.
  const auto users = [&](const std::string& text) {
    std::vector<std::string> ids = lines(text, 0, 5300);
    for (std::string& line : ids) line.resize(line.find(','));
    return ids;
  };
  std::vector<std::string> moved = users(whole);
  std::vector<std::string> unmoved = users(make("uniform", "", ""));
  EXPECT_NE(moved, unmoved);
  std::sort(moved.begin(), moved.end());
  std::sort(unmoved.begin(), unmoved.end());
  EXPECT_EQ(moved, unmoved);
}

TEST_F(RunTest, InnerBlocksAreCutAtRowsOfTheDatasetAlone) {
  const auto make = [&](const std::string& name, const std::string& run,
                        const std::string& output) {
    const auto done = Execute(FileSpec(folder_ / name, "cuts", "", run, output));
    EXPECT_EQ(done->outputs()[0]->progress().state, OutputState::kSucceeded)
        << done->outputs()[0]->progress().reason;
    return Content(folder_ / name);
  };
  const auto heads = [](const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> found;
    for (std::string line; std::getline(stream, line);) {
      if (line.find(' ') != std::string::npos || line == "begin") found.push_back(line);
    }
    return found;
  };
  const std::string whole = make("whole", "threads: 1\n", "");
  EXPECT_THAT(heads(whole), testing::ElementsAre("begin", "4096 rows from 0", "4096 rows from 4096",
                                                 "4096 rows from 8192", "4096 rows from 12288",
                                                 "3616 rows from 16384", "end of 20000"));
  EXPECT_EQ(make("often", "threads: 3\n", ", commit_rows: 1"), whole);
  EXPECT_THAT(heads(make("part", "", ", rows: {from: 1000, to: 9000}")),
              testing::ElementsAre("begin", "3096 rows from 1000", "4096 rows from 4096",
                                   "808 rows from 8192", "end of 8000"));
  EXPECT_THAT(
      heads(make("dealt", "slice: {index: 1, count: 3, mode: interleaved}\n", "")),
      testing::ElementsAre("begin", "4096 rows from 4096", "3616 rows from 16384", "end of 7712"));

  // Stopped and gone on with: commits fall on cuts, so nothing shows.
  {
    Problems problems;
    auto slow =
        Make(FileSpec(folder_ / "stopped", "cuts", "", "pace: {rate: 30000}\n", ""), &problems);
    ASSERT_NE(slow, nullptr) << ToString(problems);
    ASSERT_TRUE(slow->Open(std::chrono::seconds(1)).ok());
    slow->Start(std::chrono::seconds(1));
    while (slow->outputs()[0]->progress().rows == 0) slow->Wait(std::chrono::milliseconds(5));
    is_stopping_ = true;
    while (!slow->HasEnded()) slow->Wait(std::chrono::milliseconds(5));
    is_stopping_ = false;
    const OutputProgress progress = slow->outputs()[0]->progress();
    EXPECT_TRUE(progress.position % 4096 == 0 || progress.position == 20'000) << progress.position;
  }
  EXPECT_EQ(make("stopped", "", ""), whole);
}

TEST_F(RunTest, MessagesHaveTheirKeyValueRowAndTime) {
  const auto spec = [&](const std::string& format, const std::string& fields) {
    return "dataset: {seed: 5, interactions: 3000, world: {users: 100, items: 200}}\n"
           "outputs:\n- {format: {component: " +
           format + "}, sink: {component: mailbox, options: {path: " + (folder_ / "m").string() +
           "}}" + fields + "}\n";
  };
  for (const std::string key : {"user_id", "item_id"}) {
    const auto run = Execute(spec("json", ", key: " + key));
    ASSERT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
        << run->outputs()[0]->progress().reason;
    std::istringstream stream(Content(folder_ / "m"));
    int64_t row = 0;
    int64_t last_time = 0;
    for (std::string line; std::getline(stream, line); ++row) {
      const size_t value = line.find('|') + 1;
      const size_t number = line.find('|', value) + 1;
      const size_t time = line.find('|', number) + 1;
      EXPECT_THAT(line.substr(value),
                  testing::HasSubstr("\"" + key + "\": \"" + line.substr(0, value - 1) + "\""));
      EXPECT_EQ(line[value], '{');
      EXPECT_EQ(std::stoll(line.substr(number)), row);
      EXPECT_GE(std::stoll(line.substr(time)), last_time);
      last_time = std::stoll(line.substr(time));
    }
    EXPECT_EQ(row, 3000);
  }
  Problems problems;
  EXPECT_EQ(Make(spec("csv", ""), &problems), nullptr);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message,
            "the format `csv` makes a stream and the sink `mailbox` takes messages; choose "
            "another.");
  problems.clear();
  EXPECT_EQ(Make(spec("json", ", columns: [item_id, rating]"), &problems), nullptr);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].field, "outputs[0].key");
}

TEST_F(RunTest, ASinkThatIsNeverReachedFailsWithItsSentence) {
  const auto run = Execute(Spec("flaky", ", busy_calls: 1"), std::chrono::milliseconds(200));
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kFailed);
  EXPECT_EQ(progress.reason, "sink `flaky`: out of reach for a moment.");
  EXPECT_EQ(progress.rows, 0);
}

TEST_F(RunTest, AFormatThatCannotBeginYetBlocksUntilItIsStoppedOrTimeIsUp) {
  const std::string spec =
      "dataset: {seed: 5, interactions: 5000}\n"
      "outputs:\n"
      "- format: {component: avro, options: {registry: \"http://127.0.0.1:1\"}}\n"
      "  sink: {component: mailbox, options: {path: " +
      (folder_ / "m").string() + "}}\n";
  const std::string said = "Registry http://127.0.0.1:1 cannot be reached (";
  const auto failed = Execute(spec, std::chrono::milliseconds(300));
  EXPECT_EQ(failed->outputs()[0]->progress().state, OutputState::kFailed);
  EXPECT_THAT(failed->outputs()[0]->progress().reason, testing::HasSubstr(said));

  Problems problems;
  const auto run = Make(spec, &problems);
  ASSERT_NE(run, nullptr) << ToString(problems);
  ASSERT_TRUE(run->Open(std::chrono::seconds(1)).ok());
  run->Start(std::chrono::milliseconds(0));
  const auto progress = [&] { return run->outputs()[0]->progress(); };
  while (progress().state == OutputState::kStarting) run->Wait(std::chrono::milliseconds(10));
  EXPECT_EQ(progress().state, OutputState::kBlocked);
  EXPECT_THAT(progress().reason, testing::HasSubstr(said));
  EXPECT_GT(progress().retries, 0);
  is_stopping_ = true;
  while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(100));
  EXPECT_EQ(progress().state, OutputState::kStopped);
}

TEST_F(RunTest, CountsCommitsByTheTimeThatTheyTook) {
  const auto run = Execute(
      "dataset: {seed: 5, interactions: 5000}\n"
      "outputs:\n"
      "- {format: {component: csv}, commit_rows: 1000, sink: {component: file, options: {path: " +
      (folder_ / "a.csv").string() + "}}}\n");
  const OutputProgress progress = run->outputs()[0]->progress();
  ASSERT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
  int64_t commits = 0;
  for (const int64_t count : progress.commit_times.counts) commits += count;
  EXPECT_GE(commits, 2);
  EXPECT_GT(progress.commit_times.seconds, 0);
  EXPECT_EQ(progress.retries, 0);
}

TEST(CommitTimes, HaveABucketUpToEachBoundAndOneBeyond) {
  CommitTimes times;
  times.Add(0.0005);
  times.Add(0.001);
  times.Add(0.0011);
  times.Add(10.0);
  times.Add(3600);
  EXPECT_EQ(times.counts[0], 2);
  EXPECT_EQ(times.counts[1], 1);
  EXPECT_EQ(times.counts[CommitTimes::kBounds.size() - 1], 1);
  EXPECT_EQ(times.counts[CommitTimes::kBounds.size()], 1);
  EXPECT_DOUBLE_EQ(times.seconds, 3610.0026);
}

TEST_F(RunTest, ASinkThatAlwaysAbortsFailsInTheEnd) {
  const auto run = Execute(Spec("flaky", ", abort_writes: 1"), std::chrono::milliseconds(200));
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kFailed);
  EXPECT_EQ(progress.reason, "sink `flaky`: the transaction was aborted.");
}

TEST_F(RunTest, OneOutputsFailureLeavesTheOthersAlone) {
  const auto run = Execute(
      "dataset: {seed: 5, size: testing}\n"
      "outputs:\n"
      "- {format: {component: csv}, sink: {component: flaky, options: {fail_write: 2, path: " +
      (folder_ / "a").string() +
      "}}}\n"
      "- {format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "b.csv").string() + "}}}\n");
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kFailed);
  EXPECT_EQ(run->outputs()[0]->progress().reason, "sink `flaky`: this write was to fail.");
  EXPECT_EQ(run->outputs()[1]->progress().state, OutputState::kSucceeded);
  EXPECT_EQ(run->outputs()[1]->progress().rows, 20'000);
}

TEST_F(RunTest, TwoOutputsOfOnePlaceAreRefused) {
  Problems problems;
  const std::string output =
      "- {format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "a.csv").string() + "}}}\n";
  EXPECT_EQ(Make("outputs:\n" + output + output, &problems), nullptr);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].field, "outputs[1].sink");
}

TEST_F(RunTest, RelativeTimesAreResolvedOnce) {
  const std::string spec =
      "dataset:\n"
      "  size: quick\n"
      "  clock: {component: uniform, options: {start: now-7d}}\n"
      "outputs:\n"
      "- {format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "a.csv").string() + "}}}\n";
  ASSERT_EQ(Execute(spec)->outputs()[0]->progress().state, OutputState::kSucceeded);
  const std::string content = Content(folder_ / "a.csv");
  // A day later the same request means the same output, which is complete.
  now_ += 86'400'000;
  const auto run = Execute(spec);
  EXPECT_TRUE(run->outputs()[0]->WasComplete());
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
      << run->outputs()[0]->progress().reason;
  EXPECT_EQ(Content(folder_ / "a.csv"), content);
}

TEST_F(RunTest, PartsOfAnyDayAreOfTheOutputThatWasAskedFor) {
  const std::string spec =
      "dataset: {interactions: 10000, clock: {component: uniform, options: {start: now-7d}}}\n"
      "outputs:\n"
      "- {format: {component: csv}, commit_rows: 100, roll_rows: 3000,\n"
      "   sink: {component: file, options: {path: '" +
      (folder_ / "{part}.csv").string() + "'}}}\n";
  ExecuteSome("pace: {rate: 20000}\n" + spec, 500);
  now_ += 86'400'000;  // the parts that follow are begun a day later
  EXPECT_EQ(Execute(spec)->outputs()[0]->progress().state, OutputState::kSucceeded);
  const auto again = Execute(spec);
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(again->outputs()[0]->WasComplete());
}

TEST_F(RunTest, AnotherPaceAndOtherThreadsMakeTheSameBytes) {
  const auto spec = [&](const std::string& name, const std::string& format) {
    return "dataset: {seed: 5, interactions: 30000}\nthreads: 1\noutputs:\n- format: " + format +
           "\n  commit_rows: 1000\n  sink: {component: file, options: {path: " +
           (folder_ / name).string() + "}}\n";
  };
  for (const std::string format : {"{component: csv}", "{component: avro}"}) {
    const std::string suffix = format == "{component: csv}" ? ".csv" : ".avro";
    Execute(spec("whole" + suffix, format));
    Problems problems;
    const auto run = Make("pace: {rate: 2000}\n" + spec("tuned" + suffix, format), &problems);
    ASSERT_NE(run, nullptr) << ToString(problems);
    ASSERT_TRUE(run->Open(std::chrono::seconds(1)).ok());
    run->Start(std::chrono::seconds(1));
    v1::Pace pace;
    for (int i = 0; i < 20 && !run->HasEnded(); ++i) {
      pace.Clear();
      if (i % 3 == 0) pace.set_rate(100'000);
      if (i % 3 == 1) pace.set_rate(1'000);
      if (i % 3 == 2) pace.mutable_live();  // whose rows lie in the past
      run->Tune(pace, 0, 1 + i % 4);
      run->Wait(std::chrono::milliseconds(5));
    }
    run->Tune({}, 0, 3);
    while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(5));
    const OutputProgress progress = run->outputs()[0]->progress();
    ASSERT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
    EXPECT_EQ(progress.committed_rows, 30'000);
    EXPECT_EQ(Content(folder_ / ("tuned" + suffix)), Content(folder_ / ("whole" + suffix)));
  }
}

TEST_F(RunTest, AProfileIsFollowedFromWhenItBegan) {
  Problems problems;
  const auto run = Make(
      "dataset: {interactions: 5000}\n"
      "pace: {profile: [{rate: 0, for: 1h}, {rate: 1000000, for: 1h}]}\n"
      "outputs:\n- {format: {component: csv}, sink: {component: file, options: {path: " +
          (folder_ / "a.csv").string() + "}}}\n",
      &problems);
  ASSERT_NE(run, nullptr) << ToString(problems);
  ASSERT_TRUE(run->Open(std::chrono::seconds(1)).ok());
  run->Start(std::chrono::seconds(1));
  run->Wait(std::chrono::milliseconds(300));
  EXPECT_EQ(run->outputs()[0]->progress().rows, 0);
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kRunning);
  // Two hours ago.
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  Problems none;
  const SpecLayer layer{"test", "pace: {profile: [{rate: 0, for: 1h}, {rate: 1000000, for: 1h}]}"};
  run->Tune(ReadSpec({&layer, 1}, &none)->pace(), now.count() - 7'200'000, 1);
  while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(5));
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded);
}

}  // namespace
}  // namespace throng
