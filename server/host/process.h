// Work in forked processes, so that whatever a plugin does there is a result and not an end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace throng {

// A forked process that tells its parent things through a pipe, and dies with it. To be made by a
// process of one thread.
class ChildProcess {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Heard { kSomething, kEnd, kNothing };

  // `work` runs in the child, and may write to the descriptor that it is given.
  explicit ChildProcess(const std::function<void(int pipe)>& work);
  ~ChildProcess();  // kills it
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Appends what the child wrote; kEnd once it has ended, kNothing when `until` came first.
  Heard Listen(std::string* text, Clock::time_point until);
  // SIGKILL.
  void Kill() const;
  // Of a child that has called LetParentTrace: goes on until it calls StopForParent, or to its end;
  // false: its end.
  bool GoOnToStop() { return GoOn(0); }
  // As it is about to make its n-th system call from here on, from 1, it is killed. False if it
  // stopped or ended before; what it does in other threads is not counted.
  bool KillAtSystemCall(int n) { return !GoOn(n) && was_killed_; }
  // Waits for its end. Empty if its work returned, else what became of it, as
  // "SIGSEGV in fill of rows 0 to 6".
  std::string Wait();
  // What it noted to be doing last.
  std::string_view step() const { return step_; }

 private:
  // True: it stopped. `calls`: the system call to be killed at; 0: none.
  bool GoOn(int calls);

  pid_t pid_ = -1;
  std::optional<int> ended_;  // its status, if that is known already
  bool is_traced_ = false;
  bool was_killed_ = false;  // at a system call
  int pipe_ = -1;
  char* step_ = nullptr;  // shared with the child
};

// In a child: lets its parent follow it; false where that is not allowed.
bool LetParentTrace();
// In a child that is followed: waits until its parent lets it go on.
void StopForParent();

// Writes all of `text`, as far as anybody listens.
void Tell(int pipe, std::string_view text);

// In a child: notes what comes next, for the sentence that says where it ended.
void NoteStep(std::string_view step);

// In a child: what must not decide about any byte becomes different from what it was in the parent:
// addresses, content of fresh memory, time zone, locale, and the environment, of which the
// variables called `needed` stay, and those of the loader, sanitizers, proxies and certificates.
void MoveElsewhere(const std::vector<std::string>& needed);

// What `work` returns in a process of its own; an error too if it does not return within `limit`.
absl::StatusOr<std::string> RunInProcess(const std::function<absl::StatusOr<std::string>()>& work,
                                         std::chrono::milliseconds limit);

// The same of work(0), work(1), ..., `count` of them, each within `limit`. They share a process,
// but what comes after one that ends it goes on in another.
std::vector<absl::StatusOr<std::string>> RunInProcesses(
    size_t count, const std::function<absl::StatusOr<std::string>(size_t i)>& work,
    std::chrono::milliseconds limit);

}  // namespace throng
