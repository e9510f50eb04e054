#include "client/answer_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "client/follow_run.h"
#include "client/reach.h"
#include "client/run_text.h"

namespace throng {
namespace {

constexpr std::chrono::seconds kReachTimeout{3};

// Without the component that says it: "sink `file`: a.csv exists ..." -> "a.csv exists ...".
std::string Sentence(const std::string& message) {
  constexpr std::string_view kEnd = "`: ";
  const size_t end = message.find(kEnd);
  const bool is_named = end != std::string::npos && message.find(' ') + 1 == message.find('`');
  return is_named ? message.substr(end + kEnd.size()) : message;
}

absl::StatusOr<v1::ValidateSpecResponse> Validate(Connection* connection, const SpecFlags& flags) {
  v1::ValidateSpecRequest request;
  *request.mutable_source() = MakeSource(flags, "", {"csv:-"}).source;
  return connection->ValidateSpec(request);
}

absl::StatusOr<std::string> CheckCounts(Connection* connection, const SpecFlags& flags) {
  const auto answer = Validate(connection, flags);
  if (!answer.ok()) return answer.status();
  std::string sentences;
  for (const v1::SpecProblem& problem : answer->problems()) {
    sentences += (sentences.empty() ? "" : "\n") + Sentence(problem.message());
  }
  return sentences;
}

// Of mistakes in what was given for outputs, as a topic's name. Another mistake is an error.
absl::StatusOr<std::vector<Obstacle>> MistakesOfOutputs(Connection* connection,
                                                        const SpecFlags& flags) {
  const auto answer = Validate(connection, flags);
  if (!answer.ok()) return answer.status();
  std::vector<Obstacle> obstacles;
  for (const v1::SpecProblem& problem : answer->problems()) {
    constexpr std::string_view kOutput = "outputs[";
    const std::string_view field = problem.field();
    size_t output = flags.outputs.size();
    if (field.starts_with(kOutput)) {
      std::from_chars(field.begin() + kOutput.size(), field.end(), output);
    }
    if (output >= flags.outputs.size()) return absl::AbortedError(problem.message());
    if (!obstacles.empty() && obstacles.back().output == output) continue;
    obstacles.push_back({output, Sentence(problem.message())});
  }
  return obstacles;
}

// Topics whose brokers do not answer: known at once, while the sink tries for seconds.
std::vector<Obstacle> TopicsOutOfReach(const v1::Run& run) {
  std::vector<Obstacle> obstacles;
  for (int i = 0; i < run.spec().outputs_size(); ++i) {
    const auto& options = run.spec().outputs(i).sink().options();
    const auto brokers = options.find("bootstrap_servers");
    if (brokers == options.end()) continue;
    const std::string why = WhyOutOfReach(brokers->second, kReachTimeout);
    if (why.empty()) continue;
    obstacles.push_back({static_cast<size_t>(i),
                         fmt::format("No Kafka answers at {}: {}. Start it, or name other brokers "
                                     "(`deploy/kafka/start` starts one on this machine).",
                                     brokers->second, why)});
  }
  return obstacles;
}

// Until its places can be asked, and it can be deleted.
absl::Status Stop(Connection* connection, const v1::Run& run) {
  v1::StopRunRequest request;
  request.set_name(run.name());
  if (const auto stopped = connection->StopRun(request); !stopped.ok()) return stopped.status();
  return FollowRun(
      connection, run.name(), Connection::Deadline::max(),
      [] { return std::chrono::milliseconds(0); },
      [](const v1::Run& now) { return !HasEnded(now) && now.state() != v1::RUN_STATE_STOPPED; },
      /*has_answered=*/true);
}

// What the places of a run say that was not begun.
absl::StatusOr<std::vector<Obstacle>> AskPlaces(Connection* connection, const v1::Run& run) {
  v1::GetPositionsRequest request;
  request.set_name(run.name());
  const auto answer = connection->GetPositions(request);
  if (!answer.ok()) return answer.status();
  std::vector<Obstacle> obstacles;
  for (int i = 0; i < std::min(answer->positions_size(), run.outputs_size()); ++i) {
    const v1::Position& position = answer->positions(i);
    const int64_t rows = run.outputs(i).total_rows();
    if (!position.reason().empty()) {
      obstacles.push_back({static_cast<size_t>(i), Sentence(position.reason())});
    } else if (position.row() > rows) {
      obstacles.push_back({static_cast<size_t>(i),
                           fmt::format("{} holds {} rows of this dataset already, more than {}.",
                                       position.place(), position.row(), rows),
                           /*may_be_overwritten=*/false});
    }
  }
  return obstacles;
}

absl::StatusOr<std::vector<Obstacle>> CheckOutputs(Daemon* daemon, const SpecFlags& flags) {
  Connection* connection = &daemon->connection();
  auto obstacles = MistakesOfOutputs(connection, flags);
  if (!obstacles.ok() || !obstacles->empty()) return obstacles;
  v1::CreateRunRequest request;
  *request.mutable_source() = MakeSource(flags, "", {}).source;
  request.set_paused(true);
  const auto created = connection->CreateRun(request);
  if (!created.ok()) return created.status();
  if (absl::Status status = Stop(connection, created->run()); !status.ok()) return status;
  // Brokers that a shared daemon reaches need not be reached from here.
  if (daemon->is_private()) obstacles = TopicsOutOfReach(created->run());
  if (obstacles->empty()) obstacles = AskPlaces(connection, created->run());
  v1::DeleteRunRequest forget;
  forget.set_name(created->run().name());
  const auto forgotten = connection->DeleteRun(forget);
  return forgotten.ok() ? obstacles : forgotten.status();
}

}  // namespace

AnswerChecks ChecksBy(Daemon* daemon) {
  return {
      .counts =
          [daemon](const SpecFlags& flags) { return CheckCounts(&daemon->connection(), flags); },
      .outputs = [daemon](const SpecFlags& flags) { return CheckOutputs(daemon, flags); }};
}

}  // namespace throng
