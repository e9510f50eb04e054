// The jobs of a worker that a daemon controls; each returns what Finished says.
#pragma once

#include "server/host/catalogue.h"
#include "server/worker/job_control.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

worker::v1::Finished Execute(const worker::v1::RunJob& job, const worker::v1::Start& start,
                             const Catalogue& catalogue, JobControl* control);
worker::v1::Finished Execute(const worker::v1::GenerateJob& job, const worker::v1::Start& start,
                             const Catalogue& catalogue, JobControl* control);
worker::v1::Finished Execute(const worker::v1::DescribeJob& job, JobControl* control);
worker::v1::Finished Execute(const worker::v1::PositionsJob& job, const Catalogue& catalogue,
                             JobControl* control);
worker::v1::Finished Execute(const worker::v1::InspectJob& job, const worker::v1::Start& start,
                             const Catalogue& catalogue, JobControl* control);

}  // namespace throng
