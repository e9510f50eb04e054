"""SIGKILLs of whole workers: whatever the moment, the same command ends with the same file.

Two kinds: from outside at random moments of one long run, over and over; and from within, by a
preloaded library (kill_preload.cc), before or half-way through each call that changes a file.
"""

import collections
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import time
import unittest

import worker

PRELOAD = os.environ.get("THRONG_KILL_PRELOAD", "build/release/tests/libkill_preload.so")
KILLS = 100 if worker.IS_LONG else 12
DOCUMENT_KILLS = 20 if worker.IS_LONG else 4
COMMIT_ROWS = 800  # where rows may be committed anywhere
CUT_ROWS = 16_384  # of formats with inner blocks
SEED = 20240101
PATIENCE_SECONDS = 600

BEFORE_FIRST = "before the first commit"
BETWEEN = "between commits"
SYNCING = "commit: data is being synced"
NOT_YET = "commit: data is synced, the position is not there"
REPLACED = "commit: the position is there"
MANIFEST = "finish: last commit is done, the manifest is on its way"
NAMED = "finish: renaming, or what comes after"
PHASES = (BEFORE_FIRST, BETWEEN, SYNCING, NOT_YET, REPLACED, MANIFEST, NAMED)


def phase_of(calls):
    """When a process was killed, from the calls that it had begun."""
    last = calls[-1] if calls else ""
    is_committing = any(re.fullmatch(r"fdatasync .*[.]part", call) for call in calls)
    if any(re.fullmatch(r"renameat2 .*[.]part", call) for call in calls):
        return NAMED
    if any(call.endswith(".manifest.json.new") and call.startswith("open") for call in calls):
        return MANIFEST
    if not is_committing:
        return BEFORE_FIRST
    if re.fullmatch(r"fdatasync .*[.]part", last):
        return SYNCING
    if last.endswith(".position.new"):
        return NOT_YET
    return REPLACED if last.startswith("fsync") else BETWEEN


def committed_position(path):
    """The row of PATH.position; -1 if there is none, or nothing was committed."""
    try:
        text = pathlib.Path(f"{path}.position").read_text(encoding="utf-8")
    except FileNotFoundError:
        return -1
    position = json.loads(text.split("\n", 1)[0])["position"]
    return -1 if position is None else position


def environment(journal, kill=None):
    # Sanitizers want to be the first library, which a preloaded one is.
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    preload = {"LD_PRELOAD": PRELOAD, "THRONG_JOURNAL": str(journal), "ASAN_OPTIONS": options}
    return {**os.environ, **preload, **({"THRONG_KILL": kill} if kill else {})}


def comparable(path):
    """A finished file's bytes, less the time at which it was begun."""
    data = pathlib.Path(path).read_bytes()
    return re.sub(rb'"generated_at": "[^"]*"', b'"generated_at": ""', data, count=1)


class CrashTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="throng-crash-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def expect_whole(self, path, golden):
        self.assertEqual(
            sorted(file.name for file in path.parent.iterdir()),
            [path.name, f"{path.name}.manifest.json"],
        )
        self.assertEqual(comparable(path), comparable(golden))
        made, undisturbed = worker.manifest(path), worker.manifest(golden)
        self.assertEqual(made["sha256"], worker.sha256(path))
        self.assertEqual(made["statistics"], undisturbed["statistics"])
        for field in ("rows", "bytes", "position", "fingerprint"):
            self.assertEqual(made[field], undisturbed[field], field)

    def finish(self, spec):
        done = worker.run(spec)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def wait_for(self, process, is_there):
        """Polls until something is there; fails if the process ends before."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not is_there():
            self.assertIsNone(process.poll(), "it ended before it could be killed")
            self.assertLess(time.monotonic(), give_up, "there is no progress")
            time.sleep(0.0005)

    def kill_at_random(self, component, kills, options=None, commit_rows=COMMIT_ROWS):
        """Kills one long run `kills` times, each time after progress; returns how often in which
        phase. Two kills before anything was committed come first and do not count."""
        rows = 6 * commit_rows * kills
        dataset = {"interactions": rows}
        golden, path = self.folder / "golden" / "rows", self.folder / "out" / "rows"
        fields = {"component": component, "options": options, "commit_rows": commit_rows}
        undisturbed = worker.file_output(golden, component, options)
        self.finish(worker.write_spec(self.folder / "golden.json", undisturbed, dataset=dataset))

        def spec_at(rate):
            return worker.write_spec(
                self.folder / "spec.json",
                worker.file_output(path, **fields),
                dataset=dataset,
                **({"pace": {"rate": rate}} if rate else {}),
            )

        chance = random.Random(SEED)
        phases = collections.Counter()
        journal = self.folder / "journal"
        early = 2
        for kill in range(early + kills):
            before = committed_position(path)
            journal.unlink(missing_ok=True)
            # Whatever is left takes some seconds more than the kill needs, on a busy machine too.
            left = rows - max(before, 0)
            spec = spec_at(min(25 * commit_rows, left / 12))
            process = subprocess.Popen(
                worker.command(spec, "--quiet"),
                env=environment(journal),
                stderr=subprocess.PIPE,
            )
            if kill < early:
                self.wait_for(process, pathlib.Path(f"{path}.position").exists)
            else:
                # Such that the kills spread over the whole file.
                room = left / (early + kills - kill + 1)
                goal = max(before, 0) + chance.uniform(0, 1.5) * room
                # The bound is strict: each process has committed something of its own.
                self.wait_for(process, lambda: committed_position(path) > max(before, goal - 1))
                time.sleep(chance.uniform(0, 0.04))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.assertEqual(process.returncode, -signal.SIGKILL)
            after = committed_position(path)
            if kill >= early:
                self.assertGreater(after, before, "what was committed stays")
                phases[phase_of(journal.read_text(encoding="utf-8").splitlines())] += 1
            self.assertFalse(path.exists(), "an unfinished file has no name")
        self.finish(spec_at(None))
        self.expect_whole(path, golden)
        return phases

    def show(self, title, phases):
        print(f"\n{title}: {sum(phases.values())} SIGKILLs")
        for phase in PHASES:
            print(f"  {phases[phase]:5}  {phase}")

    def test_a_csv_file_is_the_same_after_many_kills(self):
        phases = self.kill_at_random("csv", KILLS)
        self.show("Random moments, CSV", phases)
        self.assertEqual(sum(phases.values()), KILLS)
        self.assertEqual(phases[BEFORE_FIRST], 0, "each of these was to come after progress")

    def test_a_json_document_is_the_same_after_kills(self):
        phases = self.kill_at_random("json", DOCUMENT_KILLS)
        self.show("Random moments, JSON document", phases)
        document = json.loads((self.folder / "out" / "rows").read_bytes())
        self.assertEqual(len(document["interactions"]), 6 * COMMIT_ROWS * DOCUMENT_KILLS)
        manifest = worker.manifest(self.folder / "out" / "rows")
        self.assertEqual(document["statistics"], manifest["statistics"])
        self.assertEqual(document["metadata"]["generated_at"], manifest["created"][:19] + "Z")

    def test_an_avro_file_is_the_same_after_kills(self):
        phases = self.kill_at_random("avro", DOCUMENT_KILLS, {"codec": "deflate"}, CUT_ROWS)
        self.show("Random moments, Avro", phases)

    def test_a_parquet_file_is_the_same_after_kills(self):
        options = {"row_group_rows": CUT_ROWS}
        phases = self.kill_at_random("parquet", DOCUMENT_KILLS, options, CUT_ROWS)
        self.show("Random moments, Parquet", phases)

    def test_a_compressed_file_is_the_same_after_kills(self):
        for compression in ("gzip", "zstd"):
            with self.subTest(compression=compression):
                self.folder /= compression
                self.folder.mkdir()
                options = {"compression": compression}
                phases = self.kill_at_random("csv", DOCUMENT_KILLS, options, CUT_ROWS)
                self.show(f"Random moments, {compression}", phases)
                self.folder = self.folder.parent

    def kill_at_calls(self, component, when, options=None):
        """Kills a run at one call after the other, in a folder of its own each."""
        commit_rows = CUT_ROWS if component == "avro" or options else 1000
        dataset = {"interactions": 3 * commit_rows, "size": "quick"}
        fields = {"component": component, "options": options, "commit_rows": commit_rows,
                  "commit_interval": "1h"}
        golden, journal = self.folder / "golden" / "rows", self.folder / "journal"
        spec = worker.write_spec(
            self.folder / "golden.json", worker.file_output(golden, **fields), dataset=dataset
        )
        done = worker.run(spec, env=environment(journal))
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = journal.read_text(encoding="utf-8").splitlines()
        self.assertGreater(len(calls), 40)

        phases = collections.Counter()
        # From the second commit on, in `long` the start as well; from the last one on always all.
        commits = [i for i, call in enumerate(calls) if call.startswith("fdatasync")]
        for n in range(1 if worker.IS_LONG else commits[1], len(calls) + 1):
            if n % worker.STRIDE and n <= commits[-1]:
                continue
            with self.subTest(call=calls[n - 1], n=n, when=when):
                path = self.folder / f"{n}" / "out" / "rows"
                spec = worker.write_spec(
                    self.folder / f"{n}.json", worker.file_output(path, **fields), dataset=dataset
                )
                path.parent.parent.mkdir()
                journal.unlink()
                killed = worker.run(spec, env=environment(journal, f"{when} {n}"))
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                made = journal.read_text(encoding="utf-8").splitlines()
                self.assertEqual([c.split()[0] for c in made], [c.split()[0] for c in calls[:n]])
                phases[phase_of(made)] += 1
                if path.exists():
                    self.assertEqual(comparable(path), comparable(golden), "PATH is whole")
                    self.assertTrue(pathlib.Path(f"{path}.manifest.json").exists())
                again = self.finish(spec)
                if path.exists() and "unlink rows.lock" in made:
                    self.assertIn("already complete", again.stderr)
                self.expect_whole(path, golden)
        self.show(f"{when.capitalize()} a call, {component}", phases)
        for phase in (SYNCING, NOT_YET, REPLACED, MANIFEST, NAMED):
            self.assertGreater(phases[phase], 0, phase)

    def test_killed_before_any_call_csv_ends_whole(self):
        self.kill_at_calls("csv", "before")

    def test_killed_within_any_call_csv_ends_whole(self):
        self.kill_at_calls("csv", "within")

    def test_killed_before_any_call_a_json_document_ends_whole(self):
        self.kill_at_calls("json", "before")

    def test_killed_within_any_call_a_json_document_ends_whole(self):
        self.kill_at_calls("json", "within")

    def test_killed_before_any_call_an_avro_file_ends_whole(self):
        self.kill_at_calls("avro", "before")

    def test_killed_within_any_call_an_avro_file_ends_whole(self):
        self.kill_at_calls("avro", "within")

    def test_killed_within_any_call_a_parquet_file_ends_whole(self):
        self.kill_at_calls("parquet", "within", {"row_group_rows": CUT_ROWS})

    def test_killed_within_any_call_a_compressed_file_ends_whole(self):
        self.kill_at_calls("csv", "within", {"compression": "gzip"})


if __name__ == "__main__":
    unittest.main()
