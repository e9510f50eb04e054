"""Executes the pages of docs/: every `sh` block of a page, in order, in a folder of the page's own.

A `yaml` or `python` block that begins with `# NAME` is the file NAME of the blocks that follow. Pages
that start a broker are executed by kafka_docs_test.py. Blocks that can not be executed are `text`.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import docs_test

DOCS = docs_test.ROOT / "docs"
PROGRAMS = pathlib.Path(os.environ["THRONG_CLIENT"]).parent
FILES = ("python", "yaml")
# Pages whose `text` blocks are more than what is shown, and why they are not executed.
TEXT = {
    "benchmarks.md": "takes hours",
    "how-to/contexts.md": "names a daemon on a network",
    "how-to/deploy.md": "needs systemd or a container engine; the tests of packages and images do it",
    "how-to/embed-grpc.md": "installs what the Python of this test has",
    "how-to/let-callers-in.md": "a file",
    "install.md": "needs root, a container engine or a release; the tests of packages and images do it",
    "operations.md": "what a command prints, which is compared",
    "promises.md": "calls tests; docs_test.py looks for what it names",
    "reference/cli.md": "the examples of --help",
    "reference/throngd.md": "likewise",
    "tutorial.md": "what its commands print, which is compared",
}
# Pages whose blocks are not executed with the others, and why.
ELSEWHERE = {
    "operations.md": "a test of its own compares what it prints",
    "promises.md": "a test of its own looks at what it prints",
    "tutorial.md": "a test of its own compares what it prints",
}


def pages():
    """Name and text of each page."""
    return {str(path.relative_to(DOCS)): path.read_text(encoding="utf-8")
            for path in sorted(DOCS.rglob("*.md"))}


def needs_broker(markdown):
    return any(language == "sh" and "deploy/kafka/start" in text
               for language, text in docs_test.blocks(markdown))


def execute_page(markdown, adapt=lambda text: text, environment=None, look=lambda folder: None):
    """What the page's blocks print, stdout and stderr; `look` sees the folder afterwards."""
    told, warned = "", ""
    # Its python3 has what is said to be installed.
    path = f"{PROGRAMS}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **(environment or {})}
    with tempfile.TemporaryDirectory() as folder:
        docs_test.link_checkout(folder)
        os.mkdir(f"{folder}/out")
        for language, text in docs_test.blocks(markdown):
            if language in FILES and (name := re.match(r"# (\S+\.(?:yaml|py))\n", text)):
                pathlib.Path(folder, name[1]).write_text(adapt(text), encoding="utf-8")
            if language != "sh":
                continue
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", adapt(text)], cwd=folder, env=environment,
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600)
            if done.returncode:
                raise AssertionError(f"{text}\n{done.stdout}\n{done.stderr}")
            told, warned = told + done.stdout, warned + done.stderr
        look(pathlib.Path(folder))
    return told, warned


