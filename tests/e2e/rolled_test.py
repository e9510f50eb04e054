"""Outputs rolled into parts: each part is a file of its own, together they are the whole, and none
of them shows how often the run was killed, stopped, blocked or sliced."""

import gzip
import io
import json
import pathlib
import random
import re
import signal
import subprocess
import time
import unittest

import daemon
import fastavro
import pyarrow.parquet
import worker
from crash_test import comparable, environment
from throng.v1 import run_service_pb2

ROWS = 20_000
ROLL_ROWS = 7_000
PARTS = 3
DATASET = {"preset": "seed", "seed": 5, "interactions": ROWS, "plan_size": ROWS, "size": "quick"}
HEADER = b"user_id,item_id,rating,timestamp\n"
KILLS = 60 if worker.IS_LONG else 8
PATIENCE_SECONDS = 120


def csv_rows(data):
    assert data.startswith(HEADER)
    return data[len(HEADER):].splitlines()


def document_rows(data):
    return json.loads(data)["interactions"]


# A format's options and the rows of its file.
FORMATS = {
    "csv": ("csv", {}, csv_rows),
    "csv.gz": ("csv", {}, lambda data: csv_rows(gzip.decompress(data))),
    "json": ("json", {}, document_rows),
    "jsonl": ("json", {}, bytes.splitlines),
    "avro": ("avro", {"codec": "deflate"}, lambda data: list(fastavro.reader(io.BytesIO(data)))),
    "parquet": ("parquet", {"row_group_rows": 4096},
                lambda data: pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()),
}


class RolledTest(unittest.TestCase):
    def setUp(self):
        self.folder = daemon.scratch_folder(self, "throng-rolled-")
        self.out = self.folder / "out"

    def spec(self, suffix="csv", folder=None, name="spec.json", dataset=None, roll_rows=ROLL_ROWS,
             sink=None, output=None, **fields):
        """The file of a spec of ROWS rows, in parts unless roll_rows is 0."""
        component, options, _ = FORMATS[suffix]
        file = f"rows-{{part}}.{suffix}" if roll_rows else f"rows.{suffix}"
        made = worker.file_output((folder or self.out) / file, component, options,
                                  roll_rows=roll_rows, **(output or {}))
        made["sink"]["options"].update(sink or {})
        return worker.write_spec(self.folder / name, made, dataset={**DATASET, **(dataset or {})},
                                 **fields)

    def run_whole(self, spec, **options):
        done = worker.run(spec, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refuse(self, **fields):
        done = worker.run(self.spec(**fields))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertFalse(self.out.exists())
        return done.stderr

    def part(self, number, suffix="csv", folder=None):
        return (folder or self.out) / f"rows-{number}.{suffix}"

    def parts(self, suffix="csv", folder=None):
        """The parts' bytes, once there is nothing else but their manifests, which fit."""
        folder = folder or self.out
        count = len(list(folder.iterdir())) // 2
        paths = [self.part(number, suffix, folder) for number in range(count)]
        names = [path.name for path in paths]
        self.assertEqual(sorted(file.name for file in folder.iterdir()),
                         sorted(names + [f"{name}.manifest.json" for name in names]))
        for number, path in enumerate(paths):
            manifest = worker.manifest(path)
            self.assertEqual((manifest["part"], manifest["sha256"], manifest["bytes"]),
                             (number, worker.sha256(path), path.stat().st_size))
        return [comparable(path) for path in paths]

    def expect_same(self, golden, suffix="csv"):
        """The parts and their statistics are those of the undisturbed run in the folder `golden`."""
        self.assertTrue(self.parts(suffix) == self.parts(suffix, golden))
        for number in range(len(self.parts(suffix))):
            made, expected = (worker.manifest(self.part(number, suffix, folder))
                              for folder in (self.out, golden))
            for field in ("rows", "position", "fingerprint", "statistics"):
                self.assertEqual(made[field], expected[field], f"{field} of part {number}")

    def start(self, spec, *arguments, **options):
        self.stderr = open(self.folder / "stderr", "w+", encoding="utf-8")
        process = subprocess.Popen(worker.command(spec, *arguments), stderr=self.stderr,
                                   stdout=subprocess.DEVNULL, **options)
        self.addCleanup(self.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_until(self, is_so, what):
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), give_up, what)
            time.sleep(0.002)

    def has_committed(self, number):
        """Whether something of a part was committed and the part is not finished."""
        try:
            text = pathlib.Path(f"{self.part(number)}.position").read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        return json.loads(text.split("\n", 1)[0])["position"] is not None


