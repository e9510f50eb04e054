// `throng-worker describe`: what a plugin says about itself.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "server/worker/catalogue.h"
#include "throng/v1/plugin.pb.h"

namespace throng {

// "bool", "int64", ..., by an option's THRONG_OPTION_... type.
std::string_view OptionTypeName(uint32_t type);

// Everything that a plugin's table says, with where its file lies.
v1::Plugin DescribePlugin(const Plugin& plugin);
// The same without where its file lies.
nlohmann::ordered_json DescriptionJson(const Plugin& plugin);
// The same for people.
std::string DescriptionText(const Plugin& plugin);

struct DescribeCommand {
  std::string file;
  bool is_json = false;
};

// The process's exit code: 0 done, 1 the plugin cannot be loaded.
int ExecuteDescribe(const DescribeCommand& command);

}  // namespace throng
