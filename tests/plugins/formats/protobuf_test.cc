// The protobuf format: its .proto text and its messages, as libprotobuf reads them.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/timestamp.pb.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "plugins/formats/protobuf/schema.h"
#include "tests/plugins/formats/loaded_format.h"
#include "tests/plugins/formats/naive_text.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng::plugins {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using ::testing::HasSubstr;

// A .proto text as protoc understands it.
google::protobuf::FileDescriptorProto Compiled(const std::string& text) {
  static std::map<std::string, google::protobuf::FileDescriptorProto> known;
  const auto [found, is_new] = known.try_emplace(text);
  if (!is_new) return found->second;
  const ScratchFolder folder;
  folder.Write("a.proto", text);
  const std::string command = THRONG_PROTOC " -I" + folder.path() +
                              " --descriptor_set_out=" + folder.path("set") + " " +
                              folder.path("a.proto");
  EXPECT_EQ(std::system(command.c_str()), 0) << text;
  google::protobuf::FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(folder.Read("set"))) << text;
  found->second = set.file(0);
  return found->second;
}

// Messages of a table as libprotobuf makes them of our .proto text.
class Reader {
 public:
  explicit Reader(const Table& table) {
    google::protobuf::Timestamp::descriptor();  // is in the pool that ours lies over
    const auto* const file =
        pool_.BuildFile(Compiled(ProtobufSchema(table.schema(), RecordName(table.schema()))));
    EXPECT_EQ(file->message_type_count(), 1);
    factory_.SetDelegateToGeneratedFactory(true);
    prototype_ = factory_.GetPrototype(file->message_type(0));
  }
  std::unique_ptr<Message> Read(const std::string& bytes) const {
    std::unique_ptr<Message> message(prototype_->New());
    EXPECT_TRUE(message->ParseFromString(bytes));
    EXPECT_TRUE(message->GetReflection()->GetUnknownFields(*message).empty());
    return message;
  }

 private:
  google::protobuf::DescriptorPool pool_{google::protobuf::DescriptorPool::generated_pool()};
  google::protobuf::DynamicMessageFactory factory_{&pool_};
  const Message* prototype_ = nullptr;
};

void ExpectValue(const Message& message, const TableColumn& column, size_t row, int index) {
  const FieldDescriptor* const field = message.GetDescriptor()->field(index);
  const auto* const reflection = message.GetReflection();
  const auto wide = [&] { return std::get<std::vector<int64_t>>(column.values)[row]; };
  ASSERT_EQ(field->name(), column.name);
  ASSERT_EQ(static_cast<uint32_t>(field->number()),
            column.field_number == 0 ? static_cast<uint32_t>(index + 1) : column.field_number);
  ASSERT_EQ(field->has_optional_keyword(), IsOptional(column));
  const bool is_absent = IsAbsent(column, row);
  if (IsOptional(column)) {
    ASSERT_EQ(reflection->HasField(message, field), !is_absent);
  }
  if (is_absent) return;
  switch (column.type) {
    case THRONG_COLUMN_ID:
      if (column.id_style == THRONG_ID_INTEGER) {
        ASSERT_EQ(reflection->GetInt64(message, field), wide() + column.id_first);
        break;
      }
      [[fallthrough]];
    case THRONG_COLUMN_LABEL:
      ASSERT_EQ(reflection->GetString(message, field), NaiveText(column, row));
      break;
    case THRONG_COLUMN_INT64:
      ASSERT_EQ(reflection->GetInt64(message, field), wide());
      break;
    case THRONG_COLUMN_RATING:
      ASSERT_EQ(reflection->GetDouble(message, field), std::stod(*NaiveText(column, row)));
      break;
    case THRONG_COLUMN_FLOAT64:
      ASSERT_EQ(reflection->GetDouble(message, field),
                std::get<std::vector<double>>(column.values)[row]);
      break;
    case THRONG_COLUMN_BOOL:
      ASSERT_EQ(reflection->GetBool(message, field),
                std::get<std::vector<uint8_t>>(column.values)[row] != 0);
      break;
    default: {
      google::protobuf::Timestamp time;
      time.CopyFrom(reflection->GetMessage(message, field));
      ASSERT_GE(time.nanos(), 0);
      ASSERT_EQ(time.nanos() % 1'000'000, 0);
      ASSERT_EQ(static_cast<__int128>(time.seconds()) * 1000 + time.nanos() / 1'000'000, wide());
    }
  }
}