class PartsTest(RolledTest):
    def test_each_is_a_file_of_its_own_and_they_are_the_whole(self):
        for suffix, (_, _, rows_of) in FORMATS.items():
            with self.subTest(suffix):
                out = self.folder / f"out-{suffix}"
                whole = self.run_whole(self.spec(suffix, self.folder / "whole", roll_rows=0))
                rolled = self.run_whole(self.spec(suffix, out))
                self.assertEqual(rolled.stdout, whole.stdout, "statistics of the whole")
                parts = self.parts(suffix, out)
                rows = [rows_of(part) for part in parts]
                self.assertEqual([len(some) for some in rows], [7_000, 7_000, 6_000])
                expected = rows_of((self.folder / "whole" / f"rows.{suffix}").read_bytes())
                self.assertTrue(sum(rows, []) == expected)
                manifests = [worker.manifest(self.part(i, suffix, out)) for i in range(PARTS)]
                self.assertEqual([m["rows"] for m in manifests], [7_000, 7_000, 6_000])
                self.assertEqual([m["position"] for m in manifests], [7_000, 14_000, 20_000])
                self.assertEqual([m["statistics"]["total_interactions"] for m in manifests],
                                 [m["rows"] for m in manifests])

    def test_a_document_tells_of_its_own_rows(self):
        self.run_whole(self.spec("json"))
        for number, part in enumerate(self.parts("json")):
            document = json.loads(part)
            rows = len(document["interactions"])
            self.assertEqual(document["metadata"]["num_interactions"], rows)
            self.assertEqual(document["statistics"],
                             worker.manifest(self.part(number, "json"))["statistics"])

    def test_they_do_not_depend_on_threads_and_commits(self):
        for suffix in ("csv", "avro"):
            golden = self.folder / f"golden-{suffix}"
            self.run_whole(self.spec(suffix, golden, threads=1))
            for threads, commit_rows in ((3, 0), (2, 1_000)):
                out = self.folder / f"out-{suffix}-{threads}"
                self.run_whole(self.spec(suffix, out, threads=threads,
                                         output={"commit_rows": commit_rows}))
                self.assertTrue(self.parts(suffix, out) == self.parts(suffix, golden), suffix)

    def test_slices_have_parts_of_their_own(self):
        self.run_whole(self.spec(folder=self.folder / "whole", roll_rows=0))
        expected = csv_rows((self.folder / "whole" / "rows.csv").read_bytes())
        for mode in ("contiguous", "interleaved"):
            slices = []
            for index in range(2):
                out = self.folder / f"{mode}-{index}"
                self.run_whole(self.spec(folder=out, roll_rows=3_000,
                                         slice={"index": index, "count": 2, "mode": mode}))
                parts = [csv_rows(part) for part in self.parts(folder=out)]
                self.assertEqual({len(part) for part in parts[:-1]}, {3_000})
                slices.append(sum(parts, []))
            if mode == "contiguous":
                self.assertTrue(sum(slices, []) == expected)
            else:
                owners = [row // 4096 % 2 for row in range(ROWS)]
                for index in range(2):
                    self.assertTrue(slices[index] == [
                        row for row, owner in zip(expected, owners) if owner == index])

    def test_side_tables_have_parts_as_well(self):
        self.run_whole(self.spec(roll_rows=20, output={"table": "users"}, dataset={
            "world": {"users": 50}}))
        self.assertEqual([part.count(b"\nuser_") for part in self.parts()], [20, 20, 10])


class RefusedTest(RolledTest):
    def test_the_path_and_the_rows_of_a_part_belong_together(self):
        self.assertIn(
            "outputs[0].sink.options.path: Each part needs a name of its own; put {part} into it",
            self.refuse(sink={"path": str(self.out / "rows.csv")}))
        self.assertIn(
            "outputs[0].sink.options.path: {part} stands for the number of a part, and this output "
            "has none; set roll_rows beside the sink, or take {part} out.",
            self.refuse(roll_rows=0, sink={"path": str(self.out / "rows-{part}.csv")}))

    def test_only_files_are_rolled(self):
        output = {"format": {"component": "csv"}, "sink": {"component": "stdout"}, "roll_rows": 9}
        done = worker.run(worker.write_spec(self.folder / "spec.json", output, dataset=DATASET))
        self.assertEqual(done.returncode, 2)
        self.assertIn("outputs[0].roll_rows: Only files are rolled into parts, and the sink "
                      "`stdout` writes none; leave this out.", done.stderr)

    def test_a_run_without_end_needs_it(self):
        self.assertIn(
            "outputs[0].roll_rows: The dataset has no end, and a file would never be finished; say "
            "after how many rows the next one begins and put {part} into the path, or set "
            "dataset.interactions.",
            self.refuse(roll_rows=0, dataset={"interactions": None}))


class AgainTest(RolledTest):
    def test_what_is_complete_is_left_alone(self):
        first = self.run_whole(self.spec())
        before = self.part(1).stat()
        again = self.run_whole(self.spec())
        self.assertIn("already complete, 20000 rows", again.stderr)
        self.assertEqual(again.stdout, first.stdout)
        self.assertEqual(self.part(1).stat().st_mtime_ns, before.st_mtime_ns)

    def test_a_part_that_is_gone_is_written_again(self):
        golden = self.folder / "golden"
        self.run_whole(self.spec(folder=golden))
        first = self.run_whole(self.spec())
        kept = self.part(2).stat()
        for number in (0, 1):
            self.part(number).unlink()
            again = self.run_whole(self.spec())
            self.assertEqual(again.stdout, first.stdout)
            self.expect_same(golden)
        self.assertEqual(self.part(2).stat().st_mtime_ns, kept.st_mtime_ns)

    def test_more_rows_are_more_parts_and_fewer_are_refused(self):
        more = {"interactions": 2 * ROLL_ROWS}
        self.run_whole(self.spec(dataset={"interactions": ROLL_ROWS}))
        self.run_whole(self.spec(dataset=more))
        self.assertEqual(len(self.parts()), 2)
        done = worker.run(self.spec(dataset={"interactions": ROLL_ROWS}))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"part 1 of {self.out}/rows-{{part}}.csv is there already, and the rows that "
                      "are asked for now end before it.", done.stderr)
        self.run_whole(self.spec())
        self.run_whole(self.spec(dataset={"interactions": ROWS + 500}))
        self.assertEqual(worker.manifest(self.part(2))["rows"], ROWS - 2 * ROLL_ROWS + 500)

    def test_another_file_is_in_the_way_unless_it_may_be_overwritten(self):
        self.out.mkdir()
        self.part(1).write_text("mine")
        failed = worker.run(self.spec())
        self.assertEqual(failed.returncode, 1)
        self.assertIn("rows-1.csv exists, and its manifest ", failed.stderr)
        self.assertIn("is missing, without which nothing says that it is this dataset in this form",
                      failed.stderr)
        self.assertEqual(self.part(1).read_text(), "mine")
        self.assertTrue(self.part(0).exists())
        self.run_whole(self.spec(sink={"overwrite": True}))
        golden = self.folder / "golden"
        self.run_whole(self.spec(folder=golden))
        self.expect_same(golden)

    def test_two_at_once_write_each_part_once(self):
        golden = self.folder / "golden"
        fields = {"roll_rows": 2_000, "pace": {"rate": 8_000}}
        self.run_whole(self.spec(folder=golden, roll_rows=2_000))
        first = self.start(self.spec(**fields, output={"commit_rows": 200}),
                           "--retry-timeout", f"{PATIENCE_SECONDS}s")
        second = worker.run(self.spec(name="second.json", **fields), "--retry-timeout", f"{PATIENCE_SECONDS}s")
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertEqual(first.wait(PATIENCE_SECONDS), 0, (self.folder / "stderr").read_text())
        self.expect_same(golden)

    def test_relative_times_are_those_of_the_first_part(self):
        clock = {"clock": {"component": "uniform", "options": {"start": "now-7d"}}}
        process = self.start(self.spec(dataset=clock, pace={"rate": 8_000},
                                       output={"commit_rows": 500}))
        self.wait_until(lambda: self.has_committed(1), "part 1 is not begun")
        process.send_signal(signal.SIGKILL)
        process.wait()
        pathlib.Path(f"{self.part(1)}.part").unlink()
        pathlib.Path(f"{self.part(1)}.position").unlink()
        self.run_whole(self.spec(dataset=clock))
        self.parts()
        self.assertEqual(len({worker.manifest(self.part(i))["fingerprint"] for i in range(PARTS)}),
                         1)


