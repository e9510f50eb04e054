"""The Python example, as its README has it, against a real throngd."""

import hashlib
import pathlib
import subprocess
import sys
import unittest

import daemon

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "client/examples/python"
sys.path.insert(0, str(EXAMPLE))

import crowd

QUICK = "dataset: {size: quick}"


class PythonClientTest(unittest.TestCase):
    def setUp(self):
        self.daemon = daemon.Daemon(daemon.scratch_folder(self))
        self.addCleanup(self.daemon.close)
        self.channel = self.daemon.channel

    def output(self, path):
        sink = f"{{component: file, options: {{path: {path}}}}}"
        return f"outputs: [{{format: {{component: csv}}, sink: {sink}}}]"

    def test_a_frame_has_the_rows_of_the_file(self):
        runs = list(crowd.run_to_its_end(self.channel, f"{QUICK}\n{self.output('a.csv')}"))
        self.assertEqual(runs[-1].state, daemon.SUCCEEDED, runs[-1].reason)
        written = (self.daemon.out / "a.csv").read_text().splitlines()[1:]
        rows = crowd.frame(self.channel, QUICK)
        shown = [
            f"user_{row.user},item_{row.item},{row.rating},{row.timestamp:%Y-%m-%dT%H:%M:%SZ}"
            for row in rows.itertuples()
        ]
        self.assertEqual(shown, written)

    def test_a_frame_begins_at_any_row(self):
        whole = crowd.frame(self.channel, QUICK)
        part = crowd.frame(self.channel, QUICK, start_row=90, row_limit=5)
        self.assertEqual(list(part.index), [90, 91, 92, 93, 94])
        self.assertTrue(part.equals(whole.iloc[90:95]))

    def test_a_run_that_fails_is_watched_to_its_end_as_well(self):
        (self.daemon.out / "a.csv").write_text("not ours")
        runs = list(crowd.run_to_its_end(self.channel, f"{QUICK}\n{self.output('a.csv')}"))
        self.assertEqual(runs[-1].state, daemon.FAILED)
        self.assertEqual((self.daemon.out / "a.csv").read_text(), "not ours")

    def test_the_program_does_both(self):
        address = f"unix:{self.daemon.socket}"
        environment = {"PYTHONPATH": daemon.os.environ["THRONG_STUBS"]}
        for arguments, expected in ((["frame"], "user"), (["run", "b.csv"], "RUN_STATE_SUCCEEDED")):
            done = subprocess.run(
                [sys.executable, str(EXAMPLE / "crowd.py"), address, *arguments],
                capture_output=True, text=True, timeout=120, check=False, env=environment)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(expected, done.stdout)
        golden = pathlib.Path(__file__).parents[1] / "golden/shop-42.csv"
        written = (self.daemon.out / "b.csv").read_bytes()
        expected = golden.read_bytes()
        self.assertEqual(hashlib.sha256(written[:len(expected)]).hexdigest(),
                         hashlib.sha256(expected).hexdigest())


if __name__ == "__main__":
    unittest.main()
