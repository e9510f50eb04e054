// A source and a decoder at work: rows out of a place.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/inspection/found_rows.h"
#include "throng/v1/inspection.pb.h"

namespace throng {

struct ReadRequest {
  v1::DataSource source;
  // What is wanted; the first four are an error where a piece lacks them, unless `optional` holds.
  std::array<bool, kFoundColumns> wanted{true, true, true, true};
  std::array<bool, kFoundColumns> is_optional{false, false, false, false, true,
                                              true,  true,  true,  true,  true};
  bool follows = false;
  bool from_end = false;
};

class RowReader {
 public:
  // Creates and opens. Errors name the field of the DataSource at fault (`source.options.path`), as
  // Problems do, in the sentence and as the payload kOptionPayload of control/status.h; or they say
  // what is not there. A decoder that is not named is told by the name of the place and its first
  // bytes; where there are none yet, by the first that Next meets. All given outlives this.
  static absl::StatusOr<std::unique_ptr<RowReader>> Open(const ReadRequest& request,
                                                         const Catalogue& catalogue,
                                                         const Environment& environment);
  virtual ~RowReader() = default;
  // The next rows, at most 4096; none, where nothing comes within `wait_ms`. After an error of
  // DATA_LOSS the next call goes on with the next piece.
  virtual absl::Status Next(int64_t wait_ms, FoundRows* rows) = 0;
  virtual const std::vector<std::string>& pieces() const = 0;
  // Bytes or messages taken so far and in all (-1: unknown), for who shows progress.
  virtual int64_t taken() const = 0;
  virtual int64_t size() const = 0;
};

}  // namespace throng
