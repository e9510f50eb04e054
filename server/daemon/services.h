// The gRPC services over an Engine: what is left to them is to translate. One file each.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "server/daemon/call_work.h"
#include "server/daemon/engine.h"

namespace throng {

// `engine` and `work` outlive the services; all calls are waited for before the services go.
std::unique_ptr<grpc::Service> MakeRunService(Engine* engine, CallWork* work);
std::unique_ptr<grpc::Service> MakeGenerationService(Engine* engine, CallWork* work);
std::unique_ptr<grpc::Service> MakeInspectionService(Engine* engine, CallWork* work);
std::unique_ptr<grpc::Service> MakePluginService(Engine* engine, CallWork* work);
std::unique_ptr<grpc::Service> MakeServerService(Engine* engine, CallWork* work);

}  // namespace throng
