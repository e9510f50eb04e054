#include "server/dataset/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "server/control/plain_text.h"
#include "server/control/status.h"
#include "server/dataset/name.h"

namespace throng {
namespace {

constexpr size_t kActivity = 0;
constexpr size_t kClock = 1;
constexpr size_t kChoice = 2;
constexpr size_t kRating = 3;

uint64_t Bits(int64_t value) { return static_cast<uint64_t>(value); }

// Whether all of `values` lie in [first, end), which are less than 2^63 apart. Signs are gathered,
// so that there is one branch: that of a difference that is negative.
THRONG_SIMD bool AllWithin(const int64_t* values, size_t n, int64_t first, int64_t end) {
  uint64_t signs = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t above = Bits(values[i]) - Bits(first);
    signs |= above | (Bits(end) - Bits(first) - 1 - above);
  }
  return signs >> 63 == 0;
}

// Whether each of `values` lies in [0, ends[i]).
THRONG_SIMD bool EachBelow(const int64_t* values, const int64_t* ends, size_t n) {
  uint64_t signs = 0;
  for (size_t i = 0; i < n; ++i) {
    signs |= Bits(values[i]) | Bits(ends[i]) | (Bits(ends[i]) - 1 - Bits(values[i]));
  }
  return signs >> 63 == 0;
}

// Whether none of `ratings` is below `least`.
THRONG_SIMD bool NoneBelow(const int32_t* ratings, size_t n, int32_t least) {
  bool is_below = false;
  for (size_t i = 0; i < n; ++i) is_below |= ratings[i] < least;
  return !is_below;
}

// Whether each row lies in [0, the rows of its kind); what is no kind has none.
THRONG_SIMD bool EachOfItsKind(const uint8_t* kind, const int64_t* row, size_t n,
                               const uint64_t* kind_rows) {
  uint64_t signs = 0;
  for (size_t i = 0; i < n; ++i) {
    signs |= Bits(row[i]) | (kind_rows[kind[i]] - 1 - Bits(row[i]));
  }
  return signs >> 63 == 0;
}

THRONG_SIMD bool NeverFalls(const int64_t* values, size_t n) {
  bool falls = false;
  for (size_t i = 1; i < n; ++i) falls |= values[i] < values[i - 1];
  return !falls;
}

THRONG_SIMD void Overlap(const throng_batch& b) {
  for (size_t i = 0; i < b.rows; ++i) {
    const int64_t before = std::min(b.piece_row[i], b.run_row[i]);
    const int64_t rest = std::min(b.piece_rows[i] - b.piece_row[i], b.run_rows[i] - b.run_row[i]);
    b.session[i] = b.place[i] - before;
    b.session_row[i] = before;
    b.session_rows[i] = before + rest;
  }
}

absl::Status CheckKinds(const std::vector<KindRows>& kinds, int64_t plan_size) {
  Uint128 rows = 0;
  for (const KindRows& kind : kinds) {
    rows += Bits(kind.rows);
    if (!IsLabel(kind.name)) {
      return absl::InternalError(
          fmt::format("the choice names a kind \"{}\"; a kind's name is not empty and holds no "
                      "comma, quote or control character.",
                      PlainText(kind.name)));
    }
  }
  if (rows == Bits(plan_size)) return absl::OkStatus();
  return absl::InternalError(fmt::format(
      "the choice's kinds have {} rows an epoch together; an epoch has {}.", rows, plan_size));
}

}  // namespace

Generator::Generator(const GeneratorParameters& parameters, std::shared_ptr<BlockCache> blocks)
    : parameters_(parameters), blocks_(std::move(blocks)) {}

