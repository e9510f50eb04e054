// Formats: rows -> records.
//
//   Prologue Begin(const throng_destination&)
//   void Encode(const throng_block&, Buffer&)
// and, if it has them,
//   void End(const throng_summary&, Buffer&)    the epilogue
//   static constexpr uint32_t kModes            THRONG_RECORDS_...; unless given, STREAM
#ifndef THRONG_SDK_FORMAT_HPP_
#define THRONG_SDK_FORMAT_HPP_

#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "throng/plugin.h"
#include "throng/sdk/component.hpp"

namespace throng {

// Appends to the host's buffer: either Append, or write at Reserve(n) and say where it ended.
class Buffer {
 public:
  explicit Buffer(throng_buffer* buffer, std::string* note = nullptr)
      : buffer_(buffer), note_(note) {}
  char* Reserve(size_t bytes) {
    if (buffer_->capacity - buffer_->size < bytes && buffer_->reserve(buffer_, bytes) == 0) {
      throw std::bad_alloc();
    }
    return buffer_->data + buffer_->size;
  }
  void EndAt(const char* end) { buffer_->size = static_cast<size_t>(end - buffer_->data); }
  void Append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(Reserve(text.size()), text.data(), text.size());
    buffer_->size += text.size();
  }
  // Of the cut that is encoded: bytes that End is given back, with where the cut lies. See
  // throng_note.
  void Note(std::string bytes) {
    *note_ = std::move(bytes);
    buffer_->note = Bytes(*note_);
  }
  size_t size() const { return buffer_->size; }
  const char* data() const { return buffer_->data; }

 private:
  throng_buffer* buffer_;
  std::string* note_;
};

// See throng_prologue. Every member has a default, so that any may be left out of an initializer.
struct Prologue {
  std::string bytes = {};
  uint32_t cut_rows = 0;
  std::string state = {};
};

namespace detail {

THRONG_DETAIL_MAY_HAVE(End)

template <class T>
struct FormatInstance {
  FormatInstance(const throng_host* host, const throng_value* options)
      : format(Make<T>(host, options)) {}
  T format;
  Prologue prologue;
  std::string note;
};

template <class T>
const throng_format* FormatTable() {
  using Instance = FormatInstance<T>;
  constexpr bool kEnds = requires(T & format, const throng_summary& summary, Buffer& out) {
    format.End(summary, out);
  };
  THRONG_DETAIL_CHECK(T, End, kEnds, "void End(const throng_summary&, Buffer&)");
  static const throng_format kTable = {
      .struct_size = sizeof(throng_format),
      .modes = Modes<T>(),
      .create = [](const throng_host* host, const throng_value* options, void** self,
                   throng_error* error) -> throng_code {
        return Guard(error, [&] { *self = new Instance(host, options); });
      },
      .destroy = [](void* self) { delete static_cast<Instance*>(self); },
      .begin = [](void* self, const throng_destination* destination, throng_prologue* out,
                  throng_error* error) -> throng_code {
        return Guard(error, [&] {
          auto* instance = static_cast<Instance*>(self);
          instance->prologue = instance->format.Begin(*destination);
          out->cut_rows = instance->prologue.cut_rows;
          out->bytes = Bytes(instance->prologue.bytes);
          out->state = Bytes(instance->prologue.state);
        });
      },
      .encode = [](void* self, const throng_block* block, throng_buffer* out,
                   throng_error* error) -> throng_code {
        return Guard(error, [&] {
          auto* instance = static_cast<Instance*>(self);
          Buffer buffer(out, &instance->note);
          instance->format.Encode(*block, buffer);
        });
      },
      .end = [](void* self, const throng_summary* summary, throng_buffer* out,
                throng_error* error) -> throng_code {
        return Guard(error, [&] {
          Buffer buffer(out);
          if constexpr (kEnds) static_cast<Instance*>(self)->format.End(*summary, buffer);
        });
      }};
  return &kTable;
}

}  // namespace detail

template <class T>
throng_component Format(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_FORMAT, name, doc, detail::FormatTable<T>());
}

}  // namespace throng

#endif  // THRONG_SDK_FORMAT_HPP_
