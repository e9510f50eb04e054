"""What is wanted of the figures, and what they were for the prototype of the preset `shop`."""

import dataclasses
import math
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Size:
    rows: int
    users: int
    items: int


SEED_SIZE = Size(50_000, 500, 1_000)
MOVIELENS_SIZE = Size(100_000, 943, 1_682)
SIZES = (SEED_SIZE, MOVIELENS_SIZE)  # the order of the prototype's figures


@dataclasses.dataclass(frozen=True)
class Target:
    """Bounds that belong to the figure."""

    least: float = -math.inf
    most: float = math.inf

    def is_met(self, value):
        return self.least <= value <= self.most

    def __str__(self):
        if self.least == -math.inf:
            return f"<= {self.most:g}"
        return f">= {self.least:g}" if self.most == math.inf else f"{self.least:g} - {self.most:g}"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of the measures of one seed; targets are held by the median over seeds."""

    name: str
    value: Callable
    prototype: tuple = ()
    targets: dict = dataclasses.field(default_factory=dict)  # by Size

    def prototype_at(self, size):
        at = SIZES.index(size) if size in SIZES else len(SIZES)
        return self.prototype[at] if at < len(self.prototype) else None


def at_seed_size(**bounds):
    return {SEED_SIZE: Target(**bounds)}


def of_life(name, *prototype, **bounds):
    return Figure(name, lambda measures: measures[name], prototype,
                  at_seed_size(**bounds) if bounds else {})


LIFE = (
    of_life("gaps <= 60 s", 0.43, 0.43, least=0.41, most=0.45),
    of_life("gaps <= 30 min", 0.73, 0.73),
    of_life("gaps > 1 day", 0.023, 0.021),
    of_life("burstiness", 0.69, 0.7),
    of_life("rows a session", 3.6, 3.65),
    of_life("users of one session", 0.03, 0.03),
    of_life("sessions a user", 9.3, 10.0),
    of_life("days a user", 6, 6),
    of_life("hour max/mean", 1.94, 1.92, least=1.75, most=2.15),
    of_life("hour min/mean", 0.18, 0.19),
    of_life("sd/mean of days", 0.09, 0.08),
    of_life("new users in the last fifth", 0.159, 0.147, least=0.08, most=0.24),
    of_life("rows of new users", 0.065, 0.063),
    of_life("new items in the last fifth", 0.020, 0.019, least=0.01, most=0.06),
    of_life("rows of new items", 0.025, 0.021),
    of_life("users gone after the first fifth", 0.150, 0.147),
    of_life("chi2/df of user means", 29, 31, least=20),
    of_life("split-half r of users", 0.77, 0.78),
    of_life("split-half r of items", 0.80, 0.83),
    of_life("sd of user means", 0.476, 0.484),
    of_life("sd of item means", 0.554, 0.546),
    of_life("R2 user", 0.169, 0.169),
    of_life("R2 item", 0.237, 0.227),
    of_life("R2 both", 0.391, 0.384),
    of_life("lag-1 around the user's mean", 0.088, 0.09),
    of_life("lag-1 of residuals", 0.110, 0.11),
    of_life("lag-1 of residuals across sessions", 0.005, -0.003),
    of_life("Spearman of popularity and mean", 0.20, 0.21),
    of_life("item Gini", 0.351, 0.346),
    of_life("share of the bottom half of items", 0.275, 0.279),
    of_life("share of the top 10% of items", 0.302, 0.302),
    of_life("repeated pairs", 0.53, 0.46),
    of_life("sd within a repeated pair", 0.53, 0.52),
)


def of_learning(split, model, measure, *prototype, **bounds):
    return Figure(f"{split}, {measure}: {model}",
                  lambda measures: measures[split, model, measure], prototype,
                  at_seed_size(**bounds) if bounds else {})


def ratio(split, model, base, measure, *prototype, targets=None, **bounds):
    return Figure(
        f"{split}, {measure}: {model} / {base}",
        lambda measures: measures[split, model, measure] / measures[split, base, measure],
        prototype, targets or (at_seed_size(**bounds) if bounds else {}))


MORE_FACTORS = {SEED_SIZE: Target(least=0.95), MOVIELENS_SIZE: Target(least=1.05)}

LEARNING = (
    # What is promised.
    ratio("time", "EASE", "popularity", "new", 1.75, 2.29, least=1.5),
    ratio("time", "ALS 8", "popularity", "new", 1.69, 1.92, least=1.5),
    ratio("time", "kNN", "popularity", "new", 1.30, 1.56, least=1.1),
    ratio("time", "BPR", "popularity", "new", 1.19, 1.41, least=1.05),
    ratio("time", "EASE", "popularity", "all", 1.66, 1.93, least=1.3),
    ratio("time", "ALS 8", "popularity", "all", 1.50, 1.7, least=1.3),
    ratio("time", "kNN", "popularity", "all", 1.20, 1.32, least=1.1),
    ratio("time", "BPR", "popularity", "all", 1.15, 1.2, least=1.05),
    ratio("time", "ALS 32", "ALS 8", "new", 1.02, 1.15, targets=MORE_FACTORS),
    of_learning("time", "popularity", "tail AUC", 0.481, 0.496, most=0.60),
    of_learning("time", "kNN", "tail AUC", 0.735, 0.759, least=0.70),
    of_learning("time", "EASE", "tail AUC", 0.746, 0.767, least=0.72),
    of_learning("time", "ALS 8", "tail AUC", 0.752, 0.767, least=0.72),
    ratio("time", "biases", "mean", "RMSE", 0.824, 0.823, most=0.88),
    ratio("time", "SVD", "biases", "RMSE", 0.908, 0.916, most=1),
    # What it is made of, and the split at random.
    of_learning("time", "popularity", "all", 0.186, 0.146),
    of_learning("time", "kNN", "all", 0.223, 0.193),
    of_learning("time", "EASE", "all", 0.309, 0.285),
    of_learning("time", "ALS 8", "all", 0.279, 0.247),
    of_learning("time", "ALS 32", "all", 0.267, 0.240),
    of_learning("time", "BPR", "all", 0.213, 0.175),
    of_learning("time", "popularity", "new", 0.097, 0.071),
    of_learning("time", "kNN", "new", 0.127, 0.109),
    of_learning("time", "EASE", "new", 0.170, 0.161),
    of_learning("time", "ALS 8", "new", 0.164, 0.138),
    of_learning("time", "ALS 32", "new", 0.167, 0.160),
    of_learning("time", "BPR", "new", 0.115, 0.098),
    of_learning("time", "ALS 32", "tail AUC", 0.716, 0.746),
    of_learning("time", "BPR", "tail AUC", 0.735, 0.755),
    of_learning("time", "mean", "RMSE", 1.127, 1.125),
    of_learning("time", "biases", "RMSE", 0.929, 0.925),
    of_learning("time", "SVD", "RMSE", 0.844, 0.848),
    of_learning("time", "SVD 20", "RMSE", 0.864, 0.865),
    of_learning("random", "popularity", "all", 0.124, 0.098),
    of_learning("random", "kNN", "all", 0.174, 0.153),
    of_learning("random", "EASE", "all", 0.248, 0.216),
    of_learning("random", "ALS 8", "all", 0.211, 0.186),
    of_learning("random", "ALS 32", "all", 0.205, 0.179),
    of_learning("random", "BPR", "all", 0.163, 0.128),
    of_learning("random", "popularity", "new", 0.060, 0.048),
    of_learning("random", "kNN", "new", 0.101, 0.094),
    of_learning("random", "EASE", "new", 0.142, 0.130),
    of_learning("random", "ALS 8", "new", 0.125, 0.109),
    of_learning("random", "ALS 32", "new", 0.134, 0.123),
    of_learning("random", "BPR", "new", 0.086, 0.071),
    of_learning("random", "popularity", "tail AUC", 0.530, 0.544),
    of_learning("random", "kNN", "tail AUC", 0.760, 0.787),
    of_learning("random", "EASE", "tail AUC", 0.768, 0.789),
    of_learning("random", "ALS 8", "tail AUC", 0.763, 0.786),
    of_learning("random", "ALS 32", "tail AUC", 0.731, 0.768),
    of_learning("random", "BPR", "tail AUC", 0.736, 0.769),
    of_learning("random", "mean", "RMSE", 1.127, 1.127),
    of_learning("random", "biases", "RMSE", 0.908, 0.913),
    of_learning("random", "SVD", "RMSE", 0.806, 0.820),
    of_learning("random", "SVD 20", "RMSE", 0.833, 0.839),
    of_learning("random", "mean", "RMSE, unique", 1.205, 1.195),
    of_learning("random", "biases", "RMSE, unique", 1.040, 1.022),
    of_learning("random", "SVD", "RMSE, unique", 1.031, 1.014),
    of_learning("random", "SVD 20", "RMSE, unique", 1.025, 1.009),
)
