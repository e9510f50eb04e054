#include "server/daemon/run_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

#include "server/control/plain_text.h"
#include "server/daemon/descriptor.h"

namespace throng {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int64_t kLeastLimitBytes = 8 << 10;
constexpr size_t kTimeBytes = std::string_view("2026-11-25T06:46:15.123Z").size();
constexpr int64_t kLastMs = 253'402'300'799'999;  // of the year 9999
// Every so many lines it is noted where one begins.
constexpr uint64_t kLinesPerMark = 64;

bool IsLevel(std::string_view word) {
  return word == "debug" || word == "info" || word == "warning" || word == "error";
}

// Up to the last character that ends within so many bytes.
std::string_view Beginning(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

std::string LogText(const v1::LogLine& line) {
  const int64_t ms =
      std::clamp<int64_t>(TimeUtil::TimestampToMilliseconds(line.time()), 0, kLastMs);
  const std::string_view level = IsLevel(line.level()) ? line.level() : std::string_view("info");
  std::string source = line.source();
  // What follows the first ": " is the message.
  for (size_t at = 0; (at = source.find(": ", at)) != std::string::npos;) source.erase(at, 1);
  std::string message = line.message();
  std::replace(message.begin(), message.end(), '\n', ' ');
  return PlainText(fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {}: {}",
                               fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000, level,
                               source, message));
}

v1::LogLine ParseLogText(std::string_view bytes) {
  const std::string text_of_it = PlainText(bytes);  // a disk may hold anything
  const std::string_view text = text_of_it;
  v1::LogLine line;
  line.set_message(text_of_it);
  if (text.size() <= kTimeBytes || text[kTimeBytes] != ' ' || text[kTimeBytes - 1] != 'Z') {
    return line;
  }
  const std::string_view rest = text.substr(kTimeBytes + 1);
  const size_t level_end = rest.find(' ');
  const size_t source_end = rest.find(": ");
  if (level_end == std::string_view::npos || source_end == std::string_view::npos ||
      source_end < level_end || !IsLevel(rest.substr(0, level_end)) ||
      !TimeUtil::FromString(std::string(text.substr(0, kTimeBytes)), line.mutable_time())) {
    line.clear_time();
    return line;
  }
  line.set_level(std::string(rest.substr(0, level_end)));
  line.set_source(std::string(rest.substr(level_end + 1, source_end - level_end - 1)));
  line.set_message(std::string(rest.substr(source_end + 2)));
  return line;
}

// Consecutive lines, in a file or in memory.
class RunLog::Part {
 public:
  // `path`: empty: in memory.
  explicit Part(std::string path) : path_(std::move(path)) {}

  // Takes over what a daemon before this one has left.
  void Load() {
    const std::string text = ReadBytes(0, FileBytes());
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size() - 1);
      Note(end + 1 - at);
      at = end + 1;
    }
    ends_in_a_line_ = !text.empty() && text.back() != '\n';
  }

  // Adds a line that ends with a newline; false, with errno, if the disk does not take it.
  bool Add(std::string_view line) {
    if (path_.empty()) {
      memory_.append(line);
      Note(line.size());
      return true;
    }
    // Opened for each line: there are many logs, and lines are rare.
    const Descriptor file(open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!file.is_open()) return false;
    std::string text(line);
    if (ends_in_a_line_) text.insert(0, 1, '\n');  // of a daemon that died while it wrote
    const ssize_t written = write(file.get(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size())) {
      const int error = written < 0 ? errno : ENOSPC;
      if (written > 0 && ftruncate(file.get(), bytes_) != 0) ends_in_a_line_ = true;
      errno = error;
      return false;
    }
    if (std::exchange(ends_in_a_line_, false)) ++bytes_;
    Note(line.size());
    return true;
  }

  // The lines from the `skipped`th on, at most `most`, appended.
  void Read(uint64_t skipped, size_t most, std::vector<v1::LogLine>* lines) const {
    if (skipped >= lines_ || most == 0) return;
    const uint64_t last = std::min<uint64_t>(lines_, skipped + most);
    const size_t mark = static_cast<size_t>(skipped / kLinesPerMark);
    const size_t end_mark = static_cast<size_t>((last + kLinesPerMark - 1) / kLinesPerMark);
    const int64_t begin = marks_[mark];
    const int64_t end = end_mark < marks_.size() ? marks_[end_mark] : bytes_;
    const std::string text = ReadBytes(begin, end - begin);
    uint64_t number = mark * kLinesPerMark;
    for (size_t at = 0; at < text.size() && number < last; ++number) {
      const size_t line_end = std::min(text.find('\n', at), text.size());
      if (number >= skipped) {
        lines->push_back(ParseLogText(std::string_view(text).substr(at, line_end - at)));
      }
      at = line_end + 1;
    }
  }

  // Becomes the older part.
  void Move(const std::string& path) {
    if (!path_.empty()) {
      std::error_code error;
      std::filesystem::rename(path_, path, error);
      if (error) Remove();  // its lines are lost, but not those to come
      path_ = path;
    }
  }

  void Remove() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
  }

  int64_t bytes() const { return bytes_; }
  uint64_t lines() const { return lines_; }
  uint64_t first() const { return first_; }  // number of its first line
  void set_first(uint64_t first) { first_ = first; }
  uint64_t end() const { return first_ + lines_; }

 private:
  void Note(size_t bytes) {
    if (lines_ % kLinesPerMark == 0) marks_.push_back(bytes_);
    ++lines_;
    bytes_ += static_cast<int64_t>(bytes);
  }

  int64_t FileBytes() const {
    struct stat status {};
    return !path_.empty() && stat(path_.c_str(), &status) == 0 ? status.st_size : 0;
  }

  std::string ReadBytes(int64_t offset, int64_t bytes) const {
    if (path_.empty())
      return memory_.substr(static_cast<size_t>(offset), static_cast<size_t>(bytes));
    std::string text(static_cast<size_t>(bytes), '\0');
    const Descriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    size_t have = 0;
    while (file.is_open() && have < text.size()) {
      const ssize_t got = pread(file.get(), text.data() + have, text.size() - have,
                                offset + static_cast<int64_t>(have));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    text.resize(have);
    return text;
  }

  std::string path_;
  std::string memory_;
  std::vector<int64_t> marks_;  // where lines 0, kLinesPerMark, ... begin
  int64_t bytes_ = 0;
  uint64_t lines_ = 0;
  uint64_t first_ = 1;
  bool ends_in_a_line_ = false;  // that nobody has ended
};

