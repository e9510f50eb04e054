// The decoder `json`: objects of anybody, in documents, arrays, lines and messages.
#include "server/host/option_values.h"
#include "server/host/readers.h"
#include "tests/inspection/read_fixture.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kObject =
    R"({"user_id": "u1", "item_id": "i1", "rating": 4.5, "timestamp": "2024-01-15T10:30:00Z"})";
constexpr std::string_view kRow = "u1,i1,4.5,2024-01-15T10:30:00Z";

class JsonDecoderTest : public ReadTest {
 protected:
  Readings ReadText(std::string_view text, const std::map<std::string, std::string>& options = {},
                    const std::map<std::string, std::string>& columns = {}) const {
    return Read(WriteFile("foreign", text), columns, "json", options);
  }
};

TEST_F(JsonDecoderTest, ReadsEachLayout) {
  const std::string object(kObject);
  const std::string pretty =
      "{\n  \"user_id\": \"u1\",\n  \"more\": {\"a\": [1, {\"b\": \"}]\"}]},\n  \"item_id\": "
      "\"i1\",\n  \"rating\": 4.5,\n  \"timestamp\": \"2024-01-15T10:30:00Z\"\n}";
  const std::vector<std::string> texts = {
      object + "\n" + object + "\n",
      object + "\r\n\r\n" + object,
      object + object,
      "\xef\xbb\xbf" + object + "\n" + object,
      pretty + "\n" + pretty,
      "[" + object + "," + object + "]",
      "[\n  " + pretty + ",\n  " + pretty + "\n]\n",
      R"({"metadata": {"n": 2, "list": [1, 2]}, "interactions": [)" + object + ", " + object +
          R"(], "statistics": {"users": [{"a": 1}]}})",
      R"({"data":[)" + object + "]}" + R"({"data":[)" + object + "]}",
      R"({"data":[]} {"data":[)" + object + "," + object + "]}",
  };
  for (const std::string& text : texts) {
    const Readings found = ReadText(text);
    EXPECT_TRUE(found.status.ok()) << found.status << "\n" << text;
    EXPECT_THAT(found.rows, ElementsAre(kRow, kRow)) << text;
    EXPECT_THAT(found.damages, IsEmpty()) << text;
  }
  for (const std::string text : {"", " \n", "[]", "[ ]\n", R"({"interactions": []})",
                                 R"({"metadata": {}, "interactions": [], "statistics": {}})"}) {
    const Readings found = ReadText(text);
    EXPECT_TRUE(found.status.ok()) << found.status;
    EXPECT_THAT(found.rows, IsEmpty());
    EXPECT_THAT(found.damages, IsEmpty()) << text;
  }
}

TEST_F(JsonDecoderTest, ReadsThePayloadOfKafkaConnectsEnvelope) {
  const std::string row = R"({"schema": {"type": "struct", "fields": [{"field": "user_id"}]}, )"
                          R"("payload": )" +
                          std::string(kObject) + "}";
  for (const std::string& text :
       {row + "\n" + row + "\n", row + row, "[" + row + ", " + row + "]"}) {
    const Readings found = ReadText(text);
    EXPECT_TRUE(found.status.ok()) << found.status << "\n" << text;
    EXPECT_THAT(found.rows, ElementsAre(kRow, kRow)) << text;
    EXPECT_THAT(found.damages, IsEmpty()) << text;
  }
  const Readings cut = ReadText(row + "\n" + row.substr(0, row.size() - 1) + "\n" + row + "\n");
  EXPECT_THAT(cut.rows, ElementsAre(kRow, kRow));
  EXPECT_THAT(cut.damages, ElementsAre(HasSubstr("the record is cut off")));
}

