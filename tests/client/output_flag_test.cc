#include "client/output_flag.h"

#include <gtest/gtest.h>

#include <string>

namespace throng {
namespace {

std::string Parsed(std::string_view text) {
  const auto output = ParseOutput(text);
  return output.ok() ? JsonText(*output) : std::string(output.status().message());
}

TEST(OutputFlag, NamesAFormatAndAFile) {
  EXPECT_EQ(Parsed("csv:out/a.csv"),
            R"({"format": {"component": "csv"}, )"
            R"("sink": {"component": "file", "options": {"path": "out/a.csv"}}})");
}

TEST(OutputFlag, ADashIsStandardOutput) {
  const std::string csv = R"({"format": {"component": "csv"}, "sink": {"component": "stdout"}})";
  EXPECT_EQ(Parsed("csv:-"), csv);
  EXPECT_EQ(Parsed("-"), csv);
}

TEST(OutputFlag, OptionsGoToTheSinkOrToTheFormat) {
  EXPECT_EQ(
      Parsed("json:a.json?overwrite=true&format.layout=lines&format.a.b=c"),
      R"({"format": {"component": "json", "options": {"layout": "lines", "a.b": "c"}}, )"
      R"("sink": {"component": "file", "options": {"path": "a.json", "overwrite": "true"}}})");
}

TEST(OutputFlag, TheRowsOfAPartBelongToTheOutput) {
  EXPECT_EQ(Parsed("csv:a-{part}.csv?roll_rows=1000&overwrite=true"),
            R"({"roll_rows": "1000", "format": {"component": "csv"}, "sink": )"
            R"({"component": "file", "options": {"path": "a-{part}.csv", "overwrite": "true"}}})");
}

TEST(OutputFlag, ValuesArePercentEncodedAndPathsAreNot) {
  EXPECT_EQ(Parsed("csv:50%.csv?a=x%26y%3d%25"),
            R"({"format": {"component": "csv"}, )"
            R"("sink": {"component": "file", "options": {"path": "50%.csv", "a": "x&y=%"}}})");
}

TEST(OutputFlag, AColonInAPathIsOfThePath) {
  EXPECT_NE(Parsed("csv:a:b.csv").find(R"("path": "a:b.csv")"), std::string::npos);
}

TEST(OutputFlag, ATopicHasBrokersAndOptions) {
  EXPECT_EQ(Parsed("kafka://b1:9092,b2:9092/interactions"),
            R"({"format": {"component": "json"}, "sink": {"component": "kafka", "options": )"
            R"({"bootstrap_servers": "b1:9092,b2:9092", "topic": "interactions", )"
            R"("if_recreated": "start_over"}}})");
  EXPECT_EQ(Parsed("kafka://b:9092/t?format=avro&registry=http%3A//r:8081&format.subject=topic&"
                   "key=item_id&if_recreated=fail&client.linger.ms=5"),
            R"({"key": "item_id", )"
            R"("format": {"component": "avro", "options": {"registry": "http://r:8081", )"
            R"("subject": "topic"}}, "sink": {"component": "kafka", "options": )"
            R"({"bootstrap_servers": "b:9092", "topic": "t", "if_recreated": "fail", )"
            R"("client.linger.ms": "5"}}})");
  for (const std::string text : {"kafka://", "kafka://b:9092", "kafka:///t", "kafka://b:9092/"}) {
    EXPECT_EQ(Parsed(text), "--to " + text +
                                ": write kafka://HOST:PORT/TOPIC, as "
                                "kafka://localhost:9092/interactions.");
  }
}

TEST(OutputFlag, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(
      Parsed("a.csv"),
      "--to a.csv: write FORMAT:PATH, as csv:out/interactions.csv, csv:- for standard output, "
      "or kafka://HOST:PORT/TOPIC.");
  EXPECT_EQ(Parsed("csv:"),
            "--to csv:: it names no file; write FORMAT:PATH, as csv:out/interactions.csv.");
  EXPECT_EQ(Parsed("csv:a?b"), "--to csv:a?b: \"b\" is no option; write ?NAME=VALUE&NAME=VALUE.");
  EXPECT_EQ(Parsed("csv:a?b=%2"),
            "--to csv:a?b=%2: \"b=%2\" is not percent-encoded; write % as %25.");
  EXPECT_EQ(Parsed("csv:a?b=%+1"),
            "--to csv:a?b=%+1: \"b=%+1\" is not percent-encoded; write % as %25.");
  EXPECT_EQ(Parsed("csv:a?b=1&b=2"), "--to csv:a?b=1&b=2: \"b\" is given twice; keep one.");
  EXPECT_EQ(Parsed("csv:a?path=b"), "--to csv:a?path=b: \"path\" is given twice; keep one.");
}

}  // namespace
}  // namespace throng