// Each message of the table is read back as its row.
void ExpectReadBack(const Table& table) {
  const Reader reader(table);
  LoadedFormat protobuf(THRONG_PROTOBUF_PLUGIN);
  protobuf.Begin(table.Destination(THRONG_RECORDS_MESSAGES, "topic"));
  const auto messages = protobuf.Messages(table);
  ASSERT_EQ(messages.size(), table.rows());
  for (size_t row = 0; row < table.rows(); ++row) {
    const auto message = reader.Read(messages[row].second);
    for (size_t c = 0; c < table.columns().size(); ++c) {
      ASSERT_NO_FATAL_FAILURE(ExpectValue(*message, table.columns()[c], row, static_cast<int>(c)));
    }
  }
}

TEST(Protobuf, WritesAnInteraction) {
  const Table table("interactions",
                    InteractionColumns({0, 499}, {44, 999}, {500, 455}, {1705314600000, 999}));
  LoadedFormat protobuf(THRONG_PROTOBUF_PLUGIN);
  throng_destination destination = table.Destination(THRONG_RECORDS_MESSAGES, "topic");
  destination.key_column = 0;
  EXPECT_EQ(protobuf.Begin(destination), "");
  const auto messages = protobuf.Messages(table);
  EXPECT_EQ(messages[0].first, "user_1");
  EXPECT_EQ(messages[0].second, std::string("\x0a\x06user_1\x12\x07item_45\x19\0\0\0\0\0\0\x14\x40"
                                            "\x22\x08\x08\xa8\x92\x94\xad\x06\x10\0",
                                            36));
  EXPECT_EQ(messages[1].first, "user_500");
  ExpectReadBack(table);
}

TEST(Protobuf, NamesTheMessageAfterTheTableAndKeepsExtraColumnsOptional) {
  const std::vector<int64_t> one = {1};
  const Table table("users", {{THRONG_COLUMN_ID, "id", one, "x"},
                              {THRONG_COLUMN_INT64, "n", one},
                              {THRONG_COLUMN_BOOL, "b", std::vector<uint8_t>{1}},
                              {THRONG_COLUMN_LABEL, "l", std::vector<int32_t>{0}, "", {"a"}},
                              {THRONG_COLUMN_FLOAT64, "f", std::vector<double>{1}},
                              {THRONG_COLUMN_TIMESTAMP, "xt", one, "", {}, true}});
  EXPECT_EQ(ProtobufSchema(table.schema(), RecordName(table.schema())),
            "syntax = \"proto3\";\n\npackage throng.v1;\n\n"
            "import \"google/protobuf/timestamp.proto\";\n\n"
            "message User {\n  string id = 1;\n  int64 n = 2;\n  bool b = 3;\n"
            "  optional string l = 4;\n  optional double f = 5;\n"
            "  optional google.protobuf.Timestamp xt = 6;\n}\n");
  ExpectReadBack(table);
  const Table items("items", {{THRONG_COLUMN_ID, "id", one, "x"}});
  EXPECT_EQ(ProtobufSchema(items.schema(), RecordName(items.schema())),
            "syntax = \"proto3\";\n\npackage throng.v1;\n\nmessage Item {\n  string id = 1;\n}\n");
}

TEST(Protobuf, LeavesOutWhatIsAbsentOrNotFinite) {
  ExpectReadBack(Table(
      "interactions", {{THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{-1, 0, 1}, "", {"a", ""}},
                       {THRONG_COLUMN_FLOAT64, "p",
                        std::vector<double>{std::numeric_limits<double>::infinity(),
                                            std::numeric_limits<double>::quiet_NaN(), 1e300}}}));
}

TEST(Protobuf, HasOptionalFieldsForWhatMayBeAbsentAndIdsByTheirStyle) {
  const std::vector<int64_t> numbers = {7, -1};
  std::vector<TableColumn> columns = {
      {THRONG_COLUMN_ID, "a", numbers, "x", {}, false, true},
      {THRONG_COLUMN_ID, "b", {std::vector<int64_t>{7, 8}}, "x"},
      {THRONG_COLUMN_ID, "c", numbers, "x", {}, false, true, THRONG_ID_UUID, 0, 42},
      {THRONG_COLUMN_BOOL, "d", std::vector<uint8_t>{1, 2}, "", {}, false, true}};
  columns[1].id_style = THRONG_ID_INTEGER;
  columns[1].id_first = -10;
  const Table table("interactions", columns);
  EXPECT_THAT(ProtobufSchema(table.schema(), RecordName(table.schema())),
              HasSubstr("{\n  optional string a = 1;\n  int64 b = 2;\n  optional string c = 3;\n"
                        "  optional bool d = 4;\n}\n"));
  ExpectReadBack(table);
}

