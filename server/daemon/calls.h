// The two shapes of a gRPC call that blocks: one answer, or a stream of messages. Both work on a
// thread of their own and leave gRPC's alone.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/call_threads.h"
#include "server/daemon/engine.h"
#include "server/daemon/errors.h"

namespace throng {

// The time by which a call must be answered: the caller's, or in a minute.
Deadline DeadlineOf(const grpc::CallbackServerContext& context);

// RESOURCE_EXHAUSTED: CallThreads has no thread for a call.
absl::Status TooManyCalls();

// Answers a call by what `answer`, which may block and fills in the response, returns.
grpc::ServerUnaryReactor* AnswerOnThread(grpc::CallbackServerContext* context, CallThreads* threads,
                                         std::function<absl::Status(const CallContext&)> answer);

// Answers a call that does not block.
inline grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                        const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// The result of a call in its response.
template <class Response>
absl::Status Take(absl::StatusOr<Response> result, Response* response) {
  if (!result.ok()) return result.status();
  *response = *std::move(result);
  return absl::OkStatus();
}

// A stream that deletes itself when it is done. A message is written when the one before has left:
// a slow reader holds Make, and nothing piles up.
template <class Message>
class StreamCall : public grpc::ServerWriteReactor<Message> {
 public:
  void Start(CallThreads* threads) {
    const bool is_started = threads->Start([this] {
      const absl::Status status = Make();
      WaitWritten();
      this->Finish(ToGrpc(status));  // from here on this may be gone
    });
    if (!is_started) this->Finish(ToGrpc(TooManyCalls()));
  }

 protected:
  // Makes and writes messages until there are none or a function below returns false, which means
  // that nobody reads any more; returns the status of the call. On the call's own thread.
  virtual absl::Status Make() = 0;
  // Nobody reads any more. Any thread, while Make is at work or after it; quick.
  virtual void OnCancelled() {}

  // Waits until nothing is being written.
  bool WaitWritten() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !is_writing_; });
    return !is_cancelled_;
  }

  bool Write(Message message) {
    if (!WaitWritten()) return false;
    {
      const std::lock_guard lock(mutex_);
      is_writing_ = true;
    }
    message_ = std::move(message);
    this->StartWrite(&message_);
    return true;
  }

 private:
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    is_writing_ = false;
    is_cancelled_ = is_cancelled_ || !ok;
    changed_.notify_all();
  }

  void OnCancel() override {
    {
      const std::lock_guard lock(mutex_);
      is_cancelled_ = true;
      changed_.notify_all();
    }
    OnCancelled();
  }

  void OnDone() override { delete this; }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_writing_ = false;
  bool is_cancelled_ = false;
  Message message_;  // being written
};

}  // namespace throng
