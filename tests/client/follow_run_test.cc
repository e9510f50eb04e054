// A run that is followed across a daemon that goes and comes back.
#include "client/follow_run.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "throng/v1/run_service.grpc.pb.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

// One stream of the daemon: what it says at first, how long it is quiet, and how it ends.
struct Stream {
  v1::RunState state = v1::RUN_STATE_UNSPECIFIED;  // says nothing
  milliseconds quiet{0};
  grpc::StatusCode end = grpc::StatusCode::UNAVAILABLE;
};

// A daemon whose streams go as listed; the last one is repeated.
class Daemon : public v1::RunService::Service {
 public:
  explicit Daemon(std::vector<Stream> streams) : streams_(std::move(streams)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  static std::string address() {
    return "unix:/tmp/follow_run_test-" + std::to_string(getpid()) + ".sock";
  }
  size_t calls() const { return calls_; }

  grpc::Status WatchRun(grpc::ServerContext* /*context*/, const v1::WatchRunRequest* request,
                        grpc::ServerWriter<v1::WatchRunResponse>* writer) override {
    const Stream& stream = streams_[std::min(calls_++, streams_.size() - 1)];
    if (stream.state != v1::RUN_STATE_UNSPECIFIED) {
      v1::WatchRunResponse response;
      response.mutable_run()->set_name(request->name());
      response.mutable_run()->set_state(stream.state);
      writer->Write(response);
    }
    std::this_thread::sleep_for(stream.quiet);
    return {stream.end, ""};
  }

 private:
  const std::vector<Stream> streams_;
  std::atomic<size_t> calls_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

absl::Status Follow(milliseconds patience,
                    Connection::Deadline deadline = Connection::Deadline::max(),
                    bool has_answered = false) {
  Connection connection(Daemon::address(), TlsFlags());
  return FollowRun(
      &connection, "runs/a", deadline, [patience] { return patience; },
      [](const v1::Run& run) { return run.state() != v1::RUN_STATE_SUCCEEDED; }, has_answered);
}

TEST(FollowRun, PatienceBeginsWithTheLossHoweverQuietTheRunWas) {
  Daemon daemon({{.state = v1::RUN_STATE_PAUSED, .quiet = milliseconds(3000)},
                 {},
                 {.state = v1::RUN_STATE_SUCCEEDED}});
  EXPECT_TRUE(Follow(milliseconds(2500)).ok());
  EXPECT_EQ(daemon.calls(), 3U);
}

TEST(FollowRun, PatienceEnds) {
  Daemon daemon({{.state = v1::RUN_STATE_RUNNING}, {}});
  EXPECT_TRUE(absl::IsUnavailable(Follow(milliseconds(500))));
  EXPECT_GT(daemon.calls(), 1U);
}

TEST(FollowRun, WithoutPatienceALossIsTheEnd) {
  Daemon daemon({{.state = v1::RUN_STATE_RUNNING}, {.state = v1::RUN_STATE_SUCCEEDED}});
  EXPECT_TRUE(absl::IsUnavailable(Follow(milliseconds(0))));
  EXPECT_EQ(daemon.calls(), 1U);
}

TEST(FollowRun, ADaemonThatNeverAnsweredIsNotWaitedFor) {
  Daemon daemon({Stream{}});
  EXPECT_TRUE(absl::IsUnavailable(Follow(milliseconds(60'000))));
  EXPECT_EQ(daemon.calls(), 1U);
}

TEST(FollowRun, ADaemonThatAnsweredAnotherCallIsWaitedFor) {
  Daemon daemon({{}, {.state = v1::RUN_STATE_SUCCEEDED}});
  EXPECT_TRUE(Follow(milliseconds(60'000), Connection::Deadline::max(), true).ok());
  EXPECT_EQ(daemon.calls(), 2U);
}

TEST(FollowRun, ADeadlineEndsTheWait) {
  Daemon daemon({{.state = v1::RUN_STATE_RUNNING}, {}});
  const auto deadline = std::chrono::system_clock::now() + milliseconds(700);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Follow(milliseconds(60'000), deadline)));
}

TEST(FollowRun, WhatIsNoLossIsToldAtOnce) {
  Daemon daemon({{.state = v1::RUN_STATE_RUNNING, .end = grpc::StatusCode::NOT_FOUND}});
  EXPECT_TRUE(absl::IsNotFound(Follow(milliseconds(60'000))));
}

}  // namespace
}  // namespace throng