TEST_F(JsonDecoderTest, ReadsTextsAndNumbersAlike) {
  const Readings found = ReadText(
      R"({"rating": "3.5", "timestamp": 1705314600, "user_id": 17, "item_id": "\u00e9\ud83d\ude00\n\"\\"})"
      "\n"
      R"({"rating": null, "timestamp": 1705314600250, "user_id": -1, "item_id": "x\u0041"})"
      "\n"
      R"({"timestamp": 1.7053146e9, "user_id": true, "item_id": 1.50})"
      "\n");
  EXPECT_THAT(found.rows,
              ElementsAre("17,é😀\n\"\\,3.5,2024-01-15T10:30:00Z", "-1,xA,,2024-01-15T10:30:00.250Z",
                          "true,1.50,,2024-01-15T10:30:00Z"));
  EXPECT_THAT(found.damages, IsEmpty());
}

TEST_F(JsonDecoderTest, NamesAreMappedAndTheArrayNamed) {
  EXPECT_THAT(
      ReadText(R"({"uid":"u1","iid":"i1","stars":4.5,"at":1705314600})", {},
               {{"user_id", "uid"}, {"item_id", "iid"}, {"rating", "stars"}, {"timestamp", "at"}})
          .rows,
      ElementsAre(kRow));
  const std::string text = R"({"users": [{"id": 1}], "rows": [)" + std::string(kObject) + "]}";
  EXPECT_THAT(ReadText(text, {{"array", "rows"}}).rows, ElementsAre(kRow));
  EXPECT_EQ(MessageOf(ReadText(text).status),
            "columns: " + Path("foreign") +
                " has no column user_id; it has id. Say which of them it is.");
  EXPECT_EQ(MessageOf(ReadText(text, {{"array", "none"}}).status),
            "columns: " + Path("foreign") +
                " has no array of rows none; set layout to lines, or name the array.");
}

TEST_F(JsonDecoderTest, ALineThatIsDamagedCostsNoOther) {
  const std::string good = std::string(kObject) + "\n";
  const std::vector<std::pair<std::string, std::string>> lines = {
      {R"({"user_id": "u1, "item_id": "i1"})", "a comma or a brace is missing"},
      {R"({"user_id": "u1)", "a text has no end"},
      {R"({"user_id": ,})", "a value is missing"},
      {R"({"user_id": "u1", )", "the record is cut off"},
      {"garbage", "the record is no JSON object"},
      {R"({"user_id": "u1", "item_id": "i1", "rating": "good", "timestamp": 1})",
       "rating: rating is no number: good"},
      {R"({"user_id": ["u1"], "item_id": "i1", "rating": 1, "timestamp": 1})",
       "user_id: user_id is neither a text nor a number"},
      {R"({"user_id": nobody, "item_id": "i1", "rating": 1, "timestamp": []})",
       "timestamp: timestamp is neither a text nor a number"},
      {R"({"item_id": "i1", "rating": 1, "timestamp": 1})", "user_id: user_id is missing"},
      {R"({"user_id": "\x", "item_id": "i1", "rating": 1, "timestamp": 1})",
       "user_id is neither a text nor a number"},
  };
  for (const auto& [line, sentence] : lines) {
    const Readings found = ReadText(good + line + "\n" + good);
    EXPECT_THAT(found.rows, ElementsAre(kRow, kRow)) << line;
    ASSERT_EQ(found.damages.size(), 1) << line;
    EXPECT_THAT(found.damages[0], HasSubstr(fmt::format("foreign@{} 1 ", good.size())));
    EXPECT_THAT(found.damages[0], HasSubstr(sentence));
  }
}

TEST_F(JsonDecoderTest, AnElementThatIsDamagedCostsNoOther) {
  const std::string object(kObject);
  for (const std::string element :
       {R"({"user_id": "u1, "item_id": "i1"})", R"({"user_id" "u1"})", "garbage", "{]"}) {
    const Readings found =
        ReadText("{\"interactions\": [\n" + object + ",\n" + element + ",\n" + object + "\n]}");
    EXPECT_THAT(found.rows, ElementsAre(kRow, kRow)) << element;
    EXPECT_EQ(found.damages.size(), 1) << element;
  }
}

