// Takes messages, exactly once, and keeps each as a line: key, tab, value. What it holds can be
// looked at, and it fails as a test tells it.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <throng/sdk.hpp>

class InboxSink {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  struct Options {
    std::string path;
    int64_t aborts_at = -1;
    int64_t refuses_at = -1;
    int64_t max_commit_rows = 0;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::path>("path", "Where lines go.").Required().Identity().Path(),
        throng::Option<&Options::aborts_at>("aborts_at",
                                            "The position that is not committed at first."),
        throng::Option<&Options::refuses_at>("refuses_at", "The position that is never reached."),
        throng::Option<&Options::max_commit_rows>("max_commit_rows", "Rows of a commit."),
    };
  }
  explicit InboxSink(const Options& options) : options_(options) {}

  throng::Opened Open(const throng_target& target) {
    key_ = target.run_uid;
    std::ifstream mark(MarkPath(), std::ios::binary);
    throng::Opened opened;
    opened.max_commit_rows = options_.max_commit_rows;
    int64_t position = -1;
    if (mark >> position && mark.ignore()) {
      opened.position = position;
      opened.host_state.assign(std::istreambuf_iterator<char>(mark), {});
    }
    return opened;
  }

  void Write(const throng_records& records) {
    rows_ += records.rows;
    if (options_.max_commit_rows > 0 && rows_ > options_.max_commit_rows) {
      throw throng::Error(THRONG_INTERNAL, "More rows than fit into a commit.");
    }
    uint32_t start = 0;
    for (uint32_t i = 0; i < records.rows; ++i) {
      const std::string_view bytes = throng::View(records.bytes);
      const uint32_t key_end = records.key_end[i];
      pending_ += bytes.substr(start, key_end - start);
      pending_ += '\t';
      pending_ += bytes.substr(key_end, records.value_end[i] - key_end);
      pending_ += '\n';
      start = records.value_end[i];
    }
  }

  void Commit(int64_t position, std::string_view host_state) {
    if (options_.refuses_at >= 0 && position >= options_.refuses_at) {
      throw throng::Error(THRONG_FAILED_PRECONDITION, "It is full; empty it.");
    }
    const std::string tripped = options_.path + ".tripped";
    if (options_.aborts_at >= 0 && position >= options_.aborts_at &&
        !std::filesystem::exists(tripped)) {
      std::ofstream(tripped) << position;
      pending_.clear();
      rows_ = 0;
      throw throng::Error(THRONG_ABORTED, "It was lost.");
    }
    std::ofstream(options_.path, std::ios::binary | std::ios::app) << pending_;
    pending_.clear();
    rows_ = 0;
    std::ofstream(MarkPath(), std::ios::binary) << position << '\n' << host_state;
  }

  void Finish(const throng_completion& /*completion*/) {}

 private:
  std::string MarkPath() const { return options_.path + "." + key_ + ".mark"; }

  const Options options_;
  std::string key_;
  std::string pending_;
  int64_t rows_ = 0;  // of it
};
THRONG_PLUGIN("inbox", "1.0.0", "Messages as lines.",
              throng::Sink<InboxSink>("inbox", "A file of messages."))
