// The daemon's own log, on standard error: a line for each thing that an operator should know.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace throng {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogSettings {
  LogLevel level = LogLevel::kInfo;  // what is below it is not written
  bool is_json = false;  // an object a line: time, level, run (if there is one), message
  bool is_bare = false;  // `throngd: SENTENCE`, for the one who has started it
};

// Any thread.
class DaemonLog {
 public:
  explicit DaemonLog(const LogSettings& settings) : settings_(settings) {}

  // `run`: `runs/ID`, or empty.
  void Write(LogLevel level, const std::string& run, const std::string& sentence);
  void Info(const std::string& sentence) { Write(LogLevel::kInfo, "", sentence); }
  void Warning(const std::string& sentence) { Write(LogLevel::kWarning, "", sentence); }
  void Error(const std::string& sentence) { Write(LogLevel::kError, "", sentence); }

  // From the next line on.
  void Change(const LogSettings& settings);

 private:
  std::mutex mutex_;
  LogSettings settings_;
};

// A line without its end: "2026-11-25T06:46:15.123Z warning runs/a: Output `k` is blocked.", or the
// same as JSON.
std::string LogLineText(const LogSettings& settings, int64_t time_ms, LogLevel level,
                        const std::string& run, const std::string& sentence);

}  // namespace throng
