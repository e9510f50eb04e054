#include "tests/worker/served_worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "server/host/catalogue.h"

namespace throng {
namespace {

constexpr int kPatienceMs = 60'000;

std::array<int, 2> SocketPair() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return ends;
}

}  // namespace

void AddPlugins(const std::vector<std::string>& folders, worker::v1::Start* start) {
  const auto catalogue = Catalogue::Load(folders);
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  for (const IndexedPlugin& plugin : catalogue->index()) {
    worker::v1::PluginFile* file = start->add_plugins();
    file->set_path(plugin.path);
    file->set_sha256(plugin.digest);
    for (const auto& [role, name] : plugin.components) {
      worker::v1::ComponentName* component = file->add_components();
      component->set_role(std::string(RoleName(role)));
      component->set_name(name);
    }
  }
}

ServedWorker::ServedWorker(const std::string& folder, bool has_row_channel) {
  const auto control = SocketPair();
  const auto rows = has_row_channel ? SocketPair() : std::array<int, 2>{-1, -1};
  const int page = memfd_create("calls", MFD_CLOEXEC);
  EXPECT_EQ(ftruncate(page, sizeof(CallPage)), 0);
  calls_ =
      static_cast<const CallPage*>(mmap(nullptr, sizeof(CallPage), PROT_READ, MAP_SHARED, page, 0));
  // Out of the way of the descriptors that the worker finds.
  std::array<int, 3> theirs = {control[1], page, rows[1]};
  for (int& fd : theirs) fd = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 100);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::array<int, 3> as = {kControlFd, kCallPageFd, kRowFd};
  for (size_t i = 0; i < theirs.size(); ++i) {
    if (theirs[i] >= 0) posix_spawn_file_actions_adddup2(&actions, theirs[i], as[i]);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, has_row_channel ? kRowFd + 1 : kRowFd);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::string path = THRONG_WORKER;
  std::string verb = "serve";
  char* arguments[] = {path.data(), verb.data(), nullptr};
  EXPECT_EQ(posix_spawn(&pid_, path.c_str(), &actions, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  for (const int fd : {control[1], page, rows[1], theirs[0], theirs[1], theirs[2]}) {
    if (fd >= 0) close(fd);
  }
  control_ = control[0];
  rows_ = rows[0];
  if (const auto hello = Next()) version_ = hello->hello().version();
}

ServedWorker::~ServedWorker() {
  if (pid_ > 0) kill(pid_, SIGKILL);
  Wait();
  Leave();
  LeaveRows();
  munmap(const_cast<CallPage*>(calls_), sizeof(CallPage));
}

void ServedWorker::Send(const worker::v1::ToWorker& message) {
  EXPECT_TRUE(WriteFrame(control_, message).ok());
}

void ServedWorker::Start(const worker::v1::Start& start) {
  worker::v1::ToWorker message;
  *message.mutable_start() = start;
  Send(message);
}

void ServedWorker::Begin(bool is_paused) {
  worker::v1::ToWorker message;
  message.mutable_begin()->set_paused(is_paused);
  Send(message);
}

void ServedWorker::Pause() {
  worker::v1::ToWorker message;
  message.mutable_pause();
  Send(message);
}

void ServedWorker::Resume() {
  worker::v1::ToWorker message;
  message.mutable_resume();
  Send(message);
}

void ServedWorker::Stop() {
  worker::v1::ToWorker message;
  message.mutable_stop();
  Send(message);
}

void ServedWorker::SendBytes(std::string_view bytes) {
  EXPECT_TRUE(WriteAll(control_, bytes).ok());
}

void ServedWorker::Leave() {
  if (control_ >= 0) close(control_);
  control_ = -1;
}

void ServedWorker::LeaveRows() {
  if (rows_ >= 0) close(rows_);
  rows_ = -1;
}

std::optional<std::string> ServedWorker::NextFrame(int fd, FrameReader* reader) {
  std::string piece(64 << 10, '\0');
  while (true) {
    const auto frame = reader->Next();
    EXPECT_TRUE(frame.ok()) << frame.status();
    if (!frame.ok()) return std::nullopt;
    if (*frame) return std::string(**frame);
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) == 0) {
      ADD_FAILURE() << "the worker says nothing";
      return std::nullopt;
    }
    const ssize_t size = read(fd, piece.data(), piece.size());
    if (size <= 0) return std::nullopt;
    reader->Add({piece.data(), static_cast<size_t>(size)});
  }
}

std::optional<worker::v1::FromWorker> ServedWorker::Next() {
  while (const auto frame = NextFrame(control_, &frames_)) {
    worker::v1::FromWorker message;
    EXPECT_TRUE(message.ParseFromString(*frame));
    if (!message.has_log()) return message;
    logs_.push_back(message.log());
  }
  return std::nullopt;
}

worker::v1::Planned ServedWorker::Planned() {
  while (const auto message = Next()) {
    if (message->has_planned()) return message->planned();
    EXPECT_TRUE(message->has_progress()) << message->DebugString();
    if (!message->has_progress()) break;
  }
  return {};
}

worker::v1::Finished ServedWorker::Finished() {
  while (const auto message = Next()) {
    if (message->has_finished()) return message->finished();
  }
  ADD_FAILURE() << "the worker ended without Finished";
  return {};
}

v1::OutputStatus ServedWorker::AwaitOutput(
    const std::function<bool(const v1::OutputStatus&)>& is_wanted) {
  while (const auto message = Next()) {
    const auto& outputs = message->progress().outputs();
    if (!outputs.empty() && is_wanted(outputs.Get(0))) return outputs.Get(0);
    if (!message->has_finished()) continue;
    ADD_FAILURE() << message->DebugString();
    return {};
  }
  ADD_FAILURE() << "the worker ended";
  return {};
}

std::optional<v1::GenerateResponse> ServedWorker::NextRows() {
  const auto frame = NextFrame(rows_, &row_frames_);
  if (!frame) return std::nullopt;
  v1::GenerateResponse response;
  EXPECT_TRUE(response.ParseFromString(*frame));
  return response;
}

int ServedWorker::Wait() {
  if (pid_ <= 0) return 0;
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int64_t ServedWorker::PeakMemory() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  std::string word;
  int64_t kilobytes = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kilobytes;
  }
  EXPECT_GT(kilobytes, 0);
  return kilobytes * 1024;
}

}  // namespace throng
