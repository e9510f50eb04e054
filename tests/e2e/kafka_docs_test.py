"""Executes what README.md says of Kafka, the pages of docs/ that start a broker, and
`deploy/quickstart --kafka`, on free ports and with brokers of its own."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import docs_test
import kafka_broker
import pages_test

PROGRAMS = pathlib.Path(os.environ["THRONG_DAEMON"]).parent


class KafkaDocsTest(unittest.TestCase):
    def test_the_command_block_of_the_readme_works(self):
        readme = (docs_test.ROOT / "README.md").read_text(encoding="utf-8")
        commands, = [text for language, text in docs_test.blocks(docs_test.kafka_section(readme))
                     if language == "sh"]
        self.assertTrue(commands.startswith("deploy/kafka/start\n"))
        self.assertTrue(commands.endswith("deploy/kafka/stop\n"))
        port = next(kafka_broker.free_ports())
        commands = re.sub(r"^deploy/kafka/(start|stop)$", rf"\g<0> --port {port}", commands,
                          flags=re.MULTILINE)
        commands = commands.replace("localhost:9092", f"localhost:{port}")
        with tempfile.TemporaryDirectory() as folder:
            docs_test.link_checkout(folder)
            environment = {**os.environ, "XDG_DATA_HOME": f"{folder}/data",
                           "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
            self.addCleanup(kafka_broker.call, "stop", "--port", port, env=environment)
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment,
                capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
        self.assertEqual(done.stdout.count("[Message #"), 3)
        self.assertIn("50000 rows expected, 50000 found.", done.stdout)

    def test_every_command_block_of_the_pages_works(self):
        """One broker and registry for all: `start` finds them running, and `stop` is not obeyed."""
        port = next(kafka_broker.free_ports())
        said = {}
        with tempfile.TemporaryDirectory() as folder:
            environment = {"XDG_DATA_HOME": folder}
            self.addCleanup(kafka_broker.call, "stop", "--port", port,
                            env={**os.environ, **environment})

            def adapt(text):
                text = re.sub(r"deploy/kafka/(start|status)\b", rf"\g<0> --port {port}", text)
                text = re.sub(r"^deploy/kafka/stop$", "", text, flags=re.MULTILINE)
                return re.sub(r"localhost:(9092|8081|8083)",
                              lambda name: f"localhost:{int(name[1]) - 9092 + port}", text)

            for page, markdown in pages_test.pages().items():
                if pages_test.needs_broker(markdown):
                    with self.subTest(page):
                        said[page] = pages_test.execute_page(markdown, adapt, environment)
        shown, _ = said["how-to/kafka.md"]
        self.assertRegex(shown, rf"broker-1 +localhost:{port} +process \d+\n")
        shown, told = said["migration.md"]
        self.assertIn("All 100 rows came back as they were written.", shown)
        self.assertIn("Total Interactions: 50000", shown)
        self.assertIn("[Message #50]", shown)
        self.assertIn("already complete, 100 rows delivered", told)
        shown, told = said["how-to/progressive-training.md"]
        for row in (5000, 20_000, 50_000):  # two files, a topic
            self.assertEqual(told.count(f"goes on from row {row}."), 3)
        self.assertEqual(re.findall(r"Total Interactions: (\d+)", shown),
                         ["5000", "20000", "50000", "100000"] * 3)

    def test_every_command_of_the_guides_table_works(self):
        """Where it ends by itself with 0; else once it is interrupted, with 130."""
        markdown = (docs_test.ROOT / "docs/migration.md").read_text(encoding="utf-8")
        rows = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", markdown, re.MULTILINE)][1:]
        said = {}
        with kafka_broker.KafkaBroker() as broker, tempfile.TemporaryDirectory() as folder:
            def run(command, prefix=""):
                place = f"kafka://{broker.bootstrap}/topic-{len(said)}"
                for name, value in (
                        ("kafka://...", f"kafka://{broker.bootstrap}/tapped" if " tap " in command
                         else place), ("replay ...", f"replay few.csv --to {place}"),
                        ("FILE.csv", "few.csv"), ("PLACE", "whole.csv"), ("--topic T", "--topic t"),
                        ("doctor kafka", f"doctor kafka --brokers {broker.bootstrap}"),
                        ("TOPIC", place)):
                    command, prefix = command.replace(name, value), prefix.replace(name, value)
                process = subprocess.Popen(
                    [PROGRAMS / (prefix + command).split()[0], *(prefix + command).split()[1:]],
                    cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True)
                is_endless = re.search("--forever|null|tap (?!.*--limit)", command)
                try:
                    shown, told = process.communicate(timeout=3 if is_endless else 120)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
                    shown, told = process.communicate(timeout=120)
                expected = 130 if is_endless else 0
                self.assertEqual(process.returncode, expected, f"{prefix + command}\n{shown}\n{told}")
                said[prefix + command] = shown + told

            run("throngctl generate --size producer --to csv:whole.csv -q")
            run(f"throngctl generate --size quick --to kafka://{broker.bootstrap}/tapped -q")
            lines = (pathlib.Path(folder) / "whole.csv").read_text().splitlines(keepends=True)
            (pathlib.Path(folder) / "few.csv").write_text("".join(lines[:4]))
            for step, ours in rows:
                for command in re.findall("`([^`]+)`", ours):
                    if command.startswith("throngctl "):
                        run(command)
                    elif command.startswith(("--rate", "--delay")):
                        run(command, "throngctl replay few.csv --to TOPIC ")
                    elif command.startswith("--size"):
                        run(command, "throngctl generate --to csv:out/sized.csv --overwrite ")
                    else:  # which the command blocks of the pages have
                        self.assertRegex(step, "docker-compose|scale up")
        self.assertEqual(len(said), 2 + 17)

    def test_the_example_that_loads_a_topic_does_so_and_goes_on(self):
        example = docs_test.ROOT / "deploy/examples/kafka-load.yaml"
        with kafka_broker.KafkaBroker() as broker, tempfile.TemporaryDirectory() as folder:
            for rows, rate in ((1500, 1000), (2000, 5000)):
                done = subprocess.run(
                    [PROGRAMS / "throngctl", "generate", "-f", example, "--rate", f"{rate}/s",
                     "--set", f"outputs[0].sink.options.bootstrap_servers={broker.bootstrap}",
                     "--interactions", str(rows), "--set", "dataset.plan_size=50000"],
                    cwd=folder, capture_output=True, text=True, check=False, timeout=120)
                self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
            self.assertIn("goes on from row 1500", done.stderr)
            records = broker.read("load")
            self.assertEqual(len(records), 2000)
            self.assertEqual({record.partition() for record in records}, set(range(6)))

    @unittest.skipUnless(PROGRAMS.samefile(docs_test.ROOT / "build/release/bin"),
                         "quickstart builds and uses the release preset")
    def test_quickstart_fills_a_topic_and_shows_it(self):
        port = next(kafka_broker.free_ports())
        with tempfile.TemporaryDirectory() as folder:
            docs_test.link_checkout(folder)
            environment = {**os.environ, "XDG_DATA_HOME": f"{folder}/data"}
            self.addCleanup(kafka_broker.call, "stop", "--port", port, env=environment)
            done = subprocess.run(
                ["deploy/quickstart", "--kafka", "--port", str(port)],
                cwd=folder, env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
            shown = re.findall(r'^(user_\d+)\t{"user_id": "(user_\d+)", "item_id": "item_', done.stdout,
                               re.MULTILINE)
            self.assertEqual(len(shown), 5)
            self.assertTrue(all(key == user for key, user in shown))


if __name__ == "__main__":
    unittest.main()
