#include "server/dataset/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace throng {
namespace {

constexpr int64_t kFirstTime = -62'135'596'800'000;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastTime = 253'402'300'799'999;   // 9999-12-31T23:59:59.999Z

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

THRONG_SIMD bool NeverFalls(const int64_t* values, size_t n) {
  bool falls = false;
  for (size_t i = 1; i < n; ++i) falls |= values[i] < values[i - 1];
  return !falls;
}

template <class T>
void Copy(const std::vector<T>& from, size_t from_offset, size_t n, std::vector<T>* to,
          size_t to_offset) {
  std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(from_offset), n,
              to->begin() + static_cast<std::ptrdiff_t>(to_offset));
}

void CopyRows(const Columns& from, size_t from_offset, size_t n, Columns* to, size_t to_offset) {
  Copy(from.grid, from_offset, n, &to->grid, to_offset);
  Copy(from.user, from_offset, n, &to->user, to_offset);
  Copy(from.user_row, from_offset, n, &to->user_row, to_offset);
  Copy(from.user_rows, from_offset, n, &to->user_rows, to_offset);
  Copy(from.time, from_offset, n, &to->time, to_offset);
  Copy(from.item, from_offset, n, &to->item, to_offset);
  Copy(from.kind, from_offset, n, &to->kind, to_offset);
  Copy(from.kind_row, from_offset, n, &to->kind_row, to_offset);
  Copy(from.rating, from_offset, n, &to->rating, to_offset);
}

absl::Status CheckKinds(const std::vector<KindRows>& kinds, int64_t plan_size) {
  int64_t rows = 0;
  for (const KindRows& kind : kinds) {
    rows += kind.rows;
    if (kind.name.empty() || kind.name.find_first_of(",\"\n\r") != std::string::npos) {
      return absl::InternalError(fmt::format(
          "the choice names a kind \"{}\"; a kind's name is not empty and would not break CSV.",
          kind.name));
    }
  }
  if (rows == plan_size) return absl::OkStatus();
  return absl::InternalError(fmt::format(
      "the choice's kinds have {} rows an epoch together; an epoch has {}.", rows, plan_size));
}

}  // namespace

Columns::Columns(size_t n)
    : grid(n),
      user(n),
      user_row(n),
      user_rows(n),
      time(n),
      item(n),
      kind_row(n),
      kind(n),
      rating(n) {}

throng_batch Columns::At(size_t offset) {
  throng_batch batch{};
  batch.struct_size = sizeof batch;
  batch.grid = grid.data() + offset;
  batch.user = user.data() + offset;
  batch.user_row = user_row.data() + offset;
  batch.user_rows = user_rows.data() + offset;
  batch.time = time.data() + offset;
  batch.item = item.data() + offset;
  batch.kind = kind.data() + offset;
  batch.kind_row = kind_row.data() + offset;
  batch.rating = rating.data() + offset;
  return batch;
}

Generator::Generator(const GeneratorParameters& parameters) : parameters_(parameters) {}

std::unique_ptr<Generator> Generator::Create(const GeneratorParameters& parameters,
                                             const Environment& environment,
                                             std::vector<RoleError>* errors) {
  std::unique_ptr<Generator> made(new Generator(parameters));
  throng_dataset dataset{};
  dataset.struct_size = sizeof dataset;
  dataset.plan_size = parameters.plan_size;
  dataset.world = parameters.world;
  const auto create = [&](size_t role) {
    dataset.key = DeriveKey(parameters.seed, RoleName(kRoles[role]));
    auto behaviour = Behaviour::Create(*parameters.behaviours[role].component, environment, dataset,
                                       parameters.behaviours[role].options.values());
    if (!behaviour.ok()) {
      errors->push_back({kRoles[role], behaviour.status()});
      return false;
    }
    made->behaviours_[role] = *std::move(behaviour);
    if (made->behaviours_[role]->BlockRows() > 65'536) {
      errors->push_back(
          {kRoles[role], absl::InternalError(fmt::format(
                             "{} `{}` asks for blocks of {} rows; 65536 are allowed.",
                             RoleName(kRoles[role]), parameters.behaviours[role].component->name,
                             made->behaviours_[role]->BlockRows()))});
      return false;
    }
    made->block_rows_ =
        std::lcm(made->block_rows_, static_cast<int64_t>(made->behaviours_[role]->BlockRows()));
    return true;
  };
  create(kActivity);
  create(kClock);
  if (create(kChoice)) {
    auto kinds = made->behaviours_[kChoice]->Kinds();
    if (kinds.ok()) {
      const throng_kind any{sizeof(throng_kind), "any", parameters.plan_size};
      if (kinds->empty()) kinds->push_back(&any);
      dataset.kinds = kinds->data();
      dataset.kinds_count = static_cast<uint32_t>(kinds->size());
      for (const throng_kind* kind : *kinds) {
        made->kinds_.push_back({kind->name, kind->rows});
        made->kind_rows_[made->kinds_.size() - 1] = Bits(made->kinds_.back().rows);
      }
      if (absl::Status status = CheckKinds(made->kinds_, parameters.plan_size); status.ok()) {
        create(kRating);
      } else {
        errors->push_back({Role::kChoice, status});
      }
    } else {
      errors->push_back({Role::kChoice, kinds.status()});
    }
  }
  constexpr int64_t kMaxBlockRows = 1 << 20;
  if (made->block_rows_ > kMaxBlockRows) {
    errors->push_back(
        {Role::kClock,
         absl::InvalidArgumentError(fmt::format(
             "these behaviours need {} rows at once, their blocks' least common multiple; {} are "
             "allowed. Choose behaviours whose blocks divide one another.",
             made->block_rows_, kMaxBlockRows))});
  }
  if (!errors->empty()) return nullptr;
  if (made->block_rows_ > 1) {
    made->block_ = std::make_unique<Columns>(static_cast<size_t>(made->block_rows_));
  }
  return made;
}

