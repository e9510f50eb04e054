// Checks of a plugin as a whole, and of its components' options.
#include <dlfcn.h>
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "proto/option_text.h"
#include "server/conformance/check.h"
#include "server/conformance/elf_symbols.h"
#include "server/control/status.h"
#include "server/dataset/name.h"
#include "server/host/describe.h"
#include "server/host/process.h"

namespace throng {
namespace {

constexpr std::string_view kEntry = "throng_plugin_v1";
constexpr int64_t kNow =
    1'705'314'600'000;  // what `now` means: not the clock, so the same anywhere

// ---- The file -----------------------------------------------------------------------------------

absl::Status CheckExports(CheckContext& context) {
  const auto symbols = ReadDynamicSymbols(context.file);
  if (!symbols.ok()) return symbols.status();
  bool has_entry = false;
  std::vector<std::string> others;
  for (const ElfSymbol& symbol : *symbols) {
    if (symbol.is_unique) {
      return Fault(
          "it has the GNU_UNIQUE symbol {}, which keeps the library mapped for ever; compile with "
          "-fno-gnu-unique.",
          symbol.name);
    }
    if (!symbol.is_defined || !symbol.is_visible) continue;
    if (symbol.name == kEntry) {
      has_entry = true;
    } else {
      others.push_back(symbol.name);
    }
  }
  if (!has_entry) return Fault("it does not export {}.", kEntry);
  if (others.empty()) return absl::OkStatus();
  return Fault("it also exports {}; link it by throng_plugin(), or with a version script.",
               fmt::join(others, ", "));
}

// Sanitizers' functions come with whoever is instrumented, the host included.
bool IsSanitizer(std::string_view name) {
  constexpr std::string_view kPrefixes[] = {"__asan_", "__ubsan_",     "__tsan_", "__msan_",
                                            "__lsan_", "__sanitizer_", "__gcov_"};
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

absl::Status CheckUndefined(CheckContext& context) {
  const auto symbols = ReadDynamicSymbols(context.file);
  if (!symbols.ok()) return symbols.status();
  // Lazily, so that all that is missing can be named. dlsym looks into the library and those it
  // was linked with, not into the host.
  void* library = dlopen(context.file.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return Fault("it cannot be loaded: {}.", dlerror());
  std::vector<std::string> missing;
  for (const ElfSymbol& symbol : *symbols) {
    if (symbol.is_defined || symbol.is_weak || IsSanitizer(symbol.name)) continue;
    dlerror();
    if (dlsym(library, symbol.name.c_str()) == nullptr && dlerror() != nullptr) {
      missing.push_back(symbol.name);
    }
  }
  if (missing.empty()) return absl::OkStatus();
  return Fault("no library that it is linked with has {}; link what does, with -z defs.",
               fmt::join(missing, ", "));
}

// ---- What it says -------------------------------------------------------------------------------

absl::Status CheckStructSize(std::string_view what, const void* table) {
  constexpr uint32_t kLargest = 4096;
  uint32_t size = 0;
  std::memcpy(&size, table, sizeof size);
  if (size >= sizeof size && size <= kLargest && size % alignof(void*) == 0) {
    return absl::OkStatus();
  }
  return Fault("the struct_size of {} is {}; set it to the struct's sizeof.", what, size);
}

absl::Status CheckStructSizes(CheckContext& context) {
  void* library = dlopen(context.file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Fault("it cannot be loaded: {}.", dlerror());
  NoteStep(kEntry);
  const auto describe =
      reinterpret_cast<throng_plugin_function>(dlsym(library, std::string(kEntry).c_str()));
  const throng_plugin* plugin = describe();
  if (absl::Status status = CheckStructSize("the plugin's table", plugin); !status.ok()) {
    return status;
  }
  for (auto component = plugin->components; *component != nullptr; ++component) {
    const auto name = [&] { return fmt::format("component `{}`", (*component)->name); };
    absl::Status status = CheckStructSize(name(), *component);
    if (status.ok()) {
      status = CheckStructSize(fmt::format("the functions of {}", name()), (*component)->functions);
    }
    for (auto option = (*component)->options; option != nullptr && *option != nullptr; ++option) {
      if (!status.ok()) break;
      status = CheckStructSize(fmt::format("option `{}` of {}", (*option)->name, name()), *option);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckDescribesTheSame(CheckContext& context) {
  const auto describe = [&]() -> absl::StatusOr<std::string> {
    NoteStep(kEntry);
    const auto plugin = Plugin::Load(context.file);
    if (!plugin.ok()) return plugin.status();
    return DescriptionText(**plugin);
  };
  const auto first = describe();
  const auto second = describe();
  if (!first.ok()) return first.status();
  if (!second.ok()) return second.status();
  if (*first != *second) return Fault("{} says something else when it is called again.", kEntry);
  context.digest = *first;
  return absl::OkStatus();
}

bool IsVersion(std::string_view version) {
  int numbers = 0;
  bool has_digit = false;
  for (const char c : version) {
    if (c >= '0' && c <= '9') {
      numbers += has_digit ? 0 : 1;
      has_digit = true;
    } else if (c == '.' && has_digit) {
      has_digit = false;
    } else {
      return false;
    }
  }
  return numbers == 3 && has_digit;
}

// Empty, or why `doc`, which is not empty, is no sentence.
absl::Status CheckDoc(const std::string& what, std::string_view doc) {
  const bool is_line = std::none_of(doc.begin(), doc.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (is_line) return absl::OkStatus();
  return Fault("the doc of {} has a line break or another control character.", what);
}

absl::Status CheckOptionNames(const Component& component) {
  std::set<std::string_view> names;
  for (const throng_option& option : component.options) {
    const std::string what = fmt::format("option `{}` of `{}`", option.name, component.name);
    std::string_view name = option.name;
    if (!names.insert(name).second) return Fault("{} is there twice.", what);
    if (option.type == THRONG_OPTION_MAP) name.remove_suffix(1);
    if (!IsSnakeCase(name)) return Fault("{}: a name is written in snake_case.", what);
    if (absl::Status status = CheckDoc(what, option.doc); !status.ok()) return status;
    if (option.type != THRONG_OPTION_ENUM) continue;
    std::set<std::string_view> choices;
    for (auto choice = option.choices; *choice != nullptr; ++choice) {
      if (**choice == '\0') return Fault("{} has an empty choice.", what);
      if (!choices.insert(*choice).second) {
        return Fault("{} has the choice `{}` twice.", what, *choice);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNames(CheckContext& context) {
  const auto plugin = Plugin::Load(context.file);
  if (!plugin.ok()) return plugin.status();
  if (!IsSnakeCase((*plugin)->name())) {
    return Fault("the plugin's name is \"{}\"; a name is written in snake_case.",
                 (*plugin)->name());
  }
  if (!IsVersion((*plugin)->version())) {
    return Fault("the plugin's version is \"{}\"; write three numbers, as 1.2.3.",
                 (*plugin)->version());
  }
  for (const UnusableComponent& component : (*plugin)->unusable()) {
    return Fault("component `{}` plays the role \"{}\", which this host does not know.",
                 component.name, component.role);
  }
  absl::Status status = CheckDoc("the plugin", (*plugin)->doc());
  std::set<std::pair<Role, std::string_view>> names;
  for (const auto& component : (*plugin)->components()) {
    if (!status.ok()) return status;
    if (!IsSnakeCase(component->name)) {
      return Fault("component `{}`: a name is written in snake_case.", component->name);
    }
    if (!names.insert({component->role, component->name}).second) {
      return Fault("the {} `{}` is there twice.", RoleName(component->role), component->name);
    }
    status = CheckDoc(fmt::format("`{}`", component->name), component->doc);
    if (status.ok()) status = CheckOptionNames(*component);
  }
  return status;
}

// ---- Options ------------------------------------------------------------------------------------

bool HasRange(const throng_option& option) {
  switch (option.type) {
    case THRONG_OPTION_INT64:
    case THRONG_OPTION_FLOAT64:
    case THRONG_OPTION_TIMESTAMP:
    case THRONG_OPTION_DURATION:
    case THRONG_OPTION_SIZE:
    case THRONG_OPTION_LIST:
      return true;
    default:
      return false;
  }
}

// What is wrong with `text` as a value of `option`, checked against its bounds; or empty.
std::string FaultOfText(const Component& component, const throng_option& option,
                        const std::string& text) {
  Component alone;
  alone.role = component.role;
  alone.name = component.name;
  alone.options.push_back(option);
  Problems problems;
  OptionValues::Parse(alone, {{option.name, text}}, "", kNow, &problems);
  return problems.empty() ? "" : problems.front().message;
}

absl::Status CheckOption(const Component& component, const throng_option& option) {
  const auto fault = [&](std::string_view what) {
    return Fault("option `{}`: {}", option.name, what);
  };
  for (const char* bound : {option.minimum, option.maximum}) {
    if (bound == nullptr) continue;
    if (!HasRange(option)) return fault("its type has no range.");
    // Whole numbers may have a bound such as 1e6.
    const auto real = option.type == THRONG_OPTION_INT64 ? ParseDouble(bound) : std::nullopt;
    if (real && !ParseInt64(bound) && std::abs(*real) < 9e18) continue;
    // A bound that lies outside of both: they are the wrong way round.
    const std::string problem = FaultOfText(component, option, bound);
    if (!problem.empty()) return fault(fmt::format("its bound {}", problem));
  }
  if (option.default_text == nullptr) return absl::OkStatus();
  if ((option.flags & THRONG_OPTION_REQUIRED) != 0) {
    return fault("it is required, so its default is never used.");
  }
  if (option.type == THRONG_OPTION_MAP || (option.flags & THRONG_OPTION_SECRET) != 0) {
    return fault("a map or a secret has no default.");
  }
  const std::string problem = FaultOfText(component, option, option.default_text);
  return problem.empty() ? absl::OkStatus() : fault(fmt::format("its default {}", problem));
}

absl::Status CheckDefaults(CheckContext& context) {
  for (const throng_option& option : context.component->options) {
    if (absl::Status status = CheckOption(*context.component, option); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// ---- Memory -------------------------------------------------------------------------------------

// malloc keeps freed pieces of each small size for the thread, and counts them as in use. Makes it
// keep as many as it ever does, so that they are always the same.
void FillThreadCache() {
  constexpr size_t kKept = 7;  // of each size
  constexpr size_t kLargest = 1032;
  constexpr size_t kSmallest = 24;
  constexpr size_t kStep = 16;
  struct Piece {
    Piece* next;
  };
  Piece* pieces = nullptr;
  for (size_t size = kSmallest; size <= kLargest; size += kStep) {
    for (size_t count = 0; count < kKept;) {
      auto* piece = static_cast<Piece*>(std::malloc(size));
      if (piece == nullptr) break;
      if (malloc_usable_size(piece) == size) ++count;  // else it is one of the next size
      piece->next = std::exchange(pieces, piece);
    }
  }
  while (pieces != nullptr) std::free(std::exchange(pieces, pieces->next));
}

constexpr Check kFileChecks[] = {
    {"exports throng_plugin_v1 alone", 0, CheckExports},
    {"needs no symbol but of the libraries it is linked with", 0, CheckUndefined},
};
constexpr Check kPluginChecks[] = {
    {"structs are as large as they say", 0, CheckStructSizes},
    {"describes itself twice the same", 0, CheckDescribesTheSame, true},
    {"names and docs are in order", 0, CheckNames},
};
constexpr Check kOptionChecks[] = {
    {"defaults parse and lie in range", kAllRoleBits, CheckDefaults, false, true},
};

}  // namespace

std::span<const Check> FileChecks() { return kFileChecks; }
std::span<const Check> PluginChecks() { return kPluginChecks; }
std::span<const Check> OptionChecks() { return kOptionChecks; }

absl::StatusOr<OptionValues> ParseOptions(const CheckContext& context,
                                          const std::map<std::string, std::string>& others) {
  std::map<std::string, std::string> options = context.options;
  for (const auto& [name, text] : others) options[name] = text;
  Problems problems;
  NoteStep("validate");
  OptionValues values =
      OptionValues::Parse(*context.component, options, context.component->name, kNow, &problems);
  if (problems.empty()) return values;
  std::string field = problems.front().field;
  std::string message = problems.front().message;
  // "file.options.path" is written file.path where options are given to this command.
  const std::string_view middle = ".options.";
  if (const size_t at = field.find(middle); at != std::string::npos) {
    field.replace(at, middle.size(), ".");
    message += fmt::format(" Give it with --set {}=VALUE.", field);
  }
  return absl::InvalidArgumentError(fmt::format("{} {}", field, message));
}

std::vector<std::map<std::string, std::string>> EdgeOptions(const Component& component) {
  std::vector<std::map<std::string, std::string>> edges;
  for (const throng_option& option : component.options) {
    const auto add = [&](const char* text) {
      if (text != nullptr) edges.push_back({{option.name, text}});
    };
    add(option.minimum);
    add(option.maximum);
    if (option.type == THRONG_OPTION_ENUM) {
      for (auto choice = option.choices; *choice != nullptr; ++choice) add(*choice);
    } else if (option.type == THRONG_OPTION_BOOL) {
      add("false");
      add("true");
    } else if (option.type == THRONG_OPTION_LIST) {
      add("[]");
    }
  }
  return edges;
}

absl::Status CheckRefusal(const absl::Status& status) {
  if (status.ok() || !MessageOf(status).ends_with("and no message.")) return absl::OkStatus();
  return Fault("{} Say what is wrong, and what to do about it.", MessageOf(status));
}

absl::Status CheckGivesBack(const std::function<absl::Status()>& once) {
  constexpr int kRounds = 16;
  constexpr int kBatches = 8;
  constexpr size_t kSmallest = 16;  // what an allocation takes at least
  const auto in_use = [] {
    FillThreadCache();
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  // What is made only once counts as in use, too; a leak grows in every batch.
  size_t least = std::numeric_limits<size_t>::max();
  for (int batch = 0; batch < kBatches && least >= kRounds * kSmallest; ++batch) {
    const size_t before = in_use();
    for (int round = 0; round < kRounds; ++round) {
      if (absl::Status status = once(); !status.ok()) return status;
    }
    const size_t after = in_use();
    least = std::min(least, std::max(before, after) - before);
  }
  if (least < kRounds * kSmallest) return absl::OkStatus();
  return Fault("{} bytes more are in use after each create and destroy.", least / kRounds);
}

}  // namespace throng
