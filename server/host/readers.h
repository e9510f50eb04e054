// Instances of sources and decoders, as instances.h has those of formats and sinks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/host/instances.h"
#include "throng/source.h"

namespace throng {

// What a source opened.
struct OpenedPlace {
  std::vector<std::string> pieces;
  int64_t size = -1;  // bytes or messages; -1: unknown
};

// What a sink keeps of a target, as throng_kept.
struct KeptPosition {
  std::string run_uid;
  std::string output;
  uint32_t slice_mode = 0;
  int64_t slice_index = 0;
  int64_t slice_count = 1;
  int64_t part = -1;
  int64_t position = 0;
  bool is_complete = false;
  std::string host_state;
};

// A step of Source::Probe.
struct ProbeStep {
  absl::Status status;
  std::string name;
  std::string sentence;
  double seconds = 0;
};

class Source : public Instance {
 public:
  static absl::StatusOr<std::unique_ptr<Source>> Create(const Component& component,
                                                        const Environment& environment,
                                                        const throng_value* options);
  ~Source();
  absl::StatusOr<OpenedPlace> Open(const throng_start& start);
  // `input` is valid until the next call. INTERNAL if it cannot be: a piece that was not opened,
  // bytes at NULL.
  absl::Status Read(int64_t wait_ms, throng_input* input);
  // UNIMPLEMENTED if the source has no such function.
  absl::StatusOr<std::vector<KeptPosition>> Kept();
  absl::Status Probe(const std::function<void(const ProbeStep&)>& visit);

 private:
  using Instance::Instance;
  size_t pieces_ = 0;
};

class Decoder : public Instance {
 public:
  static absl::StatusOr<std::unique_ptr<Decoder>> Create(const Component& component,
                                                         const Environment& environment,
                                                         const throng_value* options);
  ~Decoder();
  absl::Status Begin(const throng_origin& origin);
  // INTERNAL if what comes back cannot be: more rows than there is room for, more consumed than
  // there was, neither rows nor damages nor anything consumed of an input that has some.
  absl::Status Decode(const throng_input& input, throng_decoded* decoded);

 private:
  using Instance::Instance;
};

}  // namespace throng
