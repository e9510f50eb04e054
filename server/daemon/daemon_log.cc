#include "server/daemon/daemon_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "server/daemon/run_log.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

const char* NameOf(LogLevel level) {
  constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<int>(level)];
}

}  // namespace

std::string LogLineText(const LogSettings& settings, int64_t time_ms, LogLevel level,
                        const std::string& run, const std::string& sentence) {
  if (settings.is_bare) return fmt::format("throngd: {}", sentence);
  v1::LogLine line;
  SetTime(time_ms, line.mutable_time());
  line.set_level(NameOf(level));
  line.set_source(run.empty() ? "throngd" : run);
  line.set_message(sentence);
  std::string text = LogText(line);
  if (!settings.is_json) return text;
  nlohmann::ordered_json object;
  object["time"] = text.substr(0, text.find(' '));
  object["level"] = NameOf(level);
  if (!run.empty()) object["run"] = run;
  object["message"] = sentence;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void DaemonLog::Write(LogLevel level, const std::string& run, const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  if (level < settings_.level) return;
  const std::string text = LogLineText(settings_, NowMs(), level, run, sentence) + "\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());  // at once, a line whole
}

void DaemonLog::Change(const LogSettings& settings) {
  const std::lock_guard lock(mutex_);
  settings_ = settings;
}

}  // namespace throng
