"""Whole workers in trouble: each fault is said in a sentence, and once it is mended the same
command ends with the file of an undisturbed run."""

import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import worker

ROWS = 200_000
DATASET = {"interactions": ROWS}
PATIENCE_SECONDS = 300


def setUpModule():
    global golden_folder, golden
    golden_folder = tempfile.TemporaryDirectory(prefix="throng-golden-")
    golden = pathlib.Path(golden_folder.name) / "rows.csv"
    spec = worker.write_spec(
        f"{golden_folder.name}/spec.json", worker.file_output(golden), dataset=DATASET
    )
    done = worker.run(spec)
    assert done.returncode == 0, done.stderr


def tearDownModule():
    golden_folder.cleanup()


class TroubleTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="throng-trouble-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.scratch.chmod(0o755)
        self.out = self.scratch / "out"
        self.path = self.out / "rows.csv"

    def spec(self, name="spec.json", dataset=None, commit_rows=0, **fields):
        """The file of a spec of ROWS rows."""
        output = worker.file_output(self.path, commit_rows=commit_rows)
        return worker.write_spec(
            self.scratch / name, output, dataset={**DATASET, **(dataset or {})}, **fields
        )

    def slow_spec(self):
        """The same output, often committed, and at a pace that ends after any test's patience."""
        return self.spec("slow.json", commit_rows=2000, pace={"rate": ROWS / 60})

    def start(self, spec, *arguments, **options):
        """Starts a run; its stderr goes into a file, so that it can be looked at meanwhile."""
        stderr = open(self.scratch / "stderr", "w", encoding="utf-8")
        self.addCleanup(stderr.close)
        process = subprocess.Popen(
            worker.command(spec, *arguments), stdout=subprocess.PIPE, stderr=stderr, **options
        )

        def reap():
            process.kill()
            process.wait()
            process.stdout.close()

        self.addCleanup(reap)
        return process

    def stderr(self):
        return (self.scratch / "stderr").read_text(encoding="utf-8")

    def wait_until(self, is_so, what):
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), give_up, f"{what}: {self.stderr()}")
            time.sleep(0.005)

    def start_unfinished(self):
        """Starts a slow run and waits for something that it has committed."""
        process = self.start(self.slow_spec())
        self.wait_until(self.has_commit, "nothing was committed")
        return process

    def has_commit(self):
        position = pathlib.Path(f"{self.path}.position")
        try:
            return '"position":null' not in position.read_text(encoding="utf-8")
        except FileNotFoundError:
            return False

    def leave_unfinished(self):
        """Leaves what a run has committed; what else it has written may go at any time."""
        process = self.start_unfinished()
        process.kill()
        process.wait()
        position = pathlib.Path(f"{self.path}.position").read_text(encoding="utf-8")
        os.truncate(f"{self.path}.part", json.loads(position.split("\n", 1)[0])["bytes"])

    def contents(self):
        return {file.name: file.read_bytes() for file in self.out.iterdir()}

    def expect_refused(self, spec, *sentences):
        """The run fails with sentences and changes nothing but the lock."""
        before = self.contents()
        refused = worker.run(spec)
        self.assertEqual(refused.returncode, 1, refused.stderr)
        for sentence in sentences:
            self.assertIn(sentence, refused.stderr)
        after = self.contents()
        before.pop("rows.csv.lock", None)
        after.pop("rows.csv.lock", None)
        self.assertEqual(after, before)

    def expect_ends_whole(self, spec=None, **options):
        done = worker.run(spec or self.spec(), **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect_whole()

    def expect_whole(self):
        self.assertEqual(
            sorted(file.name for file in self.out.iterdir() if file.name != "filler"),
            ["rows.csv", "rows.csv.manifest.json"],
        )
        self.assertEqual(worker.sha256(self.path), worker.sha256(golden))
        made, undisturbed = worker.manifest(self.path), worker.manifest(golden)
        self.assertEqual(made["statistics"], undisturbed["statistics"])
        self.assertEqual(made["sha256"], undisturbed["sha256"])

    def as_ordinary_user(self):
        """Options of subprocess with which a run is an ordinary user's."""
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def mount(self, size):
        """Makes the output folder a small disk of its own; returns how to change its size."""
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small disk")
        self.out.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.out],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode != 0:
            self.skipTest(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.out], check=True)
        return lambda new: subprocess.run(
            ["mount", "-o", f"remount,size={new}", self.out], check=True
        )


