// Messages in a folder, exactly once: a file for each commit, and a mark that says how many count.
// A message is a line: key, tab, value, with \t, \n, \r and \\ in them escaped. The folder is never
// complete: more rows may follow.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <throng/sdk.hpp>

class SegmentsSink {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  struct Options {
    std::string path;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::path>("path", "The folder.").Required().Identity().Path()};
  }
  SegmentsSink(const Options& options, const throng::Host& host)
      : folder_(options.path), metrics_(host.Metrics()) {}
  SegmentsSink(const SegmentsSink&) = delete;
  ~SegmentsSink() {
    if (lock_ >= 0) close(lock_);
  }

  throng::Opened Open(const throng_target& target) {
    std::filesystem::create_directories(folder_);
    lock_ = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) Fail("cannot be opened, or is in use");
    throng::Opened opened = Peek(target);
    std::filesystem::remove(Segment(segments_));  // written, but not committed
    return opened;
  }
  // Of any dataset: the host compares the identities.
  throng::Opened Peek(const throng_target& /*target*/) {
    throng::Opened opened{.max_commit_rows = 100'000};  // they wait in memory
    std::ifstream mark(folder_ / "mark", std::ios::binary);
    if (int64_t position = 0; mark >> segments_ >> position && mark.ignore()) {
      opened.position = position;
      opened.host_state.assign(std::istreambuf_iterator<char>(mark), {});
    }
    return opened;
  }
  void Reset(const throng_target& /*target*/) { std::filesystem::remove_all(folder_); }

  void Write(const throng_records& records) {
    const std::string_view bytes = throng::View(records.bytes);
    std::string lines;
    size_t begin = 0;
    for (uint32_t i = 0; i < records.rows; ++i) {
      const size_t key_end = records.key_end[i];
      const size_t end = records.value_end[i];
      lines += Escaped(bytes.substr(begin, key_end - begin)) + '\t' +
               Escaped(bytes.substr(key_end, end - key_end)) + '\n';
      begin = end;
    }
    waiting_ += lines;
  }
  // First the messages are durable, then the mark that counts them.
  void Commit(int64_t position, std::string_view host_state) {
    if (!waiting_.empty()) {
      Store(Segment(segments_), waiting_);
      waiting_.clear();
      ++segments_;
      metrics_.Add("segments_total", 1);
    }
    std::string mark = std::to_string(segments_) + ' ' + std::to_string(position) + '\n';
    Store(folder_ / "mark", mark.append(host_state));
  }
  void Finish(const throng_completion& /*completion*/) {}

 private:
  static std::string Escaped(std::string_view text) {
    std::string line;
    for (const char c : text) {
      const size_t special = std::string_view("\t\n\r\\").find(c);
      line += special == std::string_view::npos ? std::string(1, c)
                                                : std::string("\\") + "tnr\\"[special];
    }
    return line;
  }
  std::filesystem::path Segment(int64_t number) const {
    const std::string digits = std::to_string(number);
    return folder_ / (std::string(9 - std::min<size_t>(9, digits.size()), '0') + digits + ".tsv");
  }
  // All of a file or nothing.
  void Store(const std::filesystem::path& path, std::string_view bytes) const {
    const std::string draft = (folder_ / "draft").string();
    std::ofstream(draft, std::ios::binary) << bytes;
    const int file = open(draft.c_str(), O_WRONLY | O_CLOEXEC);
    const bool is_stored = file >= 0 && std::filesystem::file_size(draft) == bytes.size() &&
                           fsync(file) == 0 && rename(draft.c_str(), path.c_str()) == 0 &&
                           fsync(lock_) == 0;
    close(file);
    if (!is_stored) {
      throw throng::Error(THRONG_RESOURCE_EXHAUSTED, folder_.string() + " is full; make room.");
    }
  }
  [[noreturn]] void Fail(const std::string& what) const {
    throw throng::Error(THRONG_FAILED_PRECONDITION, folder_.string() + " " + what + ".", "path");
  }

  const std::filesystem::path folder_;
  const throng::Metrics metrics_;
  int lock_ = -1;
  int64_t segments_ = 0;  // committed
  std::string waiting_;
};
THRONG_PLUGIN("segments", "0.3.0", "Messages as lines of files.",
              throng::Sink<SegmentsSink>("segments", "A folder with a file for each commit."))
