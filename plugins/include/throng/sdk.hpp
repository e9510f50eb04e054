// The plugin contract of plugin.h for C++20 authors: classes instead of function tables, exceptions
// instead of codes. Header-only; a plugin that uses it links nothing of Throng's.
//
//   behaviour  class with Fill(rows, columns), made from (options, dataset)
//   format     class with Begin, Encode and End, made from (options)
//   sink       class with Open, Write, Commit and Finish, made from (options) or (options, host)
//
// A component's options are the members of its nested struct Options: the member's type is the
// option's type, its initializer the default. Throw throng::Error to fail with a sentence.
#ifndef THRONG_SDK_HPP_
#define THRONG_SDK_HPP_

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "throng/options.hpp"
#include "throng/plugin.h"

namespace throng {

// ---- What a component meets ---------------------------------------------------------------------

class Host {
 public:
  explicit Host(const throng_host* host) : host_(host) {}
  void Info(const std::string& sentence) const { Log(THRONG_LOG_INFO, sentence); }
  // Inside a constructor: a remark on the plan, shown to whoever asked for it.
  void Warn(const std::string& sentence) const { Log(THRONG_LOG_WARNING, sentence); }
  bool IsCancelled() const { return host_->is_cancelled(host_->self) != 0; }

 private:
  void Log(int32_t level, const std::string& sentence) const {
    host_->log(host_->self, level, sentence.c_str());
  }
  const throng_host* host_;
};

// The people and the shop; ranks, numbers and their functions as in throng_world.
class World {
 public:
  explicit World(const throng_world* world) : world_(world) {}
  const throng_world& operator*() const { return *world_; }
  const throng_world* operator->() const { return world_; }
  std::span<const throng_cluster* const> clusters() const {
    return {world_->clusters, world_->clusters_count};
  }
  std::span<const throng_category* const> categories() const {
    return {world_->categories, world_->categories_count};
  }
  void UserNumber(std::span<const int64_t> rank, std::span<int64_t> number) const {
    world_->user_number(world_->self, rank.data(), number.data(), rank.size());
  }
  void UserRank(std::span<const int64_t> number, std::span<int64_t> rank) const {
    world_->user_rank(world_->self, number.data(), rank.data(), number.size());
  }
  void UserCluster(std::span<const int64_t> rank, std::span<int32_t> cluster) const {
    world_->user_cluster(world_->self, rank.data(), cluster.data(), rank.size());
  }
  void ItemNumber(std::span<const int64_t> rank, std::span<int64_t> number) const {
    world_->item_number(world_->self, rank.data(), number.data(), rank.size());
  }
  void ItemRank(std::span<const int64_t> number, std::span<int64_t> rank) const {
    world_->item_rank(world_->self, number.data(), rank.data(), number.size());
  }
  void ItemCategory(std::span<const int64_t> rank, std::span<int32_t> category) const {
    world_->item_category(world_->self, rank.data(), category.data(), rank.size());
  }
  void CategoryItem(std::span<const int32_t> category, std::span<const int64_t> index,
                    std::span<int64_t> rank) const {
    world_->category_item(world_->self, category.data(), index.data(), rank.data(), index.size());
  }

 private:
  const throng_world* world_;
};

struct Kind {
  std::string name;
  int64_t rows = 0;  // an epoch
};

// What a behaviour is made for; see throng_dataset.
struct Dataset {
  uint64_t key = 0;
  int64_t plan_size = 0;
  World world;
  std::vector<Kind> kinds;  // ratings only
  Host host;
};

// The columns before one's own; see throng_batch. Columns of later roles are not filled.
struct Rows {
  explicit Rows(const throng_batch& b)
      : first(b.first_row),
        epoch(b.epoch),
        epoch_first(b.epoch_row),
        size(b.rows),
        grid(b.grid, size),
        user(b.user, size),
        user_row(b.user_row, size),
        user_rows(b.user_rows, size),
        time(b.time, size),
        item(b.item, size),
        kind(b.kind, size),
        kind_row(b.kind_row, size) {}

