// What plugins yet to come will ask of the host, as small as it gets: a clock that needs whole
// blocks and reorders their rows, a format with inner blocks, and a sink that takes messages.
#include <fstream>
#include <numeric>
#include <throng/sdk.hpp>

// Blocks of about 1000 rows, each in the order of users; a second a row.
class ByUserClock {
 public:
  explicit ByUserClock(const throng::Dataset& /*dataset*/) {}
  static uint32_t BlockRows() { return 1000; }
  static bool Sorts() { return true; }

  void Fill(const throng::Rows& rows, std::span<int64_t> time) {
    std::vector<size_t> order(rows.size);
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return std::pair(rows.user[a], rows.user_row[a]) < std::pair(rows.user[b], rows.user_row[b]);
    });
    for (size_t i = 0; i < rows.size; ++i) {
      time[order[i]] = (rows.first + static_cast<int64_t>(i)) * 1000;
    }
  }
};

class CutsFormat {
 public:
  throng::Prologue Begin(const throng_destination& /*destination*/) {
    return {.bytes = "begin\n", .cut_rows = 4096, .state = ""};
  }
  void Encode(const throng_block& block, throng::Buffer& out) {
    out.Append(std::to_string(block.rows) + " rows from " + std::to_string(block.first_row) + "\n");
    const auto* user = static_cast<const int64_t*>(block.columns[0]);
    for (uint32_t i = 0; i < block.rows; ++i) out.Append(std::to_string(user[i]) + "\n");
  }
  void End(const throng_summary& summary, throng::Buffer& out) {
    out.Append("end of " + std::to_string(summary.rows) + "\n");
  }
};

// Blocks whose places, sizes and last users stand in a footer.
class FootedFormat {
 public:
  struct Options {
    int64_t note_bytes = 0;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::note_bytes>("note_bytes", "A note of so many; 0: as it needs.")};
  }
  explicit FootedFormat(const Options& options) : note_bytes_(options.note_bytes) {}

  throng::Prologue Begin(const throng_destination& /*destination*/) {
    return {.bytes = "begin\n", .cut_rows = 4096, .state = ""};
  }
  void Encode(const throng_block& block, throng::Buffer& out) {
    const auto* user = static_cast<const int64_t*>(block.columns[0]);
    for (uint32_t i = 0; i < block.rows; ++i) out.Append(std::to_string(user[i]) + "\n");
    std::string note = std::to_string(user[block.rows - 1]);
    if (note_bytes_ > 0) note.resize(static_cast<size_t>(note_bytes_), '.');
    out.Note(std::move(note));
  }
  void End(const throng_summary& summary, throng::Buffer& out) {
    for (uint32_t i = 0; i < summary.notes_count; ++i) {
      const throng_note& note = summary.notes[i];
      out.Append("cut " + std::to_string(note.offset) + " " + std::to_string(note.size) + " " +
                 std::to_string(note.rows) + " " + std::string(throng::View(note.note)) + "\n");
    }
    out.Append("bytes " + std::to_string(summary.bytes) + "\n");
  }

 private:
  int64_t note_bytes_;
};

// A line a message: key|value|row|event time.
class MailboxSink {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  static constexpr bool kIsDurable = false;
  struct Options {
    std::string path;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::path>("path", "The file.").Required().Identity().Path()};
  }
  explicit MailboxSink(const Options& options) : file_(options.path, std::ios::trunc) {}

  throng::Opened Open(const throng_target& /*target*/) { return {}; }
  void Write(const throng_records& records) {
    const std::string_view bytes = throng::View(records.bytes);
    size_t begin = 0;
    for (uint32_t i = 0; i < records.rows; ++i) {
      const uint32_t key_end = records.key_end[i];
      const uint32_t value_end = records.value_end[i];
      file_ << bytes.substr(begin, key_end - begin) << '|'
            << bytes.substr(key_end, value_end - key_end) << '|' << records.first_row + i << '|'
            << (records.event_time == nullptr ? -1 : records.event_time[i]) << '\n';
      begin = value_end;
    }
  }
  void Commit(int64_t /*position*/, std::string_view /*host_state*/) { file_.flush(); }
  void Finish(const throng_completion& /*completion*/) {}

 private:
  std::ofstream file_;
};

THRONG_PLUGIN("whole_blocks", "1.0.0", "What plugins yet to come will ask of the host.",
              throng::Clock<ByUserClock>("by_user",
                                         "Blocks of about 1000 rows in the order of users."),
              throng::Format<CutsFormat>("cuts", "Inner blocks of 4096 rows."),
              throng::Format<FootedFormat>("footed", "The same with a footer that notes make."),
              throng::Sink<MailboxSink>("mailbox", "Messages as lines of a file."))
