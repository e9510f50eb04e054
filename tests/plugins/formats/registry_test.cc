// Messages with a registered schema: what is asked of the registry, what stands before a message,
// and what is said of each failure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/plugins/formats/fake_registry.h"
#include "tests/plugins/formats/loaded_format.h"

namespace throng {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Options = std::map<std::string, std::string>;

const std::string kId7("\0\0\0\0\x07", 5);

const Table& Interactions() {
  static const Table kTable("interactions", InteractionColumns({0}, {44}, {450}, {1705314600250}));
  return kTable;
}

throng_destination Topic(const std::string& state = "", const char* name = "interactions",
                         const Table& table = Interactions()) {
  throng_destination destination = table.Destination(THRONG_RECORDS_MESSAGES, name);
  destination.state = {state.data(), state.size()};
  return destination;
}

// The failure of a begin.
FormatFailure FailureOf(const Options& options, const throng_destination& destination = Topic(),
                        const char* plugin = THRONG_AVRO_PLUGIN) {
  try {
    LoadedFormat(plugin, options).Begin(destination);
  } catch (const FormatFailure& failure) {
    return failure;
  }
  ADD_FAILURE() << "it begins";
  return FormatFailure(THRONG_OK, {});
}

TEST(Registry, GivesEachMessageTheIdOfItsSchema) {
  struct Case {
    const char* plugin;
    json type;
    std::string schema;
    std::string header;
  };
  const Case cases[] = {
      {THRONG_AVRO_PLUGIN, nullptr,
       R"({"type":"record","name":"Interaction","namespace":"throng.v1","fields":[)"
       R"({"name":"user_id","type":"string"},{"name":"item_id","type":"string"},)"
       R"({"name":"rating","type":"double"},)"
       R"({"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]})",
       kId7},
      {THRONG_JSON_PLUGIN, "JSON",
       R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"throng.v1.Interaction",)"
       R"("type":"object","additionalProperties":false,"properties":{"user_id":{"type":"string"},)"
       R"("item_id":{"type":"string"},"rating":{"type":"number"},)"
       R"("timestamp":{"type":"string","format":"date-time"}},)"
       R"("required":["user_id","item_id","rating","timestamp"]})",
       kId7},
      {THRONG_PROTOBUF_PLUGIN, "PROTOBUF",
       "syntax = \"proto3\";\n\npackage throng.v1;\n\n"
       "import \"google/protobuf/timestamp.proto\";\n\n"
       "message Interaction {\n  string user_id = 1;\n  string item_id = 2;\n"
       "  double rating = 3;\n  google.protobuf.Timestamp timestamp = 4;\n}\n",
       kId7 + '\0'},
  };
  for (const Case& c : cases) {
    LoadedFormat bare(c.plugin);
    bare.Begin(Topic());
    EXPECT_EQ(bare.state(), "");
    FakeRegistry registry;
    LoadedFormat framed(c.plugin, {{"registry", registry.url()}});
    EXPECT_EQ(framed.Begin(Topic()), "");
    EXPECT_EQ(framed.Messages(Interactions())[0].second,
              c.header + bare.Messages(Interactions())[0].second);
    ASSERT_EQ(registry.requests().size(), 1U);
    const FakeRegistry::Request request = registry.requests()[0];
    EXPECT_THAT(request.head, StartsWith("POST /subjects/interactions-value/versions HTTP/"));
    EXPECT_THAT(request.head, HasSubstr("Content-Type: application/vnd.schemaregistry.v1+json"));
    const json body = json::parse(request.body);
    EXPECT_EQ(body.value("schemaType", json()), c.type);
    EXPECT_EQ(body["schema"], c.schema);
  }
}

TEST(Registry, WritesAnIdOfFourBytesInOrder) {
  FakeRegistry registry;
  registry.Answer(200, R"({"id":2130706433})");
  LoadedFormat avro(THRONG_AVRO_PLUGIN, {{"registry", registry.url()}});
  avro.Begin(Topic());
  EXPECT_THAT(avro.Messages(Interactions())[0].second, StartsWith(std::string("\0\x7f\0\0\1", 5)));
}

