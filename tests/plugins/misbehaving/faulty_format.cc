// A format that is well as long as its option `fault` says "none", and else breaks the contract in
// the way that it names.
#include <ctime>
#include <throng/sdk.hpp>

#include "tests/plugins/segfault.h"

namespace {

class FaultyFormat {
 public:
  static constexpr uint32_t kModes = THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES;
  struct Options {
    std::string fault = "none";
    bool cuts = false;
  };
  static std::vector<throng::OptionOf<Options>> DeclareOptions() {
    return {
        throng::Option<&Options::fault>("fault", "How to break the contract."),
        throng::Option<&Options::cuts>("cuts", "Whether it has inner blocks of 4096 rows."),
    };
  }
  explicit FaultyFormat(const Options& options) : options_(options) {
    if (Has("segfault_at_edge") && options_.cuts) throng::Segfault();
    if (Has("leaks")) new std::string(100, 'x');
  }

  throng::Prologue Begin(const throng_destination& destination) {
    static int begun = 0;
    static const throng_schema* first_schema = destination.schema;
    destination_ = &destination;
    name_ = destination.name;
    schema_ = Has("keeps_schema_for_others") ? first_schema : destination.schema;
    is_messages_ = destination.mode == THRONG_RECORDS_MESSAGES;
    throng::Prologue prologue;
    if (!is_messages_ || Has("messages_have_prologue")) prologue.bytes = "first line\n";
    if (Has("prologues_disagree")) prologue.bytes += std::to_string(begun++);
    if (Has("states_disagree")) prologue.state = std::to_string(begun++);
    if (Has("forgets_state")) prologue.state = destination.state.size == 0 ? "7" : "";
    if (options_.cuts) prologue.cut_rows = 4096;
    if (Has("cut_of_5000")) prologue.cut_rows = 5000;
    return prologue;
  }

  void Encode(const throng_block& block, throng::Buffer& out) {
    if (Has("keeps_destination") && destination_->users < 0) return;
    if (Has("keeps_name") && name_[0] == '\0') return;
    if (Has("keeps_schema_for_others") && schema_->columns_count == 0) return;
    if (schema_->columns[0]->name[0] == '\0') return;  // it may be kept
    // One inner block, for those that have such.
    if (options_.cuts || Has("depends_on_block"))
      out.Append(std::to_string(block.rows) + " rows\n");
    const auto* user = static_cast<const int64_t*>(block.columns[0]);
    for (size_t i = 0; i < block.rows; ++i) {
      if (is_messages_) {
        out.Append("user_" + std::to_string(user[i] + 1));
        block.key_end[i] = static_cast<uint32_t>(out.size());
      }
      const int64_t row =
          Has("carries_state") ? encoded_ : block.first_row + static_cast<int64_t>(i);
      out.Append("row " + std::to_string(row) +
                 (Has("uses_time") ? std::to_string(time(nullptr)) : ""));
      out.Append("\n");
      if (is_messages_) block.value_end[i] = static_cast<uint32_t>(out.size());
      ++encoded_;
    }
    if (Has("note_too_large")) out.Note(std::string(65'537, 'x'));
    if (Has("note_counts")) out.Note(std::to_string(encoded_));
    if (is_messages_ && Has("ends_too_early")) block.value_end[block.rows - 1] -= 1;
    if (is_messages_ && Has("ends_out_of_order")) block.key_end[0] = block.value_end[0] + 1;
    if (Has("beyond_reserve")) *out.Reserve(0) = '!';
    if (Has("overwrites") && block.first_row > 0) const_cast<char*>(out.data())[0] = '!';
    if (Has("throws_inside")) throw 42;
    if (Has("segfault")) throng::Segfault();
  }

  void End(const throng_summary& summary, throng::Buffer& out) const {
    out.Append(std::to_string(Has("counts_rows") ? encoded_ : summary.rows) + " rows\n");
  }

 private:
  bool Has(std::string_view fault) const { return options_.fault == fault; }

  const Options options_;
  bool is_messages_ = false;
  const throng_destination* destination_ = nullptr;
  const char* name_ = nullptr;
  const throng_schema* schema_ = nullptr;
  int64_t encoded_ = 0;
};

}  // namespace

THRONG_PLUGIN("faulty_format", "1.0.0", "A format that breaks the contract on demand.",
              throng::Format<FaultyFormat>("faulty_format", "Breaks the contract on demand."))
