#include "server/delivery/tally.h"

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/delivery/run_fixture.h"
#include "throng/worker/v1/host_state.pb.h"

namespace throng {
namespace {

constexpr int64_t kRows = 60'000;
constexpr int64_t kUnitRows = 4096;

class TallyTest : public RunTest {
 protected:
  // The table of a run of kRows rows that is only planned.
  const Table& TableOf(const std::string& world) {
    Problems problems;
    planned_ = Make("dataset: {seed: 5, interactions: 60000, world: " + world +
                        "}\noutputs:\n- {format: {component: csv}, sink: {component: 'null'}}\n",
                    &problems);
    EXPECT_NE(planned_, nullptr) << ToString(problems);
    return planned_->outputs()[0]->request().table();
  }

  // Hands over the rows of [from, to), in units of so many.
  static void Deliver(const Table& table, int64_t from, int64_t to, Tally* tally,
                      int64_t unit_rows = kUnitRows) {
    auto rows = TableRows::Create(table, static_cast<size_t>(kUnitRows));
    ASSERT_TRUE(rows.ok()) << rows.status();
    const Slice slice(0, to);
    for (int64_t position = from; position < to;) {
      const Unit unit = *slice.UnitAt(position, unit_rows);
      ASSERT_TRUE((*rows)->Fill(unit.first, unit.rows).ok());
      SeenRows seen;
      seen.Resize(unit.rows);
      seen.Take((*rows)->interactions(), 0, unit.rows);
      ASSERT_TRUE(tally->Add(unit, &seen).ok());
      position = unit.next;
    }
  }

  std::string Finished(Tally* tally) {
    const auto statistics = tally->FinishOutput();
    EXPECT_TRUE(statistics.ok()) << statistics.status();
    return statistics.ok() ? statistics->ShortDebugString() : "";
  }

  // What is stored with the position of a file that is not finished.
  worker::v1::HostState Stored(const fs::path& path) {
    const std::string text = Content(path.string() + ".position");
    const auto position = nlohmann::json::parse(text.substr(0, text.find('\n')));
    worker::v1::HostState state;
    std::string bytes;
    EXPECT_TRUE(absl::Base64Unescape(position["host_state"].get<std::string>(), &bytes));
    EXPECT_TRUE(state.ParseFromString(bytes));
    return state;
  }

