#include "server/inspection/promises.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "proto/option_text.h"
#include "server/inspection/figures.h"
#include "server/inspection/promised_ratings.h"

namespace throng {
namespace {

constexpr int64_t kLeastRowsForLife = 20'000;  // below, nothing is promised of life
constexpr double kLeastSessionRows = 2;
constexpr double kLeastPeak = 1.4;  // the busiest hour of the day against the mean

std::string OptionOf(const v1::Component& component, const std::string& name) {
  const auto found = component.options().find(name);
  return found == component.options().end() ? "" : found->second;
}

double NumberIn(std::string_view text, double otherwise) {
  double number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

class Promises {
 public:
  Promises(const Evidence& evidence, Checks* checks)
      : e_(evidence),
        s_(evidence.statistics),
        plan_(*evidence.plan),
        world_(plan_.world()),
        epochs_(s_.total_interactions() / std::max<int64_t>(1, plan_.spec().plan_size())),
        checks_(*checks) {}

  void CheckAll() {
    CheckWorld();
    if (plan_.spec().order().component() == "independent") {
      return checks_.Skip("promise.whole", "Shares and counts of the spec",
                          "Rows are drawn independently of one another; no count is promised.");
    }
    if (!e_.is_whole) {
      return checks_.Skip(
          "promise.whole", "Shares and counts of the spec",
          fmt::format("They hold over a whole dataset of epochs of {} rows; these are {} of {} "
                      "rows.",
                      plan_.spec().plan_size(), s_.total_interactions(),
                      plan_.spec().has_interactions()
                          ? fmt::format("{}", plan_.spec().interactions())
                          : "endlessly many"));
    }
    CheckActiveUsers();
    CheckTouchedItems();
    CheckTopUsers();
    CheckRowsPerUser();
    CheckTimes();
    CheckHistogram();
    CheckKinds();
    CheckRatingsOfKinds();
    CheckPopular();
    CheckGroups();
    CheckLife();
  }

 private:
  // Rows that a promise may miss: it is rounded in every epoch.
  bool IsNear(int64_t rows, double promised) const {
    return std::abs(static_cast<double>(rows) - promised) < static_cast<double>(epochs_) + 1e-6;
  }
  bool HasComponent(const v1::Component& component, std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), component.component()) != names.end();
  }

  void CheckWorld() {
    if (e_.counts == nullptr) return;
    const int64_t users = Foreign(e_.counts->user_ids(), plan_.user_ids(), world_.users);
    const int64_t items = Foreign(e_.counts->item_ids(), plan_.item_ids(), world_.items);
    checks_.Add("promise.world", "Ids are of the spec's world", users + items == 0,
                fmt::format("{} foreign users, {} foreign items", users, items), "none",
                users + items == 0 ? "All users and items are those of the spec."
                                   : "The data were not made from this spec, or something was "
                                     "put in between.");
  }

  static int64_t Foreign(const Ids& ids, const IdText& text, int64_t size) {
    int64_t foreign = 0;
    for (uint32_t i = 0; i < ids.size(); ++i) {
      const int64_t number = ids.NumberOf(i) - text.first();
      foreign += number < 0 || number >= size ? 1 : 0;
    }
    return foreign;
  }

  void CheckActiveUsers() {
    if (!HasComponent(plan_.spec().activity(), {"pareto"})) return;
    AddExact("promise.active_users", "Active users", s_.unique_active_users(), world_.active_users,
             "users");
  }

  void CheckTouchedItems() {
    if (!HasComponent(plan_.spec().choice(), {"clustered", "taste"})) return;
    const char* id = "promise.touched_items";
    const char* title = "Items with interactions";
    const bool need_not = std::any_of(plan_.warnings().begin(), plan_.warnings().end(),
                                      [](const std::string& warning) {
                                        return warning.find("need not appear") != std::string::npos;
                                      });
    if (need_not) {
      return checks_.Skip(id, title,
                          "There are too few rows for every item to appear, as the plan "
                          "warns.");
    }
    AddExact(id, title, s_.unique_items(), world_.touched_items, "items");
  }

  void AddExact(const std::string& id, const std::string& title, int64_t found, int64_t promised,
                const std::string& what) {
    checks_.Add(id, title, found == promised, fmt::format("{} {}", found, what),
                fmt::format("{} {}", promised, what),
                found == promised ? "Exactly as the spec says."
                                  : "Not what the spec says; `throngctl verify` finds the rows.");
  }

