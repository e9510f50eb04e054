#include "server/host/roots.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

TEST(Roots, HoldWhatLiesBelowThem) {
  const ScratchFolder folder;
  fs::create_directories(folder.path("out/deep"));
  for (const std::string& root :
       {folder.path("out"), folder.path("out/"), folder.path("out/deep/..")}) {
    EXPECT_TRUE(LiesBelow(folder.path("out/a.csv"), {root})) << root;
    EXPECT_TRUE(LiesBelow(folder.path("out/new/folders/a.csv"), {root})) << root;
    EXPECT_TRUE(LiesBelow(folder.path("out/deep/../a.csv"), {root})) << root;
    EXPECT_FALSE(LiesBelow(folder.path("out"), {root})) << root;
    EXPECT_FALSE(LiesBelow(folder.path("outside.csv"), {root})) << root;
    EXPECT_FALSE(LiesBelow(folder.path("out/../a.csv"), {root})) << root;
    EXPECT_FALSE(LiesBelow(folder.path("out/new/../../a.csv"), {root})) << root;
    EXPECT_FALSE(LiesBelow("/etc/passwd", {root})) << root;
  }
  EXPECT_TRUE(LiesBelow("/etc/passwd", {folder.path("out"), "/etc"}));
  EXPECT_TRUE(LiesBelow("/etc/passwd", {"/"}));
  EXPECT_FALSE(LiesBelow("/etc/passwd", {}));
}

TEST(Roots, NeedNotExist) {
  const ScratchFolder folder;
  EXPECT_TRUE(LiesBelow(folder.path("later/a.csv"), {folder.path("later/")}));
  EXPECT_FALSE(LiesBelow(folder.path("later.csv"), {folder.path("later/")}));
}

TEST(Roots, AreNotLeftByLinks) {
  const ScratchFolder folder;
  fs::create_directories(folder.path("out"));
  fs::create_directory_symlink(folder.path(), folder.path("out/up"));
  fs::create_symlink("/etc/passwd", folder.path("out/users"));
  fs::create_symlink("loop", folder.path("out/loop"));
  EXPECT_FALSE(LiesBelow(folder.path("out/up/a.csv"), {folder.path("out")}));
  EXPECT_FALSE(LiesBelow(folder.path("out/users"), {folder.path("out")}));
  EXPECT_FALSE(LiesBelow(folder.path("out/loop/a.csv"), {folder.path("out")}));
  fs::create_symlink(folder.path("not-there-yet"), folder.path("out/later"));
  EXPECT_FALSE(LiesBelow(folder.path("out/later"), {folder.path("out")}));
  EXPECT_FALSE(LiesBelow(folder.path("out/later/a.csv"), {folder.path("out")}));
  fs::create_directory_symlink(folder.path("out"), folder.path("link"));
  EXPECT_TRUE(LiesBelow(folder.path("out/a.csv"), {folder.path("link")}));
  EXPECT_TRUE(LiesBelow(folder.path("link/a.csv"), {folder.path("out")}));
}

TEST(Roots, OfRelativePathsBeginAtTheWorkingFolder) {
  const std::string here = fs::current_path().string();
  EXPECT_TRUE(LiesBelow("a.csv", {here}));
  EXPECT_TRUE(LiesBelow("./out/a.csv", {here}));
  EXPECT_TRUE(LiesBelow("a.csv", {"."}));
  EXPECT_FALSE(LiesBelow("../a.csv", {here}));
}

}  // namespace
}  // namespace throng
