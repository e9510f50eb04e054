// The log of one run: lines that people can read as they stand in the file, kept up to a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "throng/v1/run_service.pb.h"

namespace throng {

// A line as it stands in the file, without its newline:
// "2026-11-25T06:46:15.123Z warning sink `file`: waits for the lock".
std::string LogText(const v1::LogLine& line);
// The line of a text that LogText made; any other text is the message of a line without time,
// level and source.
v1::LogLine ParseLogText(std::string_view text);

// All functions: any thread.
class RunLog {
 public:
  // `path`: the file, beside which lies the older part, PATH.1; what they hold is continued. Empty:
  // lines are kept in memory. `limit_bytes`: of both parts together, at least 8 KiB; of a line that
  // is longer than a quarter of it the beginning is kept. Touches no file yet.
  RunLog(std::string path, int64_t limit_bytes);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // Adds a line. Where the disk takes none, lines are counted, and a line says how many are missing
  // and why once it takes some again.
  void Append(const v1::LogLine& line);
  // The kept lines from line number `*next` on (numbers only grow; 0: the first that is kept), at
  // most `most`; advances `*next`.
  std::vector<v1::LogLine> Read(uint64_t* next, size_t most = 1000);
  // The number of the first of the last `count` kept lines.
  uint64_t FirstOfLast(uint64_t count);
  // Calls `on_line` after each line that was added, until Unlisten, which waits for a call in
  // progress. It is quick and calls nothing here.
  uint64_t Listen(std::function<void()> on_line);
  void Unlisten(uint64_t id);
  // Removes the files; what comes after is kept in memory.
  void Remove();

 private:
  class Part;

  void Open();
  bool Write(std::string text);

  std::mutex mutex_;
  std::string path_;
  const int64_t part_bytes_;
  bool is_open_ = false;
  std::unique_ptr<Part> older_;
  std::unique_ptr<Part> newer_;
  uint64_t lost_lines_ = 0;
  std::string why_lost_;
  std::map<uint64_t, std::function<void()>> listeners_;
  uint64_t last_listener_ = 0;
};

}  // namespace throng
