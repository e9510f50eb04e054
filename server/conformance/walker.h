// A sink under check: an instance that is walked as the host walks it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/conformance/check.h"
#include "server/conformance/lent.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"

namespace throng {

struct WalkListener {
  std::function<void(int64_t position)> on_commit = [](int64_t) {};  // it begins
  std::function<void(int64_t position)> on_committed = [](int64_t) {};
};

class SinkWalker {
 public:
  static constexpr int64_t kRows = 6000;
  static constexpr int64_t kCommitRows = 300;

  static absl::StatusOr<std::unique_ptr<SinkWalker>> Create(const CheckContext& context,
                                                            int64_t commit_rows = kCommitRows);
  ~SinkWalker();
  SinkWalker(const SinkWalker&) = delete;
  SinkWalker& operator=(const SinkWalker&) = delete;

  struct Message {
    std::string key;
    std::string value;
  };

  // What walks are written to: the only slice of an output.
  static throng_target Target();
  // All that a stream of the walk holds in the end.
  static std::string WholeStream();
  // What is written of a row where the sink takes messages.
  static Message MessageOf(int64_t row);

  // The functions of the sink. The host state that open and peek tell is checked.
  absl::StatusOr<Sink::Opened> Open();
  absl::StatusOr<Sink::Opened> Peek();
  absl::Status Reset();
  absl::Status Commit(int64_t position);
  absl::Status Finish();
  // Of what is complete, the rows below `position` stay.
  absl::Status Reopen(int64_t position);

  // Writes and commits rows from where it opened up to `end`. ABORTED takes it back to the last
  // commit.
  absl::Status WalkTo(int64_t end, const WalkListener& listener = {});
  // A few rows more, without a commit.
  absl::Status WriteSome();

 private:
  SinkWalker(const CheckContext& context, int64_t commit_rows, OptionValues options);
  absl::Status Advance(int64_t end, const WalkListener& listener);
  absl::Status WritePrologue();
  absl::Status Write(int64_t first, int64_t rows);

  const bool takes_stream_;
  const bool is_lending_;
  const OptionValues options_;
  LentMemory lent_for_life_;
  std::unique_ptr<Sink> sink_;
  int64_t commit_rows_;
  std::optional<int64_t> committed_;
  std::optional<int64_t> written_;
};

// Sinks that take both are tried with streams.
inline bool TakesStream(const CheckContext& context) {
  return (context.component->sink.modes & THRONG_RECORDS_STREAM) != 0;
}

std::string PositionText(const std::optional<int64_t>& position);

// Walks in processes that are killed at moments of all kinds. In kills.cc.
absl::Status CheckKills(CheckContext& context);
// Likewise at each system call of a commit and of finish.
absl::Status CheckKillsAtCalls(CheckContext& context);
// That a place holds what was written, once, also where finish is repeated. In places.cc.
absl::Status CheckHolds(CheckContext& context);
// That what is complete can be taken up again, and ends as before. In places.cc.
absl::Status CheckReopens(CheckContext& context);
// That the host can refuse a place to a run of another dataset, and nothing is lost. In places.cc.
absl::Status CheckForeign(CheckContext& context);
// That whatever decides where it writes is said to be a path. In places.cc.
absl::Status CheckPaths(CheckContext& context);

}  // namespace throng