std::unique_ptr<Generator> Generator::Create(const GeneratorParameters& parameters,
                                             const Remark& remark,
                                             std::shared_ptr<BlockCache> blocks,
                                             std::vector<RoleError>* errors) {
  std::unique_ptr<Generator> made(new Generator(parameters, std::move(blocks)));
  throng_dataset dataset{};
  dataset.struct_size = sizeof dataset;
  dataset.plan_size = parameters.plan_size;
  dataset.world = parameters.world;
  dataset.world_key = DeriveKey(parameters.seed, "world_key");
  dataset.from_time = INT64_MIN;
  made->Make(kActivity, dataset, remark, errors);
  made->Make(kClock, dataset, remark, errors);
  made->order_ = Order(parameters.order, made->sorts_, parameters.seed, parameters.plan_size);
  if (made->Make(kChoice, dataset, remark, errors)) {
    if (absl::Status status = made->TakeKinds(&dataset); !status.ok()) {
      errors->push_back({Role::kChoice, status});
    } else {
      made->Make(kRating, dataset, remark, errors);
    }
  }
  if (!errors->empty()) return nullptr;
  if (absl::Status status = made->StartEpoch(0); !status.ok()) {
    errors->push_back({Role::kActivity, status});
    return nullptr;
  }
  return made;
}

bool Generator::Make(size_t role, throng_dataset dataset, const Remark& remark,
                     std::vector<RoleError>* errors) {
  const ChosenBehaviour& chosen = *parameters_.behaviours[role];
  const auto fail = [&](const absl::Status& status) {
    errors->push_back({kRoles[role], status});
    return false;
  };
  dataset.key = DeriveKey(parameters_.seed, RoleName(kRoles[role]));
  auto behaviour = chosen.Make(dataset, remark);
  if (!behaviour.ok()) return fail(behaviour.status());
  behaviours_[role] = *std::move(behaviour);
  const int64_t wish = behaviours_[role]->BlockRows();
  if (wish > Segments::kMostBlockRows) {
    return fail(absl::InternalError(
        fmt::format("{} `{}` wishes for blocks of {} rows; {} are allowed.", RoleName(kRoles[role]),
                    chosen.name(), wish, Segments::kMostBlockRows)));
  }
  block_rows_ = std::max(block_rows_, wish);
  if (role == kRating) leaves_out_ = behaviours_[role]->LeavesOut();
  if (role != kClock) return true;
  sorts_ = behaviours_[role]->Sorts();
  if (!sorts_ || wish > 0) return true;
  return fail(absl::InternalError(fmt::format(
      "clock `{}` wants its rows sorted and wishes for no blocks to sort.", chosen.name())));
}

absl::Status Generator::TakeKinds(throng_dataset* dataset) {
  auto kinds = behaviours_[kChoice]->Kinds();
  if (!kinds.ok()) return kinds.status();
  kinds_ = *std::move(kinds);
  if (kinds_.size() > kind_rows_.size()) {
    return absl::InternalError(
        fmt::format("the choice has {} kinds; {} are allowed.", kinds_.size(), kind_rows_.size()));
  }
  if (kinds_.empty()) kinds_.push_back({"any", parameters_.plan_size});
  for (const KindRows& kind : kinds_) {
    kind_rows_[kind_table_.size()] = Bits(kind.rows);
    kind_table_.push_back({sizeof(throng_kind), kind.name.c_str(), kind.rows});
  }
  for (const throng_kind& kind : kind_table_) kind_pointers_.push_back(&kind);
  dataset->kinds = kind_pointers_.data();
  dataset->kinds_count = static_cast<uint32_t>(kind_pointers_.size());
  return CheckKinds(kinds_, parameters_.plan_size);
}

absl::Status Generator::CheckOrder() const {
  const auto name = [&](size_t role) {
    return fmt::format("{} `{}`", RoleName(kRoles[role]), parameters_.behaviours[role]->name());
  };
  if (!order_.IsIndependent()) return absl::OkStatus();
  std::vector<std::string> against;
  if (segments_.count() > 1) {
    against.push_back(name(kActivity) + ", whose people come and go (for pareto, set eras to 1)");
  }
  for (size_t role = 0; role < kBehaviours; ++role) {
    if (behaviours_[role]->BlockRows() == 0) continue;
    against.push_back(name(role) + ", which works on whole blocks of rows");
  }
  if (against.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "Order `independent` takes some places twice and leaves others out, which does not "
      "go with {}; choose order `shuffled`, or the behaviours of preset `seed`.",
      fmt::join(against, "; ")));
}

