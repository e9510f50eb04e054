"""How tests run a real Apache Kafka: deploy/kafka/start on free ports, in a folder of its own."""

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import time
import uuid

import confluent_kafka
from confluent_kafka import admin

KAFKA = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "kafka"
PATIENCE_SECONDS = 120
# From --port, as deploy/kafka/start --help tells.
TLS, MUTUAL_TLS, SASL_TLS, SASL = 20, 30, 40, 50
REGISTRY, CONNECT = -1011, -1009
USER, PASSWORD = "alice", "alice-secret"


def call(program, *arguments, **options):
    """Runs deploy/kafka/PROGRAM to its end; neither its result is checked nor its output shown."""
    options.setdefault("input", "")
    return subprocess.run(
        [KAFKA / program, *map(str, arguments)],
        capture_output=True, text=True, check=False, **options)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports():
    """Values for --port, all of whose ports are free just now."""
    # Below those that outgoing connections are given.
    ports = list(range(12000, 32000, 100))
    random.shuffle(ports)
    for port in ports:
        if all(is_free(port + offset) for offset in (*range(60), REGISTRY, CONNECT)):
            yield port


class KafkaBroker:
    """A running broker, or a cluster; use it as a context manager, or `test.addCleanup(it.close)`.

    KafkaBroker("--brokers", 3, "--secure", "--registry", "--connect"): flags of deploy/kafka/start.

    bootstrap      "localhost:PORT" of the first broker; `address(SASL)` etc. of its other listeners
    nodes, bootstraps   how many brokers, and the addresses of all
    registry, connect   URLs of the schema registry (Confluent's API) and of Connect
    tls            folder with ca.pem, client.pem, client.key (with --secure)
    kill(node)     SIGKILL of one broker, or of "registry" and "connect"; the data stays
    start()        whatever does not run; returns once it is ready. restart() is both
    stop()         in order, all of it; start() goes on with the same data and ports
    create_topic(name, partitions, **settings), delete_topic(name), leader(name)
    messages(topic)     up to where it ends now, as confluent_kafka.Message, each partition in order
    read(topic)    the same as a list
    java_partitions(keys, partitions)   {key: partition} where Kafka's own Java producer puts them
    """

    def __init__(self, *flags):
        self._scratch = tempfile.TemporaryDirectory(prefix="throng-kafka-")
        self.data = pathlib.Path(self._scratch.name, "kafka")
        self.tls = self.data / "tls"
        self._flags = flags
        self.nodes = flags[flags.index("--brokers") + 1] if "--brokers" in flags else 1
        try:
            self._start_on_free_ports()
        except BaseException:
            self.close()
            raise

    def _start_on_free_ports(self):
        for self.port in free_ports():
            done = self._start()
            if done.returncode == 0:
                return
            # Another test may have been quicker.
            if "in use by another program" not in done.stderr:
                raise AssertionError(done.stderr)
            self.stop()
        raise AssertionError("No hundred ports are free.")

    def _start(self):
        return call("start", "--port", self.port, "--data", self.data, *self._flags)

    @property
    def bootstrap(self):
        return self.address(0)

    @property
    def bootstraps(self):
        return ",".join(self.address(0, node + 1) for node in range(self.nodes))

    @property
    def registry(self):
        return f"http://localhost:{self.port + REGISTRY}/apis/ccompat/v7"

    @property
    def connect(self):
        return f"http://localhost:{self.port + CONNECT}"

    def address(self, listener, node=1):
        """HOST:PORT of a listener (TLS, MUTUAL_TLS, SASL_TLS, SASL, or 0) of a broker."""
        return f"localhost:{self.port + listener + node - 1}"

    def process_id(self, part=1):
        """Of a broker by its number, or of "registry" or "connect"."""
        name = part if isinstance(part, str) else f"broker-{part}"
        return int((self.data / name / "pid").read_text())

    def process(self, part=1):
        """Of a part, what tells it from a later process with its number."""
        process = self.process_id(part)
        return process, start_of(process)

    def kill(self, part=1):
        process = self.process(part)
        os.kill(process[0], signal.SIGKILL)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while is_alive(process):
            assert time.monotonic() < give_up, f"{part} survives SIGKILL"
            time.sleep(0.01)

    def start(self):
        done = self._start()
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def restart(self, part=1):
        self.kill(part)
        self.start()

    def stop(self):
        done = call("stop", "--data", self.data)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def close(self):
        self.stop()
        self._scratch.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _admin(self):
        return admin.AdminClient({"bootstrap.servers": self.bootstraps, "log_level": 3})

    def create_topic(self, name, partitions=1, **settings):
        """A topic, once each partition has a leader; settings with _ for the dots of their names."""
        config = {key.replace("_", "."): str(value) for key, value in settings.items()}
        client = self._admin()
        topic = admin.NewTopic(name, partitions, config=config)
        client.create_topics([topic], operation_timeout=PATIENCE_SECONDS)[name].result()
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            known = client.list_topics(name, PATIENCE_SECONDS).topics[name].partitions
            if len(known) == partitions and all(p.leader >= 0 for p in known.values()):
                return
            assert time.monotonic() < give_up, f"{name} has no leaders"
            time.sleep(0.05)

    def leader(self, topic):
        """The number of the broker that leads the topic's first partition."""
        client = self._admin()
        return client.list_topics(topic, PATIENCE_SECONDS).topics[topic].partitions[0].leader

    def delete_topic(self, name):
        client = self._admin()  # it must outlive the call
        client.delete_topics([name], operation_timeout=PATIENCE_SECONDS)[name].result()

    def read(self, topic, **settings):
        return list(self.messages(topic, **settings))

    def messages(self, topic, isolation="read_committed", **settings):
        """All messages of a topic up to where it ends now."""
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.bootstraps,
            "group.id": "throng-test",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
            "log_level": 0,
            **settings,
        })
        try:
            partitions = consumer.list_topics(topic, PATIENCE_SECONDS).topics[topic].partitions
            consumer.assign([
                confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)
                for partition in partitions])
            ended = set()
            give_up = time.monotonic() + PATIENCE_SECONDS
            while len(ended) < len(partitions):
                assert time.monotonic() < give_up, f"{topic} does not end"
                for message in consumer.consume(10_000, 0.2):
                    if message.error() is None:
                        yield message
                        give_up = time.monotonic() + PATIENCE_SECONDS
                    elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                        ended.add(message.partition())
                    else:
                        raise confluent_kafka.KafkaException(message.error())
        finally:
            consumer.close()

    def java_partitions(self, keys, partitions):
        """Where Kafka's own (Java) producer puts messages with these keys, by key."""
        topic = f"java-{uuid.uuid4()}"
        self.create_topic(topic, partitions)
        sent = call("tool", "ConsoleProducer", "--bootstrap-server", self.bootstrap,
                    "--topic", topic, "--reader-property", "parse.key=true",
                    "--reader-property", "key.separator==",
                    input="".join(f"{key}=\n" for key in keys))
        if sent.returncode != 0:
            raise AssertionError(sent.stderr)
        found = {message.key().decode(): message.partition() for message in self.read(topic)}
        self.delete_topic(topic)
        return found


