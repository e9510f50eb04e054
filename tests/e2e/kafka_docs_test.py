"""Executes what README.md says of Kafka, the pages of docs/ that start a broker, and
`deploy/quickstart --kafka`, on free ports and with brokers of its own."""

import os
import pathlib
import re
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