TEST(Registry, KnowsExtraColumnsAsOptionalOnes) {
  const std::vector<int64_t> one = {1};
  const Table table("users",
                    {{THRONG_COLUMN_ID, "id", one, "x"},
                     {THRONG_COLUMN_BOOL, "b", std::vector<uint8_t>{1}},
                     {THRONG_COLUMN_LABEL, "l", std::vector<int32_t>{0}, "", {"a"}},
                     {THRONG_COLUMN_INT64, "n", one, "", {}, true},
                     {THRONG_COLUMN_RATING, "r", std::vector<int32_t>{1}, "", {}, false, true},
                     {THRONG_COLUMN_ID, "i", one, "", {}, false, false, THRONG_ID_INTEGER},
                     {THRONG_COLUMN_ID, "u", one, "", {}, false, false, THRONG_ID_UUID}});
  FakeRegistry registry;
  LoadedFormat format(THRONG_JSON_PLUGIN, {{"registry", registry.url()}});
  format.Begin(Topic("", "interactions", table));
  const json schema =
      json::parse(json::parse(registry.requests()[0].body)["schema"].get<std::string>());
  EXPECT_EQ(schema["title"], "throng.v1.User");
  EXPECT_EQ(schema["required"], json({"id", "b", "i", "u"}));
  EXPECT_EQ(schema["properties"]["l"].dump(), R"({"oneOf":[{"type":"null"},{"type":"string"}]})");
  EXPECT_EQ(schema["properties"]["n"].dump(), R"({"oneOf":[{"type":"null"},{"type":"integer"}]})");
  EXPECT_EQ(schema["properties"]["r"].dump(), R"({"oneOf":[{"type":"null"},{"type":"number"}]})");
  EXPECT_EQ(schema["properties"]["i"].dump(), R"({"type":"integer"})");
  EXPECT_EQ(schema["properties"]["u"].dump(), R"({"format":"uuid","type":"string"})");
}

// A table whose columns have docs, one of them with a quote.
const Table& Documented() {
  static const Table* const kTable = [] {
    std::vector<TableColumn> columns = InteractionColumns({0}, {44}, {450}, {1705314600250});
    columns.push_back({THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{0}, "", {"a"}});
    columns[0].doc = "Who.";
    columns[4].doc = "Why, as \"a\".";
    return new Table("interactions", std::move(columns));
  }();
  return *kTable;
}

// The id does not depend on docs: they are in what is registered, and not in the state.
TEST(Registry, IsGivenTheDocsOfColumns) {
  const std::map<const char*, std::vector<std::string>> docs = {
      {THRONG_AVRO_PLUGIN,
       {R"({"name":"user_id","doc":"Who.","type":"string"},{"name":"item_id","type":"string"})",
        R"({"name":"kind","doc":"Why, as \"a\".","type":["null","string"],"default":null})"}},
      {THRONG_JSON_PLUGIN,
       {R"("user_id":{"description":"Who.","type":"string"},"item_id":{"type":"string"})",
        R"("kind":{"description":"Why, as \"a\".","oneOf":[{"type":"null"},{"type":"string"}]})"}},
      {THRONG_PROTOBUF_PLUGIN,
       {"{\n  // Who.\n  string user_id = 1;\n  string item_id = 2;\n",
        "  // Why, as \"a\".\n  optional string kind = 5;\n}\n"}}};
  for (const auto& [plugin, expected] : docs) {
    FakeRegistry registry;
    LoadedFormat format(plugin, {{"registry", registry.url()}});
    format.Begin(Topic("", "interactions", Documented()));
    const std::string schema = json::parse(registry.requests()[0].body)["schema"];
    const std::string stored = json::parse(format.state())["schema"];
    for (const std::string& doc : expected) EXPECT_THAT(schema, HasSubstr(doc));
    EXPECT_THAT(stored, Not(HasSubstr("Who.")));
    EXPECT_THAT(stored, Not(HasSubstr("Why")));
  }
}

