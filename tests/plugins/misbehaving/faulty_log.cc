// Appends messages to a log, exactly once: sizes before each key and value, and a mark beside the
// file that says how much of it counts. It is never complete: more rows may follow. So it is as
// long as its option `fault` says "none"; else it breaks the contract in the way that it names.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <throng/sdk.hpp>

namespace {

class FaultyLog {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  struct Options {
    std::string path;
    std::string fault = "none";
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::path>("path", "The file to write.").Required().Path(),
            throng::Option<&Options::fault>("fault", "How to break the contract.")};
  }
  explicit FaultyLog(const Options& options) : path_(options.path), fault_(options.fault) {}
  FaultyLog(const FaultyLog&) = delete;
  FaultyLog& operator=(const FaultyLog&) = delete;
  ~FaultyLog() {
    if (file_ >= 0) close(file_);
  }

  throng::Opened Open(const throng_target& target) {
    file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0 || flock(file_, LOCK_EX | LOCK_NB) != 0) Fail();
    throng::Opened opened = Peek(target);
    if (Has("keeps_doubles")) KeepWholeMessages();
    if (ftruncate(file_, bytes_) != 0) Fail();
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
    if (Has("writes_nothing")) return;
    if (Has("drops_a_write") && records.first_row == 500) return;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < records.rows; ++i) {
      const uint32_t key = records.key_end[i] - begin;
      uint32_t value = records.value_end[i] - records.key_end[i];
      if (Has("cuts_a_value") && records.first_row + i == 4321) --value;
      if (Has("stops_at_nul")) {
        value = static_cast<uint32_t>(strnlen(records.bytes.data + begin + key, value));
      }
      Append(&key, sizeof key);
      Append(&value, sizeof value);
      Append(records.bytes.data + begin, key + value);
      begin = records.value_end[i];
    }
    if (!Has("marks_first")) Put();
  }
  // First the data is made durable, then the mark replaced, in one step.
  void Commit(int64_t position, std::string_view host_state) {
    const auto more = static_cast<int64_t>(pending_.size());
    std::ofstream mark(path_ + ".mark.new", std::ios::binary);
    mark << bytes_ + more << ' ' << position << '\n' << host_state << std::flush;
    if (!mark || fdatasync(file_) != 0) Fail();
    std::filesystem::rename(path_ + ".mark.new", path_ + ".mark");
    Put();
  }
  void Finish(const throng_completion& /*completion*/) {
    if (!Has("finish_appends")) return;
    const uint32_t sizes[] = {0, 0};
    Append(sizes, sizeof sizes);
    Put();
  }

 private:
  bool Has(std::string_view fault) const { return fault_ == fault; }
  // Those after what counts, too; a kill may have cut the last one.
  void KeepWholeMessages() {
    const int64_t end = lseek(file_, 0, SEEK_END);
    uint32_t sizes[2];
    while (pread(file_, sizes, sizeof sizes, bytes_) == sizeof sizes) {
      const int64_t next = bytes_ + static_cast<int64_t>(sizeof sizes) + sizes[0] + sizes[1];
      if (next > end) return;
      bytes_ = next;
    }
  }
  void Append(const void* bytes, size_t size) {
    pending_.append(static_cast<const char*>(bytes), size);
  }
  void Put() {
    const ssize_t size = pwrite(file_, pending_.data(), pending_.size(), bytes_);
    if (size != static_cast<ssize_t>(pending_.size())) Fail();
    bytes_ += size;
    pending_.clear();
  }
  [[noreturn]] void Fail() const {
    throw throng::Error(THRONG_FAILED_PRECONDITION, path_ + " is out of order.", "path");
  }

  const std::string path_;
  const std::string fault_;
  int file_ = -1;
  int64_t bytes_ = 0;
  std::string pending_;
};

}  // namespace

THRONG_PLUGIN("faulty_log", "1.0.0", "A sink of messages that breaks the contract on demand.",
              throng::Sink<FaultyLog>("faulty_log", "Breaks the contract on demand."))
