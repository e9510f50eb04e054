// Streams without a thread each: one thread takes a step for whichever of them something has
// happened to.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "server/daemon/errors.h"

namespace throng {

class StreamPump {
 public:
  class Stream;

  // At most `most` streams at a time.
  explicit StreamPump(size_t most);
  // When all streams have ended.
  ~StreamPump();
  StreamPump(const StreamPump&) = delete;
  StreamPump& operator=(const StreamPump&) = delete;

  // Takes a first step for the stream soon; false: there are too many. Any thread.
  bool Add(Stream* stream);

 private:
  void Work();
  void Queue(Stream* stream);

  const size_t most_;
  std::mutex mutex_;  // of the flags of streams, too
  std::condition_variable changed_;
  size_t streams_ = 0;
  std::deque<Stream*> queue_;
  bool is_over_ = false;
  std::thread thread_;  // last: it uses all of the above
};

class StreamPump::Stream {
 public:
  Stream() = default;
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // There is something to do: a step follows, one for all that came before it. Any thread; quick.
  void Wake();

 protected:
  enum class Next { kWait, kWrite, kEnd };
  // What is to be done now: nothing until Wake, Write, or End. On the pump's thread.
  virtual Next Step() = 0;
  // Sends the message that Step has made; Written follows. The next step comes after it.
  virtual void Write() = 0;
  // The last call; from here on this may be gone.
  virtual void End() = 0;
  void Written();

 private:
  friend class StreamPump;

  StreamPump* pump_ = nullptr;
  bool is_woken_ = false;
  bool is_busy_ = false;  // queued, in a step, or being written
  bool has_ended_ = false;
};

// A stream of a gRPC call, which deletes itself when it is done.
template <class Message>
class PumpedCall : public grpc::ServerWriteReactor<Message>, protected StreamPump::Stream {
 public:
  // `too_many`: the status of a call for which there is no room.
  void Start(StreamPump* pump, const absl::Status& too_many) {
    if (!pump->Add(this)) this->Finish(ToGrpc(too_many));
  }

 protected:
  // The next message; nothing: there is none before Wake; an error, or OK: the status of the call.
  using Made = std::pair<std::optional<Message>, std::optional<absl::Status>>;
  virtual Made Make() = 0;
  // No step follows: whoever wakes this must not any more.
  virtual void Leave() = 0;

 private:
  Next Step() final {
    if (is_cancelled_) {
      status_ = absl::CancelledError("Nobody reads any more.");
    } else {
      Made made = Make();
      status_ = std::move(made.second);
      if (made.first) {
        message_ = *std::move(made.first);
        return Next::kWrite;
      }
    }
    if (!status_) return Next::kWait;
    Leave();
    return Next::kEnd;
  }
  void Write() final { this->StartWrite(&message_); }
  void End() final { this->Finish(ToGrpc(*status_)); }

  void OnWriteDone(bool ok) final {
    if (!ok) OnCancel();
    Written();
  }
  void OnCancel() final {
    is_cancelled_ = true;
    Wake();
  }
  void OnDone() final { delete this; }

  std::atomic<bool> is_cancelled_ = false;
  std::optional<absl::Status> status_;
  Message message_;  // being written
};

}  // namespace throng
