// Appends messages to a log, exactly once: sizes before each key and value, and a mark beside the
// file that says how much of it counts. It is never complete: more rows may follow.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <throng/sdk.hpp>

class MessageLogSink {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  struct Options {
    std::string path;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::path>("path", "The file to write.").Required().Identity().Path()};
  }
  explicit MessageLogSink(const Options& options) : path_(options.path) {}
  MessageLogSink(const MessageLogSink&) = delete;
  MessageLogSink& operator=(const MessageLogSink&) = delete;
  ~MessageLogSink() {
    if (file_ >= 0) close(file_);
  }

  throng::Opened Open(const throng_target& target) {
    file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0 || flock(file_, LOCK_EX | LOCK_NB) != 0) Fail("cannot be opened, or is in use");
    const throng::Opened opened = Peek(target);
    if (ftruncate(file_, bytes_) != 0) Fail("cannot be cut to what was committed");
    return opened;
  }
  // Of any run and dataset: the host compares what it had kept with the position.
  throng::Opened Peek(const throng_target& /*target*/) {
    throng::Opened opened;
    std::ifstream mark(path_ + ".mark", std::ios::binary);
    if (int64_t row = 0; mark >> bytes_ >> row && mark.ignore()) {
      opened.position = row;
      opened.host_state.assign(std::istreambuf_iterator<char>(mark), {});
    }
    return opened;
  }
  void Reset(const throng_target& /*target*/) {
    std::filesystem::remove(path_ + ".mark");
    std::filesystem::remove(path_);
  }

  void Write(const throng_records& records) {
    std::string entries;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < records.rows; ++i) {
      const uint32_t sizes[] = {records.key_end[i] - begin,
                                records.value_end[i] - records.key_end[i]};
      entries.append(reinterpret_cast<const char*>(sizes), sizeof sizes);
      entries.append(records.bytes.data + begin, sizes[0] + sizes[1]);
      begin = records.value_end[i];
    }
    // All or nothing: what a failed write leaves is overwritten by the next one, or cut off.
    const ssize_t size = pwrite(file_, entries.data(), entries.size(), bytes_);
    if (size < 0 || static_cast<size_t>(size) != entries.size()) {
      throw throng::Error(THRONG_RESOURCE_EXHAUSTED, path_ + " cannot grow; make room.");
    }
    bytes_ += size;
  }
  // First the data is made durable, then the mark replaced, in one step.
  void Commit(int64_t position, std::string_view host_state) {
    std::ofstream mark(path_ + ".mark.new", std::ios::binary);
    mark << bytes_ << ' ' << position << '\n' << host_state << std::flush;
    if (!mark || fdatasync(file_) != 0) Fail("cannot be marked");
    std::filesystem::rename(path_ + ".mark.new", path_ + ".mark");
  }
  void Finish(const throng_completion& /*completion*/) {}

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw throng::Error(THRONG_FAILED_PRECONDITION, path_ + " " + what + ".", "path");
  }

  const std::string path_;
  int file_ = -1;
  int64_t bytes_ = 0;  // that count
};
THRONG_PLUGIN("message_log", "1.0.0", "Messages in a growing file.",
              throng::Sink<MessageLogSink>("message_log", "A log with a mark of what counts."))
