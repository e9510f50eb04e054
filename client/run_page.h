// A run as a page for people.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "throng/v1/run.pb.h"
#include "throng/v1/run_service.pb.h"

namespace throng {

// What it does and how far its outputs are. States in color if `has_color`.
std::string RunText(const v1::Run& run, bool has_color);

// That, what it is made of, and what it had to say last.
std::string RunPage(const v1::Run& run, const std::vector<v1::LogLine>& last_lines, bool has_color);

// What of it changes while it runs: state, progress, outputs.
std::string LiveText(const v1::Run& run, size_t width, bool has_color);

// One line for a change: when, what, how far.
std::string ChangeLine(const v1::Run& run);

// "2024-01-01T00:00:00.250Z  info     worker: text".
std::string LogText(const v1::LogLine& line);

}  // namespace throng
