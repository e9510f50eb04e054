#include "plugins/activity/lives.h"

#include <algorithm>
#include <array>
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
int64_t Signed(uint64_t x) { return static_cast<int64_t>(x); }

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
  std::vector<int64_t> weights(lives.size());
  std::transform(lives.begin(), lives.end(), weights.begin(),
                 [](const Life& life) { return life.weight; });
  const KindWord word(weights);
  const int64_t period = Signed(word.period());
  const int64_t shift = Signed(MultiplyHigh(tier.key, word.period()));

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
      runs_.push_back({first_member, Reciprocal(Bits(runs[r].rows_each))});
      line_rows_ += (end_member - first_member) * runs[r].rows_each;
      first_member = end_member;
    }
    const int64_t rows = line_rows_ - first_line_row;
    if (rows == 0) continue;  // nobody lives so
    const int64_t visit_rows = Signed(visit_.divisor());
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
  const int64_t lived = Signed(cohort.eras.divisor());
  return epoch % 2 == 0 ? cohort.first_era : eras_ - lived - cohort.first_era;
}

int64_t Lives::FirstVisit(const Cohort& cohort, int64_t epoch, int64_t era) {
  const uint64_t phase = MultiplyHigh(Hash(cohort.phase_key, Bits(epoch)), cohort.eras.divisor());
  const int64_t visit = era - Signed(phase);
  return visit < 0 ? visit + Signed(cohort.eras.divisor()) : visit;
}

int64_t Lives::RowsOf(const Cohort& cohort, int64_t first_visit) const {
  const int64_t eras = Signed(cohort.eras.divisor());
  const int64_t visits = cohort.whole_rounds + (first_visit < cohort.more_visits ? 1 : 0);
  const int64_t last = (cohort.more_visits > 0 ? cohort.more_visits : eras) - 1;
  return visits * Signed(visit_.divisor()) - (first_visit == last ? cohort.missing : 0);
}

