// `throngctl plugins`: what a daemon can load.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/interrupts.h"
#include "client/run_text.h"

namespace throng {
namespace {

// "1 to 10", "at least 1", "csv, json", or "-".
std::string RangeText(const v1::PluginOption& option) {
  std::string text;
  if (option.has_minimum() && option.has_maximum()) {
    text = fmt::format("{} to {}", option.minimum(), option.maximum());
  } else if (option.has_minimum()) {
    text = "at least " + option.minimum();
  } else if (option.has_maximum()) {
    text = "at most " + option.maximum();
  }
  for (const std::string& choice : option.choices()) text += (text.empty() ? "" : ", ") + choice;
  return text.empty() ? "-" : text;
}

std::string DefaultText(const v1::PluginOption& option) {
  if (option.is_required()) return "required";
  if (!option.has_default_()) return "-";
  return option.default_().empty() ? "\"\"" : option.default_();
}

std::string ComponentText(const v1::PluginComponent& component) {
  std::string text =
      fmt::format("\n{} {}: {}\n", component.role(), component.name(), component.doc());
  if (component.options().empty()) return text;
  TextTable table({"OPTION", "TYPE", "DEFAULT", "RANGE", "MEANING"});
  for (const v1::PluginOption& option : component.options()) {
    table.Add({option.name(), option.type(), DefaultText(option), RangeText(option), option.doc()});
  }
  return text + table.ToText();
}

}  // namespace

int ListPlugins(const NamedCommand& command) {
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  v1::ListPluginsResponse all;
  v1::ListPluginsRequest request;
  do {
    auto page = daemon->connection().ListPlugins(request);
    if (!page.ok()) return Fail(page.status(), *daemon);
    request.set_page_token(page->next_page_token());
    all.MergeFrom(*page);
  } while (!request.page_token().empty());
  for (const v1::PluginLoadError& error : all.load_errors()) {
    std::fputs(fmt::format("{}: {}\n", error.path(), error.message()).c_str(), stderr);
  }
  if (command.format != PrintFormat::kTable) {
    std::vector<Printed> list;
    for (const v1::Plugin& plugin : all.plugins()) {
      list.push_back({&plugin, ShortName(plugin.name())});
    }
    PrintList(command.format, list);
    return kDone;
  }
  TextTable table({"NAME", "VERSION", "COMPONENTS", "MEANING"});
  for (const v1::Plugin& plugin : all.plugins()) {
    std::string components;
    for (const v1::PluginComponent& component : plugin.components()) {
      components += fmt::format("{}{} {}", components.empty() ? "" : ", ", component.role(),
                                component.name());
    }
    table.Add({ShortName(plugin.name()), plugin.version(), components, plugin.doc()});
  }
  Out(table.ToText());
  return kDone;
}

int GetPlugin(const NamedCommand& command) {
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  v1::GetPluginRequest request;
  request.set_name(FullName("plugins", command.name));
  const auto answer = daemon->connection().GetPlugin(request);
  if (!answer.ok()) return Fail(answer.status(), *daemon);
  const v1::Plugin& plugin = answer->plugin();
  if (command.format != PrintFormat::kTable) {
    PrintOne(command.format, {&plugin, ShortName(plugin.name())});
    return kDone;
  }
  std::string text =
      fmt::format("{} {}: {}\n", ShortName(plugin.name()), plugin.version(), plugin.doc());
  if (!plugin.path().empty()) text += fmt::format("{}\n", plugin.path());
  for (const v1::PluginComponent& component : plugin.components()) text += ComponentText(component);
  for (const v1::UnusableComponent& component : plugin.unusable_components()) {
    text += fmt::format(
        "\n{} {}: not usable by this daemon, which does not know the role or its revision.\n",
        component.role(), component.name());
  }
  Out(text);
  return kDone;
}

int CheckPlugin(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {ProgramBeside("throng-worker"), "check"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ForgetInterrupts();
  std::signal(SIGPIPE, SIG_DFL);
  execv(pointers[0], pointers.data());
  std::fputs(fmt::format("{} cannot be started: {}.\n", words[0], std::strerror(errno)).c_str(),
             stderr);
  return kFailed;
}

}  // namespace throng
