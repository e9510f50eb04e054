// A format of lines and its decoder, which is well as long as its option `fault` says "none", and
// else breaks the contract in the way that it names.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <throng/sdk.hpp>
#include <throng/sdk/decoder.hpp>
#include <vector>

#include "tests/plugins/segfault.h"

namespace {

// "user_1 item_1 4.50 1705314600", of the four columns of interactions.
class LinesFormat {
 public:
  struct Options {};
  static std::vector<throng::OptionOf<Options>> DeclareOptions() { return {}; }
  explicit LinesFormat(const Options& /*options*/) {}

  throng::Prologue Begin(const throng_destination& /*destination*/) { return {}; }
  void Encode(const throng_block& block, throng::Buffer& out) {
    for (size_t i = 0; i < block.rows; ++i) {
      char line[100];
      const int size = std::snprintf(
          line, sizeof line, "user_%lld item_%lld %.2f %lld\n",
          static_cast<long long>(static_cast<const int64_t*>(block.columns[0])[i] + 1),
          static_cast<long long>(static_cast<const int64_t*>(block.columns[1])[i] + 1),
          static_cast<const int32_t*>(block.columns[2])[i] / 100.0,
          static_cast<long long>(static_cast<const int64_t*>(block.columns[3])[i] / 1000));
      out.Append(std::string_view(line, static_cast<size_t>(size)));
    }
  }
  void End(const throng_summary& /*summary*/, throng::Buffer& /*out*/) const {}
};

class FaultyDecoder {
 public:
  struct Options {
    std::string fault = "none";
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {throng::Option<&Options::fault>("fault", "How to break the contract.")};
  }
  explicit FaultyDecoder(const Options& options) : options_(options) {
    if (Has("leaks")) new std::string(100, 'x');
  }

  void Begin(const throng_origin& /*origin*/) { line_.clear(); }

  void Decode(const throng_input& input, throng_decoded& decoded) {
    rows_.clear();
    rows_.reserve(decoded.capacity);
    while (decoded.consumed < input.bytes.size && rows_.size() < decoded.capacity) {
      const char c = input.bytes.data[decoded.consumed++];
      if (c != '\n') {
        line_ += c;
        continue;
      }
      Take(input.offset + static_cast<int64_t>(decoded.consumed), &decoded);
      line_.clear();
    }
    if (Has("forgets_what_is_cut")) line_.clear();
    decoded.rows = static_cast<uint32_t>(rows_.size());
    if (Has("too_many_rows")) decoded.rows = decoded.capacity + 1;
    if (Has("consumes_too_much")) decoded.consumed = input.bytes.size + 1;
    if (Has("finds_damage") && decoded.rows > 0) {
      damage_ = {.offset = 0, .row = 0, .wanted = UINT32_MAX, .sentence = "It is damaged."};
      decoded.damages = &damage_;
      decoded.damages_count = 1;
    }
  }

 private:
  struct Row {
    char user[32];
    char item[32];
  };
  bool Has(std::string_view fault) const { return options_.fault == fault; }

  void Take(int64_t offset, throng_decoded* decoded) {
    const size_t i = rows_.size();
    Row row{};
    double rating = 0;
    long long seconds = 0;
    const int found =
        std::sscanf(line_.c_str(), "%31s %31s %lf %lld", row.user, row.item, &rating, &seconds);
    if (found != 4 || seconds > INT64_MAX / 1000 || seconds < INT64_MIN / 1000) {
      if (Has("segfault_at_garbage")) throng::Segfault();
      return;
    }
    if (Has("swaps_columns")) std::swap(row.user, row.item);
    rows_.push_back(row);
    const auto text = [](const char* s) {
      return throng_bytes{s, std::char_traits<char>::length(s)};
    };
    static_cast<throng_bytes*>(decoded->columns[0])[i] = text(rows_[i].user);
    static_cast<throng_bytes*>(decoded->columns[1])[i] = text(rows_[i].item);
    static_cast<double*>(decoded->columns[2])[i] = rating;
    static_cast<int64_t*>(decoded->columns[3])[i] = seconds * 1000;
    decoded->offset[i] = offset;
  }

  const Options options_;
  std::string line_;
  std::vector<Row> rows_;
  throng_damage damage_{};
};

}  // namespace

THRONG_PLUGIN("faulty_decoder", "1.0.0", "A decoder that breaks the contract on demand.",
              throng::Format<LinesFormat>("faulty_decoder", "Lines."),
              throng::Decoder<FaultyDecoder>("faulty_decoder", "Breaks the contract on demand."))
