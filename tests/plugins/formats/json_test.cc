// The json format: exact bytes of lines, documents and messages, read back by another parser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/plugins/formats/loaded_format.h"
#include "tests/plugins/formats/naive_text.h"

namespace throng {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr char kFirst[] = R"({"user_id": "user_1", "item_id": "item_45", "rating": 5.0, )"
                          R"("timestamp": "2024-01-15T10:30:00Z"})";
constexpr char kSecond[] = R"({"user_id": "user_500", "item_id": "item_1000", "rating": 4.55, )"
                           R"("timestamp": "2024-01-15T10:31:01Z"})";

std::vector<TableColumn> TwoInteractions() {
  return InteractionColumns({0, 499}, {44, 999}, {500, 455}, {1705314600000, 1705314661999});
}

std::string Json(const Table& table, const char* name, size_t block_rows = 4096,
                 const char* statistics = "{}") {
  LoadedFormat format(THRONG_JSON_PLUGIN);
  return format.Stream(table, table.Destination(THRONG_RECORDS_STREAM, name), block_rows,
                       statistics);
}

std::vector<json> ParsedLines(const std::string& text) {
  std::vector<json> objects;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) objects.push_back(json::parse(line));
  return objects;
}

struct Message {
  std::string key;
  std::string value;
};

std::vector<Message> Messages(const Table& table, int32_t key_column, size_t block_rows = 4096,
                              const std::map<std::string, std::string>& options = {}) {
  LoadedFormat format(THRONG_JSON_PLUGIN, options);
  throng_destination destination = table.Destination(THRONG_RECORDS_MESSAGES, "interactions");
  destination.key_column = key_column;
  EXPECT_EQ(format.Begin(destination), "");
  std::vector<Message> messages;
  for (size_t first = 0; first < table.rows(); first += block_rows) {
    const std::vector<const void*> columns = table.At(first);
    const size_t rows = std::min(block_rows, table.rows() - first);
    std::vector<uint32_t> key_end(rows);
    std::vector<uint32_t> value_end(rows);
    format.Clear();
    format.Encode({.struct_size = sizeof(throng_block),
                   .rows = static_cast<uint32_t>(rows),
                   .first_row = static_cast<int64_t>(first),
                   .columns = columns.data(),
                   .key_end = key_end.data(),
                   .value_end = value_end.data()});
    uint32_t start = 0;
    for (size_t row = 0; row < rows; ++row) {
      const std::string_view bytes = format.buffer();
      messages.push_back({std::string(bytes.substr(start, key_end[row] - start)),
                          std::string(bytes.substr(key_end[row], value_end[row] - key_end[row]))});
      start = value_end[row];
    }
    EXPECT_EQ(start, format.buffer().size());
  }
  return messages;
}

void ExpectRefused(const std::map<std::string, std::string>& options,
                   const throng_destination& destination, const std::string& sentence,
                   const std::string& option = "layout") {
  try {
    LoadedFormat(THRONG_JSON_PLUGIN, options).Begin(destination);
    ADD_FAILURE() << "accepted";
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
    EXPECT_EQ(failure.option, option);
    EXPECT_THAT(failure.what(), HasSubstr(sentence));
  }
}

TEST(Json, WritesOneObjectALineToAFileOfLines) {
  const Table table("interactions", TwoInteractions());
  const std::string expected = std::string(kFirst) + "\n" + kSecond + "\n";
  EXPECT_EQ(Json(table, "out/rows.jsonl"), expected);
  EXPECT_EQ(Json(table, "out/rows.ndjson"), expected);
  LoadedFormat lines(THRONG_JSON_PLUGIN, {{"layout", "lines"}});
  EXPECT_EQ(lines.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows.json"), 1),
            expected);
}

