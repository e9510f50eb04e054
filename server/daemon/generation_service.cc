// throng.v1.GenerationService. Rows go from a worker to the wire as they are.
#include <memory>

#include "server/daemon/raw_stream.h"
#include "server/daemon/services.h"
#include "throng/v1/generation_service.grpc.pb.h"

namespace throng {
namespace {

class GenerationService final
    : public v1::GenerationService::WithRawCallbackMethod_Generate<
          v1::GenerationService::WithCallbackMethod_Plan<v1::GenerationService::Service>> {
 public:
  GenerationService(Engine* engine, CallWork* work) : engine_(engine), work_(work) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Generate(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request) override {
    auto* call = new RawStreamCall(
        DeadlineOf(*context),
        [engine = engine_, request = ParseRequest<v1::GenerateRequest>(*request)](
            const CallContext& caller) -> absl::StatusOr<std::unique_ptr<RowStream>> {
          if (!request.ok()) return request.status();
          return engine->Generate(*request, caller);
        });
    call->Start(&work_->rows);
    return call;
  }

  grpc::ServerUnaryReactor* Plan(grpc::CallbackServerContext* context,
                                 const v1::PlanRequest* request,
                                 v1::PlanResponse* response) override {
    return AnswerOnThread(context, &work_->planning,
                          [this, request, response](const CallContext& call) {
                            auto plan = engine_->Plan(*request, call);
                            if (!plan.ok()) return plan.status();
                            *response->mutable_plan() = *std::move(plan);
                            return absl::OkStatus();
                          });
  }

 private:
  Engine* const engine_;
  CallWork* const work_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGenerationService(Engine* engine, CallWork* work) {
  return std::make_unique<GenerationService>(engine, work);
}

}  // namespace throng
