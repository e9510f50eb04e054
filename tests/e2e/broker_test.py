"""deploy/kafka: a real broker starts, serves clients of others, survives and leaves nothing."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import confluent_kafka
from confluent_kafka import schema_registry
from confluent_kafka.schema_registry import avro
from confluent_kafka.serialization import MessageField, SerializationContext

import kafka_broker
from kafka_broker import KafkaBroker, call

LOGIN = {"sasl.username": kafka_broker.USER, "sasl.password": kafka_broker.PASSWORD}


def produce(bootstrap, topic, values, **settings):
    """Sends the values, each its own key; returns what was said of those that did not arrive."""
    errors = []
    producer = confluent_kafka.Producer({
        "bootstrap.servers": bootstrap,
        "log_level": 0,
        "reconnect.backoff.max.ms": 500,
        "message.timeout.ms": kafka_broker.PATIENCE_SECONDS * 1000,
        **settings,
    })
    for value in values:
        producer.produce(
            topic, value, value,
            on_delivery=lambda error, _: error is None or errors.append(str(error)))
    assert producer.flush(2 * kafka_broker.PATIENCE_SECONDS) == 0
    return errors


def values_of(messages):
    return [message.value().decode() for message in messages]


class OneBrokerTest(unittest.TestCase):
    """One broker with all that it may have, for the tests that leave it running."""

    @classmethod
    def setUpClass(cls):
        cls.broker = KafkaBroker("--secure", "--registry", "--connect")
        cls.addClassCleanup(cls.broker.close)

    def status(self):
        return call("status", "--data", self.broker.data)

    def test_what_was_acknowledged_survives_sigkill(self):
        self.broker.create_topic("kept", 2)
        values = [f"value_{i}" for i in range(100)]
        self.assertEqual(produce(self.broker.bootstrap, "kept", values), [])
        self.broker.kill()
        status = self.status()
        self.assertEqual(status.returncode, 1)
        self.assertRegex(status.stdout, rf"broker-1 +{self.broker.bootstrap} +stopped")
        self.broker.start()
        self.assertEqual(self.status().returncode, 0)
        self.assertCountEqual(values_of(self.broker.read("kept")), values)

    def test_kcat_and_kafkas_own_tools_read_it(self):
        self.broker.create_topic("seen")
        produce(self.broker.bootstrap, "seen", ["seen"])
        kcat = subprocess.run(
            ["kcat", "-C", "-b", self.broker.bootstrap, "-t", "seen", "-e", "-q", "-f", "%k=%s"],
            capture_output=True, text=True, check=True, timeout=kafka_broker.PATIENCE_SECONDS)
        self.assertEqual(kcat.stdout, "seen=seen")
        offsets = call("tool", "GetOffsetShell", "--bootstrap-server", self.broker.bootstrap,
                       "--topic", "seen")
        self.assertEqual(offsets.stdout.strip(), "seen:0:1", offsets.stderr)

    def test_javas_partitions_are_those_of_murmur2_random(self):
        keys = [f"user_{i}" for i in range(1, 501)]
        java = self.broker.java_partitions(keys, 6)
        self.assertCountEqual(java, keys)
        found = {}
        for partitioner in ("murmur2_random", "consistent_random"):
            self.broker.create_topic(partitioner, 6)
            produce(self.broker.bootstrap, partitioner, keys, partitioner=partitioner)
            found[partitioner] = {message.key().decode(): message.partition()
                                  for message in self.broker.read(partitioner)}
        self.assertEqual(found["murmur2_random"], java)
        self.assertNotEqual(found["consistent_random"], java)  # the library's own default

    def test_a_start_of_what_runs_changes_nothing(self):
        before = self.broker.process_id()
        self.broker.start()
        self.assertEqual(self.broker.process_id(), before)

    def test_two_stand_side_by_side(self):
        with KafkaBroker() as other:
            for broker in (self.broker, other):
                broker.create_topic("mine")
                produce(broker.bootstrap, "mine", [broker.bootstrap])
            for broker in (self.broker, other):
                self.assertEqual(values_of(broker.read("mine")), [broker.bootstrap])
            processes = [other.process()]
            other.stop()
            self.assertEqual([p for p in processes if kafka_broker.is_alive(p)], [])
            self.assertEqual(self.status().returncode, 0)
            # Another program's port is not ours to take.
            taken = call("start", "--port", self.broker.port, "--data", other.data)
            self.assertEqual(taken.returncode, 1)
            self.assertIn(
                f"Port {self.broker.port}, for broker-1, is in use by another program; "
                "choose another --port.", taken.stderr)

    def test_tls_and_sasl_let_in_who_may_come(self):
        self.broker.create_topic("safe")
        ca = {"ssl.ca.location": str(self.broker.tls / "ca.pem")}
        certificate = {
            "ssl.certificate.location": str(self.broker.tls / "client.pem"),
            "ssl.key.location": str(self.broker.tls / "client.key"),
        }
        ways = [(kafka_broker.TLS, {"security.protocol": "SSL", **ca}),
                (kafka_broker.MUTUAL_TLS, {"security.protocol": "SSL", **ca, **certificate})]
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            login = {"sasl.mechanism": mechanism, **LOGIN}
            ways.append((kafka_broker.SASL, {"security.protocol": "SASL_PLAINTEXT", **login}))
            ways.append((kafka_broker.SASL_TLS, {"security.protocol": "SASL_SSL", **login, **ca}))
        for listener, settings in ways:
            with self.subTest(settings):
                self.assertEqual(
                    produce(self.broker.address(listener), "safe", ["in"], **settings), [])
        self.assertEqual(values_of(self.broker.read("safe")), ["in"] * len(ways))

        impatient = {"message.timeout.ms": 1000}
        for listener, settings in (
                (kafka_broker.MUTUAL_TLS, ways[0][1]),
                (kafka_broker.TLS, {"security.protocol": "SSL"}),
                (kafka_broker.SASL, {**ways[2][1], "sasl.password": "guessed"})):
            with self.subTest(settings):
                self.assertNotEqual(
                    produce(self.broker.address(listener), "safe", ["in"], **settings, **impatient),
                    [])

    def test_the_registry_keeps_schemas_over_a_restart(self):
        schema = '{"type": "record", "name": "User", "fields": [{"name": "id", "type": "string"}]}'
        context = SerializationContext("users", MessageField.VALUE)
        with schema_registry.SchemaRegistryClient({"url": self.broker.registry}) as client:
            data = avro.AvroSerializer(client, schema)({"id": "user_1"}, context)
        self.assertEqual(data[:1], b"\0")
        self.broker.restart("registry")
        with schema_registry.SchemaRegistryClient({"url": self.broker.registry}) as client:
            self.assertEqual(avro.AvroDeserializer(client)(data, context), {"id": "user_1"})

    def test_connect_runs_a_connector(self):
        self.broker.create_topic("lines")
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("a line\n")
            file.flush()
            done = subprocess.run(
                ["curl", "--fail", "--silent", "--show-error", "--json",
                 '{"name": "lines", "config": {"connector.class": "FileStreamSource",'
                 f' "file": "{file.name}", "topic": "lines",'
                 ' "value.converter": "org.apache.kafka.connect.storage.StringConverter"}}',
                 f"{self.broker.connect}/connectors"],
                capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            kcat = subprocess.run(
                ["kcat", "-C", "-b", self.broker.bootstrap, "-t", "lines", "-c", "1", "-q"],
                capture_output=True, text=True, check=True, timeout=kafka_broker.PATIENCE_SECONDS)
            self.assertEqual(kcat.stdout, "a line\n")


class ClusterTest(unittest.TestCase):
    def test_three_brokers_go_on_without_one_of_them(self):
        with KafkaBroker("--brokers", 3) as cluster:
            cluster.create_topic("shared", 3)
            produce(cluster.bootstrap, "shared", ["before"])
            processes = [cluster.process(node) for node in (1, 2, 3)]
            cluster.kill(2)
            self.assertEqual(produce(cluster.bootstrap, "shared", ["after"], acks="all"), [])
            self.assertCountEqual(values_of(cluster.read("shared")), ["before", "after"])
            cluster.stop()
            self.assertEqual([p for p in processes if kafka_broker.is_alive(p)], [])
            # What it was made with stays.
            done = call("start", "--port", cluster.port, "--data", cluster.data, "--brokers", 1)
            self.assertEqual(done.returncode, 1)
            self.assertIn(
                "holds a cluster of 3 broker(s) that was made without --secure; add --clean to make "
                "it anew, or choose another --data.", done.stderr)


class TroubleTest(unittest.TestCase):
    """What is said of requests that cannot be met; nothing is started."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="throng-kafka-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def assert_refused(self, said, program, *arguments, **environment):
        done = call(program, *arguments, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 1)
        self.assertIn(said, done.stderr)

    def test_flags_that_make_no_sense(self):
        self.assert_refused("--port is 80; use a number from 2048", "start", "--port", 80)
        self.assert_refused("--brokers is 0; use a number from 1 to 9", "start", "--brokers", 0)
        self.assert_refused("--data needs a value", "start", "--data")
        self.assert_refused("Unknown argument --prot; deploy/kafka/start --help", "start", "--prot")
        self.assert_refused("Unknown argument x. Use --port PORT or --data DIR", "stop", "x")

    def test_each_program_tells_what_it_takes(self):
        for program, said in (("start", "--brokers N"), ("stop", "--port PORT"),
                              ("status", "--data DIR"), ("tool", "deploy/kafka/tool TopicCommand")):
            for flag in ("--help", "-h"):
                with self.subTest(program, flag=flag):
                    done = call(program, flag)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertIn(said, done.stdout)
                    self.assertNotIn("#", done.stdout)
        self.assert_refused("--list is no tool; the flags of a tool follow its name", "tool", "--list")

    def test_status_of_nothing(self):
        self.assert_refused("Nothing was started in", "status", "--data", self.scratch)

    def test_a_java_that_is_too_old(self):
        (self.scratch / "bin").mkdir()
        (self.scratch / "bin/java").touch(0o755)
        (self.scratch / "release").write_text('JAVA_VERSION="11.0.2"\n')
        self.assert_refused(
            f"Kafka needs Java 17 or newer, and {self.scratch}/bin/java is Java 11; put a newer one "
            "first in PATH", "start", "--data", self.scratch / "data",
            PATH=f"{self.scratch}/bin:{os.environ['PATH']}")

    def test_clean_spares_what_is_not_ours(self):
        (self.scratch / "thesis.txt").write_text("years of work")
        self.assert_refused("was not made by deploy/kafka/start, so --clean leaves it",
                            "start", "--clean", "--data", self.scratch)
        self.assertEqual((self.scratch / "thesis.txt").read_text(), "years of work")

    def test_a_download_that_is_not_what_was_published(self):
        mirror = self.scratch / "mirror"
        for line in (kafka_broker.KAFKA / "jars.txt").read_text().splitlines():
            file = mirror / line.split()[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("not this")
        here = {"XDG_CACHE_HOME": str(self.scratch), "MAVEN_MIRROR_URL": f"file://{mirror}"}
        arguments = ["start", "--data", self.scratch / "data"]
        self.assert_refused("is not what deploy/kafka/jars.txt says", *arguments, **here)
        here["MAVEN_MIRROR_URL"] = f"file://{self.scratch}/nowhere"
        self.assert_refused("set MAVEN_MIRROR_URL to its address", *arguments, **here)
        self.assertEqual(list(self.scratch.glob("throng/kafka-*/jars*")), [])


if __name__ == "__main__":
    unittest.main()
