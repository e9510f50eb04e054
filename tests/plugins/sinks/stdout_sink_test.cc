// The sinks without a position: stdout and null.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include "tests/plugins/sinks/loaded_sink.h"

namespace throng {
namespace {

// While it lives, file descriptor 1 is a pipe (or what is given).
class StdoutSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::fflush(stdout);
    saved_ = dup(STDOUT_FILENO);
    std::signal(SIGPIPE, SIG_IGN);  // as the worker does
    ASSERT_EQ(pipe(pipe_.data()), 0);
    dup2(pipe_[1], STDOUT_FILENO);
    close(pipe_[1]);
  }
  void TearDown() override {
    Restore();
    CloseReader();
    std::signal(SIGPIPE, SIG_DFL);
  }
  // Brings the real stdout back, which ends the pipe.
  void Restore() {
    if (saved_ < 0) return;
    dup2(saved_, STDOUT_FILENO);
    close(saved_);
    saved_ = -1;
  }
  void CloseReader() {
    if (pipe_[0] >= 0) close(pipe_[0]);
    pipe_[0] = -1;
  }
  std::string ReadAll() const {
    std::string text;
    std::array<char, 4096> piece{};
    ssize_t size = 0;
    while ((size = read(pipe_[0], piece.data(), piece.size())) > 0) {
      text.append(piece.data(), static_cast<size_t>(size));
    }
    return text;
  }

  TestHost host_;
  LoadedSink sink_{THRONG_STDOUT_PLUGIN, {}, &host_};
  int saved_ = -1;
  std::array<int, 2> pipe_{-1, -1};
};

TEST_F(StdoutSinkTest, WritesEverythingInOrder) {
  std::string text;
  std::thread reader([&] { text = ReadAll(); });
  const Result walked = Walk(&sink_, [](int64_t) {});
  const std::string much = WalkRows(0, 100000);  // more than a pipe holds
  const Result written = sink_.Write(much);
  Restore();
  reader.join();
  EXPECT_EQ(walked.message, "");
  EXPECT_EQ(written.message, "");
  EXPECT_EQ(text, WalkText() + much);
}

TEST_F(StdoutSinkTest, HasNoPosition) {
  const OpenResult opened = sink_.Open();
  EXPECT_EQ(opened.code, THRONG_OK);
  EXPECT_FALSE(opened.has_position);
  EXPECT_EQ(sink_.functions().is_durable, 0);
  EXPECT_EQ(sink_.functions().peek, nullptr);
}

TEST_F(StdoutSinkTest, SaysThatTheReaderHasGone) {
  ASSERT_EQ(sink_.Open().code, THRONG_OK);
  CloseReader();
  const Result gone = sink_.Write("text\n");
  EXPECT_EQ(gone.code, THRONG_CANCELLED);
  EXPECT_EQ(gone.message, "The reader of stdout has gone.");
}

TEST_F(StdoutSinkTest, StopsWhileTheReaderPauses) {
  ASSERT_EQ(sink_.Open().code, THRONG_OK);
  host_.is_cancelled = [] { return true; };
  const Result stopped = sink_.Write(std::string(1 << 20, 'x'));
  EXPECT_EQ(stopped.code, THRONG_CANCELLED);
  EXPECT_EQ(stopped.message, "Stopped while the reader of stdout was waited for.");
}

TEST_F(StdoutSinkTest, SaysThatItCannotBeWritten) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  dup2(full, STDOUT_FILENO);
  close(full);
  ASSERT_EQ(sink_.Open().code, THRONG_OK);
  const Result failed = sink_.Write("text\n");
  EXPECT_EQ(failed.code, THRONG_DATA_LOSS);
  EXPECT_EQ(failed.message,
            "stdout cannot be written (No space left on device); give it another place, and the "
            "command again.");
  close(STDOUT_FILENO);
  EXPECT_THAT(sink_.Open().message, ::testing::HasSubstr("Bad file descriptor"));
}

TEST(NullSinkTest, TakesEverythingAndHasNoPosition) {
  LoadedSink sink(THRONG_NULL_PLUGIN, {});
  EXPECT_EQ(sink.functions().is_durable, 0);
  EXPECT_EQ(Walk(&sink, [](int64_t) {}).message, "");
  EXPECT_FALSE(sink.Open().has_position);
}

}  // namespace
}  // namespace throng
