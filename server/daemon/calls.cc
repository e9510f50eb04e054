// Calls that block, on threads of their own.
#include "server/daemon/calls.h"

namespace throng {

absl::Status TooManyCalls() {
  constexpr std::chrono::milliseconds kRetryDelay{1'000};
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_CALLS",
                "The daemon works on as many calls as it can; try again once some have ended."),
      kRetryDelay);
}

grpc::ServerUnaryReactor* AnswerOnThread(grpc::CallbackServerContext* context, CallThreads* threads,
                                         std::function<absl::Status(Deadline)> answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const bool is_started =
      threads->Start([reactor, deadline = DeadlineOf(*context), answer = std::move(answer)] {
        reactor->Finish(ToGrpc(answer(deadline)));
      });
  if (!is_started) reactor->Finish(ToGrpc(TooManyCalls()));
  return reactor;
}

}  // namespace throng
