// Presets carry what the docs promise, and each is a spec that reads without a mistake.
#include "server/spec/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/spec/reader.h"

namespace throng {
namespace {

using testing::ElementsAre;

v1::RunSpec Read(const std::string& dataset) {
  const SpecLayer layer = {
      "test",
      "dataset: " + dataset + "\noutputs: [{format: {component: csv}, sink: {component: file}}]"};
  Problems problems;
  const auto spec = ReadSpec({&layer, 1}, &problems);
  EXPECT_TRUE(spec.has_value()) << ToString(problems);
  return spec.value_or(v1::RunSpec());
}

TEST(Presets, HaveTheNamesOfTheDocs) {
  EXPECT_THAT(PresetNames(BehaviourPresets()), ElementsAre("shop", "seed", "seed-ranges", "trace"));
  EXPECT_THAT(PresetNames(SizePresets()), ElementsAre("quick", "producer", "development", "testing",
                                                      "medium", "production", "large"));
}

TEST(Presets, GiveEachSizeItsUsersItemsAndInteractions) {
  struct Size {
    const char* name;
    int64_t users, items, interactions;
  };
  for (const Size& size : {Size{"quick", 20, 50, 100}, Size{"producer", 100, 200, 5'000},
                           Size{"development", 100, 300, 5'000}, Size{"testing", 200, 500, 20'000},
                           Size{"medium", 300, 600, 20'000}, Size{"production", 500, 1'000, 50'000},
                           Size{"large", 1'000, 3'000, 100'000}}) {
    const v1::RunSpec spec = Read(std::string("{size: ") + size.name + "}");
    EXPECT_EQ(spec.dataset().size(), size.name);
    EXPECT_EQ(spec.dataset().world().users(), size.users) << size.name;
    EXPECT_EQ(spec.dataset().world().items(), size.items) << size.name;
    EXPECT_EQ(spec.dataset().interactions(), size.interactions) << size.name;
    EXPECT_EQ(spec.dataset().plan_size(), size.interactions) << size.name;
    EXPECT_EQ(InteractionsOfSize(size.name), size.interactions);
  }
}

TEST(Presets, MakeTheShopWhenNoneIsNamed) {
  const v1::RunSpec spec = Read("{}");
  EXPECT_EQ(spec.dataset().preset(), "shop");
  EXPECT_EQ(spec.dataset().size(), "production");
  EXPECT_EQ(spec.dataset().seed(), 42);
  const v1::World& world = spec.dataset().world();
  EXPECT_EQ(world.users(), 500);
  EXPECT_EQ(world.active_users(), 0.8);
  EXPECT_EQ(world.touched_items(), 0.95);
  EXPECT_EQ(world.popular_items(), 0.1);
  EXPECT_EQ(world.user_prefix(), "user_");
  EXPECT_EQ(world.item_prefix(), "item_");
  std::vector<std::string> clusters;
  for (const v1::Cluster& cluster : world.clusters()) {
    clusters.push_back(cluster.name() + ">" + cluster.prefers());
    EXPECT_EQ(cluster.share(), cluster.prefers().empty() ? 0.25 : 0.15) << cluster.name();
  }
  EXPECT_THAT(clusters,
              ElementsAre("tech_enthusiasts>electronics", "fashion_lovers>fashion",
                          "home_makers>home", "sports_fans>sports", "bookworms>books", "general>"));
  std::vector<std::string> categories;
  for (const v1::Category& category : world.categories()) {
    categories.push_back(category.name());
    EXPECT_EQ(category.share(), 0.2) << category.name();
  }
  EXPECT_THAT(categories, ElementsAre("electronics", "fashion", "home", "sports", "books"));
}

TEST(Presets, HaveTheSameWorldAndOtherBehaviours) {
  const std::string world = Read("{}").dataset().world().DebugString();
  for (const Preset& preset : BehaviourPresets()) {
    const v1::RunSpec spec = Read("{preset: " + std::string(preset.name) + "}");
    EXPECT_EQ(spec.dataset().world().DebugString(), world) << preset.name;
  }
  const v1::DatasetSpec shop = Read("{preset: shop}").dataset();
  EXPECT_EQ(shop.order().component(), "sessions");
  EXPECT_EQ(shop.activity().component(), "pareto");
  EXPECT_EQ(shop.clock().component(), "sessions");
  EXPECT_EQ(shop.choice().component(), "taste");
  EXPECT_EQ(shop.rating().component(), "latent");
}

TEST(Presets, OfTheSeedDifferInTheRatingAlone) {
  v1::RunSpec seed = Read("{preset: seed}");
  v1::RunSpec ranges = Read("{preset: seed-ranges}");
  EXPECT_EQ(seed.dataset().order().component(), "shuffled");
  EXPECT_EQ(seed.dataset().activity().component(), "pareto");
  EXPECT_EQ(seed.dataset().activity().options().at("eras"), "1");
  EXPECT_EQ(seed.dataset().clock().component(), "uniform");
  EXPECT_EQ(seed.dataset().choice().component(), "clustered");
  EXPECT_EQ(seed.dataset().rating().component(), "calibrated");
  EXPECT_EQ(ranges.dataset().rating().component(), "ranges");
  EXPECT_EQ(ranges.dataset().preset(), "seed-ranges");
  for (v1::RunSpec* spec : {&seed, &ranges}) {
    spec->mutable_dataset()->clear_preset();
    spec->mutable_dataset()->clear_rating();
  }
  EXPECT_EQ(seed.DebugString(), ranges.DebugString());
}

}  // namespace
}  // namespace throng
