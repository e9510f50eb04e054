"""Executes every `sh` block of README.md, in order, but for those about Kafka, which
kafka_docs_test.py executes. The pages of docs/ are executed by pages_test.py.

A `yaml` block that begins with `# NAME` is the file NAME of the blocks that follow. `tests/run` is
what runs this and is only looked for, and so are the commands of the other documents: they build and
test, and would do what is being done. Needs the release preset's build tree.
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
    return re.search(r"^## Kafka\n.*?(?=^## |\Z)", markdown, re.MULTILINE | re.DOTALL)[0]


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
        with tempfile.TemporaryDirectory() as folder:
            link_checkout(folder)
            executed = 0
            readme = (ROOT / "README.md").read_text()
            for language, text in blocks(readme.replace(kafka_section(readme), "")):
                name = re.match(r"# (\S+\.yaml)\n", text)
                if language == "yaml" and name:
                    pathlib.Path(folder, name[1]).write_text(text)
                if language != "sh":
                    continue
                if text.strip() == "tests/run":
                    self.assertTrue(os.access(ROOT / "tests/run", os.X_OK))
                    continue
                self.execute(text, folder)
                executed += 1
            self.assertGreaterEqual(executed, 3)
            # What the README says is there afterwards.
            for file, rows in (("interactions.csv", 50_000), ("train.csv", 16_000),
                               ("users.csv", 400)):
                with open(pathlib.Path(folder, "out", file), encoding="utf-8") as lines:
                    self.assertEqual(sum(1 for _ in lines), rows + 1, file)
            with open(pathlib.Path(folder, "out/test.jsonl"), encoding="utf-8") as lines:
                self.assertEqual(sum(1 for _ in lines), 4_000)

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
                    self.assertLessEqual(set(re.findall(r"--preset (\S+)", text)), presets)
                    for path in re.findall(r"(?:deploy|tests|build/release)/\S+", text):
                        self.assertTrue((ROOT / path).exists(), path)

    def test_the_row_that_the_readme_shows_is_the_first(self):
        readme = (ROOT / "README.md").read_text()
        shown = next(text for language, text in blocks(readme) if text.startswith("user_id,"))
        golden = (ROOT / "tests/golden/shop-42.csv").read_text()
        self.assertTrue(golden.startswith(shown), shown)


if __name__ == "__main__":
    unittest.main()
