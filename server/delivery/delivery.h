// The writer's side of an output: takes encoded blocks in row order, writes and commits them to its
// place, and finishes it, or one part of it after the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/slice.h"
#include "server/delivery/commit_size.h"
#include "server/delivery/encoder.h"
#include "server/delivery/output_request.h"
#include "server/delivery/pacer.h"
#include "server/delivery/place.h"
#include "server/delivery/progress.h"
#include "server/delivery/tally.h"
#include "server/delivery/tuning.h"
#include "server/host/instances.h"
#include "throng/v1/statistics.pb.h"

namespace throng {

// How an output is walked; decides nothing about what is written.
struct WalkSettings {
  const Tuning* tuning = nullptr;  // outlives the walk
  // How long a sink that is full or out of reach is offered the same again before the output fails;
  // 0: without end.
  std::chrono::milliseconds retry_timeout{10'000};
};

class Delivery {
 public:
  // `place` is open and has begun, and the part at hand is not complete. All of it outlives this.
  Delivery(const OutputRequest& request, Place* place, const WalkSettings& settings,
           const Environment& environment, ProgressMonitor* monitor);
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Delivers from the position to the end and finishes; true. False: stopped at a commit because
  // the environment is stopping. Once.
  absl::StatusOr<bool> Run();

  // Of the whole output, for interactions, after Run returned true.
  const std::optional<v1::Statistics>& statistics() const { return statistics_; }

  // Of the whole output so far; nothing for other tables. Any thread.
  std::optional<Tally::Snapshot> Peek();

 private:
  using Clock = std::chrono::steady_clock;

  enum class Step { kContinue, kStopped, kFinished };

  // Begins with the part that is open.
  absl::StatusOr<Step> Start();
  // Goes on with the next part that is not complete, if there is one.
  absl::StatusOr<Step> StartNext();
  // Delivers one block, or ends: at a commit when stopping, else at the end of the slice.
  absl::StatusOr<Step> Advance();
  // Writes what comes before the first row, unless it is committed.
  absl::StatusOr<Step> Prologue();
  absl::Status Deliver(EncodingWalk::Block* block);
  absl::Status Commit();
  absl::Status Finish();
  // To count the rows of earlier processes takes a while: nothing is left uncommitted meanwhile.
  absl::Status CommitBeforeCounting(bool is_counted);
  absl::Status CountAll();
  // Goes back to the last commit: `reason` says why the sink has nothing of what came after it.
  absl::StatusOr<Step> GoBack(const absl::Status& reason);
  bool IsCommitDue() const;
  // The most rows of a commit; 0: no limit.
  int64_t CommitRows() const;
  bool IsStopping() const { return environment_.IsStopping(); }
  bool IsPaused() const { return environment_.IsPaused(); }
  // Commits, if the sink takes it, and waits to be resumed or stopped.
  absl::Status Hold();
  // Waits to be resumed or stopped.
  void AwaitResume();
  int64_t UnitRows() const;
  void SetUnitRows();
  // The walk goes on in units of what UnitRows says now, from what is committed.
  void Rewind();
  // Takes the pace and the threads that are asked for now.
  void TakeTuning();
  bool IsTuned() const { return tuning_version_ == settings_.tuning->version(); }
  // Makes the walk anew, from what is committed.
  void MakeWalk();
  // Commits, and goes on from there with the rows of the unit at hand.
  absl::Status PutBack();
  // Waits until a unit is due, and commits meanwhile when that is due. False: it is put back, since
  // it is too large for the pace, or something else is asked.
  absl::StatusOr<bool> AwaitPace(const EncodingWalk::Block& block);
  Clock::time_point DueTime(const EncodingWalk::Block& block) const;
  // Takes notice of how far a live unit is from the present.
  void LookAtTime(const EncodingWalk::Block& block);
  // The most rows of a unit that the pace allows; 0: any.
  int64_t PacedRows() const;
  bool HasCuts() const { return place_.encoding().prologue.cut_rows > 1; }
  // Sleeps until `due`, or until stopping, paused or asked for another pace.
  void SleepUntil(Clock::time_point due) const;
  // Calls until it no longer says that the sink is full or out of reach. A sink that gets on in
  // between is slow, and is waited for.
  absl::Status Retry(const std::function<absl::Status()>& call);
  bool IsMessages() const { return request_.IsMessages(); }
  void ShowCommitted();

  const OutputRequest& request_;
  Place& place_;
  const WalkSettings settings_;
  const Environment& environment_;
  ProgressMonitor& monitor_;
  int64_t commit_rows_;                        // commit at the latest after so many; 0: no limit
  std::chrono::milliseconds commit_interval_;  // likewise; 0: no limit
  CommitSize commit_size_;                     // likewise, by what the sink has proven to take
  Clock::duration in_sink_{};                  // since the last commit
  Slice part_;                                 // the rows of the part at hand
  std::optional<Tally> tally_;                 // if the output has interactions
  std::optional<EncodingWalk> walk_;
  int64_t unit_rows_ = 0;    // of the walk
  bool has_commit_ = false;  // of any process, in this part
  int64_t committed_ = 0;    // position of the last commit, or the part's first row
  int64_t position_ = 0;     // after what was written
  int64_t uncommitted_rows_ = 0;
  int64_t new_rows_ = 0;  // written by this process
  bool has_own_commit_ = false;
  uint64_t tuning_version_ = 0;
  int threads_ = 1;
  Pacer pacer_;
  int64_t live_rows_ = 0;          // the most rows of a unit near the present; 0: any
  Clock::time_point first_write_;  // since the last commit
  Clock::time_point first_abort_;  // since the last commit
  int aborts_ = 0;                 // likewise
  std::optional<v1::Statistics> statistics_;
};

}  // namespace throng
