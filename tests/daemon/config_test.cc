// throngd.yaml and flags become settings, or every mistake is told at once.
#include "server/daemon/config.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "throng/daemon/v1/config.pb.h"

namespace throng {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

struct Result {
  std::optional<DaemonConfig> config;
  std::vector<std::string> problems;  // "field: message"
};

Result ReadLayers(const std::vector<SpecLayer>& layers) {
  Problems problems;
  Result result;
  result.config = ReadConfig(layers, &problems);
  for (const Problem& problem : problems) {
    result.problems.push_back(problem.field + ": " + problem.message);
  }
  EXPECT_EQ(result.config.has_value(), problems.empty());
  return result;
}

Result Read(const std::string& text) { return ReadLayers({ConfigLayer("d.yaml", text, true)}); }

std::vector<std::string> Mistakes(const std::string& text) { return Read(text).problems; }

std::string ExampleYaml() {
  std::ifstream file(THRONG_SOURCE_DIR "/deploy/throngd.yaml");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(ReadConfig, HasDefaultsForEverything) {
  const Result result = ReadLayers({});
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  EXPECT_TRUE(result.config->listen.starts_with("unix:/"));
  EXPECT_FALSE(result.config->is_insecure);
  EXPECT_TRUE(std::filesystem::path(result.config->state_folder).is_absolute());
  EXPECT_THAT(result.config->plugin_folders, IsEmpty());
  EXPECT_THAT(result.config->output_roots, ElementsAre(std::filesystem::current_path().string()));
  EXPECT_THAT(result.config->input_roots, ElementsAre(std::filesystem::current_path().string()));
  EXPECT_THAT(result.config->source_roots, IsEmpty());
  EXPECT_THAT(result.config->environment, IsEmpty());
  EXPECT_EQ(result.config->worker_memory, 0);
  EXPECT_EQ(result.config->call_limit, milliseconds(10'000));
  EXPECT_EQ(result.config->stop_timeout, milliseconds(10'000));
  EXPECT_EQ(result.config->max_streams, 64);
  EXPECT_EQ(result.config->ended_runs, 1000);
  EXPECT_EQ(result.config->log_bytes, 4 << 20);
}

TEST(ReadConfig, TakesAFileOfCommentsAlone) {
  EXPECT_THAT(Mistakes(""), IsEmpty());
  EXPECT_THAT(Mistakes("# nothing\n  # at all\n\n"), IsEmpty());
}

TEST(ReadConfig, ReadsEveryField) {
  const Result result = Read(R"(
listen: "localhost:7000"
insecure: true
state_folder: /s
plugin_folders: [/p, q]
output_roots: [/]
input_roots: [/in]
source_roots: [/secrets]
environment: [A, B]
worker_memory: 1GiB
call_limit: 100ms
stop_timeout: 1h
max_streams: 1
ended_runs: 0
log_size: 64KiB
)");
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  EXPECT_EQ(result.config->listen, "localhost:7000");
  EXPECT_TRUE(result.config->is_insecure);
  EXPECT_EQ(result.config->state_folder, "/s");
  EXPECT_THAT(result.config->plugin_folders, ElementsAre("/p", "q"));
  EXPECT_THAT(result.config->output_roots, ElementsAre("/"));
  EXPECT_THAT(result.config->input_roots, ElementsAre("/in"));
  EXPECT_THAT(result.config->source_roots, ElementsAre("/secrets"));
  EXPECT_THAT(result.config->environment, ElementsAre("A", "B"));
  EXPECT_EQ(result.config->worker_memory, 1 << 30);
  EXPECT_EQ(result.config->call_limit, milliseconds(100));
  EXPECT_EQ(result.config->stop_timeout, milliseconds(3'600'000));
  EXPECT_EQ(result.config->max_streams, 1);
  EXPECT_EQ(result.config->ended_runs, 0);
  EXPECT_EQ(result.config->log_bytes, 64 << 10);
}

TEST(ReadConfig, ReadsTheExampleWhichNamesEveryField) {
  const std::string text = ExampleYaml();
  const Result result = Read(text);
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  EXPECT_EQ(result.config->listen, "unix:/run/throng/throngd.sock");
  EXPECT_THAT(result.config->output_roots, ElementsAre("/srv/throng"));
  const auto& fields = *daemon::v1::Config::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    EXPECT_THAT(text, testing::HasSubstr(fields.field(i)->name() + ": "));
  }
}

TEST(ReadConfig, TakesFlagsAsStrongerThanTheFile) {
  const Result result = ReadLayers({
      ConfigLayer("d.yaml", "listen: unix:/a\nmax_streams: 3\noutput_roots: [/x, /y]", true),
      ConfigLayer("--listen", "listen: unix:/b", false),
      ConfigLayer("--output-root", "output_roots: [/z]", false),
  });
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  EXPECT_EQ(result.config->listen, "unix:/b");
  EXPECT_EQ(result.config->max_streams, 3);
  EXPECT_THAT(result.config->output_roots, ElementsAre("/z"));
}

TEST(ReadConfig, TellsAllMistakesAtOnceWithTheirPlaces) {
  EXPECT_THAT(
      Mistakes("lisen: unix:/a\n"
               "insecure: yes\n"
               "plugin_folders: /p\n"
               "environment: [{A: B}]\n"
               "worker_memory: 1MiB\n"
               "call_limit: 10\n"
               "stop_timeout: 2h\n"
               "max_streams: 0\n"
               "ended_runs: many\n"
               "log_size: lots\n"
               "output_roots: [/a, \"\"]\n"),
      ElementsAre("lisen: Unknown field \"lisen\". Did you mean \"listen\"? (d.yaml:1)",
                  "insecure: Must be true or false, found \"yes\". (d.yaml:2)",
                  "plugin_folders: Must be a list, found \"/p\"; begin each element with `- `. "
                  "(d.yaml:3)",
                  "environment[0]: Must be text, found fields. (d.yaml:4)",
                  "call_limit: Must be a duration such as 500ms, 1s or 5m, found \"10\". "
                  "(d.yaml:6)",
                  "ended_runs: Must be a whole number such as 1000, found \"many\". (d.yaml:9)",
                  "output_roots[1]: Must not be empty. (d.yaml:11)",
                  "worker_memory: Must lie between 64MiB and 1TiB, or be 0, found \"1MiB\". "
                  "(d.yaml:5)",
                  "stop_timeout: Must lie between 100ms and 1h, found 2h. (d.yaml:7)",
                  "max_streams: Must lie between 1 and 1024, found 0. (d.yaml:8)",
                  "log_size: Must be a size such as 1GiB, found \"lots\". (d.yaml:10)"));
}

TEST(ReadConfig, CallsTheTextByItsName) {
  EXPECT_THAT(Mistakes("- a"),
              ElementsAre(": The configuration is no map of fields; begin with `listen:`. "
                          "(d.yaml:1)"));
  EXPECT_THAT(Mistakes("\xff"),
              ElementsAre(": The configuration is not UTF-8 text; save it as UTF-8. (d.yaml:1)"));
}

TEST(ReadConfig, RefusesAddressesThatCannotBeListenedOn) {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  EXPECT_THAT(Mistakes("listen: " + long_path),
              ElementsAre("listen: The path of a socket has at most 107 bytes, this one 108; use a "
                          "shorter one. (d.yaml:1)"));
  EXPECT_THAT(Mistakes("listen: " + long_path.substr(0, long_path.size() - 1)), IsEmpty());
  EXPECT_THAT(Mistakes("listen: 'unix:'"),
              ElementsAre("listen: Has no path; write unix:/PATH. (d.yaml:1)"));
  for (const std::string text : {"here", "localhost", "localhost:", "localhost:70000", "a:b"}) {
    EXPECT_THAT(
        Mistakes("listen: '" + text + "'\ninsecure: true"),
        ElementsAre("listen: Must be unix:/PATH or HOST:PORT, found \"" + text + "\". (d.yaml:1)"));
  }
  for (const std::string text : {"0.0.0.0:1", "[::]:1", "example.org:1", ":1", "127.evil.org:1"}) {
    EXPECT_THAT(
        Mistakes("listen: '" + text + "'\ninsecure: true"),
        ElementsAre("listen: TCP is neither encrypted nor does it ask who comes, so only loopback "
                    "addresses (localhost, 127.0.0.1, [::1]) can be listened on, found \"" +
                    text + "\". (d.yaml:1)"));
  }
  EXPECT_THAT(Mistakes("listen: 127.0.0.1:1"),
              ElementsAre("listen: TCP lets in every user of this machine; if that is meant, say "
                          "so by --insecure or `insecure: true`, else listen on unix:/PATH. "
                          "(d.yaml:1)"));
  for (const std::string text : {"127.0.0.1:0", "[::1]:9", "localhost:65535"}) {
    EXPECT_THAT(Mistakes("listen: '" + text + "'\ninsecure: true"), IsEmpty());
  }
}

TEST(SocketPath, IsWhatFollowsTheScheme) {
  EXPECT_EQ(SocketPath("unix:/a/b"), "/a/b");
  EXPECT_EQ(SocketPath("unix:///a/b"), "/a/b");
  EXPECT_EQ(SocketPath("unix:a"), "a");
  EXPECT_EQ(SocketPath("localhost:1"), std::nullopt);
}

}  // namespace
}  // namespace throng
