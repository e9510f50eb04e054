// Options of components as members of a struct: the first part of sdk.hpp, which includes this
// file.
#ifndef THRONG_OPTIONS_HPP_
#define THRONG_OPTIONS_HPP_

#include <charconv>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "throng/plugin.h"

namespace throng {

// What a component throws to fail: a google.rpc code (THRONG_...), a sentence for the person who
// must act, and the option at fault if there is one.
class Error : public std::exception {
 public:
  Error(throng_code code, std::string message, std::string option = "")
      : code_(code), message_(std::move(message)), option_(std::move(option)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  throng_code code() const { return code_; }
  const std::string& option() const { return option_; }

 private:
  throng_code code_;
  std::string message_;
  std::string option_;
};

// Types of options that plain C++ types do not tell apart. Give their default by Default("30d").
struct Timestamp {
  int64_t ms = 0;  // since 1970 UTC
};
struct Duration {
  int64_t ms = 0;
};
struct Size {
  int64_t bytes = 0;
};
using Map = std::vector<std::pair<std::string, std::string>>;

inline std::string_view View(throng_bytes bytes) { return {bytes.data, bytes.size}; }
inline throng_bytes Bytes(std::string_view text) { return {text.data(), text.size()}; }

namespace detail {

template <class T>
struct Unwrapped {
  using Type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
};

template <class T>
constexpr uint32_t OptionType() {
  if constexpr (std::is_same_v<T, bool>) return THRONG_OPTION_BOOL;
  if constexpr (std::is_same_v<T, int64_t>) return THRONG_OPTION_INT64;
  if constexpr (std::is_same_v<T, double>) return THRONG_OPTION_FLOAT64;
  if constexpr (std::is_same_v<T, std::string>) return THRONG_OPTION_STRING;
  if constexpr (std::is_same_v<T, Timestamp>) return THRONG_OPTION_TIMESTAMP;
  if constexpr (std::is_same_v<T, Duration>) return THRONG_OPTION_DURATION;
  if constexpr (std::is_same_v<T, Size>) return THRONG_OPTION_SIZE;
  if constexpr (std::is_enum_v<T>) return THRONG_OPTION_ENUM;
  if constexpr (std::is_same_v<T, std::vector<double>>) return THRONG_OPTION_LIST;
  if constexpr (std::is_same_v<T, Map>) return THRONG_OPTION_MAP;
  return 0;
}

template <class T>
T OptionValue(const throng_value& value) {
  if constexpr (std::is_same_v<T, double>) {
    return value.real;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return std::string(View(value.text));
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    return {value.list, value.list + value.count};
  } else if constexpr (std::is_same_v<T, Map>) {
    Map map;
    for (size_t i = 0; i < value.count; ++i) map.emplace_back(value.keys[i], value.texts[i]);
    return map;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value.integer != 0;
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(value.integer);
  } else {
    return T{value.integer};
  }
}

template <class Number>
std::string NumberText(Number value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

template <class T>
struct MemberOf;
template <class Class, class T>
struct MemberOf<T Class::*> {
  using Options = Class;
  using Type = T;
};

}  // namespace detail

// One declared option of a component whose options are `Options`.
template <class Options>
class OptionOf {
 public:
  using Apply = void (*)(const throng_value&, Options*);

  OptionOf(uint32_t type, const char* name, const char* doc, std::optional<std::string> fallback,
           int fallback_choice, Apply apply)
      : type_(type),
        name_(name),
        doc_(doc),
        fallback_(std::move(fallback)),
        fallback_choice_(fallback_choice),
        apply_(apply) {}

