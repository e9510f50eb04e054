// The decoder `avro`: files of the format and of a plain encoder, whole and damaged, and messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
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
using ::testing::StartsWith;

const std::string kSync = "fedcba9876543210";
const std::string kInteraction =
    R"({"type":"record","name":"I","fields":[{"name":"user_id","type":"string"},)"
    R"({"name":"item_id","type":"string"},{"name":"rating","type":"double"},)"
    R"({"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]})";

std::string Long(int64_t value) {
  std::string text;
  auto rest = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
  for (; rest >= 128; rest >>= 7) text += static_cast<char>(rest | 128);
  return text + static_cast<char>(rest);
}
std::string Text(const std::string& text) { return Long(static_cast<int64_t>(text.size())) + text; }
template <class T>
std::string Raw(T value) {
  std::string text(sizeof value, '\0');
  std::memcpy(text.data(), &value, sizeof value);
  return text;
}

std::string Header(const std::string& schema, const std::string& codec = "null") {
  return "Obj\1" + Long(2) + Text("avro.schema") + Text(schema) + Text("avro.codec") + Text(codec) +
         Long(0) + kSync;
}
std::string Block(int64_t count, const std::string& records, const std::string& sync = kSync) {
  return Long(count) + Text(records) + sync;
}
std::string Record(int number) {
  return Text("user_" + std::to_string(number)) + Text("item_" + std::to_string(number)) +
         Raw(number / 2.0) + Long(1000 * number);
}
std::string Records(int first, int last) {
  std::string records;
  for (int number = first; number < last; ++number) records += Record(number);
  return records;
}
std::string Row(int number) {
  std::string rating = std::to_string(number / 2) + (number % 2 == 0 ? ".0" : ".5");
  return "user_" + std::to_string(number) + "|item_" + std::to_string(number) + "|" + rating + "|" +
         std::to_string(1000 * number);
}
std::vector<std::string> RowsOf(const std::vector<std::pair<int, int>>& ranges) {
  std::vector<std::string> rows;
  for (const auto& [first, last] : ranges) {
    for (int number = first; number < last; ++number) rows.push_back(Row(number));
  }
  return rows;
}

const throng_component& Avro() {
  static const throng_component& kAvro = DecoderIn(THRONG_AVRO_PLUGIN);
  return kAvro;
}
Decoding Decode(const std::string& file,
                const std::vector<WantedColumn>& wanted = kWantedInteraction, size_t chunk = 1000) {
  DrivenDecoder decoder(Avro());
  decoder.wanted = wanted;
  return decoder.Stream(file, chunk);
}

TEST(AvroDecoderTest, WhatTheFormatWritesIsReadHoweverItComes) {
  std::vector<int64_t> numbers;
  std::vector<int32_t> ratings;
  std::vector<int64_t> times;
  std::vector<int32_t> kinds;
  for (int i = 0; i < 50; ++i) {
    numbers.push_back(i);
    ratings.push_back(i == 7 ? -1 : 10 * i);
    times.push_back(1'705'314'600'250 + i);
    kinds.push_back(i % 3 - 1);
  }
  auto columns = InteractionColumns(numbers, numbers, ratings, times);
  columns[2].is_nullable = true;
  columns.push_back({THRONG_COLUMN_LABEL, "kind", kinds, "", {"popular", "random"}, true});
  const Table table("interactions", columns);
  std::vector<std::string> rows;
  for (int i = 0; i < 50; ++i) {
    const std::string id = std::to_string(i + 1);
    std::string rating = "-";
    if (i != 7) rating = std::to_string(i / 10) + "." + std::to_string(i % 10);
    const std::string kind = i % 3 == 0 ? "-" : i % 3 == 1 ? "popular" : "random";
    rows.push_back("user_" + id + "|item_" + id + "|" + rating + "|" +
                   std::to_string(1'705'314'600'250 + i) + "|" + kind);
  }
  for (const char* codec : {"null", "deflate", "snappy", "zstandard"}) {
    LoadedFormat format(THRONG_AVRO_PLUGIN, {{"codec", codec}});
    for (const size_t block : {size_t{1}, size_t{7}, size_t{50}}) {
      const std::string file =
          format.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows"), block);
      for (const size_t chunk : {size_t{1}, size_t{13}, file.size()}) {
        for (const uint32_t capacity : {1U, 5U, 4096U}) {
          DrivenDecoder decoder(Avro());
          decoder.wanted.push_back({"kind", THRONG_FOUND_TEXT, false});
          decoder.capacity = capacity;
          const Decoding found = decoder.Stream(file, chunk);
          ASSERT_EQ(found.code, THRONG_OK) << found.message;
          ASSERT_EQ(found.rows, rows) << codec << " " << block << " " << chunk << " " << capacity;
          ASSERT_THAT(found.damages, IsEmpty());
        }
      }
    }
  }
}

