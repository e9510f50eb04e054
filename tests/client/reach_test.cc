#include "client/reach.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace throng {
namespace {

constexpr std::chrono::seconds kTimeout{5};

// A port of this machine that somebody listens to, or did.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_, any, size), 0);
    EXPECT_EQ(getsockname(fd_, any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(fd_); }

  void Listen() { EXPECT_EQ(listen(fd_, 8), 0); }
  std::string At(const std::string& host) const { return host + ":" + std::to_string(port_); }

 private:
  const int fd_;
  int port_ = 0;
};

TEST(Reach, OneBrokerIsEnough) {
  const Listener deaf;
  Listener listener;
  listener.Listen();
  EXPECT_EQ(WhyOutOfReach(listener.At("127.0.0.1"), kTimeout), "");
  EXPECT_EQ(WhyOutOfReach(listener.At("PLAINTEXT://localhost"), kTimeout), "");
  EXPECT_EQ(WhyOutOfReach(deaf.At("127.0.0.1") + "," + listener.At("127.0.0.1"), kTimeout), "");
}

TEST(Reach, TheReasonIsSaid) {
  const Listener deaf;
  EXPECT_EQ(WhyOutOfReach(deaf.At("127.0.0.1"), kTimeout), "Connection refused");
  EXPECT_NE(WhyOutOfReach("no.such.host.invalid:9092", kTimeout), "");
  EXPECT_NE(WhyOutOfReach("localhost:port", kTimeout), "");
  EXPECT_NE(WhyOutOfReach("[", kTimeout), "");
}

}  // namespace
}  // namespace throng
