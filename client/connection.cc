#include "client/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "google/rpc/status.pb.h"
#include "throng/v1/generation_service.grpc.pb.h"
#include "throng/v1/inspection_service.grpc.pb.h"
#include "throng/v1/plugin_service.grpc.pb.h"
#include "throng/v1/run_service.grpc.pb.h"
#include "throng/v1/server_service.grpc.pb.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

// Calls that start no worker, and those that do: a large world takes its time to plan.
constexpr milliseconds kQuick{20'000};
constexpr milliseconds kPlanning{600'000};

constexpr int kMostMessageBytes = 64 << 20;
constexpr int kMostBackOffMs = 1000;

// Without the white space at its end, as a token's file has.
std::string ReadFile(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const std::string& address,
                                                      const TlsFlags& tls) {
  if (!tls.IsUsed() || address.starts_with("unix:")) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadFile(tls.ca_file);
  options.pem_cert_chain = ReadFile(tls.certificate_file);
  options.pem_private_key = ReadFile(tls.key_file);
  auto credentials = grpc::SslCredentials(options);
  const std::string token = ReadFile(tls.token_file);
  if (token.empty()) return credentials;
  return grpc::CompositeChannelCredentials(credentials, grpc::AccessTokenCredentials(token));
}

std::shared_ptr<grpc::Channel> Channel(const std::string& address, const TlsFlags& tls) {
  grpc::ChannelArguments arguments;
  if (!tls.server_name.empty()) arguments.SetSslTargetNameOverride(tls.server_name);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // a proxy for the web is none for daemons
  arguments.SetMaxReceiveMessageSize(kMostMessageBytes);
  // Who waits for a daemon to come back hears of it soon.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostBackOffMs);
  return grpc::CreateCustomChannel(address, Credentials(address, tls), arguments);
}

// With the details of a google.rpc.Status as payloads.
absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status rich;
  if (!status.error_details().empty() && rich.ParseFromString(status.error_details())) {
    for (const auto& detail : rich.details()) {
      result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
  return result;
}

template <class Reader, class Response>
absl::Status TakeAll(grpc::ClientContext* context, Reader reader,
                     const Connection::Take<Response>& take) {
  Response response;
  bool wants_more = true;
  while (wants_more && reader->Read(&response)) wants_more = take(response);
  if (!wants_more) {
    context->TryCancel();
    while (reader->Read(&response)) {
    }
  }
  const grpc::Status status = reader->Finish();
  return wants_more ? FromGrpc(status) : absl::OkStatus();
}

}  // namespace

struct Connection::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : runs(channel),
        generation(channel),
        plugins(channel),
        inspection(channel),
        server(channel) {}
  v1::RunService::Stub runs;
  v1::GenerationService::Stub generation;
  v1::PluginService::Stub plugins;
  v1::InspectionService::Stub inspection;
  v1::ServerService::Stub server;
};

void Cancellation::Cancel() {
  const std::lock_guard lock(mutex_);
  is_cancelled_ = true;
  if (cancel_) cancel_();
}

void Cancellation::Begin(std::function<void()> cancel) {
  const std::lock_guard lock(mutex_);
  cancel_ = std::move(cancel);
  if (is_cancelled_) cancel_();
}

void Cancellation::End() {
  const std::lock_guard lock(mutex_);
  cancel_ = nullptr;
}

Connection::Connection(const std::string& address, const TlsFlags& tls)
    : address_(address), stubs_(std::make_unique<Stubs>(Channel(address, tls))) {}

Connection::~Connection() = default;

template <class Stub, class Request, class Response, class Method>
absl::StatusOr<Response> Connection::Call(Stub* stub, Method method, const Request& request,
                                          milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       (timeout_ > milliseconds(0) ? timeout_ : timeout));
  Response response;
  if (absl::Status status = FromGrpc((stub->*method)(&context, request, &response)); !status.ok()) {
    return status;
  }
  return response;
}

