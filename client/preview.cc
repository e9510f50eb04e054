// `throngctl preview` and `throngctl validate`: looks at a spec without delivering anything.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/spec_calls.h"
#include "proto/option_text.h"
#include "throng/v1/interaction.pb.h"

namespace throng {
namespace {

// "4.5", "4.25", "" for none: as the format csv writes it.
std::string RatingText(int hundredths) {
  if (hundredths < 0) return "";
  std::string text = fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
  if (text.back() == '0') text.pop_back();
  return text;
}

// The one that has begun, also before 1970.
int64_t SecondOf(int64_t ms) {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::milliseconds(ms)).count();
}

// Row i of the batch.
v1::Interaction InteractionOf(const v1::GenerateHeader& header, const v1::InteractionBatch& batch,
                              int i) {
  v1::Interaction interaction;
  interaction.set_user_id(header.user_prefix() + std::to_string(batch.user_numbers(i)));
  interaction.set_item_id(header.item_prefix() + std::to_string(batch.item_numbers(i)));
  if (const int hundredths = batch.rating_hundredths(i); hundredths >= 0) {
    interaction.set_rating(hundredths / 100.0);
  }
  const int64_t ms = batch.timestamp_ms(i);
  const int64_t second = SecondOf(ms);
  interaction.mutable_timestamp()->set_seconds(second);
  interaction.mutable_timestamp()->set_nanos(static_cast<int32_t>(ms - 1000 * second) * 1'000'000);
  return interaction;
}

// As the format csv writes it.
std::string CsvLine(const v1::GenerateHeader& header, const v1::InteractionBatch& batch, int i) {
  const int64_t second_ms = 1000 * SecondOf(batch.timestamp_ms(i));
  return fmt::format("{}{},{}{},{},{}\n", header.user_prefix(), batch.user_numbers(i),
                     header.item_prefix(), batch.item_numbers(i),
                     RatingText(batch.rating_hundredths(i)), TimestampText(second_ms));
}

}  // namespace

int Preview(const PreviewCommand& command) {
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  const auto source = ReadSource(command.spec, {}, &*daemon);
  if (!source.ok()) return Fail(source.status());

  v1::GenerateRequest request;
  *request.mutable_source() = *source;
  request.set_start_row(command.from);
  request.set_row_limit(command.rows);
  v1::GenerateHeader header;
  std::vector<v1::Interaction> collected;
  const bool is_table = command.format == PrintFormat::kTable;
  const absl::Status status =
      daemon->connection().Generate(request, [&](const v1::GenerateResponse& response) {
        if (response.has_header()) {
          header = response.header();
          if (is_table && !Out("user_id,item_id,rating,timestamp\n")) return false;
        }
        std::string text;
        for (int i = 0; i < response.batch().user_numbers_size(); ++i) {
          if (is_table) {
            text += CsvLine(header, response.batch(), i);
          } else {
            collected.push_back(InteractionOf(header, response.batch(), i));
            if (command.format != PrintFormat::kJsonLines) continue;
            text += JsonLine(collected.back());
            collected.clear();
          }
        }
        return Out(text);
      });
  if (!status.ok()) return Fail(status, *daemon);
  if (is_table || command.format == PrintFormat::kJsonLines) return kDone;
  std::vector<Printed> list;
  for (const v1::Interaction& interaction : collected) {
    const auto row = command.from + static_cast<int64_t>(list.size());
    list.push_back({&interaction, std::to_string(row)});
  }
  PrintList(command.format, list);
  return kDone;
}

int Validate(const ValidateCommand& command) {
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  const auto source = ReadSource(command.spec, {}, &*daemon);
  if (!source.ok()) return Fail(source.status());
  v1::ValidateSpecRequest request;
  *request.mutable_source() = *source;
  const auto answer = daemon->connection().ValidateSpec(request);
  if (!answer.ok()) return Fail(answer.status(), *daemon);

  const int exit_code = answer->problems().empty() ? kDone : kWrongRequest;
  if (command.format != PrintFormat::kTable) {
    PrintOne(command.format, {&*answer, exit_code == kDone ? "valid" : "invalid"});
    return exit_code;
  }
  for (const v1::SpecProblem& problem : answer->problems()) {
    Out(ProblemLine(problem) + "\n");
  }
  for (const std::string& warning : answer->warnings()) {
    std::fputs(("note: " + warning + "\n").c_str(), stderr);
  }
  if (exit_code == kDone) Out("The spec is right.\n");
  return exit_code;
}

}  // namespace throng
