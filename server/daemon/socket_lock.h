// The right to listen on a unix socket: one daemon has it, and a dead one lost it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/daemon/descriptor.h"

namespace throng {

class SocketLock {
 public:
  // Locks PATH.lock, makes the folder (with `folder_mode`) if it is missing and removes the socket
  // of a daemon that died. ALREADY_EXISTS: another daemon listens there (which);
  // FAILED_PRECONDITION: it cannot be listened there, why.
  static absl::StatusOr<std::unique_ptr<SocketLock>> Take(const std::string& path,
                                                          mode_t folder_mode = 0700);
  // Removes the socket and the lock.
  ~SocketLock();
  SocketLock(const SocketLock&) = delete;
  SocketLock& operator=(const SocketLock&) = delete;

 private:
  SocketLock(std::string path, Descriptor file);

  const std::string path_;
  const Descriptor file_;
};

}  // namespace throng