TEST(Protobuf, WritesNumbersAndTimesOfEveryLength) {
  std::vector<int64_t> values = {0, std::numeric_limits<int64_t>::min(),
                                 std::numeric_limits<int64_t>::max()};
  for (int bit = 0; bit < 63; ++bit) {
    const int64_t power = int64_t{1} << bit;
    values.insert(values.end(), {power - 1, power, -power, -power - 1});
  }
  for (const bool is_extra : {false, true}) {
    ExpectReadBack(
        Table("interactions", {{THRONG_COLUMN_INT64, "n", values, "", {}, is_extra},
                               {THRONG_COLUMN_TIMESTAMP, "t", values, "", {}, is_extra}}));
  }
}

// Where a text reaches 128 bytes its size takes a second byte.
TEST(Protobuf, WritesIdsWithPrefixesOfEveryLength) {
  const std::vector<int64_t> ids = {0, 8, 9, 99'999, 999'999'999'999};
  for (size_t prefix = 0; prefix < 300; ++prefix) {
    ASSERT_NO_FATAL_FAILURE(ExpectReadBack(Table(
        "interactions", {{THRONG_COLUMN_ID, "id", ids, std::string(prefix, 'p'), {}, true}})));
  }
}

// What a column's field is numbered is not up to its place.
TEST(Protobuf, WritesColumnsByTheirNumbers) {
  std::vector<TableColumn> columns = InteractionColumns({0, 499}, {44, 999}, {500, 455}, {7, 999});
  const uint32_t numbers[] = {2, 1, (1U << 29) - 1, 16};
  for (size_t c = 0; c < columns.size(); ++c) columns[c].field_number = numbers[c];
  columns.push_back({THRONG_COLUMN_LABEL, "l", std::vector<int32_t>{0, -1}, "", {"a"}, true});
  columns.back().field_number = 1U << 24;
  ExpectReadBack(Table("interactions", columns));
}

// From the sixteenth field on a tag takes a second byte.
TEST(Protobuf, WritesManyColumns) {
  std::vector<TableColumn> columns;
  for (int c = 0; c < 40; ++c) {
    columns.push_back({THRONG_COLUMN_ID, "id" + std::to_string(c), std::vector<int64_t>{c}, "x"});
    columns.push_back({THRONG_COLUMN_LABEL,
                       "l" + std::to_string(c),
                       std::vector<int32_t>{0},
                       "",
                       {std::string(static_cast<size_t>(20 * c), 'l')}});
  }
  ExpectReadBack(Table("items", columns));
}

TEST(Protobuf, WritesRandomTablesThatLibprotobufReadsBack) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<TableColumn> columns = RandomColumns(random, 50);
    for (size_t c = 0; c < columns.size(); ++c) {
      columns[c].name = "c" + std::to_string(c);
      columns[c].is_extra = random() % 2 == 0;
    }
    ASSERT_NO_FATAL_FAILURE(ExpectReadBack(Table("users", columns))) << "round " << round;
  }
}

TEST(Protobuf, RefusesANameOrATypeThatItCannotHold) {
  const auto failure_of = [](const TableColumn& column) {
    const Table table("interactions", {column});
    try {
      LoadedFormat(THRONG_PROTOBUF_PLUGIN)
          .Begin(table.Destination(THRONG_RECORDS_MESSAGES, "topic"));
    } catch (const FormatFailure& failure) {
      return failure;
    }
    return FormatFailure(THRONG_OK, {});
  };
  const std::vector<int64_t> one = {1};
  const FormatFailure name = failure_of({THRONG_COLUMN_INT64, "user-id", one});
  EXPECT_EQ(name.code, THRONG_INVALID_ARGUMENT);
  EXPECT_THAT(name.what(), HasSubstr("The column \"user-id\" has no name for Protobuf"));
  const FormatFailure type = failure_of({8, "later", one});
  EXPECT_EQ(type.code, THRONG_UNIMPLEMENTED);
  EXPECT_THAT(type.what(), HasSubstr("column later"));
}

TEST(Protobuf, RefusesTwoColumnsOfOneNumber) {
  std::vector<TableColumn> columns = InteractionColumns({0}, {44}, {500}, {7});
  columns[3].field_number = 2;
  const Table table("interactions", columns);
  try {
    LoadedFormat(THRONG_PROTOBUF_PLUGIN).Begin(table.Destination(THRONG_RECORDS_MESSAGES, "topic"));
    ADD_FAILURE() << "it begins";
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
    EXPECT_STREQ(failure.what(),
                 "The columns \"item_id\" and \"timestamp\" have the same number in Protobuf, 2; "
                 "leave one of them out of columns.");
  }
}

TEST(Protobuf, MakesMessagesOnly) {
  EXPECT_EQ(LoadedFormat(THRONG_PROTOBUF_PLUGIN).modes(), uint32_t{THRONG_RECORDS_MESSAGES});
}

}  // namespace
}  // namespace throng::plugins