class UnfinishedFileTest(TroubleTest):
    def test_a_changed_byte_is_noticed(self):
        self.leave_unfinished()
        with open(f"{self.path}.part", "r+b") as part:
            part.seek(1000)
            byte = part.read(1)
            part.seek(1000)
            part.write(bytes([byte[0] ^ 1]))
        self.expect_refused(
            self.spec(),
            "rows.csv.part was changed: its SHA-256 is not the one that was committed; delete ",
            "or set overwrite: true.",
        )
        with open(f"{self.path}.part", "r+b") as part:
            part.seek(1000)
            part.write(byte)
        self.expect_ends_whole()

    def test_a_changed_byte_of_a_large_file_is_noticed_before_it_is_complete(self):
        """Of one that is too large to be read before the next row: it is checked meanwhile."""
        rows, large = {"interactions": 1_500_000}, 20 << 20
        process = self.start(
            self.spec("slow.json", rows, commit_rows=50_000, pace={"rate": 400_000})
        )

        def committed():
            if not self.has_commit():
                return 0
            position = pathlib.Path(f"{self.path}.position").read_text(encoding="utf-8")
            return json.loads(position.split("\n", 1)[0])["bytes"]

        self.wait_until(lambda: committed() > large, "too little was committed")
        process.kill()
        process.wait()
        part = pathlib.Path(f"{self.path}.part")

        def flip(at):
            with part.open("r+b") as file:
                file.seek(at)
                byte = file.read(1)
                file.seek(at)
                file.write(bytes([byte[0] ^ 1]))

        spec = self.spec(dataset=rows)
        for at in (1000, committed() - 1):
            flip(at)
            refused = worker.run(spec)
            self.assertEqual(refused.returncode, 1, refused.stderr)
            self.assertIn(
                "rows.csv.part was changed: its SHA-256 is not the one that was committed; delete ",
                refused.stderr,
            )
            self.assertFalse(self.path.exists(), "what was changed is not complete")
            flip(at)
        done = worker.run(spec)
        self.assertEqual(done.returncode, 0, done.stderr)
        made = worker.manifest(self.path)
        self.assertEqual(made["sha256"], worker.sha256(self.path))
        self.assertEqual(made["statistics"]["total_interactions"], rows["interactions"])

    def test_missing_bytes_are_noticed(self):
        self.leave_unfinished()
        os.truncate(f"{self.path}.part", 1000)
        self.expect_refused(self.spec(), "rows.csv.part was truncated: it has 1000 of the ")

    def test_missing_data_is_noticed(self):
        self.leave_unfinished()
        os.unlink(f"{self.path}.part")
        self.expect_refused(self.spec(), "rows.csv.part is gone, though ")

    def test_an_edited_position_is_noticed(self):
        self.leave_unfinished()
        position = pathlib.Path(f"{self.path}.position")
        text = position.read_text(encoding="utf-8")
        edited = re.sub(r'"position":(\d+)', lambda found: f'"position":{int(found[1]) + 1}', text)
        self.assertNotEqual(edited, text)
        position.write_text(edited, encoding="utf-8")
        self.expect_refused(self.spec(), "No valid ", "says what the unfinished ")

    def test_what_is_uncommitted_is_cut_off(self):
        self.leave_unfinished()
        with open(f"{self.path}.part", "ab") as part:
            part.write(b"what a crash left\n" * 1000)
        self.expect_ends_whole()

    def test_somebodys_file_is_not_touched(self):
        self.out.mkdir()
        pathlib.Path(f"{self.path}.part").write_text("mine\n", encoding="utf-8")
        self.expect_refused(self.spec(), "No valid ", "says what the unfinished ")

    def test_another_dataset_does_not_go_on(self):
        self.leave_unfinished()
        leaky = {"component": "calibrated", "options": {"leak": 0.03}}
        for other in ({"seed": 43}, {"rating": leaky}):
            self.expect_refused(
                self.spec("other.json", dataset=other),
                "rows.csv.part is unfinished and not this dataset in this form; choose another ",
            )
        self.expect_ends_whole()

    def test_fewer_rows_than_there_are_are_refused(self):
        self.leave_unfinished()
        fewer = {"interactions": 10, "plan_size": ROWS}  # less than the first commit
        self.expect_refused(self.spec("fewer.json", dataset=fewer), "only those below 10 are asked for")


