#include "client/questions.h"

#include <algorithm>
#include <cctype>
#include <istream>
#include <ostream>

namespace throng {
namespace {

// A whole number, or the default; nothing at the end of `in`.
std::optional<std::string> AskNumber(std::istream& in, std::ostream& out, const std::string& what,
                                     const std::string& standard) {
  for (;;) {
    out << what << " [" << standard << "]: " << std::flush;
    std::string answer;
    if (!std::getline(in, answer)) return std::nullopt;
    const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
    answer.erase(std::remove_if(answer.begin(), answer.end(), is_space), answer.end());
    if (answer.empty()) return standard;
    const bool is_number = std::all_of(answer.begin(), answer.end(),
                                       [](unsigned char c) { return std::isdigit(c) != 0; });
    if (is_number && answer.find_first_not_of('0') != std::string::npos) return answer;
    out << "Please give a whole number from 1 on, such as " << standard << ".\n";
  }
}

}  // namespace

std::optional<SpecFlags> AskQuestions(std::istream& in, std::ostream& out) {
  SpecFlags flags;
  if (!(flags.users = AskNumber(in, out, "Users", "500"))) return std::nullopt;
  if (!(flags.items = AskNumber(in, out, "Items", "1000"))) return std::nullopt;
  if (!(flags.interactions = AskNumber(in, out, "Interactions", "50000"))) return std::nullopt;
  for (;;) {
    const auto output = AskNumber(in, out, "Output: 1 CSV, 2 JSON", "1");
    if (!output) return std::nullopt;
    if (*output == "1") flags.outputs = {std::string(kDefaultOutput)};
    if (*output == "2") flags.outputs = {"json:out/interactions.json"};
    if (!flags.outputs.empty()) return flags;
    out << "Please answer 1 or 2.\n";
  }
}

std::vector<std::string> WordsOf(const SpecFlags& flags) {
  std::vector<std::string> words;
  const auto add = [&](const char* flag, const std::optional<std::string>& value) {
    if (value) words.insert(words.end(), {flag, *value});
  };
  add("--users", flags.users);
  add("--items", flags.items);
  add("--interactions", flags.interactions);
  for (const std::string& output : flags.outputs) add("--to", output);
  return words;
}

}  // namespace throng
