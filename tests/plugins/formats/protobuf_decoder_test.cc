// The decoder `protobuf`: messages of the format and of others, whole and damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "tests/plugins/formats/driven_decoder.h"
#include "tests/plugins/formats/fake_registry.h"
#include "tests/plugins/formats/loaded_format.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Varint(uint64_t value) {
  std::string text;
  for (; value >= 128; value >>= 7) text += static_cast<char>(value | 128);
  return text + static_cast<char>(value);
}
std::string Tag(uint32_t number, uint32_t wire) { return Varint(number << 3 | wire); }
std::string Text(uint32_t number, const std::string& text) {
  return Tag(number, 2) + Varint(text.size()) + text;
}
std::string Double(uint32_t number, double value) {
  std::string text(sizeof value, '\0');
  std::memcpy(text.data(), &value, sizeof value);
  return Tag(number, 1) + text;
}
std::string Time(uint32_t number, int64_t seconds, uint64_t nanos) {
  return Text(number,
              Tag(1, 0) + Varint(static_cast<uint64_t>(seconds)) + Tag(2, 0) + Varint(nanos));
}
const std::string kMessage =
    Text(1, "user_1") + Text(2, "item_2") + Double(3, 4.5) + Time(4, 1'705'314'600, 250'999'999);
constexpr char kRow[] = "user_1|item_2|4.5|1705314600250";

std::string Framed(const std::string& body, const std::string& path = std::string(1, '\0')) {
  return std::string("\0\0\0\0\7", 5) + path + body;
}
std::string SchemaAnswer(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '"' ? "\\\"" : c == '\n' ? "\\n" : std::string(1, c);
  return R"({"schemaType":"PROTOBUF","schema":")" + escaped + "\"}";
}

const throng_component& Protobuf() {
  static const throng_component& kProtobuf = DecoderIn(THRONG_PROTOBUF_PLUGIN);
  return kProtobuf;
}
std::vector<WantedColumn> AllColumns() {
  std::vector<WantedColumn> wanted = kWantedInteraction;
  wanted.push_back({"interaction_id", THRONG_FOUND_INT64, false});
  wanted.push_back({"kind", THRONG_FOUND_TEXT, false});
  return wanted;
}

TEST(ProtobufDecoderTest, WhatTheFormatWritesIsRead) {
  auto columns = InteractionColumns({0, 1}, {4, 5}, {450, -1}, {1'705'314'600'250, -1});
  columns[2].is_nullable = true;
  columns.push_back(
      {THRONG_COLUMN_INT64, "interaction_id", std::vector<int64_t>{7, 0}, "", {}, true});
  columns.push_back(
      {THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{-1, 0}, "", {"popular"}, true});
  const Table table("interactions", columns);
  LoadedFormat format(THRONG_PROTOBUF_PLUGIN);
  format.Begin(table.Destination(THRONG_RECORDS_MESSAGES, "topic"));
  std::vector<std::optional<std::string>> messages;
  for (const auto& [key, value] : format.Messages(table)) {
    messages.emplace_back(value);
    messages.emplace_back(Framed(value));
  }
  DrivenDecoder decoder(Protobuf());
  decoder.wanted = AllColumns();
  decoder.capacity = 3;
  const Decoding found = decoder.Messages(messages);
  const std::string first = "user_1|item_5|4.5|1705314600250|7|-";
  const std::string second = "user_2|item_6|-|-1|0|popular";
  EXPECT_THAT(found.rows, ElementsAre(first, first, second, second));
  EXPECT_THAT(found.damages, IsEmpty());
}

TEST(ProtobufDecoderTest, WhatIsUnknownIsWalkedOver) {
  const std::string group = Tag(20, 3) + Tag(1, 3) + Tag(1, 4) + Double(2, 1) + Tag(20, 4);
  DrivenDecoder decoder(Protobuf());
  EXPECT_THAT(decoder
                  .Messages({group + Text(99, "x") + Tag(15, 0) + Varint(~uint64_t{0}) + kMessage +
                             Tag(1'000'000, 5) + "four"})
                  .rows,
              ElementsAre(kRow));
  // Ids that are numbers, and the last of several values.
  EXPECT_THAT(decoder.Messages({kMessage + Tag(1, 0) + Varint(12)}).rows,
              ElementsAre("12|item_2|4.5|1705314600250"));
}