class KilledTest(RolledTest):
    def kill_at_calls(self, suffix, when):
        """Kills a run before or within each call from the end of one part to that of the next."""
        golden, journal = self.folder / "golden", self.folder / "journal"
        fields = {"suffix": suffix, "roll_rows": 4_000, "dataset": {"interactions": 10_000},
                  "output": {"commit_interval": "1h", "commit_rows": 2_000}, "threads": 1}
        self.run_whole(self.spec(folder=golden, **fields), env=environment(journal))
        calls = journal.read_text(encoding="utf-8").splitlines()
        ends = [n for n, call in enumerate(calls, 1) if call.endswith(".manifest.json.new")
                and call.startswith("open")]
        self.assertEqual(len(ends), PARTS)
        tried = range(1, len(calls) + 1) if worker.IS_LONG else range(ends[0] - 4, ends[1] + 1)
        self.assertGreater(len(tried), 15)
        for n in tried:
            with self.subTest(call=calls[n - 1], n=n):
                self.out = self.folder / f"{n}"
                killed = worker.run(self.spec(**fields), env=environment(journal, f"{when} {n}"))
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                self.run_whole(self.spec(**fields))
                self.expect_same(golden, suffix)

    def test_before_any_call(self):
        self.kill_at_calls("csv", "before")

    def test_within_any_call(self):
        self.kill_at_calls("json", "within")

    def test_at_random_moments(self):
        golden = self.folder / "golden"
        fields = {"roll_rows": 1_700, "dataset": {"interactions": 5_000 * KILLS},
                  "output": {"commit_rows": 150}}
        self.run_whole(self.spec(folder=golden, **fields))
        chance = random.Random(20_240_101)

        def finished():
            return len(list(self.out.glob("*.manifest.json")))

        for _ in range(KILLS):
            before = finished()
            process = self.start(self.spec(**fields, pace={"rate": 8_000}))
            self.wait_until(lambda: finished() > before, "there is no progress")
            time.sleep(chance.uniform(0, 0.2))  # in which another part passes
            process.send_signal(signal.SIGKILL)
            self.assertEqual(process.wait(), -signal.SIGKILL)
        self.run_whole(self.spec(**fields))
        self.expect_same(golden)


