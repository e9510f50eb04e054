"""Random specs, each delivered in many ways: however a dataset is walked, sliced, cut into parts,
killed and gone on with, its rows are those of one thread that nothing disturbs.

Specs are functions of seeds. A failure shows the seed; `fuzz_test.py --seed N` does it alone.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import csv
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import fuzz_specs
import worker

CLIENT = os.environ["THRONG_CLIENT"]
SPECS = 2_000 if worker.IS_LONG else 40
AT_ONCE = 4  # specs; killing waits more than it works
STRIDE = 4_096  # rows that an interleaved slice takes at once
PATIENCE_SECONDS = 300
ARGUMENTS = argparse.Namespace(seed=None, specs=SPECS)


class Fuzz:
    """The trial of one spec, in a folder of its own."""

    def __init__(self, test, seed, folder):
        self.test, self.folder = test, folder
        self.case = fuzz_specs.Case(seed)
        self.chance = random.Random(~seed)  # of how it is delivered
        self.counts = collections.Counter()

    # ---- Deliveries -------------------------------------------------------------------------

    def spec(self, path, component=None, columns=None, options=None, rate=None, slice=None,
             threads=None, **fields):
        case = self.case
        output = worker.file_output(path, component or case.component,
                                    case.options if options is None else options,
                                    columns=columns or case.named_columns(), **fields)
        rest = {"slice": slice, "pace": rate and {"rate": rate},
                "threads": threads or self.chance.randint(1, 5)}
        return worker.write_spec(self.folder / f"{path.name}.spec", output, dataset=case.dataset,
                                 **{name: value for name, value in rest.items() if value})

    def deliver(self, path, **fields):
        """Runs one output to its end."""
        spec = self.spec(path, **fields)
        done = worker.run(spec, "--quiet")
        self.test.assertEqual(done.returncode, 0, done.stderr)
        return spec

    def kill(self, path, after, **fields):
        """Begins an output, at a rate, and kills it after a time."""
        command = worker.command(self.spec(path, **fields), "--quiet")
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(after)
            process.send_signal(signal.SIGKILL)
            told = process.stderr.read()
        self.test.assertIn(process.returncode, (0, -signal.SIGKILL), told)
        self.counts["kills"] += process.returncode != 0

    def deliver_in_spite_of_kills(self, path, **fields):
        """Delivers by several processes, each with other threads and commits."""
        rate = self.case.rows / 0.25 + 1
        for _ in range(self.chance.randint(1, 2)):
            self.kill(path, self.chance.uniform(0.03, 0.3), rate=rate, **self.commits(), **fields)
        return self.deliver(path, **self.commits(), **fields)

    def commits(self):
        return {"commit_rows": self.chance.choice([0, 1 + self.case.rows // 7, 1_000, 16_384])}

    # ---- What is compared -------------------------------------------------------------------

    def path(self, name):
        return self.folder / f"{name}.{self.case.suffix}"

    def rows_of(self, path):
        """The rows of a finished file, of which its manifest says the truth."""
        rows = fuzz_specs.lines(self.case, path.read_bytes())
        made = worker.manifest(path)
        self.test.assertEqual(made["sha256"], worker.sha256(path), path)
        self.test.assertEqual(made["bytes"], path.stat().st_size, path)
        self.test.assertEqual(made["rows"], len(rows), path)
        self.test.assertEqual(made["statistics"]["total_interactions"], len(rows), path)
        return rows

    def expect(self, path, rows, what):
        self.counts["comparisons"] += 1
        if (made := self.rows_of(path)) == rows:
            return
        self.test.assertEqual(len(made), len(rows), what)
        at = next(i for i, (one, other) in enumerate(zip(made, rows)) if one != other)
        self.test.fail(f"{what}: row {at} is {made[at]}, not {rows[at]}")

    def expect_same_file(self, path, whole, what):
        self.counts["comparisons"] += 1
        one, other = path.read_bytes(), whole.read_bytes()
        if self.case.component == "json":  # a document tells when it was begun
            one, other = fuzz_specs.undated(one), fuzz_specs.undated(other)
        self.test.assertTrue(one == other, f"{what}: other bytes")
        for field in ("rows", "position", "fingerprint", "statistics"):
            self.test.assertEqual(worker.manifest(path)[field], worker.manifest(whole)[field], what)

    # ---- The ways ---------------------------------------------------------------------------

    def run(self):
        reference = self.folder / "reference.csv"
        self.deliver(reference, component="csv", columns=fuzz_specs.COLUMNS, options={}, threads=1)
        with open(reference, encoding="utf-8", newline="") as file:
            self.table = list(csv.reader(file))[1:]
        self.check_statistics(worker.manifest(reference)["statistics"])
        self.whole = self.path("whole")
        self.deliver(self.whole, threads=1)
        self.rows = self.rows_of(self.whole)
        told = self.case.told()
        expected = [fuzz_specs.typed(self.case, told(row)) for row in self.table]
        self.test.assertTrue(fuzz_specs.table(self.case, self.rows) == expected,
                             "the format tells other rows than CSV")
        for way in (self.try_threads, self.try_slices, self.try_a_range, self.try_kills,
                    self.try_parts, self.try_preview):
            way()

    def check_statistics(self, told):
        users = collections.Counter(row[1] for row in self.table)
        ratings = collections.Counter(float(row[3]) for row in self.table)
        self.test.assertEqual(
            (told["total_interactions"], told["unique_active_users"], told["unique_items"],
             told["max_interactions_per_user"], told["min_interactions_per_user"]),
            (len(self.table), len(users), len({row[2] for row in self.table}),
             max(users.values()), min(users.values())))
        self.test.assertEqual({bin["rating"]: bin["interactions"]
                               for bin in told["rating_distribution"] if bin["interactions"]},
                              ratings)

    def try_threads(self):
        path = self.path("threads")
        self.deliver(path, **self.commits())
        self.expect_same_file(path, self.whole, "threads")

    def slice_rows(self, index, count, mode):
        rows = len(self.rows)
        if mode == "contiguous":
            return self.rows[index * rows // count:(index + 1) * rows // count]
        return [row for i, row in enumerate(self.rows) if i // STRIDE % count == index]

    def try_slices(self):
        for mode in ("contiguous", "interleaved"):
            count = self.chance.randint(2, 4)
            chosen = range(count) if mode == "contiguous" else [self.chance.randrange(count)]
            paths = [self.path(f"{mode}-{index}") for index in chosen]
            for index, path in zip(chosen, paths):
                fields = {"slice": {"index": index, "count": count, "mode": mode}}
                if self.chance.random() < 0.3:
                    self.deliver_in_spite_of_kills(path, **fields)
                else:
                    self.deliver(path, **fields)
                self.expect(path, self.slice_rows(index, count, mode),
                            f"{mode} slice {index} of {count}")
            if mode == "contiguous" and self.case.suffix in ("csv", "jsonl"):
                joined = b"".join(path.read_bytes() for path in paths)
                self.test.assertTrue(joined == self.whole.read_bytes(), "joined slices")

    def try_a_range(self):
        first = self.chance.randrange(self.case.rows)
        end = self.chance.randint(first + 1, self.case.rows)
        path = self.path("range")
        self.deliver(path, rows={"from": first, "to": end})
        self.expect(path, self.rows[first:end], f"rows {first} to {end}")

    def try_kills(self):
        path = self.path("killed")
        self.deliver_in_spite_of_kills(path)
        self.expect_same_file(path, self.whole, "after kills")

    def try_parts(self):
        roll_rows = max(1, self.case.rows // self.chance.randint(1, 5) + self.chance.randint(-1, 1))
        path = self.folder / f"part-{{part}}.{self.case.suffix}"
        spec = self.deliver_in_spite_of_kills(path, roll_rows=roll_rows)
        parts = [self.path(f"part-{number}") for number in range(-(-self.case.rows // roll_rows))]
        if self.chance.random() < 0.5:
            self.chance.choice(parts).unlink()
            self.counts["deleted parts"] += 1
            self.test.assertEqual(worker.run(spec, "--quiet").returncode, 0)
        for number, part in enumerate(parts):
            self.expect(part, self.rows[number * roll_rows:(number + 1) * roll_rows],
                        f"part {number} of {roll_rows} rows")
        self.test.assertFalse(self.path(f"part-{len(parts)}").exists())

    def try_preview(self):
        first = self.chance.randrange(self.case.rows)
        spec = self.spec(self.path("preview"))
        done = subprocess.run(
            [CLIENT, "preview", "-f", spec, "--from", str(first), "--rows", "9", "--plugin-dir",
             worker.PLUGINS], check=False, capture_output=True, encoding="utf-8",
            timeout=PATIENCE_SECONDS)
        self.test.assertEqual(done.returncode, 0, done.stderr)
        self.test.assertEqual(list(csv.reader(done.stdout.splitlines()))[1:],
                              [row[1:5] for row in self.table[first:first + 9]])
        self.counts["comparisons"] += 1


class FuzzTest(unittest.TestCase):
    def test_every_way_gives_the_rows_of_one_thread(self):
        seed = ARGUMENTS.seed
        if seed is None:
            seed = random.SystemRandom().getrandbits(48)
        specs = 1 if ARGUMENTS.seed is not None else ARGUMENTS.specs
        print(f"{specs} specs from seed {seed} on", file=sys.stderr, flush=True)
        counts, start = collections.Counter(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            trials = [pool.submit(self.try_out, each) for each in range(seed, seed + specs)]
            try:
                for trial in trials:
                    counts += trial.result()
            finally:
                pool.shutdown(cancel_futures=True)
        print(f"{dict(counts)} in {time.monotonic() - start:.0f} s", file=sys.stderr)

    def try_out(self, seed):
        with tempfile.TemporaryDirectory(prefix="throng-fuzz-") as folder:
            fuzz = Fuzz(self, seed, pathlib.Path(folder))
            try:
                fuzz.run()
            except BaseException:
                print(f"--seed {seed}: {fuzz.case.text()}", file=sys.stderr, flush=True)
                raise
            return fuzz.counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, help="only the spec of this seed")
    parser.add_argument("--specs", type=int, default=SPECS)
    ARGUMENTS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
