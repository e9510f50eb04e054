#include "server/host/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "proto/json.h"
#include "server/control/plain_text.h"
#include "server/control/status.h"

namespace throng {
namespace {

std::vector<std::string> Choices(const throng_option& option) {
  std::vector<std::string> choices;
  if (option.type != THRONG_OPTION_ENUM) return choices;
  for (auto choice = option.choices; *choice != nullptr; ++choice) choices.emplace_back(*choice);
  return choices;
}

std::vector<std::string> Flags(const throng_option& option) {
  std::vector<std::string> flags;
  if ((option.flags & THRONG_OPTION_REQUIRED) != 0) flags.emplace_back("required");
  if ((option.flags & THRONG_OPTION_SECRET) != 0) flags.emplace_back("secret");
  if ((option.flags & THRONG_OPTION_IDENTITY) != 0) flags.emplace_back("identity");
  if ((option.flags & THRONG_OPTION_PATH) != 0) flags.emplace_back("path");
  return flags;
}

std::vector<std::string> Modes(uint32_t modes) {
  std::vector<std::string> names;
  if ((modes & THRONG_RECORDS_STREAM) != 0) names.emplace_back("stream");
  if ((modes & THRONG_RECORDS_MESSAGES) != 0) names.emplace_back("messages");
  return names;
}

// What a format makes, a sink takes, a source gives, a decoder reads; of behaviours nothing.
uint32_t ModesOf(const Component& component) {
  switch (component.role) {
    case Role::kFormat:
      return component.format.modes;
    case Role::kSink:
      return component.sink.modes;
    case Role::kSource:
      return component.source.modes;
    case Role::kDecoder:
      return component.decoder.modes;
    default:
      return 0;
  }
}

std::string DefaultText(const throng_option& option) {
  if (option.default_text == nullptr) return "-";
  return *option.default_text == '\0' ? "\"\"" : option.default_text;
}

std::string RangeText(const throng_option& option) {
  if (const auto choices = Choices(option); !choices.empty()) {
    return fmt::format("{}", fmt::join(choices, " | "));
  }
  if (option.minimum != nullptr && option.maximum != nullptr) {
    return fmt::format("{} to {}", option.minimum, option.maximum);
  }
  if (option.minimum != nullptr) return fmt::format("at least {}", option.minimum);
  return option.maximum != nullptr ? fmt::format("at most {}", option.maximum) : "";
}

using Line = std::array<std::string, 6>;

std::string OptionTable(const std::vector<throng_option>& options) {
  std::vector<Line> lines = {{"OPTION", "TYPE", "DEFAULT", "RANGE", "FLAGS", "DOC"}};
  for (const throng_option& option : options) {
    lines.push_back({option.name, std::string(OptionTypeName(option.type)), DefaultText(option),
                     RangeText(option), fmt::format("{}", fmt::join(Flags(option), ",")),
                     option.doc});
  }
  std::array<size_t, 6> widths{};
  for (const Line& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    text += " ";
    for (size_t i = 0; i + 1 < line.size(); ++i) {
      text += fmt::format(" {:<{}} ", line[i], widths[i]);
    }
    text += fmt::format(" {}\n", line.back());
  }
  return text;
}

std::string TraitsText(const Component& component) {
  const std::string modes = fmt::format("{}", fmt::join(Modes(ModesOf(component)), " or "));
  switch (component.role) {
    case Role::kFormat:
      return fmt::format("  Makes {}.\n", modes);
    case Role::kSink:
      return fmt::format("  Takes {}; {}.\n", modes,
                         component.sink.is_durable != 0 ? "exactly once" : "keeps no position");
    case Role::kSource:
      return fmt::format("  Gives {}.\n", modes);
    case Role::kDecoder:
      return fmt::format("  Reads {}.\n", modes);
    default:
      return "";
  }
}

}  // namespace

std::string_view OptionTypeName(uint32_t type) {
  constexpr std::string_view kNames[] = {"",       "bool",      "int64",    "float64",
                                         "string", "timestamp", "duration", "size",
                                         "enum",   "list",      "map"};
  return type < std::size(kNames) ? kNames[type] : "";
}

v1::Plugin DescribePlugin(const Plugin& plugin) {
  v1::Plugin message;
  message.set_name("plugins/" + plugin.name());
  message.set_version(plugin.version());
  message.set_doc(plugin.doc());
  message.set_abi(fmt::format("{}.{}", THRONG_ABI_MAJOR, plugin.abi_minor()));
  message.set_path(plugin.path());
  message.set_sha256(plugin.digest());
  for (const auto& component : plugin.components()) {
    v1::PluginComponent* c = message.add_components();
    c->set_role(std::string(RoleName(component->role)));
    c->set_name(component->name);
    c->set_doc(component->doc);
    const uint32_t modes = ModesOf(*component);
    for (const std::string& mode : Modes(modes)) c->add_modes(mode);
    c->set_is_durable(component->role == Role::kSink && component->sink.is_durable != 0);
    for (const throng_option& option : component->options) {
      v1::PluginOption* o = c->add_options();
      o->set_name(option.name);
      o->set_type(std::string(OptionTypeName(option.type)));
      o->set_doc(option.doc);
      if (option.default_text != nullptr) o->set_default_(option.default_text);
      if (option.minimum != nullptr) o->set_minimum(option.minimum);
      if (option.maximum != nullptr) o->set_maximum(option.maximum);
      for (const std::string& choice : Choices(option)) o->add_choices(choice);
      o->set_is_required((option.flags & THRONG_OPTION_REQUIRED) != 0);
      o->set_is_secret((option.flags & THRONG_OPTION_SECRET) != 0);
      o->set_is_identity((option.flags & THRONG_OPTION_IDENTITY) != 0);
      o->set_is_path((option.flags & THRONG_OPTION_PATH) != 0);
    }
  }
  for (const UnusableComponent& component : plugin.unusable()) {
    v1::UnusableComponent* c = message.add_unusable_components();
    c->set_role(component.role);
    c->set_name(component.name);
  }
  return message;
}

std::string DescriptionText(const Plugin& plugin) {
  std::string text = fmt::format("{} {} (plugin ABI {}.{})\n{}\n", plugin.name(), plugin.version(),
                                 THRONG_ABI_MAJOR, plugin.abi_minor(), plugin.doc());
  for (const auto& component : plugin.components()) {
    text +=
        fmt::format("\n{} `{}`: {}\n", RoleName(component->role), component->name, component->doc);
    text += TraitsText(*component);
    text += component->options.empty() ? "  It has no options.\n" : OptionTable(component->options);
  }
  for (const UnusableComponent& component : plugin.unusable()) {
    text += fmt::format(
        "\n{} `{}`: not usable by this host, which does not know the role or its revision.\n",
        component.role, component.name);
  }
  return PlainLines(text);
}

int ExecuteDescribe(const DescribeCommand& command) {
  const auto plugin = Plugin::Load(command.file);
  if (!plugin.ok()) {
    fmt::print(stderr, "{}\n", PlainLines(MessageOf(plugin.status())));
    return 1;
  }
  if (command.is_json) {
    // Text that is not UTF-8 breaks the contract, but must not end the command.
    const auto json = ToJson(DescribePlugin(**plugin));
    fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    fmt::print("{}", DescriptionText(**plugin));
  }
  return 0;
}

}  // namespace throng
