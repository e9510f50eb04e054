#include "server/worker/messages.h"

#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/delivery/table.h"
#include "server/host/behaviours.h"

namespace throng {
namespace {

v1::OutputState StateOf(OutputState state) {
  switch (state) {
    case OutputState::kStarting:
      return v1::OUTPUT_STATE_STARTING;
    case OutputState::kRunning:
      return v1::OUTPUT_STATE_RUNNING;
    case OutputState::kBlocked:
      return v1::OUTPUT_STATE_BLOCKED;
    case OutputState::kPaused:
      return v1::OUTPUT_STATE_PAUSED;
    case OutputState::kStopped:
      return v1::OUTPUT_STATE_STOPPED;
    case OutputState::kSucceeded:
      return v1::OUTPUT_STATE_SUCCEEDED;
    case OutputState::kFailed:
      return v1::OUTPUT_STATE_FAILED;
  }
  return v1::OUTPUT_STATE_UNSPECIFIED;
}

google::protobuf::Duration DurationOf(int64_t ms) {
  google::protobuf::Duration duration;
  duration.set_seconds(ms / 1000);
  duration.set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
  return duration;
}

void AddColumns(const Plan& plan, v1::Plan* message) {
  for (const KnownColumn& known : KnownColumns(plan)) {
    v1::PlannedColumn* column = message->add_columns();
    column->set_table(known.table);
    column->set_name(known.name);
    column->set_type(std::string(known.type));
    column->set_doc(known.doc);
    column->set_is_extra(known.is_extra);
  }
}

}  // namespace

worker::v1::Finished AsFinished(const absl::Status& status) {
  worker::v1::Finished finished;
  finished.set_code(static_cast<int32_t>(status.code()));
  finished.set_message(MessageOf(status));
  return finished;
}

worker::v1::Finished AsFinished(const Problems& problems) {
  worker::v1::Finished finished;
  finished.set_code(static_cast<int32_t>(absl::StatusCode::kInvalidArgument));
  finished.set_message(ToString(problems));
  for (const Problem& problem : problems) {
    v1::SpecProblem* message = finished.add_problems();
    message->set_field(problem.field);
    message->set_message(problem.message);
  }
  return finished;
}

v1::OutputStatus StatusMessage(const Output& output) {
  const OutputProgress progress = output.progress();
  v1::OutputStatus status;
  status.set_name(output.name());
  status.set_state(StateOf(progress.state));
  status.set_reason(progress.reason);
  status.set_place(output.place());
  status.set_position(progress.position);
  status.set_rows(progress.rows);
  status.set_total_rows(progress.total_rows);
  status.set_bytes(progress.bytes);
  if (progress.went_on_from) status.set_went_on_from(*progress.went_on_from);
  status.set_retries(progress.retries);
  status.set_committed_rows(progress.committed_rows);
  status.set_asked_rows_per_second(progress.asked_rate);
  if (progress.lag_ms) *status.mutable_lag() = DurationOf(*progress.lag_ms);
  const CommitTimes& commits = progress.commit_times;
  if (std::all_of(commits.counts.begin(), commits.counts.end(), [](auto n) { return n == 0; })) {
    return status;
  }
  v1::CommitTimes* times = status.mutable_commit_times();
  times->mutable_bounds()->Assign(CommitTimes::kBounds.begin(), CommitTimes::kBounds.end());
  times->mutable_counts()->Assign(commits.counts.begin(), commits.counts.end());
  times->set_seconds(commits.seconds);
  return status;
}

v1::ComponentMetric MetricMessage(const Metric& metric) {
  v1::ComponentMetric message;
  message.set_role(std::string(RoleName(metric.role)));
  message.set_component(metric.component);
  message.set_name(metric.name);
  message.set_kind(metric.is_counter ? v1::METRIC_KIND_COUNTER : v1::METRIC_KIND_GAUGE);
  message.set_value(metric.value);
  return message;
}

v1::Plan PlanMessage(const Plan& plan, const Run* run) {
  v1::Plan message;
  message.set_fingerprint(ToHex(plan.fingerprint()));
  for (const std::string& warning : run != nullptr ? run->Warnings() : plan.warnings()) {
    message.add_warnings(warning);
  }
  const throng_world& world = plan.world();
  message.set_plan_size(plan.spec().plan_size());
  message.set_active_users(world.active_users);
  message.set_touched_items(world.touched_items);
  message.set_popular_items(world.popular_items);
  for (const KindRows& kind : plan.kinds()) {
    v1::KindQuota* quota = message.add_kinds();
    quota->set_name(kind.name);
    quota->set_rows(kind.rows);
  }
  for (uint32_t i = 0; i < world.clusters_count; ++i) {
    v1::ClusterQuota* quota = message.add_clusters();
    quota->set_name(world.clusters[i]->name);
    quota->set_users(world.clusters[i]->users);
    quota->set_active_users(world.clusters[i]->active);
  }
  for (uint32_t i = 0; i < world.categories_count; ++i) {
    v1::CategoryQuota* quota = message.add_categories();
    quota->set_name(world.categories[i]->name);
    quota->set_popular_items(world.categories[i]->popular);
    quota->set_tail_items(world.categories[i]->tail);
    quota->set_untouched_items(world.categories[i]->untouched);
  }
  std::vector<const Component*> used = ComponentsOf(plan);
  if (run == nullptr) {
    *message.mutable_spec()->mutable_dataset() = plan.spec();
    for (const KnownColumn& known : KnownColumns(plan)) {
      v1::PlannedColumn* column = message.add_columns();
      column->set_table(known.table);
      column->set_name(known.name);
      column->set_type(std::string(known.type));
      column->set_doc(known.doc);
      column->set_is_extra(known.is_extra);
    }
  } else {
    *message.mutable_spec() = run->ResolvedSpec();
    for (const auto& output : run->outputs()) {
      v1::OutputPlan* planned = message.add_outputs();
      const Slice& slice = output->request().slice();
      planned->set_name(output->name());
      planned->set_place(output->place());
      planned->set_first_row(slice.first());
      planned->set_rows(slice.IsEndless() ? -1 : slice.RowsBelow(slice.end()));
      planned->set_is_durable(output->request().IsDurable());
      for (const Component* component : output->request().components()) used.push_back(component);
    }
  }
  if (run == nullptr || run->outputs().empty()) AddColumns(plan, &message);
  for (const Component* component : used) {
    v1::PluginUse* use = message.add_plugins();
    use->set_role(std::string(RoleName(component->role)));
    use->set_component(component->name);
    use->set_plugin(component->plugin->name());
    use->set_version(component->plugin->version());
    use->set_sha256(component->plugin->digest());
  }
  return message;
}

}  // namespace throng