class TwoWorkersTest(TroubleTest):
    def test_the_second_waits_and_then_says_who_is_writing(self):
        first = self.start_unfinished()
        second = worker.run(self.spec(), "--retry-timeout", "100ms")
        self.assertIsNone(first.poll(), "the first has ended too early for this test")
        self.assertEqual(second.returncode, 1)
        self.assertIn(
            f"rows.csv is being written by process {first.pid}; wait for it, stop it, or choose "
            "another path.",
            second.stderr,
        )
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(PATIENCE_SECONDS), 130)
        self.expect_ends_whole()

    def test_the_second_finds_what_the_first_has_finished(self):
        # It is committed early, and ends long before the second's patience does. Should this test
        # be so late that it has ended already, the second finds the same.
        first = self.start(self.spec("quick.json", commit_rows=2000, pace={"rate": ROWS / 2}))
        self.wait_until(lambda: self.has_commit() or self.path.exists(), "nothing was committed")
        second = worker.run(self.spec(), "--retry-timeout", f"{PATIENCE_SECONDS}s")
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertEqual(first.wait(PATIENCE_SECONDS), 0)
        self.expect_whole()
        self.assertIn("already complete", second.stderr)


class FullDiskTest(TroubleTest):
    def test_it_is_said_and_the_same_command_goes_on(self):
        resize = self.mount("2m")
        failed = worker.run(self.spec(commit_rows=2000), "--retry-timeout", "1s")
        self.assertEqual(failed.returncode, 1, failed.stderr)
        self.assertIn(
            "rows.csv.part is full (No space left on device); free some space", failed.stderr
        )
        self.assertIn("The same command goes on where it ended:\n", failed.stderr)
        resize("32m")
        self.expect_ends_whole()

    def test_it_goes_on_by_itself_once_there_is_space(self):
        self.mount("10m")
        filler = self.out / "filler"
        filler.write_bytes(bytes(5_000_000))
        process = self.start(self.spec(), "--retry-timeout", "1h")
        self.wait_until(lambda: "blocked, trying again: " in self.stderr(), "it is not blocked")
        self.assertIn("is full (No space left on device)", self.stderr())
        filler.unlink()
        self.assertEqual(process.wait(PATIENCE_SECONDS), 0, self.stderr())
        self.assertIn("output rows: goes on.", self.stderr())
        self.expect_whole()

    def test_a_blocked_run_can_be_stopped(self):
        resize = self.mount("2m")
        process = self.start(self.spec(commit_rows=2000), "--retry-timeout", "1h")
        self.wait_until(lambda: "blocked, trying again: " in self.stderr(), "it is not blocked")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 130, self.stderr())
        self.assertIn("stopped at row ", self.stderr())
        resize("32m")
        self.expect_ends_whole()