  int64_t first;
  int64_t epoch;
  int64_t epoch_first;
  size_t size;
  std::span<const int64_t> grid, user, user_row, user_rows, time, item;
  std::span<const uint8_t> kind;
  std::span<const int64_t> kind_row;
};

struct ActivityColumns {
  std::span<int64_t> user, user_row, user_rows;
};
// For a clock that permutes the rows of its block: reorder all but time together.
struct ClockColumns {
  std::span<int64_t> time, grid, user, user_row, user_rows;
};
// For a choice that has kinds; one without fills a plain span of items.
struct ChoiceColumns {
  std::span<int64_t> item;
  std::span<uint8_t> kind;
  std::span<int64_t> kind_row;
};

// ---- Formats and sinks --------------------------------------------------------------------------

// Appends to the host's buffer: either Append, or write at Reserve(n) and say where it ended.
class Buffer {
 public:
  explicit Buffer(throng_buffer* buffer) : buffer_(buffer) {}
  char* Reserve(size_t bytes) {
    if (buffer_->capacity - buffer_->size < bytes && buffer_->reserve(buffer_, bytes) == 0) {
      throw std::bad_alloc();
    }
    return buffer_->data + buffer_->size;
  }
  void EndAt(const char* end) { buffer_->size = static_cast<size_t>(end - buffer_->data); }
  void Append(std::string_view text) {
    std::memcpy(Reserve(text.size()), text.data(), text.size());
    buffer_->size += text.size();
  }
  size_t size() const { return buffer_->size; }
  const char* data() const { return buffer_->data; }

 private:
  throng_buffer* buffer_;
};

struct Prologue {
  std::string bytes;
  uint32_t cut_rows = 0;
  std::string state;
};

struct Opened {
  std::optional<int64_t> position;
  bool complete = false;
  std::string host_state;
  int64_t max_commit_rows = 0;
  int64_t max_commit_ms = 0;
};

// ---- From classes to function tables ------------------------------------------------------------

namespace detail {

inline throng_code Fail(throng_error* error, throng_code code, std::string_view message,
                        std::string_view option = "") noexcept {
  const auto copy = [](std::string_view from, char* to, size_t capacity) {
    const size_t size = std::min(from.size(), capacity - 1);
    std::memcpy(to, from.data(), size);
    to[size] = '\0';
  };
  copy(option, error->option, sizeof error->option);
  copy(message, error->message, sizeof error->message);
  return code;
}

template <class Call>
throng_code Guard(throng_error* error, Call&& call) noexcept {
  try {
    call();
    return THRONG_OK;
  } catch (const Error& e) {
    return Fail(error, e.code() == THRONG_OK ? THRONG_INTERNAL : e.code(), e.what(), e.option());
  } catch (const std::bad_alloc&) {
    return Fail(error, THRONG_RESOURCE_EXHAUSTED, "out of memory");
  } catch (const std::exception& e) {
    return Fail(error, THRONG_INTERNAL, e.what());
  } catch (...) {
    return Fail(error, THRONG_INTERNAL, "something that is not a std::exception was thrown");
  }
}

struct NoOptions {};
template <class T>
struct OptionsOf {
  using Type = NoOptions;
};
template <class T>
requires requires { T::DeclareOptions(); }
struct OptionsOf<T> {
  using Type = typename T::Options;
};

// The descriptors of T's options, built once.
template <class T>
class Declared {
 public:
  using Options = typename OptionsOf<T>::Type;

  static const Declared& Get() {
    static const Declared kDeclared;
    return kDeclared;
  }
  static Options Parse(const throng_value* values) {
    Options options{};
    for (const auto& option : Get().options_) option.Set(*values++, &options);
    return options;
  }
  const throng_option* const* descriptors() const { return pointers_.data(); }