  void CheckTopUsers() {
    const v1::Component& activity = plan_.spec().activity();
    if (e_.counts == nullptr || !HasComponent(activity, {"pareto"})) return;
    const double fraction = NumberIn(OptionOf(activity, "top_fraction"), 0.2);
    const double share = NumberIn(OptionOf(activity, "top_share"), 0.8);
    const int64_t base =
        OptionOf(activity, "base") == "registered" ? world_.users : world_.active_users;
    const int64_t top = std::llround(fraction * static_cast<double>(base));
    const int64_t rows = RowsOfBusiest(*e_.counts, top);
    const double promised = share * static_cast<double>(s_.total_interactions());
    const bool holds = IsNear(rows, promised);
    checks_.Add("promise.top_users",
                fmt::format("The busiest {} of users make {} of the rows", Percent(fraction),
                            Percent(share)),
                holds,
                fmt::format("{} users have {} rows ({})", top, rows,
                            Percent(static_cast<double>(rows) /
                                    static_cast<double>(s_.total_interactions()))),
                fmt::format("{:.0f} rows", promised),
                holds ? "Exact to one row an epoch." : "The rows are spread otherwise.");
  }

  void CheckRowsPerUser() {
    const v1::Component& activity = plan_.spec().activity();
    if (!HasComponent(activity, {"pareto"})) return;
    const auto epochs = static_cast<double>(epochs_);
    const double least = epochs * NumberIn(OptionOf(activity, "min_per_user"), 1);
    const std::string cap = OptionOf(activity, "cap");
    const double most =
        cap.empty() ? static_cast<double>(s_.total_interactions()) : epochs * NumberIn(cap, 0);
    const auto found_least = static_cast<double>(s_.min_interactions_per_user());
    const auto found_most = static_cast<double>(s_.max_interactions_per_user());
    const bool holds = least <= found_least && found_most <= most;
    checks_.Add("promise.rows_per_user", "Rows of an active user", holds,
                fmt::format("{:.0f} to {:.0f} rows", found_least, found_most),
                cap.empty() ? fmt::format("at least {:.0f}", least)
                            : fmt::format("{:.0f} to {:.0f} rows", least, most),
                holds ? "Nobody has fewer or more than the spec allows."
                      : "Somebody has fewer or more than the spec allows.");
  }

  void CheckTimes() {
    const v1::Component& clock = plan_.spec().clock();
    if (!s_.has_first_timestamp() || !HasComponent(clock, {"uniform", "diurnal", "sessions"}))
      return;
    const auto start = ParseTimestamp(OptionOf(clock, "start"), 0);
    const auto window = ParseDuration(OptionOf(clock, "window"));
    if (!start || !window) return;
    const auto ms = [](const google::protobuf::Timestamp& time) {
      return time.seconds() * 1000 + time.nanos() / 1'000'000;
    };
    const int64_t first = ms(s_.first_timestamp());
    const int64_t last = ms(s_.last_timestamp());
    const int64_t length = epochs_ * *window;
    // Some forms have whole seconds only.
    const bool holds = start->ms - 999 <= first && last < start->ms + length;
    checks_.Add("promise.times", "Times lie in the window", holds,
                fmt::format("{} to {}", TimestampText(first), TimestampText(last)),
                fmt::format("{} and {} from there", TimestampText(start->ms), DurationText(length)),
                holds ? "No event lies before its window or after it."
                      : "Times were moved, as by another time zone.");
  }

  void CheckHistogram() {
    const char* id = "promise.ratings";
    const char* title = "Ratings keep to their histogram";
    const std::vector<v1::PromisedRating> promised = PromisedRatings(plan_.spec().rating());
    if (promised.empty()) {
      return checks_.Skip(id, title,
                          fmt::format("The rating `{}` promises none that is known here.",
                                      plan_.spec().rating().component()));
    }
    int64_t known_rows = 0;
    double most = -1;
    double worst = 0;
    for (const v1::PromisedRating& rating : promised) {
      int64_t rows = 0;
      for (const v1::RatingShare& line : s_.rating_distribution()) {
        if (std::abs(line.rating() - rating.rating()) < 1e-9) rows = line.interactions();
      }
      known_rows += rows;
      const double off = std::abs(static_cast<double>(rows) -
                                  rating.share() * static_cast<double>(s_.total_interactions()));
      if (off > most) worst = rating.rating();
      most = std::max(most, off);
    }
    const int64_t others = s_.total_interactions() - known_rows;
    const bool holds = others == 0 && most < static_cast<double>(epochs_) + 1e-6;
    checks_.Add(id, title, holds,
                fmt::format("at most {:.0f} rows off, at {:.1f} stars; {} rows with other ratings",
                            most, worst, others),
                "at most 1 row off an epoch",
                holds ? "Each rating has its share." : "Ratings were changed, lost or added.");
  }

