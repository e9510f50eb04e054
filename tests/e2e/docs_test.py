"""Executes the documentation: every `sh` block of README.md, docs/migration.md and
docs/progressive-training.md, in order, each in a folder of its own, but for those about Kafka, which
kafka_docs_test.py executes.

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

    def test_data_grow_and_are_split_as_it_is_written(self):
        markdown = (ROOT / "docs/progressive-training.md").read_text(encoding="utf-8")
        told = ""
        with tempfile.TemporaryDirectory() as folder:
            link_checkout(folder)
            for language, text in blocks(markdown.replace(kafka_section(markdown), "")):
                if language == "yaml":
                    pathlib.Path(folder, re.match(r"# (\S+\.yaml)\n", text)[1]).write_text(text)
                else:
                    told += self.execute(text, folder).stderr
            for row in (5000, 20_000, 50_000):
                self.assertEqual(told.count(f"goes on from row {row}."), 2)
            for file, rows in (("exact.csv", 100_000), ("life.csv", 100_000), ("train.csv", 40_000),
                               ("validation.csv", 5000), ("test.csv", 5000)):
                lines = pathlib.Path(folder, "out", file).read_text(encoding="utf-8")
                self.assertEqual(lines.count("\n"), rows + 1, file)

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

    def test_every_command_block_of_the_migration_works(self):
        document = (ROOT / "docs/migration.md").read_text()
        with tempfile.TemporaryDirectory() as folder:
            link_checkout(folder)
            shown = ""
            for language, text in blocks(document.replace(kafka_section(document), "")):
                if language != "sh":
                    continue
                shown += self.execute(text, folder).stdout
            self.assertIn("Total Interactions: 50000", shown)
            self.assertIn("[Message #3]", shown)

    def test_every_command_that_the_migration_names_is_one(self):
        client = ROOT / "build/release/bin/throngctl"
        document = (ROOT / "docs/migration.md").read_text()
        for command in set(re.findall(r"`throngctl ([a-z]+(?: kafka)?)", document)):
            with self.subTest(command):
                done = subprocess.run([client, *command.split(), "--help"], capture_output=True,
                                      check=False)
                self.assertEqual(done.returncode, 0)

    def test_what_the_other_documents_run_is_there(self):
        with open(ROOT / "CMakePresets.json", encoding="utf-8") as file:
            presets = {preset["name"] for preset in json.load(file)["configurePresets"]}
        for document in ("CONTRIBUTING.md", "docs/promises.md", "tests/bench/README.md"):
            commands = [text for language, text in blocks((ROOT / document).read_text())
                        if language == "sh"]
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