class EndlessTest(RolledTest):
    def test_it_ends_at_a_commit_and_goes_on(self):
        golden = self.folder / "golden"
        fields = {"roll_rows": 2_000, "output": {"commit_rows": 300}}
        endless = self.spec(**fields, name="endless.json", dataset={"interactions": None},
                            pace={"rate": 5_000})
        for goal in (2, 4):
            process = self.start(endless)
            self.wait_until(lambda: self.has_committed(goal), f"part {goal} is not begun")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE_SECONDS), 130)
            stderr = (self.folder / "stderr").read_text(encoding="utf-8")
            row = int(re.search(r"stopped at row (\d+) after \1 rows", stderr)[1])
            self.assertGreater(row, 2_000 * goal)
            self.assertFalse(self.part(goal + 2).exists())
        last = {"interactions": 10_300}
        self.run_whole(self.spec(**fields, dataset=last))
        self.run_whole(self.spec(**fields, dataset=last, folder=golden))
        self.assertEqual(len(self.parts()), 6)
        self.expect_same(golden)

    def test_what_it_left_may_be_all_that_is_asked_for(self):
        fields = {"roll_rows": 2_000, "output": {"commit_rows": 300}}
        process = self.start(self.spec(**fields, dataset={"interactions": None},
                                       pace={"rate": 5_000}))
        self.wait_until(lambda: self.has_committed(1), "part 1 is not begun")
        process.send_signal(signal.SIGKILL)
        process.wait()
        for file in self.out.glob("rows-[1-9]*"):
            file.unlink()
        again = self.run_whole(self.spec(**fields, dataset={"interactions": 2_000}))
        self.assertIn("already complete, 2000 rows", again.stderr)
        self.assertIn("Total Interactions: 2000\n", again.stdout)


