// `throngctl columns`: what the tables of a dataset have.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/spec_calls.h"

namespace throng {
namespace {

const char* NameOf(v1::Table table) {
  switch (table) {
    case v1::TABLE_USERS:
      return "users";
    case v1::TABLE_ITEMS:
      return "items";
    default:
      return "interactions";
  }
}

}  // namespace

int ListColumns(const ColumnsCommand& command) {
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  const auto source = ReadSource(command.spec, {}, &*daemon);
  if (!source.ok()) return Fail(source.status());
  v1::PlanRequest request;
  *request.mutable_source() = *source;
  const auto answer = daemon->connection().Plan(request);
  if (!answer.ok()) return Fail(answer.status(), *daemon);
  if (command.format != PrintFormat::kTable) {
    std::vector<Printed> list;
    for (const v1::PlannedColumn& column : answer->plan().columns()) {
      list.push_back({&column, fmt::format("{}.{}", NameOf(column.table()), column.name())});
    }
    PrintList(command.format, list);
    return kDone;
  }
  TextTable table({"TABLE", "COLUMN", "TYPE", "IF ASKED FOR", "MEANING"});
  for (const v1::PlannedColumn& column : answer->plan().columns()) {
    table.Add({NameOf(column.table()), column.name(), column.type(), column.is_extra() ? "yes" : "",
               column.doc()});
  }
  Out(table.ToText());
  return kDone;
}

}  // namespace throng
