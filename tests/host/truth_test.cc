// What loaded behaviours say of pairs of user and item.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/control/status.h"
#include "server/dataset/world.h"
#include "server/host/behaviours.h"
#include "server/host/catalogue.h"

namespace throng {
namespace {

class TruthTest : public testing::Test {
 protected:
  void SetUp() override {
    Problems problems;
    world_ = World::Create({.users = 10,
                            .items = 6,
                            .active_users = 1,
                            .touched_items = 1,
                            .popular_items = 0.5,
                            .clusters = {{"all", 1, ""}},
                            .categories = {{"all", 1}},
                            .key = 7},
                           &problems);
    ASSERT_TRUE(problems.empty()) << ToString(problems);
    auto catalogue = Catalogue::Load({THRONG_FLAKY_FOLDER});
    ASSERT_TRUE(catalogue.ok()) << MessageOf(catalogue.status());
    catalogue_.emplace(*std::move(catalogue));
  }
  // The default of `niches`' only option.
  std::unique_ptr<PluginBehaviour> Make(Role role, const std::string& name) {
    throng_dataset dataset{};
    dataset.struct_size = sizeof dataset;
    dataset.plan_size = 100;
    dataset.world = world_->abi();
    static const throng_value kValues[1] = {};
    auto made =
        PluginBehaviour::Create(**catalogue_->Find(role, name), Environment(), dataset, kValues);
    EXPECT_TRUE(made.ok()) << MessageOf(made.status());
    return *std::move(made);
  }
  absl::Status Score(PluginBehaviour* behaviour) {
    throng_pairs pairs{};
    pairs.struct_size = sizeof pairs;
    pairs.n = static_cast<uint32_t>(item_.size());
    pairs.row = pairs.user = row_.data();
    pairs.item = item_.data();
    pairs.probability = pairs.kind_share = pairs.stars = stars_.data();
    return behaviour->Score(pairs);
  }

  std::unique_ptr<World> world_;
  std::optional<Catalogue> catalogue_;
  const std::vector<int64_t> row_ = {0, 1, 2};
  const std::vector<int64_t> item_ = {5, 0, 4};
  std::vector<double> stars_ = {0, 0, 0};
};

TEST_F(TruthTest, OfARatingIsWhatItHasLearnt) {
  const auto seldom = Make(Role::kRating, "seldom");
  EXPECT_EQ(MessageOf(Score(seldom.get())), "rating `seldom`: It has learnt nothing.");
  Columns columns(3);
  throng_batch batch = columns.At(0);
  batch.rows = 3;
  ASSERT_TRUE(seldom->Learn(batch).ok());
  ASSERT_TRUE(Score(seldom.get()).ok());
  EXPECT_THAT(stars_, testing::ElementsAre(4, 2, 3));
  columns.rating[0] = -2;
  EXPECT_EQ(MessageOf(seldom->Learn(batch)), "rating `seldom`: It was shown no rating.");
}

TEST_F(TruthTest, ThatNobodyKnowsIsSaidToBeUnknown) {
  const auto niches = Make(Role::kChoice, "niches");
  Columns columns(3);
  throng_batch batch = columns.At(0);
  batch.rows = 3;
  EXPECT_TRUE(niches->Learn(batch).ok());
  const absl::Status status = Score(niches.get());
  EXPECT_TRUE(absl::IsUnimplemented(status));
  EXPECT_EQ(MessageOf(status),
            "choice `niches` does not know the truth about its rows; choose another.");
}

}  // namespace
}  // namespace throng
