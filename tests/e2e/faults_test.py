"""Six runs at once under random faults: every finished file is the undisturbed one, nothing is
delivered while a run is paused, and no worker stays behind."""

import os
import pathlib
import random
import signal
import time
import unittest

import daemon
import grpc
import worker

RUNS = 6
FAULTS = 200 if daemon.IS_LONG else 40
# At this pace a run would take eight minutes: all faults hit in mid-work.
ROWS = 1_000_000
RATE = 2_000


def spec(path, seed, is_paced):
    component = ("csv", "json")[seed % 2]
    output = worker.file_output(path, component, commit_rows=100 if is_paced else 0)
    if component == "json":
        output["format"]["options"] = {"layout": "lines"}
    return {
        "dataset": {"seed": seed, "interactions": ROWS, "plan_size": 50_000},
        "outputs": [output],
        "threads": 1,
        **({"pace": {"rate": RATE}} if is_paced else {}),
    }


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.folder = daemon.scratch_folder(self)
        self.daemon = daemon.Daemon(self.folder)
        self.addCleanup(self.daemon.close)
        self.random = random.Random(20_240_101)
        self.faults = []

    def golden(self, seed):
        """The SHA-256 of the file that a worker makes without a daemon and undisturbed."""
        path = self.folder / f"golden-{seed}"
        undisturbed = spec(path, seed, is_paced=False)
        file = worker.write_spec(
            self.folder / "golden.json", *undisturbed["outputs"], dataset=undisturbed["dataset"]
        )
        done = worker.run(file)
        self.assertEqual(done.returncode, 0, done.stderr)
        return worker.sha256(path)

    def name(self, seed):
        return f"runs/run-{seed}"

    def part(self, seed):
        return self.daemon.out / f"rows-{seed}.part"

    def wait_for_progress(self, seed):
        """Waits until the run has committed more than it has now."""
        before = self.daemon.get(self.name(seed)).outputs[0].position
        run = self.daemon.wait(
            self.name(seed),
            lambda run: run.state == daemon.FAILED or run.outputs[0].position > before,
            f"progress after {self.faults[-3:]}",
        )
        self.assertNotEqual(run.state, daemon.FAILED, f"{run.reason} after {self.faults[-3:]}")

    def kill_a_worker(self, _seed):
        os.kill(self.random.choice(self.daemon.workers()), signal.SIGKILL)

    def kill_the_daemon(self, _seed):
        self.daemon.restart()

    def pause_and_resume(self, seed):
        self.daemon.pause(self.name(seed))
        self.daemon.wait_for_state(self.name(seed), daemon.PAUSED)
        self.expect_nothing_is_delivered(seed)
        self.daemon.resume(self.name(seed))

    def stop_and_resume(self, seed):
        self.daemon.stop(self.name(seed))
        self.daemon.wait_for_state(self.name(seed), daemon.STOPPED)
        self.expect_nothing_is_delivered(seed)
        self.daemon.resume(self.name(seed))

    def expect_nothing_is_delivered(self, seed):
        before = self.part(seed).stat().st_size
        time.sleep(0.15)  # in which it would deliver 300 rows
        self.assertEqual(self.part(seed).stat().st_size, before, self.faults[-1])

    def finish(self, seed):
        """Stops the run; another one, without a pace, goes on with its file."""
        self.daemon.stop(self.name(seed))
        stopped = self.daemon.wait_for_state(self.name(seed), daemon.STOPPED)
        run = self.daemon.create(spec(f"rows-{seed}", seed, is_paced=False), f"last-{seed}")
        last = self.daemon.wait_for_state(run.name, daemon.SUCCEEDED, daemon.FAILED, seconds=120)
        self.assertEqual(last.state, daemon.SUCCEEDED, last.reason)
        self.assertEqual(last.outputs[0].rows, ROWS)
        self.assertLess(stopped.outputs[0].position, ROWS, "it was not hit in mid-work")

    def test_every_file_is_the_undisturbed_one(self):
        for seed in range(RUNS):
            self.daemon.create(spec(f"rows-{seed}", seed, is_paced=True), f"run-{seed}")
        kinds = [
            self.kill_a_worker,
            self.kill_the_daemon,
            self.pause_and_resume,
            self.stop_and_resume,
        ]
        for i in range(FAULTS):
            seed = self.random.randrange(RUNS)
            self.wait_for_progress(seed)
            fault = kinds[i % len(kinds)] if i < len(kinds) else self.random.choice(kinds)
            self.faults.append(f"{fault.__name__}, run {seed}")
            fault(seed)
        for seed in range(RUNS):
            self.finish(seed)
            path = self.daemon.out / f"rows-{seed}"
            self.assertEqual(worker.sha256(path), self.golden(seed), f"run {seed}")
            self.assertFalse(pathlib.Path(f"{path}.part").exists())
        self.daemon.close()
        self.assertEqual(self.daemon.workers(), [])


if __name__ == "__main__":
    unittest.main()
