"""The folders of a daemon: what it refuses at its start, what it says when it loses its own, and what is
told of one without its daemon."""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

import daemon
import grpc

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # of grpc.health.v1.HealthCheckResponse
PACED = {
    "dataset": {"interactions": 1_000_000, "plan_size": 50_000},
    "pace": {"rate": 1000},
    "outputs": [{"format": {"component": "csv"}, "sink": {"component": "null"}}],
}


def health(running, service="throng.v1.RunService"):
    """What grpc.health.v1 says of a service, as bytes."""
    check = running.channel.unary_unary("/grpc.health.v1.Health/Check")
    name = service.encode()
    return check(b"\n" + bytes([len(name)]) + name, timeout=daemon.PATIENCE_SECONDS)


class FoldersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="throngd-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_an_output_root_that_cannot_be_entered_is_refused(self):
        root = self.folder / "closed"
        root.mkdir()
        root.chmod(0o000)
        state = self.folder / "state"
        state.mkdir()
        command = [daemon.DAEMON, "--listen", f"unix:{state}/s", "--state", str(state)]
        command += ["--output-root", str(root)]
        drop = {}
        if os.geteuid() == 0:  # whom nothing is closed to
            drop = {"user": 65534, "group": 65534, "extra_groups": []}
            self.folder.chmod(0o755)
            os.chown(state, 65534, 65534)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, **drop)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"The output root {root} cannot be entered: Permission denied.", done.stderr)

    def test_a_state_folder_that_is_lost_is_said_at_once(self):
        running = daemon.Daemon(self.folder)
        self.addCleanup(running.close)
        running.create(PACED, "live")
        self.assertEqual(health(running), SERVING)
        shutil.rmtree(self.folder / "state")
        give_up = time.monotonic() + daemon.PATIENCE_SECONDS
        while health(running) != NOT_SERVING:
            self.assertLess(time.monotonic(), give_up)
            time.sleep(0.01)
        with self.assertRaises(grpc.RpcError) as caught:
            running.create(PACED, "other")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(daemon.error_info(caught.exception)[0].reason, "STATE_LOST")
        self.assertEqual(running.log_text().count("was removed or replaced"), 1)
        self.assertEqual(running.get("runs/live").name, "runs/live")
        stopped = running.stop("runs/live")  # what fills a disk can be stopped
        self.assertIn("Not stored yet", stopped.reason)

    def throngd(self, *arguments, exit_code=0):
        """What `throngd check` or `export` says."""
        done = subprocess.run([daemon.DAEMON, *arguments], cwd=self.folder, capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, exit_code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_state_folder_without_its_daemon_can_be_checked(self):
        running = daemon.Daemon(self.folder)
        self.addCleanup(running.close)
        for name in ("first", "second"):
            running.create(PACED, name)
        state = ("--state", str(self.folder / "state"))
        self.assertIn(f"is in use by the daemon of process {running.process.pid}",
                      self.throngd("check", *state, exit_code=1))
        running.kill()
        (self.folder / "throngd.yaml").write_text("state_folder: state\n", encoding="utf-8")
        for arguments in (("check", *state), (*state, "check"), ("check", "--config", "throngd.yaml")):
            self.assertRegex(self.throngd(*arguments), "^2 runs in .*state: all is well.\n$")
        with sqlite3.connect(self.folder / "state/runs.db") as database:
            database.execute("UPDATE runs SET record = x'ff' WHERE name = 'runs/first'")
        database.close()
        for plugin in (self.folder / "state/plugins").iterdir():
            plugin.unlink()
        said = self.throngd("check", *state, exit_code=1)
        self.assertIn("runs/first: what is stored of it is damaged. Put a backup", said)
        self.assertRegex(said, "runs/second: The plugin `.*` .* is gone: ")
        self.assertIn("see above.", said)
        elsewhere = self.folder / "elsewhere"
        self.assertIn(f"There is no runs.db in {elsewhere}, so it is no state folder",
                      self.throngd("check", "--state", str(elsewhere), exit_code=1))
        self.assertFalse(elsewhere.exists())
        self.throngd("check", "--nonsense", exit_code=2)

    def test_runs_of_a_lost_daemon_are_created_again_from_their_specs(self):
        spec = {"dataset": {"interactions": 20_000}, "pace": {"rate": 2000}, "outputs": [
            {"format": {"component": "csv"},
             "sink": {"component": "file", "options": {"path": str(self.folder / "out/rows.csv")}}}]}
        running = daemon.Daemon(self.folder)
        running.create(spec, "nightly", labels={"team": "search"})
        running.wait("runs/nightly", lambda run: run.outputs[0].position > 0, "a commit")
        running.pause("runs/nightly")
        running.wait_for_state("runs/nightly", daemon.PAUSED)
        spec["outputs"][0]["sink"]["options"]["path"] = str(self.folder / "out/few.csv")
        running.create({**spec, "dataset": {"interactions": 100}}, "few")
        running.wait_for_state("runs/few", daemon.SUCCEEDED)
        running.close()
        state = ("--state", str(self.folder / "state"))
        one = json.loads(self.throngd("export", *state, "nightly"))
        self.assertEqual(one["dataset"]["interactions"], 20_000)
        self.assertEqual(json.loads(self.throngd("export", *state, "runs/nightly")), one)
        self.assertEqual(self.throngd("export", *state, "nobody", exit_code=1),
                         f"There is no run nobody in {state[1]}.\n")
        self.assertIn("Name a run, or a folder", self.throngd("export", *state, exit_code=2))
        commands = self.throngd("export", *state, "--to", "specs")
        self.assertEqual(
            commands,
            "throngctl runs create -f specs/nightly.json --name nightly --paused --label team=search\n"
            "# succeeded: throngctl runs create -f specs/few.json --name few\n")
        self.assertEqual(json.loads((self.folder / "specs/nightly.json").read_text()), one)
        (self.folder / "file").touch()
        self.assertIn("file/nightly.json cannot be written; name another folder with --to.",
                      self.throngd("export", *state, "--to", "file", exit_code=1))
        # Another daemon, which knows nothing.
        shutil.rmtree(self.folder / "state")
        running.start()
        self.addCleanup(running.close)
        subprocess.run(
            ["bash", "-eu"], input=commands, text=True, check=True, cwd=self.folder, timeout=60,
            env={**os.environ, "PATH": f"{pathlib.Path(daemon.DAEMON).parent}:{os.environ['PATH']}",
                 "THRONG_ADDRESS": f"unix:{running.socket}"})
        running.resume("runs/nightly")
        run = running.wait_for_state("runs/nightly", daemon.SUCCEEDED)
        self.assertEqual(run.labels["team"], "search")
        self.assertGreater(run.outputs[0].went_on_from, 0)
        rows = (self.folder / "out/rows.csv").read_text(encoding="utf-8")
        self.assertEqual(rows.count("\n"), 20_001)


if __name__ == "__main__":
    unittest.main()
