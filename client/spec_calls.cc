#include "client/spec_calls.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "client/exit_code.h"
#include "client/failure.h"
#include "client/plan_text.h"

namespace throng {

absl::StatusOr<v1::SpecSource> ReadSource(const SpecFlags& flags,
                                          const std::vector<std::string>& default_outputs,
                                          Daemon* daemon) {
  std::string text;
  if (flags.file) {
    auto read = ReadSpecFile(*flags.file);
    if (!read.ok()) return read.status();
    text = *std::move(read);
  }
  MadeSource made = MakeSource(flags, text, default_outputs);
  if (made.mistakes.empty()) return std::move(made.source);
  v1::ValidateSpecRequest request;
  *request.mutable_source() = std::move(made.source);
  // Without an answer the mistakes are reason enough.
  if (const auto answer = daemon->connection().ValidateSpec(request); answer.ok()) {
    for (const v1::SpecProblem& problem : answer->problems()) {
      if (made.lacks_outputs && problem.field().starts_with("outputs")) continue;
      made.mistakes.push_back(ProblemLine(problem));
    }
  }
  return absl::InvalidArgumentError(fmt::format("{}", fmt::join(made.mistakes, "\n")));
}

std::string ProblemLine(const v1::SpecProblem& problem) {
  return problem.field().empty() ? problem.message()
                                 : fmt::format("{}: {}", problem.field(), problem.message());
}

int DryRun(const v1::SpecSource& source, PrintFormat format, Daemon* daemon) {
  v1::PlanRequest request;
  *request.mutable_source() = source;
  const auto answer = daemon->connection().Plan(request);
  if (!answer.ok()) return Fail(answer.status(), *daemon);
  if (format == PrintFormat::kTable) {
    Out(PlanText(answer->plan()));
  } else {
    PrintOne(format, {&answer->plan(), answer->plan().fingerprint()});
  }
  return kDone;
}

}  // namespace throng
