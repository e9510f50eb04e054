// A source of messages that lie in a file, a line each: partition, offset, key and value, the last
// two in hexadecimal digits ("-": none). Beside it PATH.kept has what a sink keeps, a line each:
// uid, output, slice, slices, position and the host state in hexadecimal digits.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "throng/sdk.hpp"

namespace {

std::string FromHex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

class Messages {
 public:
  struct Options {
    std::string path;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::path>("path", "The file.").Required().Identity()};
  }
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;

  explicit Messages(const Options& options) : path_(options.path), file_(options.path) {}

  throng::SourcePlace Open(const throng_start& /*start*/) {
    return {.pieces = {"topic [0]", "topic [1]", "topic [2]"}};
  }

  void Read(int64_t /*wait_ms*/, throng_input& input) {
    constexpr size_t kMost = 1000;
    keys_.clear();
    values_.clear();
    messages_.clear();
    keys_.reserve(kMost);
    values_.reserve(kMost);
    for (std::string line; messages_.size() < kMost && std::getline(file_, line);) {
      std::istringstream fields(line);
      throng_message message{};
      std::string key;
      std::string value;
      fields >> message.piece >> message.offset >> key >> value;
      const std::string& k = keys_.emplace_back(FromHex(key));
      const std::string& v = values_.emplace_back(FromHex(value));
      message.time = -1;
      if (key != "-") message.key = {k.data(), k.size()};
      if (value != "-") message.value = {v.data(), v.size()};
      messages_.push_back(message);
    }
    input.messages = messages_.data();
    input.messages_count = static_cast<uint32_t>(messages_.size());
    input.is_end = messages_.size() < kMost ? 1 : 0;
  }

  void Kept(const throng::KeptVisitor& visit) const {
    std::ifstream file(path_ + ".kept");
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields(line);
      std::string uid;
      std::string output;
      std::string state;
      throng_kept kept{};
      kept.part = -1;
      fields >> uid >> output >> kept.slice_index >> kept.slice_count >> kept.position >> state;
      state = FromHex(state);
      kept.run_uid = uid.c_str();
      kept.output = output.c_str();
      kept.host_state = {state.data(), state.size()};
      visit(kept);
    }
  }

 private:
  const std::string path_;
  std::ifstream file_;
  std::vector<std::string> keys_, values_;
  std::vector<throng_message> messages_;
};

}  // namespace

THRONG_PLUGIN("messages", "1.0.0", "Messages in a file.",
              throng::Source<Messages>("messages", "Messages in a file."))
