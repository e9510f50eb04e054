#include "server/host/option_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "server/control/call_page.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr int64_t kNow = 1'705'314'600'000;  // 2024-01-15T10:30:00Z

constexpr const char* kColours[] = {"red", "green", "blue", nullptr};

throng_option Option(uint32_t type, const char* name, const char* default_text = nullptr,
                     uint32_t flags = 0, const char* minimum = nullptr,
                     const char* maximum = nullptr) {
  return {.struct_size = sizeof(throng_option),
          .type = type,
          .flags = flags,
          .name = name,
          .doc = "A doc.",
          .default_text = default_text,
          .minimum = minimum,
          .maximum = maximum,
          .choices = type == THRONG_OPTION_ENUM ? kColours : nullptr};
}

using Texts = std::map<std::string, std::string>;

// A sink `box` with the options that a test needs.
struct Box : Component {
  explicit Box(std::vector<throng_option> of) {
    role = Role::kSink;
    name = "box";
    options = std::move(of);
  }
  OptionValues Parse(const Texts& texts, Problems* problems) const {
    return OptionValues::Parse(*this, texts, "outputs[0].sink", kNow, problems, source_roots);
  }
  std::optional<std::vector<std::string>> source_roots;  // absent: anywhere
  // All problems, one a line.
  std::string Problem(const Texts& texts) const {
    Problems problems;
    Parse(texts, &problems);
    return ToString(problems);
  }
  OptionValues Good(const Texts& texts) const {
    Problems problems;
    OptionValues values = Parse(texts, &problems);
    EXPECT_EQ(ToString(problems), "");
    return values;
  }
};

TEST(OptionValuesTest, EveryTypeIsParsedInTheOrderOfItsDescriptors) {
  const Box box({Option(THRONG_OPTION_BOOL, "flag"), Option(THRONG_OPTION_INT64, "count"),
                 Option(THRONG_OPTION_FLOAT64, "share"), Option(THRONG_OPTION_STRING, "name"),
                 Option(THRONG_OPTION_TIMESTAMP, "start"), Option(THRONG_OPTION_DURATION, "window"),
                 Option(THRONG_OPTION_SIZE, "limit"), Option(THRONG_OPTION_ENUM, "colour"),
                 Option(THRONG_OPTION_LIST, "weights"), Option(THRONG_OPTION_MAP, "client.")});
  const OptionValues parsed = box.Good({{"flag", "true"},
                                        {"count", "-3"},
                                        {"share", "0.25"},
                                        {"name", "a b"},
                                        {"start", "now-1d"},
                                        {"window", "90m"},
                                        {"limit", "4KiB"},
                                        {"colour", "blue"},
                                        {"weights", "[1, 2.5]"},
                                        {"client.acks", "all"},
                                        {"client.linger.ms", "5"}});
  const throng_value* v = parsed.values();
  EXPECT_EQ(v[0].integer, 1);
  EXPECT_EQ(v[1].integer, -3);
  EXPECT_EQ(v[2].real, 0.25);
  EXPECT_EQ(std::string(v[3].text.data, v[3].text.size), "a b");
  EXPECT_EQ(v[3].text.data[v[3].text.size], '\0');
  EXPECT_EQ(v[4].integer, kNow - 86'400'000);
  EXPECT_EQ(v[5].integer, 5'400'000);
  EXPECT_EQ(v[6].integer, 4096);
  EXPECT_EQ(v[7].integer, 2);
  EXPECT_THAT(std::vector<double>(v[8].list, v[8].list + v[8].count), ElementsAre(1, 2.5));
  ASSERT_EQ(v[9].count, 2U);
  EXPECT_STREQ(v[9].keys[0], "acks");
  EXPECT_STREQ(v[9].texts[0], "all");
  EXPECT_STREQ(v[9].keys[1], "linger.ms");
  for (size_t i = 0; i < 10; ++i) EXPECT_TRUE(v[i].is_set == 1 && v[i].is_given == 1) << i;
}

TEST(OptionValuesTest, ValuesStayWhereTheyAreWhenMoved) {
  const Box box({Option(THRONG_OPTION_STRING, "name"), Option(THRONG_OPTION_LIST, "weights"),
                 Option(THRONG_OPTION_MAP, "client.")});
  OptionValues parsed = box.Good({{"name", "x"}, {"weights", "1"}, {"client.a", "b"}});
  const OptionValues moved = std::move(parsed);
  EXPECT_STREQ(moved.values()[0].text.data, "x");
  EXPECT_EQ(moved.values()[1].list[0], 1);
  EXPECT_STREQ(moved.values()[2].texts[0], "b");
}

