// Sinks that write to files, and whose descriptors do not say so: no daemon could keep them below
// its output roots.
#include <fstream>
#include <throng/sdk.hpp>

namespace {

class HiddenPathSink {
 public:
  static constexpr bool kIsDurable = false;
  struct Options {
    std::string place;
    std::string label = "none";
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::place>("place", "Where to write.").Required().Identity(),
            throng::Option<&Options::label>("label", "Anything; it is no place.")};
  }
  explicit HiddenPathSink(const Options& options) : place_(options.place) {}
  throng::Opened Open(const throng_target& /*target*/) {
    const std::ofstream file(place_ + ".out");
    return {};
  }
  void Write(const throng_records& /*records*/) {}
  void Commit(int64_t /*position*/, std::string_view /*host_state*/) {}
  void Finish(const throng_completion& /*completion*/) {}

 private:
  const std::string place_;
};

// The option's name tells.
class FolderSink : public HiddenPathSink {
 public:
  struct Options {
    std::string folder = "/nowhere";
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::folder>("folder", "Where to write.").Identity()};
  }
  explicit FolderSink(const Options& options) : HiddenPathSink({.place = options.folder}) {}
};

}  // namespace

THRONG_PLUGIN("faulty_places", "1.0.0", "Sinks that do not say where they write.",
              throng::Sink<HiddenPathSink>("hidden_path_sink", "Writes wherever it is told to."),
              throng::Sink<FolderSink>("folder_sink", "Writes wherever it is told to, too."))
