// Walks a small dataset into the file sink and may be killed at any of its calls: for
// file_sink_test.
//   file_sink_driver LIBRARY PATH [before|within N]
// Says "committed ROW" as it goes, and "calls N" at the end.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/plugins/sinks/loaded_sink.h"
#include "tests/plugins/sinks/syscall_shim.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::fputs("usage: file_sink_driver LIBRARY PATH [before|within N]\n", stderr);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  throng::LoadedSink sink(argv[1], {{"path", argv[2]}});
  const int n = argc == 5 ? std::atoi(argv[4]) : 0;
  if (n != 0 && argv[3] == std::string("within")) {
    throng::shim::KillWithin(n);
  } else {
    throng::shim::KillAt(n);
  }
  const throng::Result result = throng::Walk(
      &sink, [](int64_t row) { std::printf("committed %ld\n", static_cast<long>(row)); });
  sink.Destroy();
  std::printf("calls %zu\n", throng::shim::Stop().size());
  if (result.code == THRONG_OK) return 0;
  std::fprintf(stderr, "%s\n", result.message.c_str());
  return 1;
}
