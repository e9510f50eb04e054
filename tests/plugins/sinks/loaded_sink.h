// A sink plugin loaded from its file and driven through the C contract, and a small dataset to walk
// into it as the host does: for the tests of the sinks.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "throng/plugin.h"

namespace throng {

// What a call came to; `code` is THRONG_OK or another.
struct Result {
  throng_code code = THRONG_OK;
  std::string message = "";
  std::string option = "";
};

struct OpenResult : Result {
  bool has_position = false;
  bool is_complete = false;
  int64_t position = 0;
  std::string host_state = "";
};

// A host that remembers what was logged.
class TestHost {
 public:
  TestHost() = default;
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;
  const throng_host* table() const { return &table_; }

  std::vector<std::string> log;
  std::function<bool()> is_cancelled = [] { return false; };

 private:
  static const TestHost* Self(const void* self) { return static_cast<const TestHost*>(self); }
  throng_host table_ = {
      .struct_size = sizeof(throng_host),
      .self = this,
      .log =
          [](const void* self, int32_t, const char* message) {
            const_cast<TestHost*>(Self(self))->log.emplace_back(message);
          },
      .is_cancelled = [](const void* self) -> int32_t {
        return Self(self)->is_cancelled() ? 1 : 0;
      },
      .get_extension = [](const void*, const char*) -> const void* { return nullptr; }};
};

// An output; the first slice of one unless said otherwise.
struct TestTarget {
  std::string identity = std::string(64, 'a');
  int64_t slice_index = 0;
  int64_t slice_count = 1;
  int64_t part = -1;
  throng_target Table() const {
    return {.struct_size = sizeof(throng_target),
            .slice_mode = THRONG_SLICE_CONTIGUOUS,
            .run_uid = "0123456789abcdef0123456789abcdef",
            .output = "csv",
            .identity = identity.c_str(),
            .slice_index = slice_index,
            .slice_count = slice_count,
            .part = part,
            .has_unique_keys = 0,
            .sends_again = 0};
  }
};

// One instance of the only component of a sink plugin. Options are STRING and BOOL.
class LoadedSink {
 public:
  LoadedSink(const std::string& library, const std::map<std::string, std::string>& options,
             TestHost* host = nullptr)
      : host_(host != nullptr ? host : &own_host_) {
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(dlerror());
    const auto describe =
        reinterpret_cast<throng_plugin_function>(dlsym(handle, "throng_plugin_v1"));
    component_ = describe()->components[0];
    functions_ = static_cast<const throng_sink*>(component_->functions);
    std::vector<throng_value> values;
    for (const throng_option* const* option = component_->options; *option != nullptr; ++option) {
      throng_value& value = values.emplace_back();
      const auto given = options.find((*option)->name);
      const char* text = given != options.end() ? given->second.c_str() : (*option)->default_text;
      if (text == nullptr) continue;
      value.is_set = 1;
      value.integer = std::string_view(text) == "true" ? 1 : 0;
      value.text = {text, std::string_view(text).size()};
    }
    validated =
        Call([&](throng_error* error) { return component_->validate(values.data(), error); });
    const Result created = Call([&](throng_error* error) {
      return functions_->create(host_->table(), values.data(), &self_, error);
    });
    if (created.code != THRONG_OK) throw std::runtime_error(created.message);
  }
  LoadedSink(const LoadedSink&) = delete;
  LoadedSink& operator=(const LoadedSink&) = delete;
  ~LoadedSink() { Destroy(); }

  void Destroy() {
    if (self_ != nullptr) functions_->destroy(self_);
    self_ = nullptr;
  }

