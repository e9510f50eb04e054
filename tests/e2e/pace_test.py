"""The pace of a run: rates, profiles, and no row before its time; it never changes the rows."""

import json
import time
import unittest

import cli_test

ROWS = ("--preset", "seed", "--users", "50", "--items", "100", "--interactions", "4000",
        "--set", "dataset.plan_size=4000")


class PaceTest(cli_test.ScratchTest):
    def generate(self, *arguments, **options):
        return self.client("generate", "-q", *ROWS, *arguments, **options)

    def test_no_live_row_comes_before_its_time(self):
        arguments = (*ROWS, "--start", "now-2s", "--window", "4s", "--live",
                     "--to", "csv:-?format.timestamp=epoch_millis")
        for threads in ("1", "3"):
            began = time.time()
            process = self.start_client("generate", "-q", *arguments, "--threads", threads)
            process.stdout.readline()  # the header
            rows, late = 0, 0
            for line in process.stdout:
                arrived = time.time()
                event = int(line.rsplit(",", 1)[1]) / 1000
                self.assertLessEqual(event, arrived)
                rows += 1
                late += event < began
            self.assertEqual(process.wait(), 0, process.stderr.read())
            self.assertEqual(rows, 4000)
            # About half of them lay in the past, and came at once.
            self.assertGreater(late, 1000)
            self.assertLess(late, 3000)
            self.assertGreater(time.time() - began, 1.5)

    def test_a_pace_changes_no_byte(self):
        self.generate("--to", "csv:whole.csv", "--to", "avro:whole.avro")
        for name, settings in {
            "live": ["--live"],
            "rate": ["--rate", "5000/s"],
            "ramp": ["--set", "pace.profile=[{to: 20000, over: 1s}, {rate: 100, for: 100ms}, "
                              "{rate: 1e6, for: 1s}]"],
            "bursts": ["--set", "pace={profile: [{rate: 0, for: 50ms}, {rate: 40000, for: 50ms}], "
                                "repeat: true}"],
        }.items():
            with self.subTest(pace=name):
                self.generate(*settings, "--to", f"csv:{name}.csv", "--to", f"avro:{name}.avro")
                for suffix in ("csv", "avro"):
                    self.assertEqual((self.folder / f"{name}.{suffix}").read_bytes(),
                                     (self.folder / f"whole.{suffix}").read_bytes())

    def test_a_profile_takes_its_time(self):
        began = time.time()
        self.generate("--set", "pace.profile=[{rate: 1000, for: 1s}, {rate: 3000, for: 1s}]",
                      "--to", "csv:a.csv")
        self.assertGreater(time.time() - began, 1.9)

    def test_what_is_no_pace_is_refused(self):
        for arguments, sentence in (
            (["--rate", "5", "--live"], "pace: Has more than one of `rate`, `profile` and `live`"),
            (["--set", "pace.profile=[{rate: 5}]"],
             "pace.profile[0]: Must be either `rate` and `for`, as {rate: 100, for: 1m}"),
            (["--set", "pace={rate: 5, repeat: true}"], "pace.repeat: Only a profile is repeated"),
        ):
            told = self.generate(*arguments, "--to", "csv:a.csv", exit_code=2).stderr
            self.assertIn(sentence, told)
        shown = self.generate("--live", "--to", "csv:a.csv", "--dry-run", "-o", "json").stdout
        self.assertIn("live", json.dumps(json.loads(shown)))


if __name__ == "__main__":
    unittest.main()
