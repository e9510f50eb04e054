// throngd.yaml and flags become settings, or every mistake is told at once.
#include "server/daemon/config.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

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

Result ReadLayers(const std::vector<SpecLayer>& layers, bool is_insecure_said = false) {
  Problems problems;
  Result result;
  result.config = ReadConfig(layers, is_insecure_said, &problems);
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
  EXPECT_TRUE(result.config->listeners[0].address.starts_with("unix:/"));
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
listeners: []
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
  EXPECT_EQ(result.config->listeners[0].address, "localhost:7000");
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
  EXPECT_EQ(result.config->listeners[0].address, "unix:/run/throng/throngd.sock");
  EXPECT_THAT(result.config->output_roots, ElementsAre("/var/lib/throng/out"));
  const auto& fields = *daemon::v1::Config::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    EXPECT_THAT(text, testing::HasSubstr(fields.field(i)->name() + ":"));
  }
}

TEST(ReadConfig, ReadsTheListenersThatTheExampleHasAsAComment) {
  std::string text = ExampleYaml();
  text = text.substr(text.find("# listeners:"));
  text = text.substr(0, text.find("\n\n"));
  std::string yaml;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) yaml += line.substr(2) + "\n";
  const Result result = Read(yaml);
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  EXPECT_EQ(result.config->listeners.size(), 3U);
}

TEST(ReadConfig, TakesFlagsAsStrongerThanTheFile) {
  const Result result = ReadLayers({
      ConfigLayer("d.yaml", "listen: unix:/a\nmax_streams: 3\noutput_roots: [/x, /y]", true),
      ConfigLayer("--listen", "listen: unix:/b", false),
      ConfigLayer("--output-root", "output_roots: [/z]", false),
  });
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  EXPECT_EQ(result.config->listeners[0].address, "unix:/b");
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
                    "addresses (localhost, 127.0.0.1, [::1]) can be listened on so, found \"" +
                    text +
                    "\"; name others in `listeners` of a throngd.yaml, with `tls`. (d.yaml:1)"));
  }
  EXPECT_THAT(Mistakes("listen: 127.0.0.1:1"),
              ElementsAre("listen: TCP lets in every user of this machine; if that is meant, say "
                          "so by --insecure or `insecure: true`, else listen on unix:/PATH. "
                          "(d.yaml:1)"));
  for (const std::string text : {"127.0.0.1:0", "[::1]:9", "localhost:65535"}) {
    EXPECT_THAT(Mistakes("listen: '" + text + "'\ninsecure: true"), IsEmpty());
  }
}

TEST(ReadConfig, ReadsListeners) {
  const Result result = Read(R"(
listeners:
- {address: "unix:/a", mode: 0660, group: throng, role: reader}
- address: 0.0.0.0:7443
  tls: {certificate: /c, key: /k, client_ca: /ca}
  clients: [{name: ci, role: operator}, {name: "spiffe://x/y", role: reader}]
  tokens: /t
- {address: "127.0.0.1:0", insecure: true}
)");
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  ASSERT_EQ(result.config->listeners.size(), 3U);
  const Listener& socket = result.config->listeners[0];
  EXPECT_EQ(socket.address, "unix:/a");
  EXPECT_EQ(socket.mode, 0660U);
  EXPECT_EQ(socket.group, "throng");
  EXPECT_EQ(socket.role, Role::kReader);
  EXPECT_FALSE(socket.IsTls());
  const Listener& tls = result.config->listeners[1];
  EXPECT_EQ(tls.certificate + tls.key + tls.client_ca + tls.tokens, "/c/k/ca/t");
  EXPECT_THAT(tls.clients,
              testing::UnorderedElementsAre(testing::Pair("ci", Role::kOperator),
                                            testing::Pair("spiffe://x/y", Role::kReader)));
  EXPECT_FALSE(result.config->listeners[2].IsTls());
}

TEST(ReadConfig, ReadsTheHttpListenerAndTheLog) {
  Result result = Read(
      "http: {address: '127.0.0.1:0', insecure: true}\n"
      "log: {format: json, level: warning}");
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  ASSERT_TRUE(result.config->http);
  EXPECT_EQ(result.config->http->address, "127.0.0.1:0");
  EXPECT_TRUE(result.config->log.is_json);
  EXPECT_EQ(result.config->log.level, LogLevel::kWarning);
  result = Read("log: {}");
  EXPECT_FALSE(result.config->http);
  EXPECT_FALSE(result.config->log.is_json);
  EXPECT_EQ(result.config->log.level, LogLevel::kInfo);
  EXPECT_THAT(Mistakes("http: {address: 'unix:/a'}"),
              ElementsAre("http.address: Must be HOST:PORT. (d.yaml:1)"));
  EXPECT_THAT(Mistakes("http: {address: '127.0.0.1:0'}"),
              ElementsAre("http: Needs `tls`; or, if everybody who reaches the port may do "
                          "everything, `insecure: true`. (d.yaml:1)"));
  EXPECT_THAT(Mistakes("http: {address: 'a:1', tls: {certificate: /c, key: /k, client_ca: /ca}, "
                       "clients: [{name: a, role: reader}]}"),
              ElementsAre("http.clients: Is not for `http`, which asks for tokens; leave it and "
                          "`tls.client_ca` out. (d.yaml:1)"));
}

