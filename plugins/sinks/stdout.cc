// The sink `stdout`: records to file descriptor 1, for pipes. It keeps no position.
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr int kPollMs = 100;  // how soon a stop is noticed while the reader pauses

class StdoutSink {
 public:
  static constexpr bool kIsDurable = false;
  explicit StdoutSink(const Host& host) : host_(host) {}

  Opened Open(const throng_target& /*target*/) {
    struct stat found;
    if (fstat(STDOUT_FILENO, &found) != 0) Fail(errno);
    // What poll promises of a pipe is room for PIPE_BUF bytes; a longer write would wait in the
    // kernel, where no stop reaches it.
    if (S_ISFIFO(found.st_mode)) piece_ = PIPE_BUF;
    return {};
  }
  void Write(const throng_records& records) { Put(View(records.bytes)); }
  void Commit(int64_t /*position*/, std::string_view /*host_state*/) {}
  void Finish(const throng_completion& completion) { Put(View(completion.epilogue)); }

 private:
  // All of the bytes, or an error that ends the output: what was taken cannot be called back.
  void Put(std::string_view bytes) const {
    while (!bytes.empty()) {
      pollfd out{STDOUT_FILENO, POLLOUT, 0};
      if (poll(&out, 1, kPollMs) <= 0) {
        if (host_.IsCancelled()) {
          throw Error(THRONG_CANCELLED, "Stopped while the reader of stdout was waited for.");
        }
        continue;
      }
      const ssize_t size = write(STDOUT_FILENO, bytes.data(), std::min(bytes.size(), piece_));
      if (size >= 0) {
        bytes.remove_prefix(static_cast<size_t>(size));
      } else if (errno != EINTR && errno != EAGAIN) {
        Fail(errno);
      }
    }
  }

  [[noreturn]] static void Fail(int error) {
    // The host ignores SIGPIPE.
    if (error == EPIPE) throw Error(THRONG_CANCELLED, "The reader of stdout has gone.");
    throw Error(THRONG_DATA_LOSS, "stdout cannot be written (" +
                                      std::generic_category().message(error) +
                                      "); give it another place, and the command again.");
  }

  const Host host_;
  size_t piece_ = SIZE_MAX;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("stdout", THRONG_VERSION, "Records on standard output.",
              throng::Sink<throng::plugins::StdoutSink>("stdout", "Writes to standard output."))
