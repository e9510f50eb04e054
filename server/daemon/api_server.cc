// grpc::Server with what Throng wants of it.
#include "server/daemon/api_server.h"

#include <fmt/format.h>
#include <grp.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <utility>

#include "grpc/health/v1/health.pb.h"
#include "server/daemon/errors.h"
#include "server/daemon/services.h"
#include "throng/v1/generation_service.grpc.pb.h"
#include "throng/v1/inspection_service.grpc.pb.h"
#include "throng/v1/plugin_service.grpc.pb.h"
#include "throng/v1/run_service.grpc.pb.h"
#include "throng/v1/server_service.grpc.pb.h"

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

std::shared_ptr<grpc::ServerCredentials> CredentialsFor(const Listener& listener,
                                                        const std::shared_ptr<Access>& access) {
  using grpc::experimental::FileWatcherCertificateProvider;
  constexpr unsigned kLookAgainSeconds = 1;
  // Plain TCP does not ask who comes.
  if (!listener.IsTls() && !SocketPath(listener.address)) return grpc::InsecureServerCredentials();
  std::shared_ptr<grpc::ServerCredentials> credentials;
  if (listener.IsTls()) {
    grpc::experimental::TlsServerCredentialsOptions options(
        std::make_shared<FileWatcherCertificateProvider>(listener.key, listener.certificate,
                                                         listener.client_ca, kLookAgainSeconds));
    options.watch_identity_key_cert_pairs();
    if (!listener.client_ca.empty()) {
      options.watch_root_certs();
      options.set_cert_request_type(listener.tokens.empty()
                                        ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                        : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
    }
    credentials = grpc::experimental::TlsServerCredentials(options);
  } else {
    credentials = grpc::experimental::LocalServerCredentials(UDS);
  }
  credentials->SetAuthMetadataProcessor(access);
  return credentials;
}

absl::Status CannotListen(const std::string& address, std::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "CANNOT_LISTEN",
                   fmt::format("It cannot be listened on {}{} Name another address with --listen.",
                               address, why));
}

// A socket's file for those whom its listener names; the daemon's umask has let nobody else come
// before.
absl::Status OpenTo(const Listener& listener, const std::string& path) {
  if (!listener.group.empty()) {
    constexpr size_t kRoom = 64 << 10;  // for the names of its members
    std::vector<char> buffer(kRoom);
    group entry{};
    group* found = nullptr;
    getgrnam_r(listener.group.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
      return absl::FailedPreconditionError(
          fmt::format("There is no group \"{}\"; make it, or name another.", listener.group));
    }
    if (chown(path.c_str(), static_cast<uid_t>(-1), entry.gr_gid) != 0) {
      return absl::FailedPreconditionError(
          fmt::format("The socket {} cannot be given to group \"{}\": {}. Let the daemon's user be "
                      "in that group.",
                      path, listener.group, std::strerror(errno)));
    }
  }
  if (chmod(path.c_str(), listener.mode) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("The mode of {} cannot be set: {}.", path, std::strerror(errno)));
}

}  // namespace

ApiServer::ApiServer(std::vector<Door> doors, Engine* engine)
    : doors_(std::move(doors)),
      services_{MakeRunService(engine, &work_), MakeGenerationService(engine, &work_),
                MakePluginService(engine, &work_), MakeInspectionService(engine, &work_),
                MakeServerService(engine, &work_)} {}

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Make(const std::vector<Listener>& listeners,
                                                           Engine* engine) {
  std::vector<Door> doors;
  for (const Listener& listener : listeners) {
    Door& door = doors.emplace_back();
    door.listener = listener;
    auto access = Access::Make(listener);
    if (!access.ok()) return access.status();
    door.access = *std::move(access);
    if (const auto path = SocketPath(listener.address)) {
      const bool is_shared = (listener.mode & 077U) != 0;  // then others must get that far
      auto taken = SocketLock::Take(*path, is_shared ? 0755 : 0700);
      if (!taken.ok()) return taken.status();
      door.lock = *std::move(taken);
    }
  }
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(doors), engine));
}

std::vector<std::string> ApiServer::addresses() const {
  std::vector<std::string> addresses;
  for (const Door& door : doors_) {
    const std::string& address = door.listener.address;
    const bool is_port = door.port > 0 && !SocketPath(address);
    addresses.push_back(
        is_port ? fmt::format("{}:{}", address.substr(0, address.rfind(':')), door.port) : address);
  }
  return addresses;
}

void ApiServer::SetOnCall(const Access::OnCall& on_call) {
  for (Door& door : doors_) door.access->SetOnCall(on_call);
}

absl::Status ApiServer::ChangeAccess(const std::vector<Listener>& listeners) {
  for (size_t i = 0; i < doors_.size(); ++i) {
    if (absl::Status status = doors_[i].access->Change(listeners[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
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
  for (Door& door : doors_) {
    builder.AddListeningPort(door.listener.address, CredentialsFor(door.listener, door.access),
                             &door.port);
  }
  for (const auto& service : services_) builder.RegisterService(service.get());
  server_ = builder.BuildAndStart();
  for (const Door& door : doors_) {
    if (server_ != nullptr || door.port > 0) continue;
    return CannotListen(door.listener.address, "; is the port taken, or the folder not writable?");
  }
  for (const Door& door : doors_) {
    const auto path = SocketPath(door.listener.address);
    if (!path) continue;
    if (absl::Status status = OpenTo(door.listener, *path); !status.ok()) return status;
  }
  ShowTroubles({});
  return absl::OkStatus();
}

void ApiServer::ShowTroubles(const std::map<std::string, std::string>& troubles) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  // Plugins and presets can be looked at whatever else goes wrong; without plugins no row is made.
  const bool has_plugins = !troubles.contains("plugins");
  health->SetServingStatus("", troubles.empty());
  health->SetServingStatus(v1::RunService::service_full_name(), troubles.empty());
  health->SetServingStatus(v1::GenerationService::service_full_name(), has_plugins);
  health->SetServingStatus(v1::InspectionService::service_full_name(), has_plugins);
  health->SetServingStatus(v1::PluginService::service_full_name(), true);
  health->SetServingStatus(v1::ServerService::service_full_name(), true);
}

void ApiServer::AnnounceEnd() { server_->GetHealthCheckService()->Shutdown(); }

ApiServer::~ApiServer() {
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace throng
