// Command lines as one would type them into a shell.
#pragma once

#include <string>
#include <vector>

namespace throng {

// The word, quoted for a POSIX shell where it must be.
std::string ShellWord(const std::string& word);

// The words with spaces between them, each quoted where it must be.
std::string ShellLine(const std::vector<std::string>& words);

}  // namespace throng
