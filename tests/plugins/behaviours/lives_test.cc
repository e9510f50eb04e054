// Users who come and go: everybody has exactly his rows, in the eras of his life alone.
#include "plugins/activity/lives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <utility>

namespace throng::plugins {
namespace {

using ::testing::ElementsAre;
using ::testing::StrEq;

// A table of users, and how they shall live.
struct World {
  LivesOptions options;
  int64_t eras = 2;
  int64_t top_users = 0;
  uint64_t key = 1;
  std::vector<UserRun> runs;

  int64_t users() const { return runs.back().first_user; }
  int64_t rows() const { return runs.back().first_row; }
  Lives MakeLives() const { return {options, eras, runs, top_users, key}; }
  std::vector<int64_t> UserRows() const {
    std::vector<int64_t> rows;
    for (size_t i = 0; i + 1 < runs.size(); ++i) {
      rows.resize(static_cast<size_t>(runs[i + 1].first_user), runs[i].rows_each);
    }
    return rows;
  }
};

std::ostream& operator<<(std::ostream& out, const World& world) {
  return out << world.users() << " users, " << world.top_users << " top, " << world.rows()
             << " rows, " << world.eras << " eras, newcomers " << world.options.newcomers
             << ", leavers " << world.options.leavers << ", visit " << world.options.visit
             << ", key " << world.key;
}

// Of users with so many rows each, busiest first.
std::vector<UserRun> RunsOf(std::vector<int64_t> user_rows) {
  std::sort(user_rows.begin(), user_rows.end(), std::greater<>());
  std::vector<UserRun> runs;
  UserRun next;
  for (const int64_t rows : user_rows) {
    if (runs.empty() || runs.back().rows_each != rows) {
      runs.push_back({next.first_user, next.first_row, rows});
    }
    ++next.first_user;
    next.first_row += rows;
  }
  runs.push_back(next);
  return runs;
}

struct Columns {
  explicit Columns(size_t rows) {
    for (auto* column : All()) column->resize(rows, -1);
  }
  std::array<std::vector<int64_t>*, 5> All() {
    return {&user, &user_row, &user_rows, &run_row, &run_rows};
  }
  bool operator==(const Columns&) const = default;
  std::vector<int64_t> user, user_row, user_rows, run_row, run_rows;
};

// What stands at these places, which lie in one era.
Columns At(Lives& lives, int64_t epoch, const std::vector<int64_t>& segments, int64_t era,
           std::vector<int64_t> places) {
  Columns columns(places.size());
  throng_batch batch{};
  batch.struct_size = sizeof batch;
  batch.rows = static_cast<uint32_t>(places.size());
  batch.epoch = epoch;
  batch.segment = era;
  batch.segments_count = static_cast<int64_t>(segments.size()) - 1;
  batch.segments = segments.data();
  batch.place = places.data();
  lives.Fill(Rows(batch), ActivityRunColumns{columns.user, columns.user_row, columns.user_rows,
                                             columns.run_row, columns.run_rows});
  return columns;
}

// An epoch by place.
struct Epoch {
  Epoch(const World& world, int64_t number)
      : columns(static_cast<size_t>(world.rows())), era(static_cast<size_t>(world.rows())) {
    Lives lives = world.MakeLives();
    segments = lives.FirstRows(number);
    EXPECT_EQ(segments.size(), static_cast<size_t>(world.eras));
    EXPECT_EQ(segments[0], 0);
    segments.push_back(world.rows());
    EXPECT_TRUE(std::is_sorted(segments.begin(), segments.end()));
    for (int64_t e = 0; e < world.eras; ++e) {
      const auto first = segments[static_cast<size_t>(e)];
      std::vector<int64_t> places(
          static_cast<size_t>(segments[static_cast<size_t>(e) + 1] - first));
      std::iota(places.begin(), places.end(), first);
      std::fill_n(era.begin() + first, places.size(), e);
      Columns part = At(lives, number, segments, e, places);
      const auto all = columns.All();
      const auto parts = part.All();
      for (size_t c = 0; c < all.size(); ++c) {
        std::copy(parts[c]->begin(), parts[c]->end(), all[c]->begin() + first);
      }
    }
  }
  size_t rows() const { return columns.user.size(); }

