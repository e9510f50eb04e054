// What the text of a spec may be, and what each unusable text is told.
#include "server/spec/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace throng {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

struct Parsed {
  std::optional<SpecNode> root;
  std::vector<std::string> problems;  // "field: message"
};

Parsed Parse(const std::string& text) {
  Problems problems;
  Parsed parsed;
  parsed.root = ParseSpec({"a.yaml", text}, &problems);
  for (const Problem& problem : problems) {
    parsed.problems.push_back(problem.field + ": " + problem.message);
  }
  return parsed;
}

const SpecNode& Member(const SpecNode& node, const std::string& key) {
  for (const SpecMember& member : node.members) {
    if (member.key == key) return member.value;
  }
  ADD_FAILURE() << "no member " << key;
  return node;
}

TEST(ParseSpec, KeepsSourceTextLinesAndOrder) {
  const Parsed parsed = Parse("b: 1.0\na: \"1.0\"\nc:\n  - x: 'it''s'\n  - ~\n");
  ASSERT_TRUE(parsed.root) << parsed.problems.size();
  EXPECT_EQ(parsed.root->members[0].key, "b");
  EXPECT_EQ(Member(*parsed.root, "b").text, "1.0");
  EXPECT_EQ(Member(*parsed.root, "a").text, "1.0");
  EXPECT_EQ(Member(*parsed.root, "a").place.line, 2);
  const SpecNode& list = Member(*parsed.root, "c");
  ASSERT_EQ(list.items.size(), 2);
  EXPECT_EQ(Member(list.items[0], "x").text, "it's");
  EXPECT_EQ(Member(list.items[0], "x").place.line, 4);
  EXPECT_EQ(list.items[1].kind, SpecNode::Kind::kNull);
}

TEST(ParseSpec, TellsNullFromTheTextNull) {
  const Parsed parsed = Parse("{a: null, b: \"null\", c: , d: \"\"}");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(Member(*parsed.root, "a").kind, SpecNode::Kind::kNull);
  EXPECT_EQ(Member(*parsed.root, "b").kind, SpecNode::Kind::kScalar);
  EXPECT_EQ(Member(*parsed.root, "c").kind, SpecNode::Kind::kNull);
  EXPECT_EQ(Member(*parsed.root, "d").kind, SpecNode::Kind::kScalar);
}

TEST(ParseSpec, ReadsJsonWithItsEscapesAndTabs) {
  const Parsed parsed = Parse(R"({
	"a":"\u00e9\ud83d\ude00\/\n\\ud83d\\ude00",
	"b": [1,2.50,true,null] , "c":{"d":"\""}
})");
  ASSERT_TRUE(parsed.root) << testing::PrintToString(parsed.problems);
  EXPECT_EQ(Member(*parsed.root, "a").text, "é😀/\n\\ud83d\\ude00");
  EXPECT_EQ(Member(*parsed.root, "b").items[1].text, "2.50");
  EXPECT_EQ(Member(Member(*parsed.root, "c"), "d").text, "\"");
}