  OpenResult Open(const TestTarget& target = {}) { return Opening(functions_->open, target); }
  OpenResult Peek(const TestTarget& target = {}) { return Opening(functions_->peek, target); }
  Result Reset(const TestTarget& target = {}) {
    const throng_target table = target.Table();
    return Call([&](throng_error* error) { return functions_->reset(self_, &table, error); });
  }
  Result Reopen(int64_t position, int64_t bytes, std::string_view host_state) {
    return Call([&](throng_error* error) {
      return functions_->reopen(self_, position, bytes, {host_state.data(), host_state.size()},
                                error);
    });
  }
  Result Write(std::string_view bytes) {
    const throng_records records = {.struct_size = sizeof(throng_records),
                                    .rows = 1,
                                    .first_row = 0,
                                    .bytes = {bytes.data(), bytes.size()},
                                    .key_end = nullptr,
                                    .value_end = nullptr,
                                    .event_time = nullptr};
    return Call([&](throng_error* error) { return functions_->write(self_, &records, error); });
  }
  Result Commit(int64_t position, std::string_view host_state = "") {
    return Call([&](throng_error* error) {
      return functions_->commit(self_, position, {host_state.data(), host_state.size()}, error);
    });
  }
  Result Finish(std::string_view epilogue = "", const char* manifest = "{}") {
    const throng_completion completion = {.struct_size = sizeof(throng_completion),
                                          .rows = 1,
                                          .epilogue = {epilogue.data(), epilogue.size()},
                                          .manifest = manifest};
    return Call([&](throng_error* error) { return functions_->finish(self_, &completion, error); });
  }
  const throng_component& component() const { return *component_; }
  const throng_sink& functions() const { return *functions_; }

  Result validated;

 private:
  template <class Function>
  static Result Call(Function function) {
    throng_error error = {};
    error.struct_size = sizeof error;
    const throng_code code = function(&error);
    return {code, error.message, error.option};
  }
  template <class Function>
  OpenResult Opening(Function function, const TestTarget& target) {
    const throng_target table = target.Table();
    throng_opened opened = {};
    opened.struct_size = sizeof opened;
    OpenResult result;
    static_cast<Result&>(result) =
        Call([&](throng_error* error) { return function(self_, &table, &opened, error); });
    if (result.code != THRONG_OK) return result;
    result.has_position = opened.has_position != 0;
    result.is_complete = opened.is_complete != 0;
    result.position = opened.position;
    result.host_state.assign(opened.host_state.data, opened.host_state.size);
    return result;
  }

  TestHost own_host_;
  TestHost* host_;
  const throng_component* component_ = nullptr;
  const throng_sink* functions_ = nullptr;
  void* self_ = nullptr;
};

// A dataset of 30 rows in blocks of 5, committed after every other block, with prologue and
// epilogue.
inline constexpr int64_t kWalkRows = 30;
inline constexpr char kWalkManifest[] = R"({"rows": 30, "spec": {"seed": "42"}, "share": 0.15})";

inline std::string WalkRows(int64_t first, int64_t last) {
  std::string text;
  for (int64_t row = first; row < last; ++row) text += "row number " + std::to_string(row) + "\n";
  return text;
}
inline std::string WalkText() { return "text\n" + WalkRows(0, kWalkRows) + "end\n"; }
// Bytes of every value, as a host's state may be.
inline std::string WalkState(int64_t position) {
  return "state\n" + std::string(static_cast<size_t>(position % 3), '\xff') + '\0' +
         std::to_string(position);
}

// Walks from where the sink opens to the end. A call that may be offered again is, once. Returns
// the first other failure; `on_commit` hears of every commit that returned.
inline Result Walk(LoadedSink* sink, const std::function<void(int64_t)>& on_commit,
                   const TestTarget& target = {}) {
  const auto offer = [](const auto& call) {
    auto result = call();
    if (result.code == THRONG_RESOURCE_EXHAUSTED) result = call();
    return result;
  };
  OpenResult opened = offer([&] { return sink->Open(target); });
  if (opened.code != THRONG_OK || opened.is_complete) return opened;
  if (opened.has_position && opened.host_state != WalkState(opened.position)) {
    return {THRONG_INTERNAL,
            "not the state that was committed with row " + std::to_string(opened.position)};
  }
  Result result;
  if (!opened.has_position) result = offer([&] { return sink->Write("text\n"); });
  for (int64_t row = opened.position; row < kWalkRows && result.code == THRONG_OK; row += 5) {
    result = offer([&] { return sink->Write(WalkRows(row, row + 5)); });
    const int64_t next = row + 5;
    if (result.code != THRONG_OK || next % 10 != 0) continue;
    result = offer([&] { return sink->Commit(next, WalkState(next)); });
    if (result.code == THRONG_OK) on_commit(next);
  }
  if (result.code == THRONG_OK) {
    result = offer([&] { return sink->Finish("end\n", kWalkManifest); });
  }
  return result;
}

}  // namespace throng
