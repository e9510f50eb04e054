"""What kafka_test.py asks of `throngctl tap`, `replay` and `doctor`, at its broker."""

import json
import os
import re
import signal
import subprocess
import time

import kafka_broker

CLIENT = os.environ["THRONG_CLIENT"]
PATIENCE_SECONDS = 60


class InspectionCases:
    def client(self, *arguments, exit_code=0):
        done = subprocess.run([CLIENT, *arguments], cwd=self.scratch, capture_output=True, text=True,
                              check=False, timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, exit_code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def place(self, options=""):
        return f"kafka://{self.broker.bootstrap}/{self.topic}{options}"

    def rows_of(self, file):
        return sorted((self.scratch / file).read_text().splitlines()[1:])

    def tapped(self, *arguments):
        done = self.client("tap", self.place(), "--from-beginning", "--no-follow", "-o", "jsonl",
                           *arguments)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return sorted(f'{r["user_id"]},{r["item_id"]},{r["rating"]:.1f},{r["timestamp"]}'
                      for r in rows)

    def test_a_file_is_replayed_once_and_tapped(self):
        self.client("generate", "--size", "producer", "--to", "csv:a.csv", "-q")
        replay = ("replay", "a.csv", "--to", self.place("?partitions=3&headers=true"))
        self.assertIn("5000 rows delivered", self.client(*replay).stderr)
        self.assertIn("already complete, 5000 rows", self.client(*replay).stderr)
        self.assertEqual(self.tapped(), self.rows_of("a.csv"))
        kafka_broker.check_rows(self, self.broker.messages(self.topic), self.scratch / "a.csv")
        done = self.client("tap", self.place(), "--limit", "50", "--from-beginning")
        self.assertEqual(len(re.findall(r"^\[Message #\d+\]$", done.stdout, re.MULTILINE)), 50)
        self.assertRegex(done.stderr, r"^50 rows.*event times ")

    def test_a_replay_that_is_interrupted_goes_on(self):
        self.client("generate", "--size", "quick", "--to", "csv:a.csv", "-q")
        command = [CLIENT, "replay", "a.csv", "--to", self.place(), "--rate", "40/s"]
        for stop in (signal.SIGINT, signal.SIGKILL):
            process = subprocess.Popen(command, cwd=self.scratch, stderr=subprocess.PIPE, text=True)
            before = self.end()
            self.await_more_than(before + 5, process)
            process.send_signal(stop)
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
            if stop == signal.SIGINT:
                self.assertEqual(process.returncode, 130, said)
                self.assertIn("To go on, each row once:", said)
        done = self.client("replay", "a.csv", "--to", self.place())
        self.assertRegex(done.stderr, r"100 rows delivered, \d+ of them by earlier commands")
        self.assertEqual(self.tapped(), self.rows_of("a.csv"))

    def test_a_topic_is_tapped_as_rows_arrive(self):
        self.client("generate", "--size", "quick", "--to", "csv:a.csv", "-q")
        self.client("replay", "a.csv", "--to", self.place())
        process = subprocess.Popen([CLIENT, "tap", self.place()], cwd=self.scratch, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        time.sleep(0.5)  # it may begin before or after these; it ends when it has seen one
        give_up = time.monotonic() + PATIENCE_SECONDS
        os.set_blocking(process.stdout.fileno(), False)
        seen = ""
        while "[Message #1]" not in seen and time.monotonic() < give_up:
            self.client("replay", "a.csv", "--to", self.place(), "--again", "-q")
            seen += process.stdout.read() or ""
        process.send_signal(signal.SIGINT)
        os.set_blocking(process.stdout.fileno(), True)
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("[Message #1]", seen)
        self.assertRegex(said, r"\d+ rows.*event times \S+Z to \S+Z\.")

    def test_a_group_goes_on_where_it_was(self):
        self.client("generate", "--size", "quick", "--to", "csv:a.csv", "-q")
        self.client("replay", "a.csv", "--to", self.place())
        arguments = ("tap", self.place(), "--group", self.topic, "--no-follow", "-o", "jsonl")
        first = self.client(*arguments).stdout.splitlines()
        self.assertEqual(len(first), 100)
        self.assertEqual(self.client(*arguments).stdout, "")

    def test_the_doctor_takes_five_steps(self):
        done = self.client("doctor", "kafka", "--brokers", self.broker.bootstrap, "--topic",
                           self.topic, "-o", "json")
        steps = json.loads(done.stdout)
        self.assertEqual([step["name"] for step in steps],
                         ["reach", "metadata", "topic", "produce", "read_back"])
        self.assertTrue(all(step["ok"] for step in steps), steps)
        self.assertEqual(len(steps[-1]["latency_ms"]), 4)
        self.assertEqual(len(list(self.broker.messages(self.topic))), 100)
        # And again, though the rows are there already.
        done = self.client("doctor", "kafka", "--brokers", self.broker.bootstrap, "--topic",
                           self.topic)
        self.assertIn("All 100 rows came back", done.stdout)
        self.assertRegex(done.stdout, r"p50 \d+ ms, p99 \d+ ms")
