// Behaviours as a dataset sees them: four functions that fill columns, whoever made them. host/
// adapts those of loaded plugins; tests make their own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/further_column.h"
#include "server/dataset/role.h"
#include "server/spec/problem.h"
#include "throng/plugin.h"
#include "throng/v1/spec.pb.h"

namespace throng {

// A reason for a choice; every epoch has the same number of rows of it.
struct KindRows {
  std::string name;
  int64_t rows = 0;
};

// One thread's instance. What the functions mean, and who has which: throng_behaviour.
class Behaviour {
 public:
  virtual ~Behaviour() = default;
  virtual absl::Status Fill(const throng_batch& batch) = 0;
  // Empty: there is one, over all rows.
  virtual absl::StatusOr<std::vector<KindRows>> Kinds() { return std::vector<KindRows>(); }
  // The wish; 0: any rows.
  virtual uint32_t BlockRows() { return 0; }
  virtual bool Sorts() { return false; }
  virtual bool LeavesOut() { return false; }
  // The first row of each segment of an epoch.
  virtual absl::StatusOr<std::vector<int64_t>> Segments(int64_t /*epoch*/) {
    return std::vector<int64_t>{0};
  }
  virtual void Tables(const std::function<void(std::string_view table)>& /*visit*/) {}
  // Further columns of a table; `role` of them need not be filled in.
  virtual absl::StatusOr<std::vector<FurtherColumn>> Columns(v1::Table /*table*/) {
    return std::vector<FurtherColumn>();
  }
  // Those of n users or items, by rank, into kMostFurtherColumns arrays; nullptr: not asked for.
  virtual absl::Status Side(v1::Table /*table*/, const int64_t* /*rank*/, size_t /*n*/,
                            void* const* /*extra*/) {
    return absl::UnimplementedError("it fills no columns of side tables.");
  }
};

// Hears what a behaviour remarks: a THRONG_LOG_... level, the component, a sentence.
using Remark =
    std::function<void(int32_t level, const std::string& source, const std::string& sentence)>;

// A behaviour as a spec chose it: a component and its options.
class ChosenBehaviour {
 public:
  virtual ~ChosenBehaviour() = default;
  virtual std::string name() const = 0;
  // Every option that is set, with relative times resolved: what a run stores.
  virtual const std::map<std::string, std::string>& options() const = 0;
  // Canonical typed values of all options, relative times as asked; for digests.
  virtual std::string Canonical() const = 0;
  virtual bool HasRelativeTimes() const = 0;
  // An instance for the dataset, which outlives it; so does this. `remark` is heard as long as it
  // lives; it may be empty.
  virtual absl::StatusOr<std::unique_ptr<Behaviour>> Make(const throng_dataset& dataset,
                                                          const Remark& remark) const = 0;
};

// Where behaviours come from.
class BehaviourSource {
 public:
  virtual ~BehaviourSource() = default;
  // The behaviour that dataset.ROLE names; null with all that stands against it in `problems`.
  // `now` (ms since 1970 UTC) resolves relative times. What it returns does not need this any more.
  virtual std::unique_ptr<ChosenBehaviour> Choose(Role role, const v1::Component& component,
                                                  int64_t now, Problems* problems) const = 0;
};

}  // namespace throng