TEST(OptionValuesTest, DefaultsAreSetButNotGivenAndTheRestIsNeither) {
  const Box box({Option(THRONG_OPTION_INT64, "count", "12"), Option(THRONG_OPTION_INT64, "limit"),
                 Option(THRONG_OPTION_MAP, "client.")});
  const OptionValues parsed = box.Good({});
  EXPECT_EQ(parsed.values()[0].integer, 12);
  EXPECT_EQ(parsed.values()[0].is_set, 1);
  EXPECT_EQ(parsed.values()[0].is_given, 0);
  EXPECT_EQ(parsed.values()[1].is_set, 0);
  EXPECT_EQ(parsed.values()[2].is_set, 0);
  EXPECT_THAT(parsed.resolved(), ElementsAre(Pair("count", "12")));
}

TEST(OptionValuesTest, UnknownOptionsAreNamedWithTheNearest) {
  const Box box({Option(THRONG_OPTION_STRING, "path"), Option(THRONG_OPTION_MAP, "client.")});
  EXPECT_EQ(box.Problem({{"paht", "x"}}),
            "outputs[0].sink.options.paht: the sink `box` has no such option. Did you mean "
            "\"path\"?\n");
  EXPECT_EQ(box.Problem({{"colour", "x"}}),
            "outputs[0].sink.options.colour: the sink `box` has no such option. Known: path, "
            "client.NAME.\n");
  EXPECT_EQ(box.Problem({{"client.", "x"}}),
            "outputs[0].sink.options.client.: the sink `box` has no such option. Did you mean "
            "\"client.NAME\"?\n");
  EXPECT_EQ(Box({}).Problem({{"path", "x"}}),
            "outputs[0].sink.options.path: the sink `box` has no such option. It has none.\n");
}

TEST(OptionValuesTest, MissingOptionsAreAskedFor) {
  const Box box({Option(THRONG_OPTION_STRING, "path", nullptr, THRONG_OPTION_REQUIRED)});
  EXPECT_EQ(box.Problem({}),
            "outputs[0].sink.options.path: is missing: the sink `box` needs it. A doc.\n");
}

TEST(OptionValuesTest, WrongTypesAreToldWhatToWrite) {
  const auto problem = [](uint32_t type, const char* text) {
    const std::string all = Box({Option(type, "x")}).Problem({{"x", text}});
    const std::string prefix =
        "outputs[0].sink.options.x: is \"" + std::string(text) + "\"; write ";
    EXPECT_EQ(all.substr(0, prefix.size()), prefix);
    return all.size() < prefix.size() ? all : all.substr(prefix.size());
  };
  EXPECT_EQ(problem(THRONG_OPTION_BOOL, "yes"), "true or false.\n");
  EXPECT_EQ(problem(THRONG_OPTION_INT64, "1.5"), "a whole number.\n");
  EXPECT_EQ(problem(THRONG_OPTION_INT64, "9223372036854775808"), "a whole number.\n");
  EXPECT_EQ(problem(THRONG_OPTION_FLOAT64, "NaN"), "a finite number.\n");
  EXPECT_EQ(problem(THRONG_OPTION_FLOAT64, "1e999"), "a finite number.\n");
  EXPECT_EQ(problem(THRONG_OPTION_TIMESTAMP, "soon"),
            "a time such as 2024-01-01T00:00:00Z or now-7d.\n");
  EXPECT_EQ(problem(THRONG_OPTION_DURATION, "30"), "a duration such as 250ms, 12h or 30d.\n");
  EXPECT_EQ(problem(THRONG_OPTION_DURATION, "99999999999999d"),
            "a duration such as 250ms, 12h or 30d.\n");
  EXPECT_EQ(problem(THRONG_OPTION_SIZE, "big"), "a size such as 4096 or 64KiB.\n");
  EXPECT_EQ(problem(THRONG_OPTION_LIST, "0.1,nan"),
            "a list of finite numbers such as [0.1, 0.9].\n");
  EXPECT_EQ(problem(THRONG_OPTION_ENUM, "pink"), "one of: red, green, blue.\n");
}

