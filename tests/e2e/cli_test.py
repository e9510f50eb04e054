"""throngctl as its users meet it: one-shot commands, and runs of a real throngd."""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

import worker

CLIENT = os.environ["THRONG_CLIENT"]
DAEMON = os.environ["THRONG_DAEMON"]
GOLDEN = pathlib.Path(__file__).parents[1] / "golden/shop-42.csv"
PATIENCE_SECONDS = 60
QUICK = ("--size", "quick")


def environment(**variables):
    kept = {k: v for k, v in os.environ.items() if k not in ("THRONG_ADDRESS", "THRONG_CONTEXT", "NO_COLOR")}
    return {**kept, **variables}


def has_socket(process):
    for descriptor in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(descriptor).startswith("socket:"):
                return True
    return False


class ScratchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="throngctl-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.environment = environment(TMPDIR=str(self.temporary),
                                       XDG_CONFIG_HOME=str(self.folder / "config"))

    def run_client(self, *arguments, **options):
        options = {"capture_output": True, "text": True, "timeout": PATIENCE_SECONDS, **options}
        return subprocess.run([CLIENT, *arguments], cwd=self.folder, env=self.environment,
                              check=False, **options)

    def client(self, *arguments, exit_code=0, **options):
        done = self.run_client(*arguments, **options)
        self.assertEqual(done.returncode, exit_code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def start_client(self, *arguments, **options):
        process = subprocess.Popen([CLIENT, *arguments], cwd=self.folder, env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_until(self, is_so, what):
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), give_up, f"{what} did not come")
            time.sleep(0.01)


