// Completion of command lines in shells.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

// A command with its flags, as completion sees it.
struct CompletionFlag {
  std::vector<std::string> names;  // "-f", "--file"
  std::string value;               // what it takes: `a|b`, a kind such as RUN, or empty: nothing
};
struct CompletionCommand {
  std::string name;
  std::vector<CompletionCommand> commands;
  std::vector<CompletionFlag> flags;
  std::string operand;  // the kind of what follows it; empty: nothing
};

// Live names of a kind (RUN, PLUGIN, PRESET, SIZE); none of any other. `address` is what --address
// says in the line so far.
using FindNames = std::function<std::vector<std::string>(
    const std::string& kind, const std::optional<std::string>& address)>;

// What the last of `words` (without the program, possibly empty) can become. "" alone among the
// candidates: the shell shall complete files.
std::vector<std::string> Complete(const CompletionCommand& root,
                                  const std::vector<std::string>& words, const FindNames& find);

// The script for `bash`, `zsh` or `fish`; nothing for any other. It asks `throngctl __complete`.
std::optional<std::string> CompletionScript(std::string_view shell);

}  // namespace throng