absl::Status Generator::StartEpoch(int64_t epoch) {
  auto first_rows = behaviours_[kActivity]->Segments(epoch);
  if (!first_rows.ok()) return first_rows.status();
  absl::Status status = Segments::Check(*first_rows, parameters_.plan_size);
  if (status.ok() && segments_.count() > 0 && first_rows->size() != segments_.count()) {
    status =
        absl::InternalError(fmt::format("it cuts epoch {} into {} segments, and others into {}.",
                                        epoch, first_rows->size(), segments_.count()));
  }
  if (!status.ok()) {
    return absl::InternalError(fmt::format(
        "activity `{}`: {}", parameters_.behaviours[kActivity]->name(), MessageOf(status)));
  }
  segments_ = Segments(*std::move(first_rows), parameters_.plan_size, block_rows_);
  epoch_ = epoch;
  return absl::OkStatus();
}

absl::Status Generator::Fill(int64_t first_row, int64_t rows, Columns* columns, size_t offset) {
  while (rows > 0) {
    const int64_t epoch = first_row / parameters_.plan_size;
    const int64_t epoch_row = first_row - epoch * parameters_.plan_size;
    if (epoch != epoch_) {
      if (absl::Status status = StartEpoch(epoch); !status.ok()) return status;
    }
    const auto filled = FillSome(epoch_row, rows, columns, offset);
    if (!filled.ok()) return filled.status();
    first_row += *filled;
    rows -= *filled;
    offset += static_cast<size_t>(*filled);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Generator::FillSome(int64_t epoch_row, int64_t rows, Columns* columns,
                                            size_t offset) {
  SegmentRange range = segments_.At(epoch_row);
  if (block_rows_ == 0) {
    range.rows = std::min({range.rows, rows, kBatchRows});
    if (absl::Status status = FillRange(range, columns, offset); !status.ok()) return status;
    return range.rows;
  }
  const auto block =
      blocks_->Get(epoch_ * parameters_.plan_size + range.first, static_cast<size_t>(range.rows),
                   [&](Columns* whole) { return FillRange(range, whole, 0); });
  if (!block.ok()) return block.status();
  const int64_t skipped = epoch_row - range.first;
  const int64_t taken = std::min(rows, range.rows - skipped);
  columns->Copy(**block, static_cast<size_t>(skipped), static_cast<size_t>(taken), offset);
  return taken;
}

absl::Status Generator::FillRange(const SegmentRange& range, Columns* columns, size_t offset) {
  throng_batch batch = columns->At(offset);
  batch.rows = static_cast<uint32_t>(range.rows);
  batch.first_row = epoch_ * parameters_.plan_size + range.first;
  batch.epoch = epoch_;
  batch.epoch_row = range.first;
  batch.segment = range.segment;
  batch.segments_count = static_cast<int64_t>(segments_.count());
  batch.segments = segments_.first_rows().data();
  order_.Fill(epoch_, segments_.count() == 1, range, batch);
  for (size_t role = 0; role < kBehaviours; ++role) {
    if (role == kChoice) {
      std::fill_n(batch.kind, batch.rows, uint8_t{0});
      std::copy_n(batch.place, batch.rows, batch.kind_row);
    }
    batch.extra = FurtherOf(role, columns, offset);
    if (absl::Status status = behaviours_[role]->Fill(batch); !status.ok()) return status;
    if (batch.extra != nullptr) {
      absl::Status status = CheckFurther(role, batch.rows, columns, offset);
      if (!status.ok()) return status;
    }
    if (role == kClock && sorts_) columns->SortByTime(offset, batch.rows);
    if (absl::Status status = Check(role, batch); !status.ok()) return status;
    if (role == kActivity) FillSessions(batch);
  }
  return absl::OkStatus();
}

// A session is where a piece of the order and a run of the activity overlap.
void Generator::FillSessions(const throng_batch& batch) const {
  if (order_.IsSessions()) {
    Overlap(batch);
  } else if (order_.IsIndependent()) {
    std::iota(batch.session, batch.session + batch.rows, batch.epoch_row);
  } else {
    std::copy_n(batch.place, batch.rows, batch.session);
  }
}

void* const* Generator::FurtherOf(size_t role, Columns* columns, size_t offset) {
  bool has_any = false;
  const std::vector<FurtherColumn>& further = blocks_->further();
  for (size_t i = 0; i < further.size(); ++i) {
    if (further[i].role != role) continue;
    if (!std::exchange(has_any, true)) further_.fill(nullptr);
    further_[further[i].index] = columns->Further(i, offset);
  }
  return has_any ? further_.data() : nullptr;
}

absl::Status Generator::CheckFurther(size_t role, size_t n, Columns* columns, size_t offset) const {
  const std::vector<FurtherColumn>& further = blocks_->further();
  for (size_t i = 0; i < further.size(); ++i) {
    if (further[i].role != role || further[i].Holds(columns->Further(i, offset), n)) continue;
    return absl::InternalError(
        fmt::format("{} `{}` filled its column {} with a value that it cannot hold.",
                    RoleName(kRoles[role]), parameters_.behaviours[role]->name(), further[i].name));
  }
  return absl::OkStatus();
}

absl::Status Generator::FillSide(v1::Table table, const int64_t* rank, size_t n, Columns* columns) {
  for (size_t role = 0; role < kBehaviours; ++role) {
    void* const* further = FurtherOf(role, columns, 0);
    if (further == nullptr) continue;
    absl::Status status = behaviours_[role]->Side(table, rank, n, further);
    if (status.ok()) status = CheckFurther(role, n, columns, 0);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Generator::Check(size_t role, const throng_batch& batch) const {
  const throng_world& world = *parameters_.world;
  const auto fault = [&](std::string_view what) {
    return absl::InternalError(fmt::format("{} `{}` filled {} within rows {} to {}.",
                                           RoleName(kRoles[role]),
                                           parameters_.behaviours[role]->name(), what,
                                           batch.first_row, batch.first_row + batch.rows - 1));
  };
  switch (role) {
    case kActivity:
      if (!AllWithin(batch.user, batch.rows, 0, world.active_users)) {
        return fault(fmt::format("a user outside [0, {})", world.active_users));
      }
      if (!EachBelow(batch.user_row, batch.user_rows, batch.rows)) {
        return fault("a user_row outside [0, user_rows)");
      }
      if (!EachBelow(batch.run_row, batch.run_rows, batch.rows)) {
        return fault("a run_row outside [0, run_rows)");
      }
      break;
    case kClock:
      if (!AllWithin(batch.time, batch.rows, kFirstTime, kLastTime + 1)) {
        return absl::OutOfRangeError(fmt::format(
            "clock `{}`: the event times of rows {} to {} leave the years 1 to 9999. {}",
            parameters_.behaviours[kClock]->name(), batch.first_row,
            batch.first_row + batch.rows - 1,
            *std::min_element(batch.time, batch.time + batch.rows) < kFirstTime
                ? "Ask for a later start."
                : "Ask for fewer interactions, for a shorter window or an earlier start."));
      }
      if (!NeverFalls(batch.time, batch.rows)) {
        return fault("a time that is before that of the row before it");
      }
      break;
    case kChoice:
      if (!AllWithin(batch.item, batch.rows, 0, world.touched_items)) {
        return fault(fmt::format("an item outside [0, {})", world.touched_items));
      }
      if (!EachOfItsKind(batch.kind, batch.kind_row, batch.rows, kind_rows_.data())) {
        const bool is_kind = *std::max_element(batch.kind, batch.kind + batch.rows) < kinds_.size();
        return fault(is_kind ? "a kind_row outside [0, the rows of its kind)"
                             : fmt::format("a kind outside [0, {})", kinds_.size()));
      }
      break;
    default:
      if (!NoneBelow(batch.rating, batch.rows, leaves_out_ ? -1 : 0)) {
        return fault(leaves_out_ ? "a rating below 0 that is not -1, none"
                                 : "a rating below 0, and does not say that it leaves any out");
      }
      break;
  }
  return absl::OkStatus();
}

}  // namespace throng
