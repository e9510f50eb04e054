// The HTTP listener: pages of text for those who watch a daemon.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/access.h"
#include "server/daemon/listener.h"

namespace httplib {
class Server;
}

namespace throng {

struct HttpAnswer {
  int status = 200;
  std::string text;
};

struct HttpPage {
  std::string path;  // as `/metrics`
  // Whether anybody who reaches the port may see it, without a token.
  bool is_open = false;
  // Any thread.
  std::function<HttpAnswer()> make;
};

class HttpServer {
 public:
  // Serves GET and HEAD of `pages`, until it goes, on HOST:PORT; of other paths it knows nothing.
  // FAILED_PRECONDITION: it cannot be listened there, or a file of the listener is not usable, why.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const Listener& listener,
                                                           const std::vector<HttpPage>& pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the port that was chosen for port 0.
  const std::string& address() const { return address_; }
  absl::Status ChangeAccess(const Listener& listener) { return access_->Change(listener); }

 private:
  HttpServer(const Listener& listener, std::shared_ptr<Access> access);
  absl::Status Listen();
  void Serve(const HttpPage& page);

  const Listener listener_;
  const std::shared_ptr<Access> access_;
  std::string address_;
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
};

}  // namespace throng
