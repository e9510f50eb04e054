#include "client/follow_run.h"

#include <optional>
#include <thread>

namespace throng {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kRetryInterval{200};

}  // namespace

absl::Status FollowRun(Connection* connection, const std::string& name,
                       Connection::Deadline deadline,
                       const std::function<std::chrono::milliseconds()>& patience,
                       const std::function<bool(const v1::Run&)>& take, bool has_answered) {
  v1::WatchRunRequest request;
  request.set_name(name);
  std::optional<steady_clock::time_point> lost;  // since when the daemon is away
  for (;;) {
    absl::Status status =
        connection->WatchRun(request, deadline, [&](const v1::WatchRunResponse& response) {
          has_answered = true;
          lost.reset();
          return take(response.run());
        });
    if (!absl::IsUnavailable(status) || !has_answered) return status;
    const auto now = steady_clock::now();
    if (!lost) lost = now;
    if (now - *lost >= patience()) return status;
    if (std::chrono::system_clock::now() >= deadline) return absl::DeadlineExceededError("");
    std::this_thread::sleep_for(kRetryInterval);
  }
}

}  // namespace throng