class CalendarTest(RolledTest):
    def dataset(self, start, plan_size=100, rows=None):
        clock = {"component": "uniform", "options": {"start": start, "window": "1h"}}
        return {"interactions": rows, "plan_size": plan_size, "clock": clock}

    def rows(self, out, **fields):
        """The rows of all parts that a run of its own makes there, once another one adds none."""
        spec = self.spec(folder=out, **fields)
        done = self.run_whole(spec)
        self.assertNotIn("goes on", done.stderr)
        rows = [row for part in self.parts(folder=out) for row in csv_rows(part)]
        again = self.run_whole(spec)
        self.assertIn(f"already complete, {len(rows)} rows", again.stderr)
        return rows

    def test_what_has_no_end_ends_with_the_year_9999_however_it_is_walked(self):
        dataset = self.dataset("9999-12-31T00:00:00Z")
        whole = self.rows(self.folder / "whole", roll_rows=10_000,
                          dataset=self.dataset("9999-12-31T00:00:00Z", rows=2_400))
        ways = [{"output": {"commit_rows": rows}} for rows in (1, 100, 1_000, 3_000)]
        ways += [{"roll_rows": rows} for rows in (1_000, 2_400, 5_000)]
        ways += [{"pace": {"rate": 9_000}}, {"threads": 1}, {"threads": 3}, {}]
        for number, way in enumerate(ways):
            with self.subTest(way):
                self.assertEqual(self.rows(self.folder / str(number), dataset=dataset, **way), whole)

    def test_it_may_end_within_an_epoch_and_within_a_slice(self):
        dataset = self.dataset("9999-12-31T00:30:00Z", plan_size=1_000)
        rows = self.rows(self.folder / "all", dataset=dataset)
        self.assertTrue(23_400 < len(rows) < 23_600, len(rows))
        bounded = self.dataset("9999-12-31T00:30:00Z", plan_size=1_000, rows=len(rows))
        self.assertEqual(self.rows(self.folder / "bounded", dataset=bounded), rows)
        bounded["interactions"] += 1
        self.assertIn("leave the years 1 to 9999", self.refuse(dataset=bounded))
        slices = [self.rows(self.folder / f"slice-{index}", dataset=dataset,
                            slice={"index": index, "count": 2}) for index in range(2)]
        strides = [rows[first:first + 4_096] for first in range(0, len(rows), 4_096)]
        self.assertEqual(slices[0], sum(strides[::2], []))
        self.assertEqual(slices[1], sum(strides[1::2], []))

    def test_it_is_told_beforehand_and_nothing_is_asked_for_beyond(self):
        dataset = self.dataset("9999-12-31T00:00:00Z")
        self.assertIn("outputs[0].rows.from: Must lie between 0 and 2399, the last row with an event "
                      "time before the year 10000, found 2400.",
                      self.refuse(dataset=dataset, output={"rows": {"from": 2_400}}))
        done = self.run_whole(self.spec(dataset=dataset))
        self.assertIn("note: The dataset has no end, but the calendar has: row 2399 is the last one "
                      "with an event time before the year 10000, and outputs end there.\n",
                      done.stderr)


class FullDiskTest(RolledTest):
    def test_it_goes_on_once_there_is_space(self):
        self.out.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=480k", "tmpfs", self.out],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.out], check=True)
        process = self.start(self.spec(output={"commit_rows": 500}), "--retry-timeout", "1h")
        told = self.folder / "stderr"
        self.wait_until(lambda: "blocked, trying again: " in told.read_text(), "it is not blocked")
        self.assertRegex(told.read_text(), r"rows-1\.csv\S* is full \(No space left on device\)")
        self.assertTrue(self.part(0).exists())
        subprocess.run(["mount", "-o", "remount,size=8m", self.out], check=True)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 0, told.read_text())
        golden = self.folder / "golden"
        self.run_whole(self.spec(folder=golden))
        self.expect_same(golden)


class DaemonTest(RolledTest):
    def test_positions_are_those_of_the_parts_together(self):
        served = daemon.Daemon(self.folder)
        self.addCleanup(served.close)
        spec = json.loads(self.spec(pace={"rate": 6_000}, output={"commit_rows": 250}).read_text())
        spec["outputs"][0]["sink"]["options"]["path"] = "rows-{part}.csv"
        run = served.create(spec, "rolled").name
        served.wait(run, lambda run: run.outputs[0].position > ROLL_ROWS + 250, "part 1")
        served.restart()
        served.wait(run, lambda run: run.outputs[0].position > ROLL_ROWS + 500, "more of part 1")
        served.stop(run)
        row = served.wait_for_state(run, daemon.STOPPED).outputs[0].position
        position = served.runs.GetPositions(
            run_service_pb2.GetPositionsRequest(name=run), timeout=PATIENCE_SECONDS).positions[0]
        self.assertEqual((position.row, position.is_complete), (row, False))
        self.assertTrue(self.part(0).exists())

        reset = run_service_pb2.ResetPositionsRequest(name=run, outputs=["rows"])
        position = served.runs.ResetPositions(reset, timeout=PATIENCE_SECONDS).positions[0]
        self.assertFalse(position.HasField("row"))
        self.assertEqual(list(self.out.iterdir()), [])
        served.resume(run)
        last = served.wait_for_state(run, daemon.SUCCEEDED, daemon.FAILED)
        self.assertEqual(last.state, daemon.SUCCEEDED, last.reason)
        golden = self.folder / "golden"
        self.run_whole(self.spec(folder=golden))
        self.assertTrue(self.parts() == self.parts(folder=golden))
        reset = served.runs.GetPositions(
            run_service_pb2.GetPositionsRequest(name=run), timeout=PATIENCE_SECONDS).positions[0]
        self.assertEqual((reset.row, reset.is_complete), (ROWS, True))


if __name__ == "__main__":
    unittest.main()
