// One worker from its start to its end: frames both ways, its output, and the times it must keep.
// All of it happens on the supervisor's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/control/frame.h"
#include "server/daemon/event_loop.h"
#include "server/daemon/output_lines.h"
#include "server/daemon/supervisor.h"
#include "server/daemon/worker_end.h"
#include "server/daemon/worker_process.h"

namespace throng {

class SupervisedWorker {
 public:
  using Clock = EventLoop::Clock;

  // Watches a process from now on. `start`: the frame it gets once it has said Hello. `on_ended` is
  // called after the listener's OnEnded, and may not destroy this at once. All outlive this.
  SupervisedWorker(const SupervisorOptions& options, EventLoop* loop,
                   std::unique_ptr<WorkerProcess> process, std::string start,
                   std::chrono::milliseconds call_limit, std::shared_ptr<WorkerListener> listener,
                   std::function<void()> on_ended);
  ~SupervisedWorker();
  SupervisedWorker(const SupervisedWorker&) = delete;
  SupervisedWorker& operator=(const SupervisedWorker&) = delete;

  // A frame of ToWorker; from Stop on its time to end runs.
  void Send(std::string_view frame, bool is_stop);
  void Kill();
  // What it does is no longer wanted: Stop or, before it does anything, Kill.
  void Dismiss();

 private:
  // A pipe that the worker writes lines to.
  struct Pipe {
    int fd = -1;
    EventLoop::WatchId watch = 0;
    const char* source = "";
    const char* level = "";
    OutputLines lines;
  };

  void OnControl(uint32_t events);
  void OnPipe(Pipe* pipe);
  void OnProcessEnd();

  // Reads once; whether there may be more.
  bool ReadControl();
  bool ReadPipe(Pipe* pipe);
  void Tell(const Pipe& pipe, const std::vector<std::string>& lines);
  void WriteControl();
  void CloseControl();

  void OnFrame(std::string_view bytes);
  void OnHello(const worker::v1::Hello& hello);
  void OnProgress(const worker::v1::Progress& progress);

  // It is to end for a reason that only the supervisor knows: at once, or by SIGABRT, so that it
  // leaves a core, and SIGKILL after a while.
  void KillFor(WorkerEnd verdict);
  void AbortFor(WorkerEnd verdict);
  // It has until then to exit.
  void KillIn(std::chrono::milliseconds duration);
  bool is_condemned() const { return verdict_ || finished_ || is_kill_asked_; }

  std::optional<Clock::time_point> NextDeadline() const;
  void Rearm();
  void OnTimer();
  CallInfo Culprit() const { return CulpritIn(process_->calls()); }

  const SupervisorOptions& options_;
  EventLoop* const loop_;
  std::unique_ptr<WorkerProcess> process_;
  const std::chrono::milliseconds call_limit_;
  std::shared_ptr<WorkerListener> listener_;
  const std::function<void()> on_ended_;

  EventLoop::WatchId control_watch_ = 0;
  EventLoop::WatchId end_watch_ = 0;
  Pipe stdout_;
  Pipe stderr_;
  FrameReader frames_;
  std::string to_send_;  // from sent_ on
  size_t sent_ = 0;
  bool waits_to_write_ = false;

  bool has_said_hello_ = false;
  bool is_kill_asked_ = false;
  bool is_control_closed_ = false;
  std::optional<worker::v1::Finished> finished_;
  std::optional<WorkerEnd> verdict_;

  Clock::time_point heard_;  // started, or the last frame
  std::optional<Clock::time_point> stop_by_;
  std::optional<Clock::time_point> kill_at_;
  bool is_killed_ = false;
  std::optional<EventLoop::TimerId> timer_;
};

}  // namespace throng
