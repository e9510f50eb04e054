// throng.v1.ServerService.
#include <fmt/format.h>

#include <cstdint>
#include <memory>

#include "server/daemon/calls.h"
#include "server/daemon/services.h"
#include "server/daemon/wall_clock.h"
#include "throng/plugin.h"
#include "throng/v1/server_service.grpc.pb.h"

namespace throng {
namespace {

class ServerService final : public v1::ServerService::CallbackService {
 public:
  ServerService(Engine* engine, CallWork* work) : engine_(engine), work_(work) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* /*request*/,
                                          v1::GetServerInfoResponse* response) override {
    response->set_version(THRONG_VERSION);
    response->set_api_version(v1::GetServerInfoRequest::descriptor()->file()->package());
    response->set_plugin_abi_version(fmt::format("{}.{}", THRONG_ABI_MAJOR, THRONG_ABI_MINOR));
    SetTime(start_ms_, response->mutable_start_time());
    return Answer(context, absl::OkStatus());
  }

  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context,
                                  const v1::DrainRequest* /*request*/,
                                  v1::DrainResponse* /*response*/) override {
    return AnswerOnThread(context, &work_->changes,
                          [this](const CallContext& call) { return engine_->Drain(call); });
  }

 private:
  Engine* const engine_;
  CallWork* const work_;
  const int64_t start_ms_ = NowMs();
};

}  // namespace

std::unique_ptr<grpc::Service> MakeServerService(Engine* engine, CallWork* work) {
  return std::make_unique<ServerService>(engine, work);
}

}  // namespace throng
