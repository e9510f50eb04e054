// The check of the truth: probabilities that add up, from any instance.
#include "server/conformance/truth.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "server/conformance/stand_in.h"
#include "server/conformance/trial.h"
#include "server/host/process.h"

namespace throng {
namespace {

using Trial = BehaviourTrial;

constexpr double kTolerance = 1e-6;

// Pairs at rows, and what is said of them.
struct Pairs {
  std::vector<int64_t> row, user, item;
  std::vector<double> probability, kind_share, stars;

  Pairs(size_t n, size_t kinds)
      : row(n), user(n), item(n), probability(n, kNothing), kind_share(n * kinds), stars(n) {}
  static constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
};

// A behaviour that has learnt the first epoch.
class Scorer {
 public:
  static absl::StatusOr<std::unique_ptr<Scorer>> Create(const CheckContext& context,
                                                        const StandInDataset& dataset) {
    auto trial = Trial::Create(context, dataset);
    if (!trial.ok()) return trial.status();
    const bool is_choice = context.component->role == Role::kChoice;
    const size_t kinds = is_choice ? (*trial)->kinds().size() : dataset.kinds().size();
    std::unique_ptr<Scorer> made(new Scorer(*std::move(trial), std::max<size_t>(1, kinds)));
    const auto batches = made->trial_->BatchesOf(0, 0, dataset.plan_size(), 4096);
    for (const auto& [first, rows] : batches) {
      if (absl::Status status = made->trial_->Learn(first, rows); !status.ok()) return status;
    }
    return made;
  }
  Trial& trial() const { return *trial_; }
  size_t kinds() const { return kinds_; }

  // Scores the pairs, so many at a time.
  absl::Status Score(size_t batch, bool is_choice, Pairs* pairs) const {
    const size_t n = pairs->row.size();
    // A rating is told why; a choice tells.
    const double share = is_choice ? Pairs::kNothing : 1 / static_cast<double>(kinds_);
    std::fill(pairs->kind_share.begin(), pairs->kind_share.end(), share);
    std::fill(pairs->stars.begin(), pairs->stars.end(), Pairs::kNothing);
    NoteStep("score");
    for (size_t first = 0; first < n; first += batch) {
      throng_pairs some{};
      some.struct_size = sizeof some;
      some.n = static_cast<uint32_t>(std::min(batch, n - first));
      some.row = pairs->row.data() + first;
      some.user = pairs->user.data() + first;
      some.item = pairs->item.data() + first;
      some.probability = pairs->probability.data() + first;
      some.kind_share = pairs->kind_share.data() + first * kinds_;
      some.stars = pairs->stars.data() + first;
      if (absl::Status status = trial_->behaviour().Score(some); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  Scorer(std::unique_ptr<Trial> trial, size_t kinds) : trial_(std::move(trial)), kinds_(kinds) {}

  std::unique_ptr<Trial> trial_;
  size_t kinds_;
};

absl::Status CheckStars(const Pairs& pairs) {
  for (size_t i = 0; i < pairs.stars.size(); ++i) {
    if (std::isfinite(pairs.stars[i]) && pairs.stars[i] >= 0) continue;
    return Fault("it expects {} stars of item {} from user {} at row {}.", pairs.stars[i],
                 pairs.item[i], pairs.user[i], pairs.row[i]);
  }
  return absl::OkStatus();
}

absl::Status CheckProbabilities(const Pairs& pairs, size_t kinds) {
  const auto is_share = [](double share) { return share >= 0 && share <= 1 + kTolerance; };
  for (size_t i = 0; i < pairs.row.size(); ++i) {
    if (!is_share(pairs.probability[i])) {
      return Fault("the probability of item {} for user {} at row {} is {}; it lies from 0 to 1.",
                   pairs.item[i], pairs.user[i], pairs.row[i], pairs.probability[i]);
    }
    const auto* shares = pairs.kind_share.data() + i * kinds;
    const double sum = std::accumulate(shares, shares + kinds, 0.0);
    if (std::all_of(shares, shares + kinds, is_share) && std::abs(sum - 1) <= kTolerance) continue;
    return Fault("the shares of the kinds of item {} for user {} at row {} add up to {}, not to 1.",
                 pairs.item[i], pairs.user[i], pairs.row[i], sum);
  }
  return absl::OkStatus();
}

// That a row is of some item.
absl::Status CheckSums(const Scorer& scorer, const Pairs& pairs, int64_t items) {
  for (const size_t at : {size_t{0}, pairs.row.size() / 2, pairs.row.size() - 1}) {
    Pairs all(static_cast<size_t>(items), scorer.kinds());
    std::fill(all.row.begin(), all.row.end(), pairs.row[at]);
    std::fill(all.user.begin(), all.user.end(), pairs.user[at]);
    std::iota(all.item.begin(), all.item.end(), 0);
    absl::Status status = scorer.Score(all.row.size(), true, &all);
    if (!status.ok()) return status;
    const double sum = std::accumulate(all.probability.begin(), all.probability.end(), 0.0);
    if (std::abs(sum - 1) <= kTolerance) continue;
    return Fault("the probabilities of all items for user {} at row {} add up to {}, not to 1.",
                 pairs.user[at], pairs.row[at], sum);
  }
  return absl::OkStatus();
}

bool IsSame(const std::vector<double>& a, const std::vector<double>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

}  // namespace

absl::Status CheckTruth(CheckContext& context) {
  if (context.component->behaviour.score == nullptr) return DoesNotApply(&context);
  constexpr int64_t kStep = 97;
  const bool is_choice = context.component->role == Role::kChoice;
  const StandInDataset dataset;
  const auto a = Scorer::Create(context, dataset);
  const auto b = Scorer::Create(context, dataset);
  if (!a.ok() || !b.ok()) return a.ok() ? b.status() : a.status();
  const auto rows = (*a)->trial().MakeColumns();
  absl::Status status = (*a)->trial().FillAll(4096, Trial::kPoison, rows.get());
  if (!status.ok()) return status;

  Pairs pairs(static_cast<size_t>((*a)->trial().rows() / kStep), (*a)->kinds());
  for (size_t i = 0; i < pairs.row.size(); ++i) {
    pairs.row[i] = static_cast<int64_t>(i) * kStep;
    pairs.user[i] = rows->user[static_cast<size_t>(pairs.row[i])];
    pairs.item[i] = rows->item[static_cast<size_t>(pairs.row[i])];
  }
  Pairs again = pairs;
  status = (*a)->Score(pairs.row.size(), is_choice, &pairs);
  if (status.ok()) {
    status = is_choice ? CheckProbabilities(pairs, (*a)->kinds()) : CheckStars(pairs);
  }
  if (status.ok() && is_choice) status = CheckSums(**a, pairs, dataset.world().touched_items);
  if (status.ok()) status = (*b)->Score(7, is_choice, &again);
  if (!status.ok()) return status;
  const bool is_same = is_choice ? IsSame(pairs.probability, again.probability) &&
                                       IsSame(pairs.kind_share, again.kind_share)
                                 : IsSame(pairs.stars, again.stars);
  if (is_same) return absl::OkStatus();
  return Fault(
      "another instance that has learnt the same rows scores pairs otherwise, 7 at a time.");
}

}  // namespace throng
