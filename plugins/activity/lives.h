// Users come and go: from a table of how many rows each user has to one in which each also has a
// time of his own. Any activity with such a table can have it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "plugins/activity/pareto_runs.h"
#include "plugins/activity/stretch_index.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

struct LivesOptions {
  std::optional<int64_t> eras = {};
  double newcomers = 0.3;
  double leavers = 0.2;
  int64_t visit = 8;
};

// For an activity whose options derive from LivesOptions.
template <class Options>
std::vector<OptionOf<Options>> DeclareLivesOptions() {
  return {
      Option<&LivesOptions::eras, Options>(
          "eras",
          "In how many parts of an epoch other users are there; unless given, one for each 256 "
          "interactions, at most 10; 1: everybody is there all the time.")
          .Range(1, 64),
      Option<&LivesOptions::newcomers, Options>(
          "newcomers",
          "Share of the active users who come after an epoch's begin, in twentieths; they and the "
          "leavers change roles in every other epoch, so that who left stays away at first.")
          .Range(0, 1),
      Option<&LivesOptions::leavers, Options>(
          "leavers",
          "Share of the active users who go before an epoch's end, in twentieths; all others are "
          "there from begin to end.")
          .Range(0, 1),
      Option<&LivesOptions::visit, Options>(
          "visit",
          "How many successive interactions an era gets in turn; the more, the fewer eras a user "
          "with few interactions is seen in.")
          .Range(1, 4096)};
}

// Throws Error where the options contradict themselves.
void CheckLives(const LivesOptions& options);

// How many eras an epoch of so many rows has. Throws Error where more are asked for than fit.
int64_t ErasOf(const LivesOptions& options, int64_t rows);

// The construction. An era is a segment of the epoch. Users live in *cohorts*: those who stay,
// those who arrive with era a, those who depart before era d. A cohort of m eras has a line of rows
// of its own, in which each user's rows follow one another; the line is cut into visits of `visit`
// rows, and these are dealt to the m eras in turns. So a user has exactly his rows, an era has
// whole stretches of him, and which row of his lies at a place of the epoch is computed for it
// alone.
//
// Users of equal activity are dealt to cohorts by a balanced word over their ranks, so that a
// cohort has its share of the users and of the rows to one user at every level of activity. Top
// users come in the first half of an epoch or go in the second: who comes late has few rows.
//
// In odd epochs time runs backwards for cohorts: who has left arrives, who has arrived leaves.
class Lives {
 public:
  // `runs` as of PlanPareto, with the last one that ends them; `top_users` of them are the top
  // users (an activity without such takes those with more than twice the mean); at least 2 eras.
  Lives(const LivesOptions& options, int64_t eras, std::span<const UserRun> runs, int64_t top_users,
        uint64_t key);

  // The first row of each era of an epoch.
  std::vector<int64_t> FirstRows(int64_t epoch) const;

  void Fill(const Rows& rows, ActivityRunColumns out);

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(std::span(cohorts_)));
    visit(std::as_bytes(std::span(runs_)));
    visit(std::as_bytes(std::span(letters_)));
  }

 private:
  // Users of one tier with the same eras.
  struct Cohort {
    int64_t first_line_row;  // of its line, as if the lines of all cohorts followed one another
    int64_t first_era;       // in even epochs
    Reciprocal eras;
    int64_t whole_rounds;  // of visits, one to each of its eras
    int64_t more_visits;   // after those
    int64_t missing;       // rows that the last visit is short of
    uint64_t phase_key;    // of which era has the first visit
    // Its users are where the word has its letter. The word begins with the rank first_rank, which
    // is up to a period before the tier's first and may be negative.
    int64_t first_rank;
    int64_t period;
    Reciprocal letters;    // in a period
    int64_t first_letter;  // of these, in letters_
  };
  // Some of a cohort's users, with equally many rows each.
  struct Run {
    int64_t first_member;  // of the cohort
    Reciprocal rows_each;
  };
  // What a cohort has in the current era: the visits first_visit, first_visit + eras, ...
  struct Part {
    uint64_t first_line_row;
    uint64_t first_visit;
    Reciprocal eras;
    size_t cohort;
  };
  // A place of the current era: which row of the part, of the visit and of all lines lies there.
  struct Position {
    int64_t place;
    const Part* part;
    uint64_t part_row;
    uint64_t visit_row;
    uint64_t line_row;
  };
  // Places of the current era of one user in one visit, and what stands at the first of them.
  struct Stretch {
    int64_t first_place;
    int64_t places;
    int64_t user;
    int64_t user_row;
    int64_t user_rows;
    int64_t run_row;
    int64_t run_rows;
    int64_t skipped_rows;  // of the user's, that other eras have before this era's next visit
  };
  struct Tier {
    bool is_top;
    int64_t first_rank;
    int64_t end_rank;
    uint64_t key;
  };

  void AddTier(const Tier& tier, const LivesOptions& options, std::span<const UserRun> runs,
               std::vector<int64_t>* first_line_rows);
  // Which era of the epoch a cohort's first one is.
  int64_t FirstEra(const Cohort& cohort, int64_t epoch) const;
  // Which visit is the first that a cohort has in an era, counted from its first era.
  static int64_t FirstVisit(const Cohort& cohort, int64_t epoch, int64_t era);
  // How many rows all of that era's visits have.
  int64_t RowsOf(const Cohort& cohort, int64_t first_visit) const;
  void EnterEra(int64_t epoch, int64_t era);
  // Three steps from a place of the current era to the stretch that holds it.
  Position PositionOf(int64_t place) const;
  size_t RunOf(const Position& position) const;
  Stretch StretchOf(const Position& position, size_t run) const;
  // The stretch behind one: the same user's next visit of this era, or another user's.
  Stretch Next(const Stretch& stretch) const;

  int64_t eras_;
  Reciprocal visit_;
  int64_t line_rows_ = 0;  // of all cohorts
  std::vector<Cohort> cohorts_;
  std::vector<Run> runs_;
  StretchIndex<12> run_index_;     // of the lines, one after the other
  std::vector<uint16_t> letters_;  // by cohort: the places of its letter in a period

  // Of the era that was filled last.
  int64_t epoch_ = -1;
  int64_t era_ = -1;
  std::vector<Part> parts_;
  StretchIndex<6> part_index_;
};

}  // namespace throng::plugins
