#include "client/spec_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>

#include "client/count_text.h"
#include "client/recipes.h"
#include "client/setting.h"
#include "client/split_flag.h"
#include "proto/utf8.h"

namespace throng {
namespace {

bool IsUtf8(const std::string& text) { return FindInvalidUtf8(text) == std::string::npos; }

// A layer, and its tree once somebody had to look into it.
struct Layer {
  std::string name;
  std::string text;
  bool has_lines = false;
  std::optional<YamlTree> tree;

  // The tree; null if the text is none, which the daemon will say.
  YamlTree* Tree() {
    std::string reason;
    if (!tree) tree = ParseYaml(text, &reason);
    return tree ? &*tree : nullptr;
  }
  // After a change of the tree. The lines are no longer the user's.
  void Rewrite() {
    text = JsonText(*tree);
    has_lines = false;
  }
};

class LayerList {
 public:
  void AddText(std::string name, std::string text) {
    layers_.push_back({std::move(name), std::move(text), true, std::nullopt});
  }

  void AddTree(std::string name, YamlTree tree) {
    layers_.push_back({std::move(name), JsonText(tree), false, std::move(tree)});
  }

  // A flag that is one field of the spec.
  void AddField(const char* flag, const std::vector<const char*>& path,
                const std::optional<std::string>& value) {
    if (!value) return;
    YamlTree tree;
    YamlTree* field = &tree;
    for (const char* name : path) field = field->Member(name);
    *field = YamlTree::Scalar(*value);
    AddTree(flag, std::move(tree));
  }

  // Lists replace, so an element of one is changed where the list stands.
  absl::Status AddSetting(const Setting& setting) {
    const bool is_of_list = std::any_of(setting.steps.begin(), setting.steps.end(),
                                        [](const SettingStep& step) { return step.index >= 0; });
    if (!is_of_list) {
      YamlTree tree;
      if (absl::Status status = Apply(setting, &tree); !status.ok()) return status;
      AddTree(setting.flag, std::move(tree));
      return absl::OkStatus();
    }
    Layer* layer = Strongest([&](const YamlTree& tree) { return FindList(setting, tree); });
    if (layer == nullptr) {
      const std::string list = setting.path.substr(0, setting.path.find('['));
      return absl::InvalidArgumentError(fmt::format(
          "--set {}: neither a file nor a flag gives {}; give the whole list, as --set '{}=[...]'.",
          setting.path, list, list));
    }
    if (absl::Status status = Apply(setting, layer->Tree()); !status.ok()) return status;
    layer->Rewrite();
    return absl::OkStatus();
  }

  // Every file of the outputs may be replaced.
  void SetOverwrite() {
    Layer* layer = Strongest([](const YamlTree& tree) {
      const YamlTree* outputs = tree.Find("outputs");
      return outputs != nullptr && outputs->kind == YamlTree::Kind::kList ? outputs : nullptr;
    });
    if (layer == nullptr) return;
    for (YamlTree& output : layer->Tree()->Find("outputs")->items) {
      YamlTree* sink = output.Find("sink");
      const YamlTree* component = sink == nullptr ? nullptr : sink->Find("component");
      if (component == nullptr || component->text != "file") continue;
      *sink->Member("options")->Member("overwrite") = YamlTree::Scalar("true");
    }
    layer->Rewrite();
  }

  // What the API cannot carry is a mistake.
  void Finish(MadeSource* made) const {
    for (const Layer& layer : layers_) {
      if (!IsUtf8(layer.name) || !IsUtf8(layer.text)) {
        made->mistakes.push_back(
            fmt::format("{}: it is not UTF-8 text; write it in UTF-8.", layer.name));
        made->lacks_outputs = true;
        continue;
      }
      v1::SpecLayer* added = made->source.add_layers();
      added->set_name(layer.name);
      added->set_text(layer.text);
      added->set_has_lines(layer.has_lines);
    }
  }

 private:
  // The strongest layer in whose tree `find` finds something.
  template <class Find>
  Layer* Strongest(Find find) {
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
      const YamlTree* tree = layer->Tree();
      if (tree != nullptr && find(*tree) != nullptr) return &*layer;
    }
    return nullptr;
  }

