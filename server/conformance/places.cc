// Checks of sinks that look at the place itself, where the records are.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "server/conformance/check.h"
#include "server/conformance/contents.h"
#include "server/conformance/walker.h"
#include "server/host/process.h"

namespace throng {
namespace {

constexpr std::string_view kWhatPathBuys =
    "declare it with THRONG_OPTION_PATH (`.Path()`), for which a daemon allows it below its output "
    "roots only, and {part} and {slice} in it are replaced";

bool IsPath(const throng_option& option) { return (option.flags & THRONG_OPTION_PATH) != 0; }

// Whether a file or folder in `folder` has a path that begins with `text`.
bool IsWrittenTo(const std::string& folder, std::string_view text) {
  std::error_code error;
  const std::filesystem::recursive_directory_iterator found(folder, error);
  return std::any_of(begin(found), end(found), [&](const std::filesystem::directory_entry& entry) {
    return entry.path().string().starts_with(text);
  });
}

// Asks for the place, of which open tells `known`, as the host asks for another dataset: it peeks,
// and opens where that tells nothing that it could refuse.
absl::Status AskAsAnother(const CheckContext& context, const Sink::Opened& known) {
  throng_target target = SinkWalker::Target();
  target.identity = "0ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110";
  // Whether the host sees whose place it is.
  const auto is_turned_away = [&](const absl::StatusOr<Sink::Opened>& opened) {
    return !opened.ok() || opened->host_state == known.host_state;
  };
  const auto values = ParseOptions(context);
  if (!values.ok()) return values.status();
  NoteStep("create");
  const auto sink = Sink::Create(*context.component, context.environment, values->values());
  if (!sink.ok()) return sink.status();
  if (context.component->sink.peek != nullptr) {
    NoteStep("peek for another identity");
    if (is_turned_away((*sink)->Peek(target))) return absl::OkStatus();
  }
  NoteStep("open for another identity");
  const auto opened = (*sink)->Open(target);
  if (is_turned_away(opened)) return absl::OkStatus();
  return Fault(
      "for another identity, peek and open tell {} where open told {}, so that the host sees "
      "nothing to refuse; tell the position and the host state of whatever is there, or return "
      "FAILED_PRECONDITION.",
      PositionText(opened->position),
      known.is_complete ? "that it is complete" : PositionText(known.position));
}

}  // namespace

absl::Status CheckHolds(CheckContext& context) {
  if (context.component->sink.is_durable == 0) return DoesNotApply(&context);
  const auto walker = SinkWalker::Create(context);
  if (!walker.ok()) return walker.status();
  absl::Status status = (*walker)->Open().status();
  if (status.ok()) status = (*walker)->WalkTo(SinkWalker::kRows);
  if (status.ok()) status = (*walker)->Finish();
  if (status.ok()) status = (*walker)->Finish();
  if (!status.ok()) return status;
  context.skipped = WhyContentsAreUnknown(context);
  return CheckContents(context, "after a walk and a repeated finish");
}

absl::Status CheckReopens(CheckContext& context) {
  if (context.component->sink.reopen == nullptr) return DoesNotApply(&context);
  if (!TakesStream(context)) {
    return Fault("it takes messages only, and has reopen: messages are never complete.");
  }
  absl::Status status;
  const auto in_another = [&](const std::function<absl::Status(SinkWalker&, bool)>& go_on) {
    const auto walker = SinkWalker::Create(context);
    if (!walker.ok()) return walker.status();
    const auto opened = (*walker)->Open();
    return opened.ok() ? go_on(**walker, opened->is_complete) : opened.status();
  };
  const auto to_the_end = [](SinkWalker& walker) {
    absl::Status walked = walker.WalkTo(SinkWalker::kRows);
    return walked.ok() ? walker.Finish() : walked;
  };
  status = in_another([&](SinkWalker& walker, bool) { return to_the_end(walker); });
  for (const bool in_one_go : {true, false}) {
    for (const int64_t position : {SinkWalker::kRows, 2 * SinkWalker::kCommitRows, int64_t{0}}) {
      if (!status.ok()) return status;
      status = in_another([&](SinkWalker& walker, bool is_complete) {
        if (!is_complete) return Fault("open does not tell that a finished place is complete.");
        absl::Status reopened = walker.Reopen(position);
        return reopened.ok() && in_one_go ? to_the_end(walker) : reopened;
      });
      if (!status.ok() || in_one_go) continue;
      status = in_another([&](SinkWalker& walker, bool is_complete) {
        if (is_complete) return Fault("open tells that a reopened place is complete.");
        absl::Status reopened = walker.Reopen(position / 2);  // now that it is not complete
        return reopened.ok() ? to_the_end(walker) : reopened;
      });
    }
  }
  return status.ok() ? CheckContents(context, "after it was reopened and finished again") : status;
}

absl::Status CheckForeign(CheckContext& context) {
  if (context.component->sink.is_durable == 0) return DoesNotApply(&context);
  for (const int64_t rows : {2 * SinkWalker::kCommitRows, SinkWalker::kRows}) {
    {
      const auto walker = SinkWalker::Create(context);
      if (!walker.ok()) return walker.status();
      absl::Status status = (*walker)->Open().status();
      if (status.ok()) status = (*walker)->WalkTo(rows);
      if (status.ok() && rows == SinkWalker::kRows) status = (*walker)->Finish();
      if (!status.ok()) return status;
    }
    const auto open = [&]() -> absl::StatusOr<Sink::Opened> {
      const auto walker = SinkWalker::Create(context);
      return walker.ok() ? (*walker)->Open() : walker.status();
    };
    const auto before = open();
    if (!before.ok()) return before.status();
    if (absl::Status status = AskAsAnother(context, *before); !status.ok()) return status;
    const auto after = open();
    if (!after.ok()) return after.status();
    if (before->position != after->position || before->is_complete != after->is_complete) {
      return Fault("after another identity was turned away, open tells {}{} instead of {}{}.",
                   PositionText(after->position), after->is_complete ? ", complete" : "",
                   PositionText(before->position), before->is_complete ? ", complete" : "");
    }
  }
  return CheckContents(context, "after another identity was turned away");
}

absl::Status CheckPaths(CheckContext& context) {
  for (const throng_option& option : context.component->options) {
    if (option.type != THRONG_OPTION_STRING || IsPath(option)) continue;
    for (const std::string_view name : {"path", "file", "dir", "folder"}) {
      if (name != option.name) continue;
      return Fault("option `{}` is the name of a path, and is none; {}.", name, kWhatPathBuys);
    }
  }
  // Names tell little; what a walk leaves in the folder tells more. If it fails, others say so.
  const auto walker = SinkWalker::Create(context);
  if (!walker.ok()) return walker.status();
  if ((*walker)->Open().ok()) (void)(*walker)->WalkTo(SinkWalker::kCommitRows);
  for (const throng_option& option : context.component->options) {
    const auto given = context.options.find(option.name);
    if (given == context.options.end() || IsPath(option)) continue;
    if (!given->second.starts_with(context.folder)) continue;
    if (IsWrittenTo(context.folder, given->second)) {
      return Fault("a walk writes to where option `{}` says, which is no path; {}.", option.name,
                   kWhatPathBuys);
    }
  }
  return absl::OkStatus();
}

}  // namespace throng
