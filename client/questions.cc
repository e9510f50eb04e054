#include "client/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <istream>
#include <optional>
#include <ostream>
#include <string_view>
#include <system_error>

#include "client/count_text.h"

namespace throng {
namespace {

// What an output is said to be: a file, or a topic.
struct Target {
  std::string format;  // of a file; empty: a topic
  std::string path;
  bool overwrites = false;
  std::string brokers = "localhost:9092";
  std::string topic = "interactions";
};

Target FileTarget(const char* format) {
  return {.format = format, .path = fmt::format("out/interactions.{}", format)};
}

// What --to cannot take as it is.
std::string PercentEncoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          std::string_view("-_.,:[]").find(c) != std::string_view::npos;
    encoded += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

// As --to has it.
std::string FlagOf(const Target& target) {
  if (target.format.empty()) {
    return fmt::format("kafka://{}/{}", PercentEncoded(target.brokers),
                       PercentEncoded(target.topic));
  }
  return fmt::format("{}:{}{}", target.format, target.path,
                     target.overwrites ? "?overwrite=true" : "");
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The number between the two, where a sentence has one: "The next number that fits is 1603".
std::optional<std::string> NumberIn(std::string_view sentence, std::string_view before,
                                    std::string_view behind) {
  while (true) {
    const size_t at = sentence.find(before);
    if (at == std::string_view::npos) return std::nullopt;
    sentence.remove_prefix(at + before.size());
    const size_t size = std::min(sentence.find_first_not_of("0123456789"), sentence.size());
    if (size > 0 && sentence.substr(size).starts_with(behind)) {
      return std::string(sentence.substr(0, size));
    }
  }
}

// out/a.csv -> out/a-2.csv, or the first number of which nothing is there.
std::string FreeName(const std::string& path) {
  const std::filesystem::path old(path);
  for (int number = 2;; ++number) {
    std::filesystem::path next = old;
    next.replace_filename(
        fmt::format("{}-{}{}", old.stem().string(), number, old.extension().string()));
    const auto is_there = [&next](const char* suffix) {
      std::error_code error;
      return std::filesystem::exists(next.string() + suffix, error);
    };
    if (!is_there("") && !is_there(".part") && !is_there(".manifest.json")) return next.string();
  }
}

// What is in the way of a file, without what to do, which is asked: "a.csv exists; delete it."
std::string WithoutRemedy(const std::string& sentence) {
  const size_t end = sentence.rfind("; ");
  return end == std::string::npos ? sentence : sentence.substr(0, end) + ".";
}

class Questions {
 public:
  Questions(std::istream& in, std::ostream& out, const AnswerChecks& checks)
      : in_(in), out_(out), checks_(checks) {}

  absl::StatusOr<SpecFlags> Ask() {
    if (absl::Status status = AskCounts(); !status.ok()) return status;
    if (absl::Status status = AskTargets(); !status.ok()) return status;
    for (;;) {
      flags_.outputs.clear();
      for (const Target& target : targets_) flags_.outputs.push_back(FlagOf(target));
      const auto obstacles = checks_.outputs(flags_);
      if (!obstacles.ok()) return obstacles.status();
      if (obstacles->empty()) return flags_;
      for (const Obstacle& obstacle : *obstacles) {
        Target* target = &targets_.at(obstacle.output);
        const bool is_topic = target->format.empty();
        out_ << (is_topic ? obstacle.sentence : WithoutRemedy(obstacle.sentence)) << "\n";
        absl::Status status =
            is_topic ? AskTopicAgain(target) : AskFileAgain(obstacle.may_be_overwritten, target);
        if (!status.ok()) return status;
      }
    }
  }

 private:
  // Puts the answer, without spaces around it, in the place of the default.
  absl::Status AskText(const std::string& question, std::string* text) {
    out_ << question << " [" << *text << "]: " << std::flush;
    std::string line;
    if (!std::getline(in_, line)) return absl::CancelledError("Nobody answers any more.");
    const char* space = " \t\r";
    line.erase(0, std::min(line.find_first_not_of(space), line.size()));
    line.erase(line.find_last_not_of(space) + 1);
    if (!line.empty()) *text = line;
    return absl::OkStatus();
  }

  absl::Status AskCount(const char* question, std::optional<std::string>* count) {
    for (;;) {
      std::string answer = **count;
      if (absl::Status status = AskText(question, &answer); !status.ok()) return status;
      const auto digits = ParseCount(answer);
      if (digits.ok() && *digits != "0") {
        *count = *digits;
        return absl::OkStatus();
      }
      out_ << (digits.ok() ? "Please give a whole number from 1 on, such as " + **count + "."
                           : std::string(digits.status().message()))
           << "\n";
    }
  }

  absl::Status AskCounts() {
    flags_.users = "500";
    flags_.items = "1000";
    flags_.interactions = "50000";
    for (;;) {
      absl::Status status = AskCount("Users", &flags_.users);
      if (status.ok()) status = AskCount("Items", &flags_.items);
      if (status.ok()) status = AskCount("Interactions", &flags_.interactions);
      if (!status.ok()) return status;
      const auto why_not = checks_.counts(flags_);
      if (!why_not.ok()) return why_not.status();
      if (why_not->empty()) return absl::OkStatus();
      out_ << *why_not << "\n";
      if (auto number = NumberIn(*why_not, "number that fits is ", ""))
        flags_.interactions = number;
      if (auto number = NumberIn(*why_not, "at least ", " items")) flags_.items = number;
    }
  }

  absl::Status AskTargets() {
    for (;;) {
      std::string answer = "1";
      absl::Status status = AskText("Output: 1 CSV, 2 JSON, 3 Kafka, 4 all", &answer);
      if (!status.ok()) return status;
      answer = Lower(answer);
      const bool is_all = answer == "4" || answer == "all";
      if (is_all || answer == "1" || answer == "csv") targets_.push_back(FileTarget("csv"));
      if (is_all || answer == "2" || answer == "json") targets_.push_back(FileTarget("json"));
      if (is_all || answer == "3" || answer == "kafka") {
        Target& topic = targets_.emplace_back();
        status = AskText("Brokers", &topic.brokers);
        if (status.ok()) status = AskText("Topic", &topic.topic);
      }
      if (!targets_.empty()) return status;
      out_ << "Please answer 1, 2, 3 or 4.\n";
    }
  }

  absl::Status AskTopicAgain(Target* target) {
    std::string answer = target->brokers;
    absl::Status status = AskText("Brokers, or q to give up", &answer);
    if (!status.ok()) return status;
    if (Lower(answer) == "q") return absl::AbortedError("Given up; nothing was generated.");
    target->brokers = answer;
    return AskText("Topic", &target->topic);
  }

  absl::Status AskFileAgain(bool may_be_overwritten, Target* target) {
    if (may_be_overwritten && !target->overwrites) {
      std::string answer = "y/N";
      absl::Status status = AskText("Overwrite it?", &answer);
      if (!status.ok()) return status;
      answer = Lower(answer);
      target->overwrites = answer == "y" || answer == "yes";
      if (target->overwrites) return absl::OkStatus();
    }
    target->overwrites = false;
    for (;;) {
      std::string answer = FreeName(target->path);
      absl::Status status = AskText("Another file", &answer);
      if (!status.ok()) return status;
      if (answer != "-" && answer.find('?') == std::string::npos) {
        target->path = answer;
        return absl::OkStatus();
      }
      out_ << "Please name a file, without a question mark.\n";
    }
  }

  std::istream& in_;
  std::ostream& out_;
  const AnswerChecks& checks_;
  SpecFlags flags_;
  std::vector<Target> targets_;
};

}  // namespace

absl::StatusOr<SpecFlags> AskQuestions(std::istream& in, std::ostream& out,
                                       const AnswerChecks& checks) {
  return Questions(in, out, checks).Ask();
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
