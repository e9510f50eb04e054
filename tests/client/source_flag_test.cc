// Where to read from, as people write it.
#include "client/source_flag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "client/tap_text.h"
#include "client/verification_text.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

std::map<std::string, std::string> OptionsOf(const v1::Component& component) {
  return {component.options().begin(), component.options().end()};
}

std::string Mistake(const std::string& text) {
  return std::string(ParseSource(text).status().message());
}

TEST(ParseSource, TakesFilesWithOrWithoutTheirFormat) {
  const auto plain = ParseSource("out/a.csv");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->source().component(), "file");
  EXPECT_THAT(OptionsOf(plain->source()), ElementsAre(Pair("path", "out/a.csv")));
  EXPECT_FALSE(plain->has_decoder());
  const auto named = ParseSource("csv:a.txt?format.delimiter=%3B&compression=gzip");
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->decoder().component(), "csv");
  EXPECT_THAT(OptionsOf(named->decoder()), ElementsAre(Pair("delimiter", ";")));
  EXPECT_THAT(OptionsOf(named->source()),
              ElementsAre(Pair("compression", "gzip"), Pair("path", "a.txt")));
  EXPECT_EQ(PlaceName(*named), "a.txt");
  EXPECT_FALSE(IsTopic(*named));
  const auto odd = ParseSource("./out/x:y.csv");
  ASSERT_TRUE(odd.ok()) << odd.status();
  EXPECT_THAT(OptionsOf(odd->source()), ElementsAre(Pair("path", "./out/x:y.csv")));
}

TEST(ParseSource, TakesTopics) {
  const auto topic = ParseSource(
      "kafka://a:9092,b:9092/t%2F1?format=avro&registry=http://r:8081&isolation=read_uncommitted");
  ASSERT_TRUE(topic.ok()) << topic.status();
  EXPECT_EQ(topic->source().component(), "kafka");
  EXPECT_THAT(OptionsOf(topic->source()),
              ElementsAre(Pair("bootstrap_servers", "a:9092,b:9092"),
                          Pair("isolation", "read_uncommitted"), Pair("topic", "t/1")));
  EXPECT_EQ(topic->decoder().component(), "avro");
  EXPECT_THAT(OptionsOf(topic->decoder()), ElementsAre(Pair("registry", "http://r:8081")));
  EXPECT_TRUE(IsTopic(*topic));
  EXPECT_EQ(PlaceName(*topic), "t/1");
  EXPECT_FALSE(ParseSource("kafka://a:9092/t")->has_decoder());
}

TEST(ParseSource, RefusesWithARemedy) {
  EXPECT_THAT(Mistake("kafka://a:9092"), HasSubstr("write kafka://HOST:PORT/TOPIC"));
  EXPECT_THAT(Mistake("kafka:///t"), HasSubstr("write kafka://HOST:PORT/TOPIC"));
  EXPECT_THAT(Mistake("http://a/b"), HasSubstr("files and from kafka://HOST:PORT/TOPIC only"));
  EXPECT_THAT(Mistake("-"), HasSubstr("standard input cannot be read"));
  EXPECT_THAT(Mistake("csv:"), HasSubstr("names no file"));
  EXPECT_THAT(Mistake("a.csv?delimiter=;"), HasSubstr("write ?format.delimiter="));
  EXPECT_THAT(Mistake("a.csv?b"), HasSubstr("\"b\" is no option"));
  EXPECT_THAT(Mistake("a.csv?path=b"), HasSubstr("\"path\" is given twice"));
  EXPECT_THAT(Mistake("a.csv?a=1&a=2"), HasSubstr("\"a\" is given twice"));
}

TEST(ParseSources, MapsColumnsOfAll) {
  const auto sources = ParseSources({"a.csv", "b.csv"}, {"user_id=userId", "rating=a=b"});
  ASSERT_TRUE(sources.ok()) << sources.status();
  for (const v1::DataSource& source : *sources) {
    EXPECT_THAT(
        (std::map<std::string, std::string>(source.columns().begin(), source.columns().end())),
        UnorderedElementsAre(Pair("user_id", "userId"), Pair("rating", "a=b")));
  }
  const auto mistake = [](const std::string& map) {
    return std::string(ParseSources({"a.csv"}, {"item_id=i", map}).status().message());
  };
  EXPECT_THAT(mistake("user_id"), HasSubstr("--map user_id: write COLUMN=NAME"));
  EXPECT_THAT(mistake("user_id="), HasSubstr("write COLUMN=NAME"));
  EXPECT_THAT(mistake("userId=user_id"), HasSubstr("there is no column \"userId\""));
  EXPECT_THAT(mistake("item_id=j"), HasSubstr("named twice"));
}

TEST(ParseOutputSpec, SaysTheSameAsASpec) {
  const auto output = ParseOutputSpec("kafka://a:9092/t?format=avro&registry=http://r&key=item_id");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->format().component(), "avro");
  EXPECT_EQ(output->format().options().at("registry"), "http://r");
  EXPECT_EQ(output->sink().options().at("topic"), "t");
  EXPECT_EQ(output->key(), "item_id");
  EXPECT_THAT(std::string(ParseOutputSpec("nowhere").status().message()),
              HasSubstr("--to nowhere"));
}

TEST(TapText, HasTheFormThatReadersKnow) {
  v1::Interaction interaction;
  interaction.set_user_id("user_15");
  interaction.set_item_id("item_234");
  interaction.set_rating(4.5);
  interaction.mutable_timestamp()->set_seconds(1'705'314'600);
  EXPECT_EQ(TapText(1, interaction),
            "[Message #1]\n  User: user_15\n  Item: item_234\n  Rating: 4.5\n"
            "  Timestamp: 2024-01-15T10:30:00Z\n\n");
  interaction.set_rating(5);
  EXPECT_THAT(TapText(2, interaction), HasSubstr("  Rating: 5.0\n"));
  interaction.set_rating(4.25);
  EXPECT_THAT(TapText(2, interaction), HasSubstr("  Rating: 4.25\n"));
  interaction.set_rating(0);
  interaction.clear_timestamp();
  interaction.set_kind("preferred");
  EXPECT_THAT(TapText(2, interaction),
              HasSubstr("  Rating: -\n  Timestamp: -\n  Kind: preferred\n\n"));
}

TEST(VerificationText, ShowsDifferencesAndTheFirstOfEach) {
  v1::Verification verification;
  verification.set_expected_rows(100);
  verification.set_found_rows(100);
  EXPECT_EQ(VerificationText(verification),
            "100 rows expected, 100 found.\nAll is as it must be.\n");
  verification.set_found_rows(99);
  v1::Difference* lost = verification.add_differences();
  lost->set_kind(v1::DIFFERENCE_KIND_LOST);
  lost->set_count(1);
  v1::DifferenceExample* example = lost->add_examples();
  example->set_row(7);
  example->set_expected("user_1,item_2");
  v1::Difference* altered = verification.add_differences();
  altered->set_kind(v1::DIFFERENCE_KIND_ALTERED);
  altered->set_column("rating");
  altered->set_count(2);
  example = altered->add_examples();
  example->set_piece("t [3]");
  example->set_offset(12);
  example->set_found("4.0");
  const std::string text = VerificationText(verification);
  EXPECT_THAT(text, HasSubstr("100 rows expected, 99 found.\n"));
  EXPECT_THAT(text, testing::ContainsRegex("lost +7 +- +user_1,item_2 +-"));
  EXPECT_THAT(text, testing::ContainsRegex("altered rating +- +t \\[3\\], offset 12 +- +4.0"));
}

}  // namespace
}  // namespace throng
