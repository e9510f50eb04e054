// Schemas of messages in a schema registry that speaks Confluent's API.
#include "plugins/formats/registry/registry.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "plugins/formats/registry/answer.h"
#include "plugins/formats/registry/http.h"

namespace throng::plugins {
namespace {

using Json = nlohmann::json;

// Codes in bodies of 404: no such subject, version, schema. Other 404s are not of a registry.
constexpr int64_t kFirstNotFound = 40401;
constexpr int64_t kLastNotFound = 40403;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string HeaderOf(int64_t id) {
  std::string header(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(id >> shift & 0xFF);
  return header;
}

// As a segment of a URL's path: "a/b" -> "a%2Fb".
std::string EscapePath(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos) {
      escaped += c;
    } else {
      escaped += {'%', kDigits[byte / 16], kDigits[byte % 16]};
    }
  }
  return escaped;
}

[[noreturn]] void Refuse(const std::string& sentence, const std::string& option) {
  throw Error(THRONG_INVALID_ARGUMENT, sentence, option);
}

// What a state says of a schema, in a sentence.
std::string NameOf(const Json& state) {
  return "schema " + std::to_string(Member<int64_t>(state, "id").value_or(-1)) + " of subject " +
         Member<std::string>(state, "subject").value_or("") + " at registry " +
         Member<std::string>(state, "registry").value_or("");
}

std::string TopicOf(const throng_destination& destination, const std::string& option,
                    const std::string& remedy) {
  if (destination.name[0] != '\0') return destination.name;
  Refuse("The sink has no topic to name a subject after; set " + option + " to " + remedy + ".",
         option);
}

}  // namespace

void SchemaRegistry::RefuseFiles() const {
  if (!options_.registry) return;
  Refuse("Only messages refer to a schema registry, and this is a file; leave registry out.",
         "registry");
}

Registration SchemaRegistry::Register(const MessageSchema& value,
                                      const std::optional<MessageSchema>& key,
                                      const throng_destination& destination) const {
  const Json stored = Json::parse(View(destination.state), nullptr, /*allow_exceptions=*/false);
  if (!options_.registry) {
    if (Member<int64_t>(stored, "id")) {
      throw Error(THRONG_FAILED_PRECONDITION,
                  "The messages so far have " + NameOf(stored) + "; give that registry again.",
                  "registry");
    }
    return {};
  }
  Registration done;
  Json state = StateOf(Subject(value, destination), value, stored);
  done.header = HeaderOf(state["id"]);
  if (key) {
    const std::string subject = TopicOf(destination, "key_format", "text") + "-key";
    state["key"] =
        StateOf(subject, *key, stored.is_object() ? stored.value("key", Json()) : Json());
    done.key_header = HeaderOf(state["key"]["id"]);
  }
  done.state = state == stored ? std::string(View(destination.state)) : Dump(state);
  return done;
}

Json SchemaRegistry::StateOf(const std::string& subject, const MessageSchema& schema,
                             const Json& stored) const {
  const auto stored_id = Member<int64_t>(stored, "id");
  Json state = {{"registry", *options_.registry},
                {"subject", subject},
                {"type", schema.type},
                {"schema", schema.text},
                {"id", stored_id.value_or(-1)}};
  bool is_known = stored.is_object();
  for (const auto& [name, value] : state.items()) {
    is_known = is_known && stored.value(name, Json()) == value;
  }
  if (is_known) return state;

  const int64_t id = AskForId(subject, schema);
  if (stored_id && id != *stored_id) {
    throw Error(THRONG_FAILED_PRECONDITION,
                "The messages so far have " + NameOf(stored) + ", and subject " + subject +
                    " at registry " + *options_.registry + " has " + std::to_string(id) +
                    "; name the former again, or start over with another topic.",
                "registry");
  }
  state["id"] = id;
  return state;
}

