// One thread's instances of the four behaviours: rows -> columns.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"
#include "throng/plugin.h"
#include "throng/random.hpp"

namespace throng {

// Columns of consecutive interactions; see throng_batch.
class Columns {
 public:
  explicit Columns(size_t capacity);
  size_t capacity() const { return user.size(); }
  // The rows from `offset` on as a batch, with nothing said of which rows they are.
  throng_batch At(size_t offset);

  std::vector<int64_t> grid, user, user_row, user_rows, time, item, kind_row;
  std::vector<uint8_t> kind;
  std::vector<int32_t> rating;
};

// A behaviour of a dataset and its options.
struct ChosenBehaviour {
  const Component* component = nullptr;
  OptionValues options;
};

// What generators are made for; outlives them.
struct GeneratorParameters {
  uint64_t seed = 0;
  int64_t plan_size = 0;
  const throng_world* world = nullptr;
  ChosenBehaviour behaviours[4];  // by role: activity, clock, choice, rating
};

struct KindRows {
  std::string name;
  int64_t rows = 0;
};

// A mistake found while a behaviour was made.
struct RoleError {
  Role role;
  absl::Status status;
};

class Generator {
 public:
  // Rows that are filled at once: enough to pay for a call, few enough for the level-2 cache.
  static constexpr int64_t kBatchRows = 2048;

  // The errors of all four are collected, as far as they do not follow from one another.
  static std::unique_ptr<Generator> Create(const GeneratorParameters& parameters,
                                           const Environment& environment,
                                           std::vector<RoleError>* errors);

  // Fills `rows` rows of the dataset from `first_row` on into `columns` from `offset` on. Fails
  // when a behaviour does or fills what no such column can hold, and OUT_OF_RANGE when event times
  // leave the years 1 to 9999.
  absl::Status Fill(int64_t first_row, int64_t rows, Columns* columns, size_t offset);

  // Reasons for a choice, at least one, with their rows an epoch.
  const std::vector<KindRows>& kinds() const { return kinds_; }
  const Behaviour& behaviour(size_t role) const { return *behaviours_[role]; }

 private:
  explicit Generator(const GeneratorParameters& parameters);
  absl::Status FillBatch(throng_batch batch);
  absl::Status Check(size_t role, const throng_batch& batch) const;

  const GeneratorParameters& parameters_;
  std::unique_ptr<Behaviour> behaviours_[4];
  std::vector<KindRows> kinds_;
  std::array<uint64_t, 256> kind_rows_{};  // of kinds_
  int64_t block_rows_ = 1;
  std::unique_ptr<Columns> block_;  // where blocks are filled whole
  int64_t block_first_row_ = -1;    // of the block that it holds
  int64_t epoch_ = -1;              // that grid_ belongs to
  Permutation grid_;
};

}  // namespace throng