TEST(AvroDecoderTest, ColumnsOfOthersAreFoundByNameWhateverStandsBetween) {
  const std::string schema = R"({"type":"record","name":"Event","namespace":"shop","fields":[
    {"name":"tags","type":{"type":"array","items":"string"}},
    {"name":"at","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},
    {"name":"place","type":{"type":"record","name":"Place","fields":[
      {"name":"at","type":"int"},{"name":"inner","type":["null","Place"]}]}},
    {"name":"stars","type":["null","float","int",{"type":"bytes","logicalType":"decimal",
      "precision":4,"scale":2}]},
    {"name":"attributes","type":{"type":"map","values":["null","long"]}},
    {"name":"user","type":"int"},
    {"name":"hash","type":{"type":"fixed","name":"Hash","size":4}},
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["SEEN","BOUGHT"]}},
    {"name":"other","type":"shop.Place"},
    {"name":"item","type":"bytes"}]})";
  const std::string place = Long(5) + Long(1) + Long(6) + Long(0);
  const auto record = [&](const std::string& at, const std::string& stars, int kind) {
    return Long(2) + Text("a") + Text("b") + Long(-1) + Text("c") + Long(0) + at + place + stars +
           Long(1) + Text("k") + Long(1) + Long(7) + Long(0) + Long(42) + "hash" + Long(kind) +
           place + Text("i-9");
  };
  const std::string none = Long(0);
  const std::string records =
      record(Long(1) + Long(1'705'314'600'250'999), Long(1) + Raw(4.5F), 1) +
      record(Long(1) + Long(-1), Long(2) + Long(3), 0) +
      record(Long(1) + Long(5000), Long(3) + Text("\x01\x13"), 0) +
      record(Long(1) + Long(5000), none, 0) + record(none, none, 0);
  const Decoding found =
      Decode(Header(schema) + Block(5, records), {{"user"},
                                                  {"item"},
                                                  {"stars", THRONG_FOUND_FLOAT64},
                                                  {"at", THRONG_FOUND_TIMESTAMP},
                                                  {"kind", THRONG_FOUND_TEXT, false},
                                                  {"absent", THRONG_FOUND_INT64, false}});
  EXPECT_EQ(found.code, THRONG_OK) << found.message;
  EXPECT_THAT(found.rows, ElementsAre("42|i-9|4.5|1705314600250|BOUGHT|-", "42|i-9|3.0|-1|SEEN|-",
                                      "42|i-9|2.75|5|SEEN|-", "42|i-9|-|5|SEEN|-"));
  ASSERT_THAT(found.damages, SizeIs(1));
  EXPECT_THAT(found.damages[0], HasSubstr(" 4 at: at is missing (record 5 of 5 in its block)"));
}

TEST(AvroDecoderTest, ValuesBecomeWhatIsAskedFor) {
  const auto read = [](const std::string& type, const std::string& value, uint32_t wanted) {
    const Decoding found = Decode(
        Header(R"({"type":"record","name":"R","fields":[{"name":"v","type":)" + type + "}]}") +
            Block(1, value),
        {{"v", wanted}});
    return found.rows.empty() ? found.damages.at(0) : found.rows[0];
  };
  const std::string text = R"("string")";
  const std::string millis = R"({"type":"long","logicalType":"timestamp-millis"})";
  EXPECT_EQ(read(R"("boolean")", "\1", THRONG_FOUND_TEXT), "true");
  EXPECT_EQ(read(R"("boolean")", "\1", THRONG_FOUND_INT64), "1");
  EXPECT_EQ(read(R"("double")", Raw(0.1), THRONG_FOUND_TEXT), "0.1");
  EXPECT_EQ(read(R"("double")", Raw(3.0), THRONG_FOUND_INT64), "3");
  EXPECT_THAT(read(R"("double")", Raw(3.5), THRONG_FOUND_INT64),
              HasSubstr("v is no whole number: 3.5"));
  EXPECT_EQ(read(R"("double")", Raw(1705314600.25), THRONG_FOUND_TIMESTAMP), "1705314600250");
  EXPECT_EQ(read(R"("long")", Long(1705314600), THRONG_FOUND_TIMESTAMP), "1705314600000");
  EXPECT_EQ(read(R"("long")", Long(1705314600250), THRONG_FOUND_TIMESTAMP), "1705314600250");
  EXPECT_EQ(read(R"({"type":"int","logicalType":"date"})", Long(19737), THRONG_FOUND_TIMESTAMP),
            "1705276800000");
  EXPECT_EQ(read(millis, Long(1705314600250), THRONG_FOUND_TEXT), "2024-01-15T10:30:00.250Z");
  EXPECT_EQ(read(millis, Long(-5), THRONG_FOUND_TEXT), "-5");
  EXPECT_EQ(read(text, Text("2024-01-15 12:30:00.25+02:00"), THRONG_FOUND_TIMESTAMP),
            "1705314600250");
  EXPECT_EQ(read(text, Text("4.5"), THRONG_FOUND_FLOAT64), "4.5");
  EXPECT_THAT(read(text, Text("good"), THRONG_FOUND_FLOAT64),
              HasSubstr(" v: v is no number: good"));
  EXPECT_THAT(read(text, Text(""), THRONG_FOUND_TEXT), HasSubstr("v is missing"));
  EXPECT_THAT(read(text, Text(std::string(70'000, 'x')), THRONG_FOUND_TEXT),
              HasSubstr("v has 70000 bytes, and 65536 are read at most"));
  EXPECT_THAT(
      read(R"(["null",{"type":"array","items":"int"}])", Long(1) + Long(0), THRONG_FOUND_TEXT),
      HasSubstr("v is an array"));
}

TEST(AvroDecoderTest, AColumnThatIsNotThereIsToldWithThoseThatAre) {
  const std::string schema =
      R"({"type":"record","name":"R","fields":[{"name":"userId","type":"string"},
      {"name":"items","type":{"type":"array","items":"string"}}]})";
  Decoding found = Decode(Header(schema) + Block(1, Text("u") + Long(0)), {{"user_id"}});
  EXPECT_EQ(found.code, THRONG_NOT_FOUND);
  EXPECT_EQ(found.message,
            "the.data has no column user_id; it has userId, items. Say which of them it is.");
  found = Decode(Header(schema), {{"items"}});
  EXPECT_EQ(found.code, THRONG_NOT_FOUND);
  EXPECT_EQ(found.message,
            "the.data has a column items that is an array; a single value is wanted.");
}

TEST(AvroDecoderTest, WhatIsNoAvroFileIsToldApart) {
  const auto said = [](const std::string& file) {
    const Decoding found = Decode(file);
    EXPECT_EQ(found.code, THRONG_DATA_LOSS);
    return found.message;
  };
  const std::string header = Header(kInteraction);
  EXPECT_EQ(said(""), "the.data is empty, and an Avro file begins with a header.");
  EXPECT_THAT(said("user_id,item_id"), HasSubstr("is no Avro file"));
  EXPECT_THAT(said("Ob"), HasSubstr("ends within its header"));
  for (const size_t size : {size_t{5}, size_t{50}, header.size() - 1}) {
    EXPECT_THAT(said(header.substr(0, size)), HasSubstr("ends within its header"));
  }
  EXPECT_THAT(said("Obj\1" + Long(0) + kSync), HasSubstr("has no avro.schema"));
  EXPECT_EQ(said(Header(kInteraction, "bzip2")),
            "the.data is compressed by \"bzip2\", which is not known here; write it by null, "
            "deflate, snappy or zstandard.");
  EXPECT_THAT(said(Header("{")), HasSubstr("has an Avro schema that is no JSON."));
  EXPECT_THAT(said(Header(R"("string")")), HasSubstr("is not one of records"));
  EXPECT_THAT(said(Header(R"({"type":"record","name":"R","fields":[{"name":"a","type":"B"}]})")),
              HasSubstr("has no type \"B\""));
  std::string deep = R"("int")";
  for (int i = 0; i < 1000; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  EXPECT_THAT(said(Header(deep)), HasSubstr("nested more than 64 deep"));
}

TEST(AvroDecoderTest, DamagedBlocksAreLeftOutAndTheRestIsRead) {
  const std::string header = Header(kInteraction);
  const std::string first = Block(10, Records(0, 10));
  const std::string last = Block(10, Records(20, 30));
  const auto read = [&](const std::string& middle) {
    std::vector<Decoding> all;
    for (const size_t chunk : {size_t{1}, size_t{100}, size_t{1} << 20}) {
      all.push_back(Decode(header + first + middle + last, kWantedInteraction, chunk));
      EXPECT_EQ(all.back().code, THRONG_OK);
      EXPECT_EQ(all.back().rows, all.front().rows);
      EXPECT_EQ(all.back().damages, all.front().damages);
      EXPECT_EQ(all.back().offsets, all.front().offsets);
    }
    return all.front();
  };
  const std::string place = std::to_string(header.size() + first.size()) + " 10 -: ";
  const auto without = RowsOf({{0, 10}, {20, 30}});

  Decoding found = read(Block(10, Records(10, 20)));
  EXPECT_EQ(found.rows, RowsOf({{0, 30}}));
  EXPECT_EQ(found.offsets[0], static_cast<int64_t>(header.size() + 3));
  EXPECT_THAT(found.damages, IsEmpty());

  found = read(Block(10, Records(10, 20), "0123456789abcdef"));
  EXPECT_EQ(found.rows, RowsOf({{0, 30}}));
  EXPECT_THAT(found.damages,
              ElementsAre(place + "the sync marker behind a block of 10 records is damaged; they "
                                  "are read"));

  // A length that cannot be, one that is wrong, and numbers that never end.
  found = read(Long(10) + Long(int64_t{1} << 60) + Records(10, 20) + kSync);
  EXPECT_EQ(found.rows, without);
  EXPECT_THAT(found.damages, ElementsAre(place + "a block cannot have 10 records and "
                                                 "1152921504606846976 bytes: 67108864 bytes are "
                                                 "read at most"));
  found = read(Long(10) + Long(3) + Records(10, 20) + kSync);
  EXPECT_EQ(found.rows, without);
  EXPECT_THAT(found.damages, SizeIs(1));
  found = read(Long(10) + Long(60'000'000) + Records(10, 20) + kSync);
  EXPECT_EQ(found.rows, without);
  EXPECT_THAT(found.damages, ElementsAre(place + "the file ends within a block of 10 records and "
                                                 "60000000 bytes"));
  found = read(std::string(30, '\xff') + kSync);
  EXPECT_EQ(found.rows, without);
  EXPECT_THAT(found.damages, SizeIs(1));

  // Records: one that breaks, too few, too many.
  std::string broken = Records(10, 20);
  broken[0] = '\x7f';  // the size of a text
  found = read(Block(10, broken));
  EXPECT_EQ(found.rows, without);
  ASSERT_THAT(found.damages, SizeIs(1));
  EXPECT_THAT(found.damages[0],
              HasSubstr("record 1 of 10 in its block, of which the rest is left out"));
  found = read(Block(9, Records(10, 20)));
  EXPECT_EQ(found.rows, RowsOf({{0, 19}, {20, 30}}));
  ASSERT_THAT(found.damages, SizeIs(1));
  EXPECT_THAT(found.damages[0], HasSubstr("after the last of them"));
  found = read(Block(11, Records(10, 20)));
  EXPECT_EQ(found.rows, RowsOf({{0, 30}}));
  EXPECT_THAT(found.damages, SizeIs(1));
}

TEST(AvroDecoderTest, ATruncatedFileIsReadUpToItsLastBlock) {
  const std::string whole = Header(kInteraction) + Block(10, Records(0, 10));
  const std::string last = Block(10, Records(10, 20));
  for (size_t size = 1; size < last.size(); ++size) {
    const Decoding found = Decode(whole + last.substr(0, size));
    EXPECT_EQ(found.rows, RowsOf({{0, 10}}));
    ASSERT_THAT(found.damages, SizeIs(1)) << size;
    EXPECT_THAT(found.damages[0],
                StartsWith(std::to_string(whole.size()) + " 10 -: the file ends within a block"));
  }
}

TEST(AvroDecoderTest, AnyByteThatIsWrongLosesAtMostItsBlock) {
  for (const char* codec : {"null", "deflate", "snappy", "zstandard"}) {
    std::vector<int64_t> numbers;
    for (int i = 0; i < 40; ++i) numbers.push_back(i);
    const std::vector<int32_t> ratings(40, 350);
    const Table table("interactions", InteractionColumns(numbers, numbers, ratings, numbers));
    LoadedFormat format(THRONG_AVRO_PLUGIN, {{"codec", codec}});
    const std::string file =
        format.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows"), 10);
    const size_t header = format.Begin(table.Destination(THRONG_RECORDS_STREAM, "rows")).size();
    for (size_t at = header; at < file.size(); ++at) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
      const Decoding found = Decode(damaged);
      ASSERT_EQ(found.code, THRONG_OK);
      ASSERT_GE(found.rows.size(), 29U) << codec << " " << at;
    }
  }
}

TEST(AvroDecoderTest, ABlockThatBlowsUpIsLeftOut) {
  const std::string zeros(size_t{80} << 20, '\0');
  std::string block(compressBound(zeros.size()), '\0');
  uLongf size = block.size();
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(block.data()), &size,
                     reinterpret_cast<const Bytef*>(zeros.data()), zeros.size()),
            Z_OK);
  block = block.substr(2, size - 6);  // without the header and checksum of zlib
  const Decoding found = Decode(Header(kInteraction, "deflate") + Block(10, block));
  EXPECT_THAT(found.rows, IsEmpty());
  ASSERT_THAT(found.damages, SizeIs(1));
  EXPECT_THAT(found.damages[0],
              HasSubstr("it has more than 67108864 bytes once it is decompressed"));
}

