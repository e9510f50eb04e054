#include "client/split_flag.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "client/recipes.h"

namespace throng {
namespace {

constexpr int kDecimals = 9;
constexpr int64_t kWhole = 1'000'000'000;

absl::Status Refuse(std::string_view text, std::string_view sentence) {
  return absl::InvalidArgumentError(fmt::format("--split {}: {}", text, sentence));
}

bool IsDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool IsSnakeCase(std::string_view name) {
  return !name.empty() && std::islower(static_cast<unsigned char>(name[0])) != 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
         });
}

// "0.8" -> 800 000 000. Exact, so that shares add up to 1 and to nothing near it.
std::optional<int64_t> ParseShare(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string decimals(point == std::string_view::npos ? "" : text.substr(point + 1));
  const bool is_number =
      IsDigits(whole) && IsDigits(decimals) && whole.size() + decimals.size() > 0;
  if (!is_number || whole.size() > 1 || decimals.size() > kDecimals) return std::nullopt;
  decimals.resize(kDecimals, '0');
  const int64_t share = (whole.empty() ? 0 : (whole[0] - '0') * kWhole) + std::stoll(decimals);
  return share > 0 && share <= kWhole ? std::optional(share) : std::nullopt;
}

// 800 000 000 -> "0.8"
std::string ShareText(int64_t share) {
  std::string text = fmt::format("{}.{:0{}}", share / kWhole, share % kWhole, kDecimals);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// Where the path or the topic begins and ends in --to.
std::pair<size_t, size_t> PlaceIn(std::string_view to) {
  const size_t end = std::min(to.find('?'), to.size());
  constexpr std::string_view kKafka = "kafka://";
  const size_t begin = to.starts_with(kKafka) ? to.find('/', kKafka.size()) : to.find(':');
  return {std::min(begin, end), end};
}

}  // namespace

absl::StatusOr<std::vector<Split>> ParseSplits(std::string_view text) {
  std::vector<Split> splits;
  std::set<std::string> names;
  int64_t sum = 0;
  for (std::string_view rest = text;;) {
    const std::string_view pair = rest.substr(0, rest.find(','));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string name(pair.substr(0, equals));
    const auto share = ParseShare(pair.substr(std::min(equals + 1, pair.size())));
    if (!IsSnakeCase(name) || !share) {
      return Refuse(text, fmt::format("\"{}\" is no split; write NAME=SHARE, a name of lower-case "
                                      "letters, digits and _ and a share above 0 with at most {} "
                                      "decimals, as train=0.8,validation=0.1,test=0.1.",
                                      pair, kDecimals));
    }
    if (!names.insert(name).second) {
      return Refuse(text,
                    fmt::format("two splits are named {}; give each a name of its own.", name));
    }
    splits.push_back({name, ShareText(sum), ShareText(sum + *share)});
    sum += *share;
    if (pair.size() == rest.size()) break;
    rest.remove_prefix(pair.size() + 1);
  }
  if (sum == kWhole) return splits;
  return Refuse(
      text,
      sum < kWhole
          ? fmt::format("the shares add up to {0}, so that {1} of the rows would be in no "
                        "split; give them to one of the splits, or to one more, as "
                        "rest={1}.",
                        ShareText(sum), ShareText(kWhole - sum))
          : fmt::format("the shares add up to {}, and to more than 1; take {} away from them.",
                        ShareText(sum), ShareText(sum - kWhole)));
}

bool NamesSplit(std::string_view to) {
  const auto [begin, end] = PlaceIn(to);
  return to.substr(begin, end - begin).find(kSplitPlaceholder) != std::string_view::npos;
}

absl::StatusOr<std::vector<YamlTree>> SplitOutput(std::string_view to,
                                                  const std::vector<Split>& splits) {
  const auto [begin, end] = PlaceIn(to);
  if (!NamesSplit(to)) {
    return absl::InvalidArgumentError(fmt::format(
        "--to {}: with --split each split needs a place of its own; put {} into the path or the "
        "topic, as csv:out/{}.csv or kafka://localhost:9092/interactions-{}.",
        to, kSplitPlaceholder, kSplitPlaceholder, kSplitPlaceholder));
  }
  std::vector<YamlTree> outputs;
  for (const Split& split : splits) {
    std::string place(to.substr(begin, end - begin));
    for (size_t at = 0; (at = place.find(kSplitPlaceholder, at)) != std::string::npos;
         at += split.name.size()) {
      place.replace(at, kSplitPlaceholder.size(), split.name);
    }
    auto parsed = ParseOutputs(fmt::format("{}{}{}", to.substr(0, begin), place, to.substr(end)));
    if (!parsed.ok()) return parsed.status();
    for (YamlTree& output : *parsed) {
      const std::string base =
          to.starts_with("kafka://") ? "kafka" : output.Find("format")->Find("component")->text;
      *output.Member("name") = YamlTree::Scalar(fmt::format("{}-{}", base, split.name));
      if (output.Find("table") == nullptr) {  // a side table is always whole
        YamlTree* share = output.Member("share");
        *share->Member("from") = YamlTree::Scalar(split.from);
        *share->Member("to") = YamlTree::Scalar(split.to);
      }
      outputs.push_back(std::move(output));
    }
  }
  return outputs;
}

}  // namespace throng
