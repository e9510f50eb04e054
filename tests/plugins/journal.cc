// Appends records to a file, exactly once: a mark beside it says how much of the file counts.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <throng/sdk.hpp>

class JournalSink {
 public:
  struct Options {
    std::string path;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::path>("path", "The file to write.").Required().Identity().Path()};
  }
  explicit JournalSink(const Options& options) : path_(options.path) {}
  JournalSink(const JournalSink&) = delete;
  ~JournalSink() { close(file_); }

  throng::Opened Open(const throng_target& target) {
    file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) Fail("cannot be opened, or is in use");
    std::ifstream mark(path_ + ".mark", std::ios::binary);
    if (int64_t row = -1; mark >> identity_ >> bytes_ >> row >> done_.complete && mark.ignore()) {
      if (row >= 0) done_.position = row;
      done_.host_state.assign(std::istreambuf_iterator<char>(mark), {});
    } else if (lseek(file_, 0, SEEK_END) == 0) {
      identity_ = target.identity;
      Mark();  // it is ours from now on
    }
    if (identity_ != target.identity) Fail("holds something else; choose another");
    if (ftruncate(file_, bytes_) != 0) Fail("cannot be cut to what was committed");
    return done_;
  }
  void Write(const throng_records& records) { Append(throng::View(records.bytes)); }
  void Commit(int64_t position, std::string_view host_state) {
    done_.position = position;
    done_.host_state = host_state;
    Mark();
  }
  void Finish(const throng_completion& completion) {
    if (done_.complete) return;  // it is repeated
    Append(throng::View(completion.epilogue));
    done_.complete = true;
    Mark();
  }

 private:
  // All or nothing: what a failed write leaves is overwritten by the next one, or cut off.
  void Append(std::string_view bytes) {
    const ssize_t size = pwrite(file_, bytes.data(), bytes.size(), bytes_);
    if (size < 0 || static_cast<size_t>(size) != bytes.size()) {
      throw throng::Error(THRONG_RESOURCE_EXHAUSTED, path_ + " cannot grow; make room.");
    }
    bytes_ += size;
  }
  // First the data is made durable, then the mark replaced, in one step. (To outlive a power cut
  // the mark and its folder need an fsync too: plugins/sinks/file/file.cc does it.)
  void Mark() {
    std::ofstream mark(path_ + ".mark.new", std::ios::binary);
    mark << identity_ << ' ' << bytes_ << ' ' << done_.position.value_or(-1) << ' '
         << done_.complete << '\n'
         << done_.host_state << std::flush;
    if (!mark || fdatasync(file_) != 0) Fail("cannot be marked");
    std::filesystem::rename(path_ + ".mark.new", path_ + ".mark");
  }
  [[noreturn]] void Fail(const std::string& what) const {
    throw throng::Error(THRONG_FAILED_PRECONDITION, path_ + " " + what + ".", "path");
  }

  const std::string path_;
  int file_ = -1;
  std::string identity_;
  int64_t bytes_ = 0;    // that count
  throng::Opened done_;  // what Open would tell
};
THRONG_PLUGIN("journal", "1.0.0", "Records in a growing file.",
              throng::Sink<JournalSink>("journal", "A file with a mark of what counts."))
