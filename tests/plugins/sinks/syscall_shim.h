// Stands between a sink and the kernel: counts, records, fails or kills the process at the calls
// that change files. A program that links it defines those calls itself, so that a plugin which it
// loads calls these (the program must export its symbols).
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace throng::shim {

// A call and the last name of the file it changes: "rename rows.csv.position.new".
using Calls = std::vector<std::string>;

// From now on calls are counted, from 1. What happens at the n-th one (0: none):
void Watch();                                     // nothing
void FailAt(int n, int error);                    // it fails with errno = error, once; a pwrite
                                                  // takes some bytes before
void KillAt(int n);                               // SIGKILL before it
void KillWithin(int n);                           // SIGKILL, within a pwrite after half its bytes
void DoBefore(int n, std::function<void()> act);  // the test acts, then it goes on
// Calls are also written to a file, a line each, before they are made.
void Journal(int fd);
// Ends all that and returns the calls since.
Calls Stop();

}  // namespace throng::shim
