"""Several outputs of one run: each at its own speed and with its own end, whatever becomes of the
others."""

import json
import pathlib
import subprocess
import unittest

import daemon
import worker

ROWS = 20_000
DATASET = {"seed": 5, "interactions": ROWS}
NAMES = {"csv": "rows.csv", "json": "rows.json", "avro": "rows.avro"}


class OutputsTest(unittest.TestCase):
    def setUp(self):
        self.folder = daemon.scratch_folder(self, "throng-outputs-")
        self.out = self.folder / "out"
        self.small = self.out / "small"
        self.small.mkdir(parents=True)

    def outputs(self, folders, root=None):
        """A CSV, a JSON and an Avro file, each in the folder that it has in `folders`."""
        made = []
        for component, file in NAMES.items():
            path = (self.out if root is None else root) / folders.get(component, "") / file
            made.append({**worker.file_output(path, component, commit_rows=1_000),
                         "name": component})
        return made

    def expect_whole(self, *components, folders):
        golden = self.folder / "golden"
        self.assertEqual(worker.run(worker.write_spec(
            self.folder / "golden.json", *self.outputs({}, golden), dataset=DATASET)).returncode, 0)
        for component in components:
            path = self.out / folders.get(component, "") / NAMES[component]
            self.assertEqual(worker.manifest(path)["sha256"], worker.sha256(path))
            if component == "json":  # it holds the time at which it was begun
                made, whole = (json.loads(file.read_bytes()) for file in (path, golden / path.name))
                self.assertTrue(made["interactions"] == whole["interactions"])
                self.assertEqual(made["statistics"], whole["statistics"])
            else:
                self.assertEqual(worker.sha256(path), worker.sha256(golden / path.name), component)

    def mount_small_disk(self):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", self.small],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.small], check=True)

    def test_one_that_is_blocked_holds_up_no_other(self):
        self.mount_small_disk()
        folders = {"json": "small"}
        spec = worker.write_spec(self.folder / "spec.json", *self.outputs(folders),
                                 dataset=DATASET)
        failed = worker.run(spec, "--retry-timeout", "2s")
        self.assertEqual(failed.returncode, 1, failed.stderr)
        self.assertIn(f"output csv: {ROWS} rows in {self.out}/rows.csv\n", failed.stderr)
        self.assertIn(f"output avro: {ROWS} rows in {self.out}/rows.avro\n", failed.stderr)
        self.assertRegex(failed.stderr, r"output json: failed after \d+ rows in .*/rows.json: sink "
                         r"`file`: .* is full \(No space left on device\)")
        self.assertIn("The same command goes on where it ended:\n", failed.stderr)
        self.expect_whole("csv", "avro", folders=folders)

        subprocess.run(["mount", "-o", "remount,size=16m", self.small], check=True)
        again = worker.run(spec)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn(f"output csv: already complete, {ROWS} rows", again.stderr)
        self.assertIn(f"output json: {ROWS} rows", again.stderr)
        self.assertIn(f"output avro: already complete, {ROWS} rows", again.stderr)
        self.expect_whole(*NAMES, folders=folders)

    def test_a_runs_state_names_the_one_that_is_blocked(self):
        self.mount_small_disk()
        served = daemon.Daemon(self.folder)
        self.addCleanup(served.close)
        folders = {"csv": "small"}
        spec = {"dataset": DATASET, "outputs": self.outputs(folders, pathlib.Path())}
        run = served.create(spec, "three").name
        blocked = served.wait(
            run, lambda run: [output.state for output in run.outputs[1:]] == 2 * [
                daemon.run_pb2.OUTPUT_STATE_SUCCEEDED] and
            run.outputs[0].state == daemon.run_pb2.OUTPUT_STATE_BLOCKED, "one is blocked")
        self.assertEqual(blocked.state, daemon.run_pb2.RUN_STATE_BLOCKED)  # nothing goes on
        self.assertTrue(blocked.reason.startswith("output csv: "), blocked.reason)
        self.assertIn("is full (No space left on device)", blocked.outputs[0].reason)
        subprocess.run(["mount", "-o", "remount,size=16m", self.small], check=True)
        done = served.wait_for_state(run, daemon.SUCCEEDED, daemon.FAILED)
        self.assertEqual(done.state, daemon.SUCCEEDED, done.reason)
        self.expect_whole(*NAMES, folders=folders)

    def test_one_that_has_no_place_fails_alone(self):
        served = daemon.Daemon(self.folder)
        self.addCleanup(served.close)
        folders = {"avro": "taken"}
        spec = {"dataset": DATASET, "outputs": self.outputs(folders, pathlib.Path())}
        run = served.create(spec, "three", paused=True).name
        (self.out / "taken").write_text("a file, no folder")
        served.restart()  # a run that goes on
        served.wait_for_state(run, daemon.PAUSED)
        served.resume(run)
        failed = served.wait_for_state(run, daemon.FAILED)
        states = {output.name: output for output in failed.outputs}
        self.assertEqual(states["avro"].state, daemon.run_pb2.OUTPUT_STATE_FAILED)
        self.assertIn("taken", states["avro"].reason)
        self.assertIn("avro", failed.reason)
        for name in ("csv", "json"):
            self.assertEqual(states[name].state, daemon.run_pb2.OUTPUT_STATE_SUCCEEDED, name)
        self.expect_whole("csv", "json", folders=folders)


if __name__ == "__main__":
    unittest.main()
