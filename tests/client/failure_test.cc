#include "client/failure.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"

namespace throng {
namespace {

using Lines = std::vector<std::string>;

template <class Detail>
void Attach(const Detail& detail, absl::Status* status) {
  status->SetPayload("type.googleapis.com/" + Detail::descriptor()->full_name(),
                     absl::Cord(detail.SerializeAsString()));
}

TEST(Failure, EveryCodeHasItsExitCode) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::OutOfRangeError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::UnauthenticatedError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::AlreadyExistsError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::CancelledError("")), 130);
}

TEST(Failure, SaysWhyAConnectionWasNotMade) {
  const auto lines = [](const std::string& message, const std::string& address) {
    return FailureLines(absl::UnavailableError(message), address, false);
  };
  EXPECT_EQ(lines("connect: Permission denied", "unix:/s"),
            (Lines{"The daemon at unix:/s does not let you in (connect: Permission denied).",
                   "Join the group of its socket, or ask its operator for one that you may use."}));
  EXPECT_EQ(lines("Ssl handshake failed: x", "host:1"),
            (Lines{"The daemon at host:1 and this client do not trust each other (Ssl handshake "
                   "failed: x).",
                   "See to --cacert, --cert, --key and --server-name, and to whether it speaks "
                   "TLS."}));
  EXPECT_EQ(FailureLines(absl::PermissionDeniedError("You are a reader."), "host:1", false),
            (Lines{"The daemon at host:1 refuses: You are a reader."}));
}

TEST(Failure, EachMistakeIsALineOfItsOwn) {
  absl::Status status = absl::InvalidArgumentError("dataset.seed: Wrong. (and 1 more mistake)");
  google::rpc::BadRequest request;
  auto* first = request.add_field_violations();
  first->set_field("dataset.seed");
  first->set_description("Wrong.");
  request.add_field_violations()->set_description("The spec is empty.");
  Attach(request, &status);
  EXPECT_EQ(FailureLines(status, "unix:/x", false),
            (Lines{"dataset.seed: Wrong.", "The spec is empty."}));
}

TEST(Failure, MistakesThatTheAnswerHadNoRoomForAreCounted) {
  google::rpc::BadRequest request;
  request.add_field_violations()->set_description("Wrong (and 9 times so).");
  const auto last_line = [&](const char* message) {
    absl::Status status = absl::InvalidArgumentError(message);
    Attach(request, &status);
    return FailureLines(status, "unix:/x", false).back();
  };
  EXPECT_EQ(last_line("Wrong (and 9 times so). (and 179 more mistakes)"),
            "(and 179 more mistakes; `throngctl validate` with the same flags shows all)");
  EXPECT_EQ(last_line("Wrong (and 9 times so). (and 1 more mistake)"),
            "(and 1 more mistake; `throngctl validate` with the same flags shows all)");
  for (const char* message : {"Wrong (and 9 times so).", "Wrong.", "Wrong (and more mistakes)"}) {
    EXPECT_EQ(last_line(message), "Wrong (and 9 times so).");
  }
}

TEST(Failure, WithoutAConnectionItSaysHowToGetOne) {
  EXPECT_EQ(FailureLines(absl::UnavailableError("refused"), "unix:/x", false),
            (Lines{"No daemon answers at unix:/x (refused).",
                   "Start one with `throngd`, or name one with --address or THRONG_ADDRESS."}));
}

TEST(Failure, APrivateDaemonThatIsLostIsNotStartedByHand) {
  EXPECT_EQ(
      FailureLines(absl::UnavailableError("closed"), "unix:/x", true),
      Lines{"The private throngd of this command has ended (closed); give the command again."});
}

TEST(Failure, ADaemonThatAnsweredIsThere) {
  const auto exit_code = [](const char* reason) {
    absl::Status status = absl::UnavailableError("Not now.");
    google::rpc::ErrorInfo info;
    info.set_reason(reason);
    Attach(info, &status);
    return ExitCodeOf(status);
  };
  EXPECT_EQ(exit_code("WORKER_REFUSED"), 1);
  EXPECT_EQ(exit_code("DAEMON_STOPPING"), 3);
}

TEST(Failure, WhatTheDaemonSaysIsToldAsItIs) {
  absl::Status status = absl::UnavailableError("The daemon ends.");
  google::rpc::ErrorInfo info;
  info.set_reason("ENDING");
  Attach(info, &status);
  EXPECT_EQ(FailureLines(status, "unix:/x", false), Lines{"The daemon ends."});
}

TEST(Failure, IsALineOfJsonForPrograms) {
  absl::Status status = absl::FailedPreconditionError("It runs; stop it first.");
  google::rpc::ErrorInfo info;
  info.set_reason("RUN_NOT_STOPPED");
  Attach(info, &status);
  EXPECT_EQ(FailureJson(status, {"It runs; stop it first."}, kWrongState),
            R"({"error":{"code":"FAILED_PRECONDITION","exit_code":4,)"
            R"("message":"It runs; stop it first.","reason":"RUN_NOT_STOPPED"}})");
  absl::Status wrong = absl::InvalidArgumentError("two mistakes");
  google::rpc::BadRequest request;
  auto* violation = request.add_field_violations();
  violation->set_field("dataset.seed");
  violation->set_description("Too large.");
  Attach(request, &wrong);
  EXPECT_EQ(FailureJson(wrong, {"dataset.seed: Too large.", "More."}, kWrongRequest),
            R"({"error":{"code":"INVALID_ARGUMENT","exit_code":2,)"
            R"("message":"dataset.seed: Too large.\nMore.",)"
            R"("fields":[{"field":"dataset.seed","description":"Too large."}]}})");
}

}  // namespace
}  // namespace throng