class OneShotTest(ScratchTest):
    def test_generate_delivers_the_golden_rows_and_their_statistics(self):
        done = self.client("generate")
        golden = GOLDEN.read_bytes()
        self.assertEqual((self.folder / "out/interactions.csv").read_bytes()[:len(golden)], golden)
        self.assertIn("Total Interactions: 50000", done.stdout)
        self.assertIn("50000 rows in out/interactions.csv", done.stderr)
        self.assertEqual(list(self.temporary.iterdir()), [], "the private daemon left something")

    def test_the_same_command_again_is_already_complete(self):
        self.client("generate", *QUICK)
        before = (self.folder / "out/interactions.csv").stat()
        done = self.client("generate", *QUICK)
        self.assertIn("already complete", done.stderr)
        self.assertIn("Dataset Statistics", done.stdout)
        self.assertEqual((self.folder / "out/interactions.csv").stat().st_ino, before.st_ino)

    def test_another_file_is_refused_unless_it_may_be_replaced(self):
        (self.folder / "a.csv").write_text("not ours")
        refused = self.client("generate", *QUICK, "--to", "csv:a.csv", exit_code=1)
        self.assertIn("a.csv", refused.stderr)
        self.assertEqual((self.folder / "a.csv").read_text(), "not ours")
        self.client("generate", *QUICK, "--to", "csv:a.csv", "--overwrite")
        self.assertTrue((self.folder / "a.csv").read_text().startswith("user_id,"))

    def test_standard_output_carries_data_only(self):
        done = self.client("generate", *QUICK, "--to", "-")
        self.assertEqual(len(done.stdout.splitlines()), 101)
        self.assertIn("Dataset Statistics", done.stderr)
        quiet = self.client("generate", *QUICK, "--to", "csv:-", "--quiet")
        self.assertEqual((quiet.stdout, quiet.stderr), (done.stdout, ""))

    def test_several_outputs_and_their_options(self):
        self.client("generate", *QUICK, "--to", "csv:a.csv", "--to",
                    "json:b.txt?format.layout=lines", "--set", "outputs[1].rows={to: 10}")
        self.assertEqual(len((self.folder / "a.csv").read_text().splitlines()), 101)
        lines = (self.folder / "b.txt").read_text().splitlines()
        self.assertEqual(len([json.loads(line) for line in lines]), 10)

    def test_slices_join_to_the_whole(self):
        self.client("generate", *QUICK, "--to", "csv:whole.csv")
        for index in range(3):
            self.client("generate", *QUICK, "--slice", f"{index}/3", "--to", "csv:{slice}.csv")
        joined = b"".join((self.folder / f"{i}-of-3.csv").read_bytes() for i in range(3))
        self.assertEqual(joined, (self.folder / "whole.csv").read_bytes())

    def test_mistakes_come_all_at_once_each_with_its_field(self):
        done = self.client("generate", "--users", "x", "--set", "dataset.sede=1",
                           "--to", "cvs:a.csv", exit_code=2)
        self.assertIn('dataset.world.users: Must be a whole number such as 1000, found "x". '
                      "(--users)", done.stderr)
        self.assertIn('dataset.sede: Unknown field "sede". Did you mean "seed"?', done.stderr)
        done = self.client("generate", "--set", "dataset.sede=1", "--rate", "5/m",
                           "--set", "outputs[5].name=x", "--to", "csv", exit_code=2)
        self.assertEqual([line.split(":")[0] for line in done.stderr.splitlines()],
                         ["--rate 5/m", "--to csv", "--set outputs[5].name", "dataset.sede"])
        self.assertEqual([p.name for p in self.folder.iterdir()], ["tmp"])

    def test_columns_are_those_of_every_table_and_of_behaviours(self):
        told = self.client("columns").stdout
        self.assertRegex(told, r"(?m)^TABLE +COLUMN +TYPE +IF ASKED FOR +MEANING$")
        self.assertRegex(told, r"(?m)^interactions +session_id +int64 +yes +The session, from 0")
        self.assertRegex(told, r"(?m)^items +choice\.niche +label +yes +\S")
        columns = json.loads(self.client("columns", "--preset", "seed", "-o", "json").stdout)
        names = {(each["table"], each["name"]): each for each in columns}
        self.assertEqual(names["items", "price"]["type"], "float64")
        self.assertTrue(names["items", "price"]["is_extra"])
        self.assertEqual(names["interactions", "user_id"]["doc"], "Who.")
        self.assertNotIn(("items", "choice.niche"), names)
        short = self.client("columns", "-o", "name").stdout.splitlines()
        self.assertIn("users.age_band", short)
        self.assertIn("dataset.sede", self.client("columns", "--set", "dataset.sede=1",
                                                  exit_code=2).stderr)

    def test_counts_are_as_people_type_them(self):
        plain = self.client("preview", "--users", "1000", "--items", "2000", "--interactions",
                            "100000", "--rows", "2000", "--from", "10000").stdout
        typed = self.client("preview", "--users", "1k", "--items", "2_000", "--interactions", "1e5",
                            "--rows", "2k", "--from", "10,000").stdout
        self.assertEqual(typed, plain)
        told = self.client("generate", "--users", "50.000", "--items", "x", exit_code=2).stderr
        self.assertIn('--users "50.000" may be read as more than one number', told)
        self.assertIn('dataset.world.items: Must be a whole number such as 1000, found "x"', told)
        self.client("preview", "--rows", "1.5", exit_code=2)

    def test_an_empty_value_is_empty_text_or_a_mistake(self):
        told = self.client("preview", *QUICK, "--rows", "1", "--set", "dataset.world.user_prefix=",
                           "--set", "dataset.world.item_prefix=i").stdout.splitlines()[1]
        self.assertRegex(told, r"^\d+,i\d+,")
        fields = ("dataset.seed", "dataset.preset", "dataset.interactions", "dataset.world",
                  "dataset.world.active_users", "dataset.activity.options.cap", "outputs[0].key",
                  "outputs[0].commit_interval", "outputs[0].table", "outputs[0].columns")
        settings = [word for field in fields for word in ("--set", field + "=")]
        told = self.client("generate", *settings, "--to", "csv:-", exit_code=2).stderr
        for field in fields:
            self.assertRegex(told, rf"(?m)^{re.escape(field)}: ")

    def test_components_and_options_are_set_in_any_order(self):
        component = ("--set", "dataset.clock.component=diurnal")
        start = ("--set", "dataset.clock.options.start=2020-02-02T00:00:00Z")
        plans = {self.client("generate", *QUICK, *settings, "--dry-run").stdout
                 for settings in ((*component, *start), (*start, *component),
                                  (*component, "--start", "2020-02-02T00:00:00Z"))}
        self.assertEqual(len(plans), 1)
        self.assertIn("2020-02-02", plans.pop())
        told = self.client("generate", *start, "--set", "dataset.clock={component: diurnal}",
                           exit_code=2).stderr
        self.assertIn("--set dataset.clock.options.start: --set dataset.clock, which is given later, "
                      "drops it", told)

    def test_mistakes_without_room_in_the_answer_are_counted(self):
        wrong = "".join(f"  wrong{i}: 1\n" for i in range(180))
        (self.folder / "bad.yaml").write_text("dataset:\n" + wrong)
        lines = self.client("generate", "-f", "bad.yaml", exit_code=2).stderr.splitlines()
        self.assertEqual(lines[-1], f"(and {181 - len(lines)} more mistakes; "
                                    "`throngctl validate` with the same flags shows all)")
        # The spec of the file alone has no output either.
        told = self.client("validate", "-f", "bad.yaml", "--to", "csv:a", exit_code=2).stdout
        self.assertEqual(len(told.splitlines()), 180)

    def test_wrong_flags_are_exit_code_2(self):
        for arguments in (["--nonsense"], ["generate", "--lively"], ["nonsense"],
                          ["generate", "--slice", "1"], ["generate", "-f", "nowhere.yaml"],
                          ["runs", "wait", "x", "--for", "done"],
                          ["runs", "wait", "x", "--timeout", "soon"],
                          ["generate", "-o", "xml"], ["preview", "--rows", "0"]):
            done = self.client(*arguments, exit_code=2)
            self.assertNotEqual(done.stderr + done.stdout, "", arguments)

    def test_a_word_that_is_no_command_is_named_with_what_may_be_meant(self):
        for line, words, kind, hint in (
                ("throngctl", ["bogus"], "command", ""),
                ("throngctl", ["genrate"], "command", ' Did you mean "generate"?'),
                ("throngctl runs", ["lst"], "command", ' Did you mean "list"?'),
                ("throngctl runs positions", ["set", "a"], "command", ' Did you mean "get"?'),
                ("throngctl runs list", ["--filtre=x"], "flag", ' Did you mean "--filter"?')):
            told = self.client(*line.split()[1:], *words, exit_code=2).stderr
            self.assertEqual(told, f"{line} {words[0]}: there is no such {kind}.{hint} "
                                   f"`{line} --help` shows those that there are.\n")

    def test_a_bare_command_shows_its_help(self):
        for words in ([], ["runs"], ["runs", "positions"], ["plugins"], ["presets"], ["doctor"]):
            bare = self.client(*words)
            self.assertEqual((bare.stdout, bare.stderr), (self.client(*words, "--help").stdout, ""))

    def test_the_version_needs_no_daemon(self):
        version = json.loads(self.client("version", "-o", "json").stdout)["client"]
        self.assertEqual(self.client("--version").stdout, f"throngctl {version}\n")

    def test_errors_are_json_where_json_is_asked_for(self):
        def error(*arguments, exit_code):
            told = self.client(*arguments, exit_code=exit_code).stderr
            self.assertEqual(told.count("\n"), 1, told)
            found = json.loads(told)["error"]
            self.assertEqual(found["exit_code"], exit_code)
            return found

        wrong = error("generate", "--set", "dataset.sede=1", "--dry-run", "-o", "json", exit_code=2)
        self.assertEqual((wrong["code"], [field["field"] for field in wrong["fields"]]),
                         ("INVALID_ARGUMENT", ["dataset.sede"]))
        none = error("plugins", "get", "nonsense", "--output-format=jsonl", exit_code=4)
        self.assertEqual((none["code"], none["reason"]), ("NOT_FOUND", "PLUGIN_NOT_FOUND"))
        away = error("runs", "list", "--address", f"unix:{self.folder}/none", "-ojson", exit_code=3)
        self.assertIn("No daemon answers at", away["message"])
        self.assertIn("--bogus", error("runs", "list", "--bogus", "-o", "json",
                                       exit_code=2)["message"])

    def test_flags_take_their_values_either_way(self):
        apart = self.client("preview", "--size", "quick", "--rows", "3", "-o", "json").stdout
        for form in (["--size=quick", "--rows=3", "--output-format=json"],
                     ["--size=quick", "--rows=3", "-ojson"]):
            self.assertEqual(self.client("preview", *form).stdout, apart)

    def test_output_that_cannot_be_written_is_a_failure_and_said(self):
        for arguments in (["preview", "--rows", "5"], ["preview", "-o", "json"],
                          ["presets", "list"], ["generate", *QUICK], ["generate", "--help"]):
            with self.subTest(arguments), open("/dev/full", "w", encoding="ascii") as full:
                done = self.client(*arguments, exit_code=1, capture_output=False, stdout=full,
                                   stderr=subprocess.PIPE)
                self.assertIn("Standard output cannot be written: No space left on device.",
                              done.stderr)
        self.assertTrue((self.folder / "out/interactions.csv").exists())

    def test_who_reads_no_more_is_no_failure(self):
        process = self.start_client("preview", "--rows", "1000000")
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual((process.wait(PATIENCE_SECONDS), process.stderr.read()), (0, ""))

    def test_a_spec_comes_from_standard_input_too(self):
        self.client("generate", "-f", "-", input="{dataset: {size: quick}}")
        self.assertEqual(len((self.folder / "out/interactions.csv").read_text().splitlines()), 101)

    def test_dry_run_prints_a_spec_that_plans_the_same_and_writes_nothing(self):
        plan = json.loads(self.client("generate", *QUICK, "--dry-run", "-o", "json").stdout)
        text = self.client("generate", *QUICK, "--dry-run").stdout
        self.assertIn(plan["fingerprint"], text)
        (self.folder / "again.yaml").write_text(text)
        again = json.loads(
            self.client("generate", "-f", "again.yaml", "--dry-run", "-o", "json").stdout)
        self.assertEqual(again["fingerprint"], plan["fingerprint"])
        self.assertFalse((self.folder / "out").exists())

    def test_ctrl_c_stops_at_a_commit_and_the_printed_command_goes_on(self):
        command = ["generate", "--size", "testing", "--to", "csv:a.csv", "--rate", "5000/s"]
        process = self.start_client(*command)
        part = self.folder / "a.csv.part"
        self.wait_until(lambda: part.exists() and part.stat().st_size > 0, "the first rows")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 130, told)
        self.assertRegex(told, r"stopped at row \d+ after")
        self.assertIn("--size testing --to csv:a.csv --rate 5000/s", told)
        self.assertFalse((self.folder / "a.csv").exists())
        self.assertEqual(list(self.temporary.iterdir()), [])
        line = told.rstrip().splitlines()[-1]
        done = subprocess.run(line, shell=True, cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.client("generate", "--size", "testing", "--to", "csv:b.csv")
        self.assertEqual((self.folder / "a.csv").read_bytes(), (self.folder / "b.csv").read_bytes())

    def test_what_takes_too_long_stops_at_a_commit(self):
        command = ["generate", "--size", "testing", "--to", "csv:a.csv", "--rate", "2000/s"]
        told = self.client(*command, "--timeout", "1500ms", exit_code=5).stderr
        self.assertRegex(told, r"stopped at row \d+ after")
        self.assertIn("--timeout: it was not done after 1500ms.\nTo go on:\n", told)
        self.assertFalse((self.folder / "a.csv").exists())
        self.client(*command[:-2], "--timeout=60s")
        self.assertEqual(len((self.folder / "a.csv").read_text().splitlines()), 20_001)
        self.assertIn("write a duration", self.client(*command, "--timeout", "0", exit_code=2).stderr)

    def test_standard_output_that_is_interrupted_goes_on_with_the_rows_that_are_left(self):
        def interrupted(*command):
            rows = self.folder / "rows.csv"
            with open(rows, "wb") as file:
                process = subprocess.Popen([CLIENT, "generate", *command, "--rate", "5000/s"],
                                           cwd=self.folder, env=self.environment, stdout=file,
                                           stderr=subprocess.PIPE, text=True)
            self.wait_until(lambda: rows.read_bytes().count(b"\n") > 2, "the first rows")
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=PATIENCE_SECONDS)
            self.assertEqual(process.returncode, 130, told)
            return rows.read_text().splitlines(keepends=True), told

        whole = self.client("generate", "--size", "testing", "--to", "csv:-").stdout
        some, told = interrupted("--size", "testing", "--to", "csv:-")
        self.assertIn("Standard output keeps no position: the same command begins again with the "
                      f"first row. For those that are left, from row {len(some) - 1} on:\n", told)
        self.assertNotIn("To go on", told)
        line = told.rstrip().splitlines()[-1].replace("5000/s", "1e6/s")
        done = subprocess.run(line, shell=True, cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual("".join(some) + "".join(done.stdout.splitlines(keepends=True)[1:]), whole)

        # Of a time that moves, and of rows that are some already.
        _, told = interrupted("--size", "testing", "--to", "csv:-", "--start", "now-7d", "--set",
                              "outputs[0].rows={from: 10, to: 19000}")
        self.assertRegex(told, r"outputs\[0\]\.rows=\{from: \d+, to: 19000\}' "
                               r"--set dataset\.clock\.options\.start=2")
        # Rows that cannot be said.
        _, told = interrupted("--size", "testing", "--to", "csv:-", "--slice", "1/4")
        self.assertIn("Standard output keeps no position: the same command begins again with the "
                      "first row:\n", told)
        _, told = interrupted("--size", "testing", "--to", "csv:-", "--to", "csv:a.csv")
        self.assertIn("To go on:\n", told)
        self.assertTrue(told.endswith("Standard output keeps no position: there the rows begin again "
                                      "with the first.\n"), told)

    def test_each_output_has_its_statistics_under_its_name(self):
        (self.folder / "crowd.yaml").write_text(
            "dataset: {size: quick}\noutputs:\n" + "".join(
                f"  - {{name: {name}, format: {{component: csv}}, share: {share}, table: {table}, "
                f"sink: {{component: file, options: {{path: {name}.csv}}}}}}\n"
                for name, share, table in (("train", "{from: 0, to: 0.8}", "interactions"),
                                           ("test", "{from: 0.8, to: 1}", "interactions"),
                                           ("again", "{from: 0.8, to: 1}", "interactions"),
                                           ("users", "null", "users"))))
        line = 70 * "="
        for shown in (self.client("generate", "-f", "crowd.yaml").stdout,
                      worker.run("crowd.yaml", cwd=self.folder).stdout):
            self.assertRegex(shown, rf"^Output train:\n{line}\nDataset Statistics\n{line}\n")
            self.assertIn("Total Interactions: 80\n", shown)
            self.assertIn(f"☆\n{line}\n\nOutput test, again:\n{line}\n", shown)
            self.assertIn("Total Interactions: 20\n", shown)
            self.assertTrue(shown.endswith(f"☆\n{line}\n"), shown)
            self.assertEqual(shown.count("Dataset Statistics"), 2)
        one = self.client("generate", *QUICK).stdout
        self.assertTrue(one.startswith(f"{line}\nDataset Statistics\n"), one)

    def test_a_terminal_that_is_closed_stops_at_a_commit_unless_nohup_says_otherwise(self):
        part = self.folder / "a.csv.part"
        command = ["generate", "--to", "csv:a.csv", "--rate", "5000/s"]
        process = self.start_client(*command)
        self.wait_until(lambda: part.exists() and part.stat().st_size > 0, "the first rows")
        process.send_signal(signal.SIGHUP)
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 130, told)
        self.assertRegex(told, r"stopped at row \d+ after")
        self.assertEqual(list(self.temporary.iterdir()), [])

        ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process = self.start_client("generate", "--size", "testing", "--to", "csv:b.csv", "--rate",
                                    "5000/s", preexec_fn=ignore)
        self.wait_until((self.folder / "b.csv.lock").exists, "the run")
        process.send_signal(signal.SIGHUP)
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 0, told)

    def test_a_private_daemon_that_is_killed_is_told_and_the_same_command_goes_on(self):
        process = self.start_client("generate", "--size", "testing", "--to", "csv:a.csv", "--rate",
                                    "5000/s")
        part = self.folder / "a.csv.part"
        self.wait_until(lambda: part.exists() and part.stat().st_size > 0, "the first rows")
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGKILL)
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 3, told)
        self.assertIn("The private throngd of this command has ended", told)
        self.assertIn("The same command goes on where it was committed:\n"
                      f"  {CLIENT} generate --size testing --to csv:a.csv --rate 5000/s\n", told)
        self.client("generate", "--size", "testing", "--to", "csv:a.csv")

    def test_a_client_that_is_killed_takes_its_daemon_along(self):
        process = self.start_client("generate", "--to", "csv:a.csv", "--rate", "100/s")
        self.wait_until((self.folder / "a.csv.lock").exists, "the run")
        process.kill()
        self.wait_until(lambda: not (self.folder / "a.csv.lock").exists(), "the end of the worker")

    def test_preview_shows_the_rows_of_the_file(self):
        self.client("generate", *QUICK)
        rows = (self.folder / "out/interactions.csv").read_text().splitlines()
        shown = self.client("preview", *QUICK, "--rows", "5", "--from", "90").stdout.splitlines()
        self.assertEqual(shown, [rows[0], *rows[91:96]])
        lines = self.client("preview", *QUICK, "--rows", "2", "-o", "jsonl").stdout.splitlines()
        first = json.loads(lines[0])
        self.assertEqual(f"{first['user_id']},{first['item_id']},{first['rating']}",
                         rows[1].rsplit(",", 1)[0])
        self.assertEqual(len(json.loads(self.client("preview", "-o", "json").stdout)), 10)

    def test_preview_shows_the_columns_that_are_asked_for(self):
        columns = ["session_row", "kind", "interaction_id", "user_id", "session_id", "category",
                   "cluster", "timestamp"]
        self.client("generate", *QUICK, "--to", "csv:all.csv", "--set",
                    f"outputs[0].columns=[{','.join(columns)}]")
        rows = (self.folder / "all.csv").read_text().splitlines()
        some = ["preview", *QUICK, "--rows", "3", "--from", "90", "--columns", ",".join(columns)]
        self.assertEqual(self.client(*some).stdout.splitlines(), [rows[0], *rows[91:94]])
        first = json.loads(self.client(*some, "-o", "json").stdout)[0]
        shown = dict(zip(columns, rows[91].split(","), strict=True))
        for column in columns[:-1]:
            self.assertEqual(str(first[column]), shown[column], column)
        self.assertEqual(self.client("preview", "--columns", "interaction_id", "--from", "7",
                                     "--rows", "2").stdout, "interaction_id\n7\n8\n")
        said = self.client("preview", "--columns", "sesion_id", exit_code=2).stderr
        self.assertIn('Unknown column "sesion_id". Did you mean "session_id"?', said)

    def test_a_few_rows_are_the_first_of_the_size_s_plan(self):
        note = ("note: 10 interactions are too few for a plan of their own, so they are the first of "
                "the 50000 of the size production. Set dataset.plan_size for another plan.\n")
        few = ["--interactions", "10"]
        self.assertIn(note, self.client("generate", *few, "--to", "csv:few.csv").stderr)
        self.client("generate", "--to", "csv:all.csv")
        rows = (self.folder / "few.csv").read_text()
        self.assertTrue((self.folder / "all.csv").read_text().startswith(rows))
        self.assertEqual(self.client("preview", *few).stdout, rows)
        self.assertIn("  plan_size: 50000\n",
                      self.client("generate", *few, "--to", "csv:-", "--dry-run").stdout)
        again = self.client("generate", *few, "--to", "csv:few.csv").stderr
        self.assertIn("already complete, 10 rows", again)

    def test_preview_of_what_has_no_end_ends_with_the_year_9999(self):
        endless = ["--size", "quick", "--start", "9999-12-31T00:00:00Z", "--window", "1h", "--set",
                   "dataset.interactions=null", "--set", "dataset.plan_size=100"]
        last = self.client("preview", *endless, "--from", "2395").stdout.splitlines()
        self.assertEqual(len(last), 1 + 5)
        self.assertIn(",9999-12-31T23:5", last[-1])
        self.assertEqual(self.client("preview", *endless, "--from", "2400").stdout.count("\n"), 1)
        self.assertIn("start_row: Must be at most 2400, from when on event times would lie beyond "
                      "the year 9999, found 2401.",
                      self.client("preview", *endless, "--from", "2401", exit_code=2).stderr)

    def test_preview_shows_times_before_1970_as_the_file_has_them(self):
        early = [*QUICK, "--start", "1969-12-31T23:59:55.250Z", "--window", "10s"]
        self.client("generate", *early)
        rows = (self.folder / "out/interactions.csv").read_text()
        self.assertEqual(self.client("preview", *early, "--rows", "100").stdout, rows)
        shown = self.client("preview", *early, "--rows", "100", "-o", "jsonl").stdout
        seconds = [row.rsplit(",", 1)[1].rstrip("Z") for row in rows.splitlines()[1:]]
        self.assertEqual([json.loads(line)["timestamp"][:19] for line in shown.splitlines()],
                         seconds)

    def test_validate_tells_every_mistake(self):
        (self.folder / "good.yaml").write_text("outputs: [{format: {component: csv}, "
                                               "sink: {component: stdout}}]")
        self.assertIn("right", self.client("validate", "-f", "good.yaml").stdout)
        (self.folder / "bad.yaml").write_text("dataset: {sede: 1}\nthreads: -1\n")
        told = self.client("validate", "-f", "bad.yaml", exit_code=2).stdout
        for field in ("dataset.sede", "threads", "outputs"):
            self.assertIn(field + ":", told)
        self.assertIn("problems", json.loads(
            self.client("validate", "-f", "bad.yaml", "-o", "json", exit_code=2).stdout))

    def test_validate_and_a_dry_run_refuse_what_generate_refuses(self):
        (self.folder / "taken").mkdir()
        (self.folder / "file").write_text("")
        names = ('The column "user-id" has no name for {}, which takes letters, digits and _ only, '
                 "and no digit first; give it another name in columns.")
        nobody = "{component: kafka, options: {bootstrap_servers: 'localhost:1', topic: rows}}"
        for form, sink, sentence in (
            ("avro", nobody, names.format("Avro")),
            ("protobuf", nobody, names.format("Protobuf")),
            ("avro, options: {registry: 'http://localhost:1'}", nobody, names.format("Avro")),
            ("avro", "{component: file, options: {path: a.avro}}", names.format("Avro")),
            ("csv", "{component: file, options: {path: taken}}",
             "taken is there and is not an ordinary file; choose another path."),
            ("csv", "{component: file, options: {path: file/a/rows.csv}}",
             "file is not a folder, so no file can be written below it; choose another path."),
        ):
            with self.subTest(form=form, sink=sink):
                (self.folder / "a.yaml").write_text(
                    f"dataset: {{size: quick}}\noutputs: [{{format: {{component: {form}}}, sink: "
                    f"{sink}, columns: [{{column: user_id, name: user-id}}]}}]")
                told = self.client("validate", "-f", "a.yaml", exit_code=2).stdout
                self.assertIn(sentence, told)
                self.assertRegex(told, r"^outputs\[0\]\.(format|sink\.options\.path): ")
                for arguments in (["--dry-run"], []):
                    refused = self.client("generate", "-f", "a.yaml", *arguments, exit_code=2)
                    self.assertIn(sentence, refused.stderr)
        for made in ("a.avro", "file.lock", "taken.lock"):
            self.assertFalse((self.folder / made).exists())
        self.assertEqual(list((self.folder / "taken").iterdir()), [])

    def test_another_number_of_rows_is_another_dataset_and_said_to_be(self):
        self.client("generate", *QUICK)
        more = ["generate", "--size", "quick", "--interactions", "200"]
        told = self.client(*more, exit_code=1).stderr
        self.assertIn("Another number of interactions is another dataset, unless dataset.plan_size "
                      "is the same.", told)
        self.assertIn("Or set dataset.plan_size to 100, as it is there.", told)
        told = self.client(*more, "--set", "dataset.plan_size=100").stderr
        self.assertIn("output file: goes on from row 100.\noutput file: 200 rows in", told)

    def test_plugins_and_presets_tell_about_themselves(self):
        self.assertIn("pareto", self.client("plugins", "list", "-o", "name").stdout.splitlines())
        self.assertIn("top_share", self.client("plugins", "get", "pareto").stdout)
        self.client("plugins", "get", "nonsense", exit_code=4)
        self.assertIn("quick", self.client("presets", "list", "-o", "name").stdout.splitlines())
        (self.folder / "my.yaml").write_text(self.client("presets", "get", "quick").stdout)
        self.client("generate", "-f", "my.yaml")
        self.client("presets", "get", "nonsense", exit_code=4)
        plugin = pathlib.Path(os.environ["THRONG_PLUGINS"], "csv.so")
        self.client("plugins", "check", str(plugin), timeout=300)

    def test_version_is_of_both(self):
        versions = json.loads(self.client("version", "-o", "json").stdout)
        self.assertEqual(versions["client"], versions["daemon"])

    def test_completion_offers_commands_and_live_names(self):
        script = self.client("completion", "bash").stdout
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        self.assertEqual(self.client("__complete", "gen").stdout.split(), ["generate"])
        self.assertIn("seed", self.client("__complete", "generate", "--preset", "").stdout.split())
        self.assertIn("pareto", self.client("__complete", "plugins", "get", "").stdout.split())

    def test_questions_are_asked_on_a_terminal(self):
        code, seen = on_a_terminal(self, "generate", answer=b"20\n50\n100\n2\n")
        self.assertEqual(code, 0, seen)
        for text in ("Users [500]:", "Interactions [50000]:", "Total Users: 20",
                     "generate --users 20 --items 50 --interactions 100 "
                     "--to json:out/interactions.json"):
            self.assertIn(text, seen)
        rows = json.loads((self.folder / "out/interactions.json").read_text())["interactions"]
        self.assertEqual(len(rows), 100)

    def test_without_a_daemon_runs_say_how_to_start_one(self):
        done = self.client("runs", "list", "--address", f"unix:{self.folder}/none", exit_code=3)
        self.assertIn("Start one with `throngd`", done.stderr)


