#include "client/completion.h"

#include <algorithm>

namespace throng {
namespace {

// An empty first candidate says: files.
constexpr const char* kFiles = "";

const CompletionCommand* FindCommand(const CompletionCommand& command, const std::string& name) {
  for (const CompletionCommand& inner : command.commands) {
    if (inner.name == name) return &inner;
  }
  return nullptr;
}

const CompletionFlag* FindFlag(const CompletionCommand& command, const std::string& name) {
  for (const CompletionFlag& flag : command.flags) {
    if (std::find(flag.names.begin(), flag.names.end(), name) != flag.names.end()) return &flag;
  }
  return nullptr;
}

// Of a kind of value: its choices, live names, or files.
std::vector<std::string> Values(const std::string& kind, const FindNames& find,
                                const std::optional<std::string>& address) {
  if (kind == "FILE" || kind == "FOLDER" || kind == "SPEC") return {kFiles};
  if (kind.find('|') == std::string::npos) return find(kind, address);
  std::vector<std::string> choices;
  for (size_t at = 0; at <= kind.size();) {
    const size_t end = std::min(kind.find('|', at), kind.size());
    choices.push_back(kind.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

constexpr std::string_view kBash =
    R"(# bash completion of throngctl: source <(throngctl completion bash)
_throngctl() {
  local candidates
  mapfile -t candidates < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ ${#candidates[@]} -eq 1 && -z ${candidates[0]} ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    compopt -o filenames
  else
    COMPREPLY=("${candidates[@]}")
  fi
}
complete -F _throngctl throngctl
)";

constexpr std::string_view kZsh = R"(#compdef throngctl
# zsh completion of throngctl: source <(throngctl completion zsh)
_throngctl() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${#candidates} -eq 1 && -z "${candidates[1]}" ]]; then
    _files
  else
    compadd -a candidates
  fi
}
if [[ ${funcstack[1]} == _throngctl ]]; then
  _throngctl "$@"  # a file of $fpath: this is the first completion
else
  compdef _throngctl throngctl
fi
)";

constexpr std::string_view kFish =
    R"(# fish completion of throngctl: throngctl completion fish | source
function __throngctl_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l candidates ($words[1] __complete $words[2..-1] 2>/dev/null)
  if test (count $candidates) -eq 1; and test -z "$candidates[1]"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $candidates
  end
end
complete -c throngctl -f -a '(__throngctl_complete)'
)";

}  // namespace

std::vector<std::string> Complete(const CompletionCommand& root,
                                  const std::vector<std::string>& words, const FindNames& find) {
  const CompletionCommand* command = &root;
  const CompletionFlag* open_flag = nullptr;  // whose value comes next
  std::optional<std::string> address;
  const std::string last = words.empty() ? "" : words.back();
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (open_flag != nullptr) {
      if (open_flag->names.back() == "--address") address = word;
      open_flag = nullptr;
    } else if (word.starts_with('-')) {
      const CompletionFlag* flag = FindFlag(*command, word);
      open_flag = flag != nullptr && !flag->value.empty() ? flag : nullptr;
    } else if (const CompletionCommand* inner = FindCommand(*command, word)) {
      command = inner;
    }
  }
  std::vector<std::string> candidates;
  if (open_flag != nullptr) {
    candidates = Values(open_flag->value, find, address);
  } else if (last.starts_with('-')) {
    for (const CompletionFlag& flag : command->flags) {
      candidates.insert(candidates.end(), flag.names.begin(), flag.names.end());
    }
  } else if (!command->commands.empty()) {
    for (const CompletionCommand& inner : command->commands) candidates.push_back(inner.name);
  } else if (!command->operand.empty()) {
    candidates = Values(command->operand, find, address);
  }
  if (candidates.size() == 1 && candidates[0] == kFiles) return candidates;
  std::erase_if(candidates, [&](const std::string& name) { return !name.starts_with(last); });
  return candidates;
}

std::optional<std::string> CompletionScript(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  return std::nullopt;
}

}  // namespace throng
