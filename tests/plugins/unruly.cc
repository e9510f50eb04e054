// A rating and a sink that are well until they come to a row, and then do what their option `does`
// says: what a daemon must survive and name.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <throng/sdk.hpp>

#include "tests/plugins/segfault.h"

namespace {

enum class Deed {
  kNothing,
  kSegfault,
  kAbort,
  kThrow,
  kLoop,
  kSleep,
  kLeak,
  kExit,
  kCloseControl,
  kFlood,
  kPastBatch,
  kWrongPosition,
  kMumble
};

constexpr int kControlFd = 3;  // of the host's, which is nobody's business here
constexpr size_t kMostLeakedBytes = size_t{4} << 30;
constexpr int kFloodLines = 400'000;

struct Options {
  Deed does = Deed::kNothing;
  int64_t at = 0;
  std::string once;
};

std::vector<throng::OptionOf<Options>> DeclareOptions() {
  using throng::Option;
  return {
      Option<&Options::does>(
          "does",
          "segfault, abort, throw (42), loop (computing), sleep (deaf to a stop), leak, exit (0), "
          "close_control (and sleep), flood (stderr, then go on), past_batch (writes behind it; "
          "ratings), wrong_position (from open; sinks), mumble (fail, saying what is no text; "
          "ratings).")
          .Choices({"nothing", "segfault", "abort", "throw", "loop", "sleep", "leak", "exit",
                    "close_control", "flood", "past_batch", "wrong_position", "mumble"}),
      Option<&Options::at>("at", "Row at which it does it.").Between("0", ""),
      Option<&Options::once>("once",
                             "A file that is made before it does it; once it is there, it does "
                             "nothing any more. Empty: every time.")};
}

// Whether it is to happen among these rows.
bool IsTime(const Options& options, int64_t first, int64_t rows) {
  if (options.does == Deed::kNothing || options.at < first || options.at >= first + rows) {
    return false;
  }
  if (options.once.empty()) return true;
  const int file = open(options.once.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return false;
  close(file);
  return true;
}

void Sleep() {
  while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
}

void Leak() {
  constexpr size_t kPiece = size_t{1} << 20;
  for (size_t leaked = 0; leaked < kMostLeakedBytes; leaked += kPiece) {
    static char* volatile last = nullptr;
    last = static_cast<char*>(std::malloc(kPiece));
    if (last != nullptr) std::memset(last, 1, kPiece);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Sleep();
}

void Flood() {
  const std::string line = std::string(99, '!') + '\n';
  for (int i = 0; i < kFloodLines; ++i) {
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
  }
}

void Do(Deed deed) {
  static volatile bool goes_on = true;
  switch (deed) {
    case Deed::kSegfault:
      throng::Segfault();
      break;
    case Deed::kAbort:
      std::abort();
    case Deed::kThrow:
      throw 42;
    case Deed::kLoop:
      while (goes_on) continue;
      break;
    case Deed::kSleep:
      Sleep();
      break;
    case Deed::kLeak:
      Leak();
      break;
    case Deed::kExit:
      _exit(0);
    case Deed::kCloseControl:
      close(kControlFd);
      Sleep();
      break;
    case Deed::kFlood:
      Flood();
      break;
    case Deed::kNothing:
    case Deed::kPastBatch:
    case Deed::kWrongPosition:
    case Deed::kMumble:
      break;
  }
}

class UnrulyRating {
 public:
  using Options = ::Options;
  static std::vector<throng::OptionOf<Options>> DeclareOptions() { return ::DeclareOptions(); }
  UnrulyRating(const Options& options, const throng::Dataset& dataset) : options_(options) {
    if (options.does != Deed::kMumble) return;
    dataset.host.Warn("plans \xff.");
    dataset.host.Info(std::string(size_t{17} << 20, '\xff'));
  }

  void Fill(const throng::Rows& rows, std::span<int32_t> rating) const {
    if (options_.does == Deed::kMumble &&
        IsTime(options_, rows.first, static_cast<int64_t>(rows.size))) {
      throw throng::Error(THRONG_INTERNAL, "\xc3( is no text.");
    }
    for (size_t i = 0; i < rows.size; ++i) {
      rating[i] = static_cast<int32_t>(100 + 50 * ((rows.first + static_cast<int64_t>(i)) % 9));
    }
  }
  const Options& options() const { return options_; }

 private:
  Options options_;
};

class UnrulySink {
 public:
  using Options = ::Options;
  static constexpr bool kIsDurable = false;
  static std::vector<throng::OptionOf<Options>> DeclareOptions() { return ::DeclareOptions(); }
  explicit UnrulySink(const Options& options) : options_(options) {}

  throng::Opened Open(const throng_target& /*target*/) const {
    throng::Opened opened;
    if (options_.does == Deed::kWrongPosition) opened.position = options_.at;
    return opened;
  }
  void Write(const throng_records& /*records*/) {}
  void Commit(int64_t /*position*/, std::string_view /*host_state*/) {}
  void Finish(const throng_completion& /*completion*/) {}
  const Options& options() const { return options_; }

 private:
  Options options_;
};

// The SDK catches what is thrown, so these calls go around it.
throng_component Rating() {
  throng_component component =
      throng::Rating<UnrulyRating>("unruly", "A fixed pattern, up to a row.");
  static const auto* const kSound = static_cast<const throng_behaviour*>(component.functions);
  static const throng_behaviour kTable = [] {
    throng_behaviour table = *kSound;
    table.fill = [](void* self, const throng_batch* batch, throng_error* error) -> throng_code {
      using Instance = throng::detail::BehaviourInstance<UnrulyRating>;
      const Options& options = static_cast<const Instance*>(self)->behaviour.options();
      const bool is_time = IsTime(options, batch->first_row, batch->rows);
      if (is_time) Do(options.does);
      const throng_code code = kSound->fill(self, batch, error);
      if (is_time && options.does == Deed::kPastBatch) batch->rating[batch->rows] = 0;
      return code;
    };
    return table;
  }();
  component.functions = &kTable;
  return component;
}

throng_component Sink() {
  throng_component component = throng::Sink<UnrulySink>("unruly", "To nowhere, up to a row.");
  static const auto* const kSound = static_cast<const throng_sink*>(component.functions);
  static const throng_sink kTable = [] {
    throng_sink table = *kSound;
    table.write = [](void* self, const throng_records* records,
                     throng_error* error) -> throng_code {
      using Instance = throng::detail::SinkInstance<UnrulySink>;
      const Options& options = static_cast<const Instance*>(self)->sink.options();
      if (IsTime(options, records->first_row, records->rows)) Do(options.does);
      return kSound->write(self, records, error);
    };
    return table;
  }();
  component.functions = &kTable;
  return component;
}

}  // namespace

THRONG_PLUGIN("unruly", "1.0.0", "What misbehaves at a row.", Rating(), Sink())
