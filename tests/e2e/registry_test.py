"""Messages with a registered schema, read back by confluent-kafka's deserializers against a real
registry; and what is said where a registry refuses."""

import base64
import contextlib
import csv
import datetime
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import confluent_kafka
from confluent_kafka import schema_registry
from confluent_kafka.schema_registry import avro, json_schema, protobuf
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

import worker
from kafka_broker import KafkaBroker

sys.path.insert(0, os.environ["THRONG_STUBS"])
from throng.v1 import interaction_pb2  # noqa: E402

CLIENT = os.environ["THRONG_CLIENT"]
PATIENCE_SECONDS = 120
FORMATS = ("avro", "json", "protobuf")
EXTRA = ("interaction_id", "kind", "cluster", "category", "session_id", "session_row")


def protobuf_class(text):
    """The class of the only message in a .proto text, apart from other classes of its name."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "a.proto").write_text(text, encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}",
             f"--descriptor_set_out={folder}/set", "a.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(
            pathlib.Path(folder, "set").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(files.file[0])
    message = files.file[0].message_type[0].name
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"{files.file[0].package}.{message}"))


def as_texts(record):
    """A record that was read as the CSV has it."""
    texts = {}
    for name, value in record.items():
        if isinstance(value, datetime.datetime):
            value = value.strftime("%Y-%m-%dT%H:%M:%SZ")
        texts[name] = "" if value is None else str(value)
    return texts


class RegistryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = KafkaBroker("--secure", "--registry")
        cls.addClassCleanup(cls.broker.close)
        cls.registry = schema_registry.SchemaRegistryClient({"url": cls.broker.registry})
        cls.addClassCleanup(cls.registry.__exit__)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="throng-registry-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.topic = self.id().rpartition(".")[2].replace("_", "-")

    # ---- Runs -----------------------------------------------------------------------------------

    def kafka(self, component="avro", options=None, topic=None, **fields):
        topic = topic or self.topic
        return {"name": topic,
                "format": {"component": component,
                           "options": {"registry": self.broker.registry, **(options or {})}},
                "sink": {"component": "kafka",
                         "options": {"bootstrap_servers": self.broker.bootstrap, "topic": topic}},
                **fields}

    def spec(self, *outputs, rows=2000, **fields):
        file = self.scratch / f"spec-{len(list(self.scratch.iterdir()))}.json"
        dataset = {"seed": 42, "interactions": rows}
        return worker.write_spec(file, *outputs, dataset=dataset, **fields)

    def run_well(self, spec, *arguments, **options):
        done = worker.run(spec, *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)

    def run_badly(self, spec, said, *arguments, code=1, **options):
        done = worker.run(spec, *arguments, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(said, done.stderr)

    def start(self, spec, *arguments):
        process = subprocess.Popen(worker.command(spec, *arguments), text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    # ---- What is in a topic ---------------------------------------------------------------------

    def reader(self, component, subject):
        """Deserializes a value as the consumers of others do."""
        if component == "avro":
            return avro.AvroDeserializer(self.registry)
        if component == "json":
            read = json_schema.JSONDeserializer(None, schema_registry_client=self.registry)
            return lambda value, context: {
                name: datetime.datetime.fromisoformat(text) if name == "timestamp" else text
                for name, text in read(value, context).items()}
        text = self.registry.get_latest_version(subject).schema.schema_str
        has_extra = "optional" in text
        message_class = protobuf_class(text) if has_extra else interaction_pb2.Interaction
        # Given the registry it would ask for the schema in a form that only Confluent's own has.
        read = protobuf.ProtobufDeserializer(message_class, {"use.deprecated.format": False})

        def fields(value, context):
            message = read(value, context)
            return {field.name: message.timestamp.ToDatetime() if field.name == "timestamp" else
                    getattr(message, field.name) for field in message.DESCRIPTOR.fields
                    if not field.has_presence or message.HasField(field.name)}
        return fields

    def assert_topic_is(self, topic, component, rows, subject=None, columns=()):
        """Every row is there once, as the CSV of the same columns has it."""
        read = self.reader(component, subject or f"{topic}-value")
        context = SerializationContext(topic, MessageField.VALUE)
        found = sorted(
            tuple(as_texts(read(message.value(), context)).items())
            for message in self.broker.read(topic))
        path = self.scratch / f"{topic}.csv"
        self.run_well(self.spec(worker.file_output(path, **columns_of(columns)), rows=rows))
        with open(path, encoding="utf-8", newline="") as file:
            self.assertEqual(
                found, sorted(tuple(row.items()) for row in csv.DictReader(file)), topic)

    def await_rows(self, rows, process):
        give_up = time.monotonic() + PATIENCE_SECONDS
        while len(self.broker.read(self.topic)) < rows:
            self.assertLess(time.monotonic(), give_up, f"{self.topic} does not grow")
            self.assertIsNone(process.poll(), "it has ended")

    # ---- Tests ----------------------------------------------------------------------------------

    def test_consumers_of_others_read_every_row(self):
        self.run_well(self.spec(*(self.kafka(f, topic=f"all-{f}") for f in FORMATS), rows=3000))
        for component in FORMATS:
            with self.subTest(component):
                self.assert_topic_is(f"all-{component}", component, 3000)

    def test_consumers_of_others_read_extra_columns(self):
        columns = ("user_id", "item_id", "rating", "timestamp", *EXTRA)
        self.run_well(self.spec(*(
            self.kafka(f, topic=f"wide-{f}", **columns_of(columns)) for f in FORMATS)))
        for component in FORMATS:
            with self.subTest(component):
                self.assert_topic_is(f"wide-{component}", component, 2000, columns=columns)

    def test_the_decoders_read_every_row_back(self):
        """Also where the topic has several schemas, partitions and an aborted transaction."""
        extra = ("user_id", "item_id", "rating", "timestamp", *EXTRA)
        for component in ("avro", "protobuf"):
            with self.subTest(component):
                topic = f"back-{component}"
                self.broker.create_topic(topic, 3)
                self.run_well(self.spec(self.kafka(component, topic=topic), rows=1000))
                abort_transaction(self.broker, topic, 500)
                self.run_well(self.spec(
                    self.kafka(component, topic=topic, **columns_of(extra)), rows=2000))
                found, said = worker.read_rows(
                    {"component": "kafka", "options": {
                        "bootstrap_servers": self.broker.bootstrap, "topic": topic}},
                    {"component": component, "options": {"registry": self.broker.registry}}, EXTRA)
                self.assertEqual(said, [])
                expected = []
                for rows, columns in ((1000, ()), (2000, extra)):
                    path = self.scratch / f"{topic}-{rows}.csv"
                    self.run_well(
                        self.spec(worker.file_output(path, **columns_of(columns)), rows=rows))
                    lines = path.read_text(encoding="utf-8").splitlines()[1:]
                    expected += [(line + ("" if columns else "," * len(EXTRA))).split(",")
                                 for line in lines]
                self.assertEqual(sorted(found), sorted(expected))

    def verify(self, topic, exit_code):
        """How many rows differ, by kind."""
        done = subprocess.run(
            [CLIENT, "verify", f"kafka://{self.broker.bootstrap}/{topic}", "-o", "json", "-q"],
            capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, exit_code, done.stderr + done.stdout)
        found = json.loads(done.stdout)
        return {one["kind"]: int(one["count"]) for one in found.get("differences", [])}

    def test_what_stands_between_the_rows_of_a_topic_is_found(self):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.broker.bootstrap})
        for component in FORMATS:
            with self.subTest(component):
                topic, others = f"proof-{component}", f"of-others-{component}"
                self.broker.create_topic(topic, 3)

                def send(rows):
                    self.run_well(worker.write_spec(
                        self.scratch / f"{topic}.json", self.kafka(component, topic=topic),
                        dataset={"seed": 42, "plan_size": 3000, "interactions": rows}))

                send(1000)
                self.assertEqual(self.verify(topic, 0), {})
                self.run_well(self.spec(self.kafka(component, topic=others), rows=10))
                known, other = self.broker.read(topic)[17], self.broker.read(others)[3]
                for value in (known.value(), other.value(), known.value()[:-9]):
                    producer.produce(topic, key=known.key(), value=value,
                                     partition=known.partition())
                self.assertEqual(producer.flush(PATIENCE_SECONDS), 0)
                send(3000)
                self.assertEqual(self.verify(topic, 1), {"doubled": 1, "foreign": 1, "damaged": 1})

    def test_what_others_wrote_is_read_by_its_schema(self):
        schema = json.dumps({"type": "record", "name": "Rated", "namespace": "shop", "fields": [
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "userId", "type": "long"}, {"name": "itemId", "type": ["null", "string"]},
            {"name": "stars", "type": "float"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]})
        self.broker.create_topic(self.topic)
        write = avro.AvroSerializer(self.registry, schema)
        context = SerializationContext(self.topic, MessageField.VALUE)
        producer = confluent_kafka.Producer({"bootstrap.servers": self.broker.bootstrap})
        at = datetime.datetime(2024, 1, 15, 10, 30, tzinfo=datetime.timezone.utc)
        for number in range(3):
            producer.produce(self.topic, write(
                {"tags": ["a"] * number, "userId": number, "itemId": f"i{number}", "stars": 4.5,
                 "at": at}, context))
        producer.produce(self.topic, b"not one of these")
        self.assertEqual(producer.flush(PATIENCE_SECONDS), 0)
        place = {"component": "kafka", "options": {
            "bootstrap_servers": self.broker.bootstrap, "topic": self.topic}}
        reader = {"component": "avro", "options": {"registry": self.broker.registry}}
        found, said = worker.read_rows(place, reader, (), {
            "user_id": "userId", "item_id": "itemId", "rating": "stars", "timestamp": "at"})
        self.assertEqual(said, [f"{self.topic} [0]@3: the message does not begin with the id of a "
                                "schema; leave registry out"])
        self.assertEqual(sorted(row[:4] for row in found), [
            [str(number), f"i{number}", "4.5", "2024-01-15T10:30:00Z"] for number in range(3)])
        found, said = worker.read_rows(place, reader)
        self.assertEqual(found, [])
        self.assertIn("has no column user_id; it has tags, userId, itemId, stars, at.", said[0])

    def test_extra_columns_are_a_compatible_change(self):
        columns = ("user_id", "item_id", "rating", "timestamp", *EXTRA)
        for component in FORMATS:
            with self.subTest(component):
                topic = f"grown-{component}"
                self.run_well(self.spec(self.kafka(component, topic=topic)))
                self.registry.set_compatibility(f"{topic}-value", "BACKWARD")
                self.run_well(self.spec(
                    self.kafka(component, topic=topic, **columns_of(columns))))
                self.assertEqual(self.registry.get_versions(f"{topic}-value"), [1, 2])

    def test_protobuf_numbers_belong_to_columns(self):
        """Whoever has the first schema reads what comes in another order, more, or renamed."""
        subject = f"{self.topic}-value"
        names = ("user_id", "item_id", "rating", "timestamp")
        self.run_well(self.spec(self.kafka("protobuf")))
        self.registry.set_compatibility(subject, "BACKWARD")
        chosen = (("item_id", "user_id", "timestamp", "rating"),
                  ("category", *reversed(names), "kind", "interaction_id"),
                  ("cluster", *EXTRA[:2], "item_id", "user_id", "category", "rating", "timestamp"))
        for columns in chosen:
            self.run_well(self.spec(self.kafka("protobuf", **columns_of(columns))))
        renamed = self.kafka("protobuf", topic="renamed")
        renamed["columns"] = [{"column": name, "name": f"the_{name}"} for name in chosen[1]]
        self.run_well(self.spec(renamed))
        read = protobuf.ProtobufDeserializer(
            interaction_pb2.Interaction, {"use.deprecated.format": False})

        def rows(topic):
            context = SerializationContext(topic, MessageField.VALUE)
            messages = [read(message.value(), context) for message in self.broker.read(topic)]
            return sorted((m.user_id, m.item_id, m.rating, m.timestamp.ToJsonString())
                          for m in messages)
        plain = rows("renamed")
        self.assertEqual(len(plain), 2000)
        self.assertTrue(all(user.startswith("user_") for user, *_ in plain))
        self.assertEqual(rows(self.topic), sorted(plain * 4))

    def test_typed_keys_have_a_schema_of_their_own(self):
        """The value of the key column, as optional as it is in the value."""
        kinds = {"columns": [{"column": "user_id"}, {"column": "kind"}], "key": "kind"}
        for component, key, fields in (("avro", "user_id", {}), ("protobuf", "user_id", {}),
                                       ("avro", "kind", kinds), ("protobuf", "kind", kinds)):
            with self.subTest(f"{component} {key}"):
                topic = f"keys-{component}-{key.replace('_', '-')}"
                options = {"key_format": component}
                spec = self.spec(self.kafka(component, options, topic, **fields))
                self.run_well(spec)
                self.run_well(spec)  # which is complete
                subject = f"{topic}-key"
                text = self.registry.get_latest_version(subject).schema.schema_str
                if component == "avro":
                    read_key = avro.AvroDeserializer(self.registry)
                else:
                    message_class = protobuf_class(text)
                    self.assertEqual(message_class.DESCRIPTOR.full_name, "throng.v1.InteractionKey")
                    read = protobuf.ProtobufDeserializer(
                        message_class, {"use.deprecated.format": False})

                    def read_key(bytes_of, context, read=read, key=key):
                        return getattr(read(bytes_of, context), key)
                read_value = self.reader(component, f"{topic}-value")
                messages = self.broker.read(topic)
                self.assertEqual(len(messages), 2000)
                for message in messages:
                    found = read_key(
                        message.key(), SerializationContext(topic, MessageField.KEY))
                    value = read_value(
                        message.value(), SerializationContext(topic, MessageField.VALUE))
                    self.assertEqual(found, value[key])
                    self.assertTrue(found)

    def test_schemas_have_the_docs_of_columns(self):
        self.run_well(self.spec(*(self.kafka(f, topic=f"docs-{f}") for f in FORMATS)))
        for component in FORMATS:
            text = self.registry.get_latest_version(f"docs-{component}-value").schema.schema_str
            self.assertIn("How much they liked it, in stars.", text, component)

    def test_subjects_are_named_by_each_strategy(self):
        for strategy, component, subject in (
                ("record", "json", "throng.v1.Interaction"),
                ("topic_record", "avro", f"{self.topic}-avro-throng.v1.Interaction"),
                ("topic_record", "protobuf", f"{self.topic}-protobuf-throng.v1.Interaction")):
            with self.subTest(subject):
                topic = f"{self.topic}-{component}"
                self.run_well(self.spec(
                    self.kafka(component, {"subject_name_strategy": strategy}, topic)))
                self.assertIn(subject, self.registry.get_subjects())
                self.assert_topic_is(topic, component, 2000, subject)

    def test_a_schema_that_does_not_fit_is_refused(self):
        subject = f"{self.topic}-value"
        self.registry.register_schema(subject, schema_registry.Schema(
            '{"type": "record", "name": "Other", "fields": [{"name": "id", "type": "int"}]}',
            "AVRO"))
        self.run_badly(
            self.spec(self.kafka(options={"register": "false"})),
            f"Subject {subject} at registry {self.broker.registry} does not have this schema (")
        self.registry.set_compatibility(subject, "BACKWARD")
        self.run_badly(
            self.spec(self.kafka()), f"Subject {subject} at registry {self.broker.registry} takes "
                                     "no schema that is incompatible with those it has (")

    def test_a_run_goes_on_while_the_registry_is_away(self):
        self.broker.create_topic(self.topic)
        spec = self.spec(self.kafka(commit_interval="300ms"), rows=12_000, pace={"rate": 4000})
        process = self.start(spec)
        self.await_rows(2000, process)
        self.broker.kill("registry")
        process.kill()
        process.wait()
        self.run_well(spec)
        # One that begins has to wait for it.
        late = self.start(self.spec(self.kafka(topic="late")), "--retry-timeout", "2m")
        self.assertIn(f"Registry {self.broker.registry} cannot be reached (",
                      next(line for line in late.stderr if "reached" in line))
        self.broker.start()
        self.assertEqual(late.wait(PATIENCE_SECONDS), 0)
        self.assert_topic_is(self.topic, "avro", 12_000)
        self.assert_topic_is("late", "avro", 2000)

    def test_a_registry_that_is_never_there(self):
        self.run_badly(
            self.spec(self.kafka(options={"registry": "http://localhost:1"})),
            "Registry http://localhost:1 cannot be reached (", "--retry-timeout", "1s")

    def test_the_client_names_format_and_registry_with_the_topic(self):
        done = subprocess.run(
            [CLIENT, "generate", "--size", "quick", "--quiet", "--to",
             f"kafka://{self.broker.bootstrap}/{self.topic}?format=protobuf"
             f"&registry={self.broker.registry}&format.subject_name_strategy=topic_record"],
            capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        read = self.reader("protobuf", f"{self.topic}-throng.v1.Interaction")
        context = SerializationContext(self.topic, MessageField.VALUE)
        messages = self.broker.read(self.topic)
        self.assertEqual(len(messages), 100)
        for message in messages:
            self.assertEqual(read(message.value(), context)["user_id"], message.key().decode())

    def test_tls_and_passwords_let_in_who_may_come(self):
        tls = self.broker.tls
        ca = {"registry_ca": f"file:{tls}/ca.pem"}
        certificate = {"registry_certificate": f"file:{tls}/client.pem",
                       "registry_key": f"file:{tls}/client.key"}
        login = {"registry_username": "alice", "registry_password": "env:REGISTRY_PASSWORD"}
        right = {**os.environ, "REGISTRY_PASSWORD": "alice-secret"}
        wrong = {**os.environ, "REGISTRY_PASSWORD": "guessed"}
        with https_registry(tls) as url, https_registry(tls, is_mutual=True) as mutual_url:
            def spec(url, topic=None, **options):
                return self.spec(self.kafka(options={"registry": url, **options}, topic=topic))
            with self.subTest("who may"):
                self.run_well(spec(url, "tls", **ca, **login), env=right)
                self.run_well(spec(mutual_url, "mutual", **ca, **certificate, **login), env=right)
            with self.subTest("wrong password"):
                self.run_badly(spec(url, **ca, **login), f"Registry {url} refuses "
                               'registry_username "alice" (Unauthorized); check', env=wrong)
            with self.subTest("no password"):
                self.run_badly(spec(url, **ca), "refuses a client without registry_username")
            with self.subTest("no certificate authority"):
                self.run_badly(
                    spec(url, **login), f"The certificate of registry {url} is not trusted (",
                    env=right)
            with self.subTest("no certificate"):
                self.run_badly(spec(mutual_url, **ca, **login), f"Registry {mutual_url}",
                               "--retry-timeout", "100ms", env=right)
            with self.subTest("a certificate that is none"):
                self.run_badly(
                    spec(url, **ca, registry_certificate=f"file:{tls}/client.key",
                         registry_key=f"file:{tls}/client.key"),
                    "check registry_certificate and registry_key.")
            with self.subTest("an authority that is none"):
                self.run_badly(
                    spec(url, registry_ca=f"file:{tls}/client.key", **login), "registry_ca",
                    env=right)


def columns_of(names):
    return {"columns": [{"column": name} for name in names]} if names else {}


def abort_transaction(broker, topic, messages):
    """Leaves messages in the topic that no reader of what is committed sees."""
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": broker.bootstrap, "transactional.id": f"aborts-{topic}"})
    producer.init_transactions()
    producer.begin_transaction()
    for number in range(messages):
        producer.produce(topic, "aborted", str(number))
    producer.flush(PATIENCE_SECONDS)
    producer.abort_transaction()


@contextlib.contextmanager
def https_registry(tls, is_mutual=False):
    """The URL of a registry of this process that knows alice and gives every schema the id 1."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            login = "Basic " + base64.b64encode(b"alice:alice-secret").decode()
            is_alice = self.headers["Authorization"] == login
            body = {"id": 1} if is_alice else {"error_code": 401, "message": "Unauthorized"}
            self.send_response(200 if is_alice else 401)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "broker.pem", tls / "broker.key")
    if is_mutual:
        context.load_verify_locations(tls / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    unittest.main()
