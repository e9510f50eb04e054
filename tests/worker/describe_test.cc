#include "server/worker/describe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/worker/status.h"

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

TEST(DescribeTest, JsonHoldsTheSame) {
  const auto json = DescriptionJson(*Load("misbehaving/faulty_format"));
  EXPECT_EQ(json, nlohmann::ordered_json::parse(R"({
    "name": "faulty_format",
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

TEST(DescribeTest, JsonOfASinkSaysWhetherItIsDurable) {
  const auto json = DescriptionJson(*Load("misbehaving/faulty_sinks"));
  EXPECT_EQ(json["components"][0]["durable"], true);
  EXPECT_EQ(json["components"][1]["durable"], false);
  EXPECT_EQ(json["components"][0]["options"][0]["flags"],
            (nlohmann::ordered_json{"required", "identity"}));
}

}  // namespace
}  // namespace throng
