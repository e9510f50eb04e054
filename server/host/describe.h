// `throng-worker describe`: what a plugin says about itself.
#pragma once

#include <string>
#include <string_view>

#include "server/host/catalogue.h"
#include "throng/v1/plugin.pb.h"

namespace throng {

// "bool", "int64", ..., by an option's THRONG_OPTION_... type.
std::string_view OptionTypeName(uint32_t type);

// Everything that a plugin's table says, and where its file lies.
v1::Plugin DescribePlugin(const Plugin& plugin);
// What people want to know of it.
std::string DescriptionText(const Plugin& plugin);

struct DescribeCommand {
  std::string file;
  bool is_json = false;  // of the message above
};

// The process's exit code: 0 done, 1 the plugin cannot be loaded.
int ExecuteDescribe(const DescribeCommand& command);

}  // namespace throng
