"""The job of plain_loop.py with numpy and polars, a chunk of rows at a time; polars formats and
writes on all cores. Needs numpy and polars.   vectorised.py ROWS USERS ITEMS FILE
"""

import math
import sys
import time

import numpy
import polars

RATINGS = numpy.array([5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0])
HISTOGRAM = (0.15, 0.18, 0.21, 0.13, 0.12, 0.06, 0.055, 0.045, 0.05)
CATEGORIES = 5
CLUSTERS = (0.15, 0.15, 0.15, 0.15, 0.15, 0.25)
CHUNK_ROWS = 1_000_000
WINDOW_MS = 30 * 86_400_000


def main(rows, users, items, path):
    chance = numpy.random.default_rng(42)
    active = chance.permutation(users)[: round(0.8 * users)] + 1
    exponent = 1 - math.log(4) / math.log(5)
    edges = (numpy.arange(1, len(active) + 1) / len(active)) ** exponent
    cluster = chance.choice(CATEGORIES + 1, len(active), p=CLUSTERS)
    touched = chance.permutation(items)[: round(0.95 * items)] + 1
    popular = touched[: items // 10]
    tail = touched[items // 10 :]
    # Category c has the items tail[c], tail[c + CATEGORIES], ...
    in_category = len(tail) // CATEGORIES
    start = numpy.datetime64("2024-01-01T00:00:00", "ms").astype(numpy.int64)
    with open(path, "wb") as file:
        for first in range(0, rows, CHUNK_ROWS):
            n = min(CHUNK_ROWS, rows - first)
            rank = numpy.searchsorted(edges, chance.random(n))
            kind = chance.random(n)
            skewed, even = chance.random(n) ** 2, chance.random(n)
            preferred = (skewed * in_category).astype(numpy.int64) * CATEGORIES + cluster[rank]
            item = tail[(even * len(tail)).astype(numpy.int64)]
            is_preferred = (kind >= 0.3) & (kind < 0.9) & (cluster[rank] < CATEGORIES)
            item = numpy.where(is_preferred, tail[numpy.minimum(preferred, len(tail) - 1)], item)
            on_top = popular[(skewed * len(popular)).astype(numpy.int64)]
            item = numpy.where(kind < 0.3, on_top, item)
            rating = chance.choice(RATINGS, n, p=HISTOGRAM)
            moment = (numpy.arange(first, first + n) + chance.random(n)) * (WINDOW_MS / rows)
            polars.DataFrame(
                {
                    "user": active[rank],
                    "item": item,
                    "rating": rating,
                    "timestamp": (start + moment).astype(numpy.int64),
                }
            ).select(
                polars.format("user_{}", "user").alias("user_id"),
                polars.format("item_{}", "item").alias("item_id"),
                "rating",
                polars.from_epoch("timestamp", time_unit="ms"),
            ).write_csv(file, include_header=first == 0, datetime_format="%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    begin = time.perf_counter()
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    print(time.perf_counter() - begin)
