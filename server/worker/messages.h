// What a worker tells its daemon, as messages: plans, outputs, and how a job ended.
#pragma once

#include "absl/status/status.h"
#include "server/dataset/plan.h"
#include "server/delivery/run.h"
#include "server/host/metrics.h"
#include "server/spec/problem.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

worker::v1::Finished AsFinished(const absl::Status& status);
worker::v1::Finished AsFinished(const Problems& problems);

// What a plan promises, and each output of `run` (nullptr: of a dataset only).
v1::Plan PlanMessage(const Plan& plan, const Run* run);
v1::OutputStatus StatusMessage(const Output& output);
v1::ComponentMetric MetricMessage(const Metric& metric);

}  // namespace throng
