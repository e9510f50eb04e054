#include "server/conformance/contents.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "server/conformance/messages.h"
#include "server/conformance/walker.h"
#include "server/host/process.h"

namespace throng {
namespace {

absl::StatusOr<std::string> Run(const std::string& command) {
  NoteStep(fmt::format("the command of --read, {}", command));
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return Fault("--read: no process can be started.");
  std::string output;
  char piece[65536];
  for (size_t size = 0; (size = fread(piece, 1, sizeof piece, pipe)) > 0;) {
    output.append(piece, size);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  return Fault("--read: `{}` {} {}.", command,
               WIFEXITED(status) ? "ended with exit code" : "was ended by signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

// The place, if it is a file.
std::string FileOf(const CheckContext& context) {
  const auto values = ParseOptions(context);
  std::error_code error;
  if (!values.ok() || !std::filesystem::is_regular_file(values->place(), error)) return "";
  return values->place();
}

absl::Status CompareStream(const std::string& found, const std::string& what,
                           std::string_view when) {
  const std::string expected = SinkWalker::WholeStream();
  if (found == expected) return absl::OkStatus();
  const size_t at = static_cast<size_t>(
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end()).first -
      found.begin());
  const size_t line = expected.rfind('\n', at == 0 ? 0 : at - 1) + 1;
  return Fault(
      "{}, {} is not what was written: {} bytes instead of {}, other ones from byte {} on, where "
      "{} should be.",
      when, what, found.size(), expected.size(), at,
      line < expected.size() ? Quoted(expected.substr(line, expected.find('\n', line) - line))
                             : "the end");
}

absl::Status CompareMessages(const Messages& found, std::string_view when) {
  Messages expected;
  for (int64_t row = 0; row < SinkWalker::kRows; ++row) {
    const SinkWalker::Message message = SinkWalker::MessageOf(row);
    expected[message.key].push_back(message.value);
  }
  for (const auto& [key, values] : found) {
    if (!expected.contains(key)) {
      return Fault("{}, the place has messages of the key {}, which nobody wrote.", when,
                   Quoted(key));
    }
  }
  for (const auto& [key, values] : expected) {
    const auto of_key = found.find(key);
    const auto& there = of_key == found.end() ? std::vector<std::string>() : of_key->second;
    const auto [is, should] =
        std::mismatch(there.begin(), there.end(), values.begin(), values.end());
    if (is == there.end() && should == values.end()) continue;
    return Fault(
        "{}, the messages of the key {} are not what was written: {} instead of {}, and number {} "
        "is {} where {} should be.",
        when, Quoted(key), there.size(), values.size(), is - there.begin() + 1,
        is == there.end() ? "missing" : Quoted(*is),
        should == values.end() ? "none" : Quoted(*should));
  }
  return absl::OkStatus();
}

}  // namespace

std::string WhyContentsAreUnknown(const CheckContext& context) {
  if (!context.read.empty()) return "";
  if (!TakesStream(context)) return "contents of messages; give --read.";
  return FileOf(context).empty() ? "contents of a place that is no file; give --read." : "";
}

absl::Status CheckContents(const CheckContext& context, std::string_view when) {
  if (!WhyContentsAreUnknown(context).empty()) return absl::OkStatus();
  std::string found;
  std::string what = "what --read prints";
  if (context.read.empty()) {
    what = FileOf(context);
    std::ifstream file(what, std::ios::binary);
    found.assign(std::istreambuf_iterator<char>(file), {});
  } else {
    auto output = Run(context.read);
    if (!output.ok()) return output.status();
    found = *std::move(output);
  }
  if (TakesStream(context)) return CompareStream(found, what, when);
  const auto messages = ParseMessages(found);
  return messages.ok() ? CompareMessages(*messages, when) : messages.status();
}

}  // namespace throng