  void CheckKinds() {
    if (plan_.kinds().size() < 2 || e_.figures == nullptr) return;
    const char* id = "promise.kinds";
    const char* title = "Reasons for choices";
    std::string promised;
    for (const KindRows& kind : plan_.kinds()) {
      promised +=
          fmt::format("{}{} {}", promised.empty() ? "" : ", ", kind.name, epochs_ * kind.rows);
    }
    if (e_.figures->kinds().empty()) {
      return checks_.Skip(id, title,
                          "Why a row exists is not in the data; write the column `kind`, or read "
                          "rows in the order in which they were made.",
                          promised);
    }
    std::string figure;
    bool holds = true;
    for (const KindRows& kind : plan_.kinds()) {
      int64_t rows = 0;
      for (const v1::Group& group : e_.figures->kinds()) {
        if (group.name() == kind.name) rows = group.rows();
      }
      figure += fmt::format("{}{} {}", figure.empty() ? "" : ", ", kind.name, rows);
      holds = holds && IsNear(rows, static_cast<double>(epochs_ * kind.rows));
    }
    checks_.Add(id, title, holds, figure, promised,
                holds ? "Exact to one row an epoch." : "Rows were lost, added or changed.");
  }

  // Of means, which tell of the ratings in between too.
  void CheckRatingsOfKinds() {
    const v1::Component& rating = plan_.spec().rating();
    if (!HasComponent(rating, {"ranges"}) || e_.figures == nullptr) return;
    std::string figure;
    std::string promised;
    bool holds = true;
    for (const v1::Group& group : e_.figures->kinds()) {
      if (group.rows() == 0) continue;
      const PromisedRange range = PromisedRangeOf(rating, group.name());
      const double mean = (range.low + range.high) / 2;
      double off = 0;  // of the sum of ratings, if each rating is given one row too many or too few
      for (double r = range.low; r <= range.high; r += range.step) off += std::abs(r - mean);
      holds = holds && std::abs(group.mean_rating() - mean) * static_cast<double>(group.rows()) <=
                           off * static_cast<double>(epochs_) + 1e-6;
      const char* comma = figure.empty() ? "" : ", ";
      figure += fmt::format("{}{} {:.3f}", comma, group.name(), group.mean_rating());
      promised += fmt::format("{}{} {:.3f}", comma, group.name(), mean);
    }
    if (figure.empty()) return;  // which CheckKinds says
    checks_.Add("promise.kind_ratings", "Mean rating of each reason", holds, figure, promised,
                holds ? "Ratings lie evenly within the range of their reason."
                      : "Ratings were changed, lost or added.");
  }

  void CheckPopular() {
    if (e_.counts == nullptr || !HasComponent(plan_.spec().choice(), {"clustered", "taste"}))
      return;
    const auto popular = std::find_if(plan_.kinds().begin(), plan_.kinds().end(),
                                      [](const KindRows& kind) { return kind.name == "popular"; });
    if (popular == plan_.kinds().end()) return;
    int64_t rows = 0;
    const Ids& ids = e_.counts->item_ids();
    for (uint32_t i = 0; i < e_.counts->items().size(); ++i) {
      const int64_t number = ids.NumberOf(i) - plan_.item_ids().first();
      if (number < 0 || number >= world_.items) continue;
      int64_t rank = 0;
      world_.item_rank(world_.self, &number, &rank, 1);
      if (rank < world_.popular_items) rows += e_.counts->items()[i].rows;
    }
    const auto promised = static_cast<double>(epochs_ * popular->rows);
    const bool holds = IsNear(rows, promised);
    checks_.Add(
        "promise.popular_items", fmt::format("The {} popular items", world_.popular_items), holds,
        fmt::format(
            "{} rows ({})", rows,
            Percent(static_cast<double>(rows) / static_cast<double>(s_.total_interactions()))),
        fmt::format("{:.0f} rows", promised),
        holds ? "They have all rows of the reason `popular`, and no others."
              : "They have more or fewer rows than those of the reason `popular`.");
  }

