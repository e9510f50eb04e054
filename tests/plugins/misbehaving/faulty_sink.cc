// A durable sink that is well as long as its option `fault` says "none", and else breaks the
// contract in the way that it names. It is the journal of ../journal.cc with faults.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <throng/sdk.hpp>
#include <utility>

#include "tests/plugins/segfault.h"

namespace {

struct Mark {
  std::string identity;
  int64_t bytes = 0;
  int64_t position = -1;
  bool is_complete = false;
  std::string host_state;
};

class FaultySink {
 public:
  struct Options {
    std::string path;
    std::string fault = "none";
    int64_t edge = 0;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::path>("path", "The file to write.").Required().Identity().Path(),
        throng::Option<&Options::fault>("fault", "How to break the contract."),
        throng::Option<&Options::edge>("edge", "Of no use, but it has edges.").Range(0, 9)};
  }
  explicit FaultySink(const Options& options) : path_(options.path), fault_(options.fault) {
    if (Has("segfault_at_edge") && options.edge == 9) throng::Segfault();
    if (Has("leaks")) new std::string(100, 'x');
  }
  FaultySink(const FaultySink&) = delete;
  FaultySink& operator=(const FaultySink&) = delete;
  ~FaultySink() {
    if (Has("commits_in_destroy") && file_ >= 0 && mark_.position >= 0) {
      mark_.bytes = bytes_;
      mark_.position += 10;
      Save();
    }
    if (file_ >= 0) close(file_);
  }

  throng::Opened Open(const throng_target& target) {
    file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (!Has("does_not_lock") && flock(file_, LOCK_EX | LOCK_NB) != 0) {
      throw throng::Error(THRONG_FAILED_PRECONDITION, path_ + " is in use.", "path");
    }
    lent_ = target.identity;
    mark_ = Load(target);
    bytes_ = Has("doubles_rows") ? lseek(file_, 0, SEEK_END) : mark_.bytes;
    if (ftruncate(file_, bytes_) != 0) throw throng::Error(THRONG_DATA_LOSS, "It cannot be cut.");
    if (Has("cuts_what_it_refuses") && target.identity[0] == '0') {
      std::filesystem::remove(path_ + ".mark");
      throw throng::Error(THRONG_FAILED_PRECONDITION, "It is another's.");
    }
    return Report(mark_);
  }

  throng::Opened Peek(const throng_target& target) const {
    Mark mark = Load(target);
    if (Has("peeks_wrong") && mark.position > 0) mark.position = -1;
    return Report(mark);
  }

  void Reset(const throng_target&) {
    if (Has("does_not_forget")) return;
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + ".mark");
  }

  void Reopen(int64_t position, int64_t bytes, std::string_view host_state) {
    bytes_ = Has("keeps_the_end") ? mark_.bytes : bytes;
    if (ftruncate(file_, bytes_) != 0) throw throng::Error(THRONG_DATA_LOSS, "It cannot be cut.");
    mark_ = {.identity = mark_.identity,
             .bytes = bytes_,
             .position = position,
             .is_complete = false,
             .host_state = std::string(host_state)};
    if (!Has("reopens_in_memory")) Save();
  }

  void Write(const throng_records& records) {
    if (Has("segfault") && records.first_row > 200) throng::Segfault();
    std::string_view bytes = throng::View(records.bytes);
    if (Has("keeps_identity") && lent_[0] == '\0') return;
    if (Has("keeps_records") && !last_.empty() && last_[0] == '\0') return;
    last_ = bytes;
    if (Has("drops_a_write") && records.first_row == 500) return;
    if (Has("cuts_a_value") && records.first_row == 4320) bytes.remove_suffix(1);
    if (Has("marks_first")) {
      late_ += bytes;  // is written once it is committed
    } else if (Has("loses_rows")) {
      Put(late_);  // what was written last is still in memory when it is committed
      late_ = bytes;
    } else {
      Put(bytes);
    }
  }

  void Commit(int64_t position, std::string_view host_state) {
    mark_.bytes = bytes_ + static_cast<int64_t>(late_.size());
    mark_.position = position;
    if (!Has("keeps_first_state") || mark_.host_state.empty()) mark_.host_state = host_state;
    if (Has("commits_late") && position % 900 != 0) return;
    Save();
    if (Has("marks_first")) Put(std::exchange(late_, ""));
  }

  void Finish(const throng_completion& completion) {
    if (mark_.is_complete && Has("finishes_once")) {
      throw throng::Error(THRONG_FAILED_PRECONDITION, "It was finished before.");
    }
    if (mark_.is_complete && !Has("doubles_epilogue")) return;
    Put(late_);
    Put(throng::View(completion.epilogue));
    mark_.bytes = bytes_;
    mark_.is_complete = !Has("does_not_complete");
    Save();
    mark_.is_complete = true;
  }

 private:
  bool Has(std::string_view fault) const { return fault_ == fault; }

  throng::Opened Report(const Mark& mark) const {
    throng::Opened opened;
    opened.complete = mark.is_complete;
    opened.host_state = mark.host_state;
    if (mark.position >= 0) opened.position = mark.position;
    if (Has("tells_wrong_position") && mark.position > 300) opened.position = 300;
    return opened;
  }

  void Put(std::string_view bytes) {
    if (pwrite(file_, bytes.data(), bytes.size(), bytes_) != static_cast<ssize_t>(bytes.size())) {
      throw throng::Error(THRONG_RESOURCE_EXHAUSTED, "It cannot grow.");
    }
    bytes_ += static_cast<int64_t>(bytes.size());
  }

  Mark Load(const throng_target& target) const {
    Mark mark{.identity = target.identity, .host_state = ""};
    if (std::ifstream file(path_ + ".mark", std::ios::binary); file) {
      file >> mark.identity >> mark.bytes >> mark.position >> mark.is_complete;
      mark.host_state.assign(std::istreambuf_iterator<char>(file.ignore()), {});
    }
    if (mark.identity != target.identity && (Has("starts_over") || Has("cuts_what_it_refuses"))) {
      return {.identity = target.identity, .host_state = ""};
    }
    return mark;
  }

  void Save() const {
    const std::string next = path_ + ".mark.new";
    std::ofstream(next, std::ios::binary) << mark_.identity << ' ' << mark_.bytes << ' '
                                          << mark_.position << ' ' << mark_.is_complete << '\n'
                                          << mark_.host_state;
    std::filesystem::rename(next, path_ + ".mark");
  }

  const std::string path_;
  const std::string fault_;
  int file_ = -1;
  int64_t bytes_ = 0;
  std::string late_;
  Mark mark_;
  const char* lent_ = nullptr;
  std::string_view last_;
};

// Keeps no position, and says that it found one.
class ForgetfulSink {
 public:
  static constexpr bool kIsDurable = false;
  throng::Opened Open(const throng_target&) {
    throng::Opened opened;
    opened.position = 5;
    return opened;
  }
  void Write(const throng_records&) {}
  void Commit(int64_t, std::string_view) {}
  void Finish(const throng_completion&) {}
};

}  // namespace

THRONG_PLUGIN("faulty_sinks", "1.0.0", "Sinks that break the contract.",
              throng::Sink<FaultySink>("faulty_sink", "Breaks the contract on demand."),
              throng::Sink<ForgetfulSink>("forgetful_sink",
                                          "Tells a position that it cannot have."))
