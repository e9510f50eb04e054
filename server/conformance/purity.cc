#include "server/conformance/purity.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "server/conformance/draws.h"
#include "server/conformance/stand_in.h"
#include "server/conformance/trial.h"
#include "server/control/digest.h"
#include "server/control/status.h"

namespace throng {
namespace {

using Trial = BehaviourTrial;
using TrialOr = absl::StatusOr<std::unique_ptr<Trial>>;

// Rows of an epoch.
struct Window {
  int64_t epoch;
  int64_t begin;
  int64_t end;
};

// The columns of whole batches that hold the window.
struct Filled {
  int64_t first;
  std::unique_ptr<Columns> columns;
};

absl::StatusOr<Filled> FillWindow(Trial* trial, const Window& window, int64_t batch_rows,
                                  bool is_backwards) {
  auto batches = trial->BatchesOf(window.epoch, window.begin, window.end, batch_rows);
  Filled filled{batches.front().first, nullptr};
  const int64_t rows = batches.back().first + batches.back().second - filled.first;
  filled.columns = std::make_unique<Columns>(static_cast<size_t>(rows));
  if (is_backwards) std::reverse(batches.begin(), batches.end());
  for (const auto& [first, count] : batches) {
    absl::Status status =
        trial->Fill(first, count, is_backwards ? Trial::kOtherPoison : Trial::kPoison,
                    filled.columns.get(), filled.first);
    if (!status.ok()) return status;
  }
  return filled;
}

absl::Status CompareWindows(Trial* a, Trial* b, const std::vector<Window>& windows) {
  for (const Window& window : windows) {
    const auto expected = FillWindow(a, window, 4096, false);
    if (!expected.ok()) return expected.status();
    const auto found = FillWindow(b, window, 7, true);
    if (!found.ok()) return found.status();
    absl::Status status = CompareOwn(*a, *expected->columns, *found->columns, found->first,
                                     "in batches of 7, the last one first, from another instance");
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Around row 2^33, and at both ends of a far epoch.
std::vector<Window> FarWindows(const Trial& trial) {
  constexpr int64_t kMiddle = int64_t{1} << 33;
  const int64_t end = trial.plan_size();
  return {{0, kMiddle - 500, kMiddle + 500},
          {Trial::kFarEpoch, 0, 1000},
          {Trial::kFarEpoch, end - 1000, end}};
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsOutOfRange(status);
}

// Of columns that every row has by itself.
absl::Status CheckRanges(const Trial& trial, const throng_world& world, const Columns& rows,
                         int64_t first) {
  const auto check = [&](unsigned bit, const char* name, const auto& column, int64_t end) {
    if ((trial.Own() & bit) == 0) return absl::OkStatus();
    const auto wrong = std::find_if(column.begin(), column.end(),
                                    [&](int64_t value) { return value < 0 || value >= end; });
    if (wrong == column.end()) return absl::OkStatus();
    return Fault("{} {} of row {} is not in [0, {}).", name, *wrong,
                 first + (wrong - column.begin()), end);
  };
  absl::Status status = check(kUserBit, "user", rows.user, world.active_users);
  if (status.ok()) status = check(kItemBit, "item", rows.item, world.touched_items);
  return status;
}

std::string Text(const std::map<std::string, std::string>& options) {
  std::string text;
  for (const auto& [name, value] : options) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

}  // namespace

absl::Status CheckFarRows(CheckContext& context) {
  const auto dataset = StandInDataset::Large();
  const TrialOr a = Trial::Create(context, *dataset);
  if (!a.ok() && IsRefusal(a.status())) {
    context.skipped = fmt::format("it refuses such a plan: {}", MessageOf(a.status()));
    return CheckRefusal(a.status());
  }
  const TrialOr b = Trial::Create(context, *dataset);
  if (!a.ok() || !b.ok()) return a.ok() ? b.status() : a.status();
  const std::vector<Window> windows = FarWindows(**a);
  if (absl::Status status = CompareWindows(a->get(), b->get(), windows); !status.ok()) {
    return status;
  }
  int64_t time = INT64_MIN;
  for (const Window& window : windows) {
    const auto rows = FillWindow(a->get(), window, 4096, false);
    if (!rows.ok()) return rows.status();
    absl::Status status = CheckRanges(**a, dataset->world(), *rows->columns, rows->first);
    if (!status.ok()) return status;
    if (((*a)->Own() & kTimeBit) == 0) continue;
    for (const int64_t next : rows->columns->time) {
      if (next < time) return Fault("from row {} on it goes back in time.", rows->first);
      time = next;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FarDigest(const CheckContext& context) {
  const auto dataset = StandInDataset::Large();
  const TrialOr trial = Trial::Create(context, *dataset);
  if (!trial.ok())
    return IsRefusal(trial.status()) ? "" : absl::StatusOr<std::string>(trial.status());
  std::string digest;
  for (const Window& window : FarWindows(**trial)) {
    const auto rows = FillWindow(trial->get(), window, 4096, false);
    if (!rows.ok()) return rows.status();
    digest += OwnDigest(**trial, *rows->columns);
  }
  return digest;
}

absl::Status CheckPurityOfOptions(CheckContext& context) {
  constexpr int kDraws = 8;
  constexpr int64_t kRows = 500;
  const StandInDataset dataset;
  auto cases = EdgeOptions(*context.component);
  for (int i = 0; i < kDraws; ++i) {
    auto drawn = DrawOptions(*context.component, context.seed, i);
    if (!drawn.empty()) cases.push_back(std::move(drawn));
  }
  if (cases.empty()) return DoesNotApply(&context);
  for (const auto& options : cases) {
    const TrialOr a = Trial::Create(context, dataset, options);
    const TrialOr b = Trial::Create(context, dataset, options);
    if (a.ok() != b.ok()) {
      return Fault("with {}, one instance is created and another is not.", Text(options));
    }
    if (!a.ok()) continue;  // the check of edges looks at refusals
    const int64_t end = dataset.plan_size();
    absl::Status status =
        CompareWindows(a->get(), b->get(), {{0, 0, kRows}, {1, end - kRows, end}});
    if (status.ok()) continue;
    return Fault("with {} (--seed {}): {}", Text(options), context.seed, MessageOf(status));
  }
  return absl::OkStatus();
}

}  // namespace throng