TEST(OptionValuesTest, BoundsAreInclusiveAndNamed) {
  const auto problem = [](uint32_t type, const char* minimum, const char* maximum,
                          const char* text) {
    return Box({Option(type, "x", nullptr, 0, minimum, maximum)}).Problem({{"x", text}});
  };
  const std::string field = "outputs[0].sink.options.x: ";
  EXPECT_EQ(problem(THRONG_OPTION_INT64, "1", "9", "1"), "");
  EXPECT_EQ(problem(THRONG_OPTION_INT64, "1", "9", "9"), "");
  EXPECT_EQ(problem(THRONG_OPTION_INT64, "1", "9", "10"),
            field + "is 10; it must be from 1 to 9.\n");
  EXPECT_EQ(problem(THRONG_OPTION_INT64, "1", "1e6", "1000001"),
            field + "is 1000001; it must be from 1 to 1e6.\n");
  EXPECT_EQ(problem(THRONG_OPTION_FLOAT64, "0", nullptr, "-0.1"),
            field + "is -0.1; it must be at least 0.\n");
  EXPECT_EQ(problem(THRONG_OPTION_DURATION, nullptr, "1h", "61m"),
            field + "is 61m; it must be at most 1h.\n");
  EXPECT_EQ(problem(THRONG_OPTION_SIZE, "1KB", nullptr, "999"),
            field + "is 999; it must be at least 1KB.\n");
  EXPECT_EQ(problem(THRONG_OPTION_TIMESTAMP, "2024-01-01", nullptr, "2023-12-31"),
            field + "is 2023-12-31; it must be at least 2024-01-01.\n");
  EXPECT_EQ(problem(THRONG_OPTION_LIST, "0", "1", "0.5,1.5"),
            field + "is 0.5,1.5; it must be from 0 to 1.\n");
}

TEST(OptionValuesTest, SecretsAreReferencesAndNeverResolvedInWhatIsStored) {
  const Box box({Option(THRONG_OPTION_STRING, "password", nullptr, THRONG_OPTION_SECRET)});
  const std::string field = "outputs[0].sink.options.password: ";
  EXPECT_EQ(box.Problem({{"password", "hunter2"}}),
            field + "is a secret and must be a reference: env:NAME or file:/path.\n");
  ASSERT_EQ(unsetenv("THRONG_TEST_SECRET"), 0);
  EXPECT_EQ(
      box.Problem({{"password", "env:THRONG_TEST_SECRET"}}),
      field + "names the environment variable THRONG_TEST_SECRET, which is not set; set it.\n");
  EXPECT_EQ(box.Problem({{"password", "file:/nowhere/at/all"}}),
            field + "names the file /nowhere/at/all, which cannot be read.\n");

  ASSERT_EQ(setenv("THRONG_TEST_SECRET", "hunter2", 1), 0);
  const OptionValues from_environment = box.Good({{"password", "env:THRONG_TEST_SECRET"}});
  EXPECT_STREQ(from_environment.values()[0].text.data, "hunter2");
  EXPECT_THAT(from_environment.resolved(), ElementsAre(Pair("password", "env:THRONG_TEST_SECRET")));
  EXPECT_THAT(from_environment.Canonical(false), testing::Not(testing::HasSubstr("hunter2")));

  const std::string path = testing::TempDir() + "/throng_option_values_secret";
  std::ofstream(path) << "hunter3\r\n";
  EXPECT_STREQ(box.Good({{"password", "file:" + path}}).values()[0].text.data, "hunter3");
  std::filesystem::remove(path);
}

TEST(OptionValuesTest, SecretsFromFilesLieBelowTheSourceRoots) {
  Box box({Option(THRONG_OPTION_STRING, "password", nullptr, THRONG_OPTION_SECRET)});
  const std::string field = "outputs[0].sink.options.password: ";
  box.source_roots = {"/nowhere/secrets", "/nowhere/keys"};
  EXPECT_EQ(box.Problem({{"password", "file:/nowhere/secrets/../word"}}),
            field +
                "names the file /nowhere/secrets/../word, which lies outside the source roots "
                "(/nowhere/secrets, /nowhere/keys); give one below them.\n");
  EXPECT_EQ(box.Problem({{"password", "file:/nowhere/keys/word"}}),
            field + "names the file /nowhere/keys/word, which cannot be read.\n");
  box.source_roots.emplace();
  EXPECT_EQ(box.Problem({{"password", "file:/nowhere/keys/word"}}),
            field +
                "names the file /nowhere/keys/word; this daemon reads secrets from no files, "
                "so give it as env:NAME.\n");
}

TEST(OptionValuesTest, RelativeTimesAreResolvedForStorageAndKeptForIdentity) {
  const Box box({Option(THRONG_OPTION_TIMESTAMP, "start", "now-1d")});
  const OptionValues values = box.Good({});
  EXPECT_THAT(values.resolved(), ElementsAre(Pair("start", "2024-01-14T10:30:00Z")));
  EXPECT_EQ(values.Canonical(false), "5:start=6:now-1d\n");
}