 private:
  Declared() {
    if constexpr (requires { T::DeclareOptions(); }) options_ = T::DeclareOptions();
    for (const auto& option : options_) descriptors_.push_back(option.Descriptor());
    for (const auto& descriptor : descriptors_) pointers_.push_back(&descriptor);
    pointers_.push_back(nullptr);
  }
  std::vector<OptionOf<Options>> options_;
  std::vector<throng_option> descriptors_;
  std::vector<const throng_option*> pointers_;
};

template <class T>
throng_code Validate(const throng_value* values, throng_error* error) {
  return Guard(error, [&] {
    const auto options = Declared<T>::Parse(values);
    if constexpr (requires { T::Validate(options); }) T::Validate(options);
  });
}

template <class T>
throng_component Component(const char* role, const char* name, const char* doc,
                           const void* functions) {
  return {.struct_size = sizeof(throng_component),
          .role = role,
          .name = name,
          .doc = doc,
          .options = Declared<T>::Get().descriptors(),
          .validate = &Validate<T>,
          .functions = functions};
}

template <class T>
struct BehaviourInstance {
  BehaviourInstance(const throng_value* options, const Dataset& dataset)
      : behaviour(Declared<T>::Parse(options), dataset) {}
  T behaviour;
  std::vector<Kind> kinds;
  std::vector<throng_kind> kind_table;
  std::vector<const throng_kind*> kind_pointers;
};

// How each role hands its columns to T::Fill.
template <class T>
void FillActivity(T& behaviour, const Rows& rows, const throng_batch& b) {
  behaviour.Fill(rows, ActivityColumns{
                           {b.user, rows.size}, {b.user_row, rows.size}, {b.user_rows, rows.size}});
}
template <class T>
void FillClock(T& behaviour, const Rows& rows, const throng_batch& b) {
  const std::span<int64_t> time(b.time, rows.size);
  if constexpr (requires { behaviour.Fill(rows, ClockColumns{}); }) {
    behaviour.Fill(rows, ClockColumns{time,
                                      {b.grid, rows.size},
                                      {b.user, rows.size},
                                      {b.user_row, rows.size},
                                      {b.user_rows, rows.size}});
  } else {
    behaviour.Fill(rows, time);
  }
}
template <class T>
void FillChoice(T& behaviour, const Rows& rows, const throng_batch& b) {
  const std::span<int64_t> item(b.item, rows.size);
  if constexpr (requires { behaviour.Fill(rows, ChoiceColumns{}); }) {
    behaviour.Fill(rows, ChoiceColumns{item, {b.kind, rows.size}, {b.kind_row, rows.size}});
  } else {
    behaviour.Fill(rows, item);
  }
}
template <class T>
void FillRating(T& behaviour, const Rows& rows, const throng_batch& b) {
  behaviour.Fill(rows, std::span<int32_t>(b.rating, rows.size));
}

template <class T, void (*FillColumns)(T&, const Rows&, const throng_batch&)>
const throng_behaviour* Behaviour() {
  using Instance = BehaviourInstance<T>;
  static const throng_behaviour kTable = {
      .struct_size = sizeof(throng_behaviour),
      .create = [](const throng_host* host, const throng_dataset* d, const throng_value* options,
                   void** self, throng_error* error) -> throng_code {
        return Guard(error, [&] {
          Dataset dataset{d->key, d->plan_size, World(d->world), {}, Host(host)};
          for (uint32_t i = 0; i < d->kinds_count; ++i) {
            dataset.kinds.push_back({d->kinds[i]->name, d->kinds[i]->rows});
          }
          *self = new Instance(options, dataset);
        });
      },
      .destroy = [](void* self) { delete static_cast<Instance*>(self); },
      .fill = [](void* self, const throng_batch* batch, throng_error* error) -> throng_code {
        return Guard(error, [&] {
          FillColumns(static_cast<Instance*>(self)->behaviour, Rows(*batch), *batch);
        });
      },
      .kinds = [](void* self, const throng_kind* const** kinds, uint32_t* count,
                  throng_error* error) -> throng_code {
        return Guard(error, [&] {
          auto* instance = static_cast<Instance*>(self);
          *kinds = nullptr;
          *count = 0;
          if constexpr (requires { instance->behaviour.Kinds(); }) {
            instance->kinds = instance->behaviour.Kinds();
            instance->kind_table.clear();
            instance->kind_pointers.clear();
            for (const Kind& kind : instance->kinds) {
              instance->kind_table.push_back({sizeof(throng_kind), kind.name.c_str(), kind.rows});
            }
            for (const throng_kind& kind : instance->kind_table) {
              instance->kind_pointers.push_back(&kind);
            }
            *kinds = instance->kind_pointers.data();
            *count = static_cast<uint32_t>(instance->kinds.size());
          }
        });
      },
      .block_rows = [](void* self) -> uint32_t {
        if constexpr (requires { static_cast<Instance*>(self)->behaviour.BlockRows(); }) {
          return static_cast<Instance*>(self)->behaviour.BlockRows();
        }
        return 1;
      },
      .tables =
          [](void* self, void* context,
             void (*visit)(void* context, const void* table, size_t bytes)) {
            if constexpr (requires(void (*f)(std::span<const std::byte>)) {
                            static_cast<Instance*>(self)->behaviour.Tables(f);
                          }) {
              static_cast<Instance*>(self)->behaviour.Tables(
                  [&](std::span<const std::byte> t) { visit(context, t.data(), t.size()); });
            }
          }};
  return &kTable;
}

template <class T>
T Make(const throng_host* host, const throng_value* options) {
  if constexpr (std::constructible_from<T, const typename Declared<T>::Options&, const Host&>) {
    return T(Declared<T>::Parse(options), Host(host));
  } else if constexpr (std::constructible_from<T, const typename Declared<T>::Options&>) {
    return T(Declared<T>::Parse(options));
  } else if constexpr (std::constructible_from<T, const Host&>) {
    return T(Host(host));
  } else {
    return T();
  }
}

template <class T>
struct FormatInstance {
  FormatInstance(const throng_host* host, const throng_value* options)
      : format(Make<T>(host, options)) {}
  T format;
  Prologue prologue;
};

template <class T>
constexpr uint32_t Modes() {
  if constexpr (requires { T::kModes; }) return T::kModes;
  return THRONG_RECORDS_STREAM;
}

template <class T>
const throng_format* FormatTable() {
  using Instance = FormatInstance<T>;
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
          Buffer buffer(out);
          static_cast<Instance*>(self)->format.Encode(*block, buffer);
        });
      },
      .end = [](void* self, const throng_summary* summary, throng_buffer* out,
                throng_error* error) -> throng_code {
        return Guard(error, [&] {
          Buffer buffer(out);
          auto& format = static_cast<Instance*>(self)->format;
          if constexpr (requires { format.End(*summary, buffer); }) format.End(*summary, buffer);
        });
      }};
  return &kTable;
}

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
  if constexpr (requires { T::kIsDurable; }) return T::kIsDurable ? 1 : 0;
  return 1;
}

