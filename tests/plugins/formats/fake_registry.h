// A schema registry of this process that answers as it is told, for tests.
#ifndef THRONG_TESTS_PLUGINS_FAKE_REGISTRY_H_
#define THRONG_TESTS_PLUGINS_FAKE_REGISTRY_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace throng {

class FakeRegistry {
 public:
  // "POST /path" and the rest of the head, and the body.
  struct Request {
    std::string head;
    std::string body;
  };

  FakeRegistry() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 8) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no socket to listen on");
    }
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeRegistry() { Stop(); }
  FakeRegistry(const FakeRegistry&) = delete;
  FakeRegistry& operator=(const FakeRegistry&) = delete;

  const std::string& url() const { return url_; }
  void Answer(int status, std::string body) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    body_ = std::move(body);
  }
  // From now on nobody is there.
  void Stop() {
    if (!thread_.joinable()) return;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Serve() {
    for (int client = 0; (client = accept(listener_, nullptr, nullptr)) >= 0; close(client)) {
      std::string text;
      size_t head = std::string::npos;
      char part[4096];
      while ((head = text.find("\r\n\r\n")) == std::string::npos ||
             text.size() < head + 4 + Length(text)) {
        const ssize_t size = read(client, part, sizeof part);
        if (size <= 0) break;
        text.append(part, static_cast<size_t>(size));
      }
      const std::lock_guard lock(mutex_);
      if (head != std::string::npos) {
        requests_.push_back({text.substr(0, head), text.substr(head + 4)});
      }
      const std::string answer = "HTTP/1.1 " + std::to_string(status_) +
                                 " \r\nContent-Length: " + std::to_string(body_.size()) +
                                 "\r\nConnection: close\r\n\r\n" + body_;
      size_t sent = 0;
      while (sent < answer.size()) {
        const ssize_t size = send(client, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (size <= 0) break;
        sent += static_cast<size_t>(size);
      }
    }
  }
  static size_t Length(const std::string& text) {
    const size_t at = text.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(text.substr(at + 16));
  }

  int listener_;
  std::string url_;
  mutable std::mutex mutex_;
  int status_ = 200;
  std::string body_ = R"({"id":7})";
  std::vector<Request> requests_;
  std::thread thread_;
};

}  // namespace throng

#endif  // THRONG_TESTS_PLUGINS_FAKE_REGISTRY_H_
