#include "server/host/option_values.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "proto/option_text.h"
#include "server/control/call_page.h"
#include "server/host/fixed_text.h"
#include "server/host/option_table.h"
#include "server/host/roots.h"

namespace throng {
namespace {

const char* Expected(uint32_t type) {
  switch (type) {
    case THRONG_OPTION_BOOL:
      return "true or false";
    case THRONG_OPTION_INT64:
      return "a whole number";
    case THRONG_OPTION_FLOAT64:
      return "a finite number";
    case THRONG_OPTION_TIMESTAMP:
      return "a time such as 2024-01-01T00:00:00Z or now-7d";
    case THRONG_OPTION_DURATION:
      return "a duration such as 250ms, 12h or 30d";
    case THRONG_OPTION_SIZE:
      return "a size such as 4096 or 64KiB";
    case THRONG_OPTION_LIST:
      return "a list of finite numbers such as [0.1, 0.9]";
    default:
      return "text";
  }
}

bool HasFlag(const throng_option& option, uint32_t flag) { return (option.flags & flag) != 0; }
bool IsMap(const throng_option& option) { return option.type == THRONG_OPTION_MAP; }

// What a reference (env:NAME, file:/path) stands for; else a sentence in `fault`.
std::string Dereference(std::string_view text,
                        const std::optional<std::vector<std::string>>& source_roots,
                        std::string* fault) {
  if (text.starts_with("env:")) {
    const std::string name(text.substr(4));
    const char* value = std::getenv(name.c_str());
    if (value != nullptr) return value;
    *fault = fmt::format("names the environment variable {}, which is not set; set it.", name);
  } else if (text.starts_with("file:")) {
    const std::string path(text.substr(5));
    if (source_roots && !LiesBelow(path, *source_roots)) {
      *fault = source_roots->empty()
                   ? fmt::format(
                         "names the file {}; this daemon reads secrets from no files, so "
                         "give it as env:NAME.",
                         path)
                   : fmt::format(
                         "names the file {}, which lies outside the source roots ({}); "
                         "give one below them.",
                         path, fmt::join(*source_roots, ", "));
      return "";
    }
    std::ifstream file(path);
    std::ostringstream content;
    if (file && content << file.rdbuf()) {
      std::string value = content.str();
      while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
      return value;
    }
    *fault = fmt::format("names the file {}, which cannot be read.", path);
  } else {
    *fault = "is a secret and must be a reference: env:NAME or file:/path.";
  }
  return "";
}

}  // namespace

// Parses one component's options into an OptionValues.
class OptionParser {
 public:
  OptionParser(const Component& component, std::string field, int64_t now, Problems* problems,
               const std::optional<std::vector<std::string>>& source_roots)
      : component_(component),
        field_(std::move(field)),
        now_(now),
        problems_(problems),
        source_roots_(source_roots) {}

  void Unknown(const std::map<std::string, std::string>& options) {
    std::vector<std::string> known;
    for (const throng_option& o : component_.options) {
      known.push_back(IsMap(o) ? std::string(o.name) + "NAME" : o.name);
    }
    for (const auto& [name, text] : options) {
      if (HasOption(component_.options, name)) continue;
      Problem(name, fmt::format("the {} `{}` has no such option.{}", RoleName(component_.role),
                                component_.name,
                                known.empty() ? " It has none." : DidYouMean(name, known)));
    }
  }

  void Add(const throng_option& option, const std::map<std::string, std::string>& options) {
    throng_value value{};
    if (IsMap(option)) {
      AddMap(option, options, &value);
    } else if (const auto given = options.find(option.name); given != options.end()) {
      value.is_set = value.is_given = 1;
      Fill(option, given->second, &value);
    } else if (HasFlag(option, THRONG_OPTION_REQUIRED)) {
      Problem(option.name, fmt::format("is missing: the {} `{}` needs it. {}",
                                       RoleName(component_.role), component_.name, option.doc));
    } else if (option.default_text != nullptr) {
      value.is_set = 1;
      Fill(option, option.default_text, &value);
    }
    result_.values_.push_back(value);
  }