  std::vector<Layer> layers_;
};

// What `text` of --to means, with splits one output each.
absl::StatusOr<std::vector<YamlTree>> OutputsOf(const std::string& text,
                                                const std::vector<Split>& splits) {
  if (!splits.empty()) return SplitOutput(text, splits);
  if (NamesSplit(text)) {
    return absl::InvalidArgumentError(
        fmt::format("--to {}: {} stands for the name of a split; add --split, as --split "
                    "train=0.8,test=0.2, or take it out.",
                    text, kSplitPlaceholder));
  }
  return ParseOutputs(text);
}

// Splits of two outputs would have the same name if they have the same format.
void NumberNames(YamlTree* outputs) {
  std::set<std::string> taken;
  for (YamlTree& output : outputs->items) {
    if (output.Find("name") == nullptr) continue;
    const std::string name = output.Find("name")->text;
    std::string unique = name;
    for (int i = 2; !taken.insert(unique).second; ++i) unique = fmt::format("{}-{}", name, i);
    *output.Member("name") = YamlTree::Scalar(unique);
  }
}

// The outputs as a layer; what is wrong is added to `made`.
YamlTree Outputs(const std::vector<std::string>& texts, const std::vector<Split>& splits,
                 MadeSource* made) {
  YamlTree tree;
  YamlTree* outputs = tree.Member("outputs");
  outputs->kind = YamlTree::Kind::kList;
  for (const std::string& text : texts) {
    auto parsed = OutputsOf(text, splits);
    if (!parsed.ok()) {
      made->mistakes.emplace_back(parsed.status().message());
      made->lacks_outputs = true;
      parsed = std::vector<YamlTree>(1);
    }
    std::move(parsed->begin(), parsed->end(), std::back_inserter(outputs->items));
  }
  NumberNames(outputs);
  return tree;
}

// What sets one field each, in the order in which it is applied.
struct Settings {
  std::vector<Setting> all;
  size_t flags =
      0;  // how many of them come no later than flags that set options, the rest being --set
  std::vector<std::string> mistakes;
};

// Of --start, --window and --set.
Settings ReadSettings(const SpecFlags& flags) {
  Settings settings;
  const auto add_option = [&](const char* flag, const char* path,
                              const std::optional<std::string>& value) {
    if (!value) return;
    Setting setting = *ParseSetting(std::string(path) + "=");
    setting.flag = flag;
    setting.value = YamlTree::Scalar(*value);
    settings.all.push_back(std::move(setting));
  };
  add_option("--start", "dataset.clock.options.start", flags.start);
  add_option("--window", "dataset.clock.options.window", flags.window);
  for (const std::string& text : flags.settings) {
    auto setting = ParseSetting(text);
    if (setting.ok()) {
      settings.all.push_back(*std::move(setting));
    } else {
      settings.mistakes.emplace_back(setting.status().message());
    }
  }
  for (std::string& mistake : Order(&settings.all)) settings.mistakes.push_back(std::move(mistake));
  for (size_t i = 0; i < settings.all.size(); ++i) {
    if (!settings.all[i].flag.starts_with("--set")) settings.flags = i + 1;
  }
  return settings;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

// The digits of a count. What does not even begin like one is the daemon's to refuse.
absl::StatusOr<std::string> ReadCount(std::string_view flag, const std::string& text) {
  const auto count = ParseCount(text);
  if (count.ok()) return *count;
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return text;
  return absl::InvalidArgumentError(
      fmt::format("{} {}", flag, std::string(count.status().message())));
}

}  // namespace

bool SpecFlags::IsEmpty() const {
  return !file && !preset && !size && !seed && !users && !items && !interactions && !start &&
         !window && outputs.empty() && !rate && !is_live && !slice && !split && !threads &&
         settings.empty() && !overwrites;
}

absl::StatusOr<std::string> ParseRate(std::string_view text) {
  const std::string_view number = text.ends_with("/s") ? text.substr(0, text.size() - 2) : text;
  if (number.empty() || number.find('/') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        fmt::format("--rate {}: write rows a second, as 1000/s.", text));
  }
  // A rate may be a fraction: only what is not plain is a count.
  const bool is_plain = number.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
  if (const auto count = ParseCount(number); count.ok() && !is_plain) return *count;
  return std::string(number);
}

absl::StatusOr<SliceText> ParseSlice(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view index = text.substr(0, slash);
  const std::string_view count = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  if (!IsNumber(index) || !IsNumber(count)) {
    return absl::InvalidArgumentError(
        fmt::format("--slice {}: write I/N, as 0/4: the first of four slices.", text));
  }
  return SliceText{std::string(index), std::string(count)};
}