// One that was registered by hand, or before there were docs, is found without them.
TEST(Registry, LooksUpASchemaWithDocsAndThenWithoutThem) {
  FakeRegistry registry;
  registry.Answer(404, R"({"error_code":40403,"message":"Schema not found"})");
  const FormatFailure failure = FailureOf({{"registry", registry.url()}, {"register", "false"}},
                                          Topic("", "interactions", Documented()));
  EXPECT_EQ(failure.code, THRONG_NOT_FOUND);
  ASSERT_EQ(registry.requests().size(), 2U);
  EXPECT_THAT(registry.requests()[0].body, HasSubstr("Who."));
  EXPECT_THAT(registry.requests()[1].body, Not(HasSubstr("Who.")));
}

TEST(Registry, GivesKeysASchemaAndAnIdOfTheirOwnWhereTheyAreTyped) {
  struct Case {
    const char* plugin;
    std::string key_format;
    int32_t column;
    std::string schema;
    std::string key;
  };
  const std::string proto = "syntax = \"proto3\";\n\npackage throng.v1;\n\n";
  const Case cases[] = {
      {THRONG_AVRO_PLUGIN, "avro", 0, "\"string\"", kId7 + "\x0cuser_1"},
      {THRONG_AVRO_PLUGIN, "avro", 4, R"(["null","string"])", kId7 + "\2\2a"},
      {THRONG_PROTOBUF_PLUGIN, "protobuf", 1,
       proto + "message InteractionKey {\n  string item_id = 2;\n}\n",
       kId7 + std::string("\0\x12\7item_45", 10)},
      {THRONG_PROTOBUF_PLUGIN, "protobuf", 4,
       proto + "message InteractionKey {\n  // Why, as \"a\".\n  optional string kind = 5;\n}\n",
       kId7 + std::string("\0\x2a\1a", 4)}};
  for (const Case& c : cases) {
    FakeRegistry registry;
    const Options options = {{"registry", registry.url()},
                             {"subject_name_strategy", "record"},
                             {"key_format", c.key_format}};
    throng_destination topic = Topic("", "interactions", Documented());
    topic.key_column = c.column;
    LoadedFormat format(c.plugin, options);
    format.Begin(topic);
    ASSERT_EQ(registry.requests().size(), 2U);
    EXPECT_THAT(registry.requests()[0].head,
                StartsWith("POST /subjects/throng.v1.Interaction/versions HTTP/"));
    EXPECT_THAT(registry.requests()[1].head,
                StartsWith("POST /subjects/interactions-key/versions HTTP/"));
    EXPECT_EQ(json::parse(registry.requests()[1].body)["schema"], c.schema);
    const auto messages = format.Messages(Documented());
    EXPECT_EQ(messages[0].first, c.key);

    LoadedFormat plain(c.plugin, {{"registry", registry.url()}});
    plain.Begin(topic);
    EXPECT_EQ(messages[0].second, plain.Messages(Documented())[0].second);

    // Whoever goes on needs no registry.
    const std::string state = format.state();
    topic.state = {state.data(), state.size()};
    const size_t asked = registry.requests().size();
    LoadedFormat later(c.plugin, options);
    later.Begin(topic);
    EXPECT_EQ(registry.requests().size(), asked);
    EXPECT_EQ(later.state(), state);
    EXPECT_EQ(later.Messages(Documented()), messages);
  }
}

