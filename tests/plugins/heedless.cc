// Durable sinks that leave to the host all that it can do for them: they compare no identity and
// know no placeholder. `heedless` tells what is there before it takes it; `blind` cannot.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <throng/sdk.hpp>

class BlindSink {
 public:
  struct Options {
    std::string path;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::path>("path", "The file to write.").Required().Identity().Path()};
  }
  explicit BlindSink(const Options& options) : path_(options.path) {}

  // Cuts off what was not committed, whoever wrote it.
  throng::Opened Open(const throng_target& /*target*/) {
    done_ = Read();
    std::ofstream(path_, std::ios::app).close();
    std::filesystem::resize_file(path_, static_cast<size_t>(bytes_));
    return done_;
  }
  void Write(const throng_records& records) { Append(throng::View(records.bytes)); }
  void Commit(int64_t position, std::string_view host_state) {
    done_.position = position;
    done_.host_state = host_state;
    Mark();
  }
  void Finish(const throng_completion& completion) {
    if (done_.complete) return;
    Append(throng::View(completion.epilogue));
    done_.complete = true;
    Mark();
  }

 protected:
  throng::Opened Read() {
    throng::Opened found;
    std::ifstream mark(path_ + ".mark", std::ios::binary);
    if (int64_t row = 0; mark >> bytes_ >> row >> found.complete && mark.ignore()) {
      found.position = row;
      found.host_state.assign(std::istreambuf_iterator<char>(mark), {});
    }
    return found;
  }
  std::string path_;

 private:
  void Append(std::string_view bytes) {
    std::ofstream(path_, std::ios::app | std::ios::binary) << bytes;
    bytes_ += static_cast<int64_t>(bytes.size());
  }
  void Mark() {
    std::ofstream(path_ + ".mark.new", std::ios::binary)
        << bytes_ << ' ' << done_.position.value_or(0) << ' ' << done_.complete << '\n'
        << done_.host_state;
    std::filesystem::rename(path_ + ".mark.new", path_ + ".mark");
  }

  int64_t bytes_ = 0;    // that count
  throng::Opened done_;  // what Open would tell
};

class HeedlessSink : public BlindSink {
 public:
  using BlindSink::BlindSink;
  throng::Opened Peek(const throng_target& /*target*/) { return Read(); }
  void Reset(const throng_target& /*target*/) {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + ".mark");
  }
};

THRONG_PLUGIN("heedless", "1.0.0", "Sinks that leave all they can to the host.",
              throng::Sink<HeedlessSink>("heedless", "A file and a mark of what counts."),
              throng::Sink<BlindSink>("blind", "The same, and does not peek."))
