#include "server/inspection/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/delivery/commit_size.h"
#include "server/delivery/output_request.h"
#include "server/delivery/pacer.h"
#include "server/inspection/found_interaction.h"
#include "server/inspection/replay_request.h"
#include "server/inspection/replayed_rows.h"
#include "server/inspection/row_reader.h"
#include "throng/worker/v1/host_state.pb.h"

namespace throng {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{50};
constexpr milliseconds kLastBackOff{2'000};
constexpr milliseconds kReportInterval{250};
constexpr int64_t kWaitMs = 1'000;
constexpr int kMostExamples = 10;
// At a given rate, rows are sent in pieces of at most this much time.

// The lesser of two limits, of which 0 is none.
int64_t Least(int64_t a, int64_t b) { return a <= 0 ? b : b <= 0 ? a : std::min(a, b); }

class Replayer {
 public:
  Replayer(const v1::ReplayRequest& request, const OutputRequest& output,
           const Inspection& inspection)
      : request_(request),
        output_(output),
        inspection_(inspection),
        commit_interval_(output.spec().commit_interval().seconds() * 1000 +
                         output.spec().commit_interval().nanos() / 1'000'000) {}

  absl::Status Run() {
    if (absl::Status status = OpenReader(); !status.ok()) return status;
    auto data = DigestOfData(request_.source(), *reader_);
    if (!data.ok()) return data.status();
    fingerprint_ = *std::move(data);
    Digest identity;
    identity.AddField("throng replay 1").AddField(fingerprint_).AddField(output_.spec().key());
    output_.AddForm(&identity);
    identity_ = identity.AddField(request_.again()).Hex();
    uid_ = identity_.substr(0, 32);
    if (absl::Status status = Retry([this] { return OpenSink(); }); !status.ok()) return status;
    v1::Pace pace;
    pace.set_rate(request_.rate());
    pacer_ = Pacer(pace, {}, Clock::now());
    absl::Status status = Deliver();
    for (int aborts = 1; absl::IsAborted(status); ++aborts) {
      if (std::exchange(committed_at_abort_, committed_) != committed_) aborts = 1;
      constexpr int kMostAborts = 8;
      if (aborts > kMostAborts) return absl::UnavailableError(status.message());
      Sleep(std::min(kFirstBackOff * (1 << aborts), kLastBackOff));
      size_->Aborted(position_ - committed_);
      status = GoBack();
      if (status.ok()) status = Deliver();
    }
    return status;
  }

 private:
  absl::Status OpenReader() {
    ReadRequest read{.source = request_.source()};
    read.is_optional[static_cast<size_t>(FoundColumn::kRating)] = true;  // of a row
    auto reader = RowReader::Open(read, inspection_.catalogue, inspection_.environment);
    if (!reader.ok()) return reader.status();
    reader_ = *std::move(reader);
    return absl::OkStatus();
  }

  absl::Status OpenSink() {
    auto sink = output_.MakeSink(output_.first_part(), inspection_.environment);
    if (!sink.ok()) return sink.status();
    throng_target target{};
    target.struct_size = sizeof target;
    target.run_uid = uid_.c_str();
    target.output = output_.name().c_str();
    target.identity = identity_.c_str();
    target.slice_count = 1;
    target.part = -1;
    target.sends_again = request_.again().empty() ? 0 : 1;
    auto opened = (*sink)->Open(target);
    if (!opened.ok()) return opened.status();
    sink_ = *std::move(sink);
    size_.emplace(milliseconds(opened->max_commit_ms));
    commit_rows_ = Least(output_.spec().commit_rows(), opened->max_commit_rows);
    commit_interval_ = milliseconds(Least(commit_interval_.count(), opened->max_commit_ms));
    if (!opened->position) {
      state_.set_identity(identity_);
      state_.set_created_ms(inspection_.now_ms);
      committed_state_ = state_;
      return absl::OkStatus();
    }
    if (!state_.ParseFromString(opened->host_state) || state_.identity() != identity_ ||
        *opened->position < state_.replayed().rows()) {
      return absl::DataLossError(
          fmt::format("What {} keeps with the replay's position, row {}, cannot be read; send all "
                      "rows once more with --again.",
                      Place(), *opened->position));
    }
    committed_state_ = state_;
    position_ = committed_ = *opened->position;
    damaged_before_ = state_.replayed().damaged();
    rows_before_ = Delivered();
    return absl::OkStatus();
  }

  std::string Place() const {
    return output_.destination().empty() ? fmt::format("sink `{}`", output_.sink().name)
                                         : output_.destination();
  }

  bool HasPassesLeft() const {
    const int64_t passes = request_.has_passes() ? request_.passes() : 1;
    return passes == 0 || state_.replayed().passes() < passes;
  }

  // What is left, from the position on.
  absl::Status Deliver() {
    while (HasPassesLeft()) {
      if (absl::Status status = DeliverPass(); !status.ok()) return status;
      if (position_ == state_.replayed().rows()) {
        return absl::NotFoundError("The data have no row that can be read.");
      }
      worker::v1::Replayed* replayed = state_.mutable_replayed();
      replayed->set_passes(replayed->passes() + 1);
      replayed->set_rows(position_);
      replayed->set_damaged(replayed->damaged() + damaged_);
      replayed->set_left_out(replayed->left_out() + left_out_);
      damaged_ = left_out_ = 0;
      if (absl::Status status = Commit(); !status.ok()) return status;
      if (!HasPassesLeft()) break;
      if (absl::Status status = OpenReader(); !status.ok()) return status;
    }
    const std::string manifest = "{}";
    const throng_completion completion{.struct_size = sizeof completion,
                                       .rows = Delivered(),
                                       .epilogue = {},
                                       .manifest = manifest.c_str()};
    absl::Status status = Retry([&] { return sink_->Finish(completion); });
    if (status.ok()) Report(/*is_complete=*/true);
    return status;
  }

  // One pass, of which those before the position are there already.
  absl::Status DeliverPass() {
    RowEncoder encoder(output_, inspection_.environment, fingerprint_, state_.created_ms());
    damaged_ = left_out_ = committed_left_out_ = 0;
    FoundRows rows;
    while (true) {
      absl::Status read = reader_->Next(kWaitMs, &rows);
      if (absl::IsDataLoss(read)) {
        Note({.piece = "", .row = rows.first_row, .column = "", .sentence = MessageOf(read)});
        continue;
      }
      if (!read.ok()) return read;
      for (const Damage& damage : rows.damages) Note(damage);
      absl::Status status = DeliverRows(rows, &encoder);
      if (!status.ok() || rows.is_end) return status;
    }
  }

  absl::Status DeliverRows(const FoundRows& rows, RowEncoder* encoder) {
    const int64_t first = state_.replayed().rows() + rows.first_row;
    if (rows.rows > 0 && rows.rating.empty()) {
      return absl::NotFoundError(
          "The data have no column rating; say by what name with columns (--map rating=NAME).");
    }
    size_t from = 0;
    while (from < rows.rows) {
      const int64_t at = first + static_cast<int64_t>(from);
      size_t to = from + static_cast<size_t>(std::min<int64_t>(
                             PieceRows(), static_cast<int64_t>(rows.rows - from)));
      const bool is_there = at < committed_;
      if (is_there) to = from + std::min(rows.rows - from, static_cast<size_t>(committed_ - at));
      absl::Status status = is_there ? Skip(encoder->Pass(rows, from, to, reader_->pieces()))
                                     : Send(rows, from, to, encoder);
      if (!status.ok()) return status;
      ReportIfDue();
      from = to;
    }
    return absl::OkStatus();
  }

  // Takes notice of what was left out among rows that are there already.
  absl::Status Skip(const std::vector<Damage>& left_out) {
    if (IsStopping()) return absl::CancelledError("stopped at a commit");
    TakeLeftOut(left_out);
    committed_left_out_ = left_out_;
    if (new_rows_ == 0) rows_before_ = Delivered();
    return absl::OkStatus();
  }

  absl::Status Send(const FoundRows& rows, size_t from, size_t to, RowEncoder* encoder) {
    if (IsStopping()) {
      absl::Status status = Commit();
      return status.ok() ? absl::CancelledError("stopped at a commit") : status;
    }
    if (absl::Status status = AwaitPace(static_cast<int64_t>(to - from)); !status.ok()) {
      return status;
    }
    const int64_t most = MostCommitRows();
    const bool fits = most <= 0 || position_ - committed_ + static_cast<int64_t>(to - from) <= most;
    if (position_ > committed_ && !fits) {
      if (absl::Status status = Commit(); !status.ok()) return status;
    }
    absl::Status status =
        Retry([&] { return encoder->Encode(rows, from, to, reader_->pieces(), &encoded_); });
    if (!status.ok()) return status;
    TakeLeftOut(encoded_.left_out);
    return Write(state_.replayed().rows() + rows.first_row + static_cast<int64_t>(from),
                 static_cast<int64_t>(to - from));
  }

  void TakeLeftOut(const std::vector<Damage>& left_out) {
    for (const Damage& damage : left_out) Note(damage);
    left_out_ += static_cast<int64_t>(left_out.size());
  }

  absl::Status Write(int64_t first, int64_t read) {
    if (!encoded_.time.empty()) {
      const throng_records records = encoded_.Records(first);
      absl::Status status = Retry([&] { return sink_->Write(records); });
      if (!status.ok()) return status;
    }
    if (position_ == committed_) first_write_ = Clock::now();
    position_ = first + read;
    new_rows_ += read;
    const int64_t most = MostCommitRows();
    const bool is_due = Clock::now() - first_write_ >= commit_interval_ ||
                        (most > 0 && position_ - committed_ >= most);
    return is_due ? Commit() : absl::OkStatus();
  }

  absl::Status Commit() {
    const std::string state = state_.SerializeAsString();
    absl::Status status = Retry([&] { return sink_->Commit(position_, state); });
    if (!status.ok()) return status;
    size_->Committed(position_ - committed_, std::exchange(in_sink_, {}));
    committed_ = position_;
    committed_state_ = state_;
    committed_left_out_ = left_out_;
    return absl::OkStatus();
  }

  // To the last commit, of whose rows the sink has nothing.
  absl::Status GoBack() {
    new_rows_ -= position_ - committed_;
    position_ = committed_;
    state_ = committed_state_;
    in_sink_ = {};
    return OpenReader();
  }

  // 0: no limit.
  int64_t MostCommitRows() const { return Least(commit_rows_, size_->rows()); }

  // Rows of a piece that is encoded and written at once.
  int64_t PieceRows() const {
    int64_t rows = MostCommitRows();
    if (rows <= 0) rows = kMostPieceRows;
    if (pacer_.HasRate()) rows = std::min(rows, pacer_.MostRows(Clock::now()));
    return std::min(rows, kMostPieceRows);
  }

  // Waits until so many rows are due, and commits meanwhile when that is due.
  absl::Status AwaitPace(int64_t rows) {
    if (!pacer_.HasRate()) return absl::OkStatus();
    while (!IsStopping()) {
      const Clock::time_point now = Clock::now();
      if (position_ > committed_ && now - first_write_ >= commit_interval_) {
        if (absl::Status status = Commit(); !status.ok()) return status;
      }
      ReportIfDue();
      if (now >= pacer_.due()) break;
      std::this_thread::sleep_for(std::min<Clock::duration>(pacer_.due() - now, milliseconds(20)));
    }
    pacer_.HandOver(rows, Clock::now());
    return absl::OkStatus();
  }

  // Calls until the place is no longer full or out of reach, or for as long as is allowed.
  absl::Status Retry(const std::function<absl::Status()>& call) {
    Clock::time_point since = Clock::now();
    const auto progress_of = [this] { return sink_ == nullptr ? 0 : sink_->progress(); };
    uint64_t progress = progress_of();
    for (milliseconds back_off = kFirstBackOff;; back_off = std::min(2 * back_off, kLastBackOff)) {
      const Clock::time_point start = Clock::now();
      absl::Status status = call();
      const Clock::time_point now = Clock::now();
      in_sink_ += now - start;
      if (!absl::IsUnavailable(status) && !absl::IsResourceExhausted(status)) return status;
      if (const uint64_t before = std::exchange(progress, progress_of()); before != progress) {
        since = now;
      }
      const milliseconds most = inspection_.retry_timeout;
      if (most.count() > 0 && now - since >= most) return status;
      if (IsStopping()) return absl::CancelledError("stopped while the sink was blocked");
      Sleep(back_off);
    }
  }

  void Sleep(milliseconds time) const {
    for (const auto end = Clock::now() + time; Clock::now() < end && !IsStopping();) {
      std::this_thread::sleep_for(milliseconds(10));
    }
  }

  bool IsStopping() const { return is_left_ || inspection_.environment.IsStopping(); }

  void Note(const Damage& damage) {
    ++damaged_;
    // After going back they come again.
    const int64_t number = state_.replayed().damaged() + damaged_ - damaged_before_;
    const bool is_new = number > static_cast<int64_t>(examples_.size());
    if (is_new && examples_.size() < kMostExamples) examples_.push_back(DamageMessage(damage));
  }

  // Of all calls, committed.
  int64_t Delivered() const {
    return committed_ - committed_state_.replayed().left_out() - committed_left_out_;
  }

  void ReportIfDue() {
    if (Clock::now() - reported_ >= kReportInterval) Report(false);
  }

  void Report(bool is_complete) {
    reported_ = Clock::now();
    v1::ReplayResponse response;
    response.mutable_progress()->set_rows(position_);
    response.mutable_progress()->set_taken(reader_->taken());
    response.mutable_progress()->set_size(reader_->size());
    response.set_rows(Delivered());
    response.set_rows_before(rows_before_);
    response.set_damaged_records(damaged_ + state_.replayed().damaged());
    if (is_complete) {
      for (const v1::DamagedRecord& damage : examples_) *response.add_damaged() = damage;
    }
    response.set_is_complete(is_complete);
    if (!inspection_.send(response).ok()) is_left_ = true;
  }

  static constexpr int64_t kMostPieceRows = 4096;

  const v1::ReplayRequest& request_;
  const OutputRequest& output_;
  const Inspection& inspection_;
  std::unique_ptr<RowReader> reader_;
  std::shared_ptr<Sink> sink_;
  std::string fingerprint_;
  std::string identity_;
  std::string uid_;
  worker::v1::HostState state_;
  worker::v1::HostState committed_state_;
  int64_t commit_rows_ = 0;
  milliseconds commit_interval_;
  std::optional<CommitSize> size_;
  Clock::duration in_sink_{};
  EncodedRows encoded_;
  int64_t position_ = 0;   // rows read that are written or left out, over all passes
  int64_t committed_ = 0;  // likewise, committed
  int64_t committed_at_abort_ = -1;
  int64_t rows_before_ = 0;
  int64_t damaged_before_ = 0;
  // Of the pass at hand.
  int64_t damaged_ = 0;
  int64_t left_out_ = 0;            // rows among them
  int64_t committed_left_out_ = 0;  // likewise, below committed_
  int64_t new_rows_ = 0;
  std::vector<v1::DamagedRecord> examples_;
  bool is_left_ = false;  // nobody hears any more
  Pacer pacer_;
  Clock::time_point first_write_, reported_;
};

}  // namespace

absl::Status Replay(const v1::ReplayRequest& request, const Inspection& inspection) {
  const auto spec = ReplaySpec(request, inspection.problems);
  if (!spec || !inspection.problems->empty()) return absl::InvalidArgumentError("output");
  const OutputRequest output(*spec, 0, inspection.catalogue, inspection.environment,
                             inspection.now_ms, inspection.problems);
  for (Problem& problem : *inspection.problems) {
    constexpr std::string_view kElement = "outputs[0]";
    if (problem.field.starts_with(kElement)) {
      problem.field = "output" + problem.field.substr(kElement.size());
    }
  }
  if (!inspection.problems->empty()) return absl::InvalidArgumentError("output");
  if (!output.IsMessages()) {
    return absl::InvalidArgumentError(
        fmt::format("A replay delivers messages, and the sink `{}` takes a stream; choose kafka.",
                    output.sink().name));
  }
  return Replayer(request, output, inspection).Run();
}

}  // namespace throng
