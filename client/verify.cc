// `throngctl verify`: whether data are what a spec makes.
#include <fmt/format.h>

#include "client/exit_code.h"
#include "client/failure.h"
#include "client/inspection_commands.h"
#include "client/reading.h"
#include "client/run_text.h"
#include "client/source_flag.h"
#include "client/spec_calls.h"

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

}  // namespace

int Verify(const VerifyCommand& command) {
  const auto sources = ParseSources(command.read.places, command.read.maps);
  if (!sources.ok()) return Fail(sources.status());
  v1::VerifyRequest request;
  for (const v1::DataSource& source : *sources) *request.add_sources() = source;
  request.set_any_order(command.any_order);
  if (!command.run.empty()) request.set_run(FullName("runs", command.run));
  const bool needs_shared = !command.run.empty();
  auto daemon = needs_shared ? absl::StatusOr<Daemon>(Daemon::Shared(command.read.daemon))
                             : Daemon::OneShot(command.read.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  if (command.file) {
    SpecFlags flags;
    flags.file = command.file;
    const auto source = ReadSource(flags, {}, &*daemon);
    if (!source.ok()) return Fail(source.status());
    *request.mutable_spec() = *source;
  }
  v1::Verification verification;
  ReadingBar bar(command.read.is_quiet, IsTopic(sources->front()));
  const absl::Status status =
      daemon->connection().Verify(request, [&](const v1::VerifyResponse& response) {
        bar.Show(response.progress());
        if (response.has_verification()) verification = response.verification();
        return true;
      });
  bar.Clear();
  if (!status.ok()) return Fail(status, *daemon);
  const bool is_same = verification.differences().empty();
  if (command.read.format == PrintFormat::kTable) {
    Out(VerificationText(verification));
  } else {
    PrintOne(command.read.format, {&verification, is_same ? "same" : "different"});
  }
  return is_same ? kDone : kFailed;
}

}  // namespace throng