TEST(Json, WritesADocumentWithMetadataAndStatistics) {
  const Table table("interactions", TwoInteractions());
  const std::string expected =
      R"({"metadata": {"generated_at": "2024-01-15T10:30:00Z", "num_users": 500, )"
      R"("num_items": 1000, "num_interactions": 2}, "interactions": [)"
      "\n" +
      std::string(kFirst) + ",\n" + kSecond + "\n], \"statistics\": {\"rows\": 2}}\n";
  EXPECT_EQ(Json(table, "out/rows.json", 4096, R"({"rows": 2})"), expected);
  LoadedFormat document(THRONG_JSON_PLUGIN, {{"layout", "document"}});
  EXPECT_EQ(document.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows.jsonl"), 1,
                            R"({"rows": 2})"),
            expected);
}

TEST(Json, WritesADocumentOfASideTableWithoutStatistics) {
  const Table table("users",
                    {{THRONG_COLUMN_ID, "user_id", std::vector<int64_t>{6}, "user_"},
                     {THRONG_COLUMN_LABEL, "cluster", std::vector<int32_t>{0}, "", {"general"}}});
  EXPECT_EQ(Json(table, "users.json"),
            R"({"metadata": {"generated_at": "2024-01-15T10:30:00Z", "num_users": 500, )"
            R"("num_items": 1000}, "users": [)"
            "\n"
            R"({"user_id": "user_7", "cluster": "general"})"
            "\n]}\n");
}

TEST(Json, WritesTheCommasOfADocumentByRowAndNotByBlock) {
  std::mt19937_64 random(1);
  for (const int64_t first_row : {0, 123456789}) {
    std::vector<int64_t> ids(10000);
    for (int64_t& id : ids) id = AnyLength(random);
    const Table table("items", {{THRONG_COLUMN_ID, "item_id", ids, "item_"}}, first_row);
    const std::string whole = Json(table, "items.json", ids.size());
    const json document = json::parse(whole);
    ASSERT_EQ(document["items"].size(), ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(document["items"][i]["item_id"], "item_" + std::to_string(ids[i] + 1));
    }
    for (const size_t block_rows : {size_t{1}, size_t{7}, size_t{4096}}) {
      EXPECT_TRUE(Json(table, "items.json", block_rows) == whole) << block_rows << " rows a block";
    }
  }
}

TEST(Json, WritesADocumentWithoutRows) {
  const Table table("interactions", InteractionColumns({}, {}, {}, {}));
  const json document = json::parse(Json(table, "rows.json", 1, R"({"rows": 0})"));
  EXPECT_EQ(document["interactions"], json::array());
  EXPECT_EQ(document["metadata"]["num_interactions"], 0);
  EXPECT_EQ(document["statistics"]["rows"], 0);
}

TEST(Json, RefusesADocumentWithoutEnd) {
  const Table table("interactions", TwoInteractions());
  throng_destination destination = table.Destination(THRONG_RECORDS_STREAM, "rows.json");
  destination.rows = -1;
  ExpectRefused({}, destination, "A JSON document needs an end");
  EXPECT_EQ(LoadedFormat(THRONG_JSON_PLUGIN, {{"layout", "lines"}}).Begin(destination), "");
}

TEST(Json, RefusesADocumentForMessages) {
  const Table table("interactions", TwoInteractions());
  const throng_destination destination = table.Destination(THRONG_RECORDS_MESSAGES, "topic");
  ExpectRefused({{"layout", "document"}}, destination, "leave layout out");
  EXPECT_EQ(LoadedFormat(THRONG_JSON_PLUGIN, {{"layout", "lines"}}).Begin(destination), "");
}

TEST(Json, WritesMessagesWithTheKeyColumnsTextAsKey) {
  const Table table("interactions", TwoInteractions());
  for (const size_t block_rows : {size_t{1}, size_t{2}}) {
    const std::vector<Message> messages = Messages(table, 0, block_rows);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].key, "user_1");
    EXPECT_EQ(messages[0].value, kFirst);
    EXPECT_EQ(messages[1].key, "user_500");
    EXPECT_EQ(messages[1].value, kSecond);
  }
}

