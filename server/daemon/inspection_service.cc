// throng.v1.InspectionService. What a worker finds goes to the wire as it is.
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <utility>

#include "server/daemon/raw_stream.h"
#include "server/daemon/services.h"
#include "throng/v1/inspection_service.grpc.pb.h"

namespace throng {
namespace {

using Base = v1::InspectionService;
using RawService = Base::WithRawCallbackMethod_Summarize<
    Base::WithRawCallbackMethod_Verify<Base::WithRawCallbackMethod_Tap<
        Base::WithRawCallbackMethod_Replay<Base::WithRawCallbackMethod_Diagnose<Base::Service>>>>>;
using Reactor = grpc::ServerWriteReactor<grpc::ByteBuffer>;

class InspectionService final : public RawService {
 public:
  InspectionService(Engine* engine, CallWork* work) : engine_(engine), work_(work) {}

  Reactor* Summarize(grpc::CallbackServerContext* context,
                     const grpc::ByteBuffer* request) override {
    return Start<v1::SummarizeRequest>(context, *request,
                                       &worker::v1::InspectJob::mutable_summarize);
  }
  Reactor* Verify(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Start<v1::VerifyRequest>(context, *request, &worker::v1::InspectJob::mutable_verify);
  }
  Reactor* Tap(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Start<v1::TapRequest>(context, *request, &worker::v1::InspectJob::mutable_tap);
  }
  Reactor* Replay(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Start<v1::ReplayRequest>(context, *request, &worker::v1::InspectJob::mutable_replay);
  }
  Reactor* Diagnose(grpc::CallbackServerContext* context,
                    const grpc::ByteBuffer* request) override {
    return Start<v1::DiagnoseRequest>(context, *request, &worker::v1::InspectJob::mutable_diagnose);
  }

 private:
  // Answers by the job whose request `mutable_request` is.
  template <class Request>
  Reactor* Start(grpc::CallbackServerContext* context, const grpc::ByteBuffer& bytes,
                 Request* (worker::v1::InspectJob::*mutable_request)()) {
    auto* call = new RawStreamCall(
        DeadlineOf(*context),
        [engine = engine_, request = ParseRequest<Request>(bytes),
         mutable_request](const CallContext&) -> absl::StatusOr<std::unique_ptr<RowStream>> {
          if (!request.ok()) return request.status();
          worker::v1::InspectJob job;
          *(job.*mutable_request)() = *request;
          return engine->Inspect(job);
        });
    call->Start(&work_->rows);
    return call;
  }

  Engine* const engine_;
  CallWork* const work_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeInspectionService(Engine* engine, CallWork* work) {
  return std::make_unique<InspectionService>(engine, work);
}

}  // namespace throng
