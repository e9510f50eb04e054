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
  auto values = ParseOptions(context, options);
  if (!values.ok()) return values.status();
  NoteStep("create");
  auto format = Format::Create(*context.component, context.environment, values->values());
  if (!format.ok()) return format.status();
  throng_destination destination = table.Destination(output.mode);
  destination.state = {state.data(), state.size()};
  NoteStep(fmt::format("begin {}", output.ToString()));
  auto prologue = (*format)->Begin(destination);
  if (!prologue.ok()) return prologue.status();
  return std::unique_ptr<FormatTrial>(
      new FormatTrial(output, table, *std::move(format), *std::move(prologue)));
}

FormatTrial::FormatTrial(const OutputCase& output, const StandInTable& table,
                         std::unique_ptr<Format> format, Format::Prologue prologue)
    : output_(output), table_(table), format_(std::move(format)), prologue_(std::move(prologue)) {}

FormatTrial::~FormatTrial() { NoteStep("destroy"); }

absl::Status FormatTrial::Encode(int64_t first, int64_t rows, throng_buffer* buffer,
                                 Encoded* encoded) {
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
  return format_->Encode(block, buffer);
}

absl::StatusOr<Encoded> FormatTrial::EncodeAll(int64_t block_rows) {
  RecordBuffer buffer;
  Encoded encoded;
  for (int64_t first = 0; first < table_.rows(); first += block_rows) {
    const int64_t rows = std::min(block_rows, table_.rows() - first);
    absl::Status status = Encode(first, rows, buffer.abi(), &encoded);
    if (!status.ok()) return status;
  }
  encoded.bytes = buffer.bytes();
  return encoded;
}

absl::StatusOr<std::string> FormatTrial::End() {
  RecordBuffer buffer;
  throng_summary summary{};
  summary.struct_size = sizeof summary;
  summary.rows = table_.rows();
  summary.statistics = "{}";
  NoteStep("end");
  if (absl::Status status = format_->End(summary, buffer.abi()); !status.ok()) return status;
  return std::string(buffer.bytes());
}

}  // namespace throng