  void CheckGroups() {
    if (e_.counts == nullptr) return;
    if (HasComponent(plan_.spec().activity(), {"pareto"})) {
      std::vector<int64_t> promised;
      std::vector<std::string> names;
      for (uint32_t i = 0; i < world_.clusters_count; ++i) {
        promised.push_back(world_.clusters[i]->active);
        names.emplace_back(world_.clusters[i]->name);
      }
      AddGroups("promise.clusters", "Active users of each cluster", e_.counts->users(),
                e_.counts->clusters, names, promised);
    }
    if (!HasComponent(plan_.spec().choice(), {"clustered", "taste"}) ||
        s_.unique_items() != world_.touched_items) {
      return;
    }
    std::vector<int64_t> promised;
    std::vector<std::string> names;
    for (uint32_t i = 0; i < world_.categories_count; ++i) {
      promised.push_back(world_.categories[i]->popular + world_.categories[i]->tail);
      names.emplace_back(world_.categories[i]->name);
    }
    AddGroups("promise.categories", "Items of each category", e_.counts->items(),
              e_.counts->categories, names, promised);
  }

  void AddGroups(const std::string& id, const std::string& title,
                 const std::vector<Member>& members, const Labels& labels,
                 const std::vector<std::string>& names, const std::vector<int64_t>& promised) {
    std::vector<int64_t> by_label(labels.size());
    for (const Member& member : members) by_label[member.label] += member.rows > 0 ? 1 : 0;
    std::string figure;
    std::string expected;
    bool holds = by_label[0] == 0;
    for (size_t i = 0; i < names.size(); ++i) {
      int64_t found = 0;
      for (size_t label = 1; label < labels.size(); ++label) {
        if (labels.name(static_cast<uint16_t>(label)) == names[i]) found = by_label[label];
      }
      holds = holds && found == promised[i];
      if (i >= kMostListed) continue;
      const char* comma = i == 0 ? "" : ", ";
      figure += fmt::format("{}{} {}", comma, names[i], found);
      expected += fmt::format("{}{} {}", comma, names[i], promised[i]);
    }
    if (names.size() > kMostListed) {
      figure += ", ...";
      expected += ", ...";
    }
    checks_.Add(id, title, holds, figure, expected,
                holds ? "Each has its share." : "Some have more or fewer than the spec says.");
  }

  // What is measured rather than counted: with room, and only where there are enough rows.
  void CheckLife() {
    if (e_.figures == nullptr || plan_.spec().plan_size() < kLeastRowsForLife) return;
    const v1::Figures& f = *e_.figures;
    const v1::DatasetSpec& spec = plan_.spec();
    if (spec.order().component() == "sessions" && spec.clock().component() == "sessions" &&
        f.has_sessions()) {
      const bool holds = f.sessions().mean_rows() >= kLeastSessionRows;
      checks_.Add("promise.sessions", "Rows come in sessions", holds,
                  fmt::format("{:.1f} rows a session, {} of gaps are of at most a minute",
                              f.sessions().mean_rows(), Percent(f.gaps().within_minute())),
                  "at least 2 rows a session",
                  holds ? "People come, look at some things and go."
                        : "Rows of a user are far apart: times were changed, or the window is "
                          "long for so few rows.");
    }
    if (HasComponent(spec.clock(), {"sessions", "diurnal"}) &&
        OptionOf(spec.clock(), "profile") == "shop" && !f.hour_of_week_rows().empty()) {
      std::vector<int64_t> hours(24);
      for (int i = 0; i < f.hour_of_week_rows_size(); ++i) {
        hours[static_cast<size_t>(i) % 24] += f.hour_of_week_rows(i);
      }
      const double peak = 24 * static_cast<double>(*std::max_element(hours.begin(), hours.end())) /
                          static_cast<double>(s_.total_interactions());
      const bool is_long = f.seconds() >= 6 * 86'400;
      const char* id = "promise.hours";
      const char* title = "Day and night";
      if (!is_long) return checks_.Skip(id, title, "The data span less than a week.");
      checks_.Add(id, title, peak >= kLeastPeak,
                  fmt::format("the busiest hour of the day has {:.2f} times the mean", peak),
                  "at least 1.4 times",
                  peak >= kLeastPeak ? "The hours are those of people."
                                     : "All hours are nearly alike: times were changed.");
    }
  }

  static constexpr size_t kMostListed = 12;

  const Evidence& e_;
  const v1::Statistics& s_;
  const Plan& plan_;
  const throng_world& world_;
  const int64_t epochs_;
  Checks& checks_;
};

}  // namespace

void CheckPromises(const Evidence& evidence, Checks* checks) {
  if (evidence.plan == nullptr) {
    return checks->Skip("promises", "Promises of the spec",
                        "No spec is known: the data have no manifest, and none was named.");
  }
  Promises(evidence, checks).CheckAll();
}

}  // namespace throng
