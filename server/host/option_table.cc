#include "server/host/option_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "proto/option_text.h"
#include "proto/utf8.h"
#include "server/control/plain_text.h"
#include "server/dataset/name.h"

namespace throng {
namespace {

bool IsNumber(const char* text) { return ParseDouble(text).has_value(); }

// Whether `text` is a value of that option.
bool IsValue(const throng_option& o, const std::string& text) {
  switch (o.type) {
    case THRONG_OPTION_BOOL:
      return text == "true" || text == "false";
    case THRONG_OPTION_INT64:
      return ParseInt64(text).has_value();
    case THRONG_OPTION_FLOAT64:
      return ParseDouble(text).has_value();
    case THRONG_OPTION_TIMESTAMP:
      return ParseTimestamp(text, 0).has_value();
    case THRONG_OPTION_DURATION:
      return ParseDuration(text).has_value();
    case THRONG_OPTION_SIZE:
      return ParseSize(text).has_value();
    case THRONG_OPTION_LIST:
      return ParseList(text).has_value();
    case THRONG_OPTION_ENUM:
      for (auto choice = o.choices; *choice != nullptr; ++choice) {
        if (text == *choice) return true;
      }
      return false;
    default:
      return true;
  }
}

// Likewise as a bound: of a list it is one of its numbers, and of integers 1e6 is good, too.
bool IsBound(const throng_option& o, const char* text) {
  if (o.type == THRONG_OPTION_INT64 || o.type == THRONG_OPTION_LIST) return IsNumber(text);
  return IsValue(o, text);
}

bool IsEmpty(const char* text) { return text == nullptr || *text == '\0'; }

std::string OptionFault(const throng_option& o) {
  if (IsEmpty(o.name)) return "an option without a name";
  const std::string_view name = o.name;
  const std::string shown = PlainText(name);
  if (FindInvalidUtf8(name) != std::string_view::npos) {
    return "an option whose name is not UTF-8 text";
  }
  if (o.type < THRONG_OPTION_BOOL || o.type > THRONG_OPTION_MAP) {
    return fmt::format("option `{}` of type {}, which this host does not know", shown, o.type);
  }
  if ((o.type == THRONG_OPTION_MAP) != name.ends_with('.')) {
    return fmt::format("option `{}`: the name of a map, and of nothing else, ends with a dot",
                       shown);
  }
  if (!IsSnakeCase(name.substr(0, name.size() - (name.ends_with('.') ? 1 : 0)))) {
    return fmt::format("option `{}`: a name is written in snake_case", shown);
  }
  if (IsEmpty(o.doc)) return fmt::format("option `{}` without a doc", shown);
  if (o.type == THRONG_OPTION_ENUM && (o.choices == nullptr || o.choices[0] == nullptr)) {
    return fmt::format("option `{}`, an enum, without choices", shown);
  }
  if (o.type == THRONG_OPTION_MAP && (o.flags & THRONG_OPTION_SECRET) != 0) {
    return fmt::format("option `{}`: a map cannot be secret; declare secrets by name", shown);
  }
  if (o.type != THRONG_OPTION_STRING && (o.flags & THRONG_OPTION_PATH) != 0) {
    return fmt::format("option `{}`, a path that is no string", shown);
  }
  if (o.default_text != nullptr) {
    if (FindInvalidUtf8(o.default_text) != std::string_view::npos) {
      return fmt::format("option `{}` with a default that is not UTF-8 text", shown);
    }
    if (!IsValue(o, o.default_text)) {
      return fmt::format("option `{}` with the default \"{}\", which is no value of its type",
                         shown, PlainText(o.default_text));
    }
  }
  for (const char* bound : {o.minimum, o.maximum}) {
    if (bound != nullptr && !IsBound(o, bound)) {
      return fmt::format("option `{}` with the bound \"{}\", which is no value of its type", shown,
                         PlainText(bound));
    }
  }
  return "";
}

}  // namespace

std::string OptionTableFault(const std::vector<throng_option>& options) {
  std::set<std::string_view> names;
  for (const throng_option& option : options) {
    if (std::string fault = OptionFault(option); !fault.empty()) return fault;
    if (!names.insert(option.name).second) return fmt::format("option `{}` twice", option.name);
  }
  return "";
}

bool HasOption(const std::vector<throng_option>& options, std::string_view name) {
  return std::any_of(options.begin(), options.end(), [name](const throng_option& option) {
    return option.type == THRONG_OPTION_MAP ? name.starts_with(option.name) && name != option.name
                                            : name == option.name;
  });
}

}  // namespace throng