TEST(Json, WritesTimesInTheFormThatIsAskedFor) {
  std::vector<TableColumn> columns = TwoInteractions();
  columns[3].is_nullable = true;
  columns[3].values = std::vector<int64_t>{1705314661999, std::numeric_limits<int64_t>::min()};
  const Table table("interactions", columns);
  const std::pair<const char*, const char*> forms[] = {
      {"iso", "\"2024-01-15T10:31:01Z\""},
      {"iso_millis", "\"2024-01-15T10:31:01.999Z\""},
      {"epoch_seconds", "1705314661"},
      {"epoch_millis", "1705314661999"}};
  for (const auto& [form, text] : forms) {
    const std::vector<Message> messages = Messages(table, 0, 2, {{"timestamp", form}});
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_THAT(messages[0].value, EndsWith(std::string("\"timestamp\": ") + text + "}"));
    EXPECT_THAT(messages[1].value, EndsWith("\"timestamp\": null}"));
    LoadedFormat lines(THRONG_JSON_PLUGIN, {{"timestamp", form}});
    EXPECT_EQ(lines.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows.jsonl"), 1),
              messages[0].value + "\n" + messages[1].value + "\n");
  }
}

TEST(Json, IndentsADocumentAsPythonDoes) {
  const std::string statistics = R"({"users": 2, "none": [], "ratings": [{"a\\": ": ,{"}, {}]})";
  const Table table("interactions", TwoInteractions());
  LoadedFormat plain(THRONG_JSON_PLUGIN);
  const throng_destination destination = table.Destination(THRONG_RECORDS_STREAM, "rows.json");
  const json expected = json::parse(plain.Stream(table, destination, 1, statistics.c_str()));
  for (const int indent : {0, 1, 2, 8}) {
    const std::map<std::string, std::string> options = {{"indent", std::to_string(indent)}};
    for (const size_t block_rows : {size_t{1}, size_t{2}}) {
      LoadedFormat format(THRONG_JSON_PLUGIN, options);
      const std::string text = format.Stream(table, destination, block_rows, statistics.c_str());
      EXPECT_EQ(json::parse(text), expected);
      // nlohmann's dump sorts members, so that lines are compared in any order, and commas are not.
      const auto lines = [](const std::string& of) {
        std::multiset<std::string> found;
        std::istringstream stream(of);
        for (std::string line; std::getline(stream, line);) {
          if (line.ends_with(',')) line.pop_back();
          found.insert(line);
        }
        return found;
      };
      EXPECT_EQ(lines(text), lines(expected.dump(indent) + "\n")) << text;
    }
  }
}

TEST(Json, IndentsNothingButADocument) {
  const Table table("interactions", TwoInteractions());
  ExpectRefused({{"indent", "2"}}, table.Destination(THRONG_RECORDS_STREAM, "rows.jsonl"),
                "Only a document is indented; leave indent out, or set layout to document.",
                "indent");
  throng_destination destination = table.Destination(THRONG_RECORDS_MESSAGES, "interactions");
  ExpectRefused({{"indent", "2"}}, destination, "Only a document is indented", "indent");
}

TEST(Json, PutsTheEnvelopeOfKafkaConnectAroundLinesAndMessages) {
  std::vector<TableColumn> columns = TwoInteractions();
  columns[2].is_nullable = true;
  columns[2].values = std::vector<int32_t>{500, -1};
  columns[1].id_style = THRONG_ID_INTEGER;
  const Table table("interactions", columns);
  const std::map<std::string, std::string> options = {{"envelope", "connect"},
                                                      {"timestamp", "epoch_millis"}};
  const std::vector<Message> messages = Messages(table, 0, 2, options);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].value,
            R"({"schema": {"type": "struct", "name": "throng.v1.Interaction", "optional": false, )"
            R"("fields": [{"field": "user_id", "type": "string", "optional": false}, )"
            R"({"field": "item_id", "type": "int64", "optional": false}, )"
            R"({"field": "rating", "type": "double", "optional": true}, )"
            R"({"field": "timestamp", "type": "int64", )"
            R"("name": "org.apache.kafka.connect.data.Timestamp", "version": 1, )"
            R"("optional": false}]}, "payload": {"user_id": "user_1", "item_id": 45, )"
            R"("rating": 5.0, "timestamp": 1705314600000}})");
  EXPECT_EQ(json::parse(messages[1].value)["payload"]["rating"], nullptr);
  LoadedFormat lines(THRONG_JSON_PLUGIN, options);
  EXPECT_EQ(lines.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows.jsonl"), 1),
            messages[0].value + "\n" + messages[1].value + "\n");
}