class FolderTest(TroubleTest):
    def test_a_folder_that_may_not_be_written_is_said(self):
        user = self.as_ordinary_user()
        # The binaries may stand where an ordinary user has no way to.
        binary, plugins = self.scratch / "bin" / "throng-worker", self.scratch / "plugins"
        binary.parent.mkdir()
        plugins.mkdir()
        shutil.copy(worker.BINARY, binary)
        for plugin in pathlib.Path(worker.PLUGINS).glob("*.so"):
            shutil.copy(plugin, plugins)
        spec = self.spec()
        command = [binary, "run", "--spec", spec]
        self.out.mkdir()
        self.out.chmod(0o555)
        options = {"capture_output": True, "text": True, "check": False, **user}
        refused = subprocess.run(command, **options)
        self.assertEqual(refused.returncode, 1, refused.stderr)
        self.assertIn("may not be written (Permission denied); make the folder ", refused.stderr)
        self.assertIn(f"make the folder {self.out} and what is in it writable", refused.stderr)
        self.assertEqual(self.contents(), {})
        self.out.chmod(0o777)
        done = subprocess.run(command, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect_whole()

        # A finished file needs no permission to be found finished.
        self.out.chmod(0o555)
        again = subprocess.run(command, **options)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("already complete", again.stderr)

    def test_a_folder_that_vanishes_is_said(self):
        process = self.start_unfinished()
        away = self.out.with_name("away")
        self.out.rename(away)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 1)
        self.assertIn(f"The folder {self.out} has vanished", self.stderr())
        self.assertIn("bring it back, and the same command goes on", self.stderr())
        self.assertFalse(self.out.exists())
        away.rename(self.out)
        self.expect_ends_whole()

    def test_a_file_in_the_place_of_a_folder_is_said(self):
        self.out.write_text("", encoding="utf-8")
        refused = worker.run(self.spec())
        self.assertEqual(refused.returncode, 2)
        self.assertIn("out is not a folder, so no file can be written below it", refused.stderr)


class SignalTest(TroubleTest):
    def expect_stops(self, number):
        process = self.start_unfinished()
        process.send_signal(number)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 130, self.stderr())
        self.assertRegex(
            self.stderr(), r"output rows: stopped at row (\d+) after \1 rows in .*rows[.]csv[.]\n"
        )
        title, command = self.stderr().rstrip().rsplit("\n", 2)[-2:]
        self.assertEqual(title, "The same command goes on where it ended:")
        self.assertEqual(shlex.split(command), worker.command(self.scratch / "slow.json"))
        self.assertFalse(pathlib.Path(f"{self.path}.lock").exists())
        self.expect_ends_whole()

    def test_sigterm_stops_at_a_commit_and_says_how_to_go_on(self):
        self.expect_stops(signal.SIGTERM)

    def test_sigint_stops_at_a_commit_and_says_how_to_go_on(self):
        self.expect_stops(signal.SIGINT)

    def test_the_second_signal_ends_at_once(self):
        process = self.start_unfinished()
        # Both are there before it can stop in order.
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 130)
        self.assertNotIn("stopped at row", self.stderr())
        self.expect_ends_whole()


class StreamsTest(TroubleTest):
    """What stdin, stdout and stderr may be."""

    def spec_to_stdout(self):
        output = {"format": {"component": "csv"}, "sink": {"component": "stdout"}}
        return worker.write_spec(self.scratch / "stdout.json", output, dataset=DATASET)

    def test_stdout_carries_the_same_bytes(self):
        done = worker.run(self.spec_to_stdout(), text=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, golden.read_bytes())
        self.assertIn(b"Dataset Statistics", done.stderr)

    def test_a_reader_that_goes_is_said(self):
        process = self.start(self.spec_to_stdout())
        self.assertEqual(process.stdout.readline(), b"user_id,item_id,rating,timestamp\n")
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE_SECONDS), 1, self.stderr())
        self.assertIn("The reader of stdout has gone.", self.stderr())
        self.assertIn("The same command starts over:\n", self.stderr())

    def test_nobody_needs_to_read_what_is_said(self):
        for stream in ("stdout", "stderr"):
            with self.subTest(stream=stream):
                read, write = os.pipe()
                os.close(read)
                process = subprocess.Popen(
                    worker.command(self.spec()),
                    **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: write},
                )
                os.close(write)
                self.assertEqual(process.wait(PATIENCE_SECONDS), 0)
                self.expect_whole()
                shutil.rmtree(self.out)

    def test_closed_streams_do_not_let_words_into_the_data(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed=closed):
                line = shlex.join(worker.command(self.spec()))
                done = subprocess.run(
                    ["sh", "-c", f"{line} {closed}"],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
                self.assertEqual(done.returncode, 0)
                self.expect_whole()
                shutil.rmtree(self.out)

    def test_a_closed_stdout_is_said_where_it_was_to_have_the_data(self):
        line = shlex.join(worker.command(self.spec_to_stdout()))
        done = subprocess.run(
            ["sh", "-c", f"{line} >&-"], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("stdout cannot be written (Bad file descriptor)", done.stderr)


if __name__ == "__main__":
    unittest.main()
