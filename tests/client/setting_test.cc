#include "client/setting.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace throng {
namespace {

// The tree of `yaml` after the setting, or why not.
std::string Set(std::string_view yaml, std::string_view text) {
  std::string reason;
  auto tree = ParseYaml(yaml, &reason);
  if (!tree) return reason;
  const auto setting = ParseSetting(text);
  if (!setting.ok()) return std::string(setting.status().message());
  const absl::Status status = Apply(*setting, &*tree);
  return status.ok() ? JsonText(*tree) : std::string(status.message());
}

TEST(Setting, ReachesAnyField) {
  EXPECT_EQ(Set("{}", "dataset.world.users=5"), R"({"dataset": {"world": {"users": "5"}}})");
  EXPECT_EQ(Set("{threads: 1}", "threads=2"), R"({"threads": "2"})");
}

TEST(Setting, WhatFollowsOptionsIsOneKey) {
  EXPECT_EQ(Set("{}", "dataset.activity.options.a.b[0]=9"),
            R"({"dataset": {"activity": {"options": {"a.b[0]": "9"}}}})");
}

TEST(Setting, ReachesAnElementOfAList) {
  EXPECT_EQ(Set("outputs: [{name: a}, {name: b}]", "outputs[1].format.options.codec=snappy"),
            R"({"outputs": [{"name": "a"}, )"
            R"({"name": "b", "format": {"options": {"codec": "snappy"}}}]})");
  EXPECT_EQ(Set("a: [[1, 2]]", "a[0][1]=x"), R"({"a": [["1", "x"]]})");
}

TEST(Setting, TheValueIsYaml) {
  EXPECT_EQ(Set("{}", "a=[x, {b: 1.0}]"), R"({"a": ["x", {"b": "1.0"}]})");
  EXPECT_EQ(Set("{}", "a=null"), R"({"a": null})");
  EXPECT_EQ(Set("{}", "a='null'"), R"({"a": "null"})");
  EXPECT_EQ(Set("{}", "a=b=c"), R"({"a": "b=c"})");
}

TEST(Setting, MapsMergeAndAnotherComponentDropsTheOldOptions) {
  const char* yaml = "outputs: [{sink: {component: file, options: {path: a}}, name: x}]";
  EXPECT_EQ(Set(yaml, "outputs[0]={name: y}"),
            R"({"outputs": [{"sink": {"component": "file", "options": {"path": "a"}}, )"
            R"("name": "y"}]})");
  EXPECT_EQ(Set(yaml, "outputs[0].sink.component=null"),
            R"({"outputs": [{"sink": {"component": null, "options": null}, "name": "x"}]})");
  EXPECT_EQ(Set(yaml, "outputs[0].sink.component=file"),
            R"({"outputs": [{"sink": {"component": "file", "options": {"path": "a"}}, )"
            R"("name": "x"}]})");
}

TEST(Setting, WithoutAValueIsEmptyText) {
  EXPECT_EQ(Set("{}", "a.user_prefix="), R"({"a": {"user_prefix": ""}})");
  EXPECT_EQ(Set("{}", "a.options.codec= "), R"({"a": {"options": {"codec": ""}}})");
  EXPECT_EQ(Set("{}", "a=''"), R"({"a": ""})");
  EXPECT_EQ(Set("{}", "a=~"), R"({"a": null})");
}

TEST(Setting, LosesNothingAsAComment) {
  const std::string sentence =
      ": what follows # is a comment in YAML; put text with special characters into double quotes.";
  for (const char* text : {"a=#1", "a= # 1", "a=b #1"}) {
    EXPECT_EQ(Set("{}", text), std::string("--set ") + text + sentence);
  }
  EXPECT_EQ(Set("{}", "a=\"b #1\""), R"({"a": "b #1"})");
  EXPECT_EQ(Set("{}", "a=b#1"), R"({"a": "b#1"})");
}

// What Order makes of the settings: their texts, or its mistakes.
std::vector<std::string> Ordered(const std::vector<std::string>& texts) {
  std::vector<Setting> settings;
  for (const std::string& text : texts) settings.push_back(*ParseSetting(text));
  std::vector<std::string> result = Order(&settings);
  if (!result.empty()) return result;
  for (const Setting& setting : settings) result.push_back(setting.path);
  return result;
}

TEST(Setting, AComponentComesBeforeItsOptionsInAnyOrder) {
  using Expected = std::vector<std::string>;
  const std::string a = "dataset.activity";
  EXPECT_EQ(
      Ordered({"threads=1", a + ".options.cap=9", a + ".options.floor=1", "threads=2",
               a + ".component=x"}),
      (Expected{"threads", a + ".component", a + ".options.cap", a + ".options.floor", "threads"}));
  EXPECT_EQ(Ordered({"outputs[1].format.options.codec=x", "outputs[0].format.component=y",
                     "outputs[1].format.component=z"}),
            (Expected{"outputs[1].format.component", "outputs[1].format.options.codec",
                      "outputs[0].format.component"}));
  // What stands before a map that replaces both is not the component's.
  EXPECT_EQ(Ordered({"a.options.b=1", "a={options: {b: 2}}", "a.component=x"}),
            (Expected{"a.options.b", "a", "a.component"}));
}

TEST(Setting, WhatALaterOneDropsIsAMistake) {
  const auto sentence = [](const char* lost, const char* later) {
    return std::vector<std::string>{std::string("--set ") + lost + ": --set " + later +
                                    ", which is given later, drops it; give it after that, or as "
                                    "a part of it."};
  };
  EXPECT_EQ(Ordered({"a.options.b=1", "a={component: x}"}), sentence("a.options.b", "a"));
  EXPECT_EQ(Ordered({"d.a.options.b=1", "d={a: {component: x}}"}), sentence("d.a.options.b", "d"));
  EXPECT_EQ(Ordered({"outputs[0].rows={to: 5}", "outputs=[{name: x}]"}),
            sentence("outputs[0].rows", "outputs"));
  EXPECT_EQ(Ordered({"a.options.b=1", "a.options=x"}), sentence("a.options.b", "a.options"));
  for (const char* later :
       {"a={name: x}", "a.options={c: 1}", "a=null", "a.options.b=2", "a.o=1"}) {
    EXPECT_EQ(Ordered({"a.options.b=1", later}).size(), 2U) << later;
  }
}

TEST(Setting, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(Set("{}", "a"), "--set a: write PATH=VALUE, as dataset.seed=7.");
  EXPECT_EQ(Set("{}", "a..b=1"),
            "--set a..b=1: a name is missing in the path; write it as dataset.world.users.");
  EXPECT_EQ(Set("{}", "=1"),
            "--set =1: a name is missing in the path; write it as dataset.world.users.");
  for (const char* path : {"a[x]", "a[-1]", "a[1", "a[]", "a[0]b"}) {
    EXPECT_EQ(Set("{}", std::string(path) + "=1"),
              std::string("--set ") + path +
                  "=1: an element of a list is written as outputs[0], the first being 0.");
  }
  EXPECT_EQ(Set("{}", "a=[1").rfind("--set a=[1: the value is no YAML", 0), 0U);
  EXPECT_EQ(Set("outputs: [{}]", "outputs[1].name=x"),
            "--set outputs[1].name: outputs has 1 element; the first is outputs[0].");
}

}  // namespace
}  // namespace throng