absl::StatusOr<std::string> ReadSpecFile(const std::string& file) {
  constexpr size_t kMostBytes = 1 << 20;
  const bool is_stdin = file == "-";
  std::ifstream stream;
  if (!is_stdin) stream.open(file, std::ios::binary);
  std::istream& from = is_stdin ? std::cin : stream;
  std::string text(kMostBytes + 1, '\0');
  from.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (from.bad() || (!is_stdin && !stream.is_open())) {
    return absl::InvalidArgumentError(
        fmt::format("-f {}: the file cannot be read; see that it is there and may be.", file));
  }
  text.resize(static_cast<size_t>(from.gcount()));
  if (text.size() <= kMostBytes) return text;
  std::error_code error;
  const auto size = is_stdin ? 0 : std::filesystem::file_size(file, error);
  return absl::InvalidArgumentError(
      fmt::format("-f {}: it has {} bytes; write a spec of at most {}.", file,
                  is_stdin || error ? "too many" : std::to_string(size), kMostBytes));
}

MadeSource MakeSource(const SpecFlags& flags, const std::string& file_text,
                      const std::vector<std::string>& default_outputs) {
  MadeSource made;
  // Whether it is well; if not, it is a mistake.
  const auto take = [&](const absl::Status& status) {
    if (!status.ok()) made.mistakes.emplace_back(status.message());
    return status.ok();
  };
  LayerList layers;
  std::vector<Split> splits;
  if (flags.split) {
    auto parsed = ParseSplits(*flags.split);
    made.lacks_outputs = !take(parsed.status());
    if (!made.lacks_outputs) splits = *std::move(parsed);
    if (flags.outputs.empty()) {
      made.mistakes.push_back(
          fmt::format("--split {}: it splits the outputs of --to; add one, as --to "
                      "'csv:out/{}.csv'. Outputs of "
                      "a file are split there, each by a `share` of its own.",
                      *flags.split, kSplitPlaceholder));
    }
  }
  for (const std::string& text : flags.outputs) {
    if (!WantsIntegerIds(text)) continue;
    layers.AddField("--to", {"dataset", "world", "ids"}, "integer");
    break;
  }
  if (!default_outputs.empty() && flags.outputs.empty()) {
    layers.AddTree("default output", Outputs(default_outputs, {}, &made));
  }
  if (flags.file) layers.AddText(*flags.file == "-" ? "stdin" : *flags.file, file_text);
  layers.AddField("--size", {"dataset", "size"}, flags.size);
  layers.AddField("--preset", {"dataset", "preset"}, flags.preset);
  layers.AddField("--seed", {"dataset", "seed"}, flags.seed);
  const auto add_count = [&](const char* flag, const std::vector<const char*>& path,
                             const std::optional<std::string>& text) {
    if (!text) return;
    const auto count = ReadCount(flag, *text);
    if (take(count.status())) layers.AddField(flag, path, *count);
  };
  add_count("--users", {"dataset", "world", "users"}, flags.users);
  add_count("--items", {"dataset", "world", "items"}, flags.items);
  if (flags.interactions == "null") {
    layers.AddTree("--interactions", *ParseYaml("{dataset: {interactions: null}}", nullptr));
  } else {
    add_count("--interactions", {"dataset", "interactions"}, flags.interactions);
  }
  const Settings settings = ReadSettings(flags);
  const auto end_of_flags = settings.all.begin() + static_cast<int64_t>(settings.flags);
  std::for_each(settings.all.begin(), end_of_flags,
                [&](const Setting& setting) { take(layers.AddSetting(setting)); });
  layers.AddField("--threads", {"threads"}, flags.threads);
  if (flags.rate) {
    const auto rate = ParseRate(*flags.rate);
    if (take(rate.status())) layers.AddField("--rate", {"pace", "rate"}, *rate);
  }
  if (flags.is_live) layers.AddTree("--live", *ParseYaml("{pace: {live: {}}}", nullptr));
  if (flags.slice) {
    const auto slice = ParseSlice(*flags.slice);
    if (take(slice.status())) {
      YamlTree tree;
      *tree.Member("slice")->Member("index") = YamlTree::Scalar(slice->index);
      *tree.Member("slice")->Member("count") = YamlTree::Scalar(slice->count);
      layers.AddTree("--slice", std::move(tree));
    }
  }
  const bool are_splits_known = !flags.split || !splits.empty();
  if (!flags.outputs.empty() && are_splits_known) {
    layers.AddTree("--to", Outputs(flags.outputs, splits, &made));
  }
  made.mistakes.insert(made.mistakes.end(), settings.mistakes.begin(), settings.mistakes.end());
  std::for_each(end_of_flags, settings.all.end(),
                [&](const Setting& setting) { take(layers.AddSetting(setting)); });
  if (flags.overwrites) layers.SetOverwrite();
  layers.Finish(&made);
  return made;
}

}  // namespace throng
