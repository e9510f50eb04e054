// What the file sink keeps beside its data: the position of an unfinished file, the manifest of a
// finished one, and the digest that both hold.
#include "plugins/sinks/file/state.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "plugins/sinks/digest.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;  // of PATH.position

// Text that need not be UTF-8, as a file's name, does not make it fail.
std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

// All but the host state, which people do not read: it comes last.
void AddState(const FileState& state, Json* json) {
  (*json)["bytes"] = state.bytes;
  (*json)["sha256"] = state.sha256;
  (*json)["identity"] = state.identity;
  (*json)["position"] = state.position ? Json(*state.position) : Json();
}

std::optional<FileState> StateOf(const Json& json) {
  try {
    FileState state;
    state.bytes = json.at("bytes").get<int64_t>();
    state.sha256 = json.at("sha256").get<std::string>();
    state.identity = json.at("identity").get<std::string>();
    if (!json.at("position").is_null()) state.position = json.at("position").get<int64_t>();
    auto host_state = FromBase64(json.at("host_state").get<std::string>());
    if (!host_state) return std::nullopt;
    state.host_state = std::move(*host_state);
    return state;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Json MarksJson(const std::vector<DigestMark>& marks) {
  Json json = Json::array();
  for (const DigestMark& mark : marks) json.push_back({mark.bytes, ToBase64(mark.state)});
  return json;
}

// None unless they lead to what the state says, as where an older version wrote it.
std::vector<DigestMark> MarksOf(const Json& json, const FileState& state) {
  std::vector<DigestMark> marks;
  try {
    for (const Json& mark : json.at("sha256_states")) {
      auto digest_state = FromBase64(mark.at(1).get<std::string>());
      if (!digest_state) return {};
      marks.push_back({mark.at(0).get<int64_t>(), std::move(*digest_state)});
    }
  } catch (const Json::exception&) {
    return {};
  }
  const auto sha = MarkedSha256::After(marks);
  const bool leads_there = sha && sha->bytes() == state.bytes && sha->Hex() == state.sha256;
  return leads_there ? marks : std::vector<DigestMark>();
}

std::string TextOf(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// A member of `json` that is a number, as protobuf writes it: 3 or "3".
int64_t NumberOf(const Json& json, const char* member, int64_t otherwise) {
  const auto found = json.find(member);
  if (found == json.end()) return otherwise;
  if (found->is_number_integer()) return found->get<int64_t>();
  return found->is_string()
             ? std::strtoll(found->get_ref<const std::string&>().c_str(), nullptr, 10)
             : otherwise;
}

Origin OriginOfManifest(const Json& json) {
  Origin origin{.run_uid = TextOf(json, "run_uid"), .output = TextOf(json, "output"), .slice = {}};
  origin.part = NumberOf(json, "part", -1);
  const Json spec = json.value("spec", Json::object());
  const Json slice = spec.is_object() ? spec.value("slice", Json::object()) : Json::object();
  if (!slice.is_object()) return origin;
  origin.slice = std::to_string(NumberOf(slice, "index", 0)) + "-of-" +
                 std::to_string(NumberOf(slice, "count", 1));
  origin.is_interleaved = TextOf(slice, "mode").find("interleaved") != std::string::npos;
  return origin;
}

}  // namespace

std::string PositionText(const FileState& state, const Origin& origin) {
  Json json;
  json["throng_position"] = kVersion;
  json["run_uid"] = origin.run_uid;
  json["output"] = origin.output;
  json["slice"] = origin.slice;
  AddState(state, &json);
  json["host_state"] = ToBase64(state.host_state);
  json["sha256_states"] = MarksJson(state.marks);
  const std::string line = Dump(json, -1);
  return line + "\n" + Sha256Of(line) + "\n";
}

std::optional<FileState> ParsePosition(const std::string& text, Origin* origin) {
  const std::string line = text.substr(0, text.find('\n'));
  if (text != line + "\n" + Sha256Of(line) + "\n") return std::nullopt;
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("throng_position", Json()) != kVersion) return std::nullopt;
  auto state = StateOf(json);
  if (state) state->marks = MarksOf(json, *state);
  if (state && origin != nullptr) {
    *origin = {.run_uid = TextOf(json, "run_uid"),
               .output = TextOf(json, "output"),
               .slice = TextOf(json, "slice")};
  }
  return state;
}

std::string ManifestText(const FileState& state, const std::string& file_name,
                         std::string_view manifest) {
  Json json;
  json["file"] = file_name;
  AddState(state, &json);
  const Json host = Json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  if (!host.is_object()) throw Error(THRONG_INTERNAL, "The host's manifest is not a JSON object.");
  for (const auto& member : host.items()) {
    if (!json.contains(member.key())) json[member.key()] = member.value();
  }
  json["host_state"] = ToBase64(state.host_state);
  return Dump(json, 2) + "\n";
}

std::optional<FileState> ParseManifest(const std::string& text, Origin* origin) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  auto state = StateOf(json);
  if (state && origin != nullptr) *origin = OriginOfManifest(json);
  return state;
}

}  // namespace throng::plugins
