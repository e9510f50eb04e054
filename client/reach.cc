#include "client/reach.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace throng {
namespace {

struct HostPort {
  std::string host, port;
};

// "PLAINTEXT://[::1]:9092" -> ::1 and 9092, which is the port that goes without saying.
HostPort Split(std::string_view broker) {
  if (const size_t scheme = broker.find("://"); scheme != std::string_view::npos) {
    broker.remove_prefix(scheme + 3);
  }
  HostPort result{"", "9092"};
  const size_t bracket = broker.find(']');
  const size_t colon = broker.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) result.port = broker.substr(colon + 1);
  result.host = broker.substr(0, colon);
  if (result.host.starts_with('[') && result.host.ends_with(']')) {
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  return result;
}

// 0, or an error number.
int Connect(const addrinfo& address, std::chrono::milliseconds timeout) {
  const int fd = socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int error = connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd entry{fd, POLLOUT, 0};
    socklen_t size = sizeof error;
    if (poll(&entry, 1, static_cast<int>(timeout.count())) <= 0) {
      error = ETIMEDOUT;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      error = errno;
    }
  }
  close(fd);
  return error;
}

std::string WhyNotConnected(const HostPort& broker, std::chrono::milliseconds timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* addresses = nullptr;
  const int error = getaddrinfo(broker.host.c_str(), broker.port.c_str(), &hints, &addresses);
  if (error != 0) return gai_strerror(error);
  std::string why;
  for (const addrinfo* address = addresses; address != nullptr; address = address->ai_next) {
    const int code = Connect(*address, timeout);
    why = code == 0 ? "" : std::strerror(code);
    if (code == 0) break;
  }
  freeaddrinfo(addresses);
  return why;
}

}  // namespace

std::string WhyOutOfReach(std::string_view brokers, std::chrono::milliseconds timeout) {
  std::string why;
  for (;;) {
    const size_t end = brokers.find(',');
    why = WhyNotConnected(Split(brokers.substr(0, end)), timeout);
    if (why.empty() || end == std::string_view::npos) return why;
    brokers.remove_prefix(end + 1);
  }
}

}  // namespace throng