  OptionValues Finish() {
    if (!has_problem_ && component_.validate != nullptr) Validate();
    return std::move(result_);
  }

 private:
  void Validate() {
    const std::string source = fmt::format("{} `{}`", RoleName(component_.role), component_.name);
    throng_error error{};
    error.struct_size = sizeof error;
    const CallScope scope(CallerOf(source), -1);
    const throng_code code = [&]() noexcept {
      return component_.validate(result_.values(), &error);
    }();
    if (code == THRONG_OK) return;
    const std::string message(FixedText(error.message));
    Problem(std::string(FixedText(error.option)),
            message.empty()
                ? fmt::format("{}: its options failed with code {} and no message.", source, code)
                : message);
  }

  void Problem(const std::string& option, std::string message) {
    has_problem_ = true;
    problems_->push_back(
        {option.empty() ? field_ : field_ + ".options." + option, std::move(message)});
  }

  void AddMap(const throng_option& option, const std::map<std::string, std::string>& options,
              throng_value* value) {
    const std::string_view prefix = option.name;
    auto& keys = result_.pointers_.emplace_back();
    auto& texts = result_.pointers_.emplace_back();
    for (const auto& [name, text] : options) {
      if (!name.starts_with(prefix) || name == prefix) continue;
      keys.push_back(result_.texts_.emplace_back(name.substr(prefix.size())).c_str());
      texts.push_back(result_.texts_.emplace_back(text).c_str());
      Record(option, name, text, text);
    }
    value->is_set = value->is_given = keys.empty() ? 0 : 1;
    value->keys = keys.data();
    value->texts = texts.data();
    value->count = keys.size();
  }

  void Record(const throng_option& option, const std::string& name, std::string canonical,
              std::string resolved) {
    const bool is_identity = HasFlag(option, THRONG_OPTION_IDENTITY);
    if (is_identity && result_.place_.empty()) result_.place_ = resolved;
    result_.canonical_.push_back({name, std::move(canonical), is_identity});
    result_.resolved_[name] = std::move(resolved);
  }

  // Fills `value` from `text` by the option's type, checks the range, and records both texts.
  void Fill(const throng_option& option, const std::string& text, throng_value* value) {
    std::string canonical = text;
    std::string resolved = text;
    bool is_understood = true;
    const auto integer = [&](std::optional<int64_t> parsed) {
      is_understood = parsed.has_value();
      value->integer = parsed.value_or(0);
      if (is_understood) resolved = canonical = std::to_string(*parsed);
    };
    switch (option.type) {
      case THRONG_OPTION_BOOL:
        is_understood = text == "true" || text == "false";
        value->integer = text == "true" ? 1 : 0;
        break;
      case THRONG_OPTION_INT64:
        integer(ParseInt64(text));
        break;
      case THRONG_OPTION_SIZE:
        integer(ParseSize(text));
        break;
      case THRONG_OPTION_DURATION:
        integer(ParseDuration(text));
        if (is_understood) resolved = canonical = DurationText(value->integer);
        break;
      case THRONG_OPTION_TIMESTAMP: {
        const auto parsed = ParseTimestamp(text, now_);
        integer(parsed ? std::optional(parsed->ms) : std::nullopt);
        if (is_understood) {
          resolved = TimestampText(value->integer);
          canonical = parsed->is_relative ? text : resolved;
          result_.has_relative_times_ = result_.has_relative_times_ || parsed->is_relative;
        }
        break;
      }
      case THRONG_OPTION_FLOAT64: {
        const auto parsed = ParseDouble(text);
        is_understood = parsed.has_value();
        value->real = parsed.value_or(0);
        if (is_understood) resolved = canonical = fmt::format("{}", *parsed);
        break;
      }
      case THRONG_OPTION_LIST: {
        const auto parsed = ParseList(text);
        is_understood = parsed.has_value();
        const auto& list = result_.lists_.emplace_back(parsed.value_or(std::vector<double>()));
        value->list = list.data();
        value->count = list.size();
        if (is_understood) resolved = canonical = fmt::format("{}", fmt::join(list, ","));
        break;
      }
      case THRONG_OPTION_ENUM:
        return FillEnum(option, text, value);
      default: {
        std::string fault;
        const bool is_secret = HasFlag(option, THRONG_OPTION_SECRET);
        const std::string& stored = result_.texts_.emplace_back(
            is_secret ? Dereference(text, source_roots_, &fault) : text);
        if (!fault.empty()) return Problem(option.name, fault);
        value->text = {stored.c_str(), stored.size()};
      }
    }
    if (!is_understood) {
      return Problem(option.name, fmt::format("is \"{}\"; write {}.", text, Expected(option.type)));
    }
    if (!IsInRange(option, *value)) {
      return Problem(option.name, fmt::format("is {}; it must be {}.", text, RangeText(option)));
    }
    Record(option, option.name, std::move(canonical), std::move(resolved));
  }

