"""What tests of the sink `kafka` against a real broker share: runs into a topic of the test's own, and
what is in it."""

import os
import pathlib
import subprocess
import tempfile
import time
import unittest

import confluent_kafka

import kafka_broker
import worker
from kafka_broker import KafkaBroker

PATIENCE_SECONDS = 300


class KafkaCase(unittest.TestCase):
    """A broker for the class, a topic for each test."""

    FLAGS = ("--secure",)  # of the broker

    @classmethod
    def setUpClass(cls):
        cls.broker = KafkaBroker(*cls.FLAGS)
        cls.addClassCleanup(cls.broker.close)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="throng-kafka-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.topic = self.id().rpartition(".")[2].replace("_", "-")

    # ---- Runs -----------------------------------------------------------------------------------

    def kafka(self, options=None, **fields):
        """An output of JSON into the test's topic, with headers."""
        options = {"bootstrap_servers": self.broker.bootstrap, "topic": self.topic,
                   "partitions": "6", "headers": "true", **(options or {})}
        return {"name": "kafka", "format": {"component": "json"},
                "sink": {"component": "kafka", "options": options}, **fields}

    def spec(self, *outputs, dataset=None, **fields):
        file = self.scratch / f"spec-{len(list(self.scratch.iterdir()))}.json"
        return worker.write_spec(file, *outputs, dataset={"seed": 42, **(dataset or {})}, **fields)

    def run_well(self, spec, *arguments, **options):
        done = worker.run(spec, *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def run_badly(self, spec, said, *arguments, code=1, **options):
        done = worker.run(spec, *arguments, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(said, done.stderr)

    def start(self, spec, *arguments):
        process = subprocess.Popen(
            worker.command(spec, *arguments), text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    # ---- What is in the topic -------------------------------------------------------------------

    def end(self):
        """How many records the topic holds, those of open transactions too; 0 if it cannot be told."""
        client = confluent_kafka.Consumer({"bootstrap.servers": self.broker.bootstrap, "log_level": 0,
                                           "group.id": "end", "isolation.level": "read_uncommitted"})
        try:
            partitions = client.list_topics(self.topic, 5).topics[self.topic].partitions
            return sum(
                client.get_watermark_offsets(
                    confluent_kafka.TopicPartition(self.topic, p), timeout=5)[1]
                for p in partitions)
        except confluent_kafka.KafkaException:
            return 0
        finally:
            client.close()

    def await_more_than(self, records, *processes):
        give_up = time.monotonic() + PATIENCE_SECONDS
        while (end := self.end()) <= records:
            self.assertLess(time.monotonic(), give_up, f"{self.topic} does not grow")
            if all(process.poll() is not None for process in processes):
                break
            time.sleep(0.02)
        return end

    def assert_topic_is(self, dataset=None):
        """Every row of the dataset is there once, each partition in order, equal to the CSV."""
        path = self.scratch / "expected.csv"
        self.run_well(self.spec(worker.file_output(path), dataset=dataset))
        kafka_broker.check_rows(self, self.broker.messages(self.topic), path)