TEST(ParseSpec, SkipsAByteOrderMark) {
  const Parsed parsed = Parse(
      "\xEF\xBB\xBF"
      "é: null\nb: ~\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(Member(*parsed.root, "é").text, "null");
  EXPECT_EQ(Member(*parsed.root, "b").text, "");
}

TEST(ParseSpec, FollowsAliases) {
  const Parsed parsed = Parse("a: &x {b: 1}\nc: *x\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(Member(Member(*parsed.root, "c"), "b").text, "1");
  EXPECT_THAT(parsed.problems, IsEmpty());
}

TEST(ParseSpec, RefusesAnEmptyText) {
  for (const char* text : {"", "  \n", "# a comment\n", "---\n", "null", "\xEF\xBB\xBF"}) {
    EXPECT_THAT(Parse(text).problems,
                ElementsAre(": The spec is empty; give at least one output. (a.yaml)"))
        << text;
  }
}

TEST(ParseSpec, RefusesWhatIsNoMap) {
  for (const char* text : {"hello", "- a", "[1]", "5"}) {
    EXPECT_THAT(Parse(text).problems,
                ElementsAre(": The spec is no map of fields; begin with `dataset:` or `outputs:`. "
                            "(a.yaml:1)"))
        << text;
  }
}

TEST(ParseSpec, RefusesSeveralDocuments) {
  EXPECT_THAT(Parse("a: 1\n---\nb: 2\n").problems,
              ElementsAre(": The spec holds several documents; keep one and leave out `---`. "
                          "(a.yaml:2)"));
  EXPECT_THAT(Parse(", a: 1\n").problems, SizeIs(1));  // documents without end, yaml-cpp thinks
}

TEST(ParseSpec, SaysWhereItIsNotYaml) {
  const Parsed parsed = Parse("a: 1\nb: [1, 2\nc: 3\n");
  EXPECT_FALSE(parsed.root);
  ASSERT_EQ(parsed.problems.size(), 1);
  EXPECT_THAT(parsed.problems[0], StartsWith(": The spec is neither YAML nor JSON: "));
  EXPECT_THAT(parsed.problems[0], testing::HasSubstr("(a.yaml:"));
}

TEST(ParseSpec, FindsEveryKeyThatStandsTwice) {
  const Parsed parsed = Parse("a: 1\nb: {c: 1, c: 2}\na: 3\nd: [{e: 1, \"e\": 2}]\n");
  EXPECT_TRUE(parsed.root);
  EXPECT_THAT(parsed.problems,
              ElementsAre("b.c: Given twice, first in line 2; keep one. (a.yaml:2)",
                          "a: Given twice, first in line 1; keep one. (a.yaml:3)",
                          "d[0].e: Given twice, first in line 4; keep one. "
                          "(a.yaml:4)"));
}

TEST(ParseSpec, RefusesKeysThatAreNoNamesAndTags) {
  EXPECT_THAT(Parse("a: {? [x] : 1}\nb: !!int 5\n").problems,
              ElementsAre("a: A key is no name; write `name: value`. (a.yaml:1)",
                          "b: The tag \"tag:yaml.org,2002:int\" means nothing here; leave it out. "
                          "(a.yaml:2)"));
}

TEST(ParseSpec, RefusesWhatIsNoUtf8Text) {
  EXPECT_THAT(Parse("a: 1\nb: \xff\n").problems,
              ElementsAre(": The spec is not UTF-8 text; save it as UTF-8. (a.yaml:2)"));
  EXPECT_THAT(Parse("a: \"x\\0y\"\n").problems,
              ElementsAre("a: Holds the character U+0000; leave it out. (a.yaml:1)"));
}

TEST(ParseSpec, BoundsSizeDepthAndAliases) {
  EXPECT_THAT(Parse("a: " + std::string(1 << 20, 'x')).problems,
              ElementsAre(": The spec has 1048579 bytes; at most 1048576 are read. (a.yaml)"));
  EXPECT_THAT(Parse(std::string(100'000, '[')).problems,
              ElementsAre(": Nested more than 64 levels deep. (a.yaml)"));
  EXPECT_THAT(Parse("a: " + std::string(65, '[') + std::string(65, ']')).problems,
              ElementsAre(testing::HasSubstr(": Nested more than 64 levels deep. (a.yaml:1)")));
  EXPECT_THAT(Parse("a: &x [*x]\n").problems,
              ElementsAre(testing::HasSubstr(": Nested more than 64 levels deep. (a.yaml:1)")));
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int k = 1; k < 10; ++k) bomb += ", " + alias;
    bomb += "]\n";
  }
  EXPECT_THAT(
      Parse(bomb).problems,
      ElementsAre(testing::HasSubstr(": The spec has more than 100000 values. (a.yaml:1)")));
}

}  // namespace
}  // namespace throng
