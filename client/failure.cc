#include "client/failure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>

#include "google/rpc/error_details.pb.h"

namespace throng {
namespace {

using nlohmann::ordered_json;

// The detail of that type, if there is one.
template <class Detail>
std::optional<Detail> DetailOf(const absl::Status& status) {
  const auto payload =
      status.GetPayload("type.googleapis.com/" + Detail::descriptor()->full_name());
  Detail detail;
  if (!payload || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

// How many mistakes a message stands for: it tells the first, and ends "(and 179 more mistakes)".
int MistakesOf(std::string_view message) {
  constexpr std::string_view kAnd = " (and ";
  const size_t at = message.rfind(kAnd);
  if (at == std::string_view::npos) return 1;
  message.remove_prefix(at + kAnd.size());
  int more = 0;
  const auto [end, error] = std::from_chars(message.begin(), message.end(), more);
  message.remove_prefix(static_cast<size_t>(end - message.begin()));
  return error == std::errc() && message.starts_with(" more mistake") ? 1 + more : 1;
}

bool& IsToldAsJson() {
  static bool is_json = false;
  return is_json;
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kWrongRequest;
    case absl::StatusCode::kUnavailable: {
      const auto info = DetailOf<google::rpc::ErrorInfo>(status);
      return !info || info->reason() == "DAEMON_STOPPING" || info->reason() == "DAEMON_DRAINING"
                 ? kNoDaemon
                 : kFailed;
    }
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return kWrongState;
    case absl::StatusCode::kDeadlineExceeded:
      return kTimedOut;
    case absl::StatusCode::kCancelled:
      return kInterrupted;
    case absl::StatusCode::kUnauthenticated:
      return kNoDaemon;
    default:
      return kFailed;
  }
}

namespace {

// Of a connection that was not made: what was met, and what to do.
std::vector<std::string> NoConnectionLines(const std::string& message, const std::string& address) {
  const auto has = [&message](std::string_view words) {
    return message.find(words) != std::string::npos;
  };
  if (address.starts_with("unix:") && has("Permission denied")) {
    return {fmt::format("The daemon at {} does not let you in ({}).", address, message),
            "Join the group of its socket, or ask its operator for one that you may use."};
  }
  const bool is_tls = has("CERTIFICATE_VERIFY_FAILED") || has("andshake failed") ||
                      has("Hostname Verification Check failed") || has("Peer name");
  if (is_tls) {
    return {fmt::format("The daemon at {} and this client do not trust each other ({}).", address,
                        message),
            "See to --cacert, --cert, --key and --server-name, and to whether it speaks TLS."};
  }
  return {fmt::format("No daemon answers at {} ({}).", address, message),
          "Start one with `throngd`, or name one with --address or THRONG_ADDRESS."};
}

// The code that a failure of the client's own stands for.
absl::StatusCode CodeOf(ExitCode exit_code) {
  switch (exit_code) {
    case kWrongRequest:
      return absl::StatusCode::kInvalidArgument;
    case kNoDaemon:
      return absl::StatusCode::kUnavailable;
    case kWrongState:
      return absl::StatusCode::kFailedPrecondition;
    case kTimedOut:
      return absl::StatusCode::kDeadlineExceeded;
    case kInterrupted:
      return absl::StatusCode::kCancelled;
    default:
      return absl::StatusCode::kUnknown;
  }
}

ExitCode Tell(const absl::Status& status, const std::vector<std::string>& lines, ExitCode code) {
  std::string text;
  if (IsToldAsJson()) {
    text = FailureJson(status, lines, code) + "\n";
  } else {
    for (const std::string& line : lines) text += line + "\n";
  }
  std::fputs(text.c_str(), stderr);
  return code;
}

}  // namespace

std::vector<std::string> FailureLines(const absl::Status& status, const std::string& address,
                                      bool is_private) {
  const std::string message(status.message());
  if (const auto request = DetailOf<google::rpc::BadRequest>(status);
      request && request->field_violations_size() > 0) {
    std::vector<std::string> lines;
    for (const auto& violation : request->field_violations()) {
      lines.push_back(violation.field().empty()
                          ? violation.description()
                          : fmt::format("{}: {}", violation.field(), violation.description()));
    }
    // Not all may have had room; the message has the count.
    if (const int more = MistakesOf(message) - request->field_violations_size(); more > 0) {
      lines.push_back(
          fmt::format("(and {} more mistake{}; `throngctl validate` with the same flags shows all)",
                      more, more > 1 ? "s" : ""));
    }
    return lines;
  }
  const bool is_from_daemon = DetailOf<google::rpc::ErrorInfo>(status).has_value();
  if (is_from_daemon) return {message};
  if (absl::IsUnavailable(status) && is_private) {
    return {fmt::format(
        "The private throngd of this command has ended ({}); give the command again.", message)};
  }
  if (absl::IsUnavailable(status)) {
    return NoConnectionLines(message, address);
  }
  if (absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status)) {
    return {fmt::format("The daemon at {} refuses: {}", address, message)};
  }
  if (absl::IsDeadlineExceeded(status)) {
    return {fmt::format("The daemon at {} did not answer in time.", address)};
  }
  return {fmt::format("The call to the daemon at {} failed: {}", address, message)};
}

std::string FailureJson(const absl::Status& status, const std::vector<std::string>& lines,
                        ExitCode exit_code) {
  ordered_json error = {{"code", absl::StatusCodeToString(status.code())},
                        {"exit_code", static_cast<int>(exit_code)},
                        {"message", fmt::format("{}", fmt::join(lines, "\n"))}};
  if (const auto info = DetailOf<google::rpc::ErrorInfo>(status)) {
    error["reason"] = info->reason();
    for (const auto& [key, value] : info->metadata()) error["metadata"][key] = value;
  }
  if (const auto request = DetailOf<google::rpc::BadRequest>(status)) {
    for (const auto& violation : request->field_violations()) {
      error["fields"].push_back(
          {{"field", violation.field()}, {"description", violation.description()}});
    }
  }
  return ordered_json{{"error", error}}.dump(-1, ' ', false,
                                             ordered_json::error_handler_t::replace);
}

void TellFailuresAsJson() { IsToldAsJson() = true; }

ExitCode Fail(const absl::Status& status, const Daemon& daemon) {
  return Tell(status, FailureLines(status, daemon.address(), daemon.is_private()),
              ExitCodeOf(status));
}

ExitCode Fail(const absl::Status& status) {
  return Tell(status, {std::string(status.message())}, ExitCodeOf(status));
}

ExitCode Fail(ExitCode exit_code, const std::string& sentence) {
  return Tell(absl::Status(CodeOf(exit_code), sentence), {sentence}, exit_code);
}

}  // namespace throng
