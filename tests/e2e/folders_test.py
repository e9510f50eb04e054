"""The folders of a daemon: what it refuses at its start, and what it says when it loses its own."""

import os
import pathlib
import shutil
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


if __name__ == "__main__":
    unittest.main()