TEST(Registry, TypedKeysNeedATopicAndNoRegistry) {
  const std::pair<const char*, std::string> plugins[] = {{THRONG_AVRO_PLUGIN, "avro"},
                                                         {THRONG_PROTOBUF_PLUGIN, "protobuf"}};
  for (const auto& [plugin, name] : plugins) {
    throng_destination topic = Topic("", "", Documented());
    LoadedFormat without(plugin, {{"key_format", name}});
    without.Begin(topic);
    EXPECT_EQ(without.Messages(Documented())[0].first, "");
    topic.key_column = 0;
    LoadedFormat bare(plugin, {{"key_format", name}});
    bare.Begin(topic);
    EXPECT_EQ(bare.state(), "");
    EXPECT_EQ(bare.Messages(Documented())[0].first, name == "avro" ? "\x0cuser_1" : "\x0a\6user_1");
    FakeRegistry registry;
    const FormatFailure failure = FailureOf(
        {{"registry", registry.url()}, {"subject_name_strategy", "record"}, {"key_format", name}},
        topic, plugin);
    EXPECT_EQ(failure.option, "key_format");
    EXPECT_STREQ(failure.what(),
                 "The sink has no topic to name a subject after; set key_format to text.");
  }
}

// An output whose keys were text has no other ones in the middle.
TEST(Registry, TheFormatOfKeysIsPartOfTheIdentity) {
  for (const char* plugin : {THRONG_AVRO_PLUGIN, THRONG_PROTOBUF_PLUGIN}) {
    const LoadedFormat format(plugin);
    const throng_option* const* option = format.component().options;
    while (std::string((*option)->name) != "key_format") ++option;
    EXPECT_EQ((*option)->flags, uint32_t{THRONG_OPTION_IDENTITY});
    EXPECT_EQ((*option)->default_text, nullptr);  // outputs from before it keep their identity
  }
  const throng_destination file = Interactions().Destination(THRONG_RECORDS_STREAM, "rows.avro");
  const FormatFailure failure = FailureOf({{"key_format", "avro"}}, file);
  EXPECT_EQ(failure.option, "key_format");
  EXPECT_STREQ(failure.what(),
               "Only messages have keys, and this is a file; leave key_format out.");
}

TEST(Registry, NamesSubjectsByEachStrategy) {
  const std::map<std::string, std::string> subjects = {
      {"topic", "a%2Fb-value"},
      {"record", "throng.v1.Interaction"},
      {"topic_record", "a%2Fb-throng.v1.Interaction"}};
  for (const auto& [strategy, subject] : subjects) {
    FakeRegistry registry;
    LoadedFormat format(THRONG_JSON_PLUGIN, {{"registry", registry.url() + "/apis/v7/"},
                                             {"subject_name_strategy", strategy}});
    format.Begin(Topic("", "a/b"));
    EXPECT_THAT(registry.requests()[0].head,
                StartsWith("POST /apis/v7/subjects/" + subject + "/versions HTTP/"));
  }
  const FormatFailure failure = FailureOf({{"registry", "http://localhost:1"}}, Topic("", ""));
  EXPECT_EQ(failure.option, "subject_name_strategy");
  EXPECT_STREQ(
      failure.what(),
      "The sink has no topic to name a subject after; set subject_name_strategy to record.");
}

TEST(Registry, RegistersNothingWhereItMayNot) {
  FakeRegistry registry;
  const Options options = {{"registry", registry.url()}, {"register", "false"}};
  LoadedFormat format(THRONG_AVRO_PLUGIN, options);
  format.Begin(Topic());
  EXPECT_THAT(registry.requests()[0].head, StartsWith("POST /subjects/interactions-value HTTP/"));
  registry.Answer(404, R"({"error_code":40403,"message":"Schema not found"})");
  const FormatFailure failure = FailureOf(options);
  EXPECT_EQ(failure.code, THRONG_NOT_FOUND);
  EXPECT_EQ(failure.option, "register");
  EXPECT_EQ(failure.what(), "Subject interactions-value at registry " + registry.url() +
                                " does not have this schema (Schema not found); set register to "
                                "true, or register it there.");
}

