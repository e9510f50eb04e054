// The schemas that messages refer to by their ids in a registry.
#include "plugins/formats/registry/schemas.h"

#include <nlohmann/json.hpp>

#include "plugins/formats/registry/answer.h"
#include "plugins/formats/registry/http.h"

namespace throng::plugins {
namespace {

constexpr int64_t kSchemaNotFound = 40403;

}  // namespace

std::optional<RegisteredSchema> FindSchema(const RegistryConnection& connection, const Host& host,
                                           uint32_t id) {
  const HttpAnswer answer =
      Get(connection, host, connection.Url("/schemas/ids/" + std::to_string(id)));
  const auto json = nlohmann::json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (answer.status == 200) {
    const auto text = Member<std::string>(json, "schema");
    if (text) {
      const auto references = json.find("references");
      return RegisteredSchema{.type = Member<std::string>(json, "schemaType").value_or("AVRO"),
                              .text = *text,
                              .has_references = references != json.end() &&
                                                references->is_array() && !references->empty()};
    }
  }
  if (answer.status == 404 && Member<int64_t>(json, "error_code") == kSchemaNotFound) {
    return std::nullopt;
  }
  const std::string registry = "Registry " + *connection.registry;
  const std::string reason = ReasonOf(json, answer.body);
  const std::string user = connection.registry_username
                               ? "registry_username \"" + *connection.registry_username + "\""
                               : "a client without registry_username";
  if (answer.status == 401 || answer.status == 403) {
    throw Error(answer.status == 401 ? THRONG_UNAUTHENTICATED : THRONG_PERMISSION_DENIED,
                registry + " does not let " + user + " read schema " + std::to_string(id) + " (" +
                    reason + "); check registry_username and registry_password.",
                "registry_username");
  }
  if (answer.status == 408 || answer.status == 429 || answer.status >= 500) {
    throw Error(THRONG_UNAVAILABLE,
                registry + " cannot answer for schema " + std::to_string(id) +
                    " now: " + std::to_string(answer.status) + " (" + reason + "); see its log.",
                "registry");
  }
  throw Error(THRONG_FAILED_PRECONDITION,
              registry + " answers " + std::to_string(answer.status) + " (" + reason +
                  ") for schema " + std::to_string(id) +
                  "; check registry: Confluent's API may lie below a path, as /apis/ccompat/v7.",
              "registry");
}

}  // namespace throng::plugins
