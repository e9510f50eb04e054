// The engine under many threads at once, for TSan: callers who ask for everything, workers that
// crash, are killed and end, and time that passes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/daemon/run_engine.h"
#include "tests/daemon/fake_workers.h"

namespace throng {
namespace {

using absl::StatusCode;

constexpr int kCallers = 6;
constexpr int kCallsOfEach = 400;

Deadline Soon() { return std::chrono::steady_clock::now() + std::chrono::minutes(5); }

// What a call may answer when others do as they please with the same runs.
bool IsFair(const absl::Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
    case StatusCode::kNotFound:            // deleted
    case StatusCode::kAlreadyExists:       // created
    case StatusCode::kFailedPrecondition:  // in another state
    case StatusCode::kAborted:             // its positions are being reset
    case StatusCode::kUnavailable:         // its worker was killed
    case StatusCode::kResourceExhausted:   // too many streams
      return true;
    default:
      return false;
  }
}

// Workers that deliver, and come to all kinds of ends.
void Liven(FakeWorkers* workers) {
  workers->on_message = [workers, random = std::mt19937(1)](
                            WorkerId id, const worker::v1::ToWorker& message) mutable {
    const auto position = static_cast<int64_t>(random() % 1000);
    if (message.has_begin() || message.has_resume()) {
      workers->Say(id, ProgressOf(v1::OUTPUT_STATE_RUNNING, position));
      switch (random() % 8) {
        case 0:
          return workers->End(id, CrashedIn("choice `zipf`", position));
        case 1:
          return workers->End(id, FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
        case 2:
          return workers->End(id, FinishedAs(v1::OUTPUT_STATE_FAILED, position));
        default:
          return;
      }
    }
    if (message.has_pause()) workers->Say(id, ProgressOf(v1::OUTPUT_STATE_PAUSED, position));
    if (message.has_stop()) workers->End(id, FinishedAs(v1::OUTPUT_STATE_STOPPED, position));
    if (message.has_get_statistics()) {
      worker::v1::FromWorker report;
      report.mutable_statistics()->set_id(message.get_statistics().id());
      workers->Say(id, report);
    }
  };
}

absl::Status CallAnything(RunEngine* engine, std::mt19937* random) {
  const std::string id(1, static_cast<char>('a' + (*random)() % 3));
  const std::string name = "runs/" + id;
  switch ((*random)() % 15) {
    case 0:
    case 1: {
      v1::CreateRunRequest request;
      request.set_run_id(id);
      request.set_paused((*random)() % 4 == 0);
      request.mutable_source()->add_layers()->set_text("{}");
      return engine->CreateRun(request, {Soon()}).status();
    }
    case 2:
      return engine->PauseRun({name}).status();
    case 3:
      return engine->ResumeRun({name}).status();
    case 4:
      return engine->StopRun({name}).status();
    case 5:
      return engine->RestartRun({name}).status();
    case 6:
      return engine->DeleteRun({name});
    case 7:
      return engine->GetRun(name).status();
    case 8:
      return engine->ListRuns({}).status();
    case 9: {
      std::atomic<int> changes = 0;
      const auto watch = engine->Watch(name, [&] { ++changes; });
      if (!watch.ok()) return watch.status();
      absl::Status status = engine->PauseRun({name}).status();
      engine->Unwatch(*watch);  // nothing is called after it: `changes` goes
      return status;
    }
    case 10: {
      v1::GetPositionsRequest request;
      request.set_name(name);
      return engine->GetPositions(request, {Soon()}).status();
    }
    case 11: {
      v1::ResetPositionsRequest request;
      request.set_name(name);
      return engine->ResetPositions(request, {Soon()}).status();
    }
    case 12: {
      v1::GetRunStatisticsRequest request;
      request.set_name(name);
      return engine->GetRunStatistics(request, {Soon()}).status();
    }
    case 13: {
      uint64_t next = 0;
      return engine->ReadLog(name, &next).status();
    }
    default: {
      v1::GenerateRequest request;
      request.set_run(name);
      return engine->Generate(request, {Soon()}).status();
    }
  }
}

class EngineThreads : public testing::Test {
 protected:
  EngineThreads() { Liven(workers_.get()); }
  ~EngineThreads() override { workers_.reset(); }  // before the engine, which it calls

  void StartWith(int max_streams) {
    RunEngine::Parts parts;
    parts.config.max_streams = max_streams;
    parts.workers = workers_.get();
    parts.timers = workers_.get();
    parts.index = &index_;
    parts.store = store_.get();
    engine_ = std::make_unique<RunEngine>(parts);
    ASSERT_TRUE(engine_->Start().ok());
  }
  // Once the engine has been stopped.
  void ExpectNobodyIsLeft() {
    workers_->Settle();
    EXPECT_EQ(workers_->alive(), 0U);
  }

  const std::unique_ptr<RunStore> store_ = *RunStore::Open("");
  std::unique_ptr<FakeWorkers> workers_ = std::make_unique<FakeWorkers>();
  PluginIndex index_{{}, "", workers_.get()};
  std::unique_ptr<RunEngine> engine_;
};

TEST_F(EngineThreads, EveryCallIsAnsweredAndNoRunHasTwoWorkers) {
  StartWith(2);

  std::atomic<bool> is_over = false;
  std::thread fate([&] {
    std::mt19937 random(7);
    while (!is_over) {
      workers_->Advance(std::chrono::milliseconds(100));
      if (workers_->last() > 0) workers_->End(1 + random() % workers_->last(), KilledFromOutside());
    }
  });
  std::vector<std::thread> callers;
  for (unsigned int i = 0; i < kCallers; ++i) {
    callers.emplace_back([this, i] {
      std::mt19937 random(i);
      for (int call = 0; call < kCallsOfEach; ++call) {
        const absl::Status status = CallAnything(engine_.get(), &random);
        EXPECT_TRUE(IsFair(status)) << status;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  is_over = true;
  fate.join();

  engine_->Stop(Soon());
  ExpectNobodyIsLeft();
  EXPECT_EQ(workers_->most_of_a_run(), 1);
}

TEST_F(EngineThreads, ADaemonThatEndsInTheMiddleOfEverythingEnds) {
  StartWith(64);
  std::atomic<int> calls = 0;
  std::vector<std::thread> callers;
  for (unsigned int i = 0; i < kCallers; ++i) {
    callers.emplace_back([this, &calls, i] {
      std::mt19937 random(100 + i);
      for (int call = 0; call < kCallsOfEach; ++call) {
        const absl::Status status = CallAnything(engine_.get(), &random);
        EXPECT_TRUE(IsFair(status)) << status;
        ++calls;
        calls.notify_all();
      }
    });
  }
  for (int seen = 0; seen < kCallers * kCallsOfEach / 4; seen = calls) calls.wait(seen);
  engine_->Stop(Soon());
  for (std::thread& caller : callers) caller.join();
  ExpectNobodyIsLeft();
}

}  // namespace
}  // namespace throng