TEST(Registry, IsNotNeededOnceTheStateTellsTheId) {
  FakeRegistry registry;
  for (const char* plugin : {THRONG_AVRO_PLUGIN, THRONG_JSON_PLUGIN, THRONG_PROTOBUF_PLUGIN}) {
    const Options options = {{"registry", registry.url()}};
    LoadedFormat first(plugin, options);
    first.Begin(Topic());
    const size_t asked = registry.requests().size();
    LoadedFormat later(plugin, options);
    later.Begin(Topic(first.state()));
    EXPECT_EQ(registry.requests().size(), asked);
    EXPECT_EQ(later.state(), first.state());
    EXPECT_EQ(later.Messages(Interactions()), first.Messages(Interactions()));
  }
}

TEST(Registry, IsAskedAgainWhenWhatWasAskedIsAnother) {
  FakeRegistry registry;
  LoadedFormat first(THRONG_AVRO_PLUGIN, {{"registry", registry.url()}});
  first.Begin(Topic());
  const Options moved = {{"registry", registry.url() + "/moved"}};
  LoadedFormat second(THRONG_AVRO_PLUGIN, moved);
  second.Begin(Topic(first.state()));
  EXPECT_EQ(registry.requests().size(), 2U);
  EXPECT_NE(second.state(), first.state());
  EXPECT_EQ(second.Messages(Interactions()), first.Messages(Interactions()));

  registry.Answer(200, R"({"id":8})");
  const FormatFailure other = FailureOf(moved, Topic(first.state()));
  EXPECT_EQ(other.code, THRONG_FAILED_PRECONDITION);
  EXPECT_EQ(other.what(),
            "The messages so far have schema 7 of subject interactions-value at registry " +
                registry.url() + ", and subject interactions-value at registry " + registry.url() +
                "/moved has 8; name the former again, or start over with another topic.");
  const FormatFailure none = FailureOf({}, Topic(first.state()));
  EXPECT_EQ(none.code, THRONG_FAILED_PRECONDITION);
  EXPECT_EQ(none.option, "registry");
  EXPECT_EQ(none.what(),
            "The messages so far have schema 7 of subject interactions-value at registry " +
                registry.url() + "; give that registry again.");
}

TEST(Registry, IsGivenUserAndPassword) {
  FakeRegistry registry;
  const Options options = {{"registry", registry.url()},
                           {"registry_username", "alice"},
                           {"registry_password", "pass:word"}};
  LoadedFormat format(THRONG_AVRO_PLUGIN, options);
  format.Begin(Topic());
  EXPECT_THAT(registry.requests()[0].head, HasSubstr("Authorization: Basic YWxpY2U6cGFzczp3b3Jk"));
  registry.Answer(401, R"({"error_code":401,"message":"Unauthorized"})");
  const FormatFailure failure = FailureOf(options);
  EXPECT_EQ(failure.code, THRONG_UNAUTHENTICATED);
  EXPECT_EQ(failure.option, "registry_username");
  EXPECT_EQ(failure.what(), "Registry " + registry.url() +
                                " refuses registry_username \"alice\" (Unauthorized); check "
                                "registry_username and registry_password.");
}

