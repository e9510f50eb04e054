#include "client/recipes.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "client/output_flag.h"
#include "client/place_options.h"

namespace throng {
namespace {

using Pairs = std::vector<std::pair<const char*, const char*>>;

struct RecipeOutput {
  const char* format;
  Pairs options;          // of the format
  const char* table;      // nullptr: interactions
  const char* columns;    // as YAML; nullptr: those of the table
  const char* extension;  // of a file in a folder; nullptr: the path is the file's
};

struct Recipe {
  std::string_view name;
  bool wants_integer_ids;
  std::vector<RecipeOutput> outputs;
};

const std::vector<Recipe>& Recipes() {
  static const Pairs kAtomic = {
      {"delimiter", "tab"}, {"header", "typed"}, {"timestamp", "epoch_seconds"}};
  static const std::vector<Recipe> kRecipes = {
      // u.data of MovieLens 100K.
      {.name = "movielens",
       .wants_integer_ids = true,
       .outputs = {{.format = "csv",
                    .options = {{"delimiter", "tab"},
                                {"header", "false"},
                                {"timestamp", "epoch_seconds"},
                                {"rating_decimals", "fewest"},
                                {"integer_ids", "true"}},
                    .table = nullptr,
                    .columns = "[user_id, item_id, rating, timestamp]",
                    .extension = nullptr}}},
      // RecBole's atomic files.
      {.name = "recbole",
       .wants_integer_ids = false,
       .outputs = {{.format = "csv",
                    .options = kAtomic,
                    .table = nullptr,
                    .columns = "[user_id, item_id, rating, timestamp]",
                    .extension = "inter"},
                   {.format = "csv",
                    .options = kAtomic,
                    .table = "users",
                    .columns = "[user_id, cluster, activity_rank, age_band, region]",
                    .extension = "user"},
                   {.format = "csv",
                    .options = kAtomic,
                    .table = "items",
                    .columns = "[item_id, category, popular, brand, price]",
                    .extension = "item"}}},
      // Reader(line_format="user item rating timestamp", sep=",") of Surprise.
      {.name = "surprise",
       .wants_integer_ids = false,
       .outputs = {{.format = "csv",
                    .options = {{"header", "false"}, {"timestamp", "epoch_seconds"}},
                    .table = nullptr,
                    .columns = "[user_id, item_id, rating, timestamp]",
                    .extension = nullptr}}},
      {.name = "libsvm",
       .wants_integer_ids = false,
       .outputs = {{.format = "libsvm",
                    .options = {},
                    .table = nullptr,
                    .columns = "[rating, user_id, item_id]",
                    .extension = nullptr}}}};
  return kRecipes;
}

const Recipe* FindRecipe(std::string_view text) {
  const std::vector<Recipe>& recipes = Recipes();
  const std::string_view name = text.substr(0, text.find(':'));
  const auto found = std::find_if(recipes.begin(), recipes.end(),
                                  [&](const Recipe& recipe) { return recipe.name == name; });
  return found == recipes.end() || name.size() == text.size() ? nullptr : &*found;
}

// What the recipe says and the output does not.
void Fill(const RecipeOutput& recipe, YamlTree* output) {
  if (!recipe.options.empty()) {
    YamlTree* options = output->Member("format")->Member("options");
    for (const auto& [name, value] : recipe.options) {
      if (options->Find(name) == nullptr) *options->Member(name) = YamlTree::Scalar(value);
    }
  }
  if (recipe.table != nullptr) *output->Member("table") = YamlTree::Scalar(recipe.table);
  if (recipe.columns != nullptr) *output->Member("columns") = *ParseYaml(recipe.columns, nullptr);
}

// "DIR/NAME.inter" of "DIR/NAME/": the folder, and in it a file of its name.
std::string FileIn(std::string_view folder, const char* extension) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.remove_suffix(1);
  return fmt::format("{}/{}.{}", folder, folder.substr(folder.rfind('/') + 1), extension);
}

}  // namespace

bool WantsIntegerIds(std::string_view text) {
  const Recipe* recipe = FindRecipe(text);
  return recipe != nullptr && recipe->wants_integer_ids;
}

absl::StatusOr<std::vector<YamlTree>> ParseOutputs(std::string_view text) {
  std::vector<YamlTree> outputs;
  const Recipe* recipe = FindRecipe(text);
  if (recipe == nullptr) {
    auto output = ParseOutput(text);
    if (!output.ok()) return output.status();
    outputs.push_back(*std::move(output));
    return outputs;
  }
  const size_t begin = recipe->name.size() + 1;
  const size_t end = std::min(text.find('?'), text.size());
  const std::string_view place = text.substr(begin, end - begin);
  for (const RecipeOutput& described : recipe->outputs) {
    const bool is_folder = described.extension != nullptr;
    if (is_folder && place.find_first_not_of("/.-") == std::string_view::npos) {
      return absl::InvalidArgumentError(
          fmt::format("--to {0}: its files are named as the folder they lie in; write {1}:DIR, as "
                      "{1}:out/people.",
                      text, recipe->name));
    }
    const std::string path = is_folder ? FileIn(place, described.extension) : std::string(place);
    auto output = ParseOutput(fmt::format("{}:{}{}", described.format, path, text.substr(end)));
    if (!output.ok()) return output.status();
    Fill(described, &*output);
    outputs.push_back(*std::move(output));
  }
  return outputs;
}

}  // namespace throng