  // Inclusive bounds, of numbers and of lists' elements.
  OptionOf Range(double minimum, double maximum) && {
    return std::move(*this).Between(detail::NumberText(minimum), detail::NumberText(maximum));
  }
  // Inclusive bounds as text ("1ms", "366d"); empty: none.
  OptionOf Between(std::string minimum, std::string maximum) && {
    minimum_ = std::move(minimum);
    maximum_ = std::move(maximum);
    return std::move(*this);
  }
  // The names of an enum's values, in the order of its values from 0.
  OptionOf Choices(std::vector<const char*> choices) && {
    choices_ = std::move(choices);
    if (fallback_choice_ >= 0) {
      const auto fallback = static_cast<size_t>(fallback_choice_);
      if (fallback >= choices_.size()) {
        throw Error(THRONG_INTERNAL, std::string("option ") + name_ + " has a default beyond its " +
                                         std::to_string(choices_.size()) + " choices.");
      }
      fallback_ = choices_[fallback];
    }
    choices_.push_back(nullptr);
    return std::move(*this);
  }
  OptionOf Default(std::string text) && {
    fallback_ = std::move(text);
    return std::move(*this);
  }
  OptionOf Required() && { return std::move(*this).Flag(THRONG_OPTION_REQUIRED); }
  OptionOf Secret() && { return std::move(*this).Flag(THRONG_OPTION_SECRET); }
  // It decides what is written, or where.
  OptionOf Identity() && { return std::move(*this).Flag(THRONG_OPTION_IDENTITY); }
  // A file that is written, or read by a source: a daemon allows it below its roots only.
  OptionOf Path() && { return std::move(*this).Flag(THRONG_OPTION_PATH); }

  // Valid while this stays where it is.
  throng_option Descriptor() const {
    const auto text = [](const std::string& s) { return s.empty() ? nullptr : s.c_str(); };
    const bool has_default = fallback_ && (flags_ & THRONG_OPTION_REQUIRED) == 0;
    return {.struct_size = sizeof(throng_option),
            .type = type_,
            .flags = flags_,
            .name = name_,
            .doc = doc_,
            .default_text = has_default ? fallback_->c_str() : nullptr,
            .minimum = text(minimum_),
            .maximum = text(maximum_),
            .choices = choices_.empty() ? nullptr : choices_.data()};
  }
  void Set(const throng_value& value, Options* options) const {
    if (value.is_set != 0) apply_(value, options);
  }

 private:
  OptionOf Flag(uint32_t flag) && {
    flags_ |= flag;
    return std::move(*this);
  }

  uint32_t type_;
  uint32_t flags_ = 0;
  const char* name_;
  const char* doc_;
  std::optional<std::string> fallback_;
  int fallback_choice_;
  Apply apply_;
  std::string minimum_;
  std::string maximum_;
  std::vector<const char*> choices_;
};

// Declares the option that sets `Member`: Option<&Options::exponent>("exponent", "Skew.").
// A std::optional member has no default and stays empty unless it is given. `Options` may be a
// struct that derives from the member's, so that components can share some of their options.
template <auto Member, class Options = typename detail::MemberOf<decltype(Member)>::Options>
auto Option(const char* name, const char* doc) {
  using Declared = typename detail::MemberOf<decltype(Member)>::Type;
  using T = typename detail::Unwrapped<Declared>::Type;
  static_assert(detail::OptionType<T>() != 0, "no option has this type; see plugin.h");
  std::optional<std::string> fallback;
  int fallback_choice = -1;
  const Options defaults{};
  if constexpr (std::is_same_v<Declared, T>) {
    const T& value = defaults.*Member;
    if constexpr (std::is_same_v<T, bool>) {
      fallback = value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
      fallback = detail::NumberText(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      fallback = value;
    } else if constexpr (std::is_enum_v<T>) {
      fallback_choice = static_cast<int>(value);
    } else if constexpr (std::is_same_v<T, std::vector<double>>) {
      fallback.emplace();
      for (const double x : value) {
        *fallback += (fallback->empty() ? "" : ",") + detail::NumberText(x);
      }
    }
  }
  return OptionOf<Options>(detail::OptionType<T>(), name, doc, std::move(fallback), fallback_choice,
                           [](const throng_value& value, Options* options) {
                             options->*Member = detail::OptionValue<T>(value);
                           });
}

}  // namespace throng

#endif  // THRONG_OPTIONS_HPP_