  const Slice all_{0, kRows};
  std::unique_ptr<throng::Run> planned_;
};

const std::string kSmall = "{users: 500, items: 1000}";
const std::string kLarge = "{users: 10000, items: 20000}";

TEST_F(TallyTest, RowsOfEarlierProcessesAreCountedWhicheverWay) {
  for (const std::string& world : {kSmall, kLarge}) {
    const Table& table = TableOf(world);
    Tally whole(table, environment_, all_, std::nullopt, 0, {}, 2);
    Deliver(table, 0, kRows, &whole);
    const std::string expected = Finished(&whole);
    for (const int64_t position : {int64_t{1}, 3 * kUnitRows, kRows - 7, kRows}) {
      Tally before(table, environment_, all_, std::nullopt, 0, {}, 1);
      Deliver(table, 0, position, &before);
      const auto counts = before.CountsAt(position);
      EXPECT_EQ(counts.has_value(), world == kSmall) << "only what is small is worth storing";

      Tally recounted(table, environment_, all_, std::nullopt, position, {}, 3);
      Deliver(table, position, kRows, &recounted);
      EXPECT_EQ(Finished(&recounted), expected) << position;
      if (!counts) continue;
      Tally taken_up(table, environment_, all_, std::nullopt, position, *counts, 3);
      EXPECT_TRUE(taken_up.IsOutputCounted());
      Deliver(table, position, kRows, &taken_up);
      EXPECT_EQ(Finished(&taken_up), expected) << position;
      // Those of another row, or of another world, are not taken for these.
      Tally of_others(table, environment_, all_, std::nullopt, position - 1, *counts, 1);
      Deliver(table, position - 1, kRows, &of_others);
      EXPECT_EQ(Finished(&of_others), expected) << position;
    }
  }
}

TEST_F(TallyTest, RowsThatPassTwiceAreCountedOnceAndNotStored) {
  const Table& table = TableOf(kSmall);
  Tally tally(table, environment_, all_, std::nullopt, 0, {}, 2);
  Deliver(table, 0, 3 * kUnitRows, &tally);
  EXPECT_TRUE(tally.CountsAt(3 * kUnitRows).has_value());
  Deliver(table, kUnitRows, 2 * kUnitRows, &tally);  // the sink went back
  EXPECT_EQ(tally.Peek().statistics.total_interactions(), 3 * kUnitRows);
  EXPECT_FALSE(tally.CountsAt(2 * kUnitRows).has_value()) << "later rows are among them";
  Deliver(table, 2 * kUnitRows, 4 * kUnitRows, &tally);
  EXPECT_EQ(tally.Peek().statistics.total_interactions(), 4 * kUnitRows);
  const auto counts = tally.CountsAt(4 * kUnitRows);
  ASSERT_TRUE(counts.has_value());
  EXPECT_EQ(counts->output().rows(), 4 * kUnitRows);
}

TEST_F(TallyTest, RowsThatPassTwiceInOtherUnitsAreCountedOnce) {
  const Table& table = TableOf(kSmall);
  Tally whole(table, environment_, all_, std::nullopt, 0, {}, 2);
  Deliver(table, 0, kRows, &whole);
  Tally tally(table, environment_, all_, std::nullopt, 0, {}, 2);
  Deliver(table, 0, 3000, &tally, 1000);
  Deliver(table, 1000, 3072, &tally, 256);  // of which [2816, 3072) passed in part
  Deliver(table, 2560, kRows, &tally);
  EXPECT_EQ(Finished(&tally), Finished(&whole));
}

TEST_F(TallyTest, APartIsCountedBesideItsOutput) {
  const Table& table = TableOf(kSmall);
  const Slice second = all_.Part(1, 20'000);
  Tally tally(table, environment_, all_, second, 25'000, {}, 2);  // the second, half delivered
  Deliver(table, 25'000, 40'000, &tally);
  Tally alone(table, environment_, second, std::nullopt, 20'000, {}, 1);
  Deliver(table, 20'000, 40'000, &alone);
  const auto part = tally.FinishPart();
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(part->ShortDebugString(), Finished(&alone));

  // Somebody else has begun the third.
  ASSERT_TRUE(tally.BeginPart(41'000).ok());
  Deliver(table, 41'000, kRows, &tally);
  Tally whole(table, environment_, all_, std::nullopt, 0, {}, 1);
  Deliver(table, 0, kRows, &whole);
  EXPECT_EQ(tally.FinishPart()->total_interactions(), 20'000);
  EXPECT_EQ(Finished(&tally), Finished(&whole));  // from when on all rows are counted
  const auto counts = tally.CountsAt(kRows);
  ASSERT_TRUE(counts.has_value());
  EXPECT_EQ(counts->part().rows(), 20'000);
}

TEST_F(TallyTest, CountingEndsWhenTheRunDoes) {
  const Table& table = TableOf(kLarge);
  is_stopping_ = true;
  Tally tally(table, environment_, all_, std::nullopt, kRows, {}, 2);
  EXPECT_TRUE(absl::IsCancelled(tally.FinishOutput().status()));
  is_stopping_ = false;
  const Tally abandoned(table, environment_, all_, std::nullopt, kRows, {}, 2);
}

TEST_F(TallyTest, AnySplitOfARunHasTheStatisticsOfTheWhole) {
  for (const std::string& world : {kSmall, kLarge}) {
    for (const std::string roll : {"", ", roll_rows: 25000"}) {
      const auto spec = [&](const std::string& name, int64_t rate) {
        return absl::StrCat("dataset: {seed: 5, interactions: 60000, world: ", world, "}\n",
                            rate > 0 ? absl::StrCat("pace: {rate: ", rate, "}\n") : "",
                            "outputs:\n- {format: {component: csv}, commit_rows: 1000", roll,
                            ", sink: {component: file, options: {path: '",
                            (folder_ / name / (roll.empty() ? "a" : "{part}")).string(), "'}}}\n");
      };
      const auto whole = Execute(spec("whole", 0));
      for (const int64_t rows : {5'000, 30'000}) ExecuteSome(spec("split", 150'000), rows);
      const fs::path at = folder_ / "split" / (roll.empty() ? "a" : "1");
      const worker::v1::HostState stored = Stored(at);
      EXPECT_EQ(stored.has_counts(), world == kSmall);
      EXPECT_EQ(stored.counts().has_part(), world == kSmall && !roll.empty());
      const auto split = Execute(spec("split", 0));
      ASSERT_EQ(split->outputs()[0]->progress().state, OutputState::kSucceeded)
          << split->outputs()[0]->progress().reason;
      EXPECT_EQ(split->outputs()[0]->statistics()->ShortDebugString(),
                whole->outputs()[0]->statistics()->ShortDebugString());
      for (const std::string name : {"a", "0", "1", "2"}) {
        const std::string manifest = name + ".manifest.json";
        if (!fs::exists(folder_ / "whole" / manifest)) continue;
        const auto of = [&](const std::string& folder) {
          return nlohmann::json::parse(Content(folder_ / folder / manifest));
        };
        EXPECT_EQ(of("split")["statistics"], of("whole")["statistics"]) << name;
      }
      fs::remove_all(folder_ / "whole");
      fs::remove_all(folder_ / "split");
    }
  }
}

}  // namespace
}  // namespace throng
