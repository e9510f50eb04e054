// The gRPC server of a daemon: its services, health (grpc.health.v1) and reflection.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/call_work.h"
#include "server/daemon/engine.h"
#include "server/daemon/socket_lock.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace throng {

class ApiServer {
 public:
  // A server on an address that ReadConfig has accepted. From now on no other daemon can have that
  // unix socket, which is open to the daemon's user alone. `engine` outlives the server.
  // ALREADY_EXISTS: another daemon has it; FAILED_PRECONDITION: it cannot be listened there, why.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Make(const std::string& address,
                                                         Engine* engine);
  // Cancels all calls, waits for their ends and stops to listen.
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Begins to serve, once. FAILED_PRECONDITION: as above.
  absl::Status Listen();

  // Where clients find it: once it listens, with the port that was chosen for port 0.
  const std::string& address() const { return address_; }

  // What health says of all services; only once it listens.
  void SetServing(bool is_serving);

  // Health says NOT_SERVING from now on.
  void AnnounceEnd();

 private:
  ApiServer(std::string address, Engine* engine, std::unique_ptr<SocketLock> lock);

  // In the order of their lives: the lock is let go last.
  const std::unique_ptr<SocketLock> lock_;  // of a unix socket
  std::string address_;
  CallWork work_;
  const std::unique_ptr<grpc::Service> services_[4];
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace throng
