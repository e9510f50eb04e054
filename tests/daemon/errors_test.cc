// Errors carry google.rpc details to the wire, within what clients accept.
#include "server/daemon/errors.h"

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace throng {
namespace {

using google::protobuf::RepeatedPtrField;

// What a client sees of an error.
struct Seen {
  explicit Seen(const absl::Status& status) : wire(ToGrpc(status)) {
    EXPECT_TRUE(rich.ParseFromString(wire.error_details()));
    for (const google::protobuf::Any& detail : rich.details()) {
      EXPECT_TRUE(detail.UnpackTo(&info) || detail.UnpackTo(&request) || detail.UnpackTo(&retry));
    }
  }
  grpc::Status wire;
  google::rpc::Status rich;
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest request;
  google::rpc::RetryInfo retry;
};

RepeatedPtrField<v1::SpecProblem> Problems(int count, const std::string& message) {
  RepeatedPtrField<v1::SpecProblem> problems;
  for (int i = 0; i < count; ++i) {
    v1::SpecProblem* problem = problems.Add();
    problem->set_field("outputs[" + std::to_string(i) + "].name");
    problem->set_message(message);
  }
  return problems;
}

TEST(MakeError, SaysCodeReasonAndMessage) {
  const Seen seen(
      MakeError(absl::StatusCode::kNotFound, "RUN_NOT_FOUND", "There is no run runs/x."));
  EXPECT_EQ(seen.wire.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(seen.wire.error_message(), "There is no run runs/x.");
  EXPECT_EQ(seen.rich.code(), 5);
  EXPECT_EQ(seen.rich.message(), "There is no run runs/x.");
  EXPECT_EQ(seen.info.reason(), "RUN_NOT_FOUND");
  EXPECT_EQ(seen.info.domain(), "throng");
}

TEST(InvalidSpec, NamesTheFirstProblemAndCountsTheOthers) {
  const Seen one(InvalidSpec(Problems(1, "Is taken.")));
  EXPECT_EQ(one.wire.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(one.wire.error_message(), "outputs[0].name: Is taken.");
  EXPECT_EQ(one.info.reason(), "INVALID_SPEC");
  const Seen two(InvalidSpec(Problems(2, "Is taken.")));
  EXPECT_EQ(two.wire.error_message(), "outputs[0].name: Is taken. (and 1 more mistake)");
  const Seen three(InvalidSpec(Problems(3, "Is taken.")));
  EXPECT_EQ(three.wire.error_message(), "outputs[0].name: Is taken. (and 2 more mistakes)");
  ASSERT_EQ(three.request.field_violations_size(), 3);
  EXPECT_EQ(three.request.field_violations(2).field(), "outputs[2].name");
  EXPECT_EQ(three.request.field_violations(2).description(), "Is taken.");
}

TEST(InvalidSpec, OfTheTextAsAWholeHasNoField) {
  RepeatedPtrField<v1::SpecProblem> problems;
  problems.Add()->set_message("The text is empty.");
  EXPECT_EQ(ToGrpc(InvalidSpec(problems)).error_message(), "The text is empty.");
}

TEST(InvalidSpec, StaysSmallEnoughForTrailers) {
  const Seen seen(InvalidSpec(Problems(100'000, std::string(200, 'x'))));
  EXPECT_GT(seen.request.field_violations_size(), 10);
  EXPECT_LT(seen.wire.error_details().size(), 5000);
  EXPECT_LE(seen.wire.error_message().size(), 1024);
  EXPECT_TRUE(seen.wire.error_message().ends_with("(and 99999 more mistakes)"));
}

TEST(InvalidField, NamesTheField) {
  const Seen seen(InvalidField("page_size", "Must lie between 0 and 1000, is -1."));
  EXPECT_EQ(seen.wire.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(seen.wire.error_message(), "page_size: Must lie between 0 and 1000, is -1.");
  EXPECT_EQ(seen.info.reason(), "INVALID_FIELD");
  ASSERT_EQ(seen.request.field_violations_size(), 1);
  EXPECT_EQ(seen.request.field_violations(0).field(), "page_size");
  EXPECT_EQ(seen.request.field_violations(0).description(), "Must lie between 0 and 1000, is -1.");
}

TEST(WithRetryDelay, SaysWhenToComeAgain) {
  using std::chrono::milliseconds;
  const Seen seen(WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS", "64 streams are open."),
      milliseconds(1500)));
  EXPECT_EQ(seen.info.reason(), "TOO_MANY_STREAMS");
  EXPECT_EQ(seen.retry.retry_delay().seconds(), 1);
  EXPECT_EQ(seen.retry.retry_delay().nanos(), 500'000'000);
}

TEST(ToGrpc, GivesEveryErrorAReason) {
  const Seen seen(absl::InternalError("The store is broken."));
  EXPECT_EQ(seen.info.reason(), "INTERNAL");
  EXPECT_EQ(seen.info.domain(), "throng");
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
}

TEST(ToGrpc, LeavesOutWhatIsNoGoogleDetail) {
  absl::Status status = absl::InternalError("No.");
  status.SetPayload("throng.option", absl::Cord("path"));
  EXPECT_EQ(Seen(status).rich.details_size(), 1);
}

TEST(ToGrpc, CutsLongMessagesAtWholeCharacters) {
  std::string long_text;
  while (long_text.size() < 3000) long_text += "ö€";
  const grpc::Status wire = ToGrpc(absl::InternalError(long_text));
  EXPECT_LE(wire.error_message().size(), 1024);
  EXPECT_TRUE(wire.error_message().ends_with("..."));
  const std::string kept = wire.error_message().substr(0, wire.error_message().size() - 3);
  EXPECT_TRUE(long_text.starts_with(kept));
  EXPECT_NE(static_cast<unsigned char>(long_text[kept.size()]) & 0xC0U, 0x80U);
}

}  // namespace
}  // namespace throng
