// Statuses with google.rpc details, small enough for the trailers of every client.
#include "server/daemon/errors.h"

#include <fmt/format.h>
#include <google/protobuf/message.h>
#include <grpcpp/support/status.h>

#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/control/status.h"

namespace throng {
namespace {

constexpr std::string_view kTypePrefix = "type.googleapis.com/";

// Clients refuse trailers of more than 8 KiB by default; these leave room for base64, and for the
// message being there twice.
constexpr size_t kMostViolationBytes = 3072;
constexpr size_t kMostMessageBytes = 1024;

template <class Detail>
std::string TypeUrl() {
  return std::string(kTypePrefix) + Detail::descriptor()->full_name();
}

template <class Detail>
void SetDetail(absl::Status* status, const Detail& detail) {
  status->SetPayload(TypeUrl<Detail>(), absl::Cord(detail.SerializeAsString()));
}

google::rpc::ErrorInfo Info(std::string_view reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason.data(), reason.size());
  info.set_domain("throng");
  return info;
}

// At most `limit` bytes of `text`, whole characters, with an ellipsis if it is cut.
std::string Cut(std::string_view text, size_t limit) {
  constexpr std::string_view kEllipsis = "...";
  if (text.size() <= limit) return std::string(text);
  size_t end = limit - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)).append(kEllipsis);
}

google::rpc::BadRequest::FieldViolation Violation(std::string_view field,
                                                  std::string_view message) {
  google::rpc::BadRequest::FieldViolation violation;
  violation.set_field(Cut(field, kMostMessageBytes));
  violation.set_description(Cut(message, kMostMessageBytes));
  return violation;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, std::string_view reason, std::string_view message) {
  absl::Status status(code, {message.data(), message.size()});
  SetDetail(&status, Info(reason));
  return status;
}

absl::Status InvalidSpec(const google::protobuf::RepeatedPtrField<v1::SpecProblem>& problems) {
  const v1::SpecProblem& first = problems.Get(0);
  std::string message =
      first.field().empty() ? first.message() : first.field() + ": " + first.message();
  const int more = problems.size() - 1;
  if (more > 0) {
    const std::string ending = fmt::format(" (and {} more mistake{})", more, more > 1 ? "s" : "");
    message = Cut(message, kMostMessageBytes - ending.size()) + ending;
  }
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, "INVALID_SPEC", message);
  google::rpc::BadRequest request;
  size_t bytes = 0;
  for (const v1::SpecProblem& problem : problems) {
    auto violation = Violation(problem.field(), problem.message());
    bytes += violation.ByteSizeLong();
    if (bytes > kMostViolationBytes) break;
    *request.add_field_violations() = std::move(violation);
  }
  SetDetail(&status, request);
  return status;
}

absl::Status InvalidField(std::string_view field, std::string_view message) {
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                  fmt::format("{}: {}", field, message));
  google::rpc::BadRequest request;
  *request.add_field_violations() = Violation(field, message);
  SetDetail(&status, request);
  return status;
}

absl::Status WithRetryDelay(absl::Status status, std::chrono::milliseconds delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(delay.count() / 1000);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay.count() % 1000 * 1'000'000));
  SetDetail(&status, info);
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status rich;
  rich.set_code(static_cast<int32_t>(status.raw_code()));
  rich.set_message(Cut(MessageOf(status), kMostMessageBytes));
  const auto add = [&](const std::string& type_url, const std::string& value) {
    google::protobuf::Any* detail = rich.add_details();
    detail->set_type_url(type_url);
    detail->set_value(value);
  };
  const std::string info_url = TypeUrl<google::rpc::ErrorInfo>();
  if (const auto info = status.GetPayload(info_url)) {
    add(info_url, std::string(*info));
  } else {
    add(info_url, Info(absl::StatusCodeToString(status.code())).SerializeAsString());
  }
  for (const std::string& type_url :
       {TypeUrl<google::rpc::BadRequest>(), TypeUrl<google::rpc::RetryInfo>()}) {
    if (const auto payload = status.GetPayload(type_url)) add(type_url, std::string(*payload));
  }
  return {static_cast<grpc::StatusCode>(status.code()), rich.message(), rich.SerializeAsString()};
}

}  // namespace throng
