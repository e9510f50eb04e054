// Streams of frames between daemon and worker, arbitrarily broken and cut: what each side does with
// what the other says. The first byte chooses the side, the second how the stream is cut.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "proto/utf8.h"
#include "server/control/frame.h"
#include "server/daemon/run_controller.h"
#include "server/daemon/run_log.h"
#include "server/spec/spec_request.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// The frames of a stream that comes in pieces, and whether it breaks off with a frame too long.
std::vector<std::string> Split(std::string_view stream, std::minstd_rand* random, bool* is_broken) {
  std::vector<std::string> frames;
  FrameReader reader;
  while (!stream.empty()) {
    const size_t most = random == nullptr ? stream.size() : 1 + (*random)() % 64;
    const size_t bytes = std::min(most, stream.size());
    reader.Add(stream.substr(0, bytes));
    stream.remove_prefix(bytes);
    while (true) {
      const auto frame = reader.Next();
      *is_broken = !frame.ok();
      if (!frame.ok()) return frames;
      if (!*frame) break;
      frames.emplace_back(**frame);
    }
  }
  return frames;
}

// What is read can be written again, and is then the same.
template <class Message>
bool Read(const std::string& bytes, Message* message) {
  if (!message->ParseFromString(bytes)) return false;
  std::string again;
  Require(AppendFrame(*message, &again).ok());
  bool is_broken = false;
  const std::vector<std::string> frames = Split(again, nullptr, &is_broken);
  Message second;
  Require(!is_broken && frames.size() == 1 && second.ParseFromString(frames[0]));
  Require(second.ByteSizeLong() == message->ByteSizeLong());
  return true;
}

// The worker's side.
void Take(const worker::v1::Start& start) {
  Problems problems;
  const bool has_outputs = !start.run().dataset_only();
  if (start.run().has_source()) {
    (void)ReadSpecRequest({&start.run().source(), nullptr, has_outputs}, &problems);
  }
  if (start.run().has_asked()) {
    (void)ReadSpecRequest({nullptr, &start.run().asked(), has_outputs}, &problems);
  }
  if (start.generate().has_source()) {
    (void)ReadSpecRequest({&start.generate().source(), nullptr, false}, &problems);
  }
  for (const Problem& problem : problems) Require(!problem.message.empty());
}

// The daemon's side: a run whose worker says all this.
class DaemonSide {
 public:
  DaemonSide() : controller_(Record()) { controller_.OnDaemonStart(); }

  void Take(const worker::v1::FromWorker& message) {
    if (message.has_planned()) Check(controller_.OnPlanned());
    if (message.has_progress()) Check(controller_.OnProgress(message.progress(), now_));
    if (message.has_log()) {
      const std::string text = LogText(message.log());
      Require(text.find('\n') == std::string::npos);
      Require(FindInvalidUtf8(text) == std::string::npos);
      Require(LogText(ParseLogText(text)) == text);
    }
    if (message.has_finished() && controller_.HasWorker()) {
      WorkerEnd end;
      end.finished = message.finished();
      Check(controller_.OnEnded(end, now_));
    }
  }

 private:
  static daemon::v1::RunRecord Record() {
    daemon::v1::RunRecord record;
    record.mutable_run()->set_name("runs/a");
    record.mutable_run()->set_target_state(v1::TARGET_STATE_RUNNING);
    record.mutable_run()->set_state(v1::RUN_STATE_STARTING);
    return record;
  }

  void Check(const RunController::Actions& actions) {
    Require(!(actions.launch && actions.begin));
    Require(controller_.run().state() != v1::RUN_STATE_UNSPECIFIED);
    Require(controller_.HasEnded() || controller_.HasWorker() || actions.wake || actions.launch);
    now_ += std::chrono::minutes(1);
    if (actions.wake) controller_.OnTimer(now_);
  }

  RunController controller_;
  RunController::Clock::time_point now_{std::chrono::hours(1)};
};

void Take(std::string_view stream, bool is_to_worker, uint8_t seed) {
  bool is_broken = false;
  bool is_broken_in_pieces = false;
  std::minstd_rand random(seed);
  const std::vector<std::string> frames = Split(stream, nullptr, &is_broken);
  Require(Split(stream, &random, &is_broken_in_pieces) == frames);
  Require(is_broken == is_broken_in_pieces);
  DaemonSide daemon;
  for (const std::string& frame : frames) {
    worker::v1::ToWorker to_worker;
    worker::v1::FromWorker from_worker;
    if (is_to_worker && Read(frame, &to_worker)) Take(to_worker.start());
    if (!is_to_worker && Read(frame, &from_worker)) daemon.Take(from_worker);
  }
}

}  // namespace
}  // namespace throng

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  if (size < 2) return 0;
  google::protobuf::SetLogHandler(nullptr);  // it would tell of each string that is none
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  throng::Take(stream, data[0] % 2 == 0, data[1]);
  return 0;
}
