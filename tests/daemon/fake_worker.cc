// A worker that does what the test tells it, well or badly: before Hello by THRONG_FAKE, then by
// the lines of Start.plugin_errors, one after the other.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "server/control/call_page.h"
#include "server/control/frame.h"
#include "throng/v1/generation_service.pb.h"
#include "throng/worker/v1/control.pb.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared

namespace throng {
namespace {

using worker::v1::FromWorker;
using worker::v1::ToWorker;

constexpr auto kBeat = std::chrono::milliseconds(20);

void Say(const FromWorker& message) {
  if (!WriteFrame(kControlFd, message).ok()) _exit(0);  // the daemon is gone
}

void SayHello(const std::string& version) {
  FromWorker message;
  message.mutable_hello()->set_version(version);
  Say(message);
}

void SayLog(const std::string& text) {
  FromWorker message;
  message.mutable_log()->set_message(text);
  Say(message);
}

void SayProgress() {
  FromWorker message;
  message.mutable_progress();
  Say(message);
}

[[noreturn]] void Finish(int code) {
  FromWorker message;
  message.mutable_finished()->set_code(code);
  Say(message);
  _exit(0);
}

// The next message; nothing when the daemon is gone or none has come within `wait`.
std::optional<ToWorker> Hear(std::chrono::milliseconds wait) {
  static FrameReader frames;
  timeval timeout{};
  timeout.tv_usec = static_cast<suseconds_t>(wait.count() * 1000);
  setsockopt(kControlFd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  for (;;) {
    const auto frame = frames.Next();
    if (frame.ok() && *frame) {
      ToWorker message;
      if (!message.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size()))) _exit(9);
      return message;
    }
    std::string buffer(1 << 16, '\0');
    const ssize_t got = recv(kControlFd, buffer.data(), buffer.size(), 0);
    if (got == 0) _exit(0);
    if (got < 0) return std::nullopt;
    frames.Add({buffer.data(), static_cast<size_t>(got)});
  }
}

[[noreturn]] void WaitForTheEnd() {
  for (;;) pause();
}

// Alive until Stop comes; echoes what else does.
[[noreturn]] void Serve(bool is_deaf) {
  for (;;) {
    const auto message = Hear(kBeat);
    if (!message) {
      SayProgress();
    } else if (message->has_stop() && !is_deaf) {
      Finish(0);
    } else {
      SayLog(message->ShortDebugString());
    }
  }
}

void Write(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void Flood(int fd, int64_t bytes) {
  const std::string line(99, '.');
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += line + "\n";
  for (; bytes > 0; bytes -= static_cast<int64_t>(lines.size())) Write(fd, lines);
}

void SendRows(int64_t messages, int64_t bytes) {
  v1::GenerateResponse response;
  response.mutable_batch()->set_user_prefix(std::string(static_cast<size_t>(bytes), 'u'));
  for (int64_t i = 0; i < messages; ++i) {
    response.mutable_batch()->set_first_row(i);
    if (!WriteFrame(kRowFd, response).ok()) _exit(8);
  }
}

std::string OpenDescriptors() {
  std::vector<int> numbers;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // that of the iterator itself
    const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.find("/fd") == std::string::npos) {
      numbers.push_back(std::stoi(entry.path().filename().string()));
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return fmt::format("{}", fmt::join(numbers, " "));
}

// One line of the script: a verb and what it needs.
void Do(const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  words >> verb;
  const auto number = [&words] {
    int64_t value = 0;
    words >> value;
    return value;
  };
  const auto rest = [&words] {
    std::string text;
    std::getline(words >> std::ws, text);
    return text;
  };
  if (verb == "call") {  // ROW NAME: from now on, for good
    const int64_t row = number();
    new CallScope(CallerOf(rest()), row);
  } else if (verb == "raise") {
    raise(static_cast<int>(number()));
  } else if (verb == "exit") {
    _exit(static_cast<int>(number()));
  } else if (verb == "finish") {
    Finish(static_cast<int>(number()));
  } else if (verb == "finish-and-stay") {
    FromWorker message;
    message.mutable_finished();
    Say(message);
    WaitForTheEnd();
  } else if (verb == "hang") {
    WaitForTheEnd();
  } else if (verb == "ignore-abort") {
    signal(SIGABRT, SIG_IGN);
  } else if (verb == "serve") {
    Serve(false);
  } else if (verb == "deaf") {
    Serve(true);
  } else if (verb == "beat") {  // alive, and reads nothing
    for (;;) {
      SayProgress();
      std::this_thread::sleep_for(kBeat);
    }
  } else if (verb == "log") {
    SayLog(rest());
  } else if (verb == "long-call") {  // MILLISECONDS PATIENT ROW NAME
    FromWorker message;
    auto* call = message.mutable_progress()->add_calls();
    call->set_lasts_ms(number());
    call->set_is_patient(number() != 0);
    call->set_row(number());
    call->set_component(rest());
    Say(message);
  } else if (verb == "out-of-memory") {
    TheCallPage().is_out_of_memory = 1;
  } else if (verb == "say-hello") {
    SayHello(THRONG_VERSION);
  } else if (verb == "send-garbage") {
    Write(kControlFd, std::string("\x02\0\0\0\xff\xff", 6));
  } else if (verb == "send-long-frame") {
    Write(kControlFd, "\xff\xff\xff\xff");
  } else if (verb == "close-control") {
    close(kControlFd);
  } else if (verb == "print") {  // FD TEXT
    const int64_t fd = number();
    Write(static_cast<int>(fd), rest() + "\n");
  } else if (verb == "flood") {  // FD BYTES
    const int64_t fd = number();
    Flood(static_cast<int>(fd), number());
  } else if (verb == "rows") {  // MESSAGES BYTES
    const int64_t messages = number();
    SendRows(messages, number());
  } else if (verb == "half-a-row") {
    Write(kRowFd, std::string("\x10\0\0\0abc", 7));
  } else if (verb == "leave-a-child") {  // that holds all descriptors and would live for ever
    if (const pid_t child = fork(); child == 0) {
      WaitForTheEnd();
    } else {
      SayLog(std::to_string(child));
    }
  } else if (verb == "tell-descriptors") {
    SayLog(OpenDescriptors());
  } else if (verb == "tell-environment") {
    for (char** variable = environ; *variable != nullptr; ++variable) SayLog(*variable);
  } else if (verb == "tell-folder") {
    SayLog(std::filesystem::current_path().string());
  } else if (verb == "tell-group") {
    SayLog(getpgrp() == getpid() ? "own" : "another's");
  } else if (verb == "tell-signals") {
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, nullptr, &blocked);
    struct sigaction pipe {};
    sigaction(SIGPIPE, nullptr, &pipe);
    SayLog(sigisemptyset(&blocked) != 0 && pipe.sa_handler == SIG_DFL ? "default" : "inherited");
  } else {
    _exit(99);
  }
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  using namespace throng;
  if (argc != 2 || std::string(argv[1]) != "serve") return 98;
  if (!AttachCallPage(kCallPageFd).ok()) return 97;
  NoteCrashes();
  const char* before = std::getenv("THRONG_FAKE");
  const std::string first = before == nullptr ? "" : before;
  if (first == "other-version") {
    SayHello("0.0.9");
    WaitForTheEnd();
  }
  if (!first.empty()) Do(first);
  SayHello(THRONG_VERSION);
  const auto start = Hear(std::chrono::milliseconds(0));
  for (const std::string& line : start->start().plugin_errors()) Do(line);
  Serve(false);
}
