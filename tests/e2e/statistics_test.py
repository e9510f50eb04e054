"""Statistics agree with pandas: what `throngctl stats` says of files, and what pandas counts in the
same files, for every figure that it can count."""

import json
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import numpy
import pandas

import worker

CLIENT = os.environ.get("THRONG_CLIENT", "build/release/bin/throngctl")
WEEK_MS = 7 * 86_400_000
FIRST_MONDAY_MS = 4 * 86_400_000
HALF_HOUR_MS = 1_800_000


def stats(*paths, arguments=()):
    """What the command says of files, as JSON."""
    done = subprocess.run([CLIENT, "stats", *map(str, paths), *arguments, "-o", "json"],
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(path):
    """The rows of a CSV file in order of time."""
    rows = pandas.read_csv(path, dtype={"user_id": str, "item_id": str})
    times = pandas.to_datetime(rows["timestamp"], format="ISO8601", utc=True)
    rows["ms"] = times.dt.as_unit("ms").astype("int64")
    return rows.sort_values("ms", kind="stable", ignore_index=True)


def gini(counts):
    counts = numpy.sort(counts)
    places = numpy.arange(1, len(counts) + 1)
    return 2 * (places * counts).sum() / (len(counts) * counts.sum()) - (len(counts) + 1) / len(
        counts)


class Agreement(unittest.TestCase):
    """Compares an answer with the rows that it is about."""

    def near(self, found, expected, what, tolerance=1e-9):
        self.assertLessEqual(abs(found - expected), tolerance * max(1, abs(expected)),
                             f"{what}: {found}, pandas has {expected}")

    def check(self, answer, rows, totals=None):
        users, items = totals or (rows["user_id"].nunique(), rows["item_id"].nunique())
        self.check_statistics(answer["statistics"], rows, users, items, totals is None)
        figures = answer["figures"]
        for name, column, total in (("users", "user_id", users), ("items", "item_id", items)):
            self.check_spread(figures[name], rows, column, total)
            self.check_last_fifth(figures[name], rows, column)
        self.check_pairs(figures["pairs"], rows, users * items)
        self.near(figures["rating_sd"], rows["rating"].std(ddof=0), "rating_sd")
        self.check_calendar(figures, rows)
        self.check_gaps(figures, rows)
        self.check_timelines(figures["timelines"], rows)

    def check_statistics(self, statistics, rows, users, items, are_seen):
        counts = rows["user_id"].value_counts()
        self.assertEqual(statistics["total_users"], users)
        self.assertEqual(statistics["total_items"], items)
        self.assertEqual(statistics.get("totals_are_seen", False), are_seen)
        self.assertEqual(statistics["total_interactions"], len(rows))
        self.assertEqual(statistics["unique_active_users"], len(counts))
        self.assertEqual(statistics["unique_items"], rows["item_id"].nunique())
        self.assertEqual(statistics["max_interactions_per_user"], counts.max())
        self.assertEqual(statistics["min_interactions_per_user"], counts.min())
        self.near(statistics["average_rating"], rows["rating"].mean(), "average_rating")
        self.near(statistics["average_interactions_per_user"], len(rows) / users, "average")
        ratings = rows["rating"].value_counts().sort_index(ascending=False)
        self.assertEqual([(line["rating"], line["interactions"])
                          for line in statistics["rating_distribution"]], list(ratings.items()))

    def check_distribution(self, found, values, what):
        self.assertEqual(found["count"], len(values))
        expected = {"mean": values.mean(), "sd": values.std(ddof=0), "least": values.min(),
                    "greatest": values.max()}
        expected |= {f"p{share:02}": values.quantile(share / 100)
                     for share in (5, 25, 50, 75, 95, 99)}
        for name, value in expected.items():
            self.near(found.get(name, 0), value, f"{what}.{name}", 1e-8)

    def check_spread(self, spread, rows, column, total):
        groups = rows.groupby(column)["rating"]
        counts = rows[column].value_counts().sort_values()
        self.assertEqual((spread["total"], spread["with_rows"]), (total, len(counts)))
        top = max(1, int(numpy.floor(0.2 * len(counts) + 0.5)))
        self.near(spread["top_fifth_share"], counts[-top:].sum() / len(rows), "top_fifth_share")
        self.near(spread.get("bottom_half_share", 0), counts[:len(counts) // 2].sum() / len(rows),
                  "bottom_half_share")
        self.near(spread.get("gini", 0), gini(counts.to_numpy()), "gini")
        below = numpy.concatenate([[0], counts.cumsum()]) / len(rows)
        curve = numpy.interp(numpy.linspace(0, len(counts), 101), numpy.arange(len(below)), below)
        numpy.testing.assert_allclose(spread["lorenz"], curve, atol=1e-9)
        descending = counts[::-1].to_numpy()
        self.assertEqual(spread["rank_curve"][0]["rank"], 1)
        self.assertEqual(spread["rank_curve"][-1]["rank"], len(counts))
        for point in spread["rank_curve"]:
            self.assertEqual(point["rows"], descending[point["rank"] - 1])
        self.check_distribution(spread["rows"], counts.astype(float), "rows")
        means = groups.mean().dropna()
        self.check_distribution(spread["mean_rating"], means, "mean_rating")
        often = groups.count()[lambda rated: rated >= 10]
        ratio = 0
        if len(often) > 1:
            squares = often * (means[often.index] - rows["rating"].mean()) ** 2
            ratio = squares.sum() / rows["rating"].var(ddof=0) / (len(often) - 1)
        self.near(spread.get("mean_rating_chance_ratio", 0), ratio, "chance ratio", 1e-8)
        bins = 2 ** numpy.floor(numpy.log2(counts[means.index])).astype(int)
        expected = means.groupby(bins).agg(["count", "mean", lambda m: m.std(ddof=0)])
        self.assertEqual([line["from_rows"] for line in spread["by_rows"]], list(expected.index))
        for line, (members, mean, deviation) in zip(spread["by_rows"], expected.to_numpy()):
            self.assertEqual(line["members"], members)
            self.near(line["mean"], mean, "by_rows.mean")
            self.near(line.get("sd", 0), deviation, "by_rows.sd", 1e-6)

    def check_last_fifth(self, spread, rows, column):
        last = len(rows) * 4 // 5
        late = rows[column][last:]
        new = set(late) - set(rows[column][:last])
        self.assertEqual(spread["in_last_fifth"], late.nunique())
        self.assertEqual(spread["only_in_last_fifth"], len(new))
        self.assertEqual(spread["only_in_last_fifth_rows"], late.isin(new).sum())

    def check_pairs(self, pairs, rows, possible):
        groups = rows.groupby(["user_id", "item_id"])["rating"]
        sizes = groups.size()
        self.assertEqual(pairs["distinct"], len(sizes))
        self.assertNotIn("is_estimate", pairs)
        self.assertEqual(pairs["repeated"], (sizes > 1).sum())
        self.assertEqual(pairs["contradicted"], (groups.nunique(dropna=False) > 1).sum())
        self.near(pairs.get("repeated_rows_share", 0), 1 - len(sizes) / len(rows), "repeats")
        self.near(pairs["density"], len(sizes) / possible, "density")

    def check_calendar(self, figures, rows):
        self.near(figures["seconds"], (rows["ms"].max() - rows["ms"].min()) / 1000, "seconds")
        since = rows["ms"] - FIRST_MONDAY_MS
        hours = numpy.bincount(since % WEEK_MS // 3_600_000, minlength=168)
        self.assertEqual(figures["hour_of_week_rows"], list(hours))
        weeks = since // WEEK_MS
        self.assertEqual(len(figures["weeks"]), weeks.max() - weeks.min() + 1)
        for week, line in enumerate(figures["weeks"], weeks.min()):
            there = rows[weeks == week]
            self.assertEqual(line.get("rows", 0), len(there))
            for name, column in (("users", "user_id"), ("items", "item_id")):
                self.assertEqual(line[name], there[column].nunique())
                new = set(there[column]) - set(rows[column][weeks < week])
                self.assertEqual(line.get(f"new_{name}", 0), len(new))

    def check_gaps(self, figures, rows):
        times = rows.groupby("user_id")["ms"]
        gaps = times.diff().dropna()
        found = figures["gaps"]["seconds"]
        self.assertEqual(found["count"], len(gaps))
        self.near(found["mean"], gaps.mean() / 1000, "gaps.mean")
        self.near(found["sd"], gaps.std(ddof=0) / 1000, "gaps.sd", 1e-6)
        self.near(found.get("least", 0), gaps.min() / 1000, "gaps.least")
        self.near(found["greatest"], gaps.max() / 1000, "gaps.greatest")
        for share in (5, 25, 50, 75, 95, 99):
            expected = gaps.quantile(share / 100, interpolation="lower") / 1000
            self.near(found.get(f"p{share:02}", 0), expected, f"gaps.p{share}", 1 / 128)
        self.near(figures["gaps"].get("within_minute", 0), (gaps <= 60_000).mean(), "minute")
        self.near(figures["gaps"].get("within_half_hour", 0), (gaps <= HALF_HOUR_MS).mean(), "half")
        self.near(figures["gaps"].get("beyond_day", 0), (gaps > 86_400_000).mean(), "day")
        for line in figures["gaps"]["bins"]:
            is_in = (gaps >= 1000 * line.get("from_seconds", 0)) & (
                gaps < 1000 * line["to_seconds"])
            self.assertEqual(line["count"], is_in.sum())
        if "session_id" in rows:
            sessions = rows.groupby("session_id")["ms"]
        else:
            # In order of users and time a session begins with the user's first row or a long gap.
            ordered = rows.sort_values(["user_id", "ms"], kind="stable")
            begins = ~(ordered.groupby("user_id")["ms"].diff() <= HALF_HOUR_MS)
            sessions = ordered.groupby(begins.cumsum())["ms"]
        sizes = sessions.size()
        told = figures["sessions"]
        self.assertEqual(told.get("is_told", False), "session_id" in rows)
        self.assertEqual(told["count"], len(sizes))
        self.near(told["mean_rows"], sizes.mean(), "sessions.mean_rows")
        self.near(told.get("mean_seconds", 0), (sessions.max() - sessions.min()).mean() / 1000,
                  "sessions.mean_seconds")
        self.near(told.get("single_row_share", 0), (sizes == 1).mean(), "sessions.single")
        self.assertEqual(told["count_by_rows"],
                         list(numpy.bincount(sizes.clip(upper=20) - 1, minlength=20)))

    def check_timelines(self, timelines, rows):
        counts = rows["user_id"].value_counts()
        self.assertLessEqual(len(timelines), 6)
        self.assertEqual(timelines[0]["rows"], counts.max())
        for line in timelines:
            times = rows["ms"][rows["user_id"] == line["user_id"]]
            self.assertEqual(line["rows"], len(times))
            if len(times) <= 400:
                self.assertEqual(line["times_ms"], list(times))
            else:
                self.assertEqual(len(line["times_ms"]), 400)
                self.assertTrue(set(line["times_ms"]) <= set(times))

    def check_groups(self, figures, rows):
        """Of rows with columns `kind`, `cluster` and `category`."""
        for name, column, members in (("clusters", "cluster", "user_id"),
                                      ("categories", "category", "item_id"),
                                      ("kinds", "kind", None)):
            groups = rows.groupby(column)
            self.assertEqual(len(figures[name]), len(groups))
            for group in figures[name]:
                own = groups.get_group(group["name"])
                self.assertEqual(group["rows"], len(own))
                self.near(group["share"], len(own) / len(rows), "share")
                self.near(group["mean_rating"], own["rating"].mean(), "mean_rating")
                if members:
                    self.assertEqual(group["members"], own[members].nunique())
        table = pandas.crosstab(rows["cluster"], rows["category"]).loc[
            [group["name"] for group in figures["clusters"]],
            [group["name"] for group in figures["categories"]]]
        self.assertEqual(figures["cluster_category_rows"], list(table.to_numpy().ravel()))


class StatisticsTest(Agreement):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, dataset, name="rows.csv", **fields):
        path = self.folder / name
        done = worker.run(worker.write_spec(self.folder / "spec.json",
                                            worker.file_output(path, **fields), dataset=dataset))
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def test_a_shop(self):
        columns = ["user_id", "item_id", "rating", "timestamp", "kind", "cluster", "category",
                   "session_id"]
        path = self.write({"preset": "shop"}, columns=columns)
        rows, answer = read(path), stats(path)
        self.check(answer, rows, totals=(500, 1000))
        self.check_groups(answer["figures"], rows)
        self.assertNotIn("failed", answer["checklist"], answer["checklist"])

    def test_what_is_not_in_the_file_comes_from_its_manifest(self):
        with_all = read(self.write({"preset": "shop", "seed": 5}, "all.csv",
                                   columns=["user_id", "item_id", "rating", "timestamp", "kind",
                                            "cluster", "category"]))
        path = self.write({"preset": "shop", "seed": 5})
        answer = stats(path)
        self.check(answer, read(path), totals=(500, 1000))
        self.check_groups(answer["figures"], with_all)
        self.assertNotIn("failed", answer["checklist"], answer["checklist"])

    def test_the_seed(self):
        path = self.write({"preset": "seed", "interactions": 30_000,
                           "world": {"users": 300, "items": 700}})
        answer = stats(path)
        self.check(answer, read(path), totals=(300, 700))
        self.assertNotIn("failed", answer["checklist"], answer["checklist"])

    def test_data_of_others(self):
        # Any ids, out of order, over years, ratings of their own, some without.
        chance = random.Random(4)
        ids = ["guest", "42", "user_7", "user_007", "näme", "user_8", "8", "u-9", "x" * 300]
        lines = ["user_id,item_id,rating,timestamp"]
        for _ in range(700):
            day = 1 + int(28 * chance.random())
            time = (f"{chance.randint(1969, 1972)}-{chance.randint(1, 12):02}-{day:02}T"
                    f"{chance.randint(0, 23):02}:00:{chance.randint(0, 59):02}Z")
            rating = chance.choice(["", "0.25", "3", "3.0", "10", "12.5"])
            lines.append(f"{chance.choice(ids)},{chance.choice(ids)}{chance.randint(1, 9)},"
                         f"{rating},{time}")
        path = self.folder / "odd.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.check(stats(path), read(path))

    def test_files_together_are_one(self):
        dataset = {"preset": "seed", "interactions": 30_000, "world": {"users": 300, "items": 700}}
        whole = stats(self.write(dataset))
        parts = []
        for index in range(3):
            parts.append(self.folder / f"part-{index}.csv")
            done = worker.run(worker.write_spec(
                self.folder / "spec.json", worker.file_output(parts[-1]), dataset=dataset,
                slice={"index": index, "count": 3}))
            self.assertEqual(done.returncode, 0, done.stderr)
        together = stats(*parts)
        for name in ("statistics", "figures", "checklist", "dataset"):
            self.assertEqual(together[name], whole[name], name)


if __name__ == "__main__":
    unittest.main()
