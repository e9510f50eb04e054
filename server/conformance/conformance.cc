#include "server/conformance/conformance.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "server/conformance/check.h"
#include "server/control/plain_text.h"
#include "server/control/status.h"
#include "server/host/option_table.h"
#include "server/host/process.h"

namespace throng {
namespace {

using std::chrono::system_clock;

constexpr char kLoads[] = "loads";
// What became of a check without fault, as its process tells it: one of these, and more text.
constexpr char kDoesNotApply = 'n';
constexpr char kSkipped = 's';  // why
constexpr char kDigest = 'd';   // the digest

struct ComponentName {
  Role role;
  std::string name;
  std::string ToString() const { return fmt::format("{} `{}`", RoleName(role), name); }
};

struct Setting {
  std::string component;
  std::string option;
  std::string value;
};

// An empty folder, gone with this.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::error_code error;
    path_ = (std::filesystem::temp_directory_path(error) / "throng-check-XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::optional<Setting> ParseSetting(const std::string& text) {
  const size_t equals = text.find('=');
  const size_t dot = text.find('.');
  if (equals == std::string::npos || dot == 0 || dot + 1 >= equals) return std::nullopt;
  return Setting{text.substr(0, dot), text.substr(dot + 1, equals - dot - 1),
                 text.substr(equals + 1)};
}

std::string WithFolder(std::string value, const std::string& folder) {
  constexpr std::string_view kPlaceholder = "{dir}";
  for (size_t at = value.find(kPlaceholder); at != std::string::npos;
       at = value.find(kPlaceholder, at + folder.size())) {
    value.replace(at, kPlaceholder.size(), folder);
  }
  return value;
}

std::string LineOf(const std::string& component, std::string_view check) {
  return component.empty() ? std::string(check) : fmt::format("{}: {}", component, check);
}

std::vector<const Check*> ChecksOf(Role role) {
  std::vector<const Check*> checks;
  for (const auto& some :
       {OptionChecks(), BehaviourChecks(), FormatChecks(), SinkChecks(), ReaderChecks()}) {
    for (const Check& check : some) {
      if ((check.roles & RoleBit(role)) != 0) checks.push_back(&check);
    }
  }
  return checks;
}

// How many letters of `text` are to be changed for it to be somewhere in `line`.
size_t DistanceInside(std::string_view text, std::string_view line) {
  std::vector<size_t> row(line.size() + 1, 0);  // by where in the line the text ends
  for (size_t i = 0; i < text.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < line.size(); ++j) {
      const size_t replaced = diagonal + (text[i] == line[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return *std::min_element(row.begin(), row.end());
}

// The names of what the digests' first different lines are about.
std::string FirstDifference(const std::string& a, const std::string& b) {
  std::istringstream lines_a(a);
  std::istringstream lines_b(b);
  std::string line_a;
  std::string line_b;
  do {
    if (!std::getline(lines_a, line_a)) line_a.clear();
    if (!std::getline(lines_b, line_b)) line_b.clear();
  } while (line_a == line_b && lines_a && lines_b);
  const std::string& line = line_a.empty() ? line_b : line_a;
  return line.substr(0, line.find(' '));
}

class Checker {
 public:
  Checker(const CheckRequest& request, const std::function<void(const CheckResult&)>& on_result)
      : request_(request),
        file_(std::filesystem::absolute(request.file).string()),
        on_result_(on_result) {}

  absl::StatusOr<std::vector<CheckResult>> Run() {
    if (!std::filesystem::exists(file_)) {
      return absl::InvalidArgumentError(fmt::format("there is no file {}.", file_));
    }
    const absl::StatusOr<std::string> loaded = Do([this]() -> absl::StatusOr<std::string> {
      NoteStep("throng_plugin_v1");
      const auto plugin = Plugin::Load(file_);
      if (!plugin.ok()) return plugin.status();
      std::string text;
      for (const auto& component : (*plugin)->components()) {
        text += fmt::format("{} {}\n", static_cast<int>(component->role), component->name);
      }
      return text;
    });
    std::vector<ComponentName> components;
    if (loaded.ok()) {
      std::istringstream lines(*loaded);
      int role = 0;
      std::string name;
      while (lines >> role >> name) components.push_back({static_cast<Role>(role), name});
      absl::Status status = ParseSettings(components);
      if (status.ok()) status = CheckOnly(components);
      if (!status.ok()) return status;
    }
    Report("", kLoads, loaded.status());
    for (const Check& check : FileChecks()) Make(check, nullptr);
    if (!loaded.ok()) return std::move(results_);
    for (const Check& check : PluginChecks()) Make(check, nullptr);
    for (const ComponentName& component : components) MakeAll(component);
    for (const Repeated& repeated : repeated_) MakeAgain(repeated);
    return std::move(results_);
  }

 private:
  using Work = std::function<absl::StatusOr<std::string>()>;
  // A check that was made once, and is made again in another process after all others.
  struct Repeated {
    const Check& check;
    const ComponentName* component;
    system_clock::time_point begun;
    std::string result;
  };

  absl::StatusOr<std::string> Do(const Work& work) const {
    return request_.is_in_process ? work() : RunInProcess(work, request_.time_limit);
  }

  // Whether the text that lines are chosen by is in one of them.
  absl::Status CheckOnly(const std::vector<ComponentName>& components) const {
    std::vector<std::string> lines = {kLoads};
    for (const auto& checks : {FileChecks(), PluginChecks()}) {
      for (const Check& check : checks) lines.emplace_back(check.name);
    }
    for (const ComponentName& component : components) {
      for (const Check* check : ChecksOf(component.role)) {
        lines.push_back(LineOf(component.ToString(), check->name));
      }
    }
    size_t least = std::string::npos;
    std::string nearest;
    for (const std::string& line : lines) {
      const size_t distance = DistanceInside(request_.only, line);
      if (distance < least) nearest = line;
      least = std::min(least, distance);
    }
    if (least == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(fmt::format(
        "--only: no check has \"{}\" in its line. The nearest is \"{}\".", request_.only, nearest));
  }

  absl::Status ParseSettings(const std::vector<ComponentName>& components) {
    std::vector<std::string> known;
    known.reserve(components.size());
    for (const ComponentName& component : components) known.push_back(component.name);
    for (const std::string& text : request_.settings) {
      const auto setting = ParseSetting(text);
      if (!setting) {
        return absl::InvalidArgumentError(
            fmt::format("--set: is \"{}\"; write COMPONENT.OPTION=VALUE.", text));
      }
      if (std::find(known.begin(), known.end(), setting->component) == known.end()) {
        return absl::InvalidArgumentError(
            fmt::format("--set: the plugin has no component \"{}\".{}", setting->component,
                        DidYouMean(setting->component, known)));
      }
      settings_.push_back(*setting);
    }
    return absl::OkStatus();
  }

  void MakeAll(const ComponentName& component) {
    for (const Check* check : ChecksOf(component.role)) {
      if (!Make(*check, &component)) return;
    }
  }

  // False if those that follow would say nothing new.
  bool Make(const Check& check, const ComponentName* component) {
    const std::string name = NameOf(component);
    if (LineOf(name, check.name).find(request_.only) == std::string::npos) return true;
    const auto begun = system_clock::now();
    absl::StatusOr<std::string> result = MakeOnce(check, component, false);
    if (result.ok() && result->front() == kDoesNotApply) return true;
    if (result.ok() && result->front() == kSkipped) {
      Report(name, check.name, absl::OkStatus(), result->substr(1));
      return true;
    }
    if (result.ok() && check.is_repeated && request_.is_in_process) {
      Report(name, check.name, absl::OkStatus(), "there is one process alone; omit --in-process.");
      return true;
    }
    if (result.ok() && check.is_repeated) {
      repeated_.push_back({check, component, begun, *std::move(result)});
      return true;
    }
    Report(name, check.name, result.status());
    return result.ok() || (!check.is_needed && !absl::IsDeadlineExceeded(result.status()));
  }

  void MakeAgain(const Repeated& first) {
    // So much later that no clock shows the same.
    std::this_thread::sleep_until(std::chrono::floor<std::chrono::seconds>(first.begun) +
                                  std::chrono::milliseconds(1010));
    absl::StatusOr<std::string> result = MakeOnce(first.check, first.component, true);
    if (result.ok() && *result != first.result) {
      result = Fault("{}: it differs from one process to another.",
                     FirstDifference(first.result.substr(1), result->substr(1)));
    }
    Report(NameOf(first.component), first.check.name, result.status());
  }

  absl::StatusOr<std::string> MakeOnce(const Check& check, const ComponentName* component,
                                       bool is_elsewhere) {
    const ScratchFolder folder;
    if (folder.path().empty()) return absl::InternalError("no temporary folder can be made.");
    return Do([&]() -> absl::StatusOr<std::string> {
      if (is_elsewhere) MoveElsewhere(SecretsFromEnvironment());
      CheckContext context;
      context.file = file_;
      context.folder = folder.path();
      context.seed = request_.seed;
      context.read = WithFolder(request_.read, folder.path());
      absl::StatusOr<std::unique_ptr<Plugin>> plugin(nullptr);
      if (component != nullptr) {
        plugin = Plugin::Load(file_);
        if (!plugin.ok()) return plugin.status();
        context.component = FindComponent(**plugin, *component);
        if (context.component == nullptr) return Fault("the component is not there any more.");
        for (const Setting& setting : settings_) {
          if (setting.component != component->name) continue;
          if (IsOfNamesake(**plugin, *context.component, setting.option)) continue;
          context.options[setting.option] = WithFolder(setting.value, folder.path());
        }
      }
      if (absl::Status status = check.run(context); !status.ok()) return status;
      if (context.does_not_apply) return std::string(1, kDoesNotApply);
      if (!context.skipped.empty()) return kSkipped + context.skipped;
      return kDigest + context.digest;
    });
  }

  // Whether an option is none of the component's, but one of another role with the same name.
  static bool IsOfNamesake(const Plugin& plugin, const Component& component,
                           const std::string& option) {
    const auto has = [&](const Component& some) { return HasOption(some.options, option); };
    return !has(component) && std::any_of(plugin.components().begin(), plugin.components().end(),
                                          [&](const auto& other) {
                                            return other->name == component.name && has(*other);
                                          });
  }

  // The variables that options name, as env:NAME.
  std::vector<std::string> SecretsFromEnvironment() const {
    constexpr std::string_view kPrefix = "env:";
    std::vector<std::string> names;
    for (const Setting& setting : settings_) {
      if (setting.value.starts_with(kPrefix)) names.push_back(setting.value.substr(kPrefix.size()));
    }
    return names;
  }

  static std::string NameOf(const ComponentName* component) {
    return component == nullptr ? "" : component->ToString();
  }

  static const Component* FindComponent(const Plugin& plugin, const ComponentName& name) {
    for (const auto& component : plugin.components()) {
      if (component->role == name.role && component->name == name.name) return component.get();
    }
    return nullptr;
  }

  void Report(std::string component, const char* check, const absl::Status& status,
              std::string skipped = "") {
    results_.push_back(
        {std::move(component), check, status.ok(), MessageOf(status), std::move(skipped)});
    on_result_(results_.back());
  }

  const CheckRequest& request_;
  const std::string file_;
  const std::function<void(const CheckResult&)>& on_result_;
  std::vector<Setting> settings_;
  std::vector<Repeated> repeated_;
  std::vector<CheckResult> results_;
};

}  // namespace

absl::StatusOr<std::vector<CheckResult>> CheckPlugin(
    const CheckRequest& request, const std::function<void(const CheckResult&)>& on_result) {
  return Checker(request, on_result).Run();
}

std::vector<std::string> CheckNames() {
  std::vector<std::string> names = {kLoads};
  for (const auto& checks : {FileChecks(), PluginChecks(), OptionChecks(), BehaviourChecks(),
                             FormatChecks(), SinkChecks()}) {
    for (const Check& check : checks) {
      if (std::find(names.begin(), names.end(), check.name) == names.end()) {
        names.emplace_back(check.name);
      }
    }
  }
  return names;
}

int ExecuteCheck(const CheckRequest& request) {
  int failed = 0;
  int skipped = 0;
  const auto results = CheckPlugin(request, [&](const CheckResult& result) {
    if (result.check == kLoads && !request.is_quiet) {
      fmt::print("options are drawn from --seed {}\n", request.seed);
    }
    std::string line = LineOf(result.component, result.check);
    if (!result.is_ok) {
      ++failed;
      line = fmt::format("FAILED  {}: {}", line, result.fault);
    } else if (!result.skipped.empty()) {
      ++skipped;
      line = fmt::format("skipped {}: {}", line, result.skipped);
    } else {
      line = "ok      " + line;
    }
    if (!request.is_quiet || !result.is_ok) fmt::print("{}\n", PlainLines(line));
    std::fflush(stdout);
  });
  if (!results.ok()) {
    fmt::print(stderr, "{}\n", PlainLines(MessageOf(results.status())));
    return 2;
  }
  if (!request.is_quiet) {
    fmt::print("{}: {} checks, {} failed{}.\n", PlainText(request.file), results->size(), failed,
               skipped == 0 ? "" : fmt::format(", {} skipped", skipped));
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace throng