class PagesTest(unittest.TestCase):
    def test_every_command_block_of_the_pages_works(self):
        for page, markdown in pages().items():
            if page in ELSEWHERE or needs_broker(markdown):
                continue
            with self.subTest(page):
                execute_page(markdown)

    def test_what_is_not_executed_has_a_reason(self):
        used = {page: {language for language, _ in docs_test.blocks(markdown)}
                for page, markdown in pages().items()}
        self.assertEqual({page for page, languages in used.items() if "text" in languages}, set(TEXT))
        self.assertLessEqual(set().union(*used.values()), {"", "csv", "python", "sh", "text", "yaml"})

    def test_the_tutorial_prints_what_it_shows(self):
        tutorial = pages()["tutorial.md"]
        printed, _ = execute_page(tutorial)
        shown = [text for language, text in docs_test.blocks(tutorial) if language == "text"]
        self.assertEqual(len(shown), 5)
        for text in shown:
            self.assertIn(text, printed)
        self.assertIn("exit code 1", printed)
        self.assertEqual(printed.count("All is as it must be."), 1)

    def test_the_operations_print_what_they_show(self):
        operations = pages()["operations.md"]
        printed, _ = execute_page(operations)
        shown, = [text for language, text in docs_test.blocks(operations) if language == "text"]
        self.assertIn(shown, printed)
        self.assertIn("1 run in ", printed)

    def test_every_alert_is_told(self):
        alerts = (docs_test.ROOT / "deploy/monitoring/alerts.yml").read_text(encoding="utf-8")
        self.assertEqual(
            re.findall(r"^\| (Throng\w+) \|", pages()["how-to/watch-a-daemon.md"], re.MULTILINE),
            re.findall(r"- alert: (\w+)", alerts))

    def test_a_split_has_the_rows_that_are_said(self):
        def look(folder):
            for file, rows in (("train", 40_000), ("validation", 5000), ("test", 5000)):
                lines = (folder / f"out/{file}.csv").read_text(encoding="utf-8")
                self.assertEqual(lines.count("\n"), rows + 1, file)
        execute_page(pages()["how-to/splits.md"], look=look)

    def test_rows_that_are_shown_are_the_first(self):
        golden = (docs_test.ROOT / "tests/golden/shop-42.csv").read_text(encoding="utf-8")
        for page, markdown in pages().items():
            for language, text in docs_test.blocks(markdown):
                if language == "csv":
                    with self.subTest(page):
                        self.assertTrue(golden.startswith(text), text)

    def test_every_reason_of_an_error_is_told(self):
        sources = "".join(path.read_text(encoding="utf-8")
                          for path in (docs_test.ROOT / "server/daemon").glob("*.cc"))
        reasons = set(re.findall(r'MakeError\(\s*[^"]*?"([A-Z_]+)"', sources))
        told = {reason for line in pages()["reference/errors.md"].splitlines()
                if line.startswith("| `")
                for reason in re.findall(r"`([A-Z_]+)`", line.split("|")[1])}
        self.assertGreater(len(reasons), 10)
        self.assertEqual(told, reasons)

    def test_every_sentence_of_the_troubleshooting_is_one_of_ours(self):
        sources = "".join(
            re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
            for room in ("client", "plugins", "server")
            for path in (docs_test.ROOT / room).rglob("*.[ch]*") if path.suffix in (".cc", ".h"))
        heads = re.findall(r"^### `(.*)`$", pages()["troubleshooting.md"], re.MULTILINE)
        self.assertGreater(len(heads), 10)
        for head in heads:
            for said in re.split(r" ?… ?", head):
                with self.subTest(head):
                    self.assertIn(said, sources)

    def test_every_line_of_the_checklist_that_the_promises_name_is_one(self):
        promises = pages()["promises.md"]
        checked, _ = execute_page(promises)
        named = set(re.findall(r"(?<!\*)\*([A-Z][^*|]+)\*(?!\*)", promises))
        self.assertGreater(len(named), 8)
        for line in named:
            with self.subTest(line):
                self.assertRegex(re.sub(r" \d+ ", " ", checked), f"PASS  {line}")

    def test_every_member_of_a_manifest_is_told(self):
        told = re.findall(r"^\| `(\w+)` \|", pages()["reference/manifest.md"], re.MULTILINE)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([PROGRAMS / "throngctl", "generate", "--size", "quick", "--quiet",
                            "--to", f"csv:{folder}/rows-{{part}}.csv?roll_rows=100"], check=True)
            text = pathlib.Path(folder, "rows-0.csv.manifest.json").read_text(encoding="utf-8")
        self.assertEqual(told, list(json.loads(text)))

    def test_every_command_that_the_migration_names_is_one(self):
        for command in set(re.findall(r"`throngctl ([a-z]+(?: kafka)?)", pages()["migration.md"])):
            with self.subTest(command):
                done = subprocess.run([PROGRAMS / "throngctl", *command.split(), "--help"],
                                      capture_output=True, check=False)
                self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
