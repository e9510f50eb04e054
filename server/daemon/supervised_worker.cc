#include "server/daemon/supervised_worker.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

namespace throng {
namespace {

using Kind = WorkerEnd::Kind;

// Read at a time, so that one worker cannot keep the loop from the others.
constexpr size_t kReadBytes = 64 << 10;
// Read of a worker that has ended: more than its sockets and pipes can hold.
constexpr int kMostLastReads = 512;
// Waiting to be read by a worker: some messages of the greatest length.
constexpr size_t kMostUnsentBytes = 4 * size_t{kMaxFrameBytes};

std::array<char, kReadBytes>& ReadBuffer() {
  static thread_local std::array<char, kReadBytes> buffer;
  return buffer;
}

}  // namespace

SupervisedWorker::SupervisedWorker(const SupervisorOptions& options, EventLoop* loop,
                                   std::unique_ptr<WorkerProcess> process, std::string start,
                                   std::chrono::milliseconds call_limit,
                                   std::shared_ptr<WorkerListener> listener,
                                   std::function<void()> on_ended)
    : options_(options),
      loop_(loop),
      process_(std::move(process)),
      call_limit_(call_limit),
      listener_(std::move(listener)),
      on_ended_(std::move(on_ended)),
      stdout_{process_->stdout_fd(), 0, "stdout", "info", OutputLines("stdout")},
      stderr_{process_->stderr_fd(), 0, "stderr", "warning", OutputLines("stderr")},
      to_send_(std::move(start)),
      heard_(Clock::now()) {
  control_watch_ =
      loop_->Watch(process_->control_fd(), EPOLLIN, [this](uint32_t events) { OnControl(events); });
  for (Pipe* pipe : {&stdout_, &stderr_}) {
    if (pipe->fd < 0) continue;
    pipe->watch = loop_->Watch(pipe->fd, EPOLLIN, [this, pipe](uint32_t) { OnPipe(pipe); });
  }
  end_watch_ = loop_->Watch(process_->end_fd(), EPOLLIN, [this](uint32_t) { OnProcessEnd(); });
  Rearm();
}

SupervisedWorker::~SupervisedWorker() {
  for (const auto watch : {control_watch_, stdout_.watch, stderr_.watch, end_watch_}) {
    loop_->Unwatch(watch);
  }
  if (timer_) loop_->CancelTimer(*timer_);
}

void SupervisedWorker::Send(std::string_view frame, bool is_stop) {
  if (is_control_closed_) return;
  if (to_send_.size() - sent_ + frame.size() > kMostUnsentBytes) {
    if (!is_condemned()) {
      AbortFor(EndIn(Kind::kCrashed, "The worker does not read its control socket", Culprit()));
    }
    return;
  }
  to_send_.append(frame);
  if (is_stop && !stop_by_) {
    stop_by_ = Clock::now() + options_.stop_timeout;
    Rearm();
  }
  WriteControl();
}

void SupervisedWorker::Kill() {
  if (is_killed_) return;
  is_kill_asked_ = true;
  KillIn({});
}

void SupervisedWorker::Dismiss() {
  if (!has_said_hello_) return Kill();
  if (stop_by_) return;
  worker::v1::ToWorker message;
  message.mutable_stop();
  std::string frame;
  if (AppendFrame(message, &frame).ok()) Send(frame, true);
}

// ---- What it says ----

void SupervisedWorker::OnControl(uint32_t events) {
  if ((events & EPOLLOUT) != 0) WriteControl();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) ReadControl();
}

bool SupervisedWorker::ReadControl() {
  if (is_control_closed_) return false;
  auto& buffer = ReadBuffer();
  const ssize_t got = recv(process_->control_fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) {
    CloseControl();
    return false;
  }
  frames_.Add({buffer.data(), static_cast<size_t>(got)});
  while (!is_control_closed_) {
    const auto frame = frames_.Next();
    if (frame.ok() && !*frame) return true;
    if (frame.ok()) {
      OnFrame(**frame);
      continue;
    }
    if (!is_condemned()) {
      AbortFor(EndIn(Kind::kCrashed, "The worker sent bytes that are no frame", Culprit()));
    }
    CloseControl();
  }
  return false;
}