TEST(Registry, SaysWhatIsWrongAndWhatToDo) {
  struct Case {
    int status;
    std::string body;
    throng_code code;
    std::string option;
    std::string said;  // R is the registry, S its subject
  };
  const std::string subject = "interactions-value";
  const std::string check =
      "; check registry: Confluent's API may lie below a path, as /apis/ccompat/v7.";
  const Case cases[] = {
      {401, "", THRONG_UNAUTHENTICATED, "registry_username",
       "Registry R refuses a client without registry_username (no reason given); check "
       "registry_username and registry_password."},
      {403, R"({"error_code":40301,"message":"User: is denied.\n"})", THRONG_PERMISSION_DENIED,
       "registry_username",
       "Registry R does not let a client without registry_username register schemas of subject S "
       "(User: is denied); have it allowed, or register the schema and set register to false."},
      {404, "<html>no such page</html>", THRONG_FAILED_PRECONDITION, "registry",
       "Registry R answers 404 (<html>no such page</html>) for subject S" + check},
      {301, "", THRONG_FAILED_PRECONDITION, "registry",
       "Registry R answers 301 (no reason given) for subject S" + check},
      {409, R"({"error_code":409,"message":"y at /fields/0"})", THRONG_FAILED_PRECONDITION,
       "registry",
       "Subject S at registry R takes no schema that is incompatible with those it has (y at "
       "/fields/0); choose other columns, another subject_name_strategy or topic, or lower the "
       "subject's compatibility."},
      {422, R"({"error_code":42201,"message":"Invalid schema"})", THRONG_INVALID_ARGUMENT,
       "registry",
       "Registry R does not take the schema for subject S (Invalid schema); give columns other "
       "names, or choose another format."},
      {429, "slow down", THRONG_UNAVAILABLE, "registry",
       "Registry R cannot answer for subject S now: 429 (slow down); see its log."},
      {500, R"({"error_code":50001,"message":"Error in the backend"})", THRONG_UNAVAILABLE,
       "registry",
       "Registry R cannot answer for subject S now: 500 (Error in the backend); see its log."},
      {200, "OK", THRONG_FAILED_PRECONDITION, "registry",
       "What registry R answers for subject S has no id of a schema" + check},
      {200, R"({"id":"7"})", THRONG_FAILED_PRECONDITION, "registry",
       "What registry R answers for subject S has no id of a schema" + check},
      {200, R"({"id":4294967296})", THRONG_FAILED_PRECONDITION, "registry",
       "What registry R answers for subject S has no id of a schema" + check},
      {200, std::string(2 << 20, 'x'), THRONG_FAILED_PRECONDITION, "registry",
       "What R answers is too long for a schema registry; check registry."},
  };
  for (const Case& c : cases) {
    FakeRegistry registry;
    registry.Answer(c.status, c.body);
    const FormatFailure failure = FailureOf({{"registry", registry.url()}});
    EXPECT_EQ(failure.code, c.code) << c.said;
    EXPECT_EQ(failure.option, c.option) << c.said;
    std::string said = failure.what();
    for (const auto& [text, name] : {std::pair(registry.url(), "R"), std::pair(subject, "S")}) {
      for (size_t at = 0; (at = said.find(text)) != std::string::npos;) {
        said.replace(at, text.size(), name);
      }
    }
    EXPECT_EQ(said, c.said);
  }
}

TEST(Registry, CutsALongReasonBetweenCharacters) {
  FakeRegistry registry;
  std::string reason = "x";
  while (reason.size() < 2000) reason += "漢";
  registry.Answer(409, json({{"message", reason}}).dump());
  const std::string said = FailureOf({{"registry", registry.url()}}).what();
  EXPECT_THAT(said, HasSubstr("(" + reason.substr(0, 400) + "...)"));
}

TEST(Registry, ThatIsNotThereMayComeBack) {
  std::string url;
  {
    const FakeRegistry registry;
    url = registry.url();
  }
  const FormatFailure failure = FailureOf({{"registry", url}});
  EXPECT_EQ(failure.code, THRONG_UNAVAILABLE);
  EXPECT_EQ(failure.option, "registry");
  EXPECT_THAT(failure.what(), StartsWith("Registry " + url + " cannot be reached (Failed to "));
  EXPECT_THAT(failure.what(), HasSubstr("); check registry, and that it runs."));
}

// Listens and answers nothing.
class SilentRegistry {
 public:
  SilentRegistry() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~SilentRegistry() { close(listener_); }
  const std::string& url() const { return url_; }

 private:
  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string url_;
};

TEST(Registry, IsWaitedForSomeSecondsOnly) {
  const SilentRegistry registry;
  const auto start = std::chrono::steady_clock::now();
  const FormatFailure failure = FailureOf({{"registry", registry.url()}});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(9));
  EXPECT_EQ(failure.code, THRONG_UNAVAILABLE);
  EXPECT_THAT(failure.what(), HasSubstr("cannot be reached (Operation timed out after"));
}

