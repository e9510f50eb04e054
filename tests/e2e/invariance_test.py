"""A dataset is a pure function: the same bytes however it is walked, sliced or interrupted."""

import heapq
import json
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import worker

ROWS = 200_000
DATASET = {"seed": 42, "interactions": ROWS, "plan_size": 50_000}  # four epochs


class InvarianceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, name, dataset=None, slice=None, threads=0, pace=None, component="csv", **fields):
        """Runs one output to its end and returns its bytes."""
        path = self.folder / name
        rest = {key: value for key, value in (("slice", slice), ("threads", threads),
                                              ("pace", pace)) if value}
        spec = worker.write_spec(f"{path}.yaml", worker.file_output(path, component, **fields),
                                 dataset=dataset or DATASET, **rest)
        done = worker.run(spec)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path.read_bytes()

    def test_threads_and_units_do_not_matter(self):
        for component, suffix in (("csv", "csv"), ("json", "jsonl"), ("avro", "avro"),
                                  ("csv", "csv.gz"), ("json", "jsonl.zst"),
                                  ("parquet", "parquet")):
            whole = self.make(f"whole.{suffix}", threads=1, component=component)
            for threads in (2, 8):
                self.assertEqual(self.make(f"t{threads}.{suffix}", threads=threads,
                                           component=component), whole)
            for rows in (1000, 4096, 100_000):
                self.assertEqual(self.make(f"c{rows}.{suffix}", commit_rows=rows,
                                           component=component), whole)
        small = {"seed": 42, "interactions": 500, "plan_size": 50_000}
        for rows in (1, 7):
            self.assertEqual(self.make(f"s{rows}.csv", small, commit_rows=rows),
                             b"".join(whole_lines(self.make("small.csv", small))))

    def test_contiguous_slices_join(self):
        for component, suffix in (("csv", "csv"), ("json", "jsonl")):
            whole = self.make(f"whole.{suffix}", component=component)
            for count in (2, 3, 7):
                parts = [self.make(f"{count}-{index}.{suffix}", component=component,
                                   slice={"index": index, "count": count, "mode": "contiguous"})
                         for index in range(count)]
                self.assertEqual(b"".join(parts), whole)

    def test_interleaved_slices_merge(self):
        columns = ["interaction_id", "user_id", "item_id", "rating", "timestamp"]
        whole = whole_lines(self.make("whole.csv", columns=columns))
        for count in (2, 3):
            parts = [whole_lines(self.make(f"{count}-{index}.csv", columns=columns,
                                           slice={"index": index, "count": count,
                                                  "mode": "interleaved"}))
                     for index in range(count)]
            self.assertTrue(all(part[0] == whole[0] for part in parts))  # each has the header
            merged = heapq.merge(*(part[1:] for part in parts),
                                 key=lambda line: int(line.split(b",")[0]))
            self.assertEqual(list(merged), whole[1:])

    def test_a_slice_without_rows_is_a_whole_file(self):
        few = {"seed": 42, "size": "quick"}
        nothing = {"index": 0, "count": 1000, "mode": "contiguous"}
        self.assertEqual(self.make("none.csv", few, slice=nothing).count(b"\n"), 1)
        document = json.loads(self.make("none.json", few, slice=nothing, component="json"))
        self.assertEqual(document["interactions"], [])
        self.assertEqual(document["statistics"]["total_interactions"], 0)
        self.assertEqual(document["statistics"]["rating_distribution"], [])

    def test_rows_do_not_change_when_more_are_asked_for(self):
        whole = whole_lines(self.make("whole.csv"))
        for rows in (1, 4_999, 50_000, 123_456):
            shorter = self.make(f"{rows}.csv", {**DATASET, "interactions": rows})
            self.assertEqual(whole_lines(shorter), whole[:rows + 1])

    def test_too_few_rows_for_a_plan_are_the_first_of_the_size_s(self):
        for size, few in (("production", (1, 10, 1_602)), ("quick", (1, 67))):
            whole = whole_lines(self.make(f"{size}.csv", {"size": size}))
            for rows in few:
                dataset = {"size": size, "interactions": rows}
                self.assertEqual(whole_lines(self.make(f"{size}-{rows}.csv", dataset)),
                                 whole[:rows + 1])
            made = worker.manifest(self.folder / f"{size}-1.csv")
            self.assertEqual(made["spec"]["dataset"]["plan_size"], len(whole) - 1)
        own = worker.run(worker.write_spec(
            self.folder / "own.yaml", worker.file_output(self.folder / "own.csv"),
            dataset={"interactions": 1_603}))
        self.assertNotIn("plan of their own", own.stderr)
        made = worker.manifest(self.folder / "own.csv")
        self.assertEqual(made["spec"]["dataset"]["plan_size"], 1_603)

    def test_ranges_and_shares_cut_the_same_rows(self):
        whole = whole_lines(self.make("whole.csv"))
        some = whole_lines(self.make("some.csv", rows={"from": 49_999, "to": 150_001}))
        self.assertEqual(some, whole[:1] + whole[50_000:150_002])
        train = whole_lines(self.make("train.csv", share={"to": 0.29}))
        test = whole_lines(self.make("test.csv", share={"from": 0.29}))
        self.assertEqual(len(train), 1 + 58_000)
        self.assertEqual(train + test[1:], whole)

    def test_rows_far_beyond_are_computed_alone(self):
        far = {"seed": 42, "interactions": 10**11, "plan_size": 10**11}
        rows = whole_lines(self.make("far.csv", far, rows={"from": 10**11 - 10, "to": 10**11}))
        more = whole_lines(self.make("more.csv", far, rows={"from": 10**11 - 5000, "to": 10**11}))
        self.assertEqual(rows[1:], more[-10:])

    def test_a_run_that_is_stopped_goes_on(self):
        whole = self.make("whole.csv")
        path = self.folder / "stopped.csv"
        output = worker.file_output(path, commit_rows=1_000)
        slow = worker.write_spec(f"{path}.slow.yaml", output, dataset=DATASET,
                                 pace={"rate": ROWS / 60})
        committed = None
        for _ in range(3):
            with subprocess.Popen(worker.command(slow), stderr=subprocess.PIPE, text=True) as run:
                give_up = time.monotonic() + 300
                while position_text(path) == committed and run.poll() is None:
                    self.assertLess(time.monotonic(), give_up)
                    time.sleep(0.005)
                run.send_signal(signal.SIGTERM)
                told = run.stderr.read()
                self.assertEqual(run.wait(), 130, told)
                self.assertIn("stopped at row", told)
            committed = position_text(path)
        done = worker.run(worker.write_spec(f"{path}.yaml", output, dataset=DATASET))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(path.read_bytes(), whole)


def position_text(path):
    """What is committed of an unfinished file, or None."""
    try:
        return pathlib.Path(f"{path}.position").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def whole_lines(content):
    return content.splitlines(keepends=True)


if __name__ == "__main__":
    unittest.main()