TEST(Json, PutsNoEnvelopeAroundADocumentNorARegisteredSchema) {
  const Table table("interactions", TwoInteractions());
  ExpectRefused({{"envelope", "connect"}}, table.Destination(THRONG_RECORDS_STREAM, "rows.json"),
                "this is a document; set layout to lines.", "envelope");
  const throng_destination lines = table.Destination(THRONG_RECORDS_STREAM, "rows.jsonl");
  ExpectRefused({{"envelope", "connect"}, {"indent", "2"}}, lines, "leave envelope, or layout and",
                "envelope");
  ExpectRefused({{"envelope", "connect"}, {"registry", "http://127.0.0.1:1"}}, lines,
                "leave envelope or registry out.", "envelope");
}

TEST(Json, WritesMessagesWithoutAKey) {
  for (const Message& message : Messages(Table("interactions", TwoInteractions()), -1)) {
    EXPECT_EQ(message.key, "");
    EXPECT_TRUE(message.value == kFirst || message.value == kSecond) << message.value;
  }
}

TEST(Json, WritesAKeyOfAnyTypeWithoutQuotes) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 20; ++round) {
    const Table table("interactions", RandomColumns(random, 20));
    const auto key = static_cast<int32_t>(random() % table.columns().size());
    const std::vector<Message> messages = Messages(table, key, 7);
    ASSERT_EQ(messages.size(), table.rows());
    const std::vector<json> lines = ParsedLines(Json(table, "rows.jsonl"));
    for (size_t row = 0; row < table.rows(); ++row) {
      EXPECT_EQ(messages[row].key,
                NaiveText(table.columns()[static_cast<size_t>(key)], row).value_or(""));
      EXPECT_EQ(json::parse(messages[row].value), lines[row]);
    }
  }
}

TEST(Json, EscapesNamesPrefixesAndLabels) {
  const std::string odd = R"(a "quoted" \ café 漢字)";
  const Table table("interactions",
                    {{THRONG_COLUMN_ID, odd, std::vector<int64_t>{0}, odd},
                     {THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{0}, "", {odd}}});
  EXPECT_EQ(Json(table, "rows.jsonl"),
            R"({"a \"quoted\" \\ café 漢字": "a \"quoted\" \\ café 漢字1", )"
            R"("kind": "a \"quoted\" \\ café 漢字"})"
            "\n");
  const json object = ParsedLines(Json(table, "rows.jsonl"))[0];
  EXPECT_EQ(object[odd], odd + "1");
  EXPECT_EQ(object["kind"], odd);
  EXPECT_EQ(Messages(table, 1)[0].key, odd);
}

TEST(Json, WritesNullForWhatIsAbsentOrNotFinite) {
  const Table table("interactions",
                    {{THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{-1, 0}, "", {"a"}},
                     {THRONG_COLUMN_FLOAT64, "p",
                      std::vector<double>{std::numeric_limits<double>::infinity(), 1e300}},
                     {THRONG_COLUMN_BOOL, "popular", std::vector<uint8_t>{0, 1}}});
  EXPECT_EQ(Json(table, "rows.jsonl"), R"({"kind": null, "p": null, "popular": false})"
                                       "\n"
                                       R"({"kind": "a", "p": 1e+300, "popular": true})"
                                       "\n");
}