void SupervisedWorker::CloseControl() {
  if (std::exchange(is_control_closed_, true)) return;
  loop_->Unwatch(std::exchange(control_watch_, 0));
  // Mostly its process ends at the same time, and that says more.
  if (!kill_at_) KillIn(options_.grace);
}

void SupervisedWorker::OnFrame(std::string_view bytes) {
  heard_ = Clock::now();
  worker::v1::FromWorker message;
  const bool is_read = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  const auto what = message.message_case();
  const bool is_hello = what == worker::v1::FromWorker::kHello;
  if (!is_read || what == worker::v1::FromWorker::MESSAGE_NOT_SET || is_hello == has_said_hello_) {
    if (!is_condemned()) {
      AbortFor(EndIn(Kind::kCrashed,
                     "The worker sent a frame that is no message or comes out of turn", Culprit()));
    }
    return;
  }
  if (is_hello) return OnHello(message.hello());
  if (finished_ || (verdict_ && verdict_->kind == Kind::kRefused)) return;
  if (what == worker::v1::FromWorker::kFinished) {
    finished_ = std::move(*message.mutable_finished());
    KillIn(options_.grace);
    return;
  }
  if (what == worker::v1::FromWorker::kProgress) OnProgress(message.progress());
  listener_->OnMessage(message);
}

void SupervisedWorker::OnHello(const worker::v1::Hello& hello) {
  has_said_hello_ = true;
  if (hello.version() != THRONG_VERSION) {
    KillFor(EndIn(Kind::kRefused,
                  fmt::format("The worker {} is of version {}, throngd of version {}; install "
                              "throngd and throng-worker from the same release",
                              options_.worker_path, hello.version(), THRONG_VERSION),
                  {}));
    return;
  }
  Rearm();
  WriteControl();
}

void SupervisedWorker::OnProgress(const worker::v1::Progress& progress) {
  if (is_condemned()) return;
  for (const worker::v1::Call& call : progress.calls()) {
    if (call.is_patient() || call.lasts_ms() <= call_limit_.count()) continue;
    WorkerEnd end;
    end.kind = Kind::kCrashed;
    end.component = call.component();
    end.row = call.row();
    end.sentence = fmt::format(
        "{} has been in a call for {}{}; a call of a behaviour or a format may last {} "
        "(call_limit).",
        call.component(), DurationText(std::chrono::milliseconds(call.lasts_ms())),
        call.row() < 0 ? "" : fmt::format(" at row {}", call.row()), DurationText(call_limit_));
    return AbortFor(std::move(end));
  }
}

// ---- What it is told ----

