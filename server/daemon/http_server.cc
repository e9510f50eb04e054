// cpp-httplib with what Throng wants of it.
#include "server/daemon/http_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "server/control/status.h"
#include "server/daemon/errors.h"

namespace throng {
namespace {

constexpr size_t kThreads = 4;  // that many callers are answered at a time
constexpr time_t kPatienceSeconds = 5;

// The files are read for each handshake, so that those that have changed are in use at once.
int UseCertificate(SSL* ssl, void* listener) {
  const auto* files = static_cast<const Listener*>(listener);
  const bool is_usable = SSL_use_certificate_chain_file(ssl, files->certificate.c_str()) == 1 &&
                         SSL_use_PrivateKey_file(ssl, files->key.c_str(), SSL_FILETYPE_PEM) == 1;
  return is_usable ? 1 : 0;
}

std::unique_ptr<httplib::Server> MakeServer(const Listener& listener) {
  if (!listener.IsTls()) return std::make_unique<httplib::Server>();
  return std::make_unique<httplib::SSLServer>([&listener](SSL_CTX& context) {
    SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
    SSL_CTX_set_cert_cb(&context, UseCertificate, const_cast<Listener*>(&listener));
    return true;
  });
}

std::optional<std::string> TokenOf(const httplib::Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string value = request.get_header_value("Authorization");
  if (!value.starts_with(kScheme)) return std::nullopt;
  return value.substr(kScheme.size());
}

void Answer(const HttpAnswer& answer, httplib::Response* response) {
  response->status = answer.status;
  response->set_content(answer.text, "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace

HttpServer::HttpServer(const Listener& listener, std::shared_ptr<Access> access)
    : listener_(listener), access_(std::move(access)), server_(MakeServer(listener_)) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const Listener& listener,
                                                              const std::vector<HttpPage>& pages) {
  auto access = Access::Make(listener);
  if (!access.ok()) return access.status();
  std::unique_ptr<HttpServer> server(new HttpServer(listener, *std::move(access)));
  for (const HttpPage& page : pages) server->Serve(page);
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  return server;
}

void HttpServer::Serve(const HttpPage& page) {
  server_->Get(page.path,
               [this, page](const httplib::Request& request, httplib::Response& response) {
                 if (!page.is_open) {
                   const std::optional<std::string> token = TokenOf(request);
                   const auto principal = access_->Find({}, token);
                   if (!principal.ok()) {
                     response.set_header("WWW-Authenticate", "Bearer");
                     return Answer({401, MessageOf(principal.status()) + "\n"}, &response);
                   }
                 }
                 Answer(page.make(), &response);
               });
}

absl::Status HttpServer::Listen() {
  server_->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server_->set_read_timeout(kPatienceSeconds);
  server_->set_write_timeout(kPatienceSeconds);
  server_->set_keep_alive_max_count(1);  // a caller that stays would keep others waiting
  server_->set_payload_max_length(0);
  server_->set_socket_options([](socket_t socket) {  // without httplib's shared ports
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  const size_t colon = listener_.address.rfind(':');
  std::string host = listener_.address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  int port = std::stoi(listener_.address.substr(colon + 1));
  bool is_bound = false;
  if (port == 0) {
    port = server_->bind_to_any_port(host);
    is_bound = port > 0;
  } else {
    is_bound = server_->bind_to_port(host, port);
  }
  if (!is_bound) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "CANNOT_LISTEN",
                     fmt::format("It cannot be listened on {}; is the port taken? Name another "
                                 "address in `http`.",
                                 listener_.address));
  }
  address_ = fmt::format("{}:{}", listener_.address.substr(0, colon), port);
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return absl::OkStatus();
}

HttpServer::~HttpServer() {
  server_->stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace throng
