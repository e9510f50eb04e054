#include "plugins/choice/preferred_choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "plugins/tastes.h"

namespace throng::plugins {
namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;  // the golden ratio as a fraction of 2^64
constexpr uint64_t kFavourites = 8;               // of a user; the first ones are chosen more often
constexpr uint64_t kOwnCategories = 3;            // of who prefers none; likewise
// How much a user likes the niches, and the five items of one.
constexpr std::array<double, kNiches> kNicheWeights = {0.70, 0.15, 0.08, 0.05, 0.02};
constexpr std::array<double, kNiches> kMemberWeights = {0.30, 0.24, 0.19, 0.15, 0.12};
// A draw of 25, or none: whatever the curve says.
constexpr uint32_t kBroad = kNicheGroup;

int32_t In65536ths(double share) { return static_cast<int32_t>(std::lround(share * 65'536)); }

std::array<int32_t, 4> Limits(const std::array<double, kNiches>& weights) {
  std::array<int32_t, 4> limits{};
  double sum = 0;
  for (size_t i = 0; i < limits.size(); ++i) {
    sum += weights[i];
    limits[i] = In65536ths(sum);
  }
  return limits;
}

// Which of five a 65536th belongs to.
int32_t Which(int32_t x, const std::array<int32_t, 4>& limits) {
  return (x >= limits[0] ? 1 : 0) + (x >= limits[1] ? 1 : 0) + (x >= limits[2] ? 1 : 0) +
         (x >= limits[3] ? 1 : 0);
}

uint64_t MaskIf(bool condition) { return ~uint64_t{0} * static_cast<uint64_t>(condition); }
uint64_t Select(uint64_t mask, uint64_t a, uint64_t b) { return (a & mask) | (b & ~mask); }

struct DrawColumns {
  const int64_t *user, *user_rows, *user_row, *place, *session;
  uint32_t* taste;   // a hash that the category and the niche are drawn with
  uint64_t* x;       // on the curve of popularity
  uint32_t* chance;  // of a broad choice, in 65536ths; 1 for favourites
  uint32_t* draw;    // of a whole group of 25, or kBroad
};

// A favourite has all of its draws for ever, a niche is drawn with the session or with the row.
THRONG_SIMD void DrawRows(const PreferredChoice::DrawKeys& draw_keys,
                          const PreferredChoice::Draws& planned, const Breadth& breadth,
                          const DrawColumns& columns, size_t n) {
  const PreferredChoice::DrawKeys keys = draw_keys;
  const PreferredChoice::Draws draws = planned;
  const Breadth breadth_of = breadth;
  const DrawColumns c = columns;
  // Everything is computed and then selected by masks, so that the loop has no branches.
  for (size_t j = 0; j < n; ++j) {
    const auto place = static_cast<uint64_t>(c.place[j]);
    const auto user = static_cast<uint64_t>(c.user[j]);
    const auto session = static_cast<uint64_t>(c.session[j]);
    const uint32_t first = Hash32(keys.row[0], place);
    const uint32_t second = Hash32(keys.row[1], place);
    const uint64_t if_favourite = MaskIf(static_cast<int32_t>(first >> 16) < draws.favourites);
    const uint64_t if_kept = MaskIf(static_cast<int32_t>(first & 0xffff) < draws.keep);
    const uint32_t low = second & 0xffff;
    const uint64_t favourite = user * kFavourites + ((low * low) >> 29);  // 8 u^2 of u = low / 2^16
    const uint64_t taste_key =
        Select(if_favourite, keys.favourite, Select(if_kept, keys.session, keys.alone));
    const uint32_t taste =
        Hash32(taste_key, Select(if_favourite, favourite, Select(if_kept, session, place)));
    const uint64_t start_key = Select(if_favourite, keys.favourite_start, keys.start);
    const uint32_t start = Hash32(start_key, Select(if_favourite, favourite, user));
    const uint64_t step = static_cast<uint64_t>(c.user_row[j]) & ~if_favourite;
    c.taste[j] = taste;
    c.x[j] = (uint64_t{start} << 32) + step * kGolden;
    c.chance[j] = (second >> 16) | static_cast<uint32_t>(if_favourite & 0x10000);
  }
  for (size_t j = 0; j < n; ++j) {
    const int32_t niche = Which(static_cast<int32_t>(c.taste[j] >> 16), draws.niche_limits);
    const int32_t member = Which(static_cast<int32_t>(c.taste[j] & 0xffff), draws.member_limits);
    const bool is_broad = static_cast<int32_t>(c.chance[j]) < breadth_of(c.user_rows[j]);
    c.draw[j] = static_cast<uint32_t>(is_broad ? int32_t{kBroad} : niche * 5 + member);
  }
}

}  // namespace

PreferredChoice::PreferredChoice(const Dataset& dataset, const Habits& habits,
                                 const Breadth& breadth, Curve tail_curve)
    : world_(dataset.world),
      breadth_(breadth),
      tail_curve_(std::move(tail_curve)),
      draws_({.niche_limits = Limits(kNicheWeights),
              .member_limits = Limits(kMemberWeights),
              .favourites = In65536ths(habits.favourites),
              .keep = In65536ths(habits.keep)}),
      row_key_(DeriveKey(dataset.key, "preferred_row")),
      own_key_(DeriveKey(dataset.world_key, "own_category")) {
  keys_.favourite = DeriveKey(dataset.world_key, "favourite");
  keys_.favourite_start = DeriveKey(dataset.world_key, "favourite_start");
  keys_.start = DeriveKey(dataset.world_key, "preferred_start");
  for (const throng_cluster* cluster : world_.clusters()) preferred_.push_back(cluster->prefers);
  int64_t end = 0;
  for (const throng_category* category : world_.categories()) {
    tail_.push_back(category->tail);
    tail_end_.push_back(end += category->tail);
  }
  PlanMembers(dataset);
}

// The niches of a category are turned by a hash, and those of its users one after the other; so are
// the items of each niche.
void PreferredChoice::PlanMembers(const Dataset& dataset) {
  const uint64_t key = DeriveKey(dataset.world_key, "niche_turns");
  for (uint64_t category = 0; category < tail_.size(); ++category) {
    std::array<uint64_t, kNiches + 1> turns{};
    for (size_t i = 0; i < turns.size(); ++i) turns[i] = Hash(key, category, i) % kNiches;
    for (uint64_t turn = 0; turn < kNicheGroup; ++turn) {
      for (uint64_t draw = 0; draw < kNicheGroup; ++draw) {
        const uint64_t niche = (draw / kNiches + turn + turns[kNiches]) % kNiches;
        const uint64_t member = (draw + turn / kNiches + turns[niche]) % kNiches;
        member_.push_back(static_cast<uint8_t>(niche * kNiches + member));
      }
    }
  }
}

void PreferredChoice::StartEpoch(int64_t epoch) {
  const uint64_t key = Hash(row_key_, static_cast<uint64_t>(epoch));
  keys_.row = {Hash(key, 0), Hash(key, 1)};
  keys_.session = Hash(key, 2);
  keys_.alone = Hash(key, 3);
}

// One of the user's own few categories, found by the sizes of their tails.
int32_t PreferredChoice::OwnCategory(int64_t user, uint32_t taste) const {
  const uint64_t u = Hash32(own_key_, taste) >> 8;
  const uint64_t which = kOwnCategories * u * u >> 48;
  const uint64_t hash = Hash(own_key_, static_cast<uint64_t>(user) * kOwnCategories + which);
  const auto item =
      static_cast<int64_t>(MultiplyHigh(hash, static_cast<uint64_t>(tail_end_.back())));
  return static_cast<int32_t>(std::upper_bound(tail_end_.begin(), tail_end_.end(), item) -
                              tail_end_.begin());
}

void PreferredChoice::Choose(const Rows& rows, std::span<const uint32_t> chosen,
                             std::span<int32_t> category, std::span<int64_t> index) {
  const size_t n = chosen.size();
  for (auto* column : {&user_, &user_rows_, &user_row_, &place_, &session_, &turn_}) {
    column->resize(n);
  }
  cluster_.resize(n);
  taste_.resize(n);
  x_.resize(n);
  chance_.resize(n);
  draw_.resize(n);
  for (size_t j = 0; j < n; ++j) {
    const size_t i = chosen[j];
    user_[j] = rows.user[i];
    user_rows_[j] = rows.user_rows[i];
    user_row_[j] = rows.user_row[i];
    place_[j] = rows.place[i];
    session_[j] = rows.session[i];
  }
  world_.UserCluster(user_, cluster_);
  world_.UserMember(user_, turn_);
  DrawRows(keys_, draws_, breadth_,
           {user_.data(), user_rows_.data(), user_row_.data(), place_.data(), session_.data(),
            taste_.data(), x_.data(), chance_.data(), draw_.data()},
           n);
  for (size_t j = 0; j < n; ++j) {
    const int32_t preferred = preferred_[static_cast<size_t>(cluster_[j])];
    const int32_t of = preferred >= 0 ? preferred : OwnCategory(user_[j], taste_[j]);
    const auto items = static_cast<uint64_t>(tail_[static_cast<size_t>(of)]);
    const uint64_t at = MultiplyHigh(tail_curve_(x_[j]), items);
    const uint64_t group = at / kNicheGroup * kNicheGroup;
    const uint64_t size = std::min<uint64_t>(kNicheGroup, items - group);
    const uint64_t turn = static_cast<uint64_t>(turn_[j]) % kNicheGroup;
    const uint64_t row = static_cast<uint64_t>(of) * kNicheGroup + turn;
    category[j] = of;
    if (draw_[j] == kBroad) {
      index[j] = static_cast<int64_t>(at);
    } else {
      // The last group may be short: its items stand for those of a whole one in order.
      const uint64_t member = member_[row * kNicheGroup + draw_[j]];
      index[j] = static_cast<int64_t>(group + member * size / kNicheGroup);
    }
  }
}

void PreferredChoice::LikedNiche(std::span<const int64_t> user, std::span<int32_t> niche) const {
  std::vector<int64_t> turn(user.size());
  world_.UserCluster(user, niche);
  world_.UserMember(user, turn);
  for (size_t i = 0; i < user.size(); ++i) {
    const int32_t category = preferred_[static_cast<size_t>(niche[i])];
    const auto row = static_cast<size_t>(category * kNicheGroup + turn[i] % kNicheGroup);
    niche[i] = category < 0 ? -1 : static_cast<int32_t>(member_[row * kNicheGroup] / kNiches);
  }
}

}  // namespace throng::plugins
