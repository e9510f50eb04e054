// Rows from a worker's channel: whole messages, in order, and an end that says why.
#include "server/daemon/row_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "server/control/frame.h"
#include "throng/v1/generation_service.pb.h"

namespace throng {
namespace {

class FakeWorkers : public Workers {
 public:
  WorkerId Launch(const worker::v1::Start&, std::shared_ptr<WorkerListener>,
                  const LaunchOptions&) override {
    return 1;
  }
  void Send(WorkerId, const worker::v1::ToWorker&) override {}
  void Kill(WorkerId id) override { killed_ = id; }
  WorkerId killed() const { return killed_; }

 private:
  std::atomic<WorkerId> killed_ = 0;
};

class RowStreamTest : public testing::Test {
 protected:
  RowStreamTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    worker_fd_ = ends[0];
    stream_ = std::make_unique<WorkerRowStream>(ends[1], &workers_, 7, end_);
  }
  ~RowStreamTest() override { EndWriting(); }

  void EndWriting() {
    if (worker_fd_ >= 0) close(worker_fd_);
    worker_fd_ = -1;
  }

  FakeWorkers workers_;
  int worker_fd_ = -1;
  std::shared_ptr<RowStreamEnd> end_ = std::make_shared<RowStreamEnd>();
  std::unique_ptr<WorkerRowStream> stream_;
};

// A message of about so many bytes that tells which one it is.
v1::GenerateResponse Message(int64_t number, size_t bytes) {
  v1::GenerateResponse message;
  message.mutable_batch()->set_first_row(number);
  message.mutable_batch()->set_user_prefix(
      std::string(bytes, static_cast<char>('a' + number % 26)));
  return message;
}

TEST_F(RowStreamTest, GivesMessagesAsTheyWereWritten) {
  const std::vector<size_t> sizes = {0, 1, 3, 98'000, 5, 300'000, 1'000'000, 2, 262'140, 7};
  std::thread worker([&] {
    for (int round = 0; round < 20; ++round) {
      for (size_t i = 0; i < sizes.size(); ++i) {
        EXPECT_TRUE(WriteFrame(worker_fd_, Message(static_cast<int64_t>(i), sizes[i])).ok());
      }
    }
    EXPECT_TRUE(WriteFrame(worker_fd_, v1::GenerateResponse()).ok());  // of no bytes
    EndWriting();
    end_->Set(absl::OkStatus());
  });
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      const auto message = stream_->Next();
      ASSERT_TRUE(message.ok() && *message);
      ASSERT_EQ(**message, Message(static_cast<int64_t>(i), sizes[i]).SerializeAsString());
    }
  }
  EXPECT_EQ(stream_->Next().value(), "");
  EXPECT_EQ(stream_->Next().value(), std::nullopt);
  EXPECT_EQ(stream_->Next().value(), std::nullopt);
  worker.join();
}

TEST_F(RowStreamTest, EndsWithWhatBecameOfTheWorker) {
  ASSERT_TRUE(WriteFrame(worker_fd_, Message(0, 10)).ok());
  EndWriting();
  EXPECT_TRUE(stream_->Next().ok());
  std::thread listener([this] { end_->Set(absl::InternalError("SIGSEGV in choice `zipf`.")); });
  EXPECT_EQ(stream_->Next().status(), absl::InternalError("SIGSEGV in choice `zipf`."));
  listener.join();
}

TEST_F(RowStreamTest, DoesNotTakeHalfAMessageForTheEnd) {
  ASSERT_TRUE(WriteAll(worker_fd_, std::string("\x10\0\0\0abc", 7)).ok());
  EndWriting();
  end_->Set(absl::OkStatus());
  EXPECT_EQ(stream_->Next().status(),
            absl::InternalError("The worker ended in the middle of a message of its row channel."));
}

TEST_F(RowStreamTest, RefusesALengthThatNoFrameHas) {
  ASSERT_TRUE(WriteAll(worker_fd_, "\xff\xff\xff\xff").ok());
  EXPECT_THAT(std::string(stream_->Next().status().message()),
              testing::HasSubstr("announced a message of 4294967295 bytes"));
  EXPECT_EQ(workers_.killed(), 7);
}

TEST_F(RowStreamTest, IsCancelledWhileItWaits) {
  std::thread canceller([this] { stream_->Cancel(); });
  EXPECT_EQ(stream_->Next().status().code(), absl::StatusCode::kCancelled);
  canceller.join();
  EXPECT_EQ(workers_.killed(), 7);
  EXPECT_EQ(stream_->Next().status().code(), absl::StatusCode::kCancelled);
}

TEST_F(RowStreamTest, IsCancelledWhileItWaitsForTheWorkersEnd) {
  EndWriting();
  std::thread canceller([this] {
    stream_->Cancel();
    end_->Set(absl::AbortedError("The daemon ended the worker."));  // as follows from Kill
  });
  EXPECT_EQ(stream_->Next().status().code(), absl::StatusCode::kCancelled);
  canceller.join();
}

TEST_F(RowStreamTest, EndsTheWorkerWithItself) {
  stream_.reset();
  EXPECT_EQ(workers_.killed(), 7);
}

}  // namespace
}  // namespace throng
