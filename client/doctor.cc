// `throngctl doctor kafka`: a topic tried end to end, step by step.
#include <fmt/format.h>

#include "client/exit_code.h"
#include "client/failure.h"
#include "client/inspection_commands.h"
#include "client/reading.h"
#include "client/source_flag.h"

namespace throng {
namespace {

// Where rows go when nobody says where.
constexpr const char* kOwnTopic = "throng-doctor";

std::string LatencyText(const v1::DiagnosisStep& step) {
  if (step.latency_ms_size() < 4) return "";
  return fmt::format(
      "            latency from produced to read: p50 {:.0f} ms, p99 {:.0f} ms (least "
      "{:.0f} ms, most {:.0f} ms)\n",
      step.latency_ms(1), step.latency_ms(2), step.latency_ms(0), step.latency_ms(3));
}

std::string StepText(const v1::DiagnosisStep& step) {
  return fmt::format("{:<10}  {:<6}  {:6.2f} s  {}\n", step.name(), step.ok() ? "ok" : "FAILED",
                     step.seconds(), step.sentence()) +
         LatencyText(step);
}

}  // namespace

int Doctor(const DoctorCommand& command) {
  v1::DiagnoseRequest request;
  if (!command.output.empty()) {
    const auto output = ParseOutputSpec(command.output);
    if (!output.ok()) return Fail(output.status());
    *request.mutable_sink() = output->sink();
    *request.mutable_format() = output->format();
  } else {
    request.mutable_sink()->set_component("kafka");
    auto& options = *request.mutable_sink()->mutable_options();
    options["bootstrap_servers"] = command.brokers;
    options["topic"] = command.topic.empty() ? kOwnTopic : command.topic;
  }
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  bool is_well = false;
  std::vector<v1::DiagnosisStep> steps;
  const absl::Status status =
      daemon->connection().Diagnose(request, [&](const v1::DiagnoseResponse& response) {
        steps.push_back(response.step());
        is_well = response.step().ok() && response.is_last();
        if (command.format == PrintFormat::kTable) return Out(StepText(response.step()));
        if (command.format == PrintFormat::kJsonLines) return Out(JsonLine(response.step()));
        return true;
      });
  if (!status.ok()) return Fail(status, *daemon);
  if (command.format != PrintFormat::kTable && command.format != PrintFormat::kJsonLines) {
    std::vector<Printed> list;
    list.reserve(steps.size());
    for (const v1::DiagnosisStep& step : steps) list.push_back({&step, step.name()});
    PrintList(command.format, list);
  }
  return is_well ? kDone : kFailed;
}

}  // namespace throng
