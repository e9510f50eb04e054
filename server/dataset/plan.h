// What was computed from a dataset's spec: its world, its behaviours, and how to recognize it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/dataset/attributes.h"
#include "server/dataset/behaviour.h"
#include "server/dataset/generator.h"
#include "server/dataset/id_text.h"
#include "server/dataset/slice.h"
#include "server/dataset/world.h"
#include "server/spec/problem.h"
#include "throng/v1/spec.pb.h"

namespace throng {

class Plan {
 public:
  // Plans a spec that the rules of spec/rules.h accept; nullptr with all that stands against it in
  // `problems`. Without plan_size the interactions are planned, or the size's where these are too
  // few for a plan of their own, of which they then are the first rows. `now` (ms since 1970 UTC)
  // resolves relative times. `remark` hears what behaviours say, but for warnings; it may be empty.
  static std::unique_ptr<Plan> Create(const v1::DatasetSpec& spec, const BehaviourSource& source,
                                      const Remark& remark, int64_t now, Problems* problems);

  // Only whether there are such behaviours and what is wrong with their options.
  static void CheckBehaviours(const v1::DatasetSpec& spec, const BehaviourSource& source,
                              int64_t now, Problems* problems) {
    Plan(spec).ChooseBehaviours(source, now, problems);
  }

  // The spec with every option of its behaviours, and absolute times.
  const v1::DatasetSpec& spec() const { return spec_; }
  const throng_world& world() const { return *world_->abi(); }
  const Attributes& attributes() const { return *attributes_; }
  const IdText& user_ids() const { return user_ids_; }
  const IdText& item_ids() const { return item_ids_; }
  const std::vector<KindRows>& kinds() const { return kinds_; }
  // Whether some rows have no rating, which is -1.
  bool leaves_out_ratings() const { return leaves_out_ratings_; }
  // Remarks of the behaviours, such as promises that so few rows hold only about.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Digest of the plan: 32 bytes that differ where any row would, through another libm, CPU or
  // plugin. Does not depend on `interactions`.
  const std::string& fingerprint() const { return fingerprint_; }
  // Canonical text of what was asked, relative times as asked and without `interactions`: equal
  // for requests that mean the same dataset.
  const std::string& identity() const { return identity_; }

  // Whether the plan depends on when it was made: a time was given relative to now.
  bool HasRelativeTimes() const;

  // As the spec chose it.
  const ChosenBehaviour& behaviour(size_t role) const { return *parameters_.behaviours[role]; }
  // Rows of the dataset: as many as were asked for. Without end, those before the first row, or
  // block, with an event time beyond the year 9999; Slice::kEndless where that is too far to be
  // reached.
  int64_t end() const { return end_; }
  // Rows that an interleaved slice takes at once.
  int64_t stride() const { return stride_; }

  // The further columns of a table.
  const std::vector<FurtherColumn>& further_columns(v1::Table table) const;

  // Where the generators of one walk find the blocks that another of them filled, with some further
  // columns of the table that they make.
  std::shared_ptr<BlockCache> MakeBlocks(std::vector<FurtherColumn> further = {}) const;
  // Another thread's behaviours. The plan outlives them.
  absl::StatusOr<std::unique_ptr<Generator>> MakeGenerator(
      std::shared_ptr<BlockCache> blocks) const;
  absl::StatusOr<std::unique_ptr<Generator>> MakeGenerator() const {
    return MakeGenerator(MakeBlocks());
  }

 private:
  static std::unique_ptr<Plan> CreateSized(const v1::DatasetSpec& spec, int64_t plan_size,
                                           const BehaviourSource& source, const Remark& remark,
                                           int64_t now, Problems* problems);
  explicit Plan(const v1::DatasetSpec& spec)
      : spec_(spec), user_ids_(IdText::OfUsers(spec)), item_ids_(IdText::OfItems(spec)) {}
  void ChooseBehaviours(const BehaviourSource& source, int64_t now, Problems* problems);
  void BuildIdentity();
  absl::Status TakeFingerprint(Generator* generator);
  int64_t FindEnd(Generator* generator) const;
  // Asks the behaviours for their further columns.
  std::vector<RoleError> TakeFurtherColumns(Generator* generator);

  v1::DatasetSpec spec_;
  IdText user_ids_;
  IdText item_ids_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Attributes> attributes_;
  GeneratorParameters parameters_;
  std::vector<KindRows> kinds_;
  bool leaves_out_ratings_ = false;
  int64_t stride_ = Slice::kStride;
  int64_t end_ = Slice::kEndless;
  std::array<std::vector<FurtherColumn>, v1::Table_ARRAYSIZE> further_columns_;  // by table
  std::vector<std::string> warnings_;
  std::string fingerprint_;
  std::string identity_;
};

}  // namespace throng
