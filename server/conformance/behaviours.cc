// Checks of behaviours: pure functions of the row that fill their own columns and nothing else.
#include <algorithm>
#include <map>
#include <memory>

#include "server/conformance/check.h"
#include "server/conformance/further.h"
#include "server/conformance/purity.h"
#include "server/conformance/stand_in.h"
#include "server/conformance/trial.h"
#include "server/conformance/truth.h"
#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/dataset/name.h"
#include "server/host/process.h"
#include "throng/random.hpp"

namespace throng {
namespace {

using Trial = BehaviourTrial;

absl::Status CheckCreates(CheckContext& context) {
  const StandInDataset dataset;
  return Trial::Create(context, dataset).status();
}

absl::Status CheckEdges(CheckContext& context) {
  const StandInDataset usual;
  const auto smallest = StandInDataset::Smallest();
  auto edges = EdgeOptions(*context.component);
  edges.emplace_back();
  for (const StandInDataset* dataset : {&usual, static_cast<const StandInDataset*>(&*smallest)}) {
    for (const auto& options : edges) {
      absl::Status status;
      const auto trial = Trial::Create(context, *dataset, options);
      if (trial.ok()) {
        const auto rows = (*trial)->MakeColumns();
        const auto [first, count] = (*trial)->Batches(128).front();
        status = (*trial)->Fill(first, count, Trial::kPoison, rows.get());
      }
      status = CheckRefusal(trial.ok() ? status : trial.status());
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMemory(CheckContext& context) {
  const StandInDataset dataset;
  return CheckGivesBack([&] { return Trial::Create(context, dataset).status(); });
}

absl::Status CheckWrites(CheckContext& context) {
  const StandInDataset dataset;
  const auto trial = Trial::Create(context, dataset);
  if (!trial.ok()) return trial.status();
  for (const int64_t batch_rows : {1, 7, 100, 4096}) {
    const auto batches = (*trial)->Batches(batch_rows);
    for (const auto& [first, rows] :
         {batches.front(), batches[batches.size() / 2], batches.back()}) {
      if (absl::Status status = (*trial)->FillGuarded(first, rows); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckKeeps(CheckContext& context) {
  const StandInDataset dataset;
  context.is_lending = true;
  // What the first was lent for its life is gone when the second lives.
  for (int i = 0; i < 2; ++i) {
    const auto trial = Trial::Create(context, dataset);
    if (!trial.ok()) return trial.status();
    const auto rows = (*trial)->MakeColumns();
    const auto batches = (*trial)->Batches(100);
    for (const auto& [first, count] : {batches.front(), batches.back()}) {
      absl::Status status = (*trial)->Fill(first, count, Trial::kPoison, rows.get());
      if (!status.ok()) return status;
    }
    NoteStep("tables");
    (*trial)->behaviour().Tables([](std::string_view) {});
  }
  return absl::OkStatus();
}

// ---- What the columns hold ----------------------------------------------------------------------

absl::Status CheckUsers(const StandInDataset& dataset, const Columns& rows) {
  std::map<int64_t, int64_t> users;                     // that were seen in the epoch: rows
  std::map<std::pair<int64_t, int64_t>, int64_t> seen;  // their rows: where
  for (int64_t i = 0; i < Trial::kEpochs * dataset.plan_size(); ++i) {
    if (i % dataset.plan_size() == 0) {
      users.clear();
      seen.clear();
    }
    const auto at = static_cast<size_t>(i);
    const int64_t user = rows.user[at];
    const int64_t user_row = rows.user_row[at];
    const int64_t user_rows = rows.user_rows[at];
    if (user < 0 || user >= dataset.world().active_users) {
      return Fault("user {} of row {} is not in [0, {}).", user, i, dataset.world().active_users);
    }
    if (user_row < 0 || user_row >= user_rows) {
      return Fault("user_row {} of row {} is not in [0, user_rows), which is {}.", user_row, i,
                   user_rows);
    }
    const int64_t known = users.try_emplace(user, user_rows).first->second;
    if (known != user_rows) {
      return Fault("user {} has {} rows in epoch {}, and at row {} it has {}.", user, known,
                   i / dataset.plan_size(), i, user_rows);
    }
    if (const auto [it, is_new] = seen.try_emplace({user, user_row}, i); !is_new) {
      return Fault("rows {} and {} are both row {} of user {}.", it->second, i, user_row, user);
    }
    if (rows.run_row[at] < 0 || rows.run_row[at] >= rows.run_rows[at]) {
      return Fault("run_row {} of row {} is not in [0, run_rows), which is {}.", rows.run_row[at],
                   i, rows.run_rows[at]);
    }
    if ((i + 1) % dataset.plan_size() != 0) continue;
    int64_t sum = 0;
    for (const auto& [rank, of_epoch] : users) sum += of_epoch;
    if (sum != dataset.plan_size()) {
      return Fault("the user_rows of all users of an epoch are {} rows; it has {}.", sum,
                   dataset.plan_size());
    }
  }
  return absl::OkStatus();
}

// That places which are said to be a run are one: of one user, numbered from its first place on.
absl::Status CheckRuns(const StandInDataset& dataset, const Columns& rows) {
  const int64_t plan_size = dataset.plan_size();
  std::vector<size_t> row_at(static_cast<size_t>(plan_size));  // by place
  for (int64_t epoch = 0; epoch < Trial::kEpochs; ++epoch) {
    const auto begin = static_cast<size_t>(epoch * plan_size);
    const size_t end = begin + static_cast<size_t>(plan_size);
    for (size_t i = begin; i < end; ++i) row_at[static_cast<size_t>(rows.place[i])] = i;
    for (size_t i = begin; i < end; ++i) {
      // Its neighbours in the run, as far as there are any.
      for (const int64_t step : {-1, 1}) {
        const int64_t run_row = rows.run_row[i] + step;
        if (run_row < 0 || run_row >= rows.run_rows[i]) continue;
        const int64_t place = rows.place[i] + step;
        const size_t other =
            place < 0 || place >= plan_size ? i : row_at[static_cast<size_t>(place)];
        if (rows.user[other] == rows.user[i] && rows.run_row[other] == run_row &&
            rows.run_rows[other] == rows.run_rows[i]) {
          continue;
        }
        return Fault(
            "row {} is number {} of {} places of user {}, so place {} is number {} of them; the "
            "row of that place is number {} of {} of user {}.",
            i, rows.run_row[i], rows.run_rows[i], rows.user[i], place, run_row, rows.run_row[other],
            rows.run_rows[other], rows.user[other]);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckStars(bool leaves_out, const Columns& rows) {
  const int32_t least = leaves_out ? -1 : 0;
  const auto wrong = std::find_if(rows.rating.begin(), rows.rating.end(),
                                  [&](int32_t rating) { return rating < least; });
  if (wrong == rows.rating.end()) return absl::OkStatus();
  return Fault("the rating of row {} is {}; {}.", wrong - rows.rating.begin(), *wrong,
               leaves_out ? "it is at least 0, or -1 for none"
                          : "it is at least 0, or -1 of one that says that it leaves some out");
}

absl::Status CheckTimes(const StandInDataset&, const Columns& rows) {
  const auto earlier = std::adjacent_find(rows.time.begin(), rows.time.end(), std::greater<>());
  if (earlier == rows.time.end()) return absl::OkStatus();
  return Fault("the time of row {} is {}, and that of the next one {}: earlier.",
               earlier - rows.time.begin(), *earlier, *std::next(earlier));
}

absl::Status CheckItems(const StandInDataset& dataset, const std::vector<KindRows>& kinds,
                        const Columns& rows) {
  const int64_t plan_size = dataset.plan_size();
  if (!kinds.empty()) {
    int64_t sum = 0;
    for (const KindRows& kind : kinds) {
      sum += kind.rows;
      if (!IsLabel(kind.name)) {
        return Fault("a kind is named \"{}\"; a name is not empty and would not break CSV.",
                     kind.name);
      }
    }
    if (sum != plan_size) {
      return Fault("its kinds have {} rows together; an epoch has {}.", sum, plan_size);
    }
  }
  std::map<std::pair<size_t, int64_t>, int64_t> seen;
  for (int64_t i = 0; i < Trial::kEpochs * plan_size; ++i) {
    if (i % plan_size == 0) seen.clear();
    const auto at = static_cast<size_t>(i);
    const int64_t items = dataset.world().touched_items;
    if (rows.item[at] < 0 || rows.item[at] >= items) {
      return Fault("item {} of row {} is not in [0, {}).", rows.item[at], i, items);
    }
    if (kinds.empty()) continue;
    const size_t kind = rows.kind[at];
    if (kind >= kinds.size()) {
      return Fault("kind {} of row {} is not in [0, {}).", kind, i, kinds.size());
    }
    const int64_t kind_row = rows.kind_row[at];
    if (kind_row < 0 || kind_row >= kinds[kind].rows) {
      return Fault("kind_row {} of row {} is not in [0, {}), the rows of `{}`.", kind_row, i,
                   kinds[kind].rows, kinds[kind].name);
    }
    if (const auto [it, is_new] = seen.try_emplace({kind, kind_row}, i); !is_new) {
      return Fault("rows {} and {} are both row {} of `{}`.", it->second, i, kind_row,
                   kinds[kind].name);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckValues(CheckContext& context) {
  const StandInDataset dataset;
  const auto trial = Trial::Create(context, dataset);
  if (!trial.ok()) return trial.status();
  const auto rows = (*trial)->MakeColumns();
  absl::Status status = (*trial)->FillAll(4096, Trial::kPoison, rows.get());
  if (!status.ok()) return status;
  switch (context.component->role) {
    case Role::kActivity:
      status = CheckUsers(dataset, *rows);
      return status.ok() ? CheckRuns(dataset, *rows) : status;
    case Role::kClock:
      return CheckTimes(dataset, *rows);
    case Role::kRating:
      return CheckStars((*trial)->behaviour().LeavesOut(), *rows);
    default:
      return CheckItems(dataset, (*trial)->kinds(), *rows);
  }
}

// ---- Purity -------------------------------------------------------------------------------------

// What another instance makes of it in batches of 4096, in order.
absl::StatusOr<std::unique_ptr<Columns>> Reference(const CheckContext& context,
                                                   const StandInDataset& dataset) {
  const auto trial = Trial::Create(context, dataset);
  if (!trial.ok()) return trial.status();
  auto rows = (*trial)->MakeColumns();
  absl::Status status = (*trial)->FillAll(4096, Trial::kPoison, rows.get());
  if (!status.ok()) return status;
  return rows;
}

absl::Status CheckBatches(CheckContext& context) {
  const StandInDataset dataset;
  const auto expected = Reference(context, dataset);
  if (!expected.ok()) return expected.status();
  for (const int64_t batch_rows : {1, 7}) {
    const auto trial = Trial::Create(context, dataset);
    if (!trial.ok()) return trial.status();
    const auto found = (*trial)->MakeColumns();
    // What was not filled, or was read before it was filled, differs too.
    absl::Status status = (*trial)->FillAll(batch_rows, Trial::kOtherPoison, found.get());
    if (status.ok()) {
      status =
          CompareOwn(**trial, **expected, *found, 0, fmt::format("in batches of {}", batch_rows));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckOrder(CheckContext& context) {
  constexpr int64_t kBatchRows = 100;
  const StandInDataset dataset;
  const auto expected = Reference(context, dataset);
  if (!expected.ok()) return expected.status();
  // Two instances take turns, each meets every batch once, from its other end.
  const auto a = Trial::Create(context, dataset);
  const auto b = Trial::Create(context, dataset);
  if (!a.ok() || !b.ok()) return a.ok() ? b.status() : a.status();
  const auto found_a = (*a)->MakeColumns();
  const auto found_b = (*b)->MakeColumns();
  const auto batches = (*a)->Batches(kBatchRows);
  const Permutation order(batches.size(), kBatchRows);
  absl::Status status;
  for (uint64_t i = 0; i < batches.size() && status.ok(); ++i) {
    const auto& [first_a, rows_a] = batches[order.Map(i)];
    const auto& [first_b, rows_b] = batches[order.Map(batches.size() - 1 - i)];
    status = (*a)->Fill(first_a, rows_a, Trial::kPoison, found_a.get());
    if (status.ok()) status = (*b)->Fill(first_b, rows_b, Trial::kPoison, found_b.get());
  }
  if (status.ok()) status = CompareOwn(**a, **expected, *found_a, 0, "in another order");
  if (status.ok()) status = CompareOwn(**b, **expected, *found_b, 0, "from a third instance");
  return status;
}

absl::Status TakeDigest(CheckContext& context) {
  const StandInDataset dataset;
  const auto trial = Trial::Create(context, dataset);
  if (!trial.ok()) return trial.status();
  const auto rows = (*trial)->MakeColumns();
  absl::Status status = (*trial)->FillAll(4096, Trial::kPoison, rows.get());
  if (!status.ok()) return status;
  Digest tables;
  NoteStep("tables");
  (*trial)->behaviour().Tables([&](std::string_view table) { tables.AddField(table); });
  const auto far = FarDigest(context);
  if (!far.ok()) return far.status();
  std::string segments;
  for (const int64_t epoch : {int64_t{0}, int64_t{1}, Trial::kFarEpoch}) {
    const auto first_rows = (*trial)->behaviour().Segments(epoch);
    if (!first_rows.ok()) return first_rows.status();
    segments += fmt::format(" {}", fmt::join(*first_rows, ","));
  }
  context.digest = fmt::format("tables {}\nsegments{}\n{}{}", tables.Hex(), segments,
                               OwnDigest(**trial, *rows), *far);
  return absl::OkStatus();
}

constexpr unsigned kActivityBit = RoleBit(Role::kActivity);
constexpr unsigned kClockBit = RoleBit(Role::kClock);
constexpr unsigned kChoiceBit = RoleBit(Role::kChoice);

constexpr Check kBehaviourChecks[] = {
    {"is created", kBehaviourBits, CheckCreates, false, true},
    {"works or says why not at the edges of its options", kBehaviourBits, CheckEdges},
    {"gives back what it took", kBehaviourBits, CheckMemory},
    {"writes its own columns of the batch alone", kBehaviourBits, CheckWrites},
    {"keeps nothing for longer than it is lent", kBehaviourBits, CheckKeeps},
    {"numbers the rows of each user", kActivityBit, CheckValues},
    {"never goes back in time", kClockBit, CheckValues},
    {"fills items and kinds that exist", kChoiceBit, CheckValues},
    {"gives ratings from 0 on, or -1 for none", RoleBit(Role::kRating), CheckValues},
    {"fills its further columns whatever is asked for", kBehaviourBits, CheckFurther},
    {"tells the truth in probabilities and stars", kChoiceBit | RoleBit(Role::kRating), CheckTruth},
    {"equal bytes for batches of 1, 7 and 4096", kBehaviourBits, CheckBatches},
    {"equal bytes in any order and from any instance", kBehaviourBits, CheckOrder},
    {"equal bytes far out in a plan of 10^11 rows", kBehaviourBits, CheckFarRows},
    {"equal bytes at the edges of its options and at values drawn at random", kBehaviourBits,
     CheckPurityOfOptions},
    {"equal bytes in a new process", kBehaviourBits, TakeDigest, true},
};

}  // namespace

std::span<const Check> BehaviourChecks() { return kBehaviourChecks; }

}  // namespace throng
