#include "server/host/instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "server/control/status.h"
#include "server/spec/tree.h"

namespace throng {
namespace {

constexpr size_t kMostSentenceBytes = 4096;  // of a log line; what follows is cut

// The text of a fixed array that a plugin filled, which may lack its end.
template <size_t N>
std::string_view Text(const char (&array)[N]) {
  return {array, static_cast<size_t>(std::find(array, array + N, '\0') - array)};
}

std::string_view View(throng_bytes bytes) {
  return bytes.data == nullptr ? std::string_view() : std::string_view(bytes.data, bytes.size);
}

throng_bytes Bytes(std::string_view text) { return {text.data(), text.size()}; }

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
    if (!instance->environment_.log || message == nullptr) return;
    const size_t bytes = strnlen(message, kMostSentenceBytes + 1);
    std::string sentence(message, std::min(bytes, kMostSentenceBytes));
    if (bytes > kMostSentenceBytes) sentence += " ...";
    instance->environment_.log(level, instance->source_, sentence);
  };
  host_.is_cancelled = [](const void* self) -> int32_t {
    return static_cast<const Instance*>(self)->environment_.IsStopping() ? 1 : 0;
  };
  host_.get_extension = [](const void*, const char*) -> const void* { return nullptr; };
}

absl::Status Instance::Failure(throng_code code, const throng_error& error) const {
  const std::string_view message = Text(error.message);
  absl::Status status(
      static_cast<absl::StatusCode>(code),
      fmt::format(
          "{}: {}", source_,
          message.empty() ? fmt::format("failed with code {} and no message.", code) : message));
  if (const std::string_view option = Text(error.option); !option.empty()) {
    status.SetPayload(kOptionPayload, absl::Cord(absl::string_view(option.data(), option.size())));
  }
  return status;
}

absl::StatusOr<std::unique_ptr<Behaviour>> Behaviour::Create(const Component& component,
                                                             const Environment& environment,
                                                             const throng_dataset& dataset,
                                                             const throng_value* options) {
  std::unique_ptr<Behaviour> made(new Behaviour(component, environment));
  void* self = nullptr;
  absl::Status status = made->Try(kNoRow, [&](throng_error* error) {
    return component.behaviour.create(&made->host_, &dataset, options, &self, error);
  });
  if (!status.ok()) return status;
  made->self_ = self;
  return made;
}

Behaviour::~Behaviour() {
  if (self_ != nullptr) Enter(kNoRow, [this] { component_.behaviour.destroy(self_); });
}

absl::StatusOr<std::vector<const throng_kind*>> Behaviour::Kinds() {
  std::vector<const throng_kind*> result;
  if (component_.behaviour.kinds == nullptr) return result;
  const throng_kind* const* kinds = nullptr;
  uint32_t count = 0;
  absl::Status status = Try(kNoRow, [&](throng_error* e) {
    return component_.behaviour.kinds(self_, &kinds, &count, e);
  });
  if (!status.ok()) return status;
  if (count > 256) {
    return absl::InternalError(
        fmt::format("choice `{}` has {} kinds; 256 are allowed.", component_.name, count));
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (kinds != nullptr && kinds[i] != nullptr && kinds[i]->name != nullptr &&
        FindInvalidUtf8(kinds[i]->name) == std::string_view::npos && kinds[i]->rows >= 0) {
      continue;
    }
    return absl::InternalError(
        fmt::format("choice `{}`: its kind {} lacks a name in UTF-8, or has less than no rows.",
                    component_.name, i));
  }
  result.assign(kinds, kinds + count);
  return result;
}

uint32_t Behaviour::BlockRows() const {
  const auto block_rows = component_.behaviour.block_rows;
  if (block_rows == nullptr) return 1;
  return std::max(1U, Enter(kNoRow, [&] { return block_rows(self_); }));
}

void Behaviour::Tables(const std::function<void(std::string_view table)>& visit) const {
  if (component_.behaviour.tables == nullptr) return;
  auto* context = const_cast<void*>(static_cast<const void*>(&visit));
  const auto hand_over = [](void* c, const void* table, size_t bytes) {
    (*static_cast<const std::function<void(std::string_view)>*>(c))(
        {static_cast<const char*>(table), bytes});
  };
  Enter(kNoRow, [&] { component_.behaviour.tables(self_, context, hand_over); });
}

absl::StatusOr<std::unique_ptr<Format>> Format::Create(const Component& component,
                                                       const Environment& environment,
                                                       const throng_value* options) {
  std::unique_ptr<Format> made(new Format(component, environment));
  void* self = nullptr;
  absl::Status status = made->Try(kNoRow, [&](throng_error* error) {
    return component.format.create(&made->host_, options, &self, error);
  });
  if (!status.ok()) return status;
  made->self_ = self;
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
  if (prologue.cut_rows > 1 && (prologue.cut_rows % 4096 != 0 || prologue.cut_rows > 65'536)) {
    return absl::InternalError(fmt::format(
        "format `{}` asks for cuts of {} rows; they are a multiple of 4096, at most 65536.",
        component_.name, prologue.cut_rows));
  }
  return Prologue{std::string(View(prologue.bytes)), std::string(View(prologue.state)),
                  std::max(1U, prologue.cut_rows)};
}

absl::Status Format::End(const throng_summary& summary, throng_buffer* out) {
  if (component_.format.end == nullptr) return absl::OkStatus();
  return Try(kNoRow, [&](throng_error* error) {
    return component_.format.end(self_, &summary, out, error);
  });
}

absl::StatusOr<std::unique_ptr<Sink>> Sink::Create(const Component& component,
                                                   const Environment& environment,
                                                   const throng_value* options) {
  std::unique_ptr<Sink> made(new Sink(component, environment));
  void* self = nullptr;
  absl::Status status = made->Try(kNoRow, [&](throng_error* error) {
    return component.sink.create(&made->host_, options, &self, error);
  });
  if (!status.ok()) return status;
  made->self_ = self;
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
  return Opened{
      .position = opened.has_position != 0 ? std::optional(opened.position) : std::nullopt,
      .is_complete = opened.is_complete != 0,
      .host_state = std::string(View(opened.host_state)),
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

absl::Status Sink::Commit(int64_t position, std::string_view host_state) {
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
