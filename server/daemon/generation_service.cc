// throng.v1.GenerationService. Rows go from a worker to the wire as they are.
#include <grpcpp/support/byte_buffer.h>

#include <mutex>
#include <string>
#include <utility>

#include "server/daemon/calls.h"
#include "server/daemon/services.h"
#include "throng/v1/generation_service.grpc.pb.h"

namespace throng {
namespace {

// The bytes of `text`, which moves into the buffer.
grpc::ByteBuffer BufferOf(std::string text) {
  auto* kept = new std::string(std::move(text));
  const grpc::Slice slice(
      kept->data(), kept->size(), [](void* held) { delete static_cast<std::string*>(held); }, kept);
  return {&slice, 1};
}

absl::StatusOr<v1::GenerateRequest> ParseRequest(const grpc::ByteBuffer& buffer) {
  v1::GenerateRequest request;
  grpc::Slice slice;
  if (buffer.DumpToSingleSlice(&slice).ok() &&
      request.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
    return request;
  }
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                   "The bytes of the request are no throng.v1.GenerateRequest.");
}

class GenerateCall final : public StreamCall<grpc::ByteBuffer> {
 public:
  GenerateCall(Engine* engine, absl::StatusOr<v1::GenerateRequest> request, Deadline deadline)
      : engine_(engine), request_(std::move(request)), deadline_(deadline) {}

 private:
  absl::Status Make() override {
    if (!request_.ok()) return request_.status();
    auto stream = engine_->Generate(*request_, deadline_);
    if (!stream.ok()) return stream.status();
    SetStream(stream->get());
    const absl::Status status = Send(stream->get());
    SetStream(nullptr);
    return status;
  }

  absl::Status Send(RowStream* stream) {
    for (;;) {
      auto message = stream->Next();
      if (!message.ok()) return message.status();
      if (!*message) return absl::OkStatus();
      if (!Write(BufferOf(**std::move(message)))) {
        return absl::CancelledError("Nobody reads any more.");
      }
    }
  }

  void SetStream(RowStream* stream) {
    const std::lock_guard lock(stream_mutex_);
    stream_ = stream;
    if (stream_ != nullptr && is_cancelled_) stream_->Cancel();
  }

  void OnCancelled() override {
    const std::lock_guard lock(stream_mutex_);
    is_cancelled_ = true;
    if (stream_ != nullptr) stream_->Cancel();
  }

  Engine* const engine_;
  const absl::StatusOr<v1::GenerateRequest> request_;
  const Deadline deadline_;
  std::mutex stream_mutex_;
  bool is_cancelled_ = false;
  RowStream* stream_ = nullptr;  // while rows come from it
};

class GenerationService final
    : public v1::GenerationService::WithRawCallbackMethod_Generate<
          v1::GenerationService::WithCallbackMethod_Plan<v1::GenerationService::Service>> {
 public:
  GenerationService(Engine* engine, CallThreads* threads) : engine_(engine), threads_(threads) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Generate(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request) override {
    auto* call = new GenerateCall(engine_, ParseRequest(*request), DeadlineOf(*context));
    call->Start(threads_);
    return call;
  }

  grpc::ServerUnaryReactor* Plan(grpc::CallbackServerContext* context,
                                 const v1::PlanRequest* request,
                                 v1::PlanResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline deadline) {
      auto plan = engine_->Plan(*request, deadline);
      if (plan.ok()) *response->mutable_plan() = *std::move(plan);
      return plan.status();
    });
  }

 private:
  Engine* const engine_;
  CallThreads* const threads_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGenerationService(Engine* engine, CallThreads* threads) {
  return std::make_unique<GenerationService>(engine, threads);
}

}  // namespace throng
