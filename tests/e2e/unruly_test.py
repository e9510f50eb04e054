"""Plugins that misbehave in every way we can think of: the daemon names the component and the row,
and goes on, as does a run beside them; no worker stays behind."""

import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest

import daemon
import grpc
import worker
from throng.v1 import run_service_pb2

UNRULY = pathlib.Path(os.environ["THRONG_UNRULY"])  # plugins
WRONG_TABLE = pathlib.Path(os.environ["THRONG_WRONG_TABLE"])  # a plugin
HAS_ASAN = os.environ["THRONG_SANITIZE"] == "address"

CONFIG = """
call_limit: 5s
stop_timeout: 2s
worker_memory: 700MiB
log_size: 64KiB
"""
AT = 21_000  # the row at which the plugin does it
BLOCKS = range(AT - 16_384, AT + 1)  # where a block that holds it may begin
WELL = "runs/well"
PATIENCE_SECONDS = 300


def unruly(does, at=AT, **options):
    return {"component": "unruly", "options": {"does": does, "at": str(at), **options}}


def rating(*arguments, **options):
    """A run whose rating does it."""
    output = {"format": {"component": "csv"}, "sink": {"component": "null"}}
    dataset = {"interactions": 50_000, "rating": unruly(*arguments, **options)}
    return {"threads": 1, "dataset": dataset, "outputs": [output]}


def sink(*arguments, **options):
    """A run whose sink does it."""
    output = {"name": "ill", "format": {"component": "csv"}, "sink": unruly(*arguments, **options)}
    return {"threads": 1, "dataset": {"interactions": 50_000}, "outputs": [output]}


def wait_for(test, is_so, what):
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        test.assertLess(time.monotonic(), give_up, what)
        time.sleep(0.01)


class UnrulyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="throngd-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        plugins = cls.folder / "plugins"
        shutil.copytree(UNRULY, plugins)
        shutil.copy(WRONG_TABLE, plugins)
        config = cls.folder / "throngd.yaml"
        config.write_text(CONFIG, encoding="utf-8")
        folders = (daemon.PLUGINS, plugins)
        cls.daemon = daemon.Daemon(cls.folder, "--config", str(config), plugin_folders=folders)
        cls.addClassCleanup(cls.daemon.close)
        # It goes on all the time: paced, it would take a day.
        output = worker.file_output("well.csv", commit_rows=100)
        cls.daemon.create(
            {"dataset": {"interactions": 10**8}, "outputs": [output], "pace": {"rate": 1000}}, "well"
        )
        cls.daemon.wait(WELL, lambda run: run.outputs[0].position > 0, "the first commit")
        (cls.well_worker,) = cls.daemon.workers()

    def tearDown(self):
        """The daemon and the healthy run went on, and nothing else is left."""
        position = self.daemon.get(WELL).outputs[0].position
        run = self.daemon.wait(WELL, lambda run: run.outputs[0].position > position, "progress")
        self.assertEqual((run.state, run.restarts), (daemon.RUNNING, 0), run.reason)
        wait_for(
            self, lambda: self.daemon.workers() == [self.well_worker], "a worker was left behind"
        )

    def end_of(self, spec):
        """The run of a spec, once it has ended."""
        run = self.daemon.create(spec)
        return self.daemon.wait_for_state(
            run.name, daemon.FAILED, daemon.SUCCEEDED, seconds=PATIENCE_SECONDS
        )

    def expect_place(self, reason, beginning, component):
        """A reason that begins so and names the component and a block that holds row AT."""
        found = re.match(f"{beginning} in {component} `unruly` at row ([0-9]+)[.]", reason)
        self.assertIsNotNone(found, reason)
        self.assertIn(int(found[1]), BLOCKS)

    def expect_crash(self, spec, beginning, component):
        """The run crashes, and again, and is then given up."""
        run = self.end_of(spec)
        self.assertEqual(run.state, daemon.FAILED)
        self.expect_place(run.reason, beginning, component)
        self.assertIn("Twice at the same place", run.reason)
        self.assertGreaterEqual(run.restarts, 1)

    def test_a_crash_is_named(self):
        for does, name in {"segfault": "SIGSEGV", "abort": "SIGABRT", "throw": "SIGABRT"}.items():
            for spec, component in ((rating(does), "rating"), (sink(does), "sink")):
                with self.subTest(does=does, component=component):
                    self.expect_crash(spec, name, component)

    def test_an_exit_is_named(self):
        sentence = "The worker ended with exit code 0 before its work was done"
        self.expect_crash(rating("exit"), sentence, "rating")
        self.expect_crash(sink("exit"), sentence, "sink")

    def test_an_endless_loop_is_named(self):
        run = self.end_of(rating("loop"))
        self.assertEqual(run.state, daemon.FAILED)
        found = re.match("rating `unruly` has been in a call for .* s at row ([0-9]+);", run.reason)
        self.assertIsNotNone(found, run.reason)
        self.assertIn(int(found[1]), BLOCKS)
        self.assertIn("a format may last 5 s (call_limit)", run.reason)

    def test_who_is_deaf_to_a_stop_is_named(self):
        asleep = self.folder / "asleep"
        run = self.daemon.create(sink("sleep", once=str(asleep)))
        wait_for(self, asleep.exists, "it does not sleep")
        self.daemon.stop(run.name)
        run = self.daemon.wait_for_state(run.name, daemon.STOPPED, seconds=PATIENCE_SECONDS)
        sentence = r"The worker was told to stop and did not within 2 s \(stop_timeout\)"
        self.expect_place(run.reason, sentence, "sink")

    def test_a_leak_is_named(self):
        sentence = r"The worker used more than worker_memory \(700 MiB\)"
        self.expect_crash(sink("leak"), sentence, "sink")

    def test_a_closed_control_socket_is_named(self):
        # The thread that listens to the daemon may hold it open: then the worker is silent instead.
        sentence = "The worker (?:closed its control socket|said nothing for 5 s)"
        self.expect_crash(rating("close_control"), sentence, "rating")

    @unittest.skipUnless(HAS_ASAN, "only AddressSanitizer sees it")
    def test_a_write_behind_a_batch_is_named(self):
        self.expect_crash(rating("past_batch"), "SIGABRT", "rating")

    def test_a_wrong_position_is_named(self):
        run = self.end_of(sink("wrong_position"))
        self.assertEqual(run.state, daemon.FAILED)
        sentence = f"what sink `unruly` keeps with its position, row {AT}, cannot be read."
        self.assertIn(sentence, run.reason)
        self.assertIn(sentence, run.outputs[0].reason)

    def test_a_flood_does_no_harm(self):
        run = self.end_of(rating("flood"))
        self.assertEqual(run.state, daemon.SUCCEEDED, run.reason)
        request = run_service_pb2.ReadRunLogsRequest(name=run.name)
        answers = self.daemon.runs.ReadRunLogs(request, timeout=60)
        lines = [line.message for answer in answers for line in answer.lines]
        self.assertIn("!" * 99, lines)
        self.assertTrue(any("bytes from stderr were dropped." in line for line in lines), lines)
        logs = (self.folder / "state" / "logs").glob(f"{run.uid}.log*")
        self.assertLess(sum(log.stat().st_size for log in logs), 70 << 10)  # of 40 MB

    def test_a_table_that_lies_about_its_size_is_refused(self):
        spec = rating("nothing")
        spec["dataset"]["rating"] = {"component": "table"}
        with self.assertRaises(grpc.RpcError) as caught:
            self.daemon.create(spec)
        error = caught.exception
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT, error.details())
        _, violations = daemon.error_info(error)
        ((field, sentence),) = violations
        self.assertEqual(field, "dataset.rating.component")
        self.assertIn(WRONG_TABLE.name, sentence)
        self.assertIn("(struct_size 8)", sentence)


class OrphanTest(unittest.TestCase):
    def test_a_worker_in_an_endless_loop_does_not_outlive_its_daemon(self):
        folder = daemon.scratch_folder(self)
        config = folder / "throngd.yaml"
        config.write_text("call_limit: 10m\n", encoding="utf-8")
        alone = daemon.Daemon(
            folder, "--config", str(config), plugin_folders=(daemon.PLUGINS, UNRULY)
        )
        self.addCleanup(alone.channel.close)
        started = [folder / name for name in ("a", "b", "c")]
        alone.create(rating("loop", once=str(started[0])))
        alone.create(rating("close_control", once=str(started[1])))
        alone.create(sink("loop", once=str(started[2])))
        wait_for(self, lambda: all(file.exists() for file in started), "they do nothing")
        alone.kill()
        wait_for(self, lambda: not alone.workers(), "a worker outlives its daemon")


if __name__ == "__main__":
    unittest.main()
