"""throngctl verify: what Throng wrote, and what a pipeline made of it."""

import csv
import datetime
import json
import random
import unittest

import cli_test

ROWS = 20_000
SPEC = ("--preset", "shop", "--interactions", str(ROWS))


class VerifyTest(cli_test.ScratchTest):
    def verify(self, *arguments, exit_code=1):
        done = self.client("verify", *arguments, "-o", "json", "-q", exit_code=exit_code)
        return json.loads(done.stdout)

    def counts(self, found):
        names = {}
        for difference in found.get("differences", ()):
            column = difference.get("column", "")
            names[" ".join(filter(None, (difference["kind"], column)))] = difference["count"]
        return names

    def write_spec(self):
        path = self.folder / "spec.yaml"
        path.write_text(f"dataset: {{preset: shop, interactions: {ROWS}}}\n", encoding="utf-8")
        return str(path)

    def test_what_was_written_is_what_it_must_be(self):
        for place in ("csv:a.csv", "csv:a.csv.gz", "json:a.json", "json:a.jsonl", "csv:a.csv.zst",
                      "avro:a.avro", "parquet:a.parquet"):
            with self.subTest(place):
                self.client("generate", *SPEC, "-q", "--to", place)
                found = self.verify(place.split(":")[1], exit_code=0)
                self.assertEqual(found["expected_rows"], ROWS)
                self.assertEqual(found["found_rows"], ROWS)
                self.assertEqual(self.counts(found), {})

    def test_what_became_of_a_file_is_told_and_ends_with_1(self):
        self.client("generate", *SPEC, "-q", "--to", "csv:a.csv")
        path = self.folder / "a.csv"
        lines = path.read_text().splitlines(keepends=True)
        del lines[5001]
        lines.insert(9001, lines[9000])
        path.write_text("".join(lines))
        counts = self.counts(self.verify("a.csv"))
        self.assertEqual((counts["lost"], counts["doubled"]), (1, 1))
        shown = self.client("verify", "a.csv", "-q", exit_code=1).stdout
        self.assertIn("lost", shown)

    def test_a_consumer_that_drops_doubles_delays_rounds_and_renames(self):
        """The counts agree exactly."""
        self.client("generate", *SPEC, "-q", "--to", "csv:a.csv")
        draw = random.Random(5)
        rows = list(csv.DictReader((self.folder / "a.csv").open()))
        dropped = doubled = rounded = 0
        came, late = [], []
        for i, row in enumerate(rows):
            came += [held for due, held in late if due == i]
            late = [(due, held) for due, held in late if due != i]
            fate = draw.random()
            if fate < 0.01:
                dropped += 1
                continue
            when = datetime.datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00"))
            stars = float(row["rating"])
            if fate > 0.9 and stars != round(stars):
                stars = float(round(stars))
                rounded += 1
            out = {"uid": row["user_id"].removeprefix("user_"), "thing": row["item_id"],
                   "stars": stars, "at": int(when.timestamp())}
            if 0.01 <= fate < 0.03:
                doubled += 1
                came.append(out)
            if 0.03 <= fate < 0.06:
                late.append((i + 100, out))
            else:
                came.append(out)
        came += [held for _, held in late]
        with (self.folder / "came.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ("at", "stars", "uid", "thing"))
            writer.writeheader()
            writer.writerows(came)
        maps = [word for name in ("user_id=uid", "item_id=thing", "rating=stars", "timestamp=at")
                for word in ("--map", name)]
        found = self.verify("came.csv", "--against", self.write_spec(), "--any-order", *maps)
        self.assertEqual(self.counts(found),
                         {"lost": dropped, "doubled": doubled, "altered rating": rounded})
        self.assertEqual(found["found_rows"], len(came))
        self.assertGreater(found["lateness"]["rows"][3], 90)
        self.assertLessEqual(found["lateness"]["rows"][3], 100)


if __name__ == "__main__":
    unittest.main()