def on_a_terminal(test, *arguments, answer=b"", columns=80):
    """The client on a terminal of its own: its exit code and what was seen there."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([CLIENT, *arguments], cwd=test.folder, env=test.environment,
                               stdin=terminal, stdout=terminal, stderr=terminal,
                               start_new_session=True)
    os.close(terminal)
    test.addCleanup(os.close, controller)
    os.write(controller, answer)
    seen = b""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if not select.select([controller], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(controller, 4096)
        except OSError:
            break  # nobody has the terminal any more
        if not piece:
            break
        seen += piece
    return process.wait(PATIENCE_SECONDS), seen.decode()


class ContextTest(ScratchTest):
    """Daemons by name."""

    def setUp(self):
        super().setUp()
        self.file = self.folder / "config/throng/contexts.yaml"

    def start_daemon(self, name):
        out = self.folder / name
        out.mkdir()
        daemon = subprocess.Popen(
            [DAEMON, "--listen", f"unix:{out}/s", "--state", f"{out}/state", "--output-root",
             str(out)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        self.wait_until((out / "s").exists, "the daemon")
        return out

    def test_a_context_says_which_daemon_a_command_is_for(self):
        places = {name: self.start_daemon(name) for name in ("a", "b")}
        for name, out in places.items():
            self.client("context", "add", name, "--address", f"{out}/s")
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        create = ["runs", "create", "--name", "x", "--to", "csv:x.csv", *QUICK]
        self.client(*create, "--context", "a")
        self.environment["THRONG_CONTEXT"] = "b"
        self.assertEqual(self.client("runs", "list", "-o", "name").stdout, "")
        self.assertEqual(self.client("runs", "list", "-o", "name", "--context=a").stdout, "x\n")
        del self.environment["THRONG_CONTEXT"]
        self.client("context", "use", "a")
        self.assertEqual(self.client("runs", "list", "-o", "name").stdout, "x\n")
        self.assertEqual(self.client("__complete", "runs", "get", "").stdout, "x\n")
        self.assertEqual(self.client("__complete", "runs", "list", "--context", "").stdout, "a\nb\n")
        self.assertRegex(self.client("context", "list").stdout,
                         r"(?m)^\* +a +unix:.*/a/s +no +-\n +b ")
        # One-shot commands, too.
        self.client("generate", *QUICK, "--to", "csv:here.csv")
        self.assertTrue((places["a"] / "here.csv").exists())
        self.client("generate", *QUICK, "--to", "csv:private.csv", "--context", "")
        self.assertTrue((self.folder / "private.csv").exists())
        self.client("generate", *QUICK, "--to", "csv:there.csv", "--address", f"{places['b']}/s")
        self.assertTrue((places["b"] / "there.csv").exists())
        self.client("context", "use", "--none")
        self.client("generate", *QUICK, "--to", "csv:mine.csv")
        self.assertTrue((self.folder / "mine.csv").exists())

    def test_contexts_are_added_listed_and_removed(self):
        (self.folder / "ca.pem").write_text("")
        (self.folder / "token").write_text("a secret")
        self.client("context", "add", "staging", "--address", "staging:7443", "--cacert", "ca.pem",
                    "--token-file", "token", "--server-name", "throng")
        listed = json.loads(self.client("context", "list", "-o", "json").stdout)
        self.assertEqual(listed, [{
            "name": "staging", "address": "staging:7443", "current": False,
            "cacert": f"{self.folder}/ca.pem", "token_file": f"{self.folder}/token",
            "server_name": "throng"}])
        self.assertNotIn("secret", self.file.read_text())
        self.client("context", "use", "staging")
        for arguments, code, sentence in (
                (["add", "staging", "--address", "x:1"], 4, "remove it first"),
                (["add", "a b", "--address", "x:1"], 2, "write letters, digits"),
                (["add", "b"], 2, "--address"),
                (["add", "b", "--address", "x:1", "--token-file", "none"], 2, "none"),
                (["use", "stagin"], 4, 'Did you mean "staging"?'),
                (["use"], 2, "say --none"),
                (["remove", "other"], 4, 'There is no context "other". There are staging.')):
            self.assertIn(sentence, self.client("context", *arguments, exit_code=code).stderr)
        self.assertIn('There is no context "x"',
                      self.client("runs", "list", "--context", "x", exit_code=2).stderr)
        self.client("runs", "list", "--context", "staging", "--address", "x:1", exit_code=2)
        self.client("context", "remove", "staging")
        self.assertEqual(self.client("context", "list", "-o", "jsonl").stdout, "")
        self.assertEqual(self.file.read_text(), "contexts: {}\n")
        self.file.write_text("contexts: {a: {address: x, token: secret}}")
        self.assertIn("secrets stay in files of their own",
                      self.client("context", "list", exit_code=2).stderr)
        self.file.chmod(0o666)
        self.assertIn("Others can write it", self.client("runs", "list", exit_code=2).stderr)


class RunsTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "data"
        self.out.mkdir()
        self.environment["THRONG_ADDRESS"] = f"unix:{self.folder}/s"
        self.start_daemon()
        self.wait_until(lambda: self.run_client("runs", "list").returncode == 0, "the daemon")

    def start_daemon(self):
        with open(self.folder / "throngd.log", "ab") as log:
            self.daemon = subprocess.Popen(
                [DAEMON, "--listen", f"unix:{self.folder}/s", "--state",
                 str(self.folder / "state"), "--output-root", str(self.out)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(self.daemon.wait)
        self.addCleanup(self.daemon.terminate)

    def create(self, name, *arguments):
        return self.client("runs", "create", "--name", name, "--to", f"csv:{name}.csv", *QUICK,
                           *arguments)

    def state(self, name):
        return json.loads(self.client("runs", "get", name, "-o", "json").stdout)["state"]

    def test_a_run_lives_from_create_to_delete(self):
        self.create("a")
        self.client("runs", "wait", "a", "--timeout", "60s")
        self.assertEqual(len((self.out / "a.csv").read_text().splitlines()), 101)
        self.assertEqual(self.client("runs", "list", "-o", "name").stdout.split(), ["a"])
        self.assertIn("succeeded", self.client("runs", "get", "a").stdout)
        self.assertIn("Total Interactions: 100", self.client("runs", "stats", "a").stdout)
        self.assertNotIn("Output file:", self.client("runs", "stats", "a").stdout)
        told = json.loads(self.client("runs", "stats", "a", "-o", "json").stdout)
        verdicts = {check["id"]: check["verdict"] for check in told["checklist"]["checks"]}
        self.assertEqual(verdicts["enough_data"], "fail")
        self.assertEqual(verdicts["promise.ratings"], "pass")
        self.assertIn("100", self.client("runs", "positions", "get", "a").stdout)
        self.client("runs", "logs", "a")
        self.assertIn("succeeded", self.client("runs", "watch", "a").stdout)
        self.assertEqual(self.client("__complete", "runs", "get", "").stdout.split(), ["a"])
        self.client("runs", "delete", "a")
        self.client("runs", "get", "a", exit_code=4)
        self.assertTrue((self.out / "a.csv").exists())

    def test_statistics_say_of_which_output_they_are(self):
        self.create("a", "--to", "csv:b.csv", "--set", "outputs[1].rows={to: 40}")
        self.client("runs", "wait", "a", "--timeout", "60s")
        first = self.client("runs", "stats", "a").stdout
        self.assertTrue(first.startswith("Output file:\n==="), first)
        second = self.client("runs", "stats", "a", "--output", "file-2").stdout
        self.assertTrue(second.startswith("Output file-2:\n==="), second)
        self.assertIn("Total Interactions: 40\n", second)

    def test_verbs_change_what_a_run_does(self):
        self.create("a", "--rate", "10/s", "--paused")
        self.client("runs", "wait", "a", "--for", "paused", "--timeout", "30s")
        self.client("runs", "resume", "a")
        self.client("runs", "wait", "a", "--for", "running", "--timeout", "30s")
        self.client("runs", "pause", "a")
        self.client("runs", "wait", "a", "--for", "paused", "--timeout", "30s")
        self.client("runs", "delete", "a", exit_code=4)
        self.client("runs", "stop", "a")
        self.client("runs", "wait", "a", "--for", "stopped", "--timeout", "30s")
        self.client("runs", "pause", "a", exit_code=4)
        self.client("runs", "positions", "reset", "a")
        self.assertIn("-", self.client("runs", "positions", "get", "a").stdout)
        self.client("runs", "restart", "a")
        self.client("runs", "wait", "a", "--for", "running", "--timeout", "30s")

    def test_labels_find_runs_and_change_while_they_run(self):
        self.create("a", "--rate", "1/s", "--label", "team=x", "--annotation", "note=By hand: = 1")
        self.create("b", "--rate", "1/s", "--label", "team=y", "--paused")
        listed = lambda *flags: self.client(
            "runs", "list", "-o", "name", *flags).stdout.split()
        self.assertEqual(listed("--filter", "labels.team = x"), ["a"])
        self.assertEqual(listed("--filter", 'labels:team AND state != "PAUSED"'), ["a"])
        self.assertEqual(listed("--order-by", "create_time desc"), ["b", "a"])
        self.assertIn("filter: ", self.client("runs", "list", "--filter", "team = x",
                                              exit_code=2).stderr)
        told = self.client("runs", "update", "a", "--label", "trial=", "--label", "team=z",
                           "--unset-annotation", "note", "--annotation", "ticket=T-1").stdout
        self.assertIn("Labels:      team=z, trial=\n", told)
        self.assertIn("Annotations: ticket=T-1\n", told)
        self.client("runs", "update", "a", "--unset-label", "trial")
        self.daemon.terminate()
        self.daemon.wait()
        self.start_daemon()
        self.wait_until(lambda: self.run_client("runs", "list").returncode == 0, "the daemon")
        run = json.loads(self.client("runs", "get", "a", "-o", "json").stdout)
        self.assertEqual(run["labels"], {"team": "z"})
        self.assertEqual(run["annotations"], {"ticket": "T-1"})
        self.assertIn("etag", run)
        for flags in ([], ["--label", "team"], ["--label", "Team=x"], ["--label", "team=a b"]):
            self.client("runs", "update", "a", *flags, exit_code=2)
        self.client("runs", "update", "c", "--label", "team=x", exit_code=4)

    def test_a_run_goes_on_at_another_pace_with_the_same_rows(self):
        self.create("all")
        self.create("a", "--rate", "10/s")
        self.client("runs", "wait", "a", "--for", "running", "--timeout", "30s")
        self.client("runs", "rate", "a", "20/s")
        self.wait_until(lambda: self.asked("a") == 20, "the other pace")
        self.assertIn("Pace:        20 rows/s", self.client("runs", "get", "a").stdout)
        self.client("runs", "stop", "a")
        self.client("runs", "wait", "a", "--for", "stopped", "--timeout", "30s")
        for flags in (["--rate", "fast"], ["--rate", "0"], ["--threads", "257"]):
            self.client("runs", "update", "a", *flags, exit_code=2)
        self.client("runs", "update", "a", "--rate", "30/s", "--threads", "1")
        spec = json.loads(self.client("runs", "get", "a", "-o", "json").stdout)["spec"]
        self.assertEqual((spec["pace"], spec["threads"]), ({"rate": 30}, 1))
        self.client("runs", "resume", "a")
        self.wait_until(lambda: self.asked("a") == 30, "the pace of the next worker")
        self.client("runs", "rate", "a", "max")
        for name in ("a", "all"):
            self.client("runs", "wait", name, "--timeout", "60s")
        self.assertEqual((self.out / "a.csv").read_bytes(), (self.out / "all.csv").read_bytes())
        self.client("runs", "update", "a", "--rate", "5/s", exit_code=4)

    def asked(self, name):
        run = json.loads(self.client("runs", "get", name, "-o", "json").stdout)
        return run["outputs"][0].get("asked_rows_per_second", 0)

    def test_a_drained_daemon_begins_nothing_and_its_runs_go_on_with_the_next_one(self):
        self.create("all")
        self.create("a", "--rate", "20/s")
        self.client("runs", "wait", "a", "--for", "running", "--timeout", "30s")
        self.assertIn("no run delivers any more", self.client("daemon", "drain").stdout)
        told = self.client("runs", "create", "--to", "csv:b.csv", *QUICK, exit_code=3).stderr
        self.assertIn("is being drained", told)
        self.assertEqual(json.loads(self.client("runs", "get", "a", "-o", "json").stdout)
                         ["target_state"], "running")
        self.daemon.terminate()
        self.daemon.wait()
        self.start_daemon()
        self.wait_until(lambda: self.run_client("runs", "list").returncode == 0, "the daemon")
        self.client("runs", "wait", "a", "--for", "running", "--timeout", "30s")
        self.client("runs", "rate", "a", "max")
        for name in ("a", "all"):
            self.client("runs", "wait", name, "--timeout", "60s")
        self.assertEqual((self.out / "a.csv").read_bytes(), (self.out / "all.csv").read_bytes())
        self.client("daemon", "drain", "--timeout", "soon", exit_code=2)

    def test_a_list_has_the_columns_that_are_asked_for(self):
        self.create("a", "--label", "team=x")
        self.client("runs", "wait", "a", "--timeout", "60s")
        wide = self.client("runs", "list", "-o", "wide").stdout.splitlines()
        self.assertRegex(wide[0], r"^NAME +STATE .* BYTES .* PLACES +LABELS +REASON$")
        self.assertIn(f"{self.out}/a.csv" if "/" in wide[1].split()[-3] else "a.csv", wide[1])
        some = self.client("runs", "list", "-o", "columns=labels,name").stdout
        self.assertEqual(some, "LABELS  NAME\nteam=x  a\n")
        told = self.client("runs", "list", "-o", "columns=nam", exit_code=2).stderr
        self.assertIn('There is no column "nam". Did you mean "name"?', told)
        self.client("runs", "list", "-o", "xml", exit_code=2)

    def test_wait_is_for_several_runs_and_states(self):
        self.create("a")
        self.create("b", "--paused")
        done = self.client("runs", "wait", "a", "b", "--for", "succeeded,paused", "--timeout", "60s")
        self.assertRegex(done.stdout, r"^a  .* succeeded .*\nb  .* paused .*\n$")
        both = json.loads(self.client("runs", "wait", "a", "b", "--for=succeeded,paused", "-o",
                                      "json").stdout)
        self.assertEqual([run["state"] for run in both], ["succeeded", "paused"])
        told = self.client("runs", "wait", "a", "b", "--timeout", "300ms", exit_code=5)
        self.assertIn("b is paused after 300ms; it was waited for until succeeded.", told.stderr)
        self.assertRegex(told.stdout, r"^a  .* succeeded ")
        self.client("runs", "wait", "a", "--for", "stopped,paused", exit_code=4)
        self.client("runs", "wait", "b", "nobody", "--for", "paused", exit_code=4)
        self.client("runs", "wait", "a", "--for", "stopped,done", exit_code=2)
        self.client("runs", "stop", "b")
        waiting = self.start_client("runs", "wait", "b", "--for", "deleted", "--timeout", "60s")
        self.client("runs", "wait", "b", "--for", "stopped", "--timeout", "30s")
        self.client("runs", "delete", "b")
        _, told = waiting.communicate(timeout=PATIENCE_SECONDS)
        self.assertIn(waiting.returncode, (0, 4), told)
        self.assertTrue(waiting.returncode == 0 or "no such run" in told, told)

    def test_verbs_take_all_runs_or_those_of_a_filter(self):
        for name in ("a", "b", "c"):
            self.create(name, "--rate", "1/s", "--label", f"team={'y' if name == 'c' else 'x'}")
        self.create("done")
        self.client("runs", "wait", "done", "--timeout", "60s")
        names = lambda *arguments: self.client("runs", *arguments, "-o", "name").stdout.split()
        self.assertEqual(names("pause", "--filter", "labels.team = x"), ["a", "b"])
        self.client("runs", "wait", "a", "b", "--for", "paused", "--timeout", "30s")
        self.assertEqual(names("pause", "--all"), ["c"])
        self.assertEqual(names("resume", "--all", "--filter", "labels.team != y"), ["a", "b"])
        self.assertEqual(names("stop", "--all"), ["a", "b", "c"])
        self.client("runs", "wait", "a", "b", "c", "--for", "stopped", "--timeout", "30s")
        none = self.client("runs", "stop", "--all")
        self.assertEqual((none.stdout, none.stderr), ("", "note: there is no such run.\n"))
        self.client("runs", "stop", exit_code=2)
        self.client("runs", "stop", "a", "--all", exit_code=2)
        self.client("runs", "delete", "--filter", "labels.team = x", "--yes")
        self.assertEqual(names("list"), ["c", "done"])
        self.client("runs", "delete", "--all")  # nobody sits there to be asked
        self.assertEqual(names("list"), [])

    def test_who_sits_at_a_terminal_is_asked_before_something_goes(self):
        self.create("a")
        self.client("runs", "wait", "a", "--timeout", "60s")
        code, seen = on_a_terminal(self, "runs", "positions", "reset", "a", answer=b"\n")
        self.assertEqual(code, 130, seen)
        self.assertIn("Forget how far all outputs of a came, and remove what was delivered there? "
                      "[y/N]", seen)
        self.assertTrue((self.out / "a.csv").exists())
        code, seen = on_a_terminal(self, "runs", "delete", "a", answer=b"n\n")
        self.assertEqual(code, 130, seen)
        self.assertIn("Delete run a? What was delivered stays. [y/N]", seen)
        self.assertIn("Nothing was deleted.", seen)
        self.assertEqual(self.state("a"), "succeeded")
        code, seen = on_a_terminal(self, "runs", "positions", "reset", "a", "--yes")
        self.assertEqual(code, 0, seen)
        self.assertFalse((self.out / "a.csv").exists())
        code, seen = on_a_terminal(self, "runs", "delete", "a", answer=b"y\n")
        self.assertIn("Deleted a.", seen)
        self.client("runs", "get", "a", exit_code=4)

    def test_states_have_colors_on_a_terminal(self):
        self.create("a")
        self.client("runs", "wait", "a", "--timeout", "60s")
        self.assertIn("\033[32msucceeded\033[0m", on_a_terminal(self, "runs", "list")[1])
        self.assertIn("\033[32msucceeded\033[0m", on_a_terminal(self, "runs", "get", "a")[1])
        self.environment["NO_COLOR"] = "1"
        self.assertNotIn("\033", on_a_terminal(self, "runs", "list")[1])
        del self.environment["NO_COLOR"]
        self.assertNotIn("\033", self.client("runs", "list").stdout)

    def test_a_page_describes_a_run(self):
        self.create("a", "--label", "team=x", "--slice", "0/2", "--threads", "1")
        self.client("runs", "wait", "a", "--timeout", "60s")
        page = self.client("runs", "describe", "a").stdout
        for line in (r"State: +succeeded \(asked to be running\)", r"Labels: +team=x",
                     r"file +succeeded +50 +50 +50 +\d+ +0 +.*a\.csv",
                     r"Dataset: +preset shop, size quick, seed 42", r"World: +\d+ users, \d+ items",
                     r"Rows: +100\b", r"Pace: +as fast as possible", r"Slice: +0 of 2",
                     r"Threads: +1", r"sink +file +file +\S+ +[0-9a-f]{12}"):
            self.assertRegex(page, rf"(?m)^{line}")
        self.assertEqual("Last lines of its log" in page,
                         self.client("runs", "logs", "a").stdout != "")
        run = json.loads(self.client("runs", "describe", "a", "-o", "json").stdout)
        self.assertEqual(run["name"], "runs/a")
        self.client("runs", "describe", "nobody", exit_code=4)

    def test_apply_creates_a_run_and_then_changes_what_can_be_changed(self):
        (self.folder / "a.yaml").write_text(
            "dataset: {size: quick, clock: {options: {start: now-7d}}}\noutputs: [{format: "
            "{component: csv}, sink: {component: file, options: {path: a.csv}}}]\n")
        apply = lambda *flags, **options: self.client("runs", "apply", "-f", "a.yaml", "--name", "a",
                                                      *flags, **options)
        self.assertEqual(apply("--dry-run").stdout, "a: would be created\n")
        self.client("runs", "get", "a", exit_code=4)
        self.assertEqual(apply("--paused").stdout, "a: created\n")
        self.client("runs", "wait", "a", "--for", "paused", "--timeout", "30s")
        self.assertEqual(apply().stdout, "a: unchanged\n")
        told = apply("--label", "team=x", "--annotation", "note=By hand", "--dry-run").stdout
        self.assertRegex(told, r"^FIELD +IS +BECOMES +REMARK\nlabels.team +- +x\n"
                               r"annotations.note +- +By hand\na: would be updated\n$")
        self.assertNotIn("labels", self.client("runs", "get", "a", "-o", "json").stdout)
        apply("--label", "team=x", "--annotation", "note=By hand")
        told = json.loads(apply("--label", "team=y", "-o", "json").stdout)
        self.assertEqual(told, {"name": "a", "action": "updated", "dry_run": False, "changes": [
            {"field": "labels.team", "from": "x", "to": "y"}]})
        run = json.loads(self.client("runs", "get", "a", "-o", "json").stdout)
        self.assertEqual((run["labels"], run["annotations"]), ({"team": "y"}, {"note": "By hand"}))
        refused = apply("--seed", "7", "--label", "team=z", exit_code=4)
        self.assertRegex(refused.stdout, r"(?m)^dataset.seed +42 +7 +refused: a run keeps its dataset$")
        self.assertEqual(refused.stderr, "dataset.seed: cannot become 7: a run keeps its dataset.\n"
                         "Nothing was changed. Apply it under another --name, or delete a first "
                         "(`throngctl runs delete a`; what it delivered stays).\n")
        self.assertEqual(apply().stdout, "a: unchanged\n")
        self.assertIn("labels.team  y   z", apply("--label", "team=z", "--dry-run").stdout)
        self.assertRegex(apply("--rate", "10/s", "--dry-run").stdout, r"(?m)^pace.rate +- +10")
        self.assertIn("dataset.sede", apply("--set", "dataset.sede=1", exit_code=2).stderr)
        self.client("runs", "apply", "-f", "a.yaml", exit_code=2)

    def test_names_with_a_slash_are_refused_as_they_are_written(self):
        for name in ("one/two", "../x"):
            told = self.client("runs", "create", "--name", name, "--to", "csv:a.csv", *QUICK,
                               exit_code=2).stderr
            self.assertIn("run_id", told)
            self.client("runs", "get", name, exit_code=4)
        self.create("runs/b")
        self.client("runs", "get", "b")

    def test_watch_streams_changes_until_the_end(self):
        self.create("a", "--rate", "200/s")
        lines = self.client("runs", "watch", "a", "-o", "jsonl").stdout.splitlines()
        self.assertEqual(json.loads(lines[-1])["state"], "succeeded")

    def test_watch_is_a_table_that_fits_the_terminal(self):
        self.create("a", "--rate", "100/s")
        code, seen = on_a_terminal(self, "runs", "watch", "a", columns=40)
        self.assertEqual(code, 0, seen)
        # Drawn over itself, to the end.
        self.assertRegex(seen, r"\x1b\[\d+A\r")
        last = re.split(r"\x1b\[\d+A\r", seen)[-1]
        plain = re.sub(r"\x1b\[\d*[mKJ]", "", last).splitlines()
        self.assertEqual(plain[0], "a  succeeded")
        self.assertTrue(any(line.startswith("OUTPUT") for line in plain), plain)
        self.assertLessEqual(max(len(re.sub(r"\x1b\[\d*[mAKJ]", "", line).strip("\r"))
                                 for line in seen.splitlines()), 40)
        self.assertIn("Name it", self.client("runs", "watch", exit_code=2).stderr)

    def test_all_runs_are_watched_on_a_terminal(self):
        self.create("a", "--paused")
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        process = subprocess.Popen([CLIENT, "runs", "watch"], cwd=self.folder, env=self.environment,
                                   stdin=terminal, stdout=terminal, stderr=terminal,
                                   start_new_session=True)
        os.close(terminal)
        self.addCleanup(process.kill)
        seen = b""
        self.client("runs", "resume", "a")
        give_up = time.monotonic() + PATIENCE_SECONDS
        while b"succeeded" not in seen and time.monotonic() < give_up:
            if select.select([controller], [], [], 0.1)[0]:
                seen += os.read(controller, 4096)
        self.assertIn(b"succeeded", seen)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE_SECONDS), 130)

    def test_exit_codes(self):
        self.create("a", "--rate", "1/s")
        for arguments, code in ((["runs", "get", "none"], 4), (["runs", "stats", "none"], 4),
                                (["runs", "wait", "a", "--timeout", "200ms"], 5)):
            self.client(*arguments, exit_code=code)
        self.client("runs", "create", "--name", "a", "--to", "csv:b.csv", *QUICK, exit_code=4)
        self.client("runs", "create", "--to", "csv:/etc/b.csv", *QUICK, exit_code=2)
        self.client("runs", "create", "--name", "Bad Name", "--to", "csv:c.csv", exit_code=2)
        (self.out / "theirs.csv").write_text("not ours")
        self.create("theirs")
        self.client("runs", "wait", "theirs", "--timeout", "60s", exit_code=1)
        self.client("runs", "wait", "theirs", "--for", "failed", "--timeout", "60s")

    def test_generate_uses_a_daemon_that_is_named(self):
        done = self.client("generate", *QUICK, "--to", "csv:here.csv")
        self.assertIn("Total Interactions: 100", done.stdout)
        self.assertTrue((self.out / "here.csv").exists())
        self.client("generate", *QUICK, "--to", "-", exit_code=2)

    def test_output_that_cannot_be_written_is_a_failure_and_said(self):
        self.create("a")
        self.client("runs", "wait", "a", "--timeout", "60s")
        for arguments in (["list", "-o", "json"], ["logs", "a", "-o", "json"], ["watch", "a", "-o", "yaml"],
                          ["wait", "a"]):
            with self.subTest(arguments), open("/dev/full", "w", encoding="ascii") as full:
                done = self.client("runs", *arguments, exit_code=1, capture_output=False,
                                   stdout=full, stderr=subprocess.PIPE)
                self.assertIn("Standard output cannot be written", done.stderr)

    def test_a_place_that_is_taken_is_no_lost_daemon(self):
        self.create("a", "--paused")
        self.client("runs", "stop", "a")
        self.client("runs", "wait", "a", "--for", "stopped", "--timeout", "30s")
        self.client("runs", "create", "--name", "b", "--to", "csv:a.csv", "--rate", "10/s")
        self.client("runs", "wait", "b", "--for", "running", "--timeout", "30s")
        done = self.client("runs", "positions", "reset", "a", exit_code=1)
        self.assertIn("a.csv is being written by process", done.stderr)

    def test_generate_outlives_a_daemon_that_is_started_again(self):
        process = self.start_client("generate", "--size", "testing", "--to", "csv:a.csv", "--rate",
                                    "5000/s")
        # A second's rows later the client has been told of its run.
        self.wait_until(lambda: (self.out / "a.csv.part").exists()
                        and (self.out / "a.csv.part").stat().st_size > 200_000, "the run")
        self.daemon.kill()
        self.daemon.wait()
        self.start_daemon()
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 0, told)
        self.assertIn("rows in a.csv", told)

    def test_generate_that_waits_no_longer_names_its_run(self):
        process = self.start_client("generate", "--to", "csv:a.csv", "--rate", "100/s")
        # A second's rows later the client has been told of its run.
        self.wait_until(lambda: (self.out / "a.csv.part").exists()
                        and (self.out / "a.csv.part").stat().st_size > 4000, "the run")
        self.daemon.kill()
        self.daemon.wait()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 130, told)
        self.start_daemon()
        self.wait_until(lambda: self.run_client("runs", "list").returncode == 0, "the daemon")
        name = self.client("runs", "list", "-o", "name").stdout.strip()
        self.assertIn(f"The run {name} stays with its daemon. Once that is back, watch it with\n"
                      f"  {CLIENT} runs watch {name}\n", told)

    def test_wait_outlives_a_daemon_that_is_started_again(self):
        self.create("a", "--rate", "50/s")
        waiting = self.start_client("runs", "wait", "a", "--timeout", "60s")
        self.wait_until(lambda: has_socket(waiting), "its connection")
        time.sleep(0.5)  # for its call
        self.daemon.kill()
        self.daemon.wait()
        self.start_daemon()
        _, told = waiting.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(waiting.returncode, 0, told)
        golden = hashlib.sha256((self.out / "a.csv").read_bytes()).hexdigest()
        self.client("generate", *QUICK, "--to", "csv:again.csv")
        self.assertEqual(hashlib.sha256((self.out / "again.csv").read_bytes()).hexdigest(), golden)


if __name__ == "__main__":
    unittest.main()
