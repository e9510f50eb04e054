// grpc::Server with what Throng wants of it.
#include "server/daemon/api_server.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "grpc/health/v1/health.pb.h"
#include "server/daemon/config.h"
#include "server/daemon/errors.h"
#include "server/daemon/services.h"
#include "throng/v1/generation_service.grpc.pb.h"
#include "throng/v1/inspection_service.grpc.pb.h"
#include "throng/v1/plugin_service.grpc.pb.h"
#include "throng/v1/run_service.grpc.pb.h"

namespace throng {
namespace {

constexpr int kMostRequestBytes = 4 << 20;

void EnableHealthAndReflection() {
  static std::once_flag is_done;
  std::call_once(is_done, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    // gRPC has a health service of its own but not its descriptor, which reflection then misses.
    (void)grpc::health::v1::HealthCheckRequest::descriptor();
  });
}

}  // namespace

ApiServer::ApiServer(std::string address, Engine* engine, std::unique_ptr<SocketLock> lock)
    : lock_(std::move(lock)),
      address_(std::move(address)),
      services_{MakeRunService(engine, &work_), MakeGenerationService(engine, &work_),
                MakePluginService(engine, &work_), MakeInspectionService(engine, &work_)} {}

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Make(const std::string& address,
                                                           Engine* engine) {
  std::unique_ptr<SocketLock> lock;
  if (const auto path = SocketPath(address)) {
    auto taken = SocketLock::Take(*path);
    if (!taken.ok()) return taken.status();
    lock = *std::move(taken);
  }
  return std::unique_ptr<ApiServer>(new ApiServer(address, engine, std::move(lock)));
}

absl::Status ApiServer::Listen() {
  EnableHealthAndReflection();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMostRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else two daemons share a port
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  // For reflection, which knows no callbacks: one thread that sleeps.
  constexpr int kSyncPollMs = 3'600'000;
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::CQ_TIMEOUT_MSEC, kSyncPollMs);
  int port = 0;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials(), &port);
  for (const auto& service : services_) builder.RegisterService(service.get());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "CANNOT_LISTEN",
        fmt::format("It cannot be listened on {}; is the port taken, or the folder not "
                    "writable? Name another address with --listen.",
                    address_));
  }
  if (const auto path = SocketPath(address_)) {
    chmod(path->c_str(), 0600);  // a daemon's umask has let nobody else come before
  } else {
    address_ = fmt::format("{}:{}", address_.substr(0, address_.rfind(':')), port);
  }
  SetServing(true);
  return absl::OkStatus();
}

void ApiServer::SetServing(bool is_serving) {
  for (const char* name :
       {"", v1::RunService::service_full_name(), v1::GenerationService::service_full_name(),
        v1::PluginService::service_full_name(), v1::InspectionService::service_full_name()}) {
    server_->GetHealthCheckService()->SetServingStatus(name, is_serving);
  }
}

void ApiServer::AnnounceEnd() { server_->GetHealthCheckService()->Shutdown(); }

ApiServer::~ApiServer() {
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace throng
