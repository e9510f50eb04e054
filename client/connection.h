// The calls of a daemon, as statuses and messages.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "throng/v1/generation_service.pb.h"
#include "throng/v1/inspection_service.pb.h"
#include "throng/v1/plugin_service.pb.h"
#include "throng/v1/run_service.pb.h"
#include "throng/v1/server_service.pb.h"

namespace throng {

// How a connection is encrypted and who we are. Files are PEM, but for the token.
struct TlsFlags {
  bool is_asked = false;         // --tls
  std::string ca_file;           // --cacert; empty: the system's
  std::string certificate_file;  // --cert
  std::string key_file;          // --key
  std::string token_file;        // --token-file
  std::string server_name;       // --server-name; empty: the host of the address

  bool IsUsed() const {
    return is_asked || !ca_file.empty() || !certificate_file.empty() || !token_file.empty() ||
           !server_name.empty();
  }
};

// Ends a stream from another thread: the call then is CANCELLED. Of one call.
class Cancellation {
 public:
  void Cancel();

 private:
  friend class Connection;
  // Between both, `cancel` ends the call.
  void Begin(std::function<void()> cancel);
  void End();

  std::mutex mutex_;
  bool is_cancelled_ = false;
  std::function<void()> cancel_;
};

// All calls may be made by any thread, and wait for their answer. The details of an error are
// payloads of its status, keyed by type URL, as in the daemon; UNAVAILABLE without an ErrorInfo is
// a connection that failed.
class Connection {
 public:
  // `unix:/path`, which `tls` is not for, or HOST:PORT. Nothing happens before the first call.
  Connection(const std::string& address, const TlsFlags& tls);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  const std::string& address() const { return address_; }

  absl::StatusOr<v1::CreateRunResponse> CreateRun(const v1::CreateRunRequest& request);
  absl::StatusOr<v1::GetRunResponse> GetRun(const v1::GetRunRequest& request);
  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request);
  absl::StatusOr<v1::UpdateRunResponse> UpdateRun(const v1::UpdateRunRequest& request);
  absl::StatusOr<v1::DeleteRunResponse> DeleteRun(const v1::DeleteRunRequest& request);
  absl::StatusOr<v1::PauseRunResponse> PauseRun(const v1::PauseRunRequest& request);
  absl::StatusOr<v1::ResumeRunResponse> ResumeRun(const v1::ResumeRunRequest& request);
  absl::StatusOr<v1::StopRunResponse> StopRun(const v1::StopRunRequest& request);
  absl::StatusOr<v1::RestartRunResponse> RestartRun(const v1::RestartRunRequest& request);
  absl::StatusOr<v1::GetPositionsResponse> GetPositions(const v1::GetPositionsRequest& request);
  absl::StatusOr<v1::ResetPositionsResponse> ResetPositions(
      const v1::ResetPositionsRequest& request);
  absl::StatusOr<v1::GetRunStatisticsResponse> GetRunStatistics(
      const v1::GetRunStatisticsRequest& request);
  absl::StatusOr<v1::PlanResponse> Plan(const v1::PlanRequest& request);
  absl::StatusOr<v1::ListPluginsResponse> ListPlugins(const v1::ListPluginsRequest& request);
  absl::StatusOr<v1::GetPluginResponse> GetPlugin(const v1::GetPluginRequest& request);
  absl::StatusOr<v1::ValidateSpecResponse> ValidateSpec(const v1::ValidateSpecRequest& request);
  absl::StatusOr<v1::ListPresetsResponse> ListPresets(const v1::ListPresetsRequest& request);

  absl::StatusOr<v1::DrainResponse> Drain(const v1::DrainRequest& request);

  // Streams: `take` gets each message and says whether to go on; if not, the call is OK.
  template <class Response>
  using Take = std::function<bool(const Response&)>;
  using Deadline = std::chrono::system_clock::time_point;
  absl::Status WatchRun(const v1::WatchRunRequest& request, Deadline deadline,
                        const Take<v1::WatchRunResponse>& take);
  absl::Status ReadRunLogs(const v1::ReadRunLogsRequest& request,
                           const Take<v1::ReadRunLogsResponse>& take);
  absl::Status Generate(const v1::GenerateRequest& request, const Take<v1::GenerateResponse>& take);

  absl::Status Summarize(const v1::SummarizeRequest& request,
                         const Take<v1::SummarizeResponse>& take);
  absl::Status Verify(const v1::VerifyRequest& request, const Take<v1::VerifyResponse>& take);
  absl::Status Tap(const v1::TapRequest& request, const Take<v1::TapResponse>& take,
                   Cancellation* cancellation);
  absl::Status Replay(const v1::ReplayRequest& request, const Take<v1::ReplayResponse>& take,
                      Cancellation* cancellation);
  absl::Status Diagnose(const v1::DiagnoseRequest& request, const Take<v1::DiagnoseResponse>& take);

  // Of all calls but streams. Default: what each needs. For questions that can do without an
  // answer.
  void SetTimeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

 private:
  struct Stubs;

  template <class Stub, class Request, class Response, class Method>
  absl::StatusOr<Response> Call(Stub* stub, Method method, const Request& request,
                                std::chrono::milliseconds timeout);

  const std::string address_;
  std::chrono::milliseconds timeout_{0};
  const std::unique_ptr<Stubs> stubs_;
};

}  // namespace throng
