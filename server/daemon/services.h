// The gRPC services over an Engine: what is left to them is to translate. One file each.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "server/daemon/call_threads.h"
#include "server/daemon/engine.h"

namespace throng {

// `engine` and `threads` outlive the services; the threads are waited for before the services go.
std::unique_ptr<grpc::Service> MakeRunService(Engine* engine, CallThreads* threads);
std::unique_ptr<grpc::Service> MakeGenerationService(Engine* engine, CallThreads* threads);
std::unique_ptr<grpc::Service> MakeInspectionService(Engine* engine, CallThreads* threads);
std::unique_ptr<grpc::Service> MakePluginService(Engine* engine, CallThreads* threads);

}  // namespace throng
