// `throngctl preview` and `throngctl validate`: looks at a spec without delivering anything.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/spec_calls.h"
#include "proto/option_text.h"
#include "throng/v1/interaction.pb.h"

namespace throng {
namespace {

constexpr const char* kRow = "interaction_id";

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

// The i-th of UUIDs of 16 bytes each.
std::string UuidText(const std::string& uuids, int i) {
  constexpr size_t kBytes = 16;
  std::string text;
  for (size_t at = 0; at < kBytes; ++at) {
    if (at == 4 || at == 6 || at == 8 || at == 10) text += '-';
    const char byte = uuids[static_cast<size_t>(i) * kBytes + at];
    text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

// Of a batch and what holds for all of them.
class RowsOf {
 public:
  RowsOf(const v1::GenerateHeader& header, const v1::InteractionBatch& batch)
      : header_(header), batch_(batch) {}

  int size() const {
    return std::max(
        {batch_.user_numbers_size(), batch_.item_numbers_size(), batch_.rating_hundredths_size(),
         batch_.timestamp_ms_size(), batch_.kind_indexes_size(), batch_.cluster_indexes_size(),
         batch_.category_indexes_size(), batch_.session_ids_size(), batch_.session_rows_size()});
  }

  v1::Interaction Interaction(int i) const {
    v1::Interaction interaction;
    interaction.set_user_id(UserId(i));
    interaction.set_item_id(ItemId(i));
    if (const int hundredths = batch_.rating_hundredths(i); hundredths >= 0) {
      interaction.set_rating(hundredths / 100.0);
    }
    const int64_t ms = batch_.timestamp_ms(i);
    const int64_t second = SecondOf(ms);
    interaction.mutable_timestamp()->set_seconds(second);
    interaction.mutable_timestamp()->set_nanos(static_cast<int32_t>(ms - 1000 * second) *
                                               1'000'000);
    if (batch_.kind_indexes_size() > 0) interaction.set_kind(Kind(i));
    if (batch_.cluster_indexes_size() > 0) interaction.set_cluster(Cluster(i));
    if (batch_.category_indexes_size() > 0) interaction.set_category(Category(i));
    if (batch_.session_ids_size() > 0) {
      interaction.set_session_id(static_cast<int64_t>(batch_.session_ids(i)));
    }
    if (batch_.session_rows_size() > 0) interaction.set_session_row(batch_.session_rows(i));
    return interaction;
  }

  // As the format csv writes it.
  std::string Text(const std::string& column, int i) const {
    if (column == "user_id") return UserId(i);
    if (column == "item_id") return ItemId(i);
    if (column == "rating") return RatingText(batch_.rating_hundredths(i));
    if (column == "timestamp") return TimestampText(1000 * SecondOf(batch_.timestamp_ms(i)));
    if (column == kRow) return std::to_string(batch_.first_row() + i);
    if (column == "kind") return Kind(i);
    if (column == "cluster") return Cluster(i);
    if (column == "category") return Category(i);
    return std::to_string(column == "session_id" ? batch_.session_ids(i) : batch_.session_rows(i));
  }

 private:
  std::string UserId(int i) const {
    if (!batch_.user_uuids().empty()) return UuidText(batch_.user_uuids(), i);
    return header_.user_prefix() + std::to_string(batch_.user_numbers(i));
  }
  std::string ItemId(int i) const {
    if (!batch_.item_uuids().empty()) return UuidText(batch_.item_uuids(), i);
    return header_.item_prefix() + std::to_string(batch_.item_numbers(i));
  }
  const std::string& Kind(int i) const {
    return header_.kinds(static_cast<int>(batch_.kind_indexes(i)));
  }
  const std::string& Cluster(int i) const {
    return header_.clusters(static_cast<int>(batch_.cluster_indexes(i)));
  }
  const std::string& Category(int i) const {
    return header_.categories(static_cast<int>(batch_.category_indexes(i)));
  }

  const v1::GenerateHeader& header_;
  const v1::InteractionBatch& batch_;
};

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
  const bool is_table = command.format == PrintFormat::kTable;
  // An Interaction has its four whatever else is asked for. A row's number need not be sent.
  std::set<std::string> asked(command.columns.begin(), command.columns.end());
  const bool has_row = asked.erase(kRow) > 0;
  if (!is_table || asked.empty()) {
    const std::vector<std::string> own = PreviewCommand().columns;
    asked.insert(own.begin(), own.end());
  }
  for (const std::string& column : asked) request.add_columns(column);
  v1::GenerateHeader header;
  std::vector<v1::Interaction> collected;
  const absl::Status status =
      daemon->connection().Generate(request, [&](const v1::GenerateResponse& response) {
        if (response.has_header()) {
          header = response.header();
          if (is_table && !Out(fmt::format("{}\n", fmt::join(command.columns, ",")))) return false;
        }
        const RowsOf rows(header, response.batch());
        std::string text;
        for (int i = 0; i < rows.size(); ++i) {
          if (is_table) {
            for (const std::string& column : command.columns) {
              text += rows.Text(column, i) + (&column == &command.columns.back() ? '\n' : ',');
            }
          } else {
            collected.push_back(rows.Interaction(i));
            if (has_row) collected.back().set_interaction_id(response.batch().first_row() + i);
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
