// The gRPC server of a daemon: its services, health (grpc.health.v1) and reflection.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/access.h"
#include "server/daemon/call_work.h"
#include "server/daemon/engine.h"
#include "server/daemon/listener.h"
#include "server/daemon/socket_lock.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace throng {

class ApiServer {
 public:
  // A server on listeners that ReadConfig has accepted. From now on no other daemon can have their
  // unix sockets. `engine` outlives the server. ALREADY_EXISTS: another daemon has a socket;
  // FAILED_PRECONDITION: it cannot be listened there, or a file of a listener is not usable, why.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Make(const std::vector<Listener>& listeners,
                                                         Engine* engine);
  // Cancels all calls, waits for their ends and stops to listen.
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Hears of each call that changes something, but for those over plain TCP, which nobody knows
  // anything of. Before it listens.
  void SetOnCall(const Access::OnCall& on_call);

  // Begins to serve, once. FAILED_PRECONDITION: as above.
  absl::Status Listen();

  // Where clients find it, in the order of the listeners: once it listens, with the ports that were
  // chosen for port 0.
  std::vector<std::string> addresses() const;

  // Lets other clients in by the same listeners, as many as there are. FAILED_PRECONDITION: a file
  // of a listener is not usable, and nothing is changed for this one and those after it.
  absl::Status ChangeAccess(const std::vector<Listener>& listeners);

  // What the health of each service follows from. Once it listens.
  void ShowTroubles(const std::map<std::string, std::string>& troubles);

  // Health says NOT_SERVING from now on.
  void AnnounceEnd();

 private:
  // A listener at work.
  struct Door {
    Listener listener;
    std::shared_ptr<Access> access;
    std::unique_ptr<SocketLock> lock;  // of a unix socket
    int port = 0;                      // that was chosen
  };

  ApiServer(std::vector<Door> doors, Engine* engine);

  // In the order of their lives: the locks are let go last.
  std::vector<Door> doors_;
  CallWork work_;
  const std::unique_ptr<grpc::Service> services_[5];
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace throng
