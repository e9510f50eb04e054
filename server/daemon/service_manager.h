// What a service manager is told, by systemd's protocol (sd_notify(3)); without one nothing
// happens.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace throng {

// Sends e.g. "READY=1" to the socket that $NOTIFY_SOCKET names.
void TellServiceManager(const std::string& state);

// Within which the manager wants to hear "WATCHDOG=1", from $WATCHDOG_USEC; nothing: it does not.
std::optional<std::chrono::microseconds> WatchdogInterval();

}  // namespace throng
