#!/usr/bin/env python3
"""throng-worker with plugins that it cannot use: to `run` a note, and an error only where the spec
needs one; nothing that a terminal would obey."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

WORKER = os.environ["THRONG_BIN"]
PLUGINS = pathlib.Path(os.environ["THRONG_PLUGINS"])
BAD_PLUGINS = pathlib.Path(os.environ["THRONG_BAD_PLUGINS"])


class PluginFoldersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "plugins").mkdir()

    def add(self, plugin, name):
        target = self.folder / "plugins" / name
        shutil.copy(plugin, target)
        return target

    def run_spec(self, rating="calibrated", *arguments):
        return subprocess.run(
            [WORKER, "run", "--spec", "-", "--plugin-dir", PLUGINS,
             "--plugin-dir", self.folder / "plugins", *arguments],
            input=f"dataset: {{size: testing, rating: {{component: {rating}}}}}\n"
                  "outputs: [{format: {component: csv}, sink: {component: stdout}}]\n",
            capture_output=True, text=True, timeout=60, check=False)  # fmt: skip

    def expect_done(self, done, *notes):
        """The data alone on standard output, and these notes among the rest."""
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 20_001)
        self.assertEqual([line for line in done.stderr.splitlines() if line.startswith("note: ")],
                         [f"note: {note}" for note in notes])

    def test_a_good_folder_needs_no_note(self):
        self.add(BAD_PLUGINS / "table_good.so", "good.so")
        self.expect_done(self.run_spec())
        self.expect_done(self.run_spec("table"))

    def test_of_a_doubled_component_the_first_is_taken_needed_or_not(self):
        first = self.add(BAD_PLUGINS / "table_good.so", "a.so")
        second = self.add(BAD_PLUGINS / "table_good.so", "b.so")
        for rating in ("calibrated", "table"):
            self.expect_done(self.run_spec(rating), f"the plugin `table` is in two files: {first} "
                             f"and {second}. Remove one of them.")

    def test_a_plugin_that_crashes_or_exits_on_load_ends_no_run_that_does_not_need_it(self):
        for plugin, why in (("load_crashes", "SIGSEGV"),
                            ("load_exits", "the process was ended with exit code 4")):
            with self.subTest(plugin):
                path = self.add(BAD_PLUGINS / f"{plugin}.so", "bad.so")
                sentence = f"plugin {path} cannot be loaded: {why}."
                self.expect_done(self.run_spec(), sentence)
                needed = self.run_spec("bad")
                self.assertEqual(needed.returncode, 2)
                self.assertIn(f" Not loaded: {sentence}", needed.stderr)

    def test_a_note_holds_nothing_that_a_terminal_would_obey(self):
        self.add(BAD_PLUGINS / "load_crashes.so", "\x1b[31mbad.so")
        done = self.run_spec()
        self.assertIn("/\ufffd[31mbad.so cannot be loaded", done.stderr)
        self.assertNotIn("\x1b", done.stderr)

    def test_check_and_describe_say_nothing_that_a_terminal_would_obey(self):
        path = self.add(BAD_PLUGINS / "table_null.so", "\x1b[31mbad.so")
        for command in "check", "describe":
            done = subprocess.run([WORKER, command, path], capture_output=True, text=True,
                                  timeout=60, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/\ufffd[31mbad.so: throng_plugin_v1 returned NULL",
                          done.stdout + done.stderr)
            self.assertNotIn("\x1b", done.stdout + done.stderr)

    def test_quiet_is_quiet_about_them(self):
        self.add(BAD_PLUGINS / "load_crashes.so", "bad.so")
        self.assertEqual(self.run_spec("calibrated", "--quiet").stderr, "")


if __name__ == "__main__":
    unittest.main()
