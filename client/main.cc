// throngctl: generates interactions, and controls the runs of a daemon.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "client/command_line.h"
#include "client/interrupts.h"

namespace {

// A stream that the caller closed is opened as one that fails, so that no descriptor of ours gets
// its number.
void ReserveStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest number that is free, so this one; what cannot be written to says so.
    (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  ReserveStandardStreams();
  std::signal(SIGPIPE,
              SIG_IGN);  // who reads our output may go; what is private of ours must be removed
  throng::WatchInterrupts();
  return throng::ExecuteCommandLine(argc, argv);
}
