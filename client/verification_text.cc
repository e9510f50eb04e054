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

}  // namespace

std::string VerificationText(const v1::Verification& verification) {
  std::string text = fmt::format("{} rows expected, {} found.\n", verification.expected_rows(),
                                 verification.found_rows());
  if (verification.differences().empty()) return text + "All is as it must be.\n";
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
  text += counts.ToText();
  if (has_examples) text += "\n" + examples.ToText();
  return text;
}

}  // namespace throng
