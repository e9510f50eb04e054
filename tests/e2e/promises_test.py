"""Every exact promise of the seed presets, counted by somebody who has only the files.

Rows, users and items are written as CSV, with the columns that say why a row exists, and read back
without any code of Throng's. THRONG_LONG=1 reads worlds of up to 10 million rows.
"""

import array
import collections
import datetime
import itertools
import math
import pathlib
import re
import tempfile
import unittest

import worker

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
WINDOW_MS = 30 * 86_400_000
MIX = {"preferred": 0.6, "popular": 0.3, "random": 0.1}
HISTOGRAM = {"5.0": 0.15, "4.5": 0.18, "4.0": 0.21, "3.5": 0.13, "3.0": 0.12, "2.5": 0.06,
             "2.0": 0.055, "1.5": 0.045, "1.0": 0.05}
RANGES = {"preferred": ("4.0", "5.0"), "popular": ("3.0", "5.0"), "random": ("1.0", "5.0")}
CLUSTERS = {"tech_enthusiasts": (0.15, "electronics"), "fashion_lovers": (0.15, "fashion"),
            "home_makers": (0.15, "home"), "sports_fans": (0.15, "sports"),
            "bookworms": (0.15, "books"), "general": (0.25, None)}
CATEGORIES = dict.fromkeys(("electronics", "fashion", "home", "sports", "books"), 0.2)
ROW_COLUMNS = ["user_id", "item_id", "rating", "timestamp", "kind", "cluster", "category"]
EXPECTED_NOTE = "items that may be chosen need not appear"
SCALED_ROWS = 1_000_000 if worker.IS_LONG else 200_000


def share_of(share, count):
    """How many of `count` are a share of them; half a one counts."""
    return math.floor(share * count + 0.5)


def number(text, prefix):
    """A user's or item's number, from 0, by its id."""
    assert text.startswith(prefix), text
    return int(text[len(prefix):]) - 1


def fields_of(path, header):
    """The fields of each line of a CSV file with this header."""
    with open(path, encoding="utf-8") as file:
        assert next(file) == ",".join(header) + "\n"
        for line in file:
            yield line.rstrip("\n").split(",")


class World:
    """The users and items of a dataset, as their tables have them."""

    def __init__(self, folder, users, items):
        self.cluster, self.activity_rank = [None] * users, [None] * users
        self.category, self.is_popular = [None] * items, [None] * items
        for user_id, cluster, rank in fields_of(folder / "users.csv",
                                                ["user_id", "cluster", "activity_rank"]):
            user = number(user_id, "user_")
            assert self.cluster[user] is None, user_id
            self.cluster[user], self.activity_rank[user] = cluster, int(rank)
        for item_id, category, popular in fields_of(folder / "items.csv",
                                                    ["item_id", "category", "popular"]):
            item = number(item_id, "item_")
            assert self.category[item] is None, item_id
            self.category[item], self.is_popular[item] = category, {"true": 1, "false": 0}[popular]
        assert None not in self.cluster and None not in self.category


class Counts:
    """What is counted of rows [0, rows) of a dataset; add() goes on where it ended."""

    def __init__(self, world, plan_size, prefers):
        self.world, self.plan_size, self.prefers = world, plan_size, prefers
        self.rows, self._last_second = 0, -1
        self.of_user = array.array("q", [0]) * len(world.cluster)
        self.of_item = array.array("q", [0]) * len(world.category)
        self.of_user_kind = {kind: array.array("q", [0]) * len(world.cluster) for kind in MIX}
        self.ratings = collections.Counter()  # by kind and rating
        self.specialists = collections.Counter()  # rows, by whether in the preferred category
        self._days = {}

    def add(self, rows):
        """Counts these rows, and checks what each of them promises by itself."""
        world = self.world
        for user_id, item_id, rating, time, kind, cluster, category in rows:
            user, item = number(user_id, "user_"), number(item_id, "item_")
            second = self._second(time)
            # Row i has the i-th of N equal parts of the window.
            first_ms = self.rows * WINDOW_MS // self.plan_size
            next_ms = (self.rows + 1) * WINDOW_MS // self.plan_size
            assert first_ms // 1000 <= second <= next_ms // 1000, (self.rows, time)
            assert second >= self._last_second, (self.rows, time)
            self._last_second = second
            assert cluster == world.cluster[user] and category == world.category[item], self.rows
            assert (kind == "popular") == world.is_popular[item], self.rows
            preferred = self.prefers[cluster]
            if preferred is not None:
                assert kind != "preferred" or category == preferred, self.rows
                self.specialists[category == preferred] += 1
            self.of_user[user] += 1
            self.of_item[item] += 1
            self.of_user_kind[kind][user] += 1
            self.ratings[kind, rating] += 1
            self.rows += 1

    def of_kind(self, kind):
        return sum(rows for (its_kind, _), rows in self.ratings.items() if its_kind == kind)

    def of_rating(self, rating):
        return sum(rows for (_, its_rating), rows in self.ratings.items() if its_rating == rating)

    def _second(self, time):
        day = self._days.get(time[:10])
        if day is None:
            since = datetime.datetime.fromisoformat(time[:10] + "T00:00:00+00:00") - START
            day = self._days[time[:10]] = int(since.total_seconds())
        assert len(time) == 20 and time[10] + time[13] + time[16] + time[19] == "T::Z", time
        return day + 3600 * int(time[11:13]) + 60 * int(time[14:16]) + int(time[17:19])


