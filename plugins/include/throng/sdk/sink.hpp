// Sinks: records -> somewhere, exactly once.
//
//   Opened Open(const throng_target&)
//   void Write(const throng_records&)
//   void Commit(int64_t position, std::string_view host_state)
//   void Finish(const throng_completion&)
// and, if it has them,
//   Opened Peek(const throng_target&)
//   void Reset(const throng_target&)
//   void Reopen(int64_t position, int64_t bytes, std::string_view host_state)
//   static constexpr uint32_t kModes      THRONG_RECORDS_...; unless given, STREAM
//   static constexpr bool kIsDurable      unless given, true
#ifndef THRONG_SDK_SINK_HPP_
#define THRONG_SDK_SINK_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "throng/plugin.h"
#include "throng/sdk/component.hpp"

namespace throng {

// See throng_opened. Every member has a default, so that any may be left out of an initializer.
struct Opened {
  std::optional<int64_t> position = {};
  bool complete = false;
  std::string host_state = {};
  int64_t max_commit_rows = 0;
  int64_t max_commit_ms = 0;
};

namespace detail {

THRONG_DETAIL_MAY_HAVE(Peek)
THRONG_DETAIL_MAY_HAVE(Reset)
THRONG_DETAIL_MAY_HAVE(Reopen)
THRONG_DETAIL_MAY_HAVE(kIsDurable)

template <class T>
struct SinkInstance {
  SinkInstance(const throng_host* host, const throng_value* options)
      : sink(Make<T>(host, options)) {}
  void Report(Opened result, throng_opened* out) {
    opened = std::move(result);
    out->has_position = opened.position ? 1 : 0;
    out->is_complete = opened.complete ? 1 : 0;
    out->position = opened.position.value_or(0);
    out->host_state = Bytes(opened.host_state);
    out->max_commit_rows = opened.max_commit_rows;
    out->max_commit_ms = opened.max_commit_ms;
  }
  T sink;
  Opened opened;
};

template <class T>
constexpr int32_t IsDurable() {
  constexpr bool kDeclares = requires { std::bool_constant<T::kIsDurable>(); };
  THRONG_DETAIL_CHECK(T, kIsDurable, kDeclares, "static constexpr bool kIsDurable");
  if constexpr (kDeclares) return T::kIsDurable ? 1 : 0;
  return 1;
}

template <class T>
throng_sink MakeSinkTable() {
  using Instance = SinkInstance<T>;
  throng_sink table = {
      .struct_size = sizeof(throng_sink),
      .modes = Modes<T>(),
      .is_durable = IsDurable<T>(),
      .create = [](const throng_host* host, const throng_value* options, void** self,
                   throng_error* error) -> throng_code {
        return Guard(error, [&] { *self = new Instance(host, options); });
      },
      .destroy = [](void* self) { delete static_cast<Instance*>(self); },
      .open = [](void* self, const throng_target* target, throng_opened* opened,
                 throng_error* error) -> throng_code {
        return Guard(error, [&] {
          auto* instance = static_cast<Instance*>(self);
          instance->Report(instance->sink.Open(*target), opened);
        });
      },
      .write = [](void* self, const throng_records* records, throng_error* error) -> throng_code {
        return Guard(error, [&] { static_cast<Instance*>(self)->sink.Write(*records); });
      },
      .commit = [](void* self, int64_t position, throng_bytes host_state,
                   throng_error* error) -> throng_code {
        return Guard(
            error, [&] { static_cast<Instance*>(self)->sink.Commit(position, View(host_state)); });
      },
      .finish = [](void* self, const throng_completion* completion,
                   throng_error* error) -> throng_code {
        return Guard(error, [&] { static_cast<Instance*>(self)->sink.Finish(*completion); });
      },
      .peek = nullptr,
      .reset = nullptr,
      .reopen = nullptr};
  constexpr bool kPeeks = requires(T & sink, const throng_target& target) {
    { sink.Peek(target) } -> std::convertible_to<Opened>;
  };
  THRONG_DETAIL_CHECK(T, Peek, kPeeks, "Opened Peek(const throng_target&)");
  if constexpr (kPeeks) {
    table.peek = [](void* self, const throng_target* target, throng_opened* opened,
                    throng_error* error) -> throng_code {
      return Guard(error, [&] {
        auto* instance = static_cast<Instance*>(self);
        instance->Report(instance->sink.Peek(*target), opened);
      });
    };
  }
  constexpr bool kResets = requires(T & sink, const throng_target& target) { sink.Reset(target); };
  THRONG_DETAIL_CHECK(T, Reset, kResets, "void Reset(const throng_target&)");
  if constexpr (kResets) {
    table.reset = [](void* self, const throng_target* target, throng_error* error) -> throng_code {
      return Guard(error, [&] { static_cast<Instance*>(self)->sink.Reset(*target); });
    };
  }
  constexpr bool kReopens = requires(T & sink) {
    sink.Reopen(int64_t{}, int64_t{}, std::string_view());
  };
  THRONG_DETAIL_CHECK(T, Reopen, kReopens, "void Reopen(int64_t, int64_t, std::string_view)");
  if constexpr (kReopens) {
    table.reopen = [](void* self, int64_t position, int64_t bytes, throng_bytes host_state,
                      throng_error* error) -> throng_code {
      return Guard(error, [&] {
        static_cast<Instance*>(self)->sink.Reopen(position, bytes, View(host_state));
      });
    };
  }
  return table;
}

template <class T>
const throng_sink* SinkTable() {
  static const throng_sink kTable = MakeSinkTable<T>();
  return &kTable;
}

}  // namespace detail

template <class T>
throng_component Sink(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_SINK, name, doc, detail::SinkTable<T>());
}

}  // namespace throng

#endif  // THRONG_SDK_SINK_HPP_
