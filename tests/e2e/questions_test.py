"""The questions of `throngctl generate` on a terminal."""

import json
import os
import pty
import select
import shlex
import signal
import socket
import subprocess
import time
import unittest

from cli_test import CLIENT, PATIENCE_SECONDS, ScratchTest


def converse(answers, folder, environment):
    """What a terminal shows of `generate` that is answered, a prompt at a time, and the exit code.
    After the last answer the terminal says no more."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([CLIENT, "generate"], cwd=folder, env=environment, stdin=terminal,
                               stdout=terminal, stderr=terminal, start_new_session=True)
    os.close(terminal)
    seen = b""
    answered = 0  # bytes of `seen`
    answers = list(answers)
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if not select.select([controller], [], [], 0.1)[0]:
            continue
        try:
            seen += os.read(controller, 4096)
        except OSError:
            break  # nobody has the terminal any more
        if answers and seen[answered:].endswith(b"]: "):
            answered = len(seen)
            os.write(controller, answers.pop(0).encode() + b"\n")
    os.close(controller)
    shown = seen.decode().replace("\r\n", "\n")
    if process.poll() is None and time.monotonic() >= give_up:
        process.kill()
    return shown, process.wait(PATIENCE_SECONDS)


class QuestionsTest(ScratchTest):
    def answer(self, *answers, exit_code=0):
        shown, code = converse(answers, self.folder, self.environment)
        self.assertEqual(code, exit_code, shown)
        self.assertEqual(list(self.temporary.iterdir()), [], "the private daemon left something")
        return shown

    def same_without_questions(self, shown):
        lines = shown.splitlines()
        return lines[lines.index("The same without questions:") + 1].strip()

    def test_defaults_are_the_seed_job_and_the_printed_command_is_the_same(self):
        shown = self.answer("", "", "", "")
        self.assertTrue(shown.startswith("Users [500]: "), shown)
        self.assertIn("Output: 1 CSV, 2 JSON, 3 Kafka, 4 all [1]: ", shown)
        self.assertIn("Total Interactions: 50000", shown)
        command = self.same_without_questions(shown)
        self.assertEqual(command, f"{CLIENT} generate --users 500 --items 1000 --interactions 50000 "
                                  "--to csv:out/interactions.csv")
        done = self.client(*shlex.split(command)[1:])
        self.assertIn("already complete", done.stderr)
        # And so do the questions: a finished file of this dataset is in nobody's way.
        self.assertIn("already complete", self.answer("", "", "", ""))

    def test_what_is_no_number_is_asked_again(self):
        shown = self.answer("many", "20", "5O", "50", "1.000", "100", "json")
        self.assertIn('"many" is no whole number; write one such as 500, 50k or 1M.\nUsers', shown)
        self.assertIn('"5O" is no whole number', shown)
        self.assertIn('"1.000" may be read as more than one number', shown)
        rows = json.loads((self.folder / "out/interactions.json").read_text())["interactions"]
        self.assertEqual(len(rows), 100)

    def test_counts_that_do_not_go_together_are_asked_again_with_the_number_that_fits(self):
        shown = self.answer("100k", "", "50k", "", "", "", "")
        self.assertIn("50000 interactions are too few for the top 16000 of 80000 active users", shown)
        self.assertIn("The next number that fits is 320003", shown)
        self.assertIn("Users [100000]: \nItems [1000]: \nInteractions [320003]: \n", shown)
        self.assertIn("Total Interactions: 320003", shown)

    def test_too_few_items_are_asked_again_with_enough(self):
        shown = self.answer("", "3", "", "", "", "", "", "50", "", "")
        self.assertIn("or at least 5 items.\nUsers [500]: \nItems [5]: \n", shown)
        self.assertIn("so that nobody can prefer it", shown)
        self.assertIn("Total Items: 50\n", shown)

    def test_few_interactions_are_the_first_of_a_larger_plan_and_no_mistake(self):
        self.assertIn("Total Interactions: 1000\n", self.answer("", "", "1000", ""))

    def test_another_file_in_the_way_is_kept_or_overwritten(self):
        out = self.folder / "out"
        out.mkdir()
        (out / "interactions.csv").write_text("mine")
        shown = self.answer("20", "50", "100", "1", "", "")
        self.assertIn("/interactions.csv exists, and its manifest", shown)
        self.assertIn("Overwrite it? [y/N]: \nAnother file [out/interactions-2.csv]: \n", shown)
        self.assertEqual((out / "interactions.csv").read_text(), "mine")
        rows = (out / "interactions-2.csv").read_text()
        self.assertEqual(len(rows.splitlines()), 101)

        shown = self.answer("20", "50", "100", "1", "y")
        self.assertNotIn("Passed over", shown)
        self.assertEqual((out / "interactions.csv").read_text(), rows)
        done = self.client(*shlex.split(self.same_without_questions(shown))[1:])
        self.assertIn("already complete", done.stderr)

        # Other numbers, later: neither file is theirs.
        shown = self.answer("30", "50", "200", "1", "n", "")
        self.assertRegex(shown, r"out/interactions\.csv .*not this dataset in this form\.\n"
                                r"Overwrite it\? \[y/N\]: n\n"
                                r"Another file \[out/interactions-3\.csv\]: ")
        self.assertEqual(len((out / "interactions-3.csv").read_text().splitlines()), 201)

    def test_fewer_rows_than_the_file_has_are_asked_about_too(self):
        self.answer("", "", "1000", "")
        shown = self.answer("", "", "900", "", "")
        self.assertIn("out/interactions.csv holds 1000 rows of this dataset already, more than 900.",
                      shown)
        self.assertNotIn("Overwrite it?", shown)  # a finished file is not shortened
        self.assertEqual(len((self.folder / "out/interactions-2.csv").read_text().splitlines()), 901)

    def test_kafka_out_of_reach_is_said_at_once_and_asked_again_until_given_up(self):
        with socket.socket() as nobody:  # the port is taken, and not listened to
            nobody.bind(("127.0.0.1", 0))
            broker = f"127.0.0.1:{nobody.getsockname()[1]}"
            shown = self.answer("", "", "", "4", broker, "rows", "no.such.host.invalid", "", "q",
                                exit_code=1)
        self.assertIn("Brokers [localhost:9092]: ", shown)
        self.assertIn(f"No Kafka answers at {broker}: Connection refused. Start it, or name other "
                      f"brokers", shown)
        self.assertIn(f"Brokers, or q to give up [{broker}]: no.such.host.invalid\nTopic [rows]: \n"
                      "No Kafka answers at no.such.host.invalid: ", shown)
        self.assertIn("Given up; nothing was generated.", shown)
        self.assertFalse((self.folder / "out").exists())

    def test_a_topic_that_cannot_be_is_asked_again(self):
        shown = self.answer("", "", "", "3", "", "my topic", "q", exit_code=1)
        self.assertRegex(shown, r"topic.*\nBrokers, or q to give up \[localhost:9092\]: ")

    def test_without_a_terminal_nothing_is_asked(self):
        done = self.client("generate", stdin=subprocess.DEVNULL)
        self.assertNotIn("Users [", done.stdout + done.stderr)

    def test_ctrl_c_at_a_question_leaves_nothing(self):
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        process = subprocess.Popen([CLIENT, "generate"], cwd=self.folder, env=self.environment,
                                   stdin=terminal, stdout=terminal, stderr=terminal,
                                   start_new_session=True)
        os.close(terminal)
        self.addCleanup(process.kill)
        seen = b""
        while not seen.endswith(b"]: "):
            seen += os.read(controller, 4096)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 130)
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertFalse((self.folder / "out").exists())

    def test_the_end_of_the_answers_is_an_interrupt(self):
        shown = self.answer("20", "\x04", exit_code=130)
        self.assertNotIn("The same without questions", shown)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