TEST(ReadConfig, HasListenInPlaceOfListeners) {
  EXPECT_THAT(Mistakes("listen: unix:/a\ninsecure: true\nlisteners: [{address: 'unix:/b'}]"),
              ElementsAre("listen: Is short for one of `listeners`; give either. (d.yaml:1)",
                          "insecure: Is for `listen`; say it of the listener. (d.yaml:2)"));
  const Result result = ReadLayers({
      ConfigLayer("d.yaml", "listeners: [{address: 'unix:/a'}]", true),
      ConfigLayer("--listen", "listeners: []", false),
      ConfigLayer("--listen", "listen: unix:/b", false),
  });
  ASSERT_TRUE(result.config) << testing::PrintToString(result.problems);
  ASSERT_EQ(result.config->listeners.size(), 1U);
  EXPECT_EQ(result.config->listeners[0].address, "unix:/b");
}

TEST(ReadConfig, WantsTwoWordsForPlainTextOnANetwork) {
  const std::vector<SpecLayer> open = {
      ConfigLayer("d.yaml", "listeners: [{address: '0.0.0.0:1', insecure: true}]", true)};
  const std::vector<SpecLayer> silent = {
      ConfigLayer("d.yaml", "listeners: [{address: '0.0.0.0:1'}]", true)};
  EXPECT_THAT(ReadLayers(open, /*is_insecure_said=*/true).problems, IsEmpty());
  EXPECT_THAT(ReadLayers(open).problems,
              ElementsAre("listeners[0].insecure: Beyond loopback addresses (localhost, 127.0.0.1, "
                          "[::1]) everybody on the network may do everything. Give `tls`; if that "
                          "is meant, start throngd with --insecure, too. (d.yaml:1)"));
  EXPECT_THAT(ReadLayers(silent, /*is_insecure_said=*/true).problems,
              ElementsAre("listeners[0]: Needs `tls`; or, if everybody who reaches the port may do "
                          "everything, `insecure: true`. (d.yaml:1)"));
}

TEST(ReadConfig, RefusesListenersThatDoNotSayWhomTheyLetIn) {
  const auto mistakes = [](const std::string& listener) {
    return Mistakes("listeners: [" + listener + "]");
  };
  const std::string tls = "address: 'a:1', tls: {certificate: /c, key: /k";
  EXPECT_THAT(mistakes("{" + tls + "}}"),
              ElementsAre("listeners[0]: Lets nobody in; give `tokens`, or `tls.client_ca` and "
                          "`clients`. (d.yaml:1)"));
  EXPECT_THAT(mistakes("{" + tls + ", client_ca: /ca}}"),
              ElementsAre("listeners[0].clients: Is needed with `tls.client_ca`: the names of "
                          "certificates, with a role each. (d.yaml:1)"));
  EXPECT_THAT(mistakes("{" + tls + "}, tokens: /t, clients: [{name: a, role: reader}]}"),
              ElementsAre("listeners[0].clients: Is for listeners with `tls.client_ca`; leave it "
                          "out. (d.yaml:1)"));
  EXPECT_THAT(mistakes("{" + tls + ", client_ca: /ca}, clients: [{role: reader}, {name: a}]}"),
              ElementsAre("listeners[0].clients[0].name: Is needed: a name in the certificate. "
                          "(d.yaml:1)",
                          "listeners[0].clients[1].role: Is needed; write reader or operator. "
                          "(d.yaml:1)"));
  EXPECT_THAT(mistakes("{address: 'a:1', tls: {}, tokens: /t}"),
              ElementsAre("listeners[0].tls.certificate: Is needed; name a PEM file. (d.yaml:1)",
                          "listeners[0].tls.key: Is needed; name a PEM file. (d.yaml:1)"));
  EXPECT_THAT(mistakes("{address: 'unix:/a', tls: {key: /k}, tokens: /t, insecure: true}"),
              ElementsAre("listeners[0].tls: Is for HOST:PORT; leave it out. (d.yaml:1)",
                          "listeners[0].tokens: Is for HOST:PORT with `tls`; leave it out. "
                          "(d.yaml:1)",
                          "listeners[0].insecure: Is for HOST:PORT; leave it out. (d.yaml:1)"));
  EXPECT_THAT(mistakes("{address: 'localhost:1', insecure: true, mode: 0600, role: reader}"),
              ElementsAre("listeners[0].mode: Is for unix:/PATH; leave it out. (d.yaml:1)",
                          "listeners[0].role: Is for unix:/PATH; leave it out. (d.yaml:1)"));
  EXPECT_THAT(mistakes("{address: 'unix:/a', mode: rw-}"),
              ElementsAre("listeners[0].mode: Must be octal digits such as 0660, found \"rw-\". "
                          "(d.yaml:1)"));
  EXPECT_THAT(mistakes("{address: 'unix:/a', group: throng}"),
              ElementsAre("listeners[0].group: Lets nobody in with this mode; write `mode: 0660`. "
                          "(d.yaml:1)"));
}

TEST(SocketPath, IsWhatFollowsTheScheme) {
  EXPECT_EQ(SocketPath("unix:/a/b"), "/a/b");
  EXPECT_EQ(SocketPath("unix:///a/b"), "/a/b");
  EXPECT_EQ(SocketPath("unix:a"), "a");
  EXPECT_EQ(SocketPath("localhost:1"), std::nullopt);
}

}  // namespace
}  // namespace throng