RunLog::RunLog(std::string path, int64_t limit_bytes)
    : path_(std::move(path)), part_bytes_(std::max(limit_bytes, kLeastLimitBytes) / 2) {}

RunLog::~RunLog() = default;

void RunLog::Open() {
  if (std::exchange(is_open_, true)) return;
  older_ = std::make_unique<Part>(path_.empty() ? "" : path_ + ".1");
  newer_ = std::make_unique<Part>(path_);
  older_->Load();
  newer_->Load();
  newer_->set_first(older_->end());
}

void RunLog::Append(const v1::LogLine& line) {
  const std::lock_guard lock(mutex_);
  Open();
  if (lost_lines_ > 0) {
    v1::LogLine note;
    *note.mutable_time() = line.time();
    note.set_level("error");
    note.set_source("daemon");
    note.set_message(fmt::format("{} lines are missing here: {}.", lost_lines_, why_lost_));
    if (Write(LogText(note))) lost_lines_ = 0;
  }
  if (lost_lines_ > 0 || !Write(LogText(line))) ++lost_lines_;
  for (const auto& [id, on_line] : listeners_) on_line();
}

uint64_t RunLog::Listen(std::function<void()> on_line) {
  const std::lock_guard lock(mutex_);
  listeners_[++last_listener_] = std::move(on_line);
  return last_listener_;
}

void RunLog::Unlisten(uint64_t id) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(id);
}

bool RunLog::Write(std::string text) {
  const size_t most = static_cast<size_t>(part_bytes_ / 2);
  if (text.size() >= most) text = std::string(Beginning(text, most - 8)) + " ...";
  text += '\n';
  if (newer_->lines() > 0 && newer_->bytes() + static_cast<int64_t>(text.size()) > part_bytes_) {
    newer_->Move(path_ + ".1");
    older_ = std::exchange(newer_, std::make_unique<Part>(path_));
    newer_->set_first(older_->end());
  }
  if (newer_->Add(text)) return true;
  why_lost_ = std::strerror(errno);
  return false;
}

std::vector<v1::LogLine> RunLog::Read(uint64_t* next, size_t most) {
  const std::lock_guard lock(mutex_);
  Open();
  std::vector<v1::LogLine> lines;
  uint64_t number = std::max(*next, older_->first());
  for (const Part* part : {older_.get(), newer_.get()}) {
    const uint64_t from = std::max(number, part->first());
    if (from < part->end()) part->Read(from - part->first(), most - lines.size(), &lines);
    number = std::max(*next, older_->first()) + lines.size();
  }
  // Lines that are gone from the disk count as read, else somebody would ask for them for ever.
  *next = lines.empty() ? std::max(*next, newer_->end()) : number;
  return lines;
}

uint64_t RunLog::FirstOfLast(uint64_t count) {
  const std::lock_guard lock(mutex_);
  Open();
  const uint64_t end = newer_->end();
  return end - std::min(count, end - older_->first());
}

void RunLog::Remove() {
  const std::lock_guard lock(mutex_);
  Open();
  older_->Remove();
  newer_->Remove();
  path_.clear();
  const uint64_t next = newer_->end();
  older_ = std::make_unique<Part>("");
  newer_ = std::make_unique<Part>("");
  older_->set_first(next);
  newer_->set_first(next);
}

}  // namespace throng
