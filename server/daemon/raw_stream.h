// A stream of the API whose messages go from a worker to the wire as they are.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/daemon/calls.h"

namespace throng {

// INVALID_ARGUMENT: these are no bytes of such a message.
template <class Request>
absl::StatusOr<Request> ParseRequest(const grpc::ByteBuffer& buffer) {
  Request request;
  grpc::Slice slice;
  if (buffer.DumpToSingleSlice(&slice).ok() &&
      request.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
    return request;
  }
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                   "The bytes of the request are no " + request.GetTypeName() + ".");
}

class RawStreamCall final : public StreamCall<grpc::ByteBuffer> {
 public:
  // `open` may block; it is called on the call's own thread.
  using Open = std::function<absl::StatusOr<std::unique_ptr<RowStream>>(const CallContext&)>;
  RawStreamCall(Deadline deadline, Open open)
      : context_{deadline, cancellation_.get_token()}, open_(std::move(open)) {}

 private:
  // The bytes of `text`, which moves into the buffer.
  static grpc::ByteBuffer BufferOf(std::string text) {
    auto* kept = new std::string(std::move(text));
    const grpc::Slice slice(
        kept->data(), kept->size(), [](void* held) { delete static_cast<std::string*>(held); },
        kept);
    return {&slice, 1};
  }

  absl::Status Make() override {
    auto stream = open_(context_);
    if (!stream.ok()) return stream.status();
    SetStream(stream->get());
    absl::Status status = Send(stream->get());
    SetStream(nullptr);
    return status;
  }

  absl::Status Send(RowStream* stream) {
    for (;;) {
      auto message = stream->Next();
      if (!message.ok()) return message.status();
      if (!*message) return absl::OkStatus();
      if (!Write(BufferOf(**std::move(message)))) {
        return absl::CancelledError("Nobody reads any more.");
      }
    }
  }

  void SetStream(RowStream* stream) {
    const std::lock_guard lock(stream_mutex_);
    stream_ = stream;
    if (stream_ != nullptr && is_cancelled_) stream_->Cancel();
  }

  void OnCancelled() override {
    cancellation_.request_stop();
    const std::lock_guard lock(stream_mutex_);
    is_cancelled_ = true;
    if (stream_ != nullptr) stream_->Cancel();
  }

  std::stop_source cancellation_;
  const CallContext context_;
  const Open open_;
  std::mutex stream_mutex_;
  bool is_cancelled_ = false;
  RowStream* stream_ = nullptr;  // while messages come from it
};

}  // namespace throng
