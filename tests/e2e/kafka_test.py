"""The sink `kafka` against a real broker: every row once, whoever is killed, and what is said of trouble."""

import collections
import json
import os
import shlex
import subprocess
import time
import unittest

import confluent_kafka
from confluent_kafka import admin

import kafka_broker
import kafka_inspection
import kafka_readers
import worker
from kafka_broker import row_of
from kafka_case import PATIENCE_SECONDS, KafkaCase
from questions_test import converse


os.environ["THRONG_TEST_PASSWORD"] = "guessed"


class KafkaTest(kafka_inspection.InspectionCases, KafkaCase):
    def test_a_consumer_by_others_sees_every_row_once(self):
        spec = self.spec(self.kafka())
        self.run_well(spec)
        self.assert_topic_is()
        end = self.end()
        self.run_well(spec)  # the same command again adds a position and no row
        self.assertEqual(self.end(), end)

    def test_the_answer_all_delivers_to_files_and_topic_once(self):
        def answer(*answers):
            shown, code = converse(answers, self.scratch, os.environ)
            self.assertEqual(code, 0, shown)
            return shown

        counts = ("20", "50", "100")
        bootstrap = self.broker.bootstrap
        shown = answer(*counts, "4", "localhost:1", self.topic, bootstrap, "")
        self.assertIn("No Kafka answers at localhost:1: ", shown)
        self.assertIn(f"--to json:out/interactions.json --to kafka://{bootstrap}/{self.topic}\n",
                      shown)
        self.assertIn("Output file, file-2, kafka:\n===", shown)
        values = [json.loads(message.value()) for message in self.broker.messages(self.topic)]
        rows = json.loads((self.scratch / "out/interactions.json").read_text())["interactions"]
        self.assertCountEqual(values, rows)
        shown = answer(*counts, "all", bootstrap, self.topic)
        self.assertEqual(shown.count("already complete"), 3, shown)
        self.assertEqual(len(list(self.broker.messages(self.topic))), 100)

    def test_consumers_by_others_get_all_with_keys_where_javas_producer_puts_them(self):
        self.run_well(self.spec(self.kafka(), dataset={"interactions": 2000}))
        all_of_it = sorted((message.partition(), message.key().decode(), message.value().decode())
                           for message in self.broker.read(self.topic))
        self.assertEqual(len(all_of_it), 2000)
        for read in kafka_readers.ALL:
            with self.subTest(read.__name__):
                self.assertEqual(sorted(read(self.broker, self.topic, 2000)), all_of_it)
        partitions = {key: partition for partition, key, _ in all_of_it}
        self.assertEqual(self.broker.java_partitions(partitions, 6), partitions)

    def test_what_was_delivered_is_read_back(self):
        """Each format without a registry, between transactions that are aborted, one at the very end."""
        rows = 2000
        path = self.scratch / "expected.csv"
        self.run_well(self.spec(worker.file_output(path), dataset={"interactions": rows}))
        expected = sorted(
            line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:])
        other = confluent_kafka.Producer(
            {"bootstrap.servers": self.broker.bootstrap, "transactional.id": self.topic})
        other.init_transactions()
        for component in ("avro", "json", "protobuf"):
            with self.subTest(component):
                topic = f"{self.topic}-{component}"
                self.broker.create_topic(topic, 6)
                output = self.kafka({"topic": topic}, format={"component": component})
                for some in (rows // 2, rows):
                    self.run_well(self.spec(
                        output, dataset={"interactions": some, "plan_size": rows}))
                    other.begin_transaction()
                    for number in range(100):
                        other.produce(topic, "aborted", str(number))
                    other.flush(PATIENCE_SECONDS)
                    other.abort_transaction()
                place = {"component": "kafka", "options": {
                    "bootstrap_servers": self.broker.bootstrap, "topic": topic}}
                found, said = worker.read_rows(place, {"component": component})
                self.assertEqual(said, [])
                self.assertEqual(sorted(row[:4] for row in found), expected)
                place["options"]["isolation"] = "read_uncommitted"
                found, said = worker.read_rows(place, {"component": component})
                self.assertEqual((len(found), len(said)), (rows, 200))
                self.assertRegex(said[0], r"^.*-" + component + r" \[[0-5]\]@\d+: ")

    def test_the_way_to_a_topic_is_tried_and_what_is_kept_of_it_is_told(self):
        def ask(question, **options):
            place = {"component": "kafka", "options": {
                "bootstrap_servers": self.broker.bootstrap, "topic": self.topic, **options}}
            lines, said = worker.read_rows(place, columns=(question,))
            self.assertEqual(said, [])
            return [",".join(line) for line in lines]
        steps = ask("--probe")
        self.assertEqual(steps[0], f"reach,0,{self.broker.bootstrap} answers by plaintext.")
        self.assertIn(f" has 1 broker: 1 at 127.0.0.1:{self.broker.port}; librdkafka ", steps[1])
        self.assertEqual(steps[2], f"topic,0,Topic {self.topic} does not exist, and can be made: "
                                   "whoever writes to it makes it.")
        self.run_well(self.spec(self.kafka(), dataset={"interactions": 2000}))
        self.assertRegex(ask("--probe")[2], f"^topic,0,Topic {self.topic} has 6 partitions, each with a "
                         r"leader, and offsets of \d+ records; it keeps them for 7 days\.$")
        self.assertEqual(ask("--kept"), ["kafka,0-of-1,2000"])
        refused = ask("--probe", bootstrap_servers=self.broker.address(kafka_broker.SASL),
                      security_protocol="sasl_plaintext", sasl_username="alice",
                      sasl_password="env:THRONG_TEST_PASSWORD")
        self.assertEqual(len(refused), 1)
        self.assertRegex(refused[0], '^reach,16,.* refuses sasl_username "alice" by PLAIN ')

    def test_the_older_of_two_workers_is_fenced(self):
        dataset = {"interactions": 20_000}
        spec = self.spec(self.kafka(commit_interval="300ms"), dataset=dataset, pace={"rate": 4000})
        older = self.start(spec)
        self.await_more_than(2000, older)
        newer = self.start(spec)
        self.assertEqual(older.wait(PATIENCE_SECONDS), 1)
        self.assertIn(
            f"Another worker of this run has taken topic {self.topic} over at "
            f"{self.broker.bootstrap}", older.stderr.read())
        self.assertEqual(newer.wait(PATIENCE_SECONDS), 0, newer.stderr.read())
        self.assert_topic_is(dataset)

    def test_another_runs_open_transaction_in_the_way_is_named(self):
        positions = "shared-positions"
        self.broker.create_topic(positions, 1, cleanup_policy="compact")
        other = confluent_kafka.Producer(
            {"bootstrap.servers": self.broker.bootstrap, "transactional.id": "other"})
        other.init_transactions()
        other.begin_transaction()
        other.produce(positions, "{}", "feedbeef/kafka/0-of-1")
        self.assertEqual(other.flush(PATIENCE_SECONDS), 0)
        dataset = {"interactions": 2000}
        spec = self.spec(self.kafka({"positions_topic": positions}), dataset=dataset)
        self.run_badly(
            spec, f"A transaction of run feedbeef is open in topic {positions} and is in the way of "
            "this output's position; it ends with that run, or when its transaction_timeout has "
            "passed.", "--retry-timeout", "1s")
        other.abort_transaction()
        self.run_well(spec)
        self.assert_topic_is(dataset)

    def test_again_sends_once_more_as_another_run_that_can_be_gone_on_with(self):
        dataset = {"interactions": 2000}
        spec = self.spec(self.kafka(), dataset=dataset)
        self.run_well(spec)
        paced = self.spec(self.kafka(commit_interval="100ms"), dataset=dataset, pace={"rate": 1000})
        process = self.start(paced, "--again", "monday")
        self.await_more_than(2500, process)
        process.kill()
        process.wait()
        for _ in range(2):  # the second time, nothing is left
            self.run_well(spec, "--again", "monday")
        runs = collections.Counter(
            dict(message.headers())["run"] for message in self.broker.read(self.topic))
        self.assertEqual(sorted(runs.values()), [2000, 2000])

    def test_what_is_there_is_said_and_so_is_what_makes_another_dataset(self):
        spec = self.spec(self.kafka(), dataset={"interactions": 2000})
        note = ("2000 interactions are a dataset of their own. To send more rows of one that "
                f"{self.topic} has already, set dataset.plan_size to the number that it has.")
        for said in (": 2000 rows in ", ": already complete, 2000 rows in "):
            told = self.run_well(spec)
            self.assertIn(said + self.topic, told)
            self.assertIn(note, told)
        more = {"interactions": 3000, "plan_size": 2000}
        told = self.run_well(self.spec(self.kafka(), dataset=more))
        self.assertIn(": 3000 rows in " + self.topic, told)
        self.assertNotIn("of their own", told)
        self.assert_topic_is(more)

    def test_throngctl_says_how_to_go_on_with_again(self):
        command = [os.environ["THRONG_CLIENT"], "generate", "--interactions", "2000", "--again", "--to",
                   f"kafka://{self.broker.bootstrap}/{self.topic}"]
        for runs in (1, 2):
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(self.broker.read(self.topic)), runs * 2000)
        process = subprocess.Popen(
            [*command, "--rate", "1000/s"], text=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.await_more_than(4500, process)
        process.terminate()
        said = process.communicate(timeout=PATIENCE_SECONDS)[1]
        self.assertEqual(process.returncode, 130, said)
        go_on = said.splitlines()[-1]
        self.assertRegex(go_on, r" --again=\d+ ")
        subprocess.run(shlex.split(go_on), check=True, capture_output=True,
                       timeout=PATIENCE_SECONDS)
        self.assertEqual(len(self.broker.read(self.topic)), 6000)

    def test_throngctl_shows_what_the_sink_warns_of(self):
        self.broker.create_topic(self.topic, 2)
        done = subprocess.run(
            [os.environ["THRONG_CLIENT"], "generate", "--size", "quick", "--quiet", "--to",
             f"kafka://{self.broker.bootstrap}/{self.topic}?partitions=6"],
            capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            done.stderr.count("exists and keeps its 2 partitions, though 6 are asked for."), 1)

    def test_at_least_once_goes_on_too(self):
        dataset = {"interactions": 20_000}
        spec = self.spec(self.kafka({"delivery": "at_least_once"}, commit_interval="300ms"),
                         dataset=dataset, pace={"rate": 4000})
        process = self.start(spec)
        self.await_more_than(3000, process)
        process.kill()
        process.wait()
        self.run_well(spec)
        seen = collections.Counter(row_of(message) for message in self.broker.read(self.topic))
        self.assertEqual(sorted(seen), list(range(20_000)))

    def test_a_topic_made_anew_is_noticed(self):
        dataset = {"interactions": 3000}
        spec = self.spec(self.kafka(), dataset=dataset)
        self.run_well(spec)
        self.broker.delete_topic(self.topic)
        self.run_badly(spec, f"Topic {self.topic} at {self.broker.bootstrap} is not the one that "
                             "rows below 3000 went to: its partition ")
        # As many records of somebody else are not ours.
        client = confluent_kafka.Producer({"bootstrap.servers": self.broker.bootstrap})
        for partition in range(6):
            for _ in range(3000):
                client.produce(self.topic, "theirs", partition=partition)
        client.flush(PATIENCE_SECONDS)
        self.run_badly(spec, "has another record at offset ")
        self.broker.delete_topic(self.topic)
        said = self.run_well(
            self.spec(self.kafka({"if_recreated": "start_over"}), dataset=dataset))
        self.assertIn("All rows are sent from the first one on.", said)
        self.assert_topic_is(dataset)

    def test_a_topic_made_anew_in_mid_run_ends_the_run_before_a_row_is_missing(self):
        dataset = {"interactions": 30_000}
        for trial in range(10 if worker.IS_LONG else 2):
            with self.subTest(trial):
                self.topic = f"made-anew-{trial}"
                spec = self.spec(self.kafka(commit_interval="200ms"), dataset=dataset,
                                 pace={"rate": 6000})
                running = self.start(spec)
                self.await_more_than(2000 + 1000 * trial, running)
                self.broker.delete_topic(self.topic)
                time.sleep(0.2 * (trial % 3))
                self.broker.create_topic(self.topic, 6)
                said = running.stderr.read()
                self.assertEqual(running.wait(PATIENCE_SECONDS), 1, said)
                self.assertIn(f"Topic {self.topic} at {self.broker.bootstrap} was deleted or made "
                              "anew while rows went to it, so that rows before these are lost", said)
                self.run_badly(spec, "is not the one that rows below ")
                self.run_well(self.spec(self.kafka({"if_recreated": "start_over"}), dataset=dataset))
                self.assert_topic_is(dataset)

    def test_rows_that_retention_removed_are_a_warning(self):
        rows = {"interactions": 3000}
        self.run_well(self.spec(self.kafka(), dataset={**rows, "plan_size": 5000}))
        client = admin.AdminClient({"bootstrap.servers": self.broker.bootstrap})
        futures = client.delete_records(
            [confluent_kafka.TopicPartition(self.topic, p, -1 if p == 0 else 3) for p in range(6)])
        for future in futures.values():
            future.result()
        said = self.run_well(self.spec(self.kafka(), dataset={"interactions": 5000}))
        self.assertIn("of the rows in topic " + self.topic + " by its retention", said)
        rows = {row_of(message) for message in self.broker.read(self.topic)}
        self.assertLessEqual(set(range(3000, 5000)), rows)

    def test_topics_that_are_not_fit_are_refused(self):
        self.broker.create_topic(self.topic, 2, cleanup_policy="compact")
        self.run_badly(self.spec(self.kafka()), "is compacted, which keeps only the last record of "
                                                "each key; choose a topic with "
                                                "cleanup.policy=delete, or a table of which")
        self.broker.create_topic("expiring", 1)
        self.run_badly(
            self.spec(self.kafka({"topic": "other", "positions_topic": "expiring"})),
            "has cleanup.policy=delete, so positions would expire; set it to compact")
        self.run_badly(
            self.spec(self.kafka({"topic": "nowhere", "create": "never"})),
            f"Topic nowhere does not exist at {self.broker.bootstrap}; make it, or set create: "
            "if_missing.")
        self.run_badly(
            self.spec(self.kafka({"topic": "three", "replication": "3"})),
            "lower replication.", code=2)
        self.run_badly(
            self.spec(self.kafka({"topic": "odd", "topic_config.retention.sm": "1"})),
            "change topic_config.", code=2)

    def test_what_a_topic_has_is_kept_and_what_is_made_is_as_asked(self):
        self.broker.create_topic(self.topic, 2, retention_ms=1000 * 3600)
        said = self.run_well(self.spec(
            self.kafka({"record_timestamp": "event"}), dataset={"interactions": 2000}))
        self.assertIn("exists and keeps its 2 partitions, though 6 are asked for.", said)
        self.assertIn("raise its retention.ms or use record_timestamp: delivery.", said)
        self.run_well(self.spec(
            self.kafka({"topic": "made", "partitions": "3", "topic_config.retention.ms": "12345678",
                        "compression": "lz4"}), dataset={"interactions": 2000}))
        client = admin.AdminClient({"bootstrap.servers": self.broker.bootstrap})
        self.assertEqual(len(client.list_topics("made", 10).topics["made"].partitions), 3)
        resource = admin.ConfigResource(admin.ResourceType.TOPIC, "made")
        config = client.describe_configs([resource])[resource].result()
        self.assertEqual(config["retention.ms"].value, "12345678")
        self.assertEqual(len(self.broker.read("made")), 2000)

    def test_a_record_larger_than_the_topic_takes(self):
        self.broker.create_topic(self.topic, 1, max_message_bytes=100)
        self.run_badly(self.spec(self.kafka(), dataset={"interactions": 2000}),
                       f"A record is larger than topic {self.topic} at")

    def test_event_times_that_the_brokers_refuse_end_the_run_with_the_remedy(self):
        future = {"interactions": 2000, "clock": {
            "component": "uniform", "options": {"start": "2100-01-01", "window": "1d"}}}
        for delivery in ("exactly_once", "at_least_once"):
            with self.subTest(delivery):
                self.run_badly(
                    self.spec(self.kafka({"record_timestamp": "event", "delivery": delivery}),
                              dataset=future),
                    f"Event times of records are further from now than topic {self.topic} at ",
                    timeout=20)
        self.assertEqual(list(self.broker.messages(self.topic)), [])

    def test_tls_and_sasl_let_in_who_may_come(self):
        dataset = {"interactions": 2000}
        tls = self.broker.tls
        ca = {"ssl_ca": f"file:{tls}/ca.pem"}
        certificate = {"ssl_certificate": f"file:{tls}/client.pem",
                       "ssl_key": f"file:{tls}/client.key"}
        login = {"sasl_username": kafka_broker.USER, "sasl_password": "env:KAFKA_PASSWORD"}
        ways = {
            "tls": (kafka_broker.TLS, {"security_protocol": "ssl", **ca}),
            "mutual": (kafka_broker.MUTUAL_TLS,
                       {"security_protocol": "ssl", **ca, **certificate}),
            "plain": (kafka_broker.SASL, {"security_protocol": "sasl_plaintext", **login}),
            "plain-tls": (kafka_broker.SASL_TLS, {"security_protocol": "sasl_ssl", **login, **ca}),
        }

        def spec(name, listener, options):
            return self.spec(self.kafka({**options, "topic": f"safe-{name}",
                                         "bootstrap_servers": self.broker.address(listener)}),
                             dataset=dataset)

        right = {**os.environ, "KAFKA_PASSWORD": kafka_broker.PASSWORD}
        wrong = {**os.environ, "KAFKA_PASSWORD": "guessed"}
        for name, (listener, options) in ways.items():
            with self.subTest(name):
                self.run_well(spec(name, listener, options), env=right)
                self.assertEqual(len(self.broker.read(f"safe-{name}")), 2000)
        with self.subTest("wrong password"):
            self.run_badly(
                spec("no", *ways["plain"]), 'refuses sasl_username "alice" by PLAIN', env=wrong)
        with self.subTest("no certificate authority"):
            self.run_badly(spec("no", kafka_broker.TLS, {"security_protocol": "ssl"}),
                           "check security_protocol, ssl_ca, ssl_certificate and ssl_key.")
        with self.subTest("no certificate"):
            self.run_badly(spec("no", kafka_broker.MUTUAL_TLS, ways["tls"][1]), "ssl_certificate")
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(mechanism):
                scram = spec("no", kafka_broker.SASL,
                             {**ways["plain"][1], "sasl_mechanism": mechanism})
                self.run_badly(scram, "put librdkafka 2.6.1 or newer in its place", env=right)
                with kafka_broker.newer_librdkafka() as folder:
                    newer = {"LD_LIBRARY_PATH": folder}
                    self.run_well(scram, env={**right, **newer})
                    self.run_badly(scram, f'refuses sasl_username "alice" by {mechanism}',
                                   env={**wrong, **newer})

    def test_check_finds_nothing_wrong(self):
        # Each in topics of its own, since what one commits is there for the next.
        for check in ("gives back", "whole walk", "without rows", "drops what", "when killed",
                      "one process", "peeks", "forgets"):
            with self.subTest(check):
                name = check.replace(" ", "-")
                done = subprocess.run(
                    [worker.BINARY, "check", f"{worker.PLUGINS}/kafka.so", "--time-limit", "5m",
                     "--only", check, "--set", f"kafka.topic={name}",
                     "--set", f"kafka.positions_topic=positions-{name}",
                     "--set", f"kafka.bootstrap_servers={self.broker.bootstrap}"],
                    text=True, capture_output=True, check=False, timeout=2 * PATIENCE_SECONDS)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                checks = 3 if check == "gives back" else 2  # of the source, too
                self.assertIn(f"{checks} checks, 0 failed.", done.stdout)

    def test_a_broker_that_is_not_there(self):
        self.run_badly(
            self.spec(self.kafka({"bootstrap_servers": "localhost:1"})),
            "check bootstrap_servers and the brokers.", "--retry-timeout", "1s")


if __name__ == "__main__":
    unittest.main()