def row_of(message):
    """The `row` header of a message."""
    return int(dict(message.headers())["row"])


def check_rows(test, messages, path, rows=None):
    """Each of the first rows of the CSV file (of all if it is not said how many) is among the
    messages once, by its `row` header and then by key and value (JSON), and each partition is in
    order."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:][:rows]
    seen = bytearray(len(lines))
    last = {}
    for message in messages:
        row = row_of(message)
        test.assertLess(last.get(message.partition(), -1), row, "a partition is not in order")
        last[message.partition()] = row
        test.assertEqual(seen[row], 0, f"row {row} is there twice")
        seen[row] = 1
        user, item, rating, timestamp = lines[row].split(",")
        value = (f'{{"user_id": "{user}", "item_id": "{item}", "rating": {rating}, '
                 f'"timestamp": "{timestamp}"}}')
        test.assertEqual((message.key(), message.value()), (user.encode(), value.encode()))
    test.assertEqual(seen.count(0), 0, f"row {seen.find(0)} and others are missing")


def start_of(process_id):
    """When a process started, in ticks since the machine did; nothing if there is none."""
    try:
        stat = pathlib.Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def is_alive(process):
    """Whether any thread of KafkaBroker.process() runs; one that ended and was not waited for does
    not."""
    process_id, start = process
    if start_of(process_id) != start:
        return False
    for thread in pathlib.Path(f"/proc/{process_id}/task").glob("*/stat"):
        try:
            state = thread.read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue  # ended meanwhile
        if state not in "ZX":
            return True
    return False


@contextlib.contextmanager
def newer_librdkafka():
    """A folder with the librdkafka.so.1 that confluent-kafka brings, newer than Debian's."""
    package = pathlib.Path(confluent_kafka.__file__).parents[1]
    library = next(package.glob("confluent_kafka.libs/librdkafka-*.so*"))
    with tempfile.TemporaryDirectory() as folder:
        for file in library.parent.iterdir():
            pathlib.Path(folder, file.name).symlink_to(file)
        pathlib.Path(folder, "librdkafka.so.1").symlink_to(library)
        yield folder