std::string SchemaRegistry::Subject(const MessageSchema& schema,
                                    const throng_destination& destination) const {
  if (options_.subject_name_strategy == SubjectNameStrategy::kRecord) return schema.record;
  const bool is_topic = options_.subject_name_strategy == SubjectNameStrategy::kTopic;
  return TopicOf(destination, "subject_name_strategy", "record") + "-" +
         (is_topic ? "value" : schema.record);
}

int64_t SchemaRegistry::AskForId(const std::string& subject, const MessageSchema& schema) const {
  const std::string url =
      options_.Url("/subjects/" + EscapePath(subject) + (options_.registers ? "/versions" : ""));
  // Registries older than schema types know Avro only, and do not know the member.
  Json request = {{"schema", schema.documented}};
  if (schema.type != "AVRO") request["schemaType"] = schema.type;
  HttpAnswer answer = PostJson(options_, host_, url, Dump(request));
  if (answer.status == 404 && !options_.registers) {  // it may be there without docs
    request["schema"] = schema.text;
    answer = PostJson(options_, host_, url, Dump(request));
  }
  if (answer.status != 200) Fail(answer.status, answer.body, subject);
  const auto id = Member<int64_t>(Json::parse(answer.body, nullptr, false), "id");
  if (!id || *id < 0 || *id > std::numeric_limits<int32_t>::max()) {
    throw Error(THRONG_FAILED_PRECONDITION,
                "What registry " + *options_.registry + " answers for subject " + subject +
                    " has no id of a schema; check registry: Confluent's API may lie below a path, "
                    "as /apis/ccompat/v7.",
                "registry");
  }
  return *id;
}

void SchemaRegistry::Fail(int64_t status, const std::string& body,
                          const std::string& subject) const {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const std::string reason = ReasonOf(json, body);
  const std::string registry = "Registry " + *options_.registry;
  const std::string user = options_.registry_username
                               ? "registry_username \"" + *options_.registry_username + "\""
                               : "a client without registry_username";
  const int64_t error_code = Member<int64_t>(json, "error_code").value_or(0);
  switch (status) {
    case 401:
      throw Error(THRONG_UNAUTHENTICATED,
                  registry + " refuses " + user + " (" + reason +
                      "); check registry_username and registry_password.",
                  "registry_username");
    case 403:
      throw Error(
          THRONG_PERMISSION_DENIED,
          registry + " does not let " + user + (options_.registers ? " register" : " read") +
              " schemas of subject " + subject + " (" + reason + "); have it allowed" +
              (options_.registers ? ", or register the schema and set register to false." : "."),
          "registry_username");
    case 404:
      if (error_code < kFirstNotFound || error_code > kLastNotFound) break;
      throw Error(THRONG_NOT_FOUND,
                  "Subject " + subject + " at registry " + *options_.registry +
                      " does not have this schema (" + reason +
                      "); set register to true, or register it there.",
                  "register");
    case 409:
      throw Error(THRONG_FAILED_PRECONDITION,
                  "Subject " + subject + " at registry " + *options_.registry +
                      " takes no schema that is incompatible with those it has (" + reason +
                      "); choose other columns, another subject_name_strategy or topic, or lower "
                      "the subject's compatibility.",
                  "registry");
    case 422:
      throw Error(THRONG_INVALID_ARGUMENT,
                  registry + " does not take the schema for subject " + subject + " (" + reason +
                      "); give columns other names, or choose another format.",
                  "registry");
    default:
      break;
  }
  if (status == 408 || status == 429 || status >= 500) {
    throw Error(THRONG_UNAVAILABLE,
                registry + " cannot answer for subject " + subject +
                    " now: " + std::to_string(status) + " (" + reason + "); see its log.",
                "registry");
  }
  throw Error(THRONG_FAILED_PRECONDITION,
              registry + " answers " + std::to_string(status) + " (" + reason + ") for subject " +
                  subject +
                  "; check registry: Confluent's API may lie below a path, as /apis/ccompat/v7.",
              "registry");
}

}  // namespace throng::plugins
