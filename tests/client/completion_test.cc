#include "client/completion.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace throng {
namespace {

using Words = std::vector<std::string>;

CompletionCommand Root() {
  const CompletionCommand get{
      "get", {}, {{{"-o"}, "table|json"}, {{"--address"}, "ADDRESS"}}, "RUN"};
  const CompletionCommand generate{
      "generate", {}, {{{"-f", "--file"}, "SPEC"}, {{"--quiet"}, ""}}, ""};
  return {"throngctl", {{"runs", {get}, {}, ""}, generate}, {{{"--help"}, ""}}, ""};
}

Words Completed(const Words& words) {
  return Complete(
      Root(), words, [](const std::string& kind, const std::optional<std::string>& address) {
        return kind == "RUN" ? Words{"nightly", "weekly", address.value_or("here")} : Words{};
      });
}

TEST(Completion, OffersCommandsFlagsAndChoices) {
  EXPECT_EQ(Completed({""}), (Words{"runs", "generate"}));
  EXPECT_EQ(Completed({"g"}), Words{"generate"});
  EXPECT_EQ(Completed({"runs", ""}), Words{"get"});
  EXPECT_EQ(Completed({"generate", "--q"}), Words{"--quiet"});
  EXPECT_EQ(Completed({"runs", "get", "-o", "j"}), Words{"json"});
}

TEST(Completion, OffersLiveNamesOfTheDaemonThatTheLineNames) {
  EXPECT_EQ(Completed({"runs", "get", "n"}), Words{"nightly"});
  EXPECT_EQ(Completed({"runs", "get", "--address", "there", ""}),
            (Words{"nightly", "weekly", "there"}));
  EXPECT_EQ(Completed({"runs", "get", "--address", ""}), Words{});
}

TEST(Completion, LeavesFilesToTheShell) {
  EXPECT_EQ(Completed({"generate", "-f", "my"}), Words{""});
}

TEST(Completion, TheScriptOfBashIsWellFormed) {
  const std::string path = testing::TempDir() + "/completion.bash";
  std::ofstream(path) << *CompletionScript("bash");
  EXPECT_EQ(std::system(("bash -n " + path).c_str()), 0);
  std::remove(path.c_str());
}

TEST(Completion, KnowsThreeShells) {
  EXPECT_TRUE(CompletionScript("zsh").has_value());
  EXPECT_TRUE(CompletionScript("fish").has_value());
  EXPECT_FALSE(CompletionScript("tcsh").has_value());
}

}  // namespace
}  // namespace throng
