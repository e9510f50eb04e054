"""Executes every `sh` block of README.md, in order, but for those about Kafka, which
kafka_docs_test.py executes. The pages of docs/ are executed by pages_test.py.

The commands of the other documents are only looked for: they build and test, and would do what is
being done. Needs the release preset's build tree.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def blocks(markdown):
    """The fenced blocks as (language, text)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)


def kafka_section(markdown):
    return re.search(r"^## Into Kafka\n.*?(?=^## |\Z)", markdown, re.MULTILINE | re.DOTALL)[0]


def link_checkout(folder):
    """Makes the checkout appear in a folder, but with what commands write kept out of it."""
    for entry in ROOT.iterdir():
        if entry.name not in ("out", ".git"):
            os.symlink(entry, pathlib.Path(folder, entry.name))


class DocsTest(unittest.TestCase):
    def execute(self, text, folder):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")
        return done

    def test_every_command_block_of_the_readme_works(self):
        """In one shell, as a reader has it. What installs a package is tried by package_test.py."""
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        readme = readme.replace(kafka_section(readme), "")
        install, *commands = [text for language, text in blocks(readme) if language == "sh"]
        self.assertRegex(install, r"^deploy/package\nsudo apt-get install \./build/package/throng_\*")
        self.assertTrue(commands[0].startswith("deploy/quickstart\n"))
        self.assertEqual(len(commands), 3)
        with tempfile.TemporaryDirectory() as folder:
            link_checkout(folder)
            printed = self.execute("".join(commands), folder).stdout
            for shown in (text for language, text in blocks(readme) if language in ("csv", "text")):
                self.assertIn(shown, printed)
            rows = pathlib.Path(folder, "out/interactions.csv").read_text(encoding="utf-8")
            self.assertEqual(rows.count("\n"), 50_001)
            self.assertTrue(pathlib.Path(folder, "out/report.html").exists())

    def test_the_readme_names_what_is_there(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertLessEqual(len(readme.splitlines()), 120)
        for path in ("deploy/package", "deploy/quickstart", "deploy/site/build", "tests/run"):
            self.assertIn(path, readme)
            self.assertTrue(os.access(ROOT / path, os.X_OK), path)
        for target in re.findall(r"(?:\]\(|src(?:set)?=\")(?!https:)([^)\"#]+)", readme):
            with self.subTest(target):
                self.assertTrue((ROOT / target).exists())

    def test_quickstart_tells_what_it_takes(self):
        for flag in ("--help", "-h"):
            done = subprocess.run([ROOT / "deploy/quickstart", flag], capture_output=True, text=True,
                                  check=True, timeout=60)
            self.assertIn("deploy/quickstart --kafka [--port PORT]", done.stdout)
            self.assertNotIn("#", done.stdout)

    def test_what_the_other_documents_run_is_there(self):
        with open(ROOT / "CMakePresets.json", encoding="utf-8") as file:
            presets = {preset["name"] for preset in json.load(file)["configurePresets"]}
        for document in ("CONTRIBUTING.md", "docs/promises.md", "tests/bench/README.md"):
            commands = [text for language, text in blocks((ROOT / document).read_text())
                        if language in ("sh", "text")]
            self.assertTrue(commands, document)
            for text in commands:
                with self.subTest(document):
                    subprocess.run(["bash", "-n", "-c", text], check=True)
                    self.assertLessEqual(set(re.findall(r"(?:cmake|ctest).*? --preset (\S+)", text)),
                                         presets)
                    for path in re.findall(r"(?:deploy|tests|build/release)/\S+", text):
                        self.assertTrue((ROOT / path).exists(), path)


if __name__ == "__main__":
    unittest.main()
