// Frames of the control socket and of the row channel: a little-endian uint32 length, then so many
// bytes of a message.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace throng {

// The longest message that a frame may hold, in bytes.
inline constexpr uint32_t kMaxFrameBytes = 16U << 20;
inline constexpr size_t kFrameHeaderBytes = 4;

// Descriptors that a worker finds open.
inline constexpr int kControlFd = 3;   // socket of frames of ToWorker and FromWorker
inline constexpr int kCallPageFd = 4;  // shared memory, call_page.h
inline constexpr int kRowFd = 5;       // GenerateJob only: frames of GenerateResponse to the daemon

// Appends a message as a frame. INVALID_ARGUMENT: it is longer than kMaxFrameBytes.
absl::Status AppendFrame(const google::protobuf::MessageLite& message, std::string* out);

// Writes all of the bytes to a socket, blocking. UNAVAILABLE: the other side is gone.
absl::Status WriteAll(int fd, std::string_view bytes);
// Writes a message as a frame, likewise.
absl::Status WriteFrame(int fd, const google::protobuf::MessageLite& message);

// Splits a stream of bytes into frames.
class FrameReader {
 public:
  void Add(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame's bytes, valid until the next call of anything here; nothing while it is
  // incomplete. INVALID_ARGUMENT, for good: a length above kMaxFrameBytes.
  absl::StatusOr<std::optional<std::string_view>> Next();

 private:
  std::string buffer_;
  size_t done_ = 0;
};

}  // namespace throng
