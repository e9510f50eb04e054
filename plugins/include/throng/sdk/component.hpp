// What every component has: the host it meets, its options, and how its class becomes a table.
#ifndef THRONG_SDK_COMPONENT_HPP_
#define THRONG_SDK_COMPONENT_HPP_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "throng/metrics.h"
#include "throng/options.hpp"
#include "throng/plugin.h"

namespace throng {

// What a component counts, shown with its run; see metrics.h. Does nothing where the host has none.
class Metrics {
 public:
  explicit Metrics(const void* extension)
      : metrics_(static_cast<const throng_metrics*>(extension)) {}
  // To a counter; `value` is not negative.
  void Add(const char* counter, double value) const {
    if (metrics_ != nullptr) metrics_->add(metrics_->self, counter, value);
  }
  void Set(const char* gauge, double value) const {
    if (metrics_ != nullptr) metrics_->set(metrics_->self, gauge, value);
  }

 private:
  const throng_metrics* metrics_;
};

class Host {
 public:
  explicit Host(const throng_host* host) : host_(host) {}
  // A sentence each, without a newline.
  void Debug(const std::string& sentence) const { Log(THRONG_LOG_DEBUG, sentence); }
  void Info(const std::string& sentence) const { Log(THRONG_LOG_INFO, sentence); }
  // Inside a constructor: a remark on the plan, shown to whoever asked for it.
  void Warn(const std::string& sentence) const { Log(THRONG_LOG_WARNING, sentence); }
  void Error(const std::string& sentence) const { Log(THRONG_LOG_ERROR, sentence); }
  bool IsCancelled() const { return host_->is_cancelled(host_->self) != 0; }
  // By its versioned name, or nullptr.
  const void* Extension(const char* name) const { return host_->get_extension(host_->self, name); }
  throng::Metrics Metrics() const { return throng::Metrics(Extension(THRONG_METRICS)); }

 private:
  void Log(int32_t level, const std::string& sentence) const {
    host_->log(host_->self, level, sentence.c_str());
  }
  const throng_host* host_;
};

namespace detail {

// THRONG_DETAIL_MAY_HAVE(Peek): HasPeek<T> is whether T has a member of that name, whatever it is:
// a name that two bases have is ambiguous.
#define THRONG_DETAIL_MAY_HAVE(Member)          \
  struct Fallback##Member {                     \
    int Member;                                 \
  };                                            \
  template <class T>                            \
  struct Both##Member : T, Fallback##Member {}; \
  template <class Both>                         \
  concept Knows##Member = requires {            \
    &Both::Member;                              \
  };                                            \
  template <class T>                            \
  inline constexpr bool Has##Member = [] {      \
    if constexpr (std::is_final_v<T>)           \
      return false;                             \
    else                                        \
      return !Knows##Member<Both##Member<T>>;   \
  }();

// T's optional member is callable as it must be (`callable`), or is not there at all.
#define THRONG_DETAIL_CHECK(T, Member, callable, signature)                         \
  static_assert((callable) || !throng::detail::Has##Member<T>,                      \
                "The member " #Member " must be public, and callable as " signature \
                ", in a class that is not const where it is not.")

THRONG_DETAIL_MAY_HAVE(Validate)

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
  using Options = typename Declared<T>::Options;
  constexpr bool kCallable = requires(const Options& options) { T::Validate(options); };
  THRONG_DETAIL_CHECK(T, Validate, kCallable, "static void Validate(const Options&)");
  return Guard(error, [&] {
    const auto options = Declared<T>::Parse(values);
    if constexpr (kCallable) T::Validate(options);
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

// A format, a sink, a source or a decoder.
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

THRONG_DETAIL_MAY_HAVE(kModes)

template <class T>
constexpr uint32_t Modes() {
  constexpr bool kDeclares = requires { std::integral_constant<uint32_t, T::kModes>(); };
  THRONG_DETAIL_CHECK(T, kModes, kDeclares, "static constexpr uint32_t kModes");
  if constexpr (kDeclares) return T::kModes;
  return THRONG_RECORDS_STREAM;
}

}  // namespace detail
}  // namespace throng

#endif  // THRONG_SDK_COMPONENT_HPP_
