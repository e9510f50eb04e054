"""Memory depends neither on how many rows are made nor on how large the world is."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import worker

MOST_ROWS = 10**8 if worker.IS_LONG else 10**7
# Pages of a thread's stack or of the allocator come and go; a row held for later would be 10^7 of
# them, and a table of a large world 10^8 entries.
SLACK_MB = 8


class MemoryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="throng-memory-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def peak_mb(self, rows, users=500, items=1000, component="csv", sink="null", **dataset):
        """The peak resident memory of a worker that makes this many rows."""
        output = worker.file_output(self.folder / "rows", component, rows={"to": rows})
        if sink != "file":
            output["sink"] = {"component": sink}
        dataset = {"preset": "seed", "interactions": rows,
                   "world": {"users": users, "items": items}, **dataset}
        spec = worker.write_spec(self.folder / "spec.json", output, dataset=dataset, threads=2)
        with subprocess.Popen(worker.command(spec, "--quiet"), stderr=subprocess.PIPE) as process:
            told = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, told)
        for left in self.folder.glob("rows*"):
            left.unlink()
        return usage.ru_maxrss / 1024

    def test_is_the_same_for_few_rows_and_for_many(self):
        few = self.peak_mb(10**5)
        self.assertLessEqual(self.peak_mb(MOST_ROWS), few + SLACK_MB)

    def test_is_the_same_for_small_files_and_for_large_ones(self):
        for component in ("csv", "json"):
            with self.subTest(component):
                few = self.peak_mb(10**5, component=component, sink="file")
                many = self.peak_mb(MOST_ROWS // 10, component=component, sink="file")
                self.assertLessEqual(many, few + SLACK_MB)

    def test_whole_blocks_are_kept_as_long_as_threads_share_them(self):
        plan = {"preset": "shop", "interactions": 10**9}  # of blocks of 65 408 rows
        few = self.peak_mb(10**6, **plan)
        self.assertLessEqual(self.peak_mb(MOST_ROWS // 2, **plan), few + SLACK_MB)

    def test_a_plan_has_no_table_that_grows_with_the_world(self):
        small = self.peak_mb(1000, interactions=50_000)
        large = self.peak_mb(1000, users=10**8, items=10**7, interactions=10**10)
        self.assertLessEqual(large, small + SLACK_MB)

    def test_statistics_count_what_was_met(self):
        small = self.peak_mb(1000, interactions=50_000)
        largest = 2**32 - 1
        large = self.peak_mb(1000, users=largest, items=largest, interactions=10**11)
        self.assertLessEqual(large, small + SLACK_MB)
        many = self.peak_mb(10**6, users=largest, items=largest, interactions=10**11)
        # At most 32 bytes for each user and item that was met.
        self.assertLessEqual(many, small + 64 + SLACK_MB)


if __name__ == "__main__":
    unittest.main()
