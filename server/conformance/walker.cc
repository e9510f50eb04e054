#include "server/conformance/walker.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/host/process.h"

namespace throng {
namespace {

constexpr int64_t kBlockRows = 10;
constexpr int kMostAborts = 100;
constexpr char kPrologue[] = "the first line\n";
constexpr char kEpilogue[] = "the last line\n";
constexpr char kManifest[] = R"({"rows": 6000})";

std::string Record(int64_t row) { return fmt::format("row number {}\n", row); }

// Bytes of every kind, and different for each position.
std::string HostState(int64_t position) {
  return std::string("state\n\xff\0", 8) + std::to_string(position);
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}
const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <class T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Calls until the sink is no longer full or out of reach; the check's time limit ends it.
template <class Call>
auto Retry(Call&& call) {
  for (;;) {
    auto result = call();
    if (!IsTransient(StatusOf(result))) return result;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

absl::StatusOr<Sink::Opened> CheckState(absl::StatusOr<Sink::Opened> opened, std::string_view who) {
  if (!opened.ok() || (!opened->position && !opened->is_complete)) return opened;
  const int64_t position = opened->position.value_or(SinkWalker::kRows);
  if (opened->host_state == HostState(position)) return opened;
  return Fault("{} tells position {}, and not the host state that was committed with it.", who,
               position);
}

}  // namespace

std::string PositionText(const std::optional<int64_t>& position) {
  return position ? fmt::format("position {}", *position) : "no position";
}

absl::StatusOr<std::unique_ptr<SinkWalker>> SinkWalker::Create(const CheckContext& context,
                                                               int64_t commit_rows) {
  auto options = ParseOptions(context);
  if (!options.ok()) return options.status();
  std::unique_ptr<SinkWalker> walker(new SinkWalker(context, commit_rows, *std::move(options)));
  const throng_value* values = walker->options_.values();
  if (context.is_lending) {
    values = walker->lent_for_life_.Options(values, context.component->options.size());
  }
  NoteStep("create");
  auto sink = Sink::Create(*context.component, context.environment, values);
  if (!sink.ok()) return sink.status();
  walker->sink_ = *std::move(sink);
  return walker;
}

SinkWalker::SinkWalker(const CheckContext& context, int64_t commit_rows, OptionValues options)
    : takes_stream_(TakesStream(context)),
      is_lending_(context.is_lending),
      options_(std::move(options)),
      commit_rows_(commit_rows) {}

SinkWalker::~SinkWalker() { NoteStep("destroy"); }

throng_target SinkWalker::Target() {
  throng_target target{};
  target.struct_size = sizeof target;
  target.slice_mode = THRONG_SLICE_CONTIGUOUS;
  target.run_uid = "c0ffeec0ffeec0ffeec0ffeec0ffee00";
  target.output = "conformance";
  target.identity = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";
  target.slice_count = 1;
  target.part = -1;
  return target;
}

std::string SinkWalker::WholeStream() {
  std::string text = kPrologue;
  for (int64_t row = 0; row < kRows; ++row) text += Record(row);
  return text + kEpilogue;
}

SinkWalker::Message SinkWalker::MessageOf(int64_t row) {
  // Some with bytes that are no text.
  const std::string tail = row % 4 == 1 ? std::string("\n\t\\\0\xff", 5) : "";
  return {fmt::format("user_{}", row % 50 + 1), fmt::format("row number {}{}", row, tail)};
}

absl::StatusOr<Sink::Opened> SinkWalker::Open() {
  NoteStep("open");
  LentMemory lent;
  const throng_target target = Target();
  auto opened = CheckState(
      Retry([&] { return sink_->Open(is_lending_ ? *lent.Target(target) : target); }), "open");
  if (!opened.ok()) return opened;
  committed_ = written_ = opened->position;
  if (opened->max_commit_rows > 0) commit_rows_ = std::min(commit_rows_, opened->max_commit_rows);
  return opened;
}

absl::StatusOr<Sink::Opened> SinkWalker::Peek() {
  NoteStep("peek");
  return CheckState(Retry([&] { return sink_->Peek(Target()); }), "peek");
}

absl::Status SinkWalker::Reset() {
  NoteStep("reset");
  return Retry([&] { return sink_->Reset(Target()); });
}

absl::Status SinkWalker::Commit(int64_t position) {
  const std::string host_state = HostState(position);
  NoteStep(fmt::format("commit of position {}", position));
  LentMemory lent;
  throng_bytes state = {host_state.data(), host_state.size()};
  if (is_lending_) state = lent.Bytes(state);
  absl::Status status = Retry([&] { return sink_->Commit(position, {state.data, state.size}); });
  if (status.ok()) committed_ = position;
  return status;
}

absl::Status SinkWalker::Finish() {
  throng_completion completion{};
  completion.struct_size = sizeof completion;
  completion.rows = kRows;
  completion.epilogue = {kEpilogue, takes_stream_ ? sizeof kEpilogue - 1 : 0};
  completion.manifest = kManifest;
  NoteStep("finish");
  LentMemory lent;
  return Retry(
      [&] { return sink_->Finish(is_lending_ ? *lent.Completion(completion) : completion); });
}

absl::Status SinkWalker::Reopen(int64_t position) {
  std::string kept = kPrologue;
  for (int64_t row = 0; row < position; ++row) kept += Record(row);
  const std::string host_state = HostState(position);
  NoteStep(fmt::format("reopen at position {}", position));
  absl::Status status =
      Retry([&] { return sink_->Reopen(position, static_cast<int64_t>(kept.size()), host_state); });
  if (status.ok()) committed_ = written_ = position;
  return status;
}

absl::Status SinkWalker::WalkTo(int64_t end, const WalkListener& listener) {
  int aborts = 0;
  while (committed_.value_or(0) < end) {
    absl::Status status = Advance(end, listener);
    if (absl::IsAborted(status) && ++aborts < kMostAborts) {
      written_ = committed_;
    } else if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status SinkWalker::WriteSome() {
  absl::Status status = written_ ? absl::OkStatus() : WritePrologue();
  return status.ok() ? Write(written_.value_or(0), kBlockRows) : status;
}

// Up to the next commit.
absl::Status SinkWalker::Advance(int64_t end, const WalkListener& listener) {
  absl::Status status = written_ ? absl::OkStatus() : WritePrologue();
  int64_t row = written_.value_or(0);
  const int64_t next = std::min(end, row + commit_rows_);
  for (; row < next && status.ok(); row += kBlockRows) {
    status = Write(row, std::min(kBlockRows, next - row));
  }
  if (!status.ok()) return status;
  listener.on_commit(next);
  if (status = Commit(next); !status.ok()) return status;
  listener.on_committed(next);
  return absl::OkStatus();
}

absl::Status SinkWalker::WritePrologue() {
  if (!takes_stream_) return absl::OkStatus();
  throng_records records{};
  records.struct_size = sizeof records;
  records.bytes = {kPrologue, sizeof kPrologue - 1};
  NoteStep("write of the prologue");
  return Retry([&] { return sink_->Write(records); });
}

absl::Status SinkWalker::Write(int64_t first, int64_t rows) {
  std::string bytes;
  std::vector<uint32_t> key_end;
  std::vector<uint32_t> value_end;
  std::vector<int64_t> time;
  for (int64_t row = first; row < first + rows; ++row) {
    const Message message = takes_stream_ ? Message{"", Record(row)} : MessageOf(row);
    bytes += message.key;
    key_end.push_back(static_cast<uint32_t>(bytes.size()));
    bytes += message.value;
    value_end.push_back(static_cast<uint32_t>(bytes.size()));
    time.push_back(1'704'067'200'000 + 1000 * row);
  }
  throng_records records{};
  records.struct_size = sizeof records;
  records.rows = static_cast<uint32_t>(rows);
  records.first_row = first;
  records.bytes = {bytes.data(), bytes.size()};
  records.key_end = takes_stream_ ? nullptr : key_end.data();
  records.value_end = takes_stream_ ? nullptr : value_end.data();
  records.event_time = takes_stream_ ? nullptr : time.data();
  NoteStep(fmt::format("write of rows {} to {}", first, first + rows - 1));
  LentMemory lent;
  absl::Status status =
      Retry([&] { return sink_->Write(is_lending_ ? *lent.Records(records) : records); });
  if (status.ok()) written_ = first + rows;
  return status;
}

}  // namespace throng
