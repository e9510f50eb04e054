#include "client/verification_text.h"

#include <fmt/format.h>

#include "client/print.h"

namespace throng {
namespace {

// What is different, and what to think of it.
std::string KindText(const v1::Difference& difference) {
  switch (difference.kind()) {
    case v1::DIFFERENCE_KIND_LOST:
      return "lost";
    case v1::DIFFERENCE_KIND_DOUBLED:
      return "doubled";
    case v1::DIFFERENCE_KIND_ALTERED:
      return difference.column().empty() ? "altered" : "altered " + difference.column();
    case v1::DIFFERENCE_KIND_FOREIGN:
      return "foreign";
    case v1::DIFFERENCE_KIND_DAMAGED:
      return "damaged";
    case v1::DIFFERENCE_KIND_OUT_OF_ORDER:
      return "out of order";
    case v1::DIFFERENCE_KIND_BYTES:
      return "other bytes";
    case v1::DIFFERENCE_KIND_MISSING_PIECE:
      return "missing file";
    case v1::DIFFERENCE_KIND_MANIFEST:
      return "manifest";
    default:
      return "different";
  }
}

std::string PlaceText(const v1::DifferenceExample& example) {
  if (example.piece().empty()) return "-";
  const bool is_message = example.piece().ends_with(']');
  return fmt::format("{}, {} {}", example.piece(), is_message ? "offset" : "byte",
                     example.offset());
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

// 50%, 90% and 99% of the rows, and the most.
template <class Value, class Text>
void AddLateness(const char* name, const Value& values, Text text, TextTable* table) {
  if (values.size() != 4) return;
  table->Add({name, text(values[0]), text(values[1]), text(values[2]), text(values[3])});
}

std::string LatenessText(const v1::Lateness& lateness) {
  const auto rows = [](int64_t count) { return std::to_string(count); };
  const auto seconds = [](int64_t ms) {
    return fmt::format("{:.3f} s", static_cast<double>(ms) / 1000);
  };
  TextTable table({"LATE BY", "50%", "90%", "99%", "MOST"});
  AddLateness("rows", lateness.rows(), rows, &table);
  AddLateness("event time", lateness.event_ms(), seconds, &table);
  AddLateness("message time", lateness.message_ms(), seconds, &table);
  return table.ToText();
}

}  // namespace

std::string VerificationText(const v1::Verification& verification) {
  std::string text = fmt::format("{} rows expected, {} found.\n", verification.expected_rows(),
                                 verification.found_rows());
  for (const std::string& remark : verification.remarks()) text += remark + "\n";
  if (verification.differences().empty()) text += "All is as it must be.\n";
  TextTable counts({"DIFFERENCE", "COUNT"});
  TextTable examples({"DIFFERENCE", "ROW", "WHERE", "EXPECTED", "FOUND"});
  bool has_examples = false;
  for (const v1::Difference& difference : verification.differences()) {
    counts.Add({KindText(difference), std::to_string(difference.count())});
    for (const v1::DifferenceExample& example : difference.examples()) {
      has_examples = true;
      examples.Add({KindText(difference), example.has_row() ? std::to_string(example.row()) : "-",
                    PlaceText(example), OrDash(example.expected()), OrDash(example.found())});
    }
  }
  if (!verification.differences().empty()) text += counts.ToText();
  if (has_examples) text += "\n" + examples.ToText();
  if (verification.has_lateness()) text += "\n" + LatenessText(verification.lateness());
  return text;
}

}  // namespace throng
