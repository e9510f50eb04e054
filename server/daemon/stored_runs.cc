#include "server/daemon/stored_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "proto/json.h"
#include "server/daemon/plugin_index.h"
#include "server/daemon/run_store.h"
#include "throng/v1/run.pb.h"

namespace throng {
namespace {

constexpr std::string_view kPrefix = "runs/";

std::string IdOf(const std::string& name) {
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

// Unlike a daemon, makes no folder and no database.
absl::StatusOr<std::unique_ptr<RunStore>> OpenExisting(const std::string& folder) {
  std::error_code error;
  if (folder.empty() || !std::filesystem::exists(folder + "/runs.db", error)) {
    return absl::FailedPreconditionError(fmt::format(
        "There is no runs.db in {}, so it is no state folder of throngd. Name it with --state, or "
        "a throngd.yaml with --config.",
        folder.empty() ? "any folder" : folder));
  }
  return RunStore::Open(folder);
}

std::string EndOf(const v1::Run& run) {
  if (run.state() == v1::RUN_STATE_SUCCEEDED) return "succeeded";
  if (run.state() == v1::RUN_STATE_FAILED) return "failed";
  return run.target_state() == v1::TARGET_STATE_STOPPED ? "stopped" : "";
}

ExportedRun Exported(const RunStore::Record& record) {
  const v1::Run& run = record.run();
  ExportedRun exported;
  exported.id = IdOf(run.name());
  exported.spec = ToJson(record.asked()).dump(2) + "\n";
  exported.flags = " --name " + exported.id;
  if (run.target_state() == v1::TARGET_STATE_PAUSED) exported.flags += " --paused";
  // In the order of their keys, as protobuf's maps have none.
  const auto add = [&](const std::string& flag, const auto& texts) {
    std::vector<std::string> words;
    for (const auto& [key, value] : texts) {
      words.push_back(ShellWord(fmt::format("{}={}", key, value)));
    }
    std::sort(words.begin(), words.end());
    for (const std::string& word : words) exported.flags += fmt::format(" {} {}", flag, word);
  };
  add("--label", run.labels());
  add("--annotation", run.annotations());
  exported.end = EndOf(run);
  return exported;
}

}  // namespace

std::string ShellWord(const std::string& text) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-./=:,").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

absl::StatusOr<StateFindings> CheckState(const std::string& folder) {
  auto store = OpenExisting(folder);
  if (!store.ok()) return store.status();
  StateFindings findings;
  const auto damages = (*store)->FindDamage();
  if (!damages.ok()) return damages.status();
  for (const std::string& damage : *damages) {
    findings.faults.push_back(fmt::format(
        "{}/runs.db: {}. Put a backup of the folder back; or save what can be read with `throngd "
        "export`, remove the folder, and create the runs again.",
        folder, damage));
  }
  const PluginIndex index({}, folder, nullptr);
  const absl::Status status = (*store)->ForEach(
      [&](const RunStore::Record& record) {
        ++findings.runs;
        const v1::Run& run = record.run();
        const auto kept = index.Kept({run.plugins().begin(), run.plugins().end()});
        if (kept.ok()) return;
        findings.faults.push_back(
            fmt::format("{}: {}", run.name(), std::string(kept.status().message())));
      },
      [&](const RunStore::Damaged& run) {
        ++findings.runs;
        findings.faults.push_back(fmt::format(
            "{}: what is stored of it is damaged. Put a backup of the folder back; or start the "
            "daemon, `throngctl runs delete {}`, and create it again. What it has delivered stays.",
            run.name, IdOf(run.name)));
      });
  if (!status.ok()) return status;
  return findings;
}

absl::Status ExportRuns(const std::string& folder,
                        const std::function<void(const ExportedRun&)>& on_run,
                        const std::function<void(const std::string& id)>& on_damaged) {
  auto store = OpenExisting(folder);
  if (!store.ok()) return store.status();
  return (*store)->ForEach([&](const RunStore::Record& record) { on_run(Exported(record)); },
                           [&](const RunStore::Damaged& run) { on_damaged(IdOf(run.name)); });
}

}  // namespace throng
