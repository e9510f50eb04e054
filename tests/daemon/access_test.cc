// Who may call what, and the files that say so. The real handshakes are in e2e/access_test.py.
#include "server/daemon/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "server/control/status.h"
#include "server/daemon/reload.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kSecret = "0123456789abcdef";
// printf 0123456789abcdef | sha256sum
constexpr const char* kDigest = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f";

class AccessTest : public testing::Test {
 protected:
  std::string TokenFile(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(folder_.path("tokens")) << text;
    chmod(folder_.path("tokens").c_str(), mode);
    return folder_.path("tokens");
  }
  const ScratchFolder folder_;
};

TEST(MayCall, LetsOperatorsDoEverythingAndReadersLook) {
  for (const char* method :
       {"/throng.v1.RunService/GetRun", "/throng.v1.RunService/ListRuns",
        "/throng.v1.RunService/WatchRun", "/throng.v1.RunService/ReadRunLogs",
        "/throng.v1.RunService/GetPositions", "/throng.v1.RunService/GetRunStatistics",
        "/throng.v1.ServerService/GetServerInfo", "/throng.v1.PluginService/ListPlugins",
        "/throng.v1.PluginService/ListPresets", "/throng.v1.GenerationService/Generate",
        "/throng.v1.GenerationService/Plan", "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
    EXPECT_TRUE(MayCall(Role::kReader, method)) << method;
    EXPECT_TRUE(MayCall(Role::kOperator, method)) << method;
  }
  for (const char* method :
       {"/throng.v1.RunService/CreateRun", "/throng.v1.RunService/DeleteRun",
        "/throng.v1.RunService/PauseRun", "/throng.v1.RunService/ResumeRun",
        "/throng.v1.RunService/StopRun", "/throng.v1.RunService/RestartRun",
        "/throng.v1.RunService/ResetPositions", "/throng.v1.RunService/UpdateRun",
        "/throng.v1.PluginService/ValidateSpec", "/throng.v1.InspectionService/Tap",
        "/throng.v1.InspectionService/Replay", "/throng.v1.NewService/GetThings", "/GetRun",
        "GetRun", ""}) {
    EXPECT_FALSE(MayCall(Role::kReader, method)) << method;
    EXPECT_TRUE(MayCall(Role::kOperator, method)) << method;
  }
}

TEST_F(AccessTest, ReadsTokensAndTheirDigests) {
  const auto tokens =
      ReadTokens(TokenFile("# who may come\n\n  ci operator " + std::string("sha256:") + kDigest +
                           "\nboard reader another-long-token\n"));
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  ASSERT_EQ(tokens->size(), 2U);
  EXPECT_EQ(tokens->at(kDigest).name, "ci");
  EXPECT_EQ(tokens->at(kDigest).role, Role::kOperator);
}

TEST_F(AccessTest, RefusesFilesOfTokensThatAreWrongOrOpen) {
  const auto why = [&](const std::string& text, mode_t mode = 0600) {
    std::string message = MessageOf(ReadTokens(TokenFile(text, mode)).status());
    return message.substr(std::min(message.size(), folder_.path("tokens").size()));
  };
  EXPECT_EQ(why("ci operator " + std::string(kSecret), 0644),
            ": Every user can open it; take that away by `chmod o= FILE`.");
  EXPECT_EQ(why("\nci boss 0123456789abcdef"),
            ":2: Must be NAME ROLE TOKEN, where ROLE is reader or operator.");
  EXPECT_EQ(why("ci operator"), ":1: Must be NAME ROLE TOKEN, where ROLE is reader or operator.");
  EXPECT_EQ(why("ci operator 0123456789abcdef more"),
            ":1: Must be NAME ROLE TOKEN, where ROLE is reader or operator.");
  for (const char* token : {"short", "sha256:12", "sha256:0123456789abcdefZ"}) {
    EXPECT_EQ(why(std::string("ci operator ") + token),
              ":1: The token must have at least 16 characters, or be `sha256:` and 64 hexadecimal "
              "digits.");
  }
  EXPECT_EQ(why("a reader 0123456789abcdef\nb reader sha256:" + std::string(kDigest)),
            ":2: Another line has that token.");
  EXPECT_EQ(MessageOf(ReadTokens("/no/such/file").status()),
            "/no/such/file: No such file or directory.");
}

TEST_F(AccessTest, LetsEverybodyOfASocketInWithItsRole) {
  Listener listener;
  listener.address = "unix:/s";
  listener.role = Role::kReader;
  const auto access = Access::Make(listener);
  ASSERT_TRUE(access.ok()) << access.status();
  const auto found = (*access)->Find({}, std::nullopt);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->role, Role::kReader);
  EXPECT_EQ(found->name, "unix:/s");
}

TEST_F(AccessTest, RefusesPemFilesThatAreNone) {
  folder_.Write("c.pem", "nothing");
  Listener listener;
  listener.certificate = folder_.path("c.pem");
  listener.key = folder_.path("k.pem");
  EXPECT_THAT(MessageOf(Access::Make(listener).status()),
              HasSubstr("Holds no certificate in PEM."));
}

daemon::v1::Config ConfigOf(const std::string& address, const std::string& client) {
  daemon::v1::Config config;
  daemon::v1::Listener* listener = config.add_listeners();
  listener->set_address(address);
  listener->mutable_tls()->set_key("/k");
  listener->add_clients()->set_name(client);
  return config;
}

TEST(Reload, KnowsWhatTakesEffectAtTheNextStart) {
  const auto before = ConfigOf("a:1", "ci");
  EXPECT_THAT(FieldsForTheNextStart(before, ConfigOf("a:1", "other")), IsEmpty());
  EXPECT_TRUE(HaveSameDoors(before, ConfigOf("a:1", "other")));
  EXPECT_THAT(FieldsForTheNextStart(before, ConfigOf("a:2", "ci")),
              ElementsAre("listeners[0].address"));
  EXPECT_FALSE(HaveSameDoors(before, ConfigOf("a:2", "ci")));
  auto other = before;
  other.set_state_folder("/x");
  other.set_max_streams(7);
  other.add_output_roots("/y");
  other.mutable_listeners(0)->mutable_tls()->set_key("/other");
  other.mutable_listeners(0)->set_tokens("/t");
  EXPECT_THAT(FieldsForTheNextStart(before, other),
              ElementsAre("listeners[0].tls", "listeners[0].tokens", "max_streams", "output_roots",
                          "state_folder"));
  other = before;
  other.clear_listeners();
  EXPECT_FALSE(HaveSameDoors(before, other));
}

}  // namespace
}  // namespace throng