std::vector<int64_t> Lives::FirstRows(int64_t epoch) const {
  std::vector<int64_t> first_rows(static_cast<size_t>(eras_) + 1, 0);
  for (const Cohort& cohort : cohorts_) {
    const int64_t first_era = FirstEra(cohort, epoch);
    for (int64_t i = 0; i < Signed(cohort.eras.divisor()); ++i) {
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
  for (size_t c = 0; c < cohorts_.size(); ++c) {
    const Cohort& cohort = cohorts_[c];
    const int64_t era_of_cohort = era - FirstEra(cohort, epoch);
    if (era_of_cohort < 0 || era_of_cohort >= Signed(cohort.eras.divisor())) continue;
    const int64_t first_visit = FirstVisit(cohort, epoch, era_of_cohort);
    const int64_t rows = RowsOf(cohort, first_visit);
    if (rows == 0) continue;
    first_places.push_back(place);
    parts_.push_back({Bits(cohort.first_line_row), Bits(first_visit), cohort.eras, c});
    place += rows;
  }
  part_index_ = StretchIndex<6>(std::move(first_places), place);
}

inline Lives::Position Lives::PositionOf(int64_t place) const {
  const size_t p = part_index_.Find(place);
  const Part& part = parts_[p];
  const uint64_t part_row = Bits(place - part_index_.FirstRow(p));
  const uint64_t round = visit_.DivideSmall(part_row);
  const uint64_t visit_row = part_row - round * visit_.divisor();
  const uint64_t visit = part.first_visit + round * part.eras.divisor();
  return {.place = place,
          .part = &part,
          .part_row = part_row,
          .visit_row = visit_row,
          .line_row = part.first_line_row + visit * visit_.divisor() + visit_row};
}

inline size_t Lives::RunOf(const Position& position) const {
  return run_index_.Find(Signed(position.line_row));
}

inline Lives::Stretch Lives::StretchOf(const Position& position, size_t r) const {
  const Run& run = runs_[r];
  const auto [users_before, user_row] =
      run.rows_each.DivideWithRest(position.line_row - Bits(run_index_.FirstRow(r)));
  const uint64_t user_rows = run.rows_each.divisor();
  const Part& part = *position.part;
  const Cohort& cohort = cohorts_[part.cohort];
  const uint64_t member = Bits(run.first_member) + users_before;
  const uint64_t period = cohort.letters.DivideSmall(member);
  const uint64_t letter = member - period * cohort.letters.divisor();

  // How many rows of the part lie before a row of the cohort's line.
  const uint64_t eras = part.eras.divisor();
  const uint64_t visit_rows = visit_.divisor();
  const auto part_rows_before = [&](uint64_t row) {
    const uint64_t rounds =
        part.eras.DivideSmall(visit_.DivideSmall(row) + (eras - 1 - part.first_visit));
    const uint64_t next_visit = (part.first_visit + rounds * eras) * visit_rows;
    return rounds * visit_rows + (row > next_visit ? row - next_visit : 0);
  };
  const uint64_t user_first = position.line_row - part.first_line_row - user_row;
  const uint64_t first_row = part_rows_before(user_first);
  const uint64_t end_row = part_rows_before(user_first + user_rows);

  const uint64_t back = std::min(position.visit_row, user_row);
  const uint64_t on = std::min(visit_rows - position.visit_row, user_rows - user_row);
  return {.first_place = position.place - Signed(back),
          .places = Signed(back + on),
          .user = cohort.first_rank + Signed(period) * cohort.period +
                  letters_[Bits(cohort.first_letter) + letter],
          .user_row = Signed(user_row - back),
          .user_rows = Signed(user_rows),
          .run_row = Signed(position.part_row - back - first_row),
          .run_rows = Signed(end_row - first_row),
          .skipped_rows = Signed((eras - 1) * visit_rows)};
}

inline Lives::Stretch Lives::Next(const Stretch& stretch) const {
  const int64_t place = stretch.first_place + stretch.places;
  if (stretch.run_row + stretch.places == stretch.run_rows) {
    const Position position = PositionOf(place);
    return StretchOf(position, RunOf(position));
  }
  Stretch next = stretch;
  next.first_place = place;
  next.user_row += stretch.places + stretch.skipped_rows;
  next.run_row += stretch.places;
  next.places = std::min(Signed(visit_.divisor()), next.user_rows - next.user_row);
  return next;
}

// Places that follow one another are a piece. Where pieces begin is computed step by step for many
// of them at a time, so that they need not wait for each other; each goes on from there.
void Lives::Fill(const Rows& rows, ActivityRunColumns out) {
  if (rows.epoch != epoch_ || rows.segment != era_) EnterEra(rows.epoch, rows.segment);
  constexpr size_t kRowsAtOnce = 128;
  std::array<size_t, kRowsAtOnce + 1> begins;
  std::array<Position, kRowsAtOnce> positions;
  std::array<size_t, kRowsAtOnce> runs;
  std::array<Stretch, kRowsAtOnce> stretches;
  for (size_t first = 0; first < rows.size; first += kRowsAtOnce) {
    const size_t end = std::min(rows.size, first + kRowsAtOnce);
    size_t pieces = 0;
    for (size_t i = first; i < end; ++i) {
      begins[pieces] = i;
      pieces += static_cast<size_t>(i == first || rows.place[i] != rows.place[i - 1] + 1);
    }
    begins[pieces] = end;
    for (size_t p = 0; p < pieces; ++p) {
      positions[p] = PositionOf(rows.place[begins[p]] - rows.segment_first);
    }
    for (size_t p = 0; p < pieces; ++p) runs[p] = RunOf(positions[p]);
    for (size_t p = 0; p < pieces; ++p) stretches[p] = StretchOf(positions[p], runs[p]);
    for (size_t p = 0; p < pieces; ++p) {
      Stretch stretch = stretches[p];
      int64_t row = positions[p].place - stretch.first_place;
      for (size_t i = begins[p]; i < begins[p + 1]; ++i, ++row) {
        if (row == stretch.places) {
          stretch = Next(stretch);
          row = 0;
        }
        out.user[i] = stretch.user;
        out.user_row[i] = stretch.user_row + row;
        out.user_rows[i] = stretch.user_rows;
        out.run_row[i] = stretch.run_row + row;
        out.run_rows[i] = stretch.run_rows;
      }
    }
  }
}

}  // namespace throng::plugins
