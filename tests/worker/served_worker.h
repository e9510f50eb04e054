// A real `throng-worker serve`, whose daemon is the test.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/control/call_page.h"
#include "server/control/frame.h"
#include "throng/v1/generation_service.pb.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

// Adds the plugins of the folders to what a worker may load.
void AddPlugins(const std::vector<std::string>& folders, worker::v1::Start* start);

class ServedWorker {
 public:
  // Starts a worker and hears its Hello. `folder`: where it works.
  explicit ServedWorker(const std::string& folder, bool has_row_channel = false);
  ~ServedWorker();  // kills it
  ServedWorker(const ServedWorker&) = delete;
  ServedWorker& operator=(const ServedWorker&) = delete;

  const std::string& version() const { return version_; }

  void Send(const worker::v1::ToWorker& message);
  void Start(const worker::v1::Start& start);
  void Begin(bool is_paused = false);
  void Pause();
  void Resume();
  void Stop();
  void SendBytes(std::string_view bytes);
  // The end of the socket, as if the daemon had died.
  void Leave();

  // The next message but logs, which are kept; nothing at the end of the socket. Fails the test
  // after a minute.
  std::optional<worker::v1::FromWorker> Next();
  const std::vector<v1::LogLine>& logs() const { return logs_; }
  // The next message of a kind, skipping Progress; default values at the end of the socket.
  worker::v1::Planned Planned();
  worker::v1::Finished Finished();
  // The first Progress from now on that is as wanted of the first output; fails at the end.
  v1::OutputStatus AwaitOutput(const std::function<bool(const v1::OutputStatus&)>& is_wanted);

  // The next message of the row channel; nothing at its end.
  std::optional<v1::GenerateResponse> NextRows();
  void LeaveRows();

  // Waits for its end: its exit code, or minus the signal that ended it.
  int Wait();
  // The largest resident memory so far, in bytes; of a worker that has not ended.
  int64_t PeakMemory() const;
  const CallPage& calls() const { return *calls_; }

 private:
  std::optional<std::string> NextFrame(int fd, FrameReader* reader);

  pid_t pid_ = -1;
  int control_ = -1;
  int rows_ = -1;
  const CallPage* calls_ = nullptr;
  FrameReader frames_;
  FrameReader row_frames_;
  std::string version_;
  std::vector<v1::LogLine> logs_;
};

}  // namespace throng
