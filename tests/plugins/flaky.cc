// A sink that is durable and exact but often in trouble, by its options: what hosts must cope with.
// Keeps what was committed in a file; what was written since is lost whenever it aborts.
#include <fstream>
#include <throng/sdk.hpp>

class FlakySink {
 public:
  struct Options {
    std::string path;
    int64_t abort_writes = 0;
    int64_t abort_commits = 0;
    int64_t busy_calls = 0;
    int64_t fail_write = 0;
    int64_t max_commit_rows = 0;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    using throng::Option;
    return {
        Option<&Options::path>("path", "The file.").Required().Identity().Path(),
        Option<&Options::abort_writes>("abort_writes", "Every n-th write aborts; 0: none."),
        Option<&Options::abort_commits>("abort_commits", "Every n-th commit aborts; 0: none."),
        Option<&Options::busy_calls>("busy_calls", "Every n-th call is UNAVAILABLE; 0: none."),
        Option<&Options::fail_write>("fail_write", "This write and all later ones fail; 0: none."),
        Option<&Options::max_commit_rows>("max_commit_rows", "The largest commit; 0: any."),
    };
  }
  explicit FlakySink(const Options& options) : options_(options) {}

  throng::Opened Open(const throng_target& /*target*/) {
    const std::ofstream emptied(options_.path, std::ios::trunc);
    throng::Opened opened;
    opened.max_commit_rows = options_.max_commit_rows;
    return opened;
  }
  void Write(const throng_records& records) {
    Trouble();
    if (options_.fail_write > 0 && writes_ + 1 >= options_.fail_write) {
      throw throng::Error(THRONG_INTERNAL, "this write was to fail.");
    }
    if (Every(options_.abort_writes, ++writes_)) Abort();
    rows_ += records.rows;
    pending_ += throng::View(records.bytes);
  }
  void Commit(int64_t /*position*/, std::string_view /*host_state*/) {
    Trouble();
    if (Every(options_.abort_commits, ++commits_)) Abort();
    if (options_.max_commit_rows > 0 && rows_ > options_.max_commit_rows) {
      throw throng::Error(THRONG_INTERNAL, "a commit larger than max_commit_rows.");
    }
    std::ofstream(options_.path, std::ios::app | std::ios::binary) << pending_;
    pending_.clear();
    rows_ = 0;
  }
  void Finish(const throng_completion& completion) {
    Trouble();
    std::ofstream(options_.path, std::ios::app | std::ios::binary)
        << throng::View(completion.epilogue);
  }

 private:
  static bool Every(int64_t n, int64_t count) { return n > 0 && count % n == 0; }
  void Trouble() {
    if (Every(options_.busy_calls, ++calls_)) {
      throw throng::Error(THRONG_UNAVAILABLE, "out of reach for a moment.");
    }
  }
  void Abort() {
    pending_.clear();
    rows_ = 0;
    throw throng::Error(THRONG_ABORTED, "the transaction was aborted.");
  }

  Options options_;
  std::string pending_;
  int64_t rows_ = 0;
  int64_t calls_ = 0;
  int64_t writes_ = 0;
  int64_t commits_ = 0;
};

THRONG_PLUGIN("flaky", "1.0.0", "A sink in trouble.",
              throng::Sink<FlakySink>("flaky", "Aborts and is out of reach, as asked."))
