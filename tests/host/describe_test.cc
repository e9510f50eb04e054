#include "server/host/describe.h"

#include <gmock/gmock.h>
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
            "  OPTION  TYPE    DEFAULT  RANGE  FLAGS                   DOC\n"
            "  path    string  -               required,identity,path  The file to write.\n");
}

TEST(DescribeTest, WhatThisHostCannotUseIsListed) {
  const auto plugin = Load("misbehaving/table_future_too");
  EXPECT_EQ(DescriptionText(*plugin),
            "table 1.0.0 (plugin ABI 1.0)\n"
            "A table.\n"
            "\n"
            "rating `table`: Three stars.\n"
            "  OPTION  TYPE     DEFAULT  RANGE   FLAGS  DOC\n"
            "  stars   float64  3        1 to 5         What everybody gives.\n"
            "\n"
            "rating/2 `future`: not usable by this host, which does not know the role or its "
            "revision.\n");
  const v1::Plugin message = DescribePlugin(*plugin);
  ASSERT_EQ(message.components_size(), 1);
  EXPECT_EQ(message.components(0).name(), "table");
  EXPECT_EQ(ToJson(message)["unusable_components"],
            nlohmann::ordered_json::parse(R"([{"role": "rating/2", "name": "future"}])"));
}

TEST(DescribeTest, TextHoldsNothingThatATerminalWouldObey) {
  EXPECT_THAT(DescriptionText(*Load("misbehaving/table_doc_escape")),
              testing::HasSubstr("rating `table`: Three \uFFFD[31mred stars.\n"));
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
  EXPECT_TRUE(path.is_required() && path.is_identity() && path.is_path());
  EXPECT_FALSE(path.is_secret());
}

}  // namespace
}  // namespace throng
