"""Runs the commands that stand at the head of each spec in deploy/examples, and looks at what they make.

The one that loads Kafka is run by kafka_docs_test.py.
"""

import os
import pathlib
import re
import subprocess
import unittest

import cli_test

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "deploy/examples"
PROGRAMS = pathlib.Path(os.environ["THRONG_CLIENT"]).parent
# The rows of each file that an example leaves.
ROWS = {
    "train": {"train/ratings.csv": 100_000, "train/users.csv": 943, "train/items.csv": 1682},
    "splits": {"splits/train.csv": 40_000, "splits/validation.csv": 5000, "splits/test.csv": 5000},
    "progressive": {"progressive/ratings.csv": 20_000},
    "slices": {"slices/whole.csv": 300_000},
}


def head(example):
    """The comment that an example begins with: what it is for, and its commands."""
    text = (EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8")
    comment = re.match(r"(# .*\n)+", text)[0]
    commands = re.findall(r"^#   (.*)$", comment, re.MULTILINE)
    return re.findall(r"^# (?!  )(.*)$", comment, re.MULTILINE), commands


class ExamplesTest(cli_test.ScratchTest):
    def setUp(self):
        super().setUp()
        os.symlink(ROOT / "deploy", self.folder / "deploy")
        self.environment["PATH"] = f"{PROGRAMS}:{os.environ['PATH']}"

    def run_example(self, name):
        """Runs its commands in this test's folder."""
        for command in head(name)[1]:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command], cwd=self.folder, check=False,
                env=self.environment, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")

    def test_each_says_what_it_is_for_and_how_it_is_run(self):
        names = {path.stem for path in EXAMPLES.iterdir()}
        self.assertEqual(names, {*ROWS, "kafka-load"})
        for name in names:
            with self.subTest(name):
                purpose, commands = head(name)
                self.assertEqual(len(purpose), 2)
                self.assertTrue(all(len(line) <= 100 for line in purpose))
                self.assertRegex(commands[0], rf"^throngctl generate -f deploy/examples/{name}\.yaml")
                self.client("validate", "-f", EXAMPLES / f"{name}.yaml")

    def test_each_makes_the_rows_that_it_is_for(self):
        for name, files in ROWS.items():
            with self.subTest(name):
                self.run_example(name)
                for file, rows in files.items():
                    lines = (self.folder / "out" / file).read_text(encoding="utf-8").splitlines()
                    self.assertEqual(len(lines), rows + 1, file)

    def test_the_splits_follow_one_another_in_time(self):
        self.run_example("splits")
        times = []
        for file in ROWS["splits"]:
            _, *rows = (self.folder / "out" / file).read_text().splitlines()
            times += [row.rsplit(",", 1)[1] for row in rows]
        self.assertEqual(times, sorted(times))

    def test_slices_join_to_the_whole(self):
        self.run_example("slices")
        self.client("generate", "-f", EXAMPLES / "slices.yaml", "--to", "csv:out/once.csv")
        out = self.folder / "out"
        self.assertEqual((out / "slices/whole.csv").read_bytes(), (out / "once.csv").read_bytes())

    def test_the_file_that_grows_keeps_its_rows(self):
        self.client("generate", "-f", EXAMPLES / "progressive.yaml")
        small = (self.folder / "out/progressive/ratings.csv").read_bytes()
        self.run_example("progressive")
        self.assertTrue(
            (self.folder / "out/progressive/ratings.csv").read_bytes().startswith(small))


if __name__ == "__main__":
    unittest.main()
