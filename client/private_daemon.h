// A throngd of one's own, for commands that do one job and end.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace throng {

// Path of a program that was built or installed together with this one.
std::string ProgramBeside(const std::string& name);

// `throngd --ephemeral` on a socket in a folder of its own: it keeps nothing, has the user's own
// rights, and ends with this process. It is in a process group of its own, so that Ctrl-C on a
// terminal reaches only the client.
class PrivateDaemon {
 public:
  // Starts it, without waiting until it listens. `plugin_folders`: none are those that came with
  // it.
  static absl::StatusOr<std::unique_ptr<PrivateDaemon>> Start(
      const std::vector<std::string>& plugin_folders);
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;
  // Has it end (its runs stop at a commit), or kills it if it does not.
  ~PrivateDaemon();

  const std::string& address() const { return address_; }
  // Waits until it listens.
  absl::Status AwaitReady();

 private:
  PrivateDaemon() = default;
  void RemoveFolder() const;

  std::string folder_;
  std::string address_;
  pid_t pid_ = -1;
  int stdin_fd_ = -1;  // its standard input: it ends when this is closed
  int ready_fd_ = -1;
};

}  // namespace throng
