#include "server/host/instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "server/control/plain_text.h"
#include "server/control/status.h"
#include "server/host/fixed_text.h"

namespace throng {
namespace {

constexpr size_t kMostSentenceBytes = 65'536;  // of a log line; what follows is cut
// See plugin.h; a host state is ours, and holds a spec and the notes of an output's cuts.
constexpr uint32_t kMostCutRows = 1 << 20;
constexpr size_t kMostPrologueBytes = size_t{64} << 20;
constexpr size_t kMostStateBytes = size_t{1} << 20;
constexpr size_t kMostNoteBytes = size_t{64} << 10;
constexpr size_t kMostHostStateBytes = size_t{1} << 30;

std::string_view View(throng_bytes bytes) {
  return bytes.data == nullptr ? std::string_view() : std::string_view(bytes.data, bytes.size);
}

throng_bytes Bytes(std::string_view text) { return {text.data(), text.size()}; }

// What a buffer that was appended to cannot be, or empty; `before` of its bytes were full.
std::string BufferFault(const throng_buffer& buffer, size_t before) {
  if (buffer.size > 0 && buffer.data == nullptr) return "a buffer that it has set to NULL";
  if (buffer.size >= before && buffer.size <= buffer.capacity) return "";
  return fmt::format("a buffer of {} bytes and says that {} of them are full; {} were",
                     buffer.capacity, buffer.size, before);
}

}  // namespace

Instance::Instance(const Component& component, const Environment& environment)
    : component_(component),
      environment_(environment),
      source_(fmt::format("{} `{}`", RoleName(component.role), component.name)),
      caller_(CallerOf(source_)) {
  host_.struct_size = sizeof host_;
  host_.self = this;
  host_.log = [](const void* self, int32_t level, const char* message) {
    const auto* instance = static_cast<const Instance*>(self);
    if (message == nullptr) return;
    const size_t bytes = strnlen(message, kMostSentenceBytes + 1);
    std::string sentence(message, std::min(bytes, kMostSentenceBytes));
    if (bytes > kMostSentenceBytes) sentence += " ...";
    instance->Log(level, sentence);
  };
  host_.is_cancelled = [](const void* self) -> int32_t {
    return static_cast<const Instance*>(self)->environment_.IsStopping() ? 1 : 0;
  };
  host_.get_extension = [](const void* self, const char* name) -> const void* {
    const auto* instance = static_cast<const Instance*>(self);
    const bool has_metrics = instance->environment_.metrics != nullptr;
    if (!has_metrics || name == nullptr || std::string_view(name) != THRONG_METRICS) return nullptr;
    return &instance->metrics_;
  };
  metrics_.struct_size = sizeof metrics_;
  metrics_.self = this;
  metrics_.add = [](const void* self, const char* counter, double value) {
    static_cast<const Instance*>(self)->Count(&Metrics::Add, counter, value);
  };
  metrics_.set = [](const void* self, const char* gauge, double value) {
    static_cast<const Instance*>(self)->Count(&Metrics::Set, gauge, value);
  };
}

void Instance::Count(decltype(&Metrics::Add) take, const char* name, double value) const {
  const std::string fault = (environment_.metrics->*take)(component_.role, component_.name,
                                                          name == nullptr ? "" : name, value);
  if (!fault.empty()) Log(THRONG_LOG_WARNING, fault);
  if (fault.empty() && take == &Metrics::Add && value > 0) ++growth_;
}

absl::Status Instance::Failure(throng_code code, const throng_error& error) const {
  const std::string message = PlainText(FixedText(error.message));  // one line
  absl::Status status(
      static_cast<absl::StatusCode>(code),
      fmt::format(
          "{}: {}", source_,
          message.empty() ? fmt::format("failed with code {} and no message.", code) : message));
  if (const std::string_view option = FixedText(error.option); !option.empty()) {
    status.SetPayload(kOptionPayload, absl::Cord(absl::string_view(option.data(), option.size())));
  }
  return status;
}

absl::StatusOr<std::string> Instance::Take(throng_bytes bytes, size_t most,
                                           std::string_view what) const {
  if (bytes.size > most || (bytes.size > 0 && bytes.data == nullptr)) {
    return Fault("gave {} of {} bytes{}; {} are allowed.", what, bytes.size,
                 bytes.data == nullptr ? " at NULL" : "", most);
  }
  return std::string(View(bytes));
}

absl::StatusOr<std::unique_ptr<Format>> Format::Create(const Component& component,
                                                       const Environment& environment,
                                                       const throng_value* options) {
  std::unique_ptr<Format> made(new Format(component, environment));
  absl::Status status = made->TryCreate([&](const throng_host* host, void** self, throng_error* e) {
    return component.format.create(host, options, self, e);
  });
  if (!status.ok()) return status;
  return made;
}

Format::~Format() {
  if (self_ != nullptr) Enter(kNoRow, [this] { component_.format.destroy(self_); });
}

absl::StatusOr<Format::Prologue> Format::Begin(const throng_destination& destination) {
  throng_prologue prologue{};
  prologue.struct_size = sizeof prologue;
  absl::Status status = Try(kNoRow, [&](throng_error* error) {
    return component_.format.begin(self_, &destination, &prologue, error);
  });
  if (!status.ok()) return status;
  if (prologue.cut_rows > 1 &&
      (prologue.cut_rows % 4096 != 0 || prologue.cut_rows > kMostCutRows)) {
    return Fault("asks for cuts of {} rows; they are a multiple of 4096, at most {}.",
                 prologue.cut_rows, kMostCutRows);
  }
  auto bytes = Take(prologue.bytes, kMostPrologueBytes, "a prologue");
  if (!bytes.ok()) return bytes.status();
  auto state = Take(prologue.state, kMostStateBytes, "a state");
  if (!state.ok()) return state.status();
  return Prologue{*std::move(bytes), *std::move(state), std::max(1U, prologue.cut_rows)};
}

absl::Status Format::Encode(const throng_block& block, throng_buffer* out) {
  const size_t before = out->size;
  out->note = {};
  absl::Status status = Try(block.first_row, [&](throng_error* e) {
    return component_.format.encode(self_, &block, out, e);
  });
  if (!status.ok()) return status;
  const auto rows = [&] {
    return fmt::format("rows {} to {}", block.first_row, block.first_row + block.rows - 1);
  };
  if (const std::string fault = BufferFault(*out, before); !fault.empty()) {
    return Fault("encoded {} into {}.", rows(), fault);
  }
  const throng_bytes note = out->note;
  if (note.size > kMostNoteBytes || (note.size > 0 && note.data == nullptr)) {
    return Fault("gave a note of {} bytes{} with {}; {} are allowed.", note.size,
                 note.data == nullptr ? " at NULL" : "", rows(), kMostNoteBytes);
  }
  if (block.key_end == nullptr) return absl::OkStatus();
  // Each begins where the one before it ends, and the last one ends with the buffer.
  size_t end = before;
  for (uint32_t i = 0; i < block.rows; ++i) {
    const bool is_key = block.key_end[i] < end;
    if (is_key || block.value_end[i] < block.key_end[i]) {
      return Fault("encoded a message wrong: the {} of row {} ends at {}, before it begins.",
                   is_key ? "key" : "value", block.first_row + i,
                   is_key ? block.key_end[i] : block.value_end[i]);
    }
    end = block.value_end[i];
  }
  if (end == out->size) return absl::OkStatus();
  return Fault("encoded messages wrong: of {}, the last value ends at {} and the buffer at {}.",
               rows(), end, out->size);
}

absl::Status Format::End(const throng_summary& summary, throng_buffer* out) {
  if (component_.format.end == nullptr) return absl::OkStatus();
  const size_t before = out->size;
  absl::Status status = Try(kNoRow, [&](throng_error* error) {
    return component_.format.end(self_, &summary, out, error);
  });
  if (!status.ok()) return status;
  const std::string fault = BufferFault(*out, before);
  return fault.empty() ? status : Fault("wrote its epilogue into {}.", fault);
}

absl::StatusOr<std::unique_ptr<Sink>> Sink::Create(const Component& component,
                                                   const Environment& environment,
                                                   const throng_value* options) {
  std::unique_ptr<Sink> made(new Sink(component, environment));
  absl::Status status = made->TryCreate([&](const throng_host* host, void** self, throng_error* e) {
    return component.sink.create(host, options, self, e);
  });
  if (!status.ok()) return status;
  return made;
}

Sink::~Sink() {
  if (self_ != nullptr) Enter(kNoRow, [this] { component_.sink.destroy(self_); });
}

absl::StatusOr<Sink::Opened> Sink::Ask(decltype(throng_sink::open) function,
                                       const throng_target& target) {
  throng_opened opened{};
  opened.struct_size = sizeof opened;
  absl::Status status =
      Try(kNoRow, [&](throng_error* error) { return function(self_, &target, &opened, error); });
  if (!status.ok()) return status;
  auto host_state = Take(opened.host_state, kMostHostStateBytes, "a host state");
  if (!host_state.ok()) return host_state.status();
  if (opened.max_commit_rows < 0 || opened.max_commit_ms < 0) {
    return Fault("limits a commit to {} rows and {} ms; 0 is no limit, and less there is not.",
                 opened.max_commit_rows, opened.max_commit_ms);
  }
  return Opened{
      .position = opened.has_position != 0 ? std::optional(opened.position) : std::nullopt,
      .is_complete = opened.is_complete != 0,
      .host_state = *std::move(host_state),
      .max_commit_rows = opened.max_commit_rows,
      .max_commit_ms = opened.max_commit_ms};
}

absl::StatusOr<Sink::Opened> Sink::Open(const throng_target& target) {
  return Ask(component_.sink.open, target);
}

absl::StatusOr<Sink::Opened> Sink::Peek(const throng_target& target) {
  if (component_.sink.peek == nullptr) return absl::UnimplementedError("the sink cannot be asked.");
  return Ask(component_.sink.peek, target);
}

absl::Status Sink::Reset(const throng_target& target) {
  if (component_.sink.reset == nullptr) {
    return absl::UnimplementedError("the sink cannot forget.");
  }
  return Try(kNoRow,
             [&](throng_error* error) { return component_.sink.reset(self_, &target, error); });
}

absl::Status Sink::Reopen(int64_t position, int64_t bytes, std::string_view host_state) {
  return Try(position, [&](throng_error* error) {
    return component_.sink.reopen(self_, position, bytes, Bytes(host_state), error);
  });
}

absl::Status Sink::Commit(int64_t position, std::string_view host_state) {
  if (host_state.size() > kMostHostStateBytes) {  // as nobody could open it again
    return absl::FailedPreconditionError(fmt::format(
        "the notes of the format take {} bytes with the position, row {}; {} are allowed. Give the "
        "output roll_rows, so that each part keeps its own.",
        host_state.size(), position, kMostHostStateBytes));
  }
  return Try(position, [&](throng_error* error) {
    return component_.sink.commit(self_, position, Bytes(host_state), error);
  });
}

absl::Status Sink::Finish(const throng_completion& completion) {
  return Try(kNoRow, [&](throng_error* error) {
    return component_.sink.finish(self_, &completion, error);
  });
}

RecordBuffer::RecordBuffer() {
  buffer_.struct_size = sizeof buffer_;
  buffer_.reserve = [](throng_buffer* buffer, size_t bytes) -> int32_t {
    if (buffer->capacity - buffer->size >= bytes) return 1;
    if (bytes > PTRDIFF_MAX - buffer->size) return 0;  // no object is larger
    const size_t capacity = std::max(buffer->size + bytes, 2 * buffer->capacity);
    auto* data = static_cast<char*>(std::realloc(buffer->data, capacity));
    if (data == nullptr) return 0;
    buffer->data = data;
    buffer->capacity = capacity;
    return 1;
  };
}

RecordBuffer::~RecordBuffer() { std::free(buffer_.data); }

}  // namespace throng
