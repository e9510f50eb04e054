// Where an output goes: its parts, the sink of the one that is at hand, and what that holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/slice.h"
#include "server/delivery/encoder.h"
#include "server/delivery/output_request.h"
#include "server/host/instances.h"
#include "throng/v1/statistics.pb.h"
#include "throng/worker/v1/host_state.pb.h"

namespace throng {

class Place {
 public:
  // Of a request that is configured before anything else is called; both outlive this.
  Place(const OutputRequest& request, const Environment& environment);

  // What it holds, without taking it; nothing of one that keeps no position. UNIMPLEMENTED: the
  // sink cannot tell; ALREADY_EXISTS: another output.
  absl::StatusOr<Sink::Opened> Peek(const std::string& run_uid);
  // Of a path that the sink can never write to, INVALID_ARGUMENT; touches nothing.
  absl::Status CheckPath(const std::string& run_uid);
  // Forgets the position, if one is kept, and what was delivered where the sink can. UNIMPLEMENTED:
  // it cannot; ALREADY_EXISTS: it holds another output.
  absl::Status Reset(const std::string& run_uid);

  // Takes the first part that is not complete, or the last one. Afterwards stored() is what was
  // committed there with the position, if any. ALREADY_EXISTS: it holds another output, of which
  // nothing is touched where the sink can peek. `sends_again`: rows that an earlier run delivered
  // are wanted once more.
  absl::Status Open(const std::string& run_uid, bool sends_again = false);
  const std::optional<worker::v1::HostState>& stored() const { return stored_; }
  // What the part at hand holds, as it was opened.
  const Sink::Opened& opened() const { return opened_; }

  // Whether all rows were there when it was opened. A topic is never finished.
  bool HeldAll() const { return HoldsAll(opened_); }

  // Before the first row: takes up what is stored; the request has the plan to go on with.
  void TakeUp();
  // Begins the format for the part at hand, from when on encoding() is. Of the format, UNAVAILABLE
  // and RESOURCE_EXHAUSTED: again later.
  absl::Status Begin();
  // Whether these are the rows and records that are stored, and no more than are asked for.
  absl::Status Verify();
  // Takes up again what is complete with fewer rows than are asked for, and takes back a last cut
  // that is to be longer now. Nothing of any other place. UNAVAILABLE and RESOURCE_EXHAUSTED: again
  // later.
  absl::Status Grow();
  // Closes the part at hand, opens the next one, begins, verifies and grows it; or stays at the
  // part that it closed, to be called again.
  absl::Status OpenNext();
  // Gives it free.
  void Close() { sink_.reset(); }

  // ---- The part at hand; it is all of an output that is not rolled ----
  Slice PartSlice() const { return request_.PartSlice(part_); }
  bool IsLast() const { return PartSlice().end() == request_.slice().end(); }
  Sink* sink() const { return sink_.get(); }
  const Encoding& encoding() const { return encoding_; }
  // Keeps count of what is written of a stream, of the prologue first, and of its units the note
  // where they are cuts; all is committed with a position, and dropped by GoBack unless it is.
  void WrotePrologue(size_t bytes);
  void Wrote(const Unit& unit, size_t bytes, const std::optional<std::string>& note);
  void Committed();
  void GoBack();
  // What the format's end is told of that. Points into this.
  int64_t bytes() const { return host_state_.bytes(); }
  std::vector<throng_note> notes() const;
  // Whether it is worth storing counts with the position: it is kept, and its size is of no
  // account. Of messages it is itself a message.
  bool KeepsCounts() const;
  // What to commit with a position; with the statistics of the whole output once all rows were
  // seen, and with the counts that they are derived from before.
  std::string HostState(const std::optional<v1::Statistics>& statistics,
                        const std::optional<worker::v1::Counts>& counts) const;
  // Its manifest, with its statistics, as a JSON object.
  std::string Manifest(const std::optional<v1::Statistics>& statistics) const;

 private:
  bool HoldsAll(const Sink::Opened& opened) const {
    return (opened.is_complete && !IsShort(opened)) ||
           (request_.IsMessages() && opened.position == request_.slice().end());
  }
  // Whether the part at hand is complete with fewer rows than are asked for now.
  bool IsShort(const Sink::Opened& opened) const {
    return opened.is_complete && opened.position && *opened.position < PartSlice().end();
  }
  throng_target Target() const;
  absl::StatusOr<Sink::Opened> PeekPart(const Environment& environment) const;
  absl::Status OpenPart();
  // Whether what a sink told of the part at hand was left by another output.
  bool IsForeign(const Sink::Opened& opened) const;
  // Says what to do if only the number of rows made it another dataset.
  absl::Status RefuseForeign(const Sink::Opened& opened) const;
  // Whether the last cut there is short, and would have more rows by now.
  bool HasShortCut() const;
  // The sink's refusal, which does not tell of what dataset the place is.
  absl::Status WithPlanSize(const absl::Status& status) const;
  // More parts than are asked for would be taken for some of these.
  absl::Status CheckNothingFollows();
  absl::Status CheckStored() const;
  absl::Status CheckPosition() const;
  absl::StatusOr<std::string> RecordFingerprint() const;
  // Who says what it holds: the place, or the sink of one without a name.
  std::string Holder() const;

  const OutputRequest& request_;
  const Environment& environment_;
  Environment quiet_;  // of who peeks, since whoever opens says the same
  std::string run_uid_;
  bool sends_again_ = false;
  int64_t part_;  // at hand; -1: not rolled
  std::shared_ptr<Sink> sink_;
  Sink::Opened opened_;
  std::optional<worker::v1::HostState> stored_;  // of this part, else of the one before it
  worker::v1::HostState host_state_;
  int64_t committed_bytes_ = 0;  // of those in host_state_
  int committed_notes_ = 0;      // likewise
  std::optional<worker::v1::LastCut> committed_cut_;
  Encoding encoding_;
};

}  // namespace throng