TEST(OptionValuesTest, DifferentTextsOfOneValueAreOneIdentity) {
  const Box box({Option(THRONG_OPTION_FLOAT64, "share"), Option(THRONG_OPTION_SIZE, "limit"),
                 Option(THRONG_OPTION_DURATION, "window"),
                 Option(THRONG_OPTION_TIMESTAMP, "start")});
  EXPECT_EQ(
      box.Good({{"share", "0.50"}, {"limit", "1KiB"}, {"window", "24h"}, {"start", "2024-01-01"}})
          .Canonical(false),
      box.Good({{"share", "5e-1"},
                {"limit", "1024"},
                {"window", "1d"},
                {"start", "2024-01-01T00:00:00Z"}})
          .Canonical(false));
}

TEST(OptionValuesTest, IdentityOptionsAreTold) {
  const Box box({Option(THRONG_OPTION_STRING, "servers"),
                 Option(THRONG_OPTION_STRING, "topic", nullptr, THRONG_OPTION_IDENTITY)});
  const OptionValues values = box.Good({{"servers", "a:1"}, {"topic", "t"}});
  EXPECT_EQ(values.place(), "t");
  EXPECT_EQ(values.Canonical(true), "5:topic=1:t\n");
  EXPECT_EQ(values.Canonical(false), "7:servers=3:a:1\n5:topic=1:t\n");
}

TEST(OptionValuesTest, RulesThatSpanOptionsAreTheComponentsAndComeLast) {
  Box box({Option(THRONG_OPTION_INT64, "low"), Option(THRONG_OPTION_INT64, "high")});
  box.validate = [](const throng_value* v, throng_error* error) -> throng_code {
    if (v[0].integer <= v[1].integer) return THRONG_OK;
    std::strcpy(error->option, "low");
    std::strcpy(error->message, "is above high; give a lower one.");
    return THRONG_INVALID_ARGUMENT;
  };
  EXPECT_EQ(box.Problem({{"low", "1"}, {"high", "2"}}), "");
  EXPECT_EQ(box.Problem({{"low", "3"}, {"high", "2"}}),
            "outputs[0].sink.options.low: is above high; give a lower one.\n");
  EXPECT_EQ(box.Problem({{"low", "3"}, {"high", "x"}}),
            "outputs[0].sink.options.high: is \"x\"; write a whole number.\n");
}

TEST(OptionValuesTest, WhatAComponentSaysOfItsOptionsNeedsNoEnd) {
  Box box({Option(THRONG_OPTION_INT64, "low")});
  box.validate = [](const throng_value*, throng_error* error) -> throng_code {
    std::memset(error->option, 'o', sizeof error->option);
    std::memset(error->message, 'm', sizeof error->message);
    return THRONG_INVALID_ARGUMENT;
  };
  EXPECT_EQ(box.Problem({}), "outputs[0].sink.options." + std::string(64, 'o') + ": " +
                                 std::string(1024, 'm') + "\n");
}

TEST(OptionValuesTest, AComponentThatRefusesWithoutAWordIsNamedWithItsCode) {
  Box box({Option(THRONG_OPTION_INT64, "low")});
  box.validate = [](const throng_value*, throng_error*) -> throng_code { return 9; };
  EXPECT_EQ(box.Problem({}),
            "outputs[0].sink: sink `box`: its options failed with code 9 and no message.\n");
}

TEST(OptionValuesTest, WhoeverJudgesOptionsStandsInTheCallPage) {
  Box box({Option(THRONG_OPTION_INT64, "low")});
  box.validate = [](const throng_value*, throng_error* error) -> throng_code {
    std::strcpy(error->message, CallOfThread().component.c_str());
    return THRONG_INVALID_ARGUMENT;
  };
  EXPECT_EQ(box.Problem({}), "outputs[0].sink: sink `box`\n");
  EXPECT_EQ(CallOfThread().component, "");
}

TEST(OptionValuesTest, AllMistakesAreFoundAtOnce) {
  const Box box({Option(THRONG_OPTION_STRING, "path", nullptr, THRONG_OPTION_REQUIRED),
                 Option(THRONG_OPTION_INT64, "count"), Option(THRONG_OPTION_BOOL, "flag")});
  Problems problems;
  box.Parse({{"count", "many"}, {"flag", "perhaps"}, {"extra", "1"}}, &problems);
  EXPECT_EQ(problems.size(), 4U);
}

}  // namespace
}  // namespace throng
