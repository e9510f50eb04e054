#include "server/host/describe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/json.h"
#include "server/control/status.h"

namespace throng {
namespace {

std::unique_ptr<Plugin> Load(const std::string& name) {
  auto plugin = Plugin::Load(std::string(THRONG_TEST_PLUGINS) + "/" + name + ".so");
  EXPECT_TRUE(plugin.ok()) << MessageOf(plugin.status());
  return *std::move(plugin);
}

TEST(DescribeTest, TextShowsComponentsAndTheirOptions) {
  EXPECT_EQ(DescriptionText(*Load("zipf")),
            "zipf 1.0.0 (plugin ABI 1.0)\n"
            "Zipf-distributed behaviours.\n"
            "\n"
            "choice `zipf`: Zipf item popularity.\n"
            "  OPTION    TYPE     DEFAULT  RANGE    FLAGS  DOC\n"
            "  exponent  float64  1.1      0 to 10         Skew; 0 is uniform.\n");
}

TEST(DescribeTest, TextShowsWhatASinkTakesAndFlags) {
  EXPECT_EQ(DescriptionText(*Load("journal")),
            "journal 1.0.0 (plugin ABI 1.0)\n"
            "Records in a growing file.\n"
            "\n"
            "sink `journal`: A file with a mark of what counts.\n"
            "  Takes stream; exactly once.\n"
            "  OPTION  TYPE    DEFAULT  RANGE  FLAGS              DOC\n"
            "  path    string  -               required,identity  The file to write.\n");
}

TEST(DescribeTest, TheMessageHoldsTheSame) {
  v1::Plugin plugin = DescribePlugin(*Load("misbehaving/faulty_format"));
  EXPECT_EQ(plugin.path(), std::string(THRONG_TEST_PLUGINS) + "/misbehaving/faulty_format.so");
  EXPECT_EQ(plugin.sha256().size(), 64U);
  plugin.clear_path();
  plugin.clear_sha256();
  EXPECT_EQ(ToJson(plugin), nlohmann::ordered_json::parse(R"({
    "name": "plugins/faulty_format",
    "version": "1.0.0",
    "doc": "A format that breaks the contract on demand.",
    "abi": "1.0",
    "components": [{
      "role": "format",
      "name": "faulty_format",
      "doc": "Breaks the contract on demand.",
      "modes": ["stream", "messages"],
      "options": [
        {"name": "fault", "type": "string", "doc": "How to break the contract.", "default": "none"},
        {"name": "cuts", "type": "bool", "doc": "Whether it has inner blocks of 4096 rows.",
         "default": "false"}
      ]
    }]
  })"));
}

TEST(DescribeTest, TheMessageOfASinkSaysWhetherItIsDurable) {
  const v1::Plugin plugin = DescribePlugin(*Load("misbehaving/faulty_sinks"));
  EXPECT_TRUE(plugin.components(0).is_durable());
  EXPECT_FALSE(plugin.components(1).is_durable());
  const v1::PluginOption& path = plugin.components(0).options(0);
  EXPECT_TRUE(path.is_required() && path.is_identity());
  EXPECT_FALSE(path.is_path() || path.is_secret());
}

}  // namespace
}  // namespace throng