template <class T>
const throng_sink* SinkTable() {
  using Instance = SinkInstance<T>;
  static const throng_sink kTable = [] {
    throng_sink t = {
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
          return Guard(error, [&] {
            static_cast<Instance*>(self)->sink.Commit(position, View(host_state));
          });
        },
        .finish = [](void* self, const throng_completion* completion,
                     throng_error* error) -> throng_code {
          return Guard(error, [&] { static_cast<Instance*>(self)->sink.Finish(*completion); });
        },
        .peek = nullptr,
        .reset = nullptr};
    if constexpr (requires(T & sink, const throng_target& target) { sink.Peek(target); }) {
      t.peek = [](void* self, const throng_target* target, throng_opened* opened,
                  throng_error* error) -> throng_code {
        return Guard(error, [&] {
          auto* instance = static_cast<Instance*>(self);
          instance->Report(instance->sink.Peek(*target), opened);
        });
      };
    }
    if constexpr (requires(T & sink, const throng_target& target) { sink.Reset(target); }) {
      t.reset = [](void* self, const throng_target* target, throng_error* error) -> throng_code {
        return Guard(error, [&] { static_cast<Instance*>(self)->sink.Reset(*target); });
      };
    }
    return t;
  }();
  return &kTable;
}

// The plugin's table; lives as long as the library.
class Plugin {
 public:
  Plugin(const char* name, const char* version, const char* doc,
         std::vector<throng_component> components)
      : components_(std::move(components)) {
    for (const throng_component& component : components_) pointers_.push_back(&component);
    pointers_.push_back(nullptr);
    table_ = {.struct_size = sizeof(throng_plugin),
              .abi_minor = THRONG_ABI_MINOR,
              .name = name,
              .version = version,
              .doc = doc,
              .components = pointers_.data()};
  }
  const throng_plugin* table() const { return &table_; }

 private:
  std::vector<throng_component> components_;
  std::vector<const throng_component*> pointers_;
  throng_plugin table_;
};

}  // namespace detail

// Components, each from its class, with its name and one sentence about it.
template <class T>
throng_component Activity(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_ACTIVITY, name, doc,
                              detail::Behaviour<T, detail::FillActivity<T>>());
}
template <class T>
throng_component Clock(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_CLOCK, name, doc,
                              detail::Behaviour<T, detail::FillClock<T>>());
}
template <class T>
throng_component Choice(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_CHOICE, name, doc,
                              detail::Behaviour<T, detail::FillChoice<T>>());
}
template <class T>
throng_component Rating(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_RATING, name, doc,
                              detail::Behaviour<T, detail::FillRating<T>>());
}
template <class T>
throng_component Format(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_FORMAT, name, doc, detail::FormatTable<T>());
}
template <class T>
throng_component Sink(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_SINK, name, doc, detail::SinkTable<T>());
}

}  // namespace throng

// Once per plugin, in one source file:
//   THRONG_PLUGIN("zipf", "1.0.0", "Zipf behaviours.", throng::Choice<Zipf>("zipf", "Zipf items."))
#define THRONG_PLUGIN(name, version, doc, ...)                                        \
  extern "C" const throng_plugin* throng_plugin_v1(void) {                            \
    try {                                                                             \
      static const throng::detail::Plugin kPlugin(name, version, doc, {__VA_ARGS__}); \
      return kPlugin.table();                                                         \
    } catch (...) {                                                                   \
      return nullptr;                                                                 \
    }                                                                                 \
  }

#endif  // THRONG_SDK_HPP_
