// A component whose optional member is not what the SDK looks for: each must be a compile error
// that names the member. NEAR_MISS chooses which; 0 is right and compiles. See near_miss_test.sh.
#include <throng/sdk.hpp>

struct Base {
  throng::Opened Open(const throng_target&) { return {}; }
  void Write(const throng_records&) {}
  void Commit(int64_t, std::string_view) {}
  void Finish(const throng_completion&) {}
  throng::Prologue Begin(const throng_destination&) { return {}; }
  void Encode(const throng_block&, throng::Buffer&) {}
};
struct Rating {
  explicit Rating(const throng::Dataset&) {}
  void Fill(const throng::Rows&, std::span<int32_t>) {}
};
struct Options {
  std::string text;
};

struct Source {
  throng::SourcePlace Open(const throng_start&) { return {}; }
  void Read(int64_t, throng_input&) {}
};

#if NEAR_MISS == 0
struct WholeSource : Source {
  void Kept(const throng::KeptVisitor&) const {}
  void Probe(const throng::ProbeVisitor&) {}
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
};
struct Decoder {
  void Begin(const throng_origin&) {}
  void Decode(const throng_input&, throng_decoded&) {}
};
throng_component sources[] = {throng::Source<WholeSource>("right", "Right."),
                              throng::Decoder<Decoder>("right", "Right.")};
struct Component : Base {
  using Options = ::Options;
  static std::vector<throng::OptionOf<Options>> DeclareOptions() { return {}; }
  static void Validate(const Options&) {}
  throng::Opened Peek(const throng_target&) { return {}; }
  void Reset(const throng_target&) {}
  void Reopen(int64_t, int64_t, std::string_view) {}
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;
  static constexpr bool kIsDurable = false;
};
throng_component made = throng::Sink<Component>("right", "Right.");
#elif NEAR_MISS == 1   // Validate
struct Component : Base {
  using Options = ::Options;
  static std::vector<throng::OptionOf<Options>> DeclareOptions() { return {}; }
  void Validate(const Options&) const {}  // not static
};
throng_component made = throng::Sink<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 2   // Peek
struct Component : Base {
  throng::Opened Peek(const throng_target&, int) { return {}; }
};
throng_component made = throng::Sink<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 3   // Reset
struct Component : Base {
  void Reset() {}
};
throng_component made = throng::Sink<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 4   // kModes
struct Component : Base {
  const uint32_t kModes = THRONG_RECORDS_MESSAGES;  // no constant of the class
};
throng_component made = throng::Sink<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 5   // End
struct Component : Base {
  void End(throng::Buffer&) {}
};
throng_component made = throng::Format<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 6   // Kinds
struct Component {
  explicit Component(const throng::Dataset&) {}
  void Fill(const throng::Rows&, std::span<int64_t>) {}
  std::vector<throng::Kind> Kinds() { return {}; }  // not const
};
throng_component made = throng::Choice<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 7   // BlockRows
struct Component : Rating {
  using Rating::Rating;
  uint32_t BlockRows(int) const { return 0; }
};
throng_component made = throng::Rating<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 8   // Tables
struct Component : Rating {
  using Rating::Rating;
  void Tables() const {}
};
throng_component made = throng::Rating<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 9   // Score
struct Component : Rating {
  using Rating::Rating;

 private:
  void Score(const throng::Pairs&) {}
};
throng_component made = throng::Rating<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 10  // Segments
struct Component {
  explicit Component(const throng::Dataset&) {}
  void Fill(const throng::Rows&, throng::ActivityColumns) {}
  std::vector<int32_t> Segments(int64_t) const { return {0}; }
};
throng_component made = throng::Activity<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 11  // Reopen
struct Component : Base {
  void Reopen(int64_t, std::string_view) {}
};
throng_component made = throng::Sink<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 12  // Kept
struct Component : Source {
  std::vector<throng_kept> Kept() const { return {}; }
};
throng_component made = throng::Source<Component>("wrong", "Wrong.");
#elif NEAR_MISS == 13  // Probe
struct Component : Source {
  void Probe() {}
};
throng_component made = throng::Source<Component>("wrong", "Wrong.");
#endif