// ---- Messages -----------------------------------------------------------------------------------

std::string Framed(uint32_t id, const std::string& body) {
  std::string frame(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(id >> shift);
  return frame + body;
}

TEST(AvroDecoderTest, BareMessagesAreOfTheFourColumnsOrOfASchemaThatIsGiven) {
  DrivenDecoder decoder(Avro());
  Decoding found =
      decoder.Messages({Record(1), std::nullopt, Record(2) + "x", Framed(7, Record(3)), Record(4)});
  EXPECT_THAT(found.rows, ElementsAre(Row(1), Row(4)));
  EXPECT_THAT(found.offsets, ElementsAre(0, 4));
  ASSERT_THAT(found.damages, SizeIs(3));
  EXPECT_EQ(found.damages[0], "1 1 -: the message has no value (a tombstone)");
  EXPECT_EQ(found.damages[1],
            "2 1 -: the message goes on after its record; give the schema of these messages by "
            "schema or registry");
  EXPECT_THAT(found.damages[2], HasSubstr("it may have the id of a schema: give registry"));

  const std::string schema =
      R"({"type":"record","name":"R","fields":[{"name":"u","type":"long"}]})";
  DrivenDecoder own(Avro(), {{"schema", schema}});
  own.wanted = {{"u"}};
  EXPECT_THAT(own.Messages({Long(12)}).rows, ElementsAre("12"));
  EXPECT_THAT(DrivenDecoder(Avro(), {{"schema", "x"}}).refusal,
              HasSubstr("schema cannot be used: an Avro schema that is no JSON"));
}

TEST(AvroDecoderTest, MessagesWithAnIdAreReadByTheSchemaThatTheRegistryHas) {
  FakeRegistry registry;
  const auto answer = [](std::string schema) {
    std::string escaped;
    for (const char c : schema) escaped += c == '"' ? "\\\"" : std::string(1, c);
    return R"({"schema":")" + escaped + "\"}";
  };
  registry.Answer(200, answer(kInteraction));
  DrivenDecoder decoder(Avro(), {{"registry", registry.url()}});
  Decoding found = decoder.Messages({Framed(7, Record(1)), Framed(7, Record(2)), Record(3)});
  EXPECT_THAT(found.rows, ElementsAre(Row(1), Row(2)));
  EXPECT_THAT(found.damages, ElementsAre("2 2 -: the message does not begin with the id of a "
                                         "schema; leave registry out"));
  ASSERT_THAT(registry.requests(), SizeIs(1));
  EXPECT_THAT(registry.requests()[0].head, StartsWith("GET /schemas/ids/7 "));

  registry.Answer(404, R"({"error_code":40403,"message":"Schema not found"})");
  found = decoder.Messages({Framed(9, Record(1)), Framed(9, Record(1))});
  EXPECT_THAT(found.damages, SizeIs(2));
  EXPECT_EQ(found.damages[0],
            "0 0 -: the message has schema 9, which registry " + registry.url() + " does not know");
  EXPECT_THAT(registry.requests(), SizeIs(2));

  registry.Answer(200, R"({"schema":"syntax","schemaType":"PROTOBUF"})");
  EXPECT_THAT(decoder.Messages({Framed(1, Record(1))}).damages.at(0),
              HasSubstr("is of type PROTOBUF and not of AVRO"));

  registry.Answer(200, answer(R"({"type":"record","name":"R","fields":[]})"));
  found = decoder.Messages({Framed(1, "")});
  EXPECT_EQ(found.code, THRONG_NOT_FOUND);
  EXPECT_EQ(found.message, "schema 1 of registry " + registry.url() +
                               " has no column user_id; it has . Say which of them it is.");

  registry.Answer(503, "busy");
  EXPECT_EQ(decoder.Messages({Framed(1, "")}).code, THRONG_UNAVAILABLE);
  registry.Answer(401, "no");
  EXPECT_EQ(decoder.Messages({Framed(1, "")}).code, THRONG_UNAUTHENTICATED);
}

}  // namespace
}  // namespace throng
