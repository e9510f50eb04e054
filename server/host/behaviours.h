// Behaviours of loaded plugins, as dataset/ takes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/behaviour.h"
#include "server/dataset/plan.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"

namespace throng {

// What an instance needs before it is one.
struct OwnEnvironment {
  Environment own;
};

class PluginBehaviour : private OwnEnvironment, public Instance, public Behaviour {
 public:
  // The component, the dataset and the options outlive it.
  static absl::StatusOr<std::unique_ptr<PluginBehaviour>> Create(const Component& component,
                                                                 const Environment& environment,
                                                                 const throng_dataset& dataset,
                                                                 const throng_value* options);
  ~PluginBehaviour() override;

  absl::Status Fill(const throng_batch& batch) override {
    return Try(batch.first_row,
               [&](throng_error* e) { return component_.behaviour.fill(self_, &batch, e); });
  }
  absl::StatusOr<std::vector<KindRows>> Kinds() override;
  uint32_t BlockRows() override;
  bool Sorts() override;
  bool LeavesOut() override;
  absl::StatusOr<std::vector<int64_t>> Segments(int64_t epoch) override;
  void Tables(const std::function<void(std::string_view table)>& visit) override;

  absl::StatusOr<std::vector<FurtherColumn>> Columns(v1::Table table) override;
  absl::Status Side(v1::Table table, const int64_t* rank, size_t n, void* const* extra) override;

  // The truth, for choices and ratings. UNIMPLEMENTED if it does not know it.
  absl::Status Learn(const throng_batch& batch);
  absl::Status Score(const throng_pairs& pairs);

 private:
  PluginBehaviour(const Component& component, const Environment& environment)
      : OwnEnvironment{environment}, Instance(component, own) {}
};

// The behaviours of a catalogue, which outlives it and what it gives.
class PluginBehaviours : public BehaviourSource {
 public:
  // Of the environment: whether to stop, and where secrets may lie.
  PluginBehaviours(const Catalogue& catalogue, const Environment& environment)
      : catalogue_(catalogue), environment_(environment) {}
  std::unique_ptr<ChosenBehaviour> Choose(Role role, const v1::Component& component, int64_t now,
                                          Problems* problems) const override;

 private:
  const Catalogue& catalogue_;
  const Environment& environment_;
};

// A plan of this catalogue's behaviours: Plan::Create with its remarks in the environment's log.
std::unique_ptr<Plan> PlanDataset(const v1::DatasetSpec& spec, const Catalogue& catalogue,
                                  const Environment& environment, int64_t now, Problems* problems);

// The components of a plan's four behaviours, as far as they come from plugins.
std::vector<const Component*> ComponentsOf(const Plan& plan);

}  // namespace throng
