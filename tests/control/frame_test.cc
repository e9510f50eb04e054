#include "server/control/frame.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "throng/worker/v1/control.pb.h"

namespace throng {
namespace {

worker::v1::FromWorker Hello(const std::string& version) {
  worker::v1::FromWorker message;
  message.mutable_hello()->set_version(version);
  return message;
}

// The version of each whole frame that the reader has.
std::vector<std::string> TakeVersions(FrameReader* reader) {
  std::vector<std::string> versions;
  while (true) {
    const auto frame = reader->Next();
    EXPECT_TRUE(frame.ok()) << frame.status();
    if (!frame.ok() || !*frame) return versions;
    worker::v1::FromWorker message;
    EXPECT_TRUE(message.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size())));
    versions.push_back(message.hello().version());
  }
}

TEST(Frame, BeginsWithItsLengthInLittleEndian) {
  std::string bytes = "x";
  ASSERT_TRUE(AppendFrame(Hello(std::string(300, 'v')), &bytes).ok());
  ASSERT_EQ(bytes.size(), 1 + 4 + 306U);
  EXPECT_EQ(bytes.substr(0, 5), std::string("x\x32\x01\x00\x00", 5));
}

TEST(Frame, ComesOutAsItWentInHoweverTheBytesArrive) {
  std::string bytes;
  const std::vector<std::string> versions = {"1", "", std::string(70'000, 'v'), "4"};
  for (const std::string& version : versions) {
    ASSERT_TRUE(AppendFrame(Hello(version), &bytes).ok());
  }
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{4096}, bytes.size()}) {
    FrameReader reader;
    std::vector<std::string> seen;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      reader.Add(std::string_view(bytes).substr(at, piece));
      for (std::string& version : TakeVersions(&reader)) seen.push_back(std::move(version));
    }
    EXPECT_EQ(seen, versions) << "in pieces of " << piece;
  }
}

TEST(Frame, OfAnEmptyMessageIsALengthAlone) {
  std::string bytes;
  ASSERT_TRUE(AppendFrame(worker::v1::Pause(), &bytes).ok());
  EXPECT_EQ(bytes, std::string(4, '\0'));
  FrameReader reader;
  reader.Add(bytes);
  const auto frame = reader.Next();
  ASSERT_TRUE(frame.ok() && *frame);
  EXPECT_TRUE((*frame)->empty());
}

TEST(Frame, OfMoreThanTheLimitIsRefusedOnBothSides) {
  std::string bytes;
  const absl::Status status = AppendFrame(Hello(std::string(kMaxFrameBytes, 'v')), &bytes);
  EXPECT_EQ(status.message(),
            "A message of 16777226 bytes is longer than a frame may be, 16777216.");
  EXPECT_TRUE(bytes.empty());

  FrameReader reader;
  reader.Add(std::string("\x01\x00\x00\x01", 4));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(reader.Next().status().message(),
              "A frame of 16777217 bytes is longer than frames may be, 16777216.");
  }
}

TEST(Frame, IsWrittenWholeToAReaderThatIsSlow) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const std::string version(1'000'000, 'v');  // more than a socket holds
  std::thread writer([&] { EXPECT_TRUE(WriteFrame(ends[0], Hello(version)).ok()); });
  FrameReader reader;
  std::vector<std::string> seen;
  char piece[1000];
  while (seen.empty()) {
    const ssize_t size = read(ends[1], piece, sizeof piece);
    ASSERT_GT(size, 0);
    reader.Add({piece, static_cast<size_t>(size)});
    seen = TakeVersions(&reader);
  }
  writer.join();
  EXPECT_EQ(seen, std::vector<std::string>{version});
  close(ends[0]);
  close(ends[1]);
}

TEST(Frame, ToNobodyIsAnErrorAndNoSignal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  close(ends[1]);
  EXPECT_EQ(WriteFrame(ends[0], Hello("1")),
            absl::UnavailableError("The other side of a socket is gone: Broken pipe."));
  close(ends[0]);
}

}  // namespace
}  // namespace throng
