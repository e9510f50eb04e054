// `throngctl verify`: whether data are what a spec makes.
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/inspection_commands.h"
#include "client/reading.h"
#include "client/run_text.h"
#include "client/source_flag.h"
#include "client/spec_calls.h"
#include "client/verification_text.h"

namespace throng {
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