void SupervisedWorker::WriteControl() {
  if (is_control_closed_ || !has_said_hello_ || verdict_) return;
  while (sent_ < to_send_.size()) {
    const ssize_t sent = send(process_->control_fd(), to_send_.data() + sent_,
                              to_send_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) {
      sent_ = to_send_.size();  // it is gone: what it has said is still to be read
      break;
    }
    sent_ += static_cast<size_t>(sent);
  }
  if (sent_ == to_send_.size()) {
    to_send_.clear();
    sent_ = 0;
  } else if (sent_ > kReadBytes) {
    to_send_.erase(0, std::exchange(sent_, 0));
  }
  const bool waits = !to_send_.empty();
  if (std::exchange(waits_to_write_, waits) != waits) {
    loop_->Change(control_watch_, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

// ---- What it writes ----

void SupervisedWorker::OnPipe(Pipe* pipe) { ReadPipe(pipe); }

bool SupervisedWorker::ReadPipe(Pipe* pipe) {
  if (pipe->fd < 0) return false;
  auto& buffer = ReadBuffer();
  const ssize_t got = read(pipe->fd, buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) {
    loop_->Unwatch(std::exchange(pipe->watch, 0));
    pipe->fd = -1;
    return false;
  }
  Tell(*pipe, pipe->lines.Add({buffer.data(), static_cast<size_t>(got)}, Clock::now()));
  return true;
}

void SupervisedWorker::Tell(const Pipe& pipe, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    worker::v1::FromWorker message;
    v1::LogLine* log = message.mutable_log();
    *log->mutable_time() = google::protobuf::util::TimeUtil::GetCurrentTime();
    log->set_level(pipe.level);
    log->set_source(pipe.source);
    log->set_message(line);
    listener_->OnMessage(message);
  }
}

// ---- Its times ----

std::optional<SupervisedWorker::Clock::time_point> SupervisedWorker::NextDeadline() const {
  if (is_killed_) return std::nullopt;
  if (kill_at_) return kill_at_;
  if (!has_said_hello_) return heard_ + options_.hello_timeout;
  const auto silent_at = heard_ + options_.silence_timeout;
  return stop_by_ ? std::min(*stop_by_, silent_at) : silent_at;
}

// Each frame puts a deadline off: the timer is set anew only when it would come too late.
void SupervisedWorker::Rearm() {
  const auto deadline = NextDeadline();
  if (timer_ && deadline && timer_->first <= *deadline) return;
  if (timer_) loop_->CancelTimer(*timer_);
  timer_.reset();
  if (deadline) timer_ = loop_->SetTimer(*deadline, [this] { OnTimer(); });
}

void SupervisedWorker::OnTimer() {
  timer_.reset();
  // What it has said in time counts, even if the daemon had no time to hear it.
  if (!kill_at_) ReadControl();
  const auto now = Clock::now();
  const auto deadline = NextDeadline();
  if (!deadline || now < *deadline) return Rearm();
  if (kill_at_) {
    if (is_control_closed_ && !is_condemned()) {
      verdict_ = EndIn(Kind::kCrashed, "The worker closed its control socket", Culprit());
    }
    is_killed_ = true;
    process_->Signal(SIGKILL);
  } else if (!has_said_hello_) {
    // Mostly many start at the same time on a machine that is busy: another will have more luck.
    KillFor(EndIn(Kind::kKilled,
                  fmt::format("The worker {} did not say Hello within {}", options_.worker_path,
                              DurationText(options_.hello_timeout)),
                  {}));
  } else if (stop_by_ && now >= *stop_by_) {
    AbortFor(EndIn(Kind::kCrashed,
                   fmt::format("The worker was told to stop and did not within {} (stop_timeout)",
                               DurationText(options_.stop_timeout)),
                   Culprit()));
  } else {
    AbortFor(
        EndIn(Kind::kCrashed,
              fmt::format("The worker said nothing for {}", DurationText(options_.silence_timeout)),
              Culprit()));
  }
}

void SupervisedWorker::KillFor(WorkerEnd verdict) {
  verdict_ = std::move(verdict);
  KillIn({});
}

void SupervisedWorker::AbortFor(WorkerEnd verdict) {
  verdict_ = std::move(verdict);
  process_->Signal(SIGABRT);
  KillIn(options_.grace);
}

void SupervisedWorker::KillIn(std::chrono::milliseconds duration) {
  if (duration.count() == 0) {
    is_killed_ = true;
    process_->Signal(SIGKILL);
  } else {
    kill_at_ = Clock::now() + duration;
  }
  Rearm();
}

// ---- Its end ----

void SupervisedWorker::OnProcessEnd() {
  loop_->Unwatch(std::exchange(end_watch_, 0));
  WorkerRemains remains;
  remains.process = process_->Reap();
  for (int reads = 0; reads < kMostLastReads && ReadControl(); ++reads) {
  }
  for (Pipe* pipe : {&stdout_, &stderr_}) {
    for (int reads = 0; reads < kMostLastReads && ReadPipe(pipe); ++reads) {
    }
    if (pipe->fd >= 0) loop_->Unwatch(std::exchange(pipe->watch, 0));
    Tell(*pipe, pipe->lines.End(Clock::now()));
  }
  loop_->Unwatch(std::exchange(control_watch_, 0));
  is_control_closed_ = true;
  is_killed_ = true;
  Rearm();  // no timer is left
  remains.culprit = Culprit();
  remains.finished = std::move(finished_);
  remains.verdict = std::move(verdict_);
  remains.has_said_hello = has_said_hello_;
  remains.is_kill_asked = is_kill_asked_;
  remains.is_out_of_memory = process_->calls().is_out_of_memory != 0;
  remains.worker_memory = options_.worker_memory;
  remains.path = options_.worker_path;
  const WorkerEnd end = EndOf(remains);
  const std::shared_ptr<WorkerListener> listener = std::exchange(listener_, nullptr);
  listener->OnEnded(end);
  on_ended_();
}

}  // namespace throng