TEST(ProtobufDecoderTest, DamagedMessagesAreTold) {
  DrivenDecoder decoder(Protobuf());
  const auto said = [&](const std::string& message) {
    const Decoding found = decoder.Messages({kMessage, message, kMessage});
    EXPECT_THAT(found.rows, SizeIs(2));
    EXPECT_THAT(found.damages, SizeIs(1));
    return found.damages.empty() ? "" : found.damages[0];
  };
  EXPECT_EQ(said(""), "1 1 user_id: user_id is missing");
  EXPECT_EQ(said(Text(1, "u") + Text(2, "i") + Double(3, 1)),
            "1 1 timestamp: timestamp is missing");
  EXPECT_THAT(said(Tag(1, 2) + Varint(uint64_t{1} << 60)),
              HasSubstr("ends too early, in its field 1"));
  EXPECT_THAT(said(kMessage + "\xff"), HasSubstr("no field where one should begin, at its byte"));
  EXPECT_THAT(said(kMessage + Tag(9, 7)), HasSubstr("ends too early, in its field 9"));
  EXPECT_THAT(said(kMessage + Tag(9, 3)), HasSubstr("ends too early, in its field 9"));
  EXPECT_THAT(said(kMessage + Text(4, "\xff")),
              HasSubstr("timestamp is no google.protobuf.Timestamp"));
  EXPECT_THAT(said(kMessage + Time(4, int64_t{1} << 50, 0)), HasSubstr("timestamp is no time"));
  EXPECT_THAT(said(kMessage + Text(3, "good")), HasSubstr("rating is no number: good"));
  EXPECT_THAT(said(Framed(kMessage, "\xff")), HasSubstr("behind the id of the message's schema"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += Tag(20, 3);
  EXPECT_THAT(said(deep), HasSubstr("ends too early"));
}

constexpr char kShop[] = R"(// Of a shop.
syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
option java_package = "com.shop";
enum Kind { SEEN = 0; BOUGHT = 1; }
message Unused { reserved 2, 4 to 6; map<string, int32> more = 1; }
message Envelope {
  message Event {
    option deprecated = true;
    /* who */ string user = 12;
    oneof what { sint64 item = 3; string name = 4; }
    float stars = 5 [deprecated = true];
    optional double weight = 6;
    google.protobuf.Timestamp at = 100;
    fixed64 number = 7;
    Kind kind = 8;
    repeated string tags = 9;
    Unused unused = 10;
  }
  Event event = 1;
}
)";

TEST(ProtobufDecoderTest, FieldsOfOthersAreFoundByTheirNamesInTheRegistry) {
  FakeRegistry registry;
  registry.Answer(200, SchemaAnswer(kShop));
  DrivenDecoder decoder(Protobuf(), {{"registry", registry.url()}});
  decoder.wanted = {{"user"},
                    {"item"},
                    {"stars", THRONG_FOUND_FLOAT64},
                    {"at", THRONG_FOUND_TIMESTAMP},
                    {"weight", THRONG_FOUND_FLOAT64, false},
                    {"number", THRONG_FOUND_INT64, false},
                    {"kind", THRONG_FOUND_INT64, false}};
  const std::string path = Varint(4) + Varint(2) + Varint(0);  // the first message of the second
  const std::string event = Text(12, "u-1") + Tag(3, 0) + Varint(9) + Time(100, 5, 0);
  const std::string number("\x2a\0\0\0\0\0\0\0", 8);
  Decoding found = decoder.Messages(
      {Framed(event, path), Framed(event + Tag(5, 5) + std::string("\0\0\x90\x40", 4) + Tag(7, 1) +
                                       number + Tag(8, 0) + Varint(1) + Double(6, 0.5),
                                   path)});
  EXPECT_EQ(found.code, THRONG_OK) << found.message;
  EXPECT_THAT(found.rows, ElementsAre("u-1|-5|0.0|5000|-|0|-", "u-1|-5|4.5|5000|0.5|42|1"));
  EXPECT_THAT(found.damages, IsEmpty());

  found =
      decoder.Messages({Framed(event, path), Framed(event), Framed(event, Varint(2) + Varint(20))});
  ASSERT_THAT(found.damages, SizeIs(2));
  EXPECT_THAT(found.damages[0], HasSubstr("message Unused in schema 7 of registry"));
  EXPECT_THAT(found.damages[1], HasSubstr("the message is one that schema 7 of registry"));

  found = decoder.Messages({Framed(event)});
  EXPECT_EQ(found.code, THRONG_NOT_FOUND);
  EXPECT_THAT(found.message,
              HasSubstr("has no column user; it has more. Say which of them it is."));
  decoder.wanted = {{"tags"}};
  EXPECT_THAT(decoder.Messages({Framed(event, path)}).message, HasSubstr("tags that is repeated"));
  decoder.wanted = {{"unused"}};
  EXPECT_THAT(decoder.Messages({Framed(Text(10, "x"), path)}).damages.at(0),
              HasSubstr("unused is a message, and a single value is wanted"));

  registry.Answer(200, SchemaAnswer("message M { string a = ; }"));
  EXPECT_THAT(decoder.Messages({Framed(event)}).damages.at(0),
              HasSubstr("a Protobuf schema that has a field without a number (line 1)"));
}

TEST(ProtobufDecoderTest, WithoutARegistryOtherColumnsAreNotFound) {
  DrivenDecoder decoder(Protobuf());
  decoder.wanted = {{"userId"}};
  const Decoding found = decoder.Messages({kMessage});
  EXPECT_EQ(found.code, THRONG_NOT_FOUND);
  EXPECT_THAT(found.message,
              HasSubstr("throng.v1.Interaction has no column userId; it has user_id"));
}

}  // namespace
}  // namespace throng
