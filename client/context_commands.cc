// `throngctl context`: names for daemons.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/commands.h"
#include "client/contexts.h"
#include "client/exit_code.h"
#include "client/failure.h"

namespace throng {
namespace {

using nlohmann::ordered_json;

// `path` seen from anywhere.
std::string Absolute(const std::string& path) {
  return path.empty() ? "" : std::filesystem::absolute(path).lexically_normal().string();
}

// Reads, changes and writes; the exit code.
template <class Change>
int ChangeContexts(Change change) {
  const std::string path = ContextsPath();
  auto contexts = ReadContexts(path);
  if (!contexts.ok()) return Fail(contexts.status());
  if (const absl::Status status = change(&*contexts); !status.ok()) return Fail(status);
  if (const absl::Status status = WriteContexts(path, *contexts); !status.ok()) return Fail(status);
  return kDone;
}

ordered_json JsonOf(const std::string& name, const Context& context, bool is_current) {
  ordered_json json = {{"name", name}, {"address", context.address}, {"current", is_current}};
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = value;
  };
  if (context.tls.is_asked) json["tls"] = true;
  add("cacert", context.tls.ca_file);
  add("cert", context.tls.certificate_file);
  add("key", context.tls.key_file);
  add("token_file", context.tls.token_file);
  add("server_name", context.tls.server_name);
  return json;
}

}  // namespace

int ListContexts(const ContextCommand& command) {
  const auto contexts = ReadContexts(ContextsPath());
  if (!contexts.ok()) return Fail(contexts.status());
  if (command.format == PrintFormat::kTable) {
    TextTable table({"CURRENT", "NAME", "ADDRESS", "TLS", "TOKEN FILE"});
    for (const auto& [name, context] : contexts->all) {
      table.Add({name == contexts->current ? "*" : "", name, context.address,
                 context.tls.IsUsed() ? "yes" : "no",
                 context.tls.token_file.empty() ? "-" : context.tls.token_file});
    }
    Out(table.ToText());
    return kDone;
  }
  ordered_json list = ordered_json::array();
  for (const auto& [name, context] : contexts->all) {
    list.push_back(JsonOf(name, context, name == contexts->current));
    if (command.format == PrintFormat::kName) Out(name + "\n");
    if (command.format == PrintFormat::kJsonLines) PrintJson(command.format, list.back());
  }
  if (command.format == PrintFormat::kJson || command.format == PrintFormat::kYaml) {
    PrintJson(command.format, list);
  }
  return kDone;
}

int AddContext(const ContextCommand& command) {
  return ChangeContexts([&](Contexts* contexts) {
    Context context{command.address, command.tls};
    if (context.address.starts_with('/')) context.address.insert(0, "unix:");
    for (std::string* path : {&context.tls.ca_file, &context.tls.certificate_file,
                              &context.tls.key_file, &context.tls.token_file}) {
      *path = Absolute(*path);
    }
    if (!contexts->all.emplace(command.name, std::move(context)).second) {
      return absl::AlreadyExistsError(fmt::format(
          "There is a context \"{0}\"; remove it first (`throngctl context remove {0}`), "
          "or take another name.",
          command.name));
    }
    return absl::OkStatus();
  });
}

int UseContext(const ContextCommand& command) {
  if (command.name.empty() != command.is_none) {
    return Fail(kWrongRequest, "Name the context to use, or say --none.");
  }
  return ChangeContexts([&](Contexts* contexts) -> absl::Status {
    if (!command.is_none) {
      if (const auto found = FindContext(*contexts, command.name); !found.ok()) {
        return found.status();
      }
    }
    contexts->current = command.name;
    return absl::OkStatus();
  });
}

int RemoveContext(const ContextCommand& command) {
  return ChangeContexts([&](Contexts* contexts) -> absl::Status {
    if (const auto found = FindContext(*contexts, command.name); !found.ok()) return found.status();
    contexts->all.erase(command.name);
    if (contexts->current == command.name) contexts->current.clear();
    return absl::OkStatus();
  });
}

}  // namespace throng
