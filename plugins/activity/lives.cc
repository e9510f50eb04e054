#include "plugins/activity/lives.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "throng/kind_word.hpp"

namespace throng::plugins {
namespace {

constexpr int64_t kRowsPerEra = 256;
constexpr int64_t kMostErasUnasked = 10;
constexpr int64_t kMostEras = 64;
constexpr int64_t kTwentieths = 20;

int64_t Twentieths(double share, const char* option) {
  const double twentieths = share * kTwentieths;
  const double nearest = std::round(twentieths);
  if (std::abs(twentieths - nearest) > 1e-9) {
    throw Error(THRONG_INVALID_ARGUMENT,
                std::string(option) + " " + detail::NumberText(share) +
                    " is no twentieth; the nearest is " +
                    detail::NumberText(nearest / kTwentieths) + ".",
                option);
  }
  return std::llround(nearest);
}

// Eras [first, first + count) in which a cohort lives, how many of its tier's users it has in
// proportion, and a number that no other cohort of the tier has, whatever the shares are.
struct Life {
  int64_t first;
  int64_t count;
  int64_t weight;
  uint64_t number;
};

// Of top users or of all others, those without users left out.
std::vector<Life> PlanLives(const LivesOptions& options, int64_t eras, bool is_top) {
  const int64_t newcomers = Twentieths(options.newcomers, "newcomers");
  const int64_t leavers = Twentieths(options.leavers, "leavers");
  const int64_t arrivals = is_top ? eras / 2 : eras - 1;
  std::vector<Life> lives{{0, eras, (kTwentieths - newcomers - leavers) * arrivals, 0}};
  for (int64_t a = 1; a <= arrivals; ++a) {
    lives.push_back({a, eras - a, newcomers, static_cast<uint64_t>(a)});
  }
  for (int64_t a = 1; a <= arrivals; ++a) {
    lives.push_back({0, eras - a, leavers, static_cast<uint64_t>(kMostEras + a)});
  }
  std::erase_if(lives, [](const Life& life) { return life.weight == 0; });
  int64_t divisor = 0;
  for (const Life& life : lives) divisor = std::gcd(divisor, life.weight);
  for (Life& life : lives) life.weight /= divisor;
  return lives;
}

uint64_t Bits(int64_t x) { return static_cast<uint64_t>(x); }

}  // namespace

void CheckLives(const LivesOptions& options) {
  const int64_t sum =
      Twentieths(options.newcomers, "newcomers") + Twentieths(options.leavers, "leavers");
  if (sum <= kTwentieths) return;
  throw Error(THRONG_INVALID_ARGUMENT,
              "newcomers and leavers are different users and sum to " +
                  detail::NumberText(static_cast<double>(sum) / kTwentieths) +
                  "; lower one of them, so that they sum to 1 at most.",
              "newcomers");
}

int64_t ErasOf(const LivesOptions& options, int64_t rows) {
  const int64_t most = std::max<int64_t>(rows / kRowsPerEra, 1);
  if (!options.eras) return std::min(most, kMostErasUnasked);
  if (*options.eras <= most) return *options.eras;
  throw Error(THRONG_INVALID_ARGUMENT,
              "eras " + std::to_string(*options.eras) + " are too many for the " +
                  std::to_string(rows) + " interactions of an epoch, of which an era has " +
                  std::to_string(kRowsPerEra) + " or more; lower it to " + std::to_string(most) +
                  ", or leave it out.",
              "eras");
}

Lives::Lives(const LivesOptions& options, int64_t eras, std::span<const UserRun> runs,
             int64_t top_users, uint64_t key)
    : eras_(eras), visit_(Bits(options.visit)) {
  std::vector<int64_t> first_line_rows;
  AddTier(
      {.is_top = true, .first_rank = 0, .end_rank = top_users, .key = DeriveKey(key, "top_lives")},
      options, runs, &first_line_rows);
  AddTier({.is_top = false,
           .first_rank = top_users,
           .end_rank = runs.back().first_user,
           .key = DeriveKey(key, "lives")},
          options, runs, &first_line_rows);
  run_index_ = StretchIndex<12>(std::move(first_line_rows), line_rows_);
}

void Lives::AddTier(const Tier& tier, const LivesOptions& options, std::span<const UserRun> runs,
                    std::vector<int64_t>* first_line_rows) {
  const std::vector<Life> lives = PlanLives(options, eras_, tier.is_top);
  std::vector<int64_t> weights;
  for (const Life& life : lives) weights.push_back(life.weight);
  const KindWord word(weights);
  const auto period = static_cast<int64_t>(word.period());
  const auto shift = static_cast<int64_t>(MultiplyHigh(tier.key, word.period()));

  std::vector<int64_t> ordinal(word.period());
  std::vector<uint8_t> letter(word.period());
  std::iota(ordinal.begin(), ordinal.end(), int64_t{0});
  word.At(ordinal, letter, ordinal);
  for (size_t c = 0; c < lives.size(); ++c) {
    const int64_t first_line_row = line_rows_;
    const int64_t first_rank = tier.first_rank - shift;  // at the word's begin
    const KindWord::Counter members = word.CounterOf(c);
    int64_t first_member = members.Before(shift);
    for (size_t r = 0; r + 1 < runs.size(); ++r) {
      const int64_t end_rank = std::min(runs[r + 1].first_user, tier.end_rank);
      if (end_rank <= tier.first_rank) continue;
      const int64_t end_member = members.Before(end_rank - first_rank);
      if (end_member == first_member) continue;
      first_line_rows->push_back(line_rows_);
      runs_.push_back({.cohort = static_cast<int64_t>(cohorts_.size()),
                       .first_member = first_member,
                       .rows_each = Reciprocal(Bits(runs[r].rows_each))});
      line_rows_ += (end_member - first_member) * runs[r].rows_each;
      first_member = end_member;
    }
    const int64_t rows = line_rows_ - first_line_row;
    if (rows == 0) continue;  // nobody lives so
    const auto visit_rows = static_cast<int64_t>(visit_.divisor());
    const int64_t visits = (rows + visit_rows - 1) / visit_rows;
    cohorts_.push_back({.first_line_row = first_line_row,
                        .first_era = lives[c].first,
                        .eras = Reciprocal(Bits(lives[c].count)),
                        .whole_rounds = visits / lives[c].count,
                        .more_visits = visits % lives[c].count,
                        .missing = visits * visit_rows - rows,
                        .phase_key = Hash(tier.key, lives[c].number),
                        .first_rank = first_rank,
                        .period = period,
                        .letters = Reciprocal(Bits(lives[c].weight)),
                        .first_letter = static_cast<int64_t>(letters_.size())});
    for (size_t x = 0; x < letter.size(); ++x) {
      if (letter[x] == c) letters_.push_back(static_cast<uint16_t>(x));
    }
  }
}

int64_t Lives::FirstEra(const Cohort& cohort, int64_t epoch) const {
  const auto lived = static_cast<int64_t>(cohort.eras.divisor());
  return epoch % 2 == 0 ? cohort.first_era : eras_ - lived - cohort.first_era;
}

int64_t Lives::FirstVisit(const Cohort& cohort, int64_t epoch, int64_t era) {
  const uint64_t phase = MultiplyHigh(Hash(cohort.phase_key, Bits(epoch)), cohort.eras.divisor());
  const int64_t visit = era - static_cast<int64_t>(phase);
  return visit < 0 ? visit + static_cast<int64_t>(cohort.eras.divisor()) : visit;
}

int64_t Lives::RowsOf(const Cohort& cohort, int64_t first_visit) const {
  const auto eras = static_cast<int64_t>(cohort.eras.divisor());
  const int64_t visits = cohort.whole_rounds + (first_visit < cohort.more_visits ? 1 : 0);
  const int64_t last = (cohort.more_visits > 0 ? cohort.more_visits : eras) - 1;
  return visits * static_cast<int64_t>(visit_.divisor()) -
         (first_visit == last ? cohort.missing : 0);
}

std::vector<int64_t> Lives::FirstRows(int64_t epoch) const {
  std::vector<int64_t> first_rows(static_cast<size_t>(eras_) + 1, 0);
  for (const Cohort& cohort : cohorts_) {
    const int64_t first_era = FirstEra(cohort, epoch);
    for (int64_t i = 0; i < static_cast<int64_t>(cohort.eras.divisor()); ++i) {
      first_rows[static_cast<size_t>(first_era + i + 1)] +=
          RowsOf(cohort, FirstVisit(cohort, epoch, i));
    }
  }
  std::partial_sum(first_rows.begin(), first_rows.end(), first_rows.begin());
  first_rows.pop_back();
  return first_rows;
}

void Lives::EnterEra(int64_t epoch, int64_t era) {
  epoch_ = epoch;
  era_ = era;
  parts_.clear();
  std::vector<int64_t> first_places;
  int64_t place = 0;
  for (const Cohort& cohort : cohorts_) {
    const int64_t era_of_cohort = era - FirstEra(cohort, epoch);
    if (era_of_cohort < 0 || era_of_cohort >= static_cast<int64_t>(cohort.eras.divisor())) continue;
    const int64_t first_visit = FirstVisit(cohort, epoch, era_of_cohort);
    const int64_t rows = RowsOf(cohort, first_visit);
    if (rows == 0) continue;
    first_places.push_back(place);
    parts_.push_back({cohort.first_line_row, Bits(first_visit), cohort.eras});
    place += rows;
  }
  part_index_ = StretchIndex<6>(std::move(first_places), place);
}

Lives::Stretch Lives::StretchAt(int64_t place) const {
  const uint64_t visit_rows = visit_.divisor();
  // Which row of which cohort's line.
  const size_t p = part_index_.Find(place);
  const Part& part = parts_[p];
  const uint64_t part_row = Bits(place - part_index_.FirstRow(p));
  const uint64_t round = visit_.DivideSmall(part_row);
  const uint64_t visit_row = part_row - round * visit_rows;
  const uint64_t line_row =
      (part.first_visit + round * part.eras.divisor()) * visit_rows + visit_row;

  // Whose.
  const int64_t at = part.first_line_row + static_cast<int64_t>(line_row);
  const size_t r = run_index_.Find(at);
  const Run& run = runs_[r];
  const auto [users_before, user_row] =
      run.rows_each.DivideWithRest(Bits(at - run_index_.FirstRow(r)));
  const uint64_t user_rows = run.rows_each.divisor();
  const Cohort& cohort = cohorts_[static_cast<size_t>(run.cohort)];
  const uint64_t member = Bits(run.first_member) + users_before;
  const uint64_t period = cohort.letters.DivideSmall(member);
  const uint64_t letter = member - period * cohort.letters.divisor();

  // How many rows of the part lie before a row of the line.
  const auto part_rows_before = [&](uint64_t row) {
    const uint64_t eras = part.eras.divisor();
    const uint64_t rounds =
        part.eras.DivideSmall(visit_.DivideSmall(row) + (eras - 1 - part.first_visit));
    const uint64_t next_visit = (part.first_visit + rounds * eras) * visit_rows;
    return rounds * visit_rows + (row > next_visit ? row - next_visit : 0);
  };
  const uint64_t first_row = part_rows_before(line_row - user_row);
  const uint64_t end_row = part_rows_before(line_row - user_row + user_rows);

  const uint64_t back = std::min(visit_row, user_row);
  const uint64_t on = std::min(visit_rows - visit_row, user_rows - user_row);
  return {.first_place = place - static_cast<int64_t>(back),
          .places = back + on,
          .user = cohort.first_rank + static_cast<int64_t>(period) * cohort.period +
                  letters_[Bits(cohort.first_letter) + letter],
          .user_row = static_cast<int64_t>(user_row - back),
          .user_rows = static_cast<int64_t>(user_rows),
          .run_row = static_cast<int64_t>(part_row - back - first_row),
          .run_rows = static_cast<int64_t>(end_row - first_row)};
}

void Lives::Fill(const Rows& rows, ActivityRunColumns out) {
  if (rows.epoch != epoch_ || rows.segment != era_) EnterEra(rows.epoch, rows.segment);
  // Places that follow one another are mostly of the same user and visit.
  Stretch stretch;
  for (size_t i = 0; i < rows.size; ++i) {
    const int64_t place = rows.place[i] - rows.segment_first;
    if (Bits(place - stretch.first_place) >= stretch.places) stretch = StretchAt(place);
    const int64_t row = place - stretch.first_place;
    out.user[i] = stretch.user;
    out.user_row[i] = stretch.user_row + row;
    out.user_rows[i] = stretch.user_rows;
    out.run_row[i] = stretch.run_row + row;
    out.run_rows[i] = stretch.run_rows;
  }
}

}  // namespace throng::plugins
