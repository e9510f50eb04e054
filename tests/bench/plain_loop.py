"""The job of the preset `seed` as a plain Python loop: what one writes in an afternoon.

It keeps the same promises (80/20, 80% active, 95% touched, 60/30/10, the histogram, 30 days),
though only about, and writes the same CSV.   plain_loop.py ROWS USERS ITEMS FILE
"""

import bisect
import csv
import itertools
import math
import random
import sys
import time
from datetime import datetime, timedelta, timezone

RATINGS = (5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0)
HISTOGRAM = (0.15, 0.18, 0.21, 0.13, 0.12, 0.06, 0.055, 0.045, 0.05)
CATEGORIES = 5
# Of five clusters 15% each prefer a category; the rest, as cluster 5, has none.
CLUSTERS = (0.15, 0.15, 0.15, 0.15, 0.15, 0.25)


def main(rows, users, items, path):
    chance = random.Random(42)
    active = chance.sample(range(1, users + 1), round(0.8 * users))
    # 80/20: the share of the busiest fraction f is f^(1 - 1/alpha), alpha = log 5 / log 4.
    exponent = 1 - math.log(4) / math.log(5)
    edges = [((rank + 1) / len(active)) ** exponent for rank in range(len(active))]
    cluster = chance.choices(range(CATEGORIES + 1), CLUSTERS, k=len(active))

    touched = chance.sample(range(1, items + 1), round(0.95 * items))
    popular = touched[: items // 10]
    tail = touched[items // 10 :]
    tails = [tail[category::CATEGORIES] for category in range(CATEGORIES)]
    histogram = list(itertools.accumulate(HISTOGRAM))

    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    step = timedelta(days=30).total_seconds() / rows
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("user_id", "item_id", "rating", "timestamp"))
        for row in range(rows):
            rank = bisect.bisect_left(edges, chance.random() * edges[-1])
            kind = chance.random()
            if kind < 0.3:
                item = popular[int(len(popular) * chance.random() ** 2)]
            elif kind < 0.9 and cluster[rank] < CATEGORIES:
                choice = tails[cluster[rank]]
                item = choice[int(len(choice) * chance.random() ** 2)]
            else:
                item = tail[int(len(tail) * chance.random())]
            rating = RATINGS[bisect.bisect_left(histogram, chance.random() * histogram[-1])]
            moment = start + timedelta(seconds=(row + chance.random()) * step)
            writer.writerow(
                (
                    f"user_{active[rank]}",
                    f"item_{item}",
                    rating,
                    moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
                )
            )


if __name__ == "__main__":
    begin = time.perf_counter()
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    print(time.perf_counter() - begin)
