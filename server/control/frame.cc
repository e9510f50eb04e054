#include "server/control/frame.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace throng {

static_assert(std::endian::native == std::endian::little, "lengths are written as they lie");

absl::Status AppendFrame(const google::protobuf::MessageLite& message, std::string* out) {
  const size_t bytes = message.ByteSizeLong();
  if (bytes > kMaxFrameBytes) {
    return absl::InvalidArgumentError(fmt::format(
        "A message of {} bytes is longer than a frame may be, {}.", bytes, kMaxFrameBytes));
  }
  const auto length = static_cast<uint32_t>(bytes);
  out->append(reinterpret_cast<const char*>(&length), sizeof length);
  message.AppendToString(out);
  return absl::OkStatus();
}

absl::Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      return absl::UnavailableError(
          fmt::format("The other side of a socket is gone: {}.", std::strerror(errno)));
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

absl::Status WriteFrame(int fd, const google::protobuf::MessageLite& message) {
  std::string frame;
  absl::Status status = AppendFrame(message, &frame);
  return status.ok() ? WriteAll(fd, frame) : status;
}

absl::StatusOr<std::optional<std::string_view>> FrameReader::Next() {
  const std::string_view rest = std::string_view(buffer_).substr(done_);
  uint32_t length = 0;
  if (rest.size() >= sizeof length) std::memcpy(&length, rest.data(), sizeof length);
  if (length > kMaxFrameBytes) {
    return absl::InvalidArgumentError(fmt::format(
        "A frame of {} bytes is longer than frames may be, {}.", length, kMaxFrameBytes));
  }
  if (rest.size() < sizeof length || rest.size() - sizeof length < length) {
    buffer_.erase(0, done_);
    done_ = 0;
    return std::optional<std::string_view>();
  }
  done_ += sizeof length + length;
  return std::optional(rest.substr(sizeof length, length));
}

}  // namespace throng
