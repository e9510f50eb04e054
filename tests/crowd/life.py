#!/usr/bin/env python3
"""Whether rows look like people: how they come, go, pause and rate, from a CSV file alone.

    life.py FILE [--users N] [--items N]

Prints a line per measure. Needs numpy.
"""


import numpy

import interactions

HOUR, DAY = 3_600_000, 86_400_000
SESSION_ENDS_AFTER = 1800  # seconds without a row
LEAST_ROWS = 10  # of a user or item whose mean is looked at
ROWS_FOR_SPREAD = 20  # of one whose mean counts for the spread of means


def means(groups, values, count):
    """The mean of the values of each group; 0 of a group without any."""
    sums = numpy.bincount(groups, values, minlength=count)
    return sums / numpy.maximum(numpy.bincount(groups, minlength=count), 1)


def correlation(first, second):
    return numpy.corrcoef(first, second)[0, 1] if len(first) > 20 else numpy.nan


def ranks(values):
    """Ranks in ascending order; equal values share the mean of theirs."""
    _, group, sizes = numpy.unique(values, return_inverse=True, return_counts=True)
    return (numpy.cumsum(sizes) - (sizes - 1) / 2)[group]


def gini(counts):
    counts, n = numpy.sort(counts), len(counts)
    return 2 * (numpy.arange(1, n + 1) * counts).sum() / (n * counts.sum()) - (n + 1) / n


class Neighbours:
    """The rows user by user in order of time; a gap is between two neighbours of one user."""

    def __init__(self, rows):
        self.order = numpy.argsort(rows.users, kind="stable")
        self.users, times = rows.users[self.order], rows.times[self.order]
        self.same_user = self.users[1:] == self.users[:-1]
        self.gaps = (times[1:] - times[:-1])[self.same_user] / 1000

    def lag_1(self, values, chosen=slice(None)):
        """How alike the values of neighbours are: all, or those whose gaps are chosen."""
        values = values[self.order]
        return correlation(values[:-1][self.same_user][chosen], values[1:][self.same_user][chosen])


