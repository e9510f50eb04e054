"""Looking at files: throngctl's commands, and the same over gRPC with input roots."""

import json
import os
import subprocess
import unittest

import cli_test
import daemon
import grpc
from throng.v1 import inspection_pb2, inspection_service_pb2, inspection_service_pb2_grpc
from throng.v1 import summary_pb2

QUICK = ("--size", "quick", "--preset", "seed")
FIRST = """[Message #1]
  User: {0}
  Item: {1}
  Rating: {2}
  Timestamp: {3}

"""


class CommandsTest(cli_test.ScratchTest):
    def generate(self, *arguments):
        self.client("generate", *QUICK, "-q", *arguments)

    def test_tap_shows_rows_in_the_form_of_the_guide(self):
        self.generate()
        rows = (self.folder / "out/interactions.csv").read_text().splitlines()[1:]
        done = self.client("tap", "out/interactions.csv", "--limit", "3")
        self.assertTrue(done.stdout.startswith(FIRST.format(*rows[0].split(","))), done.stdout)
        self.assertEqual(done.stdout.count("[Message #"), 3)
        self.assertRegex(done.stderr, r"^3 rows, event times \S+Z to \S+Z\.\n$")
        whole = self.client("tap", "out/interactions.csv", "-q")
        self.assertEqual(whole.stdout.count("[Message #"), 100)
        self.assertEqual(whole.stderr, "")

    def test_tap_prints_rows_for_programs(self):
        self.generate()
        done = self.client("tap", "out/interactions.csv", "-o", "jsonl", "-q")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        expected = (self.folder / "out/interactions.csv").read_text().splitlines()[1:]
        shown = [f'{r["user_id"]},{r["item_id"]},{r["rating"]:.1f},{r["timestamp"]}' for r in rows]
        self.assertEqual(shown, expected)

    def test_tap_reads_what_others_wrote_and_says_what_it_cannot(self):
        (self.folder / "r.txt").write_text(
            "uid;movie;stars;at\n7;9;4.5;1705314600\n8;9;many;1705314601\n9;9;3;1705314602\n")
        names = ("user_id=uid", "item_id=movie", "rating=stars", "timestamp=at")
        maps = [word for name in names for word in ("--map", name)]
        done = self.client("tap", "csv:r.txt?format.delimiter=;", *maps)
        self.assertIn(FIRST.format(7, 9, 4.5, "2024-01-15T10:30:00Z"), done.stdout)
        self.assertEqual(done.stdout.count("[Message #"), 2)
        self.assertRegex(done.stderr, r"cannot be read: r\.txt, byte \d+ \(after 1 rows\): stars: ")
        self.assertIn("1 record cannot be read.", done.stderr)

    def test_stats_are_those_that_generate_showed(self):
        shown = self.client("generate", *QUICK).stdout
        done = self.client("stats", "out/interactions.csv")
        block = done.stdout[:done.stdout.index("\n\n", done.stdout.index("1.0:") if "1.0:" in
                                               done.stdout else 0)]
        self.assertIn(block, shown)
        result = json.loads(self.client("stats", "out/interactions.csv", "-o", "json").stdout)
        self.assertEqual(int(result["statistics"]["total_interactions"]), 100)

    def test_states_of_parts_merge(self):
        whole = self.client("stats", "-o", "json", "-f", self.spec()).stdout
        self.generate("--to", "csv:whole.csv")
        lines = (self.folder / "whole.csv").read_text().splitlines(keepends=True)
        for name, rows in (("a", lines[1:31]), ("b", lines[31:])):
            (self.folder / f"{name}.csv").write_text(lines[0] + "".join(rows))
            self.client("stats", f"{name}.csv", "--state", f"{name}.state", "-q")
        merged = self.client("stats", "--merge", "a.state", "--merge", "b.state", "-o", "json")
        figures = json.loads(merged.stdout)["statistics"]
        of_whole = json.loads(self.client("stats", "whole.csv", "-o", "json").stdout)["statistics"]
        for name in ("total_interactions", "unique_active_users", "average_rating",
                     "rating_distribution"):
            self.assertEqual(figures[name], of_whole[name], name)
        self.assertIn("statistics", json.loads(whole))
        (self.folder / "no.state").write_text("nonsense")
        done = self.client("stats", "--merge", "no.state", exit_code=2)
        self.assertIn("no.state is no state that `throngctl stats --state` has written", done.stderr)
        done = self.client("stats", "--merge", "nowhere.state", exit_code=2)
        self.assertIn("nowhere.state cannot be read", done.stderr)

    def test_states_of_any_size_merge(self):
        self.client("generate", "-q", "--preset", "trace", "--users", "600000", "--items", "1000",
                    "--interactions", "2000000", "--to", "csv:large.csv")
        self.client("stats", "large.csv", "--state", "large.state", "-q")
        self.assertGreater((self.folder / "large.state").stat().st_size, 4 << 20)
        whole = json.loads(self.client("stats", "large.csv", "-o", "json").stdout)
        merged = json.loads(self.client("stats", "--merge", "large.state", "-o", "json").stdout)
        self.assertEqual(merged["statistics"], whole["statistics"])

    def spec(self):
        (self.folder / "quick.yaml").write_text("dataset: {size: quick, preset: seed}\n")
        return "quick.yaml"

    def test_the_checklist_decides_about_the_exit_code(self):
        self.client("generate", "--to", "csv:a.csv", "-q", "--preset", "seed")
        done = self.client("stats", "--check", "a.csv")
        self.assertIn("PASS", done.stdout)
        self.generate("--to", "csv:few.csv")
        done = self.client("stats", "--check", "few.csv", exit_code=1)
        self.assertIn("FAIL", done.stdout)

    def test_what_cannot_be_is_refused(self):
        self.generate()
        for arguments, code, said in (
                (("tap", "nothing.csv"), 4, "nothing.csv"),
                (("tap", "out/interactions.csv", "--limit", "0"), 2, "--limit"),
                (("tap", "out/interactions.csv", "--group", "g"), 2, "--group"),
                (("tap", "-"), 2, "standard input cannot be read"),
                (("tap", "out/interactions.csv?dilimiter=x"), 2, "dilimiter"),
                (("stats",), 2, "Nothing to read"),
                (("replay", "out/interactions.csv", "--to", "csv:x.csv"), 2, "messages"),
                (("replay", "out/interactions.csv", "--to", "kafka://localhost:1/t",
                  "--rate", "0"), 2, "--rate"),
                (("replay", "out/interactions.csv", "--to", "kafka://localhost:1/t",
                  "--rate", "5/s", "--delay", "1s"), 2, "--delay")):
            with self.subTest(arguments):
                done = self.run_client(*arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(said, done.stderr)
                self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_dead_broker_is_told_soon_and_with_a_remedy(self):
        done = self.client("doctor", "kafka", "--brokers", "localhost:1", exit_code=1, timeout=10)
        self.assertRegex(done.stdout, r"^reach +FAILED ")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        done = self.client("doctor", "kafka", "--brokers", "localhost:1", "-o", "json", exit_code=1)
        step, = json.loads(done.stdout)
        self.assertEqual(step["name"], "reach")
        self.assertNotIn("ok", {k for k, v in step.items() if v is True})

    def test_words_complete_and_help_has_examples(self):
        done = self.client("__complete", "ta")
        self.assertEqual(done.stdout, "tap\n")
        self.assertIn("--from-beginning", self.client("__complete", "tap", "--f").stdout)
        for command in (["stats"], ["verify"], ["tap"], ["replay"], ["doctor", "kafka"]):
            done = self.client(*command, "--help")
            self.assertIn("Example", done.stdout)
            self.assertIn("Exit codes", done.stdout)


class RpcTest(unittest.TestCase):
    def setUp(self):
        folder = daemon.scratch_folder(self)
        self.daemon = daemon.Daemon(folder, "--input-root", str(folder / "out"))
        self.addCleanup(self.daemon.close)
        self.inspection = inspection_service_pb2_grpc.InspectionServiceStub(self.daemon.channel)
        output = {"format": {"component": "csv"},
                  "sink": {"component": "file", "options": {"path": "a.csv"}}}
        run = self.daemon.create({"dataset": {"size": "quick"}, "outputs": [output]})
        self.daemon.wait_for_state(run.name, daemon.SUCCEEDED)
        self.name = run.name

    def source(self, path):
        source = inspection_pb2.DataSource()
        source.source.component = "file"
        source.source.options["path"] = str(path)
        return source

    def test_rows_are_tapped(self):
        request = inspection_service_pb2.TapRequest(source=self.source("a.csv"), limit=40)
        rows = [found.interaction
                for response in self.inspection.Tap(request, timeout=60)
                for found in response.interactions]
        lines = (self.daemon.out / "a.csv").read_text().splitlines()[1:41]
        self.assertEqual([f"{r.user_id},{r.item_id},{r.rating:.1f}" for r in rows],
                         [line.rpartition(",")[0] for line in lines])

    def test_a_run_says_what_its_rows_must_be(self):
        def verify(expected):
            done = subprocess.run(
                [os.environ["THRONG_CLIENT"], "verify", "a.csv", "--run", self.name, "-o", "json",
                 "--address", f"unix:{self.daemon.socket}"],
                capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1 if expected else 0, done.stderr)
            return {one["kind"]: one["count"]
                    for one in json.loads(done.stdout).get("differences", [])}

        self.assertEqual(verify({}), {})
        (self.daemon.out / "a.csv.manifest.json").unlink()  # as where only the rows were copied
        self.assertEqual(verify({}), {})
        path = self.daemon.out / "a.csv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:50] + lines[52:]))
        self.assertEqual(verify({"lost": 2}), {"lost": 2})

    def test_rows_are_summed_up(self):
        request = summary_pb2.SummarizeRequest(sources=[self.source("a.csv")])
        *_, last = self.inspection.Summarize(request, timeout=60)
        self.assertEqual(last.statistics.total_interactions, 100)
        self.assertEqual(last.progress.rows, 100)

    def test_only_what_lies_below_the_input_roots_is_read(self):
        outside = self.daemon.folder / "b.csv"
        outside.write_text("user_id,item_id,rating,timestamp\n")
        os.symlink(outside, self.daemon.out / "link.csv")
        for path in (outside, "link.csv", "/etc/passwd", "../b.csv"):
            with self.subTest(path), self.assertRaises(grpc.RpcError) as raised:
                request = inspection_service_pb2.TapRequest(source=self.source(path))
                list(self.inspection.Tap(request, timeout=60))
            self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
            self.assertIn("outside", raised.exception.details())
            _, violations = daemon.error_info(raised.exception)
            self.assertEqual(violations[0][0], "source.options.path")

    def test_a_call_that_is_cancelled_leaves_no_worker(self):
        request = inspection_service_pb2.TapRequest(source=self.source("a.csv"))
        call = self.inspection.Tap(request, timeout=60)
        call.cancel()
        give_up = daemon.time.monotonic() + 30
        while self.daemon.workers():
            self.assertLess(daemon.time.monotonic(), give_up)
            daemon.time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