TEST_F(JsonDecoderTest, SaysWhereADocumentIsCutOff) {
  const std::string text = "{\"interactions\": [\n" + std::string(kObject) + ",\n" +
                           std::string(kObject) + "\n], \"statistics\": {\"a\": 1}}\n";
  for (size_t size = 0; size < text.size() - 2; ++size) {
    const Readings found = ReadText(text.substr(0, size));
    if (found.rows.empty()) continue;
    EXPECT_EQ(found.damages.size() >= 1, true) << size;
  }
  EXPECT_THAT(ReadText(text.substr(0, 20 + kObject.size())).damages,
              ElementsAre(HasSubstr("the document has no end")));
}

TEST_F(JsonDecoderTest, ARecordWithoutEndIsOneDamageAndTakesBoundedMemory) {
  const std::string good = std::string(kObject) + "\n";
  const std::string endless = R"({"user_id": ")" + std::string(40 << 20, 'x');
  EXPECT_THAT(ReadText(good + endless + "\n" + good).damages,
              ElementsAre(HasSubstr("the record has no end within 16 MiB")));
  EXPECT_EQ(ReadText(good + endless + "\n" + good).rows.size(), 2);
  const std::string deep(1 << 20, '[');
  EXPECT_THAT(ReadText(good + R"({"user_id": )" + deep + "\n" + good).damages,
              ElementsAre(HasSubstr("the record is nested more than 512 times")));
}

class Messages : public ReadTest {
 protected:
  // What becomes of each value: a row's user, or the damage's sentence.
  std::vector<std::string> Decode(const std::vector<std::string>& values) {
    const Component* const component = *catalogue_.Find(Role::kDecoder, "json");
    Problems problems;
    const OptionValues options = OptionValues::Parse(*component, {}, "decoder", 0, &problems);
    const auto decoder = *Decoder::Create(*component, environment_, options.values());
    const throng_wanted user = {sizeof(throng_wanted), THRONG_FOUND_TEXT, 1, "user_id"};
    const throng_wanted* const wanted[] = {&user};
    EXPECT_TRUE(
        decoder->Begin({sizeof(throng_origin), THRONG_RECORDS_MESSAGES, 1, wanted, "topic"}).ok());
    std::vector<throng_message> messages;
    for (const std::string& value : values) {
      throng_message& message = messages.emplace_back();
      if (value != "none") message.value = {value.data(), value.size()};
    }
    throng_input input{};
    input.struct_size = sizeof input;
    input.mode = THRONG_RECORDS_MESSAGES;
    std::vector<std::string> found;
    while (found.size() < values.size()) {
      input.messages = messages.data() + found.size();
      input.messages_count = static_cast<uint32_t>(values.size() - found.size());
      throng_bytes users[2];
      void* columns[] = {users};
      int64_t offset[2];
      throng_decoded decoded{};
      decoded.struct_size = sizeof decoded;
      decoded.capacity = 2;
      decoded.columns = columns;
      decoded.offset = offset;
      EXPECT_TRUE(decoder->Decode(input, &decoded).ok());
      std::vector<std::string> outcomes(decoded.consumed);
      for (uint32_t i = 0; i < decoded.rows; ++i) {
        outcomes[static_cast<size_t>(offset[i])] = {users[i].data, users[i].size};
      }
      for (uint32_t i = 0; i < decoded.damages_count; ++i) {
        outcomes[static_cast<size_t>(decoded.damages[i].offset)] = decoded.damages[i].sentence;
      }
      found.insert(found.end(), outcomes.begin(), outcomes.end());
    }
    return found;
  }
};

TEST_F(Messages, AreObjectsWithOrWithoutASchemasId) {
  using std::string_literals::operator""s;
  EXPECT_THAT(Decode({R"({"id": 1})", R"({"user_id": "a"})", "\0\0\0\0\7{\"user_id\": \"b\"}"s,
                      "{\"user_id\": 3}\n", "none", "", "{\"user_id\": \"c\"",
                      R"({"user_id": "d"} x)", "\"text\"", R"({"user_id": "e\u0041"})", "\0\0\0"s}),
              ElementsAre("user_id is missing; the message has id", "a", "b", "3",
                          "the message has no value: it is a tombstone", "the record is cut off",
                          "the record is cut off", "something follows the JSON object",
                          "the record is no JSON object", "eA", "the record is no JSON object"));
}

}  // namespace
}  // namespace throng