  void FillEnum(const throng_option& option, const std::string& text, throng_value* value) {
    std::vector<std::string> choices;
    for (auto choice = option.choices; *choice != nullptr; ++choice) {
      if (text == *choice) {
        value->integer = choice - option.choices;
        return Record(option, option.name, text, text);
      }
      choices.emplace_back(*choice);
    }
    Problem(option.name,
            fmt::format("is \"{}\"; write one of: {}.", text, fmt::join(choices, ", ")));
  }

  static std::string RangeText(const throng_option& option) {
    if (option.minimum == nullptr) return fmt::format("at most {}", option.maximum);
    if (option.maximum == nullptr) return fmt::format("at least {}", option.minimum);
    return fmt::format("from {} to {}", option.minimum, option.maximum);
  }

  // Whether `value` lies within the option's inclusive bounds, read as the option's own type.
  bool IsInRange(const throng_option& option, const throng_value& value) const {
    const auto inside = [&](auto x, auto parse) {
      const auto low = option.minimum != nullptr ? parse(option.minimum) : std::nullopt;
      const auto high = option.maximum != nullptr ? parse(option.maximum) : std::nullopt;
      return (!low || x >= *low) && (!high || x <= *high);
    };
    switch (option.type) {
      case THRONG_OPTION_INT64:
        return inside(value.integer, [](const char* text) -> std::optional<int64_t> {
          if (const auto whole = ParseInt64(text)) return whole;
          const auto real = ParseDouble(text);  // a bound such as 1e6
          return real ? std::optional(static_cast<int64_t>(*real)) : std::nullopt;
        });
      case THRONG_OPTION_SIZE:
        return inside(value.integer, ParseSize);
      case THRONG_OPTION_DURATION:
        return inside(value.integer, ParseDuration);
      case THRONG_OPTION_TIMESTAMP:
        return inside(value.integer, [this](const char* text) -> std::optional<int64_t> {
          const auto time = ParseTimestamp(text, now_);
          return time ? std::optional(time->ms) : std::nullopt;
        });
      case THRONG_OPTION_FLOAT64:
        return inside(value.real, ParseDouble);
      case THRONG_OPTION_LIST:
        for (size_t i = 0; i < value.count; ++i) {
          if (!inside(value.list[i], ParseDouble)) return false;
        }
        return true;
      default:
        return true;
    }
  }

  const Component& component_;
  std::string field_;
  int64_t now_;
  Problems* problems_;
  const std::optional<std::vector<std::string>>& source_roots_;
  bool has_problem_ = false;
  OptionValues result_;
};

OptionValues OptionValues::Parse(const Component& component,
                                 const std::map<std::string, std::string>& options,
                                 const std::string& field, int64_t now, Problems* problems,
                                 const std::optional<std::vector<std::string>>& source_roots) {
  OptionParser parser(component, field, now, problems, source_roots);
  parser.Unknown(options);
  for (const throng_option& option : component.options) parser.Add(option, options);
  return parser.Finish();
}

std::string OptionValues::Canonical(bool identity_only) const {
  std::string text;
  for (const Entry& entry : canonical_) {
    if (identity_only && !entry.is_identity) continue;
    text += fmt::format("{}:{}={}:{}\n", entry.name.size(), entry.name, entry.canonical.size(),
                        entry.canonical);
  }
  return text;
}

}  // namespace throng
