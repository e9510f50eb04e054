#include "server/daemon/row_stream.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/control/frame.h"

namespace throng {
namespace {

constexpr size_t kReadAheadBytes = 256 << 10;

uint32_t LengthAt(const char* bytes) {
  unsigned char b[kFrameHeaderBytes];
  std::memcpy(b, bytes, sizeof b);
  return uint32_t{b[0]} | uint32_t{b[1]} << 8 | uint32_t{b[2]} << 16 | uint32_t{b[3]} << 24;
}

}  // namespace

void RowStreamEnd::Set(absl::Status status) {
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  is_set_.notify_all();
}

absl::Status RowStreamEnd::Wait() const {
  std::unique_lock lock(mutex_);
  is_set_.wait(lock, [this] { return status_.has_value(); });
  return *status_;
}

WorkerRowStream::WorkerRowStream(int row_fd, Workers* workers, WorkerId id,
                                 std::shared_ptr<RowStreamEnd> end, Farewell farewell)
    : row_fd_(row_fd),
      workers_(workers),
      id_(id),
      end_(std::move(end)),
      farewell_(farewell),
      buffer_(kReadAheadBytes) {}

void WorkerRowStream::EndWorker() {
  if (farewell_ == Farewell::kAtOnce) return workers_->Kill(id_);
  worker::v1::ToWorker message;
  message.mutable_stop();
  workers_->Send(id_, message);
}

WorkerRowStream::~WorkerRowStream() {
  EndWorker();
  if (row_fd_ >= 0) close(row_fd_);
}

void WorkerRowStream::Cancel() {
  is_cancelled_ = true;
  EndWorker();
  shutdown(row_fd_, SHUT_RDWR);  // wakes a Next that waits
}

absl::StatusOr<std::optional<std::string>> WorkerRowStream::Next() {
  if (is_cancelled_) return absl::CancelledError("The stream was cancelled.");
  while (size_ - begin_ < kFrameHeaderBytes) {
    if (Read(nullptr, nullptr) == 0) return AtEnd(begin_ == size_);
  }
  const uint32_t length = LengthAt(buffer_.data() + begin_);
  if (length > kMaxFrameBytes) {
    Cancel();
    return absl::InternalError(fmt::format(
        "The worker announced a message of {} bytes on its row channel; at most {} are allowed.",
        length, kMaxFrameBytes));
  }
  begin_ += kFrameHeaderBytes;
  std::string message(length, '\0');
  size_t have = std::min<size_t>(length, size_ - begin_);
  std::memcpy(message.data(), buffer_.data() + begin_, have);
  begin_ += have;
  while (have < length) {
    if (Read(&message, &have) == 0) return AtEnd(false);
  }
  return message;
}

size_t WorkerRowStream::Read(std::string* message, size_t* have) {
  if (begin_ == size_) begin_ = size_ = 0;
  if (begin_ > 0) {  // less than a header: cheap to move, so that the whole buffer is free
    std::memmove(buffer_.data(), buffer_.data() + begin_, size_ - begin_);
    size_ -= std::exchange(begin_, 0);
  }
  iovec parts[2] = {};
  int count = 0;
  size_t wanted = 0;
  if (message != nullptr) {
    wanted = message->size() - *have;
    parts[count++] = {message->data() + *have, wanted};
  }
  parts[count++] = {buffer_.data() + size_, buffer_.size() - size_};
  ssize_t got = -1;
  do {
    got = readv(row_fd_, parts, count);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return 0;
  const size_t bytes = static_cast<size_t>(got);
  const size_t taken = std::min(bytes, wanted);
  if (message != nullptr) *have += taken;
  size_ += bytes - taken;
  return bytes;
}

absl::StatusOr<std::optional<std::string>> WorkerRowStream::AtEnd(bool is_whole) {
  if (is_cancelled_) return absl::CancelledError("The stream was cancelled.");
  const absl::Status status = end_->Wait();
  if (is_cancelled_) return absl::CancelledError("The stream was cancelled.");
  if (!status.ok()) return status;
  if (!is_whole) {
    return absl::InternalError("The worker ended in the middle of a message of its row channel.");
  }
  return std::optional<std::string>();
}

}  // namespace throng