TEST(Json, WritesNullForWhatIsAbsentAndIdsByTheirStyle) {
  const std::vector<int64_t> numbers = {7, -1};
  const Table table("interactions",
                    {{THRONG_COLUMN_ID, "a", numbers, "x", {}, false, true},
                     {THRONG_COLUMN_ID,
                      "b",
                      std::vector<int64_t>{7, 8},
                      "x",
                      {},
                      false,
                      false,
                      THRONG_ID_INTEGER,
                      -10},
                     {THRONG_COLUMN_ID, "c", numbers, "x", {}, false, true, THRONG_ID_UUID, 0, 42},
                     {THRONG_COLUMN_TIMESTAMP,
                      "d",
                      std::vector<int64_t>{0, std::numeric_limits<int64_t>::min()},
                      "",
                      {},
                      false,
                      true}});
  const std::string lines = R"({"a": "x8", "b": -3, "c": ")" + NaiveUuid(42, 7) +
                            R"(", "d": "1970-01-01T00:00:00Z"})"
                            "\n"
                            R"({"a": null, "b": -2, "c": null, "d": null})"
                            "\n";
  EXPECT_EQ(Json(table, "rows.jsonl"), lines);
  EXPECT_EQ(json::parse(Json(table, "rows.json", 1))["interactions"].size(), 2U);
  const std::vector<std::vector<std::string>> keys = {
      {"x8", ""}, {"-3", "-2"}, {NaiveUuid(42, 7), ""}, {"1970-01-01T00:00:00Z", ""}};
  for (int32_t key = 0; key < 4; ++key) {
    for (size_t row = 0; row < 2; ++row) {
      EXPECT_EQ(Messages(table, key)[row].key, keys[static_cast<size_t>(key)][row]);
    }
  }
}

// The first record that is delivered need not be the first row of its block.
TEST(Json, WritesNoCommaBeforeTheFirstRecordWhereRowsWereLeftOut) {
  const Table table("items", {{THRONG_COLUMN_ID, "id", std::vector<int64_t>{1, 2, 3}, "x"}}, 100);
  throng_destination destination = table.Destination(THRONG_RECORDS_STREAM, "items.json");
  destination.first_row = 101;
  LoadedFormat format(THRONG_JSON_PLUGIN);
  const std::string text = format.Stream(table, destination, 3);
  EXPECT_EQ(json::parse(text)["items"].size(), 3U) << text;
}

TEST(Json, WritesFloatsThatParseToTheSame) {
  std::mt19937_64 random(7);
  std::vector<double> values(1000);
  for (double& value : values) {
    value = std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 900) - 500);
  }
  const Table table("interactions", {{THRONG_COLUMN_FLOAT64, "p", values}});
  const std::vector<json> lines = ParsedLines(Json(table, "rows.jsonl"));
  ASSERT_EQ(lines.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(lines[i]["p"].get<double>(), values[i]);
}

TEST(Json, WritesRandomTablesThatAnotherParserReadsBack) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 100; ++round) {
    const Table table("users", RandomColumns(random, 100));
    const std::vector<json> lines = ParsedLines(Json(table, "rows.jsonl", 1 + random() % 100));
    ASSERT_EQ(lines.size(), table.rows());
    EXPECT_EQ(json::parse(Json(table, "rows.json", 1 + random() % 100))["users"], json(lines));
    for (size_t row = 0; row < table.rows(); ++row) {
      ASSERT_EQ(lines[row].size(), table.columns().size());
      for (const TableColumn& column : table.columns()) {
        const json& value = lines[row][column.name];
        const std::optional<std::string> text = NaiveText(column, row);
        if (!text) {
          EXPECT_TRUE(value.is_null());
        } else if (column.type == THRONG_COLUMN_RATING) {
          EXPECT_EQ(value.get<double>(), std::stod(*text));
        } else if (value.is_string()) {
          EXPECT_EQ(value.get<std::string>(), *text);
        } else {
          EXPECT_EQ(value.dump(), *text);
        }
      }
    }
  }
}

TEST(Json, DescribesItsLayoutAsPartOfTheIdentity) {
  const LoadedFormat format(THRONG_JSON_PLUGIN);
  EXPECT_EQ(format.modes(), uint32_t{THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES});
  const throng_option* const* options = format.component().options;
  ASSERT_NE(options[0], nullptr);
  EXPECT_STREQ(options[0]->name, "layout");
  EXPECT_EQ(options[0]->type, uint32_t{THRONG_OPTION_ENUM});
  EXPECT_EQ(options[0]->flags, uint32_t{THRONG_OPTION_IDENTITY});
  EXPECT_EQ(options[0]->default_text, nullptr);
}

}  // namespace
}  // namespace throng