def sessions(rows, neighbours):
    gaps = neighbours.gaps
    ends = neighbours.users[1:][neighbours.same_user][gaps > SESSION_ENDS_AFTER]
    active = numpy.unique(rows.users)
    of_user = 1 + numpy.bincount(ends, minlength=rows.user_count)[active]
    days = numpy.unique(rows.times // DAY * rows.user_count + rows.users) % rows.user_count
    return {
        "gaps <= 60 s": (gaps <= 60).mean(),
        "gaps <= 30 min": (gaps <= 1800).mean(),
        "gaps > 1 day": (gaps > 86_400).mean(),
        "burstiness": (gaps.std() - gaps.mean()) / (gaps.std() + gaps.mean()),
        "rows a session": len(rows) / of_user.sum(),
        "sessions a user": numpy.median(of_user),
        "users of one session": (of_user == 1).mean(),
        "days a user": numpy.median(numpy.bincount(days)[active]),
    }


def calendar(rows):
    hours = numpy.bincount(rows.times // HOUR % 24, minlength=24)
    days = numpy.bincount((rows.times - rows.times.min()) // DAY)
    return {
        "hour max/mean": hours.max() / hours.mean(),
        "hour min/mean": hours.min() / hours.mean(),
        "sd/mean of days": days.std() / days.mean(),
    }


def arrivals(rows):
    """Who is in the last fifth of the rows alone, and who in the first fifth alone."""
    measures, last = {}, int(0.8 * len(rows))
    for name, who in (("users", rows.users), ("items", rows.items)):
        seen, late = who[:last], who[last:]
        measures[f"new {name} in the last fifth"] = 1 - numpy.isin(numpy.unique(late), seen).mean()
        measures[f"rows of new {name}"] = 1 - numpy.isin(late, seen).mean()
    fifth = len(rows) - last
    first_users, later = numpy.unique(rows.users[:fifth]), rows.users[fifth:]
    measures["users gone after the first fifth"] = 1 - numpy.isin(first_users, later).mean()
    return measures


def explained(rows, by_users, by_items, shrinkage=5, rounds=20):
    """Ratings as mean + bias of the user + bias of the item, each shrunk as by so many rows."""
    centred = rows.ratings - rows.ratings.mean()
    of_user, of_item = numpy.zeros(rows.user_count), numpy.zeros(rows.item_count)
    user_rows = numpy.bincount(rows.users, minlength=rows.user_count)
    item_rows = numpy.bincount(rows.items, minlength=rows.item_count)
    for _ in range(rounds):
        if by_items:
            left = centred - of_user[rows.users]
            of_item = numpy.bincount(rows.items, left, rows.item_count) / (shrinkage + item_rows)
        if by_users:
            left = centred - of_item[rows.items]
            of_user = numpy.bincount(rows.users, left, rows.user_count) / (shrinkage + user_rows)
    return rows.ratings.mean() + of_user[rows.users] + of_item[rows.items]


def opinions(rows, neighbours):
    """Whether a user's or an item's ratings have something in common."""
    ratings, measures = rows.ratings, {}
    half = numpy.random.default_rng(0).random(len(rows)) < 0.5
    for name, who, count in (("user", rows.users, rows.user_count),
                             ("item", rows.items, rows.item_count)):
        counts, of_each = numpy.bincount(who, minlength=count), means(who, ratings, count)
        often = counts >= LEAST_ROWS
        halves = [means(who[part], ratings[part], count)[often] for part in (half, ~half)]
        measures[f"split-half r of {name}s"] = correlation(*halves)
        measures[f"sd of {name} means"] = of_each[counts >= ROWS_FOR_SPREAD].std()
        if name == "user":
            squares = counts[often] * (of_each[often] - ratings.mean()) ** 2
            measures["chi2/df of user means"] = squares.sum() / ratings.var() / (often.sum() - 1)
            around_user = ratings - of_each[who]
        else:
            measures["Spearman of popularity and mean"] = correlation(
                ranks(counts[often]), ranks(of_each[often]))
    for name, by_users, by_items in (("user", 1, 0), ("item", 0, 1), ("both", 1, 1)):
        residuals = ratings - explained(rows, by_users, by_items)
        measures[f"R2 {name}"] = 1 - (residuals ** 2).mean() / ratings.var()
    measures["lag-1 around the user's mean"] = neighbours.lag_1(around_user)
    measures["lag-1 of residuals"] = neighbours.lag_1(residuals)
    measures["lag-1 of residuals across sessions"] = neighbours.lag_1(
        residuals, neighbours.gaps > SESSION_ENDS_AFTER)
    return measures


def counts_of_items(rows):
    counts = numpy.sort(numpy.bincount(rows.items, minlength=rows.item_count))[::-1]
    touched = counts[counts > 0]
    return {
        "item Gini": gini(touched),
        "share of the bottom half of items": touched[len(touched) // 2:].sum() / len(rows),
        "share of the top 10% of items": counts[:round(0.1 * rows.item_count)].sum() / len(rows),
    }


def repeats(rows):
    _, pair, sizes = numpy.unique(rows.pairs(), return_inverse=True, return_counts=True)
    squares = ((rows.ratings - means(pair, rows.ratings, len(sizes))[pair]) ** 2)[sizes[pair] > 1]
    freedom = (sizes - 1).sum()
    return {
        "repeated pairs": 1 - len(sizes) / len(rows),
        "sd within a repeated pair": numpy.sqrt(squares.sum() / freedom) if freedom else numpy.nan,
    }


def measure(rows):
    """All measures by name."""
    neighbours = Neighbours(rows)
    return {**sessions(rows, neighbours), **calendar(rows), **arrivals(rows),
            **opinions(rows, neighbours), **counts_of_items(rows), **repeats(rows)}


def main():
    for name, value in measure(interactions.from_command_line(__doc__)).items():
        print(f"{name:40} {value:8.3f}")


if __name__ == "__main__":
    main()
