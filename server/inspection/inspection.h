// What the calls of InspectionService are given to work with, in the worker that answers them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/spec/problem.h"

namespace throng {

struct Inspection {
  const Catalogue& catalogue;
  const Environment& environment;
  int64_t now_ms = 0;  // that relative times are resolved with
  // How long a sink that is full or out of reach is tried again; 0: without end.
  std::chrono::milliseconds retry_timeout{0};
  // Sends one message of the call's response; CANCELLED: nobody reads any more. It may wait.
  std::function<absl::Status(const google::protobuf::MessageLite&)> send;
  // Takes what is wrong with the request; who puts something in returns INVALID_ARGUMENT.
  Problems* problems = nullptr;
};

}  // namespace throng
