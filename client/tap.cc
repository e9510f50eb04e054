// `throngctl tap`: rows as they are found, or as they arrive.
#include <fmt/format.h>

#include <chrono>
#include <utility>
#include <vector>

#include "client/exit_code.h"
#include "client/failure.h"
#include "client/inspection_commands.h"
#include "client/interrupts.h"
#include "client/reading.h"
#include "client/source_flag.h"
#include "client/tap_text.h"

namespace throng {
namespace {

// What was seen, for the line at the end.
class Seen {
 public:
  void Take(const v1::Interaction& interaction) {
    if (rows_++ == 0) start_ = std::chrono::steady_clock::now();
    if (!interaction.has_timestamp()) return;
    const auto& time = interaction.timestamp();
    const auto is_before = [](const auto& a, const auto& b) {
      return std::pair(a.seconds(), a.nanos()) < std::pair(b.seconds(), b.nanos());
    };
    if (!has_times_ || is_before(time, first_)) first_ = time;
    if (!has_times_ || is_before(last_, time)) last_ = time;
    has_times_ = true;
  }
  void TakeDamaged() { ++damaged_; }
  int64_t rows() const { return rows_; }

  std::string Text(bool is_topic) const {
    std::string text = fmt::format("{} row{}", rows_, rows_ == 1 ? "" : "s");
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    if (is_topic && rows_ > 1 && seconds >= 0.1) {
      text +=
          fmt::format(" in {:.1f} s, {:.1f} rows/s", seconds, static_cast<double>(rows_) / seconds);
    }
    if (has_times_)
      text += fmt::format(", event times {} to {}", TimeText(first_), TimeText(last_));
    if (damaged_ > 0) {
      text += fmt::format(", {} record{} cannot be read", damaged_, damaged_ == 1 ? "" : "s");
    }
    return text + ".";
  }

 private:
  int64_t rows_ = 0;
  int64_t damaged_ = 0;
  bool has_times_ = false;
  google::protobuf::Timestamp first_, last_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

int Tap(const TapCommand& command) {
  const auto sources = ParseSources(command.read.places, command.read.maps);
  if (!sources.ok()) return Fail(sources.status());
  v1::TapRequest request;
  *request.mutable_source() = sources->front();
  const bool is_topic = IsTopic(request.source());
  if (!is_topic && !command.group.empty()) {
    return Fail(kWrongRequest, "--group: only a topic is read by a group; leave it out.");
  }
  if (command.limit) request.set_limit(*command.limit);
  request.set_follow(is_topic && command.follows);
  // A group goes on where it was.
  request.set_from_end(is_topic && !command.from_beginning && command.group.empty());
  if (!command.group.empty()) {
    (*request.mutable_source()->mutable_source()->mutable_options())["group"] = command.group;
  }
  auto daemon = Daemon::OneShot(command.read.daemon);
  if (!daemon.ok()) return Fail(daemon.status());

  Seen seen;
  std::vector<v1::FoundInteraction> collected;
  const PrintFormat format = command.read.format;
  const auto take = [&](const v1::TapResponse& response) {
    std::string text;
    for (const v1::FoundInteraction& found : response.interactions()) {
      seen.Take(found.interaction());
      if (format == PrintFormat::kTable) text += TapText(seen.rows(), found.interaction());
      if (format == PrintFormat::kJsonLines) text += JsonLine(found.interaction());
      const bool is_list = format != PrintFormat::kTable && format != PrintFormat::kJsonLines;
      if (is_list) collected.push_back(found);
    }
    const bool is_read = Out(text);
    for (const v1::DamagedRecord& damage : response.damaged()) {
      seen.TakeDamaged();
      Say("cannot be read: " + DamageText(damage));
    }
    return is_read;
  };
  Cancellation cancellation;
  bool is_interrupted = false;
  absl::Status status;
  {
    const InterruptGuard guard([&] { cancellation.Cancel(); });
    status = daemon->connection().Tap(request, take, &cancellation);
    is_interrupted = guard.IsInterrupted();
  }
  if (!status.ok() && !is_interrupted) return Fail(status, *daemon);
  std::vector<Printed> list;
  list.reserve(collected.size());
  for (const v1::FoundInteraction& found : collected) {
    list.push_back({&found, fmt::format("{}:{}", found.piece(), found.offset())});
  }
  if (format != PrintFormat::kTable && format != PrintFormat::kJsonLines) PrintList(format, list);
  if (!command.read.is_quiet) Say(seen.Text(is_topic));
  return is_interrupted ? kInterrupted : kDone;
}

}  // namespace throng