// One unary call: which stub has it, and how long it may take.
#define THRONG_CALL(method, service, stub, timeout)                                             \
  absl::StatusOr<v1::method##Response> Connection::method(const v1::method##Request& request) { \
    return Call<v1::service::Stub, v1::method##Request, v1::method##Response>(                  \
        &stubs_->stub, &v1::service::Stub::method, request, timeout);                           \
  }
THRONG_CALL(CreateRun, RunService, runs, kPlanning)
THRONG_CALL(GetRun, RunService, runs, kQuick)
THRONG_CALL(ListRuns, RunService, runs, kQuick)
THRONG_CALL(UpdateRun, RunService, runs, kQuick)
THRONG_CALL(DeleteRun, RunService, runs, kQuick)
THRONG_CALL(PauseRun, RunService, runs, kQuick)
THRONG_CALL(ResumeRun, RunService, runs, kQuick)
THRONG_CALL(StopRun, RunService, runs, kQuick)
THRONG_CALL(RestartRun, RunService, runs, kQuick)
THRONG_CALL(GetPositions, RunService, runs, kPlanning)
THRONG_CALL(ResetPositions, RunService, runs, kPlanning)
THRONG_CALL(GetRunStatistics, RunService, runs, kPlanning)
THRONG_CALL(Plan, GenerationService, generation, kPlanning)
THRONG_CALL(ListPlugins, PluginService, plugins, kPlanning)
THRONG_CALL(GetPlugin, PluginService, plugins, kPlanning)
THRONG_CALL(ValidateSpec, PluginService, plugins, kPlanning)
THRONG_CALL(ListPresets, PluginService, plugins, kQuick)
THRONG_CALL(Drain, ServerService, server, kPlanning)
#undef THRONG_CALL

absl::Status Connection::WatchRun(const v1::WatchRunRequest& request, Deadline deadline,
                                  const Take<v1::WatchRunResponse>& take) {
  grpc::ClientContext context;
  if (deadline != Deadline::max()) context.set_deadline(deadline);
  return TakeAll(&context, stubs_->runs.WatchRun(&context, request), take);
}

absl::Status Connection::ReadRunLogs(const v1::ReadRunLogsRequest& request,
                                     const Take<v1::ReadRunLogsResponse>& take) {
  grpc::ClientContext context;
  return TakeAll(&context, stubs_->runs.ReadRunLogs(&context, request), take);
}

absl::Status Connection::Generate(const v1::GenerateRequest& request,
                                  const Take<v1::GenerateResponse>& take) {
  grpc::ClientContext context;
  return TakeAll(&context, stubs_->generation.Generate(&context, request), take);
}

absl::Status Connection::Summarize(const v1::SummarizeRequest& request,
                                   const Take<v1::SummarizeResponse>& take) {
  grpc::ClientContext context;
  return TakeAll(&context, stubs_->inspection.Summarize(&context, request), take);
}

absl::Status Connection::Verify(const v1::VerifyRequest& request,
                                const Take<v1::VerifyResponse>& take) {
  grpc::ClientContext context;
  return TakeAll(&context, stubs_->inspection.Verify(&context, request), take);
}

absl::Status Connection::Tap(const v1::TapRequest& request, const Take<v1::TapResponse>& take,
                             Cancellation* cancellation) {
  grpc::ClientContext context;
  cancellation->Begin([&context] { context.TryCancel(); });
  absl::Status status = TakeAll(&context, stubs_->inspection.Tap(&context, request), take);
  cancellation->End();
  return status;
}

absl::Status Connection::Replay(const v1::ReplayRequest& request,
                                const Take<v1::ReplayResponse>& take, Cancellation* cancellation) {
  grpc::ClientContext context;
  cancellation->Begin([&context] { context.TryCancel(); });
  absl::Status status = TakeAll(&context, stubs_->inspection.Replay(&context, request), take);
  cancellation->End();
  return status;
}

absl::Status Connection::Diagnose(const v1::DiagnoseRequest& request,
                                  const Take<v1::DiagnoseResponse>& take) {
  grpc::ClientContext context;
  return TakeAll(&context, stubs_->inspection.Diagnose(&context, request), take);
}

}  // namespace throng
