"""Growth: a finished file whose dataset has more rows by now goes on, and ends as the file that was
made at once; whatever is killed on the way, there is the old file or one that goes on."""

import base64
import itertools
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import crash_test
import worker

PLAN = {"size": "quick", "plan_size": 5000}
CUT_ROWS = crash_test.CUT_ROWS
# Of the formats with inner blocks, the second step ends with a whole one.
STEPS = (5000, 2 * CUT_ROWS, 50_000, 50_000 + CUT_ROWS)
FORMS = {
    "rows.csv": ("csv", {}),
    "rows.csv.gz": ("csv", {}),
    "rows.csv.zst": ("csv", {}),
    "rows.jsonl": ("json", {}),
    "rows.jsonl.gz": ("json", {}),
    "rows.avro": ("avro", {"codec": "null"}),
    "deflated.avro": ("avro", {"codec": "deflate"}),
    "rows.parquet": ("parquet", {"row_group_rows": CUT_ROWS}),
}
KINDS = ("rows.csv", "rows.csv.gz", "rows.avro")  # text, members, blocks
CREATED, LAST_CUT, RUN = 4, 11, 13  # fields of the host's state


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def without_field(message, number):
    """A Protobuf message less one of its fields."""
    kept, at = b"", 0
    while at < len(message):
        begin = at
        tag, at = varint(message, at)
        if tag & 7 == 2:
            size, at = varint(message, at)
            at += size
        elif tag & 7 == 0:
            at = varint(message, at)[1]
        else:
            at += {1: 8, 5: 4}[tag & 7]
        if tag >> 3 != number:
            kept += message[begin:at]
    return kept


class GrowthTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="throng-growth-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def run_rows(self, path, rows, component="csv", options=None, expect=0, run=None, plan=PLAN,
                 **fields):
        """Asks for so many rows of the same dataset."""
        spec = worker.write_spec(
            self.folder / "spec.json",
            worker.file_output(path, component, options, **fields),
            dataset={**plan, "interactions": rows},
            **(run or {}),
        )
        done = worker.run(spec)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stderr

    def files(self, path):
        return sorted(file.name for file in path.parent.iterdir())

    def expect_same(self, path, golden):
        """Both are finished, with the same bytes and, but for times and folders, the same manifest."""
        self.assertEqual(self.files(path), self.files(golden))
        self.assertEqual(path.read_bytes(), golden.read_bytes())
        self.assertEqual(worker.manifest(path)["sha256"], worker.sha256(path))

        def comparable(file):
            manifest = worker.manifest(file)
            for member in ("created", "identity", "run_uid"):  # which the folder decides
                manifest.pop(member)
            state = base64.b64decode(manifest.pop("host_state"))
            for field in (CREATED, RUN):
                state = without_field(state, field)
            return json.dumps(manifest).replace(str(file.parent), ""), len(state)

        self.assertEqual(comparable(path), comparable(golden))

    def test_each_step_ends_as_the_file_that_is_made_at_once(self):
        for name, (component, options) in FORMS.items():
            path = self.folder / "grown" / name
            for rows in STEPS:
                with self.subTest(name=name, rows=rows):
                    self.run_rows(path, rows, component, options)
                    golden = self.folder / f"at-once-{rows}" / name
                    self.run_rows(golden, rows, component, options)
                    self.expect_same(path, golden)
                    for file in path.parent.iterdir():
                        self.assertIn(name, file.name)
            for file in path.parent.iterdir():
                file.unlink()
            for folder in self.folder.glob("at-once-*"):
                for file in folder.iterdir():
                    file.unlink()

    def test_it_says_where_it_goes_on_and_counts_the_whole(self):
        path = self.folder / "out" / "rows.csv"
        self.run_rows(path, 5000)
        told = self.run_rows(path, 20_000)
        self.assertIn("output rows: goes on from row 5000", told)
        self.assertIn("output rows: 20000 rows in", told)
        self.assertEqual(worker.manifest(path)["statistics"]["total_interactions"], 20_000)
        self.assertIn("already complete, 20000 rows", self.run_rows(path, 20_000))

    def test_fewer_rows_are_refused(self):
        path = self.folder / "out" / "rows.csv"
        self.run_rows(path, 20_000)
        before = path.stat()
        told = self.run_rows(path, 5000, expect=1)
        self.assertIn("is complete with rows up to 20000, and only those below 5000 are asked for now. "
                      "A finished file does not lose rows: ask for at least as many", told)
        self.assertEqual(path.stat(), before)

    def test_what_depends_on_the_number_of_rows_says_why_it_cannot_grow(self):
        def refusal(name, component="csv", **fields):
            path = self.folder / name / "rows"
            self.run_rows(path, 5000, component, **fields)
            before = path.read_bytes()
            told = self.run_rows(path, 20_000, component, expect=1, **fields)
            self.assertEqual(path.read_bytes(), before)
            self.assertEqual(self.files(path), ["rows", "rows.manifest.json"])
            self.assertIn("holds this dataset with 5000 interactions, and cannot get more or fewer: ",
                          told)
            self.assertIn("Or choose another place, delete what is there, or set overwrite: true.",
                          told)
            return told

        self.assertIn("what the format `json` writes first here says how many they are; take one "
                      "that does not, as JSON lines (layout: lines), CSV or Avro.",
                      refusal("document", "json"))
        self.assertIn("give `rows` instead of `share`.", refusal("share", share={"to": 0.5}))
        self.assertIn("set slice.mode to interleaved.",
                      refusal("slice", run={"slice": {"index": 1, "count": 2}}))
        document = self.folder / "document" / "rows"
        spec = json.loads((self.folder / "spec.json").read_text())
        output = worker.file_output(document, "json")
        output["sink"]["options"]["overwrite"] = "true"
        done = worker.run(worker.write_spec(
            self.folder / "spec.json", output, dataset={**spec["dataset"], "interactions": 20_000}))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(json.loads(document.read_bytes())["interactions"]), 20_000)

    def test_another_plan_is_refused_with_the_size_that_is_there(self):
        path = self.folder / "out" / "rows.csv"
        self.run_rows(path, 5000)
        spec = worker.write_spec(self.folder / "other.json", worker.file_output(path),
                                 dataset={"size": "quick", "interactions": 20_000})
        done = worker.run(spec)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Or set dataset.plan_size to 5000, as it is there.", done.stderr)

    def test_interleaved_slices_grow(self):
        plan = {**PLAN, "preset": "seed"}  # of short strides
        for index in range(3):  # the last of which has no row at first
            run = {"slice": {"index": index, "count": 3, "mode": "interleaved"}}
            for name in KINDS:
                with self.subTest(name=name, index=index):
                    component, options = FORMS[name]
                    path = self.folder / f"{index}" / name / "rows"
                    golden = self.folder / f"{index}" / f"{name}.golden" / "rows"
                    for rows in (5000, 20_000):
                        self.run_rows(path, rows, component, options, run=run, plan=plan)
                    self.run_rows(golden, 20_000, component, options, run=run, plan=plan)
                    self.expect_same(path, golden)

    def test_rolled_parts_grow(self):
        for name in KINDS:
            component, options = FORMS[name]
            with self.subTest(name=name):
                folder = self.folder / name
                fields = {"component": component, "options": options, "roll_rows": 18_000}
                for rows in (5000, 18_000, 20_000, 50_000):
                    self.run_rows(folder / "grown" / f"{{part}}-{name}", rows, **fields)
                    golden = folder / f"{rows}"
                    self.run_rows(golden / f"{{part}}-{name}", rows, **fields)
                    self.assertEqual(self.files(folder / "grown" / name), self.files(golden / name))
                    for file in golden.iterdir():
                        if not file.name.endswith(".json"):
                            self.assertEqual((folder / "grown" / file.name).read_bytes(),
                                             file.read_bytes(), file.name)
                    last = f"{(rows - 1) // 18_000}-{name}"
                    grown, at_once = (worker.manifest(f / last) for f in (folder / "grown", golden))
                    for field in ("sha256", "rows", "position", "part", "statistics"):
                        self.assertEqual(grown[field], at_once[field], field)

    def test_a_file_that_was_changed_stays_as_it_is(self):
        path = self.folder / "out" / "rows.csv"
        self.run_rows(path, 5000)
        data = bytearray(path.read_bytes())
        data[70] ^= 1
        path.write_bytes(data)
        told = self.run_rows(path, 20_000, expect=1)
        self.assertIn("was changed since it was finished: its SHA-256 is not the one in its manifest; "
                      "delete it to write it again, or choose another path.", told)
        self.assertEqual(path.read_bytes(), data)
        self.assertEqual(self.files(path), ["rows.csv", "rows.csv.manifest.json"])

    def test_a_file_with_two_names_stays_as_it_is(self):
        path = self.folder / "out" / "rows.csv"
        self.run_rows(path, 5000)
        os.link(path, self.folder / "kept.csv")
        told = self.run_rows(path, 20_000, expect=1)
        self.assertIn("has more than one name (hard links), and more rows would follow under each of "
                      "them; replace it by a copy of its own, or choose another path.", told)
        (self.folder / "kept.csv").unlink()
        self.run_rows(path, 20_000)

    def test_a_file_of_blocks_that_does_not_say_where_its_last_one_begins_stays_as_it_is(self):
        path = self.folder / "out" / "rows.avro"
        self.run_rows(path, 5000, "avro")
        manifest = worker.manifest(path)
        older = without_field(base64.b64decode(manifest["host_state"]), LAST_CUT)
        manifest["host_state"] = base64.b64encode(older).decode()
        pathlib.Path(f"{path}.manifest.json").write_text(json.dumps(manifest))
        told = self.run_rows(path, 20_000, "avro", expect=1)
        self.assertIn("holds 5000 rows, and was written by a version of Throng that did not note "
                      "where its last block begins, so that no more can follow.", told)
        self.assertIn("already complete", self.run_rows(path, 5000, "avro"))

    def test_without_an_end_it_grows_into_further_parts(self):
        path = self.folder / "out" / "{part}.csv"
        self.run_rows(path, 5000, roll_rows=4000)
        spec = worker.write_spec(
            self.folder / "spec.json", worker.file_output(path, roll_rows=4000),
            dataset={**PLAN, "interactions": None}, pace={"rate": 40_000})
        process = subprocess.Popen(worker.command(spec), stderr=subprocess.PIPE)
        give_up = time.monotonic() + crash_test.PATIENCE_SECONDS
        while not (self.folder / "out" / "3.csv").exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate()
        golden = self.folder / "golden" / "{part}.csv"
        self.run_rows(golden, 16_000, roll_rows=4000)
        for part in range(4):
            self.assertEqual((self.folder / "out" / f"{part}.csv").read_bytes(),
                             (self.folder / "golden" / f"{part}.csv").read_bytes())

    def kill_at_calls(self, name, when):
        """Kills the growth at one call after the other that changes a file."""
        component, options = FORMS[name]
        fewer, more, most = 5000, 20_000, 40_000
        fields = {"commit_rows": CUT_ROWS, "commit_interval": "1h"}

        def spec(path, rows):
            return worker.write_spec(
                self.folder / "spec.json",
                worker.file_output(path, component, options, **fields),
                dataset={**PLAN, "interactions": rows})

        steps = (fewer, more, most)
        old, *golden = (self.folder / f"{rows}" / name for rows in steps)
        for path, rows in zip((old, *golden), steps):
            self.run_rows(path, rows, component, options, **fields)
        journal = self.folder / "journal"
        kept_whole = 0
        for n in itertools.count(1):
            if not worker.IS_LONG and n % (worker.STRIDE * (1 if n <= 20 else 4)):
                continue
            path = self.folder / "out" / name
            self.run_rows(path, fewer, component, options, **fields)
            journal.unlink(missing_ok=True)
            killed = worker.run(spec(path, more),
                                env=crash_test.environment(journal, f"{when} {n}"))
            calls = journal.read_text(encoding="utf-8").splitlines()
            if killed.returncode == 0:  # after fewer calls
                break
            with self.subTest(call=calls[-1], n=n, when=when):
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                left = self.files(path)
                if path.exists():
                    manifest = worker.manifest(path)
                    self.assertEqual(manifest["sha256"], worker.sha256(path))
                    self.assertIn(manifest["rows"], (fewer, more))
                    kept_whole += manifest["rows"] == fewer
                else:
                    self.assertIn(f"{name}.part", left)
                    self.assertIn(f"{name}.position", left)
                is_half_way = crash_test.committed_position(path) > fewer or (
                    path.exists() and worker.manifest(path)["rows"] == more)
                if n % 3 == 0 and not is_half_way:  # who asked for fewer has them again
                    self.run_rows(path, fewer, component, options, **fields)
                    self.expect_same(path, old)
                for whole, rows in list(zip(golden, steps[1:]))[n % 3 == 1:]:  # or at once to the last
                    self.run_rows(path, rows, component, options, **fields)
                    self.expect_same(path, whole)
                for file in path.parent.iterdir():
                    file.unlink()
        self.assertIn(f"renameat2 {name}", calls)
        self.assertGreater(kept_whole, 3)
        self.assertGreater(n - kept_whole, 20)

    def test_killed_before_any_call_a_csv_is_the_old_one_or_goes_on(self):
        self.kill_at_calls("rows.csv", "before")

    @unittest.skipUnless(worker.IS_LONG, "long")
    def test_killed_within_any_call_a_csv_is_the_old_one_or_goes_on(self):
        self.kill_at_calls("rows.csv", "within")

    @unittest.skipUnless(worker.IS_LONG, "long")
    def test_killed_before_any_call_an_avro_file_is_the_old_one_or_goes_on(self):
        self.kill_at_calls("rows.avro", "before")

    def test_killed_within_any_call_a_compressed_file_is_the_old_one_or_goes_on(self):
        self.kill_at_calls("rows.csv.gz", "within")


if __name__ == "__main__":
    unittest.main()