  std::vector<int64_t> segments;
  Columns columns;
  std::vector<int64_t> era;
};

void ExpectEverybodysRows(const World& world, const Epoch& epoch) {
  const std::vector<int64_t> user_rows = world.UserRows();
  std::vector<int64_t> first(user_rows.size() + 1, 0);
  std::partial_sum(user_rows.begin(), user_rows.end(), first.begin() + 1);
  std::vector<bool> seen(epoch.rows(), false);
  for (size_t place = 0; place < epoch.rows(); ++place) {
    const auto user = static_cast<size_t>(epoch.columns.user[place]);
    ASSERT_LT(user, user_rows.size());
    ASSERT_EQ(epoch.columns.user_rows[place], user_rows[user]);
    ASSERT_GE(epoch.columns.user_row[place], 0);
    ASSERT_LT(epoch.columns.user_row[place], user_rows[user]);
    const auto row = static_cast<size_t>(first[user] + epoch.columns.user_row[place]);
    ASSERT_FALSE(seen[row]) << "user " << user << " twice";
    seen[row] = true;
  }
}

// A user's places of an era follow one another, and so do his rows there; the closed form says what
// the neighbours do.
void ExpectOneRunAnEra(const Epoch& epoch) {
  std::map<std::pair<int64_t, int64_t>, size_t> runs;
  const Columns& c = epoch.columns;
  for (size_t place = 0; place < epoch.rows();) {
    size_t end = place + 1;
    while (end < epoch.rows() && c.user[end] == c.user[place] &&
           epoch.era[end] == epoch.era[place]) {
      ASSERT_GT(c.user_row[end], c.user_row[end - 1]);
      ++end;
    }
    ASSERT_EQ((++runs[{c.user[place], epoch.era[place]}]), 1);
    for (size_t i = place; i < end; ++i) {
      ASSERT_EQ(c.run_row[i], static_cast<int64_t>(i - place));
      ASSERT_EQ(c.run_rows[i], static_cast<int64_t>(end - place));
    }
    place = end;
  }
}

// Any places of an era in any order and batches, by an instance that was elsewhere before.
void ExpectTheSameInAnyOrder(const World& world, const Epoch& epoch, int64_t number,
                             std::mt19937_64& random) {
  Lives lives = world.MakeLives();
  for (int batch = 0; batch < 40; ++batch) {
    const auto era = static_cast<int64_t>(random() % static_cast<uint64_t>(world.eras));
    const int64_t first = epoch.segments[static_cast<size_t>(era)];
    const int64_t size = epoch.segments[static_cast<size_t>(era) + 1] - first;
    if (size == 0) continue;
    const size_t rows = 1 + random() % (batch % 8 == 0 ? 400 : 20);
    std::vector<int64_t> places;
    while (places.size() < rows) {
      auto place = first + static_cast<int64_t>(random() % static_cast<uint64_t>(size));
      for (uint64_t left = random() % 9 + 1; left > 0 && place < first + size; --left) {
        places.push_back(place++);
      }
    }
    const Columns columns = At(lives, number, epoch.segments, era, places);
    for (size_t i = 0; i < places.size(); ++i) {
      const auto place = static_cast<size_t>(places[i]);
      ASSERT_EQ(columns.user[i], epoch.columns.user[place]);
      ASSERT_EQ(columns.user_row[i], epoch.columns.user_row[place]);
      ASSERT_EQ(columns.user_rows[i], epoch.columns.user_rows[place]);
      ASSERT_EQ(columns.run_row[i], epoch.columns.run_row[place]);
      ASSERT_EQ(columns.run_rows[i], epoch.columns.run_rows[place]);
    }
  }
}

// The first and the last era in which each user is seen.
std::vector<std::pair<int64_t, int64_t>> ErasSeen(const World& world, const Epoch& epoch) {
  std::vector<std::pair<int64_t, int64_t>> seen(static_cast<size_t>(world.users()),
                                                {world.eras, -1});
  for (size_t place = 0; place < epoch.rows(); ++place) {
    auto& [first, last] = seen[static_cast<size_t>(epoch.columns.user[place])];
    first = std::min(first, epoch.era[place]);
    last = std::max(last, epoch.era[place]);
  }
  return seen;
}

// The same people, each with so many rows that he is seen in every era of his life.
World BusyWorld(World world) {
  const int64_t least = world.options.visit * world.eras;
  std::vector<int64_t> rows(static_cast<size_t>(world.users()));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = least + static_cast<int64_t>(i * 7 % 5);
  world.runs = RunsOf(rows);
  return world;
}

// How many users of the tier live in eras [first, last], by the options.
double Share(const World& world, bool is_top, int64_t first, int64_t last) {
  const int64_t arrivals = is_top ? world.eras / 2 : world.eras - 1;
  const bool arrives = first > 0;
  const bool departs = last < world.eras - 1;
  if (arrives && departs) return 0;
  if (arrives && first <= arrivals) {
    return world.options.newcomers / static_cast<double>(arrivals);
  }
  if (departs && world.eras - 1 - last <= arrivals) {
    return world.options.leavers / static_cast<double>(arrivals);
  }
  if (arrives || departs) return 0;
  return 1 - world.options.newcomers - world.options.leavers;
}

// Each cohort has its share of the users of its tier to one user, and of any of them at the tier's
// front to two.
void ExpectCohorts(const World& world, const std::vector<std::pair<int64_t, int64_t>>& lives) {
  for (const bool is_top : {true, false}) {
    const int64_t first_rank = is_top ? 0 : world.top_users;
    const int64_t end_rank = is_top ? world.top_users : world.users();
    std::map<std::pair<int64_t, int64_t>, int64_t> users;
    for (int64_t first = 0; first < world.eras; ++first) users[{first, world.eras - 1}] = 0;
    for (int64_t last = 0; last < world.eras; ++last) users[{0, last}] = 0;
    for (int64_t rank = first_rank; rank < end_rank; ++rank) {
      ++users[lives[static_cast<size_t>(rank)]];
      for (const auto& [life, count] : users) {
        const double expected = Share(world, is_top, life.first, life.second) *
                                static_cast<double>(rank + 1 - first_rank);
        ASSERT_LT(std::abs(static_cast<double>(count) - expected), expected == 0 ? 1e-9 : 2)
            << "eras " << life.first << " to " << life.second;
      }
    }
  }
}

World RandomWorld(std::mt19937_64& random) {
  const auto below = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  World world;
  world.key = random();
  world.eras = below(4) == 0 ? 2 + below(63) : 2 + below(14);
  world.options.visit = std::array{1, 2, 3, 7, 8, 16, 40}[static_cast<size_t>(below(7))];
  const int64_t newcomers = below(21);
  const int64_t leavers = below(21 - newcomers);
  world.options.newcomers = static_cast<double>(newcomers) / 20;
  world.options.leavers = static_cast<double>(leavers) / 20;
  const int64_t users = 1 + below(below(2) == 0 ? 8 : 300);
  world.top_users = below(users + 1);
  const int64_t most = 1 + below(below(2) == 0 ? 5 : 200);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < users; ++i) rows.push_back(1 + below(most));
  world.runs = RunsOf(rows);
  return world;
}

World ParetoWorld(int64_t rows, int64_t users) {
  World world;
  world.top_users = std::max<int64_t>(1, std::llround(0.2 * static_cast<double>(users)));
  world.eras = std::max<int64_t>(2, ErasOf(world.options, rows));
  world.runs = PlanPareto({.rows = rows,
                           .users = users,
                           .top_users = world.top_users,
                           .top_share = 0.8,
                           .min_per_user = 1,
                           .cap = {}});
  return world;
}

void ExpectLives(const World& world, int64_t epochs, std::mt19937_64& random) {
  SCOPED_TRACE(::testing::Message() << world);
  const World busy = BusyWorld(world);
  const auto lives = ErasSeen(busy, Epoch(busy, 0));
  ExpectCohorts(world, lives);
  for (int64_t number = 0; number < epochs; ++number) {
    SCOPED_TRACE(::testing::Message() << "epoch " << number);
    const Epoch epoch(world, number);
    ExpectEverybodysRows(world, epoch);
    ExpectOneRunAnEra(epoch);
    ExpectTheSameInAnyOrder(world, epoch, number, random);
    const auto seen = ErasSeen(world, epoch);
    for (size_t user = 0; user < seen.size(); ++user) {
      const bool is_mirrored = number % 2 == 1;
      const auto [first, last] = lives[user];
      ASSERT_GE(seen[user].first, is_mirrored ? world.eras - 1 - last : first);
      ASSERT_LE(seen[user].second, is_mirrored ? world.eras - 1 - first : last);
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Lives, HoldForTheUsersOfPareto) {
  std::mt19937_64 random(1);
  for (const auto& [rows, users] : std::vector<std::pair<int64_t, int64_t>>{{40, 6},
                                                                            {100, 16},
                                                                            {511, 40},
                                                                            {512, 40},
                                                                            {513, 40},
                                                                            {1'000, 16},
                                                                            {5'000, 80},
                                                                            {50'000, 400},
                                                                            {100'000, 754}}) {
    ExpectLives(ParetoWorld(rows, users), 4, random);
  }
}

TEST(Lives, HoldForAnyUsersAndOptions) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 400 && !HasFailure(); ++i) ExpectLives(RandomWorld(random), 4, random);
}

TEST(Lives, AreHalfAnEpochOrMoreForTopUsers) {
  World world = BusyWorld(ParetoWorld(50'000, 400));
  for (const int64_t eras : {2, 3, 10, 11}) {
    world.eras = eras;
    world = BusyWorld(world);
    const auto lives = ErasSeen(world, Epoch(world, 0));
    for (size_t user = 0; user < 80; ++user) {
      EXPECT_GE(2 * (lives[user].second - lives[user].first + 1), eras);
    }
    EXPECT_GT(std::count_if(lives.begin() + 80, lives.end(),
                            [&](auto life) { return life.first == eras - 1; }),
              0);
  }
}

// Whoever left before the end of an epoch is not back with the next one, and whoever was there at
// the end is.
TEST(Lives, GoOnFromEpochToEpoch) {
  const World world = BusyWorld(ParetoWorld(50'000, 400));
  auto before = ErasSeen(world, Epoch(world, 0));
  for (int64_t number = 1; number < 4; ++number) {
    const auto after = ErasSeen(world, Epoch(world, number));
    for (size_t user = 0; user < before.size(); ++user) {
      EXPECT_EQ(after[user].first, world.eras - 1 - before[user].second);
    }
    before = after;
  }
}

// The eras of a life have visits in turns: each about as many rows.
TEST(Lives, AreEven) {
  for (const int64_t visit : {1, 8, 40}) {
    World world = ParetoWorld(50'000, 400);
    world.options.visit = visit;
    const Epoch epoch(world, 0);
    const auto lives = ErasSeen(BusyWorld(world), Epoch(BusyWorld(world), 0));
    std::map<std::pair<int64_t, int64_t>, int64_t> rows;
    for (size_t i = 0; i < epoch.rows(); ++i) ++rows[{epoch.columns.user[i], epoch.era[i]}];
    for (int64_t user = 0; user < world.users(); ++user) {
      const auto [first, last] = lives[static_cast<size_t>(user)];
      const double even = static_cast<double>(world.UserRows()[static_cast<size_t>(user)]) /
                          static_cast<double>(last - first + 1);
      for (int64_t era = first; era <= last; ++era) {
        ASSERT_LT(std::abs(static_cast<double>(rows[{user, era}]) - even),
                  static_cast<double>(2 * visit));
      }
    }
  }
}

// Which era has a cohort's first visit is a matter of the epoch.
TEST(Lives, DifferFromEpochToEpochAndByKey) {
  World world = ParetoWorld(5'000, 80);
  const Epoch epoch(world, 0);
  EXPECT_EQ(epoch.columns, Epoch(world, 0).columns);
  EXPECT_NE(epoch.columns, Epoch(world, 2).columns);
  EXPECT_NE(Epoch(world, 1).columns, Epoch(world, 3).columns);
  world.key = 2;
  EXPECT_NE(epoch.columns, Epoch(world, 0).columns);
}

// An era in which nobody lives keeps its place.
TEST(Lives, MayLeaveErasEmpty) {
  std::mt19937_64 random(3);
  World world = ParetoWorld(1'000, 16);
  world.eras = 3;
  world.options = {.eras = {}, .newcomers = 1, .leavers = 0, .visit = 8};
  Lives lives = world.MakeLives();
  EXPECT_EQ(lives.FirstRows(0)[1], 0);
  EXPECT_EQ(lives.FirstRows(1)[2], 1'000);
  ExpectLives(world, 2, random);
}

TEST(Lives, OfManyUsersAreAsExact) {
  const World world = ParetoWorld(100'000'000'000, 1'000'000'000);
  Lives lives = world.MakeLives();
  for (const int64_t number : {int64_t{0}, int64_t{1}, int64_t{1} << 40}) {
    std::vector<int64_t> segments = lives.FirstRows(number);
    segments.push_back(world.rows());
    for (int64_t era = 0; era < world.eras; ++era) {
      const int64_t end = segments[static_cast<size_t>(era) + 1];
      std::vector<int64_t> places(4096);
      std::iota(places.begin(), places.end(), end - 4096);
      const Columns c = At(lives, number, segments, era, places);
      EXPECT_EQ(c.run_row.back(), c.run_rows.back() - 1);
      for (size_t i = 0; i < places.size(); ++i) {
        const auto run =
            std::upper_bound(world.runs.begin(), world.runs.end(), c.user[i],
                             [](int64_t user, const UserRun& r) { return user < r.first_user; });
        ASSERT_EQ(c.user_rows[i], (run - 1)->rows_each);
        if (i == 0) continue;
        if (c.user[i] == c.user[i - 1]) {
          ASSERT_EQ(c.run_row[i], c.run_row[i - 1] + 1);
          ASSERT_GT(c.user_row[i], c.user_row[i - 1]);
        } else {
          ASSERT_EQ(c.run_row[i], 0);
          ASSERT_EQ(c.run_row[i - 1], c.run_rows[i - 1] - 1);
        }
      }
    }
  }
}

// ---- Options --------------------------------------------------------------------------------

TEST(ErasOf, AreOneFor256RowsUpToTen) {
  std::vector<int64_t> eras;
  for (const int64_t rows : {1, 255, 511, 512, 767, 768, 2'559, 2'560, 50'000}) {
    eras.push_back(ErasOf({}, rows));
  }
  EXPECT_THAT(eras, ElementsAre(1, 1, 1, 2, 2, 3, 9, 10, 10));
  EXPECT_EQ(ErasOf({.eras = 1}, 1), 1);
  EXPECT_EQ(ErasOf({.eras = 64}, 16'384), 64);
}

std::string Refusal(const LivesOptions& options, int64_t rows) {
  try {
    CheckLives(options);
    ErasOf(options, rows);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), THRONG_INVALID_ARGUMENT);
    return error.option() + ": " + error.what();
  }
  return "";
}

TEST(LivesOptions, AreRefusedWithWhatFits) {
  EXPECT_EQ(Refusal({}, 1), "");
  EXPECT_EQ(Refusal({.newcomers = 0.95, .leavers = 0.05}, 1), "");
  EXPECT_THAT(Refusal({.eras = 20}, 5'000),
              StrEq("eras: eras 20 are too many for the 5000 interactions of an epoch, of which an "
                    "era has 256 or more; lower it to 19, or leave it out."));
  EXPECT_THAT(Refusal({.eras = 2}, 511),
              StrEq("eras: eras 2 are too many for the 511 interactions of an epoch, of which an "
                    "era has 256 or more; lower it to 1, or leave it out."));
  EXPECT_THAT(Refusal({.newcomers = 0.33}, 5'000),
              StrEq("newcomers: newcomers 0.33 is no twentieth; the nearest is 0.35."));
  EXPECT_THAT(Refusal({.leavers = 0.01}, 5'000),
              StrEq("leavers: leavers 0.01 is no twentieth; the nearest is 0."));
  EXPECT_THAT(Refusal({.newcomers = 0.5, .leavers = 0.55}, 5'000),
              StrEq("newcomers: newcomers and leavers are different users and sum to 1.05; lower "
                    "one of them, so that they sum to 1 at most."));
}

}  // namespace
}  // namespace throng::plugins
