// One thread's part of a walk: a unit of a table's rows -> records.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/statistics.h"
#include "server/delivery/placed_options.h"
#include "server/delivery/table.h"
#include "server/delivery/walk.h"
#include "server/host/instances.h"

namespace throng {

// What the encoders of an output share; outlives them.
struct Encoding {
  const Component* format = nullptr;
  std::shared_ptr<const PlacedOptions> options;
  const Environment* environment = nullptr;
  const Table* table = nullptr;
  throng_destination destination{};
  Format::Prologue prologue;  // that every instance's begin must return
};

// A format that has begun, on an instance of its own. What it says in `prologue` is not compared.
absl::StatusOr<std::unique_ptr<Format>> BeginFormat(const Encoding& encoding,
                                                    Format::Prologue* prologue);

// What becomes of a unit.
struct Encoded {
  RecordBuffer records;
  std::optional<std::string> note;  // streams of cuts only, where the format gives one
  std::vector<uint32_t> key_end;    // messages only, see throng_records
  std::vector<uint32_t> value_end;
  SeenRows seen;              // interactions only
  std::vector<int64_t> time;  // messages of interactions only
};

using EncodingWalk = Walk<Encoded>;

class Encoder {
 public:
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(const Encoding& encoding);
  // Replaces what `encoded` holds. Where the format cuts, the unit is a whole cut.
  absl::Status Encode(const Unit& unit, Encoded* encoded);

 private:
  Encoder(const Encoding& encoding, std::unique_ptr<Format> format, std::unique_ptr<TableRows> rows,
          uint32_t batch_rows);

  const Encoding& encoding_;
  std::unique_ptr<Format> format_;
  std::unique_ptr<TableRows> rows_;
  uint32_t batch_rows_;  // encoded at once: a few, or a whole cut
};

}  // namespace throng