def largest_user(rows, active, top):
    """The default cap: 1.25 times the smallest that allows 80/20 with at least one row a user."""
    fraction, rest = top / active, rows - active
    share = (share_of(0.8, rows) - top) / rest
    low, high = 1e-9, 700.0
    for _ in range(200):
        c = (low + high) / 2
        if math.expm1(-c * fraction) / math.expm1(-c) < share:
            low = c
        else:
            high = c
    least = math.ceil(1 + rest * math.expm1(-low / active) / math.expm1(-low))
    return math.ceil(1.25 * least)


class PromisesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="throng-promises-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def near(self, found, exact, below=1):
        """To one row, user or item: rounded up or down, and not at all where it is whole."""
        self.assertLess(abs(found - exact), below - 1e-6)

    def generate(self, users, items, rows, preset="seed", seed=42, plan_size=None, world=None):
        """Writes rows, users and items, and returns what the run has told."""
        dataset = {"preset": preset, "seed": seed, "interactions": rows,
                   "world": {"users": users, "items": items, **(world or {})}}
        if plan_size:
            dataset["plan_size"] = plan_size
        spec = worker.write_spec(
            self.folder / "spec.yaml",
            worker.file_output(self.folder / "rows.csv", columns=ROW_COLUMNS),
            worker.file_output(self.folder / "users.csv", name="users", table="users"),
            worker.file_output(self.folder / "items.csv", name="items", table="items"),
            dataset=dataset)
        done = worker.run(spec, timeout=1000)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("output users", done.stderr)
        return done

    def check(self, users, items, rows, preset="seed", touched_is_exact=True, world=None,
              clusters=None, categories=None, **fields):
        """One epoch of a dataset: everything that model and README promise; returns the counts."""
        world_fields = dict(world or {})
        clusters, categories = clusters or CLUSTERS, categories or CATEGORIES
        done = self.generate(users, items, rows, preset, world=world_fields, **fields)
        self.assertEqual(EXPECTED_NOTE in done.stderr, not touched_is_exact, done.stderr)
        counts = Counts(World(self.folder, users, items), rows,
                        {name: prefers for name, (_, prefers) in clusters.items()})
        counts.add(fields_of(self.folder / "rows.csv", ROW_COLUMNS))
        self.assertEqual(counts.rows, rows)

        active = share_of(world_fields.get("active_users", 0.8), users)
        self.check_users(counts, active, clusters)
        self.check_items(counts, world_fields, categories, touched_is_exact)
        self.check_kinds(counts)
        if preset == "seed":
            for rating, share in HISTOGRAM.items():
                self.near(counts.of_rating(rating), share * rows)
        else:
            self.check_ranges(counts)
        self.check_statistics(done.stdout, counts)
        for file in self.folder.iterdir():
            file.unlink()
        return counts

    def check_users(self, counts, active, clusters, epochs=1):
        world, rows = counts.world, counts.rows
        self.assertEqual(sum(1 for n in counts.of_user if n > 0), active)
        busiest = sorted(counts.of_user, reverse=True)
        top = share_of(0.2, active)
        self.assertEqual(sum(busiest[:top]), share_of(0.8, rows // epochs) * epochs)
        self.assertLessEqual(busiest[0], largest_user(rows // epochs, active, top) * epochs)
        self.assertGreaterEqual(busiest[active - 1], epochs)
        # Ranks are 1, 2, ...; who is before has no fewer rows.
        by_rank = sorted(range(len(world.cluster)), key=world.activity_rank.__getitem__)
        self.assertEqual([world.activity_rank[user] for user in by_rank],
                         list(range(1, len(by_rank) + 1)))
        self.assertEqual([counts.of_user[user] for user in by_rank], busiest)
        # Clusters are exact among all users, and so among the active ones.
        everybody = collections.Counter(world.cluster)
        at_work = collections.Counter(world.cluster[user] for user in by_rank[:active])
        self.assertLessEqual(set(everybody), set(clusters))
        for name, (share, _) in clusters.items():
            self.near(everybody[name], share * len(world.cluster))
            self.near(at_work[name], share * active)

    def check_items(self, counts, world_fields, categories, touched_is_exact):
        world, items = counts.world, len(counts.world.category)
        popular = share_of(world_fields.get("popular_items", 0.1), items)
        touched = share_of(world_fields.get("touched_items", 0.95), items)
        self.assertEqual(sum(world.is_popular), popular)
        seen = sum(1 for n in counts.of_item if n > 0)
        if touched_is_exact:
            self.assertEqual(seen, touched)
        else:
            self.assertLessEqual(seen, touched)
        everything = collections.Counter(world.category)
        on_top = collections.Counter(itertools.compress(world.category, world.is_popular))
        chosen = collections.Counter(itertools.compress(world.category, counts.of_item))
        self.assertLessEqual(set(everything), set(categories))
        for name, share in categories.items():
            self.near(everything[name], share * items)
            self.near(on_top[name], share * popular)
            if touched_is_exact:  # popular and tail ones are exact, their sum to two
                self.near(chosen[name], share * touched, 2)

    def check_kinds(self, counts):
        for kind, share in MIX.items():
            self.near(counts.of_kind(kind), share * counts.rows)
            # Of each user to about one: a window of the word, which may go round its end.
            for of_user, of_kind in zip(counts.of_user, counts.of_user_kind[kind]):
                self.assertLess(abs(of_kind - share * of_user), 2)

    def check_ranges(self, counts):
        for kind, (low, high) in RANGES.items():
            allowed = [rating for rating in HISTOGRAM if low <= rating <= high]
            self.assertEqual(sum(counts.ratings[kind, rating] for rating in allowed),
                             counts.of_kind(kind))
            for rating in allowed:
                self.near(counts.ratings[kind, rating], counts.of_kind(kind) / len(allowed))

    def check_statistics(self, block, counts):
        """What the run has told are the figures that are in the files."""
        active = [n for n in counts.of_user if n > 0]
        for line in (f"Total Users: {len(counts.of_user)}", f"Total Items: {len(counts.of_item)}",
                     f"Total Interactions: {counts.rows}",
                     f"Max Interactions per User: {max(active)} (power user!)",
                     f"Min Interactions per User: {min(active)}"):
            self.assertIn(f"\n{line}\n", block)
        self.assertIn(f"\nUnique Active Users: {len(active)} (", block)
        touched = sum(1 for n in counts.of_item if n > 0)
        self.assertIn(f"\nUnique Items with Interactions: {touched} (", block)
        mean = sum(float(rating) * n for (_, rating), n in counts.ratings.items()) / counts.rows
        told = float(re.search(r"\nAverage Rating: ([0-9.]+) ", block)[1])
        self.assertLessEqual(abs(told - mean), 0.005 + 1e-9)
        histogram = dict(re.findall(r"\n  ([1-5][.][05]): +([0-9]+) \(", block))
        self.assertEqual({rating: int(n) for rating, n in histogram.items() if int(n) > 0},
                         {rating: n for rating in HISTOGRAM if (n := counts.of_rating(rating))})

    def test_the_seed_job(self):
        counts = self.check(500, 1000, 50_000)
        rows = counts.rows
        self.assertEqual(max(counts.of_user), 1255)
        self.assertEqual(largest_user(50_000, 400, 80), 1255)
        # What follows from the promises, and is to be expected only about.
        mean = sum(float(rating) * n for (_, rating), n in counts.ratings.items()) / rows
        self.assertAlmostEqual(mean, 3.5925, places=9)
        for kind, expected in (("preferred", 3.97), ("popular", 3.33), ("random", 2.12)):
            stars = sum(float(r) * n for (its, r), n in counts.ratings.items() if its == kind)
            self.assertAlmostEqual(stars / counts.of_kind(kind), expected, delta=0.01)
        outside = sum(n for (kind, rating), n in counts.ratings.items()
                      if not RANGES[kind][0] <= rating <= RANGES[kind][1])
        self.assertAlmostEqual(outside / rows, 0.19, delta=0.01)
        specialists = counts.specialists
        self.assertAlmostEqual(specialists[True] / specialists.total(), 0.68, delta=0.01)
        by_rows = sorted(counts.of_item, reverse=True)
        self.assertGreaterEqual(sum(by_rows[:100]) / rows, 0.3)
        self.assertLessEqual(sum(by_rows[:100]) / rows, 0.304)
        # A long tail: half of the touched items make less than their share, and yet something.
        self.assertLess(sum(by_rows[475:950]) / rows, 0.4)
        self.assertGreater(sum(by_rows[475:950]) / rows, 0.2)

    def test_the_seed_job_with_ranges(self):
        self.check(500, 1000, 50_000, preset="seed-ranges")

    def test_other_seeds(self):
        for seed in (0, 7, 2**64 - 1):
            with self.subTest(seed):
                self.check(500, 1000, 50_000, seed=seed)

    def test_the_quick_size_whose_items_are_expected_only(self):
        for preset in ("seed", "seed-ranges"):
            with self.subTest(preset):
                self.check(20, 50, 100, preset=preset, touched_is_exact=False)

    def test_many_rows(self):
        for preset in ("seed", "seed-ranges"):
            with self.subTest(preset):
                self.check(500, 1000, SCALED_ROWS, preset=preset)

    def test_many_users_and_few_items(self):
        self.check(10_000, 300, SCALED_ROWS)

    @unittest.skipUnless(worker.IS_LONG, "reads 10 million rows; set THRONG_LONG=1")
    def test_a_million_users(self):
        self.check(1_000_000, 100_000, 10_000_000)

    def test_as_few_rows_as_fit(self):
        for preset in ("seed", "seed-ranges"):
            with self.subTest(preset):
                self.check(7, 9, 28, preset=preset, touched_is_exact=False)
        spec = worker.write_spec(self.folder / "spec.yaml", worker.file_output(self.folder / "rows"),
                                 dataset={"plan_size": 27, "interactions": 27,
                                          "world": {"users": 7, "items": 9}})
        fewer = worker.run(spec)
        self.assertEqual(fewer.returncode, 2)
        self.assertIn("The next number that fits is 28", fewer.stderr)

    def test_four_clusters_over_three_categories_of_unequal_shares(self):
        clusters = {"a": (0.41, "x"), "b": (0.333, "y"), "c": (0.25, None), "d": (0.007, "z")}
        categories = {"x": 0.55, "y": 0.3, "z": 0.15}
        world = {"active_users": 0.71, "touched_items": 0.83, "popular_items": 0.07,
                 "clusters": [{"name": name, "share": share, **({"prefers": p} if p else {})}
                              for name, (share, p) in clusters.items()],
                 "categories": [{"name": n, "share": share} for n, share in categories.items()]}
        for preset in ("seed", "seed-ranges"):
            with self.subTest(preset):
                self.check(1234, 777, 123_457, preset=preset, world=world, clusters=clusters,
                           categories=categories)

    def test_each_end_of_an_epoch_is_exact(self):
        plan_size = 5_000
        self.generate(100, 200, 100_000, plan_size=plan_size)
        counts = Counts(World(self.folder, 100, 200), plan_size,
                        {name: prefers for name, (_, prefers) in CLUSTERS.items()})
        rows = fields_of(self.folder / "rows.csv", ROW_COLUMNS)
        for end in (5_000, 20_000, 50_000, 100_000):
            counts.add(itertools.islice(rows, end - counts.rows))
            self.assertEqual(counts.rows, end)
            epochs = end // plan_size
            self.check_users(counts, 80, CLUSTERS, epochs)
            self.check_items(counts, {}, CATEGORIES, True)
            for kind, share in MIX.items():
                self.assertEqual(counts.of_kind(kind), share_of(share, plan_size) * epochs)
            for rating, share in HISTOGRAM.items():
                self.assertEqual(counts.of_rating(rating), share_of(share, plan_size) * epochs)
        self.assertIsNone(next(rows, None))


if __name__ == "__main__":
    unittest.main()
