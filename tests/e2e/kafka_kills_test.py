"""Everybody is killed: worker, daemon and brokers of one run into Kafka, over and over; and then a
consumer written by others finds every row once, each partition in order."""

import json
import os
import random
import signal
import time
import unittest

import confluent_kafka
from confluent_kafka import admin, schema_registry
from confluent_kafka.schema_registry import avro
from confluent_kafka.serialization import MessageField, SerializationContext

import daemon
import worker
from kafka_broker import KafkaBroker, check_rows

# At full size the kills are spread over the run, which then goes to its end. Else it would take far
# longer than the kills, on however slow a machine, and is stopped after them.
ROWS, RATE, KILLS = (3_000_000, 3750, 100) if daemon.IS_LONG else (1_000_000, 1000, 10)
KILLED_ROWS = ROWS if daemon.IS_LONG else 40_000
PATIENCE_SECONDS = 300
TOPIC, PARTITIONS = "interactions", 6


class KafkaKillsTest(unittest.TestCase):
    def begin(self, *flags):
        """Brokers, a daemon, and a run that goes on until it is done: of Avro if there is a registry,
        else of JSON."""
        self.broker = KafkaBroker(*flags)
        self.addCleanup(self.broker.close)
        self.folder = daemon.scratch_folder(self)
        self.daemon = daemon.Daemon(self.folder)
        self.addCleanup(self.daemon.close)
        self.dataset = {"seed": 42, "interactions": ROWS}
        options = {"bootstrap_servers": self.broker.bootstraps, "topic": TOPIC,
                   "partitions": str(PARTITIONS), "headers": "true"}
        encoding = {"component": "json"}
        if "--registry" in flags:
            encoding = {"component": "avro", "options": {"registry": self.broker.registry}}
        output = {"name": "kafka", "format": encoding, "commit_interval": "300ms",
                  "sink": {"component": "kafka", "options": options}}
        self.name = self.daemon.create(
            {"dataset": self.dataset, "outputs": [output], "pace": {"rate": RATE}}).name

    def await_position(self, row):
        """Returns the row that is reached."""
        run = self.daemon.wait(self.name, lambda run: run.outputs[0].position >= row,
                               f"row {row}", PATIENCE_SECONDS)
        return run.outputs[0].position

    def is_open(self):
        """Whether there are rows in the topic whose transaction is neither committed nor aborted; not
        if a broker that was just started cannot tell."""
        # A client that has met a broker without leaders does not always look again.
        client = admin.AdminClient({"bootstrap.servers": self.broker.bootstraps, "log_level": 0})

        def ends(isolation):
            futures = client.list_offsets(
                {confluent_kafka.TopicPartition(TOPIC, partition): admin.OffsetSpec.latest()
                 for partition in range(PARTITIONS)}, isolation_level=isolation, request_timeout=5)
            return [future.result().offset for future in futures.values()]
        try:
            ends_of_all = ends(confluent_kafka.IsolationLevel.READ_UNCOMMITTED)
            stable = ends(confluent_kafka.IsolationLevel.READ_COMMITTED)
        except confluent_kafka.KafkaException:
            return False
        return any(one < other for one, other in zip(stable, ends_of_all))

    def await_open(self):
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not self.is_open():
            self.assertLess(time.monotonic(), give_up, "no transaction is open")

    def kill_worker(self):
        workers = self.daemon.workers()
        self.assertTrue(workers)
        for process in workers:
            os.kill(process, signal.SIGKILL)

    def kill_broker(self):
        self.broker.restart(self.dice.randrange(self.broker.nodes) + 1)

    def kill_everybody(self, kills, end_row, victims):
        """Spread over the rows up to end_row, each after progress, half of them while a transaction
        is open."""
        reached = self.await_position(0)
        for kill in range(kills):
            step = (end_row - reached) // (kills - kill + 1)
            reached = self.await_position(reached + max(1, step))
            self.assertLess(reached, ROWS, "it was done before all were killed")
            if kill % 2 == 0:
                self.await_open()
            else:
                time.sleep(self.dice.uniform(0, 0.3))
            # Each of them both ways.
            victims[kill // 2 % len(victims)]()

    def messages_of_avro(self):
        """The messages of the topic with their values as JSON has them."""
        context = SerializationContext(TOPIC, MessageField.VALUE)
        with schema_registry.SchemaRegistryClient({"url": self.broker.registry}) as registry:
            read = avro.AvroDeserializer(registry)
            for message in self.broker.messages(TOPIC):
                record = read(message.value(), context)
                record["timestamp"] = record["timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ")
                message.set_value(json.dumps(record).encode())
                yield message

    def expect_every_row_once(self, is_avro=False):
        end = daemon.SUCCEEDED
        if not daemon.IS_LONG:
            self.await_position(self.await_position(0) + 1)  # it has survived the last kill, too
            self.daemon.stop(self.name)
            end = daemon.STOPPED
        run = self.daemon.wait_for_state(self.name, end, daemon.FAILED, seconds=PATIENCE_SECONDS)
        self.assertEqual(run.state, end, run.reason)
        path = self.folder / "expected.csv"
        spec = worker.write_spec(self.folder / "csv.json", worker.file_output(path),
                                 dataset=self.dataset)
        done = worker.run(spec)
        self.assertEqual(done.returncode, 0, done.stderr)
        messages = self.messages_of_avro() if is_avro else self.broker.messages(TOPIC)
        check_rows(self, messages, path, run.outputs[0].position)

    def test_nobody_loses_or_doubles_a_row_when_killed(self):
        self.dice = random.Random(1)
        self.begin()
        self.kill_everybody(KILLS, KILLED_ROWS, [self.kill_worker, self.daemon.restart, self.kill_broker])
        self.expect_every_row_once()

    @unittest.skipUnless(daemon.IS_LONG, "at full size only")
    def test_a_registry_that_is_away_holds_nothing_up(self):
        self.dice = random.Random(3)
        self.begin("--registry")
        everybody = [self.kill_worker, self.daemon.restart, self.kill_broker]
        self.kill_everybody(KILLS // 3, KILLED_ROWS // 3, everybody)
        self.broker.kill("registry")
        self.kill_everybody(KILLS // 3, KILLED_ROWS * 2 // 3, [self.kill_worker, self.daemon.restart])
        self.broker.start()
        self.kill_everybody(KILLS // 3, KILLED_ROWS, everybody)
        self.expect_every_row_once(is_avro=True)

    @unittest.skipUnless(daemon.IS_LONG, "at full size only")
    def test_a_leader_that_is_killed_for_good_takes_nothing_along(self):
        self.dice = random.Random(2)
        self.begin("--brokers", 3)
        self.kill_everybody(KILLS // 2, ROWS // 2,
                            [self.kill_broker, self.kill_worker, self.daemon.restart])
        self.await_open()
        self.broker.kill(self.broker.leader(TOPIC))
        self.kill_everybody(KILLS // 2, ROWS, [self.kill_worker, self.daemon.restart])
        self.expect_every_row_once()


if __name__ == "__main__":
    unittest.main()