absl::Status Generator::Fill(int64_t first_row, int64_t rows, Columns* columns, size_t offset) {
  const int64_t plan_size = parameters_.plan_size;
  while (rows > 0) {
    const int64_t epoch = first_row / plan_size;
    const int64_t epoch_row = first_row - epoch * plan_size;
    const int64_t left = std::min(rows, plan_size - epoch_row);  // of the epoch
    int64_t filled = std::min(left, kBatchRows);
    throng_batch batch = block_ ? block_->At(0) : columns->At(offset);
    batch.epoch = epoch;
    if (block_) {
      const int64_t block_first = epoch_row / block_rows_ * block_rows_;
      const int64_t block_size = std::min(block_rows_, plan_size - block_first);
      batch.rows = static_cast<uint32_t>(block_size);
      batch.epoch_row = block_first;
      batch.first_row = first_row - epoch_row + block_first;
      filled = std::min(left, block_first + block_size - epoch_row);
    } else {
      batch.rows = static_cast<uint32_t>(filled);
      batch.epoch_row = epoch_row;
      batch.first_row = first_row;
    }
    // A block is filled once, however small the pieces that are asked for.
    if (!block_ || block_first_row_ != batch.first_row) {
      block_first_row_ = -1;
      if (absl::Status status = FillBatch(batch); !status.ok()) return status;
      if (block_) block_first_row_ = batch.first_row;
    }
    if (block_) {
      CopyRows(*block_, static_cast<size_t>(epoch_row - batch.epoch_row),
               static_cast<size_t>(filled), columns, offset);
    }
    first_row += filled;
    rows -= filled;
    offset += static_cast<size_t>(filled);
  }
  return absl::OkStatus();
}

absl::Status Generator::FillBatch(throng_batch batch) {
  if (batch.epoch != epoch_) {
    const uint64_t key = DeriveKey(parameters_.seed, "grid");
    grid_ = Permutation(static_cast<uint64_t>(parameters_.plan_size),
                        Hash(key, static_cast<uint64_t>(batch.epoch)));
    epoch_ = batch.epoch;
  }
  grid_.MapRange(static_cast<uint64_t>(batch.epoch_row), {batch.grid, batch.rows});
  for (size_t role = 0; role < 4; ++role) {
    if (role == kChoice) {
      std::fill_n(batch.kind, batch.rows, uint8_t{0});
      std::copy_n(batch.grid, batch.rows, batch.kind_row);
    }
    if (absl::Status status = behaviours_[role]->Fill(batch); !status.ok()) return status;
    if (absl::Status status = Check(role, batch); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Generator::Check(size_t role, const throng_batch& batch) const {
  const throng_world& world = *parameters_.world;
  const auto fault = [&](std::string_view what) {
    return absl::InternalError(fmt::format("{} `{}` filled {} within rows {} to {}.",
                                           RoleName(kRoles[role]),
                                           parameters_.behaviours[role].component->name, what,
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
      break;
    case kClock:
      if (!AllWithin(batch.time, batch.rows, kFirstTime, kLastTime + 1)) {
        return absl::OutOfRangeError(fmt::format(
            "clock `{}`: the event times of rows {} to {} leave the years 1 to 9999. Ask for fewer "
            "interactions, for a shorter window or an earlier start.",
            parameters_.behaviours[kClock].component->name, batch.first_row,
            batch.first_row + batch.rows - 1));
      }
      if (!NeverFalls(batch.time, batch.rows)) {
        return fault("a time that is before that of the row before it");
      }
      break;
    case kChoice: {
      if (!AllWithin(batch.item, batch.rows, 0, world.touched_items)) {
        return fault(fmt::format("an item outside [0, {})", world.touched_items));
      }
      const size_t kinds = kinds_.size();
      bool is_kind = true;
      for (size_t i = 0; i < batch.rows; ++i) is_kind &= batch.kind[i] < kinds;
      if (!is_kind) return fault(fmt::format("a kind outside [0, {})", kinds));
      bool is_row = true;
      for (size_t i = 0; i < batch.rows; ++i) {
        is_row &= Bits(batch.kind_row[i]) < kind_rows_[batch.kind[i]];
      }
      if (!is_row) return fault("a kind_row outside [0, the rows of its kind)");
      break;
    }
    default:
      break;
  }
  return absl::OkStatus();
}

}  // namespace throng
