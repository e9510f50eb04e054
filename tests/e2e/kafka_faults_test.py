"""What goes wrong between the sink `kafka` and its brokers: who is at fault is named, what can go on
goes on, and nothing is lost or doubled."""

import base64
import contextlib
import http.server
import json
import os
import signal
import threading
import time
import unittest

from confluent_kafka import admin

import daemon
import kafka_broker
import worker
from daemon import run_service_pb2
from kafka_broker import check_rows, row_of
from kafka_case import PATIENCE_SECONDS, KafkaCase
from kafka_proxy import KafkaProxy


class KafkaFaultsTest(KafkaCase):
    def admin(self):
        return admin.AdminClient({"bootstrap.servers": self.broker.bootstrap})

    def tool(self, name, *arguments):
        done = kafka_broker.call("tool", name, "--bootstrap-server", self.broker.bootstrap, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @contextlib.contextmanager
    def denied(self, resource, name, operation):
        """While alice may do all but that to a resource."""
        acls = [admin.AclBinding(
            resource, name, admin.ResourcePatternType.LITERAL, f"User:{kafka_broker.USER}", "*", what,
            permission) for what, permission in (
                (admin.AclOperation.ALL, admin.AclPermissionType.ALLOW),
                (operation, admin.AclPermissionType.DENY))]
        client = self.admin()
        for done in client.create_acls(acls).values():
            done.result()
        try:
            yield
        finally:
            for done in client.delete_acls([admin.AclBindingFilter(
                    resource, name, admin.ResourcePatternType.LITERAL, None, None,
                    admin.AclOperation.ANY, admin.AclPermissionType.ANY)]).values():
                done.result()

    def alices(self, options=None, **fields):
        return self.kafka({
            "bootstrap_servers": self.broker.address(kafka_broker.SASL), "headers": "false",
            "security_protocol": "sasl_plaintext", "sasl_username": kafka_broker.USER,
            "sasl_password": "env:KAFKA_PASSWORD", "positions_topic": f"{self.topic}-positions",
            **(options or {})}, **fields)

    # ---- Producers that are lost ----------------------------------------------------------------

    def test_a_commit_that_is_refused_is_ended_by_another_producer(self):
        dataset = {"interactions": 4000}
        for name, code in (("invalid_txn_state", 48), ("invalid_producer_id_mapping", 49)):
            with self.subTest(name), KafkaProxy(self.broker.port) as proxy:
                self.topic = name
                running = self.start(
                    self.spec(self.kafka({"bootstrap_servers": proxy.bootstrap},
                                         commit_interval="200ms"),
                              dataset=dataset, pace={"rate": 2000}))
                self.await_more_than(1000, running)
                proxy.refuse_commit(code)
                said = running.stderr.read()
                self.assertEqual(running.wait(PATIENCE_SECONDS), 0, said)
                self.assertEqual(proxy.refused, 1)
                self.assert_topic_is(dataset)

    def test_a_worker_that_was_killed_in_a_commit_is_not_in_its_own_way(self):
        dataset = {"interactions": 4000}
        with KafkaProxy(self.broker.port) as proxy:
            spec = self.spec(self.kafka({"bootstrap_servers": proxy.bootstrap},
                                        commit_interval="200ms"),
                             dataset=dataset, pace={"rate": 4000})
            running = self.start(spec)
            self.await_more_than(1000, running)
            proxy.refuse_commit(None)
            while not proxy.refused:
                time.sleep(0.01)
            running.kill()
            running.wait()
            self.run_well(spec)
        self.assert_topic_is(dataset)

    # ---- Topics that go away or change ----------------------------------------------------------

    def test_without_its_positions_topic_nothing_is_sent_twice(self):
        dataset = {"interactions": 20_000}
        positions = f"{self.topic}-positions"
        output = self.kafka({"positions_topic": positions, "if_recreated": "start_over"},
                            commit_interval="200ms")
        running = self.start(self.spec(output, dataset=dataset, pace={"rate": 4000}))
        self.await_more_than(3000, running)
        self.broker.delete_topic(positions)
        said = running.stderr.read()
        self.assertEqual(running.wait(PATIENCE_SECONDS), 1, said)
        self.assertIn(f"Topic {positions} at {self.broker.bootstrap} was deleted or made anew while "
                      f"rows went to topic {self.topic}, so that nobody knows which rows", said)
        spec = self.spec(output, dataset=dataset)
        before = len(self.broker.read(self.topic))
        self.run_badly(spec, f"Topic {positions} at {self.broker.bootstrap} does not exist, so nobody "
                             f"knows which rows topic {self.topic} holds, and it holds records. Send "
                             "all rows by --again")
        self.assertEqual(len(self.broker.read(self.topic)), before)
        self.run_well(spec, "--again", "once-more")
        self.assertEqual(len(self.broker.read(self.topic)), before + 20_000)

    def test_a_daemons_run_without_its_positions_topic_is_sent_again_once_it_is_reset(self):
        positions = f"{self.topic}-positions"
        served = daemon.Daemon(self.scratch)
        self.addCleanup(served.close)
        name = served.create(
            {"dataset": {"seed": 42, "interactions": 20_000}, "pace": {"rate": 4000},
             "outputs": [self.kafka({"positions_topic": positions}, commit_interval="200ms")]}).name
        served.wait(name, lambda run: run.outputs[0].position > 2000, "row 2000")
        self.broker.delete_topic(positions)
        run = served.wait_for_state(name, daemon.FAILED, seconds=PATIENCE_SECONDS)
        self.assertIn("so that nobody knows which rows that holds", run.outputs[0].reason)
        restart = run_service_pb2.RestartRunRequest(name=name)
        served.runs.RestartRun(restart)
        run = served.wait_for_state(name, daemon.FAILED, seconds=PATIENCE_SECONDS)
        self.assertIn(f"Topic {positions} at {self.broker.bootstrap} does not exist", run.reason)
        logged = "".join(line.message for answer in served.runs.ReadRunLogs(
            run_service_pb2.ReadRunLogsRequest(name=name)) for line in answer.lines)
        self.assertIn("output kafka failed: ", logged)
        served.runs.ResetPositions(
            run_service_pb2.ResetPositionsRequest(name=name, outputs=["kafka"]))
        before = len(self.broker.read(self.topic))
        served.runs.RestartRun(restart)
        served.wait_for_state(name, daemon.SUCCEEDED, seconds=PATIENCE_SECONDS)
        self.assertEqual(len(self.broker.read(self.topic)), before + 20_000)

    def test_partitions_that_were_added_are_a_warning(self):
        output = self.kafka({"partitions": "2"})
        dataset = {"plan_size": 6000}
        self.run_well(self.spec(output, dataset={**dataset, "interactions": 3000}))
        client = self.admin()  # it must outlive the call
        client.create_partitions([admin.NewPartitions(self.topic, 5)])[self.topic].result()
        said = self.run_well(self.spec(output, dataset={**dataset, "interactions": 6000}))
        self.assertIn(f"Topic {self.topic} had 2 partitions and has 5 now", said)
        self.assert_topic_is({**dataset, "interactions": 6000})

    def test_a_compacted_topic_takes_tables_whose_key_is_unique(self):
        for table, key in (("users", "user_id"), ("items", "item_id")):
            topic = f"{self.topic}-{table}"
            self.broker.create_topic(topic, 2, cleanup_policy="compact")
            output = self.kafka({"topic": topic}, table=table, key=key)
            self.run_well(self.spec(output))
            keys = [message.key() for message in self.broker.read(topic)]
            self.assertGreater(len(keys), 100)
            self.assertEqual(len(set(keys)), len(keys))
        self.run_badly(self.spec(self.kafka({"topic": topic}, table="items", key="category")),
                       "is compacted, which keeps only the last record of each key")

    def test_a_limit_that_is_lowered_under_a_run_is_kept(self):
        dataset = {"interactions": 30_000}
        running = self.start(self.spec(
            self.kafka({"partitions": "1"}, commit_interval="300ms"), dataset=dataset,
            pace={"rate": 6000}))
        self.await_more_than(3000, running)
        self.tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name",
                  self.topic, "--add-config", "max.message.bytes=3000")
        said = running.stderr.read()
        self.assertEqual(running.wait(PATIENCE_SECONDS), 0, said)
        self.assert_topic_is(dataset)

    def test_the_positions_topic_has_a_limit_of_its_own(self):
        dataset = {"interactions": 20_000}
        self.broker.create_topic(self.topic, 64, max_message_bytes=1200)
        self.run_well(self.spec(self.kafka(), dataset=dataset))
        self.assert_topic_is(dataset)

    # ---- Brokers that are slow, that hang, that forbid --------------------------------------------

    def test_a_broker_that_throttles_is_slow_and_not_gone(self):
        dataset = {"interactions": 12_000 if worker.IS_LONG else 5000}
        self.tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "clients", "--entity-name",
                  "throttled", "--add-config", "producer_byte_rate=50000")
        said = self.run_well(
            self.spec(self.kafka({"client.client.id": "throttled"}), dataset=dataset),
            "--retry-timeout", "5s")
        self.assertIn("throttle this client by a quota", said)
        self.assert_topic_is(dataset)

    def test_who_may_not_is_told_what_and_where(self):
        env = {**os.environ, "KAFKA_PASSWORD": kafka_broker.PASSWORD}
        address = self.broker.address(kafka_broker.SASL)
        spec = self.spec(self.alices(), dataset={"interactions": 2000})
        positions = f"{self.topic}-positions"
        self.run_well(spec, env=env)
        topic, transaction = admin.ResourceType.TOPIC, admin.ResourceType.TRANSACTIONAL_ID
        uid = next(message.key().decode().partition("/")[0] for message in self.broker.read(positions))
        WRITE, READ, DESCRIBE = (
            admin.AclOperation.WRITE, admin.AclOperation.READ, admin.AclOperation.DESCRIBE)
        for resource, name, operation, said in (
                (topic, positions, READ, f"to READ topic {positions}; grant READ on it."),
                (topic, positions, WRITE, f"to WRITE topic {positions}; grant WRITE on it."),
                (topic, positions, DESCRIBE, f"to DESCRIBE topic {positions}; grant DESCRIBE on it."),
                (topic, self.topic, DESCRIBE, f"to DESCRIBE topic {self.topic}; grant DESCRIBE on it."),
                (transaction, f"throng-{uid}-kafka-0-of-1", WRITE, "does not allow transactions; grant "
                 "DESCRIBE and WRITE on transactional ids that begin with \"throng-\"")):
            with self.subTest(f"{operation} {name}"), self.denied(resource, name, operation):
                self.run_badly(spec, said, env=env)
        with self.denied(topic, self.topic, WRITE):
            self.run_badly(self.spec(self.alices(), dataset={"interactions": 2001, "plan_size": 5000}),
                           f"{address} does not allow these credentials to WRITE topic {self.topic}; "
                           "grant WRITE on it.", env=env)

    def test_authority_that_is_withdrawn_under_a_run_is_named(self):
        positions = f"{self.topic}-positions"
        for name, said in ((self.topic, f"to WRITE topic {self.topic}; grant WRITE on it."),
                           (positions, f"to WRITE topic {positions}; grant WRITE on it.")):
            dataset = {"interactions": 60_000, "seed": len(name)}
            spec = self.spec(self.alices(commit_interval="200ms"), dataset=dataset,
                             pace={"rate": 3000})
            os.environ["KAFKA_PASSWORD"] = kafka_broker.PASSWORD
            self.addCleanup(os.environ.pop, "KAFKA_PASSWORD", None)
            running = self.start(spec)
            self.await_more_than(self.end() + 1500, running)
            with self.subTest(name), self.denied(
                    admin.ResourceType.TOPIC, name, admin.AclOperation.WRITE):
                output = running.stderr.read()
                self.assertEqual(running.wait(PATIENCE_SECONDS), 1, output)
                self.assertIn(said, output)

    def test_a_token_of_openid_connect_lets_in(self):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        class Tokens(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                is_known = self.headers["Authorization"] == "Basic " + base64.b64encode(
                    b"throng:oauth-secret").decode()
                now = int(time.time())
                token = ".".join((part({"alg": "none"}),
                                  part({"sub": "alice", "iat": now, "exp": now + 600}), ""))
                body = json.dumps({"access_token": token} if is_known else
                                  {"error": "invalid_client"}).encode()
                self.send_response(200 if is_known else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever).start()
        options = {"bootstrap_servers": self.broker.address(kafka_broker.SASL),
                   "security_protocol": "sasl_plaintext", "sasl_mechanism": "OAUTHBEARER",
                   "oauth_token_url": f"http://127.0.0.1:{server.server_port}/token",
                   "oauth_client_id": "throng", "oauth_client_secret": "env:OAUTH_SECRET"}
        dataset = {"interactions": 2000}
        spec = self.spec(self.kafka(options), dataset=dataset)
        env = {**os.environ, "OAUTH_SECRET": "oauth-secret"}
        # Debian builds its own without libcurl.
        self.run_badly(spec, "needs a librdkafka that was built with libcurl", code=2, env=env)
        with kafka_broker.newer_librdkafka() as folder:
            env["LD_LIBRARY_PATH"] = folder
            self.run_well(spec, env=env)
            self.assert_topic_is(dataset)
            self.run_badly(spec, "check oauth_token_url, oauth_client_id, oauth_client_secret and "
                           "oauth_scope.", "--retry-timeout", "5s",
                           env={**env, "OAUTH_SECRET": "guessed"})

    def test_what_librdkafka_says_of_itself_is_in_the_log(self):
        said = self.run_well(self.spec(self.kafka(
            {"client.debug": "eos", "client.statistics.interval.ms": "200"}), pace={"rate": 4000},
            dataset={"interactions": 4000}))
        self.assertIn("TXNSTATE: ", said)
        self.assertIn('statistics { "name": "throng', said)


class KafkaClusterFaultsTest(KafkaCase):
    FLAGS = ("--brokers", 3)

    def kafka(self, options=None, **fields):
        return super().kafka({"bootstrap_servers": self.broker.bootstraps, "replication": "3",
                              "topic_config.min.insync.replicas": "2", **(options or {})}, **fields)

    def test_a_leader_that_hangs_is_left(self):
        # Longer than transactions may be open, so that the coordinator ends them.
        seconds = 70 if worker.IS_LONG else 15
        options = {} if worker.IS_LONG else {"transaction_timeout": "6s"}
        dataset = {"interactions": 60_000 if worker.IS_LONG else 45_000}
        running = self.start(
            self.spec(self.kafka(options, commit_interval="300ms"), dataset=dataset,
                      pace={"rate": 3000}), "--retry-timeout", "0s")
        self.await_more_than(6000, running)
        node = self.broker.leader(self.topic)
        process = self.broker.process_id(node)
        os.kill(process, signal.SIGSTOP)
        self.addCleanup(os.kill, process, signal.SIGCONT)
        frozen = time.monotonic()
        while time.monotonic() < frozen + seconds and running.poll() is None:
            time.sleep(0.2)
        is_done_meanwhile = running.poll() is not None
        os.kill(process, signal.SIGCONT)
        said = running.stderr.read()
        self.assertEqual(running.wait(PATIENCE_SECONDS), 0, said)
        if worker.IS_LONG:
            self.assertTrue(is_done_meanwhile, "it waited for the broker that hung")
        self.assert_topic_is(dataset)

    def test_no_run_of_six_needs_a_person_when_brokers_are_killed(self):
        kills = 20 if worker.IS_LONG else 2
        dataset = {"interactions": kills * 25_000}
        runs = []
        for run in range(6):
            output = self.kafka({"topic": f"{self.topic}-{run % 3}"}, commit_interval="300ms")
            spec = self.spec(output, dataset={**dataset, "seed": run}, pace={"rate": 3000})
            runs.append(self.start(spec, "--retry-timeout", "0s"))
        self.topic += "-0"
        self.await_more_than(2000, *runs)
        for kill in range(kills):
            self.broker.restart(kill % 3 + 1)
            time.sleep(2)
        for run in runs:
            said = run.stderr.read()
            self.assertEqual(run.wait(PATIENCE_SECONDS), 0, said)
        # Two runs went to each topic; the `run` header tells their rows apart.
        rows = {}
        for topic in range(3):
            for message in self.broker.messages(f"{self.topic[:-1]}{topic}"):
                rows.setdefault(dict(message.headers())["run"], []).append(message)
        self.assertEqual(len(rows), 6)
        unmatched = list(rows.values())
        for seed in range(6):
            path = self.scratch / f"{seed}.csv"
            self.run_well(self.spec(worker.file_output(path), dataset={**dataset, "seed": seed}))
            first = path.read_text(encoding="utf-8").splitlines()[1].partition(",")[0].encode()
            ours = next(messages for messages in unmatched
                        if next(m for m in messages if row_of(m) == 0).key() == first)
            check_rows(self, ours, path)
            unmatched.remove(ours)


if __name__ == "__main__":
    unittest.main()
