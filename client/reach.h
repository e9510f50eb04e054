// Whether somebody listens where Kafka is said to be.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace throng {

// Why none of the brokers, HOST:PORT with commas between them, takes a connection: what was met at
// the last of them. Empty: one does. `timeout` is for each address of each.
std::string WhyOutOfReach(std::string_view brokers, std::chrono::milliseconds timeout);

}  // namespace throng
