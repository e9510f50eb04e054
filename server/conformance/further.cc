// The check of further columns: what a behaviour declares beyond its role's columns, it fills, and
// by the row alone.
#include "server/conformance/further.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "server/conformance/stand_in.h"
#include "server/conformance/trial.h"
#include "server/control/status.h"
#include "server/host/process.h"

namespace throng {
namespace {

using Trial = BehaviourTrial;
using Further = std::vector<FurtherColumn>;

constexpr std::pair<v1::Table, const char*> kSideTables[] = {{v1::TABLE_USERS, "users"},
                                                             {v1::TABLE_ITEMS, "items"}};

absl::StatusOr<Further> Declared(const CheckContext& context, Trial* trial, v1::Table table) {
  NoteStep("columns");
  auto columns = trial->behaviour().Columns(table);
  if (!columns.ok()) return columns.status();
  if (absl::Status status = CheckFurtherColumns(*columns); !status.ok()) return status;
  const auto role = std::find(std::begin(kRoles), std::end(kRoles), context.component->role);
  for (FurtherColumn& column : *columns) {
    column.role = static_cast<size_t>(role - std::begin(kRoles));
  }
  return columns;
}

// The first of n elements at which column `c` of `found` is not column `e` of `expected`; n: none.
size_t FirstOther(Columns* expected, size_t e, Columns* found, size_t c, size_t width, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (std::memcmp(expected->Further(e, i), found->Further(c, i), width) != 0) return i;
  }
  return n;
}

absl::Status CheckHolds(const Further& columns, Columns* filled, size_t n, const char* of) {
  for (size_t c = 0; c < columns.size(); ++c) {
    for (size_t i = 0; i < n; ++i) {
      if (columns[c].Holds(filled->Further(c, i), 1)) continue;
      return Fault("{} {} has a value in its further column {} that such a column cannot hold.", of,
                   i, columns[c].name);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Trial>> Asked(const CheckContext& context,
                                             const StandInDataset& dataset, Further columns) {
  auto trial = Trial::Create(context, dataset);
  if (trial.ok()) (*trial)->AskFor(std::move(columns));
  return trial;
}

absl::Status CheckRows(const CheckContext& context, const StandInDataset& dataset,
                       const Further& columns) {
  const auto all = Asked(context, dataset, columns);
  if (!all.ok()) return all.status();
  const auto expected = (*all)->MakeColumns();
  absl::Status status = (*all)->FillAll(4096, Trial::kPoison, expected.get());
  const auto rows = static_cast<size_t>((*all)->rows());
  if (status.ok()) status = CheckHolds(columns, expected.get(), rows, "row");
  for (size_t c = 0; c < columns.size() && status.ok(); ++c) {
    const auto one = Asked(context, dataset, {columns[c]});
    if (!one.ok()) return one.status();
    const auto found = (*one)->MakeColumns();
    status = (*one)->FillAll(7, Trial::kOtherPoison, found.get());
    if (!status.ok()) break;
    const size_t row = FirstOther(expected.get(), c, found.get(), 0, columns[c].width(), rows);
    if (row < rows) {
      return Fault(
          "the further column {} of row {} is not the same when it is asked for alone, in batches "
          "of 7.",
          columns[c].name, row);
    }
    status = CompareOwn(**one, *expected, *found, 0, "with one further column, in batches of 7");
  }
  return status;
}

// The columns of all ranks, asked for `batch` at a time.
absl::StatusOr<std::unique_ptr<Columns>> Side(Trial* trial, v1::Table table, const char* name,
                                              const Further& columns, std::vector<int64_t> rank,
                                              size_t batch) {
  const size_t n = rank.size();
  auto filled = std::make_unique<Columns>(n, columns);
  for (size_t first = 0; first < n; first += batch) {
    const size_t count = std::min(batch, n - first);
    void* extra[kMostFurtherColumns] = {};
    for (size_t c = 0; c < columns.size(); ++c) {
      extra[columns[c].index] = filled->Further(c, first);
    }
    NoteStep(fmt::format("side of {}", name));
    absl::Status status = trial->behaviour().Side(table, rank.data() + first, count, extra);
    if (!status.ok()) return status;
  }
  return filled;
}

absl::Status CheckSide(const CheckContext& context, const StandInDataset& dataset, v1::Table table,
                       const char* name, const Further& columns) {
  const auto a = Trial::Create(context, dataset);
  const auto b = Trial::Create(context, dataset);
  if (!a.ok() || !b.ok()) return a.ok() ? b.status() : a.status();
  const int64_t n = table == v1::TABLE_USERS ? dataset.world().users : dataset.world().items;
  std::vector<int64_t> rank(static_cast<size_t>(n));
  std::iota(rank.begin(), rank.end(), 0);
  const auto expected = Side(a->get(), table, name, columns, rank, rank.size());
  if (!expected.ok()) return expected.status();
  absl::Status status = CheckHolds(columns, expected->get(), rank.size(), "rank");
  if (!status.ok()) return status;
  // One at a time, from behind.
  for (size_t i = rank.size(); i-- > 0;) {
    const auto found = Side(b->get(), table, name, columns, {rank[i]}, 1);
    if (!found.ok()) return found.status();
    for (size_t c = 0; c < columns.size(); ++c) {
      if (std::memcmp((*expected)->Further(c, i), (*found)->Further(c, 0), columns[c].width()) == 0)
        continue;
      return Fault("of {}, the further column {} of rank {} is not the same when asked for alone.",
                   name, columns[c].name, i);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFurther(CheckContext& context) {
  const StandInDataset dataset;
  const auto trial = Trial::Create(context, dataset);
  if (!trial.ok()) return trial.status();
  const auto columns = Declared(context, trial->get(), v1::TABLE_INTERACTIONS);
  if (!columns.ok()) return columns.status();
  bool has_any = !columns->empty();
  if (has_any) {
    if (absl::Status status = CheckRows(context, dataset, *columns); !status.ok()) return status;
  }
  for (const auto& [table, name] : kSideTables) {
    const auto side = Declared(context, trial->get(), table);
    if (!side.ok()) return side.status();
    if (side->empty()) continue;
    has_any = true;
    absl::Status status = CheckSide(context, dataset, table, name, *side);
    if (!status.ok()) return status;
  }
  return has_any ? absl::OkStatus() : DoesNotApply(&context);
}

}  // namespace throng