TEST(Registry, IsNotWaitedForOnceTheHostStops) {
  const SilentRegistry registry;
  throng_host host = {};
  host.struct_size = sizeof host;
  host.is_cancelled = [](const void* /*self*/) -> int32_t { return 1; };
  LoadedFormat avro(THRONG_AVRO_PLUGIN, {{"registry", registry.url()}}, &host);
  try {
    avro.Begin(Topic());
    ADD_FAILURE() << "it begins";
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_CANCELLED);
  }
}

TEST(Registry, IsForMessagesOnly) {
  for (const char* plugin : {THRONG_AVRO_PLUGIN, THRONG_JSON_PLUGIN}) {
    const FormatFailure failure =
        FailureOf({{"registry", "http://localhost:1"}},
                  Interactions().Destination(THRONG_RECORDS_STREAM, "rows.jsonl"), plugin);
    EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
    EXPECT_EQ(failure.option, "registry");
    EXPECT_STREQ(
        failure.what(),
        "Only messages refer to a schema registry, and this is a file; leave registry out.");
  }
}

TEST(Registry, RefusesOptionsThatDoNotFitTogether) {
  struct Case {
    Options options;
    std::string option;
    std::string said;
  };
  const std::string together = " belong together; give both or neither.";
  const Case cases[] = {
      {{{"registry", "localhost:8081"}},
       "registry",
       "registry is \"localhost:8081\"; write a URL, as http://localhost:8081."},
      {{{"registry", "http://"}},
       "registry",
       "registry is \"http://\"; write a URL, as http://localhost:8081."},
      {{{"registry", "http://r:8081?a=b"}},
       "registry",
       "registry is \"http://r:8081?a=b\"; write a URL without ?, # and spaces."},
      {{{"registry", "https://alice:secret@r/x"}},
       "registry",
       "registry has a user or a password in it; use registry_username and registry_password."},
      {{{"registry", "http://r"}, {"registry_username", "a"}},
       "registry_password",
       "registry_username and registry_password" + together},
      {{{"registry", "http://r"}, {"registry_password", "a"}},
       "registry_username",
       "registry_username and registry_password" + together},
      {{{"registry", "https://r"}, {"registry_certificate", "a"}},
       "registry_key",
       "registry_certificate and registry_key" + together},
      {{{"registry", "https://r"}, {"registry_key", "a"}},
       "registry_certificate",
       "registry_certificate and registry_key" + together},
      {{{"registry", "http://r"}, {"registry_ca", "a"}},
       "registry",
       "registry_ca and registry_certificate are used with https:// only; change registry, or "
       "leave them out."},
      {{{"registry_ca", "a"}}, "registry_ca", "registry_ca needs registry; give its URL."},
      {{{"registry_username", "a"}, {"registry_password", "b"}},
       "registry_username",
       "registry_username needs registry; give its URL."},
  };
  for (const Case& c : cases) {
    const FormatFailure failure = FailureOf(c.options);
    EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
    EXPECT_EQ(failure.option, c.option);
    EXPECT_EQ(failure.what(), c.said);
  }
}

TEST(Registry, KeepsItsSecrets) {
  for (const char* plugin : {THRONG_AVRO_PLUGIN, THRONG_JSON_PLUGIN, THRONG_PROTOBUF_PLUGIN}) {
    const LoadedFormat format(plugin);
    std::map<std::string, uint32_t> flags;
    for (const throng_option* const* o = format.component().options; *o != nullptr; ++o) {
      flags[(*o)->name] = (*o)->flags;
    }
    for (const std::string name :
         {"registry_password", "registry_ca", "registry_certificate", "registry_key"}) {
      EXPECT_EQ(flags.at(name), uint32_t{THRONG_OPTION_SECRET}) << name;
    }
    // Where a registry is does not decide what is written: it may move.
    for (const std::string name : {"registry", "subject_name_strategy", "register"}) {
      EXPECT_EQ(flags.at(name), 0U) << name;
    }
  }
}

}  // namespace
}  // namespace throng
