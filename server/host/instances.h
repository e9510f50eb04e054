// Instances of components: the C tables of plugin.h as classes that own an instance and turn codes
// into statuses. A status names the component ("choice `zipf`: ...") and the option at fault.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/control/call_page.h"
#include "server/dataset/behaviour.h"
#include "server/host/catalogue.h"
#include "server/host/metrics.h"
#include "throng/metrics.h"
#include "throng/plugin.h"

namespace throng {

// What instances need of the process they live in. Outlives them; its functions are called by any
// thread.
struct Environment {
  // The source names the component ("sink `file`").
  Remark log;
  const std::atomic<bool>* is_stopping = nullptr;
  // Outputs hold while it is true; who sets it false, or stops, notifies. nullptr: never.
  const std::atomic<bool>* is_paused = nullptr;
  // Takes what components count; nullptr: nobody asks.
  Metrics* metrics = nullptr;
  // Hears that an output's state or position has changed. May be empty.
  std::function<void()> on_progress;
  // Where files may be written, as options that are paths say: below one of these folders. Empty:
  // anywhere.
  std::vector<std::string> output_roots;
  // Where files may be read, likewise; empty: nowhere, absent: anywhere.
  std::optional<std::vector<std::string>> input_roots;
  // Where secrets given as file:/path may lie, likewise; empty: nowhere, absent: anywhere.
  std::optional<std::vector<std::string>> source_roots;

  bool IsStopping() const { return is_stopping != nullptr && *is_stopping; }
  // Not while stopping, which is more urgent.
  bool IsPaused() const { return is_paused != nullptr && *is_paused && !IsStopping(); }
  // Waits while paused.
  void AwaitResume() const {
    while (IsPaused()) is_paused->wait(true);
  }
};

// The part that all instances share: the host table handed to the plugin, and how errors read.
class Instance {
 public:
  Instance(const Component& component, const Environment& environment);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

 protected:
  ~Instance() = default;
  // Makes a call of the plugin's, noted (call_page.h) with `row`, the first of those at hand. What
  // it throws across the boundary ends the process, and the note still says where.
  template <class Call>
  auto Enter(int64_t row, Call&& call) const {
    const CallScope scope(caller_, row);
    return [&]() noexcept { return call(); }();
  }
  // Enters with `call(error)`, which returns a throng_code, and reads what came of it.
  template <class Call>
  absl::Status Try(int64_t row, Call&& call) const {
    throng_error error{};
    error.struct_size = sizeof error;
    const throng_code code = Enter(row, [&] { return call(&error); });
    return code == THRONG_OK ? absl::OkStatus() : Failure(code, error);
  }
  static constexpr int64_t kNoRow = -1;
  // `create(host, self, error)` makes the plugin's instance, self_.
  template <class Call>
  absl::Status TryCreate(Call&& create) {
    void* self = nullptr;
    absl::Status status =
        Try(kNoRow, [&](throng_error* error) { return create(&host_, &self, error); });
    if (status.ok() && self == nullptr) return Fault("was created without an instance.");
    if (status.ok()) self_ = self;
    return status;
  }
  // What the component did that its contract does not allow: INTERNAL, its name before the
  // sentence.
  template <class... Arguments>
  absl::Status Fault(fmt::format_string<Arguments...> sentence, Arguments&&... arguments) const {
    return absl::InternalError(fmt::format(
        "{} {}", source_, fmt::format(sentence, std::forward<Arguments>(arguments)...)));
  }
  // How often one of its counters has grown. Any thread.
  uint64_t Growth() const { return growth_; }
  // What it hands over as bytes, which may be at most `most`; `what` names them.
  absl::StatusOr<std::string> Take(throng_bytes bytes, size_t most, std::string_view what) const;

  const Component& component_;
  throng_host host_{};
  void* self_ = nullptr;

 private:
  absl::Status Failure(throng_code code, const throng_error& error) const;
  void Count(decltype(&Metrics::Add) take, const char* name, double value) const;
  void Log(int32_t level, const std::string& sentence) const {
    if (environment_.log) environment_.log(level, source_, sentence);
  }

  const Environment& environment_;
  std::string source_;
  int32_t caller_;
  throng_metrics metrics_{};
  mutable std::atomic<uint64_t> growth_ = 0;
};

class Format : public Instance {
 public:
  struct Prologue {
    std::string bytes;
    std::string state;
    uint32_t cut_rows = 1;
  };
  static absl::StatusOr<std::unique_ptr<Format>> Create(const Component& component,
                                                        const Environment& environment,
                                                        const throng_value* options);
  ~Format();
  absl::StatusOr<Prologue> Begin(const throng_destination& destination);
  // Appends records to `out`. INTERNAL if what comes back cannot be: a buffer beyond its bounds,
  // ends of keys and values that fall or leave the buffer.
  absl::Status Encode(const throng_block& block, throng_buffer* out);
  // Appends the epilogue, likewise.
  absl::Status End(const throng_summary& summary, throng_buffer* out);

 private:
  using Instance::Instance;
};

class Sink : public Instance {
 public:
  struct Opened {
    std::optional<int64_t> position;
    bool is_complete = false;
    std::string host_state;
    int64_t max_commit_rows = 0;
    int64_t max_commit_ms = 0;
  };
  static absl::StatusOr<std::unique_ptr<Sink>> Create(const Component& component,
                                                      const Environment& environment,
                                                      const throng_value* options);
  ~Sink();
  bool IsDurable() const { return component_.sink.is_durable != 0; }
  // Changes whenever what it has done so far grows, as its counters tell ("metrics/1").
  uint64_t progress() const { return Growth(); }
  absl::StatusOr<Opened> Open(const throng_target& target);
  absl::Status Write(const throng_records& records) {
    return Try(records.first_row,
               [&](throng_error* e) { return component_.sink.write(self_, &records, e); });
  }
  absl::Status Commit(int64_t position, std::string_view host_state);
  absl::Status Finish(const throng_completion& completion);
  // UNIMPLEMENTED if the sink has no such function.
  absl::StatusOr<Opened> Peek(const throng_target& target);
  absl::Status Reset(const throng_target& target);
  // Whether what is complete can be taken up again.
  bool Reopens() const { return component_.sink.reopen != nullptr; }
  absl::Status Reopen(int64_t position, int64_t bytes, std::string_view host_state);

 private:
  using Instance::Instance;
  absl::StatusOr<Opened> Ask(decltype(throng_sink::open) function, const throng_target& target);
};

// A buffer that plugins append to. Grows by doubling and keeps its memory.
class RecordBuffer {
 public:
  RecordBuffer();
  ~RecordBuffer();
  RecordBuffer(const RecordBuffer&) = delete;
  RecordBuffer& operator=(const RecordBuffer&) = delete;
  throng_buffer* abi() { return &buffer_; }
  void Clear() { buffer_.size = 0; }
  std::string_view bytes() const { return {buffer_.data, buffer_.size}; }

 private:
  throng_buffer buffer_{};
};

}  // namespace throng
