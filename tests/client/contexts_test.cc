#include "client/contexts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "client/daemon_access.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

class ContextsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "contexts-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    setenv("XDG_CONFIG_HOME", folder.c_str(), 1);
    unsetenv("THRONG_ADDRESS");
    unsetenv("THRONG_CONTEXT");
    path_ = ContextsPath();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& text) const {
    fs::create_directories(fs::path(path_).parent_path());
    std::ofstream(path_) << text;
    chmod(path_.c_str(), 0600);
  }

  std::string folder_, path_;
};

TEST_F(ContextsTest, StandWhereConfigurationStands) {
  EXPECT_EQ(ContextsPath(), folder_ + "/throng/contexts.yaml");
  unsetenv("XDG_CONFIG_HOME");
  setenv("HOME", "/home/somebody", 1);
  EXPECT_EQ(ContextsPath(), "/home/somebody/.config/throng/contexts.yaml");
}

TEST_F(ContextsTest, AreReadAsTheyWereWrittenAndByTheirOwnerOnly) {
  Contexts contexts;
  contexts.current = "staging";
  Context& staging = contexts.all["staging"];
  staging.address = "staging:7447";
  staging.tls = {true, "/ca.pem", "/cert.pem", "/key.pem", "/to ken", "name"};
  contexts.all["local"].address = "unix:/s";
  ASSERT_TRUE(WriteContexts(path_, contexts).ok());
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const auto read = ReadContexts(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->current, "staging");
  EXPECT_EQ(read->all.size(), 2U);
  const TlsFlags& tls = read->all.at("staging").tls;
  EXPECT_TRUE(tls.is_asked);
  EXPECT_EQ(tls.ca_file + tls.certificate_file + tls.key_file + tls.token_file + tls.server_name,
            "/ca.pem/cert.pem/key.pem/to kenname");
  EXPECT_FALSE(read->all.at("local").tls.IsUsed());
}

TEST_F(ContextsTest, WithoutAFileThereAreNone) {
  const auto read = ReadContexts(path_);
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->all.empty());
}

TEST_F(ContextsTest, WhatIsWrongIsSaid) {
  const auto message = [this](const std::string& text) {
    Write(text);
    return std::string(ReadContexts(path_).status().message()).substr(path_.size());
  };
  EXPECT_EQ(message("contexts: {a: {address: x, token: secret}}"),
            ": contexts.a: There is no field \"token\". There are address, tls, cacert, cert, key, "
            "token_file, server_name; secrets stay in files of their own.");
  EXPECT_EQ(message("contexts: {a: {}}"), ": contexts.a: It has no address.");
  EXPECT_EQ(message("context: {}"),
            ": There is no field \"context\"; there are current and contexts.");
  EXPECT_NE(message("contexts: ["), "");
  Write("contexts: {}");
  chmod(path_.c_str(), 0666);
  EXPECT_TRUE(absl::IsPermissionDenied(ReadContexts(path_).status()));
}

TEST_F(ContextsTest, FlagsAreStrongerThanVariablesAndTheseThanTheOneInUse) {
  Write("current: a\ncontexts:\n  a: {address: 'a:1', cacert: /a.pem}\n  b: {address: 'b:1'}\n");
  const auto address = [](const DaemonFlags& given) {
    DaemonFlags flags = given;
    const absl::Status status = ResolveContext(&flags);
    return status.ok() ? NamedAddress(flags).value_or("none") : std::string(status.message());
  };
  DaemonFlags none, named, addressed;
  named.context = "b";
  addressed.address = "/s";
  EXPECT_EQ(address(none), "a:1");
  EXPECT_EQ(address(named), "b:1");
  EXPECT_EQ(address(addressed), "unix:/s");
  setenv("THRONG_CONTEXT", "b", 1);
  EXPECT_EQ(address(none), "b:1");
  setenv("THRONG_ADDRESS", "c:1", 1);
  EXPECT_EQ(address(none), "c:1");
  named.context = "a";
  EXPECT_EQ(address(named), "a:1");
  unsetenv("THRONG_ADDRESS");
  setenv("THRONG_CONTEXT", "aa", 1);
  EXPECT_EQ(address(none), "There is no context \"aa\". There are a, b.");
  named.context = "";
  EXPECT_EQ(address(named), "none");
}

TEST_F(ContextsTest, TheCommandLineIsSaidAsItWasGiven) {
  DaemonFlags flags;
  flags.context = "b";
  flags.found = Context{"b:1", {}};
  EXPECT_EQ(WordsOf(flags), (std::vector<std::string>{"--context", "b"}));
}

}  // namespace
}  // namespace throng
