// Checks of sinks that look at the place itself, where the records are.
#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "server/conformance/check.h"
#include "server/conformance/contents.h"
#include "server/conformance/walker.h"

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
