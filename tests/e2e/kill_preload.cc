// Preloaded into throng-worker (LD_PRELOAD), so that a whole run is watched or killed as the tests
// of the file sink are. THRONG_JOURNAL=FILE: calls that change files are appended to FILE before
// they are made. THRONG_KILL="before N": SIGKILL before the N-th of them, from 1; "within N": and
// if it is a write, after half of its bytes.
#include <fcntl.h>

#include <cstdlib>
#include <sstream>
#include <string>

#include "tests/plugins/sinks/syscall_shim.h"

namespace {

[[gnu::constructor]] void StartWatching() {
  if (const char* journal = std::getenv("THRONG_JOURNAL")) {
    throng::shim::Journal(open(journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  }
  const char* kill = std::getenv("THRONG_KILL");
  std::istringstream words(kill != nullptr ? kill : "before 0");
  std::string when;
  int n = 0;
  words >> when >> n;
  when == "within" ? throng::shim::KillWithin(n) : throng::shim::KillAt(n);
}

}  // namespace
