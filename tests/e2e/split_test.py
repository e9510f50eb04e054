"""Splits by time: `throngctl generate --split`, whose outputs together are the whole, in order."""

import json
import unittest

import cli_test

SPLITS = {"train": 3997, "validation": 500, "test": 500}  # of 4997 rows, floors of 80%, 90%, 100%
QUICK = ("--size", "producer", "--interactions", "4997")


class SplitTest(cli_test.ScratchTest):
    def split(self, *arguments, **options):
        return self.client("generate", *QUICK, "--split", "train=0.8,validation=0.1,test=0.1",
                           *arguments, **options)

    def test_the_splits_of_each_output_are_the_whole(self):
        self.client("generate", *QUICK, "--to", "csv:whole.csv", "--to", "json:whole.jsonl")
        told = self.split("--to", "csv:{split}/rows.csv", "--to", "json:{split}.jsonl").stderr
        lines = (self.folder / "whole.csv").read_text().splitlines()
        joined, objects = [], ""
        for name, rows in SPLITS.items():
            header, *of_split = (self.folder / name / "rows.csv").read_text().splitlines()
            self.assertEqual((header, len(of_split)), (lines[0], rows))
            joined += of_split
            objects += (self.folder / f"{name}.jsonl").read_text()
            self.assertIn(f"output csv-{name}: {rows} rows in {name}/rows.csv", told)
            self.assertIn(f"output json-{name}: {rows} rows in {name}.jsonl", told)
            manifest = json.loads((self.folder / name / "rows.csv.manifest.json").read_text())
            self.assertEqual(manifest["statistics"]["total_interactions"], rows)
        self.assertEqual(joined, lines[1:])
        self.assertEqual(objects, (self.folder / "whole.jsonl").read_text())
        again = self.split("--to", "csv:{split}/rows.csv", "--to", "json:{split}.jsonl").stderr
        self.assertEqual(again.count("already complete"), 6)

    def test_a_dry_run_shows_the_splits(self):
        shown = self.split("--to", "csv:{split}.csv", "--dry-run").stdout
        for text in ("csv-train", "csv-validation", "csv-test", "train.csv", "to: 0.8", "from: 0.8",
                     "to: 0.9", "from: 0.9"):
            self.assertIn(text, shown)
        self.assertEqual(list(self.folder.glob("*.csv")), [])

    def test_what_cannot_be_split_is_refused(self):
        for arguments, sentence in (
            (("--to", "csv:rows.csv"), "put {split} into the path or the topic"),
            ((), "it splits the outputs of --to; add one"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(sentence, self.split(*arguments, exit_code=2).stderr)
        told = self.client("generate", "--interactions", "null", "--split", "a=0.5,b=0.5", "--to",
                           "csv:{split}-{part}.csv?roll_rows=100", exit_code=2).stderr
        self.assertIn("outputs[0].share: A share needs a dataset with an end; set "
                      "dataset.interactions", told)
        told = self.client("generate", *QUICK, "--split", "a=0.5,b=0.4", "--to", "csv:{split}.csv",
                           exit_code=2).stderr
        self.assertIn("the shares add up to 0.9, so that 0.1 of the rows would be in no split", told)

    def test_another_number_of_rows_would_move_the_splits(self):
        plan = ("--set", "dataset.plan_size=4997")
        self.split("--to", "csv:{split}.csv", *plan)
        told = self.client("generate", "--size", "producer", "--interactions", "9000", *plan,
                           "--split", "train=0.8,test=0.2", "--to", "csv:{split}.csv",
                           exit_code=1).stderr
        self.assertIn("a share of them begins and ends at other rows when there are more", told)


if __name__ == "__main__":
    unittest.main()
