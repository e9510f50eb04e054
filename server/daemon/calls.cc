// Calls that block, on threads of their own.
#include "server/daemon/calls.h"

namespace throng {
namespace {

// Answered on a thread of its own, which hears when the caller goes away.
class ThreadedCall final : public grpc::ServerUnaryReactor {
 public:
  explicit ThreadedCall(Deadline deadline) : context_{deadline, cancellation_.get_token()} {}

  void Start(CallThreads* threads, std::function<absl::Status(const CallContext&)> answer) {
    const bool is_started = threads->Start([this, answer = std::move(answer)]() mutable {
      const absl::Status status = answer(context_);
      answer = nullptr;
      Finish(ToGrpc(status));  // from here on this may be gone
    });
    if (!is_started) Finish(ToGrpc(TooManyCalls()));
  }

 private:
  void OnCancel() override { cancellation_.request_stop(); }
  void OnDone() override { delete this; }

  std::stop_source cancellation_;
  const CallContext context_;
};

}  // namespace

Deadline DeadlineOf(const grpc::CallbackServerContext& context) {
  using WallClock = std::chrono::system_clock;
  constexpr std::chrono::seconds kDefault{60};
  const WallClock::time_point given = context.deadline();
  const auto left = given == WallClock::time_point::max() ? kDefault : given - WallClock::now();
  return Deadline::clock::now() + left;
}

absl::Status TooManyCalls() {
  constexpr std::chrono::milliseconds kRetryDelay{1'000};
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_CALLS",
                "The daemon works on as many calls as it can; try again once some have ended."),
      kRetryDelay);
}

grpc::ServerUnaryReactor* AnswerOnThread(grpc::CallbackServerContext* context, CallThreads* threads,
                                         std::function<absl::Status(const CallContext&)> answer) {
  auto* call = new ThreadedCall(DeadlineOf(*context));
  call->Start(threads, std::move(answer));
  return call;
}

}  // namespace throng
