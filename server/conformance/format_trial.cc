#include "server/conformance/format_trial.h"

#include <algorithm>
#include <utility>

#include "server/host/process.h"

namespace throng {

std::string OutputCase::ToString() const {
  return fmt::format("as {}{}", mode == THRONG_RECORDS_STREAM ? "a stream" : "messages",
                     is_wide ? " with extra columns" : "");
}

absl::StatusOr<std::unique_ptr<FormatTrial>> FormatTrial::Begin(
    const CheckContext& context, const OutputCase& output, const StandInTable& table,
    std::string_view state, const std::map<std::string, std::string>& options) {
  auto options_or = ParseOptions(context, options);
  if (!options_or.ok()) return options_or.status();
  std::unique_ptr<FormatTrial> trial(
      new FormatTrial(context, output, table, *std::move(options_or)));
  LentMemory lent_for_call;
  const throng_value* values = trial->options_.values();
  throng_destination destination = table.Destination(output.mode);
  destination.state = {state.data(), state.size()};
  const throng_destination* lent = &destination;
  if (context.is_lending) {
    values = trial->lent_for_life_.Options(values, context.component->options.size());
    destination.schema = trial->lent_for_life_.Schema(*destination.schema);
    lent = lent_for_call.Destination(destination);
  }
  NoteStep("create");
  auto format = Format::Create(*context.component, context.environment, values);
  if (!format.ok()) return format.status();
  trial->format_ = *std::move(format);
  NoteStep(fmt::format("begin {}", output.ToString()));
  auto prologue = trial->format_->Begin(*lent);
  if (!prologue.ok()) return prologue.status();
  trial->prologue_ = *std::move(prologue);
  return trial;
}

FormatTrial::FormatTrial(const CheckContext& context, const OutputCase& output,
                         const StandInTable& table, OptionValues options)
    : is_lending_(context.is_lending),
      output_(output),
      table_(table),
      options_(std::move(options)) {}

FormatTrial::~FormatTrial() { NoteStep("destroy"); }

absl::Status FormatTrial::Encode(int64_t first, int64_t rows, throng_buffer* buffer,
                                 EncodedRows* encoded) {
  const auto columns = table_.ColumnsAt(first);
  const bool is_messages = output_.mode == THRONG_RECORDS_MESSAGES;
  const size_t done = encoded->key_end.size();
  if (is_messages) {
    encoded->key_end.resize(done + static_cast<size_t>(rows));
    encoded->value_end.resize(done + static_cast<size_t>(rows));
  }
  throng_block block{};
  block.struct_size = sizeof block;
  block.rows = static_cast<uint32_t>(rows);
  block.first_row = first;
  block.columns = columns.data();
  block.key_end = is_messages ? encoded->key_end.data() + done : nullptr;
  block.value_end = is_messages ? encoded->value_end.data() + done : nullptr;
  NoteStep(fmt::format("encode of rows {} to {} {}", first, first + rows - 1, output_.ToString()));
  const size_t before = buffer->size;
  LentMemory lent;
  const throng_block* lent_block = &block;
  if (is_lending_) {
    block.columns = lent.Copy(block.columns, columns.size());
    lent_block = lent.Copy(block);
  }
  absl::Status status = format_->Encode(*lent_block, buffer);
  const throng_bytes note = buffer->note;
  if (status.ok() && note.data != nullptr && !is_messages && prologue_.cut_rows > 1) {
    encoded->notes.push_back({static_cast<int64_t>(prologue_.bytes.size() + before),
                              static_cast<int64_t>(buffer->size - before), rows,
                              std::string(note.data, note.size)});
  }
  return status;
}

absl::StatusOr<EncodedRows> FormatTrial::EncodeAll(int64_t block_rows) {
  RecordBuffer buffer;
  EncodedRows encoded;
  for (int64_t first = 0; first < table_.rows(); first += block_rows) {
    const int64_t rows = std::min(block_rows, table_.rows() - first);
    absl::Status status = Encode(first, rows, buffer.abi(), &encoded);
    if (!status.ok()) return status;
  }
  encoded.bytes = buffer.bytes();
  return encoded;
}

absl::StatusOr<std::string> FormatTrial::End(const EncodedRows& encoded) {
  std::vector<throng_note> notes;
  for (const EncodedRows::Note& note : encoded.notes) {
    notes.push_back({note.offset, note.size, note.rows, {note.bytes.data(), note.bytes.size()}});
  }
  RecordBuffer buffer;
  throng_summary summary{};
  summary.struct_size = sizeof summary;
  summary.rows = table_.rows();
  summary.statistics = "{}";
  summary.bytes = static_cast<int64_t>(prologue_.bytes.size() + encoded.bytes.size());
  summary.notes_count = static_cast<uint32_t>(notes.size());
  summary.notes = notes.data();
  NoteStep("end");
  LentMemory lent;
  absl::Status status = format_->End(is_lending_ ? *lent.Summary(summary) : summary, buffer.abi());
  if (!status.ok()) return status;
  return std::string(buffer.bytes());
}

}  // namespace throng
