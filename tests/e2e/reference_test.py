"""The pages of docs/reference that are made from the code are as it makes them now."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ["THRONG_CLIENT"]).parent
BY_HAND = {"errors.md", "manifest.md"}  # pages_test.py holds them against the code


class ReferenceTest(unittest.TestCase):
    def test_the_reference_is_fresh(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [sys.executable, ROOT / "deploy/site/reference.py", PROGRAMS, folder], check=True)
            made = {page.name: page for page in pathlib.Path(folder).iterdir()}
            there = {page.name: page for page in (ROOT / "docs/reference").iterdir()}
            self.assertEqual(set(made) | BY_HAND, set(there))
            for name, page in made.items():
                with self.subTest(name):
                    self.assertTrue(page.read_bytes() == there[name].read_bytes(),
                                    "It is not what the code says: deploy/site/build --reference.")


if __name__ == "__main__":
    unittest.main()
