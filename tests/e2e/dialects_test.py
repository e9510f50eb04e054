"""CSV in the dialects that people load: read by pandas and polars, and back by our own commands."""

import io
import json
import re
import unittest
import uuid

import cli_test
import fastavro
import pandas
import polars

NAMES = ["user_id", "item_id", "rating", "timestamp"]
# Name of a file: options of csv, how pandas reads it, how our own commands do.
DIALECTS = {
    "movielens.data": ({"delimiter": "tab", "header": "false", "timestamp": "epoch_seconds"},
                       {"sep": "\t", "names": NAMES}, ""),
    "ratings.dat": ({"delimiter": "::", "header": "false", "timestamp": "epoch_millis"},
                    {"sep": "::", "names": NAMES, "engine": "python"}, ""),
    "excel.csv": ({"delimiter": ";", "quote": "all", "timestamp": "iso_millis",
                   "rating_decimals": "2"}, {"sep": ";"}, ""),
    "pipe.csv.gz": ({"delimiter": "pipe"}, {"sep": "|"}, ""),
    "own.txt": ({"delimiter": " ", "header": "user_id item_id rating timestamp",
                 "timestamp": "epoch_seconds"}, {"sep": " "}, "?format.delimiter=%20"),
}
SAME = ["user_id", "item_id", "rating"]


def whole_seconds(stats):
    text = json.dumps(json.loads(stats)["statistics"])
    return json.loads(re.sub(r"\.\d{3}Z", "Z", text))


class DialectsTest(cli_test.ScratchTest):
    def generate(self, *arguments, exit_code=0):
        return self.client("generate", "--size", "quick", "--preset", "seed", *arguments,
                           exit_code=exit_code)

    def make_all(self):
        to = ["--to", "csv:plain.csv"]
        for name, (options, _, _) in DIALECTS.items():
            given = "&".join(f"format.{key}={value.replace(' ', '%20')}"
                             for key, value in options.items())
            to += ["--to", f"csv:{name}?{given}"]
        self.generate("-q", *to)
        return pandas.read_csv(self.folder / "plain.csv", parse_dates=["timestamp"])

    def test_pandas_finds_the_rows_of_the_default_in_each(self):
        plain = self.make_all()
        for name, (options, how, _) in DIALECTS.items():
            with self.subTest(file=name):
                found = pandas.read_csv(self.folder / name, **how)
                self.assertTrue((found[SAME] == plain[SAME]).all().all())
                unit = {"epoch_seconds": "s", "epoch_millis": "ms"}.get(options.get("timestamp"))
                times = pandas.to_datetime(found["timestamp"], unit=unit, utc=True)
                self.assertTrue((times.dt.floor("s") == plain["timestamp"]).all())
        text = (self.folder / "excel.csv").read_text()
        self.assertRegex(text.splitlines()[1],
                         r'^"user_\d+";"item_\d+";"\d\.\d0";"2024-\S{14}\.\d{3}Z"$')

    def test_polars_finds_them_too(self):
        plain = self.make_all()
        tabs = polars.read_csv(self.folder / "movielens.data", separator="\t", has_header=False,
                               new_columns=NAMES)
        quoted = polars.read_csv(self.folder / "excel.csv", separator=";")
        for frame in (tabs, quoted):
            for column in SAME:
                self.assertEqual(frame[column].to_list(), plain[column].to_list())

    def test_tap_and_stats_read_each_and_verify_its_own(self):
        self.make_all()
        expected = self.rows("csv:plain.csv")
        figures = self.client("stats", "plain.csv", "-o", "json").stdout
        for name, (_, _, source) in DIALECTS.items():
            with self.subTest(file=name):
                place = f"csv:{name}{source}"
                self.assertEqual(self.rows(place), expected)
                told = self.client("stats", place, "-o", "json").stdout
                self.assertEqual(whole_seconds(told), whole_seconds(figures))
                self.client("verify", place)
                self.client("verify", place, "--any-order")

    def rows(self, place):
        lines = self.client("tap", place, "-o", "jsonl", "-q").stdout
        frame = pandas.read_json(io.StringIO(lines), lines=True)[NAMES]
        frame["timestamp"] = pandas.to_datetime(frame["timestamp"], utc=True).dt.floor("s")
        return frame.values.tolist()

    def test_json_has_times_in_each_form_and_is_read_back(self):
        forms = ("iso", "iso_millis", "epoch_seconds", "epoch_millis")
        self.generate("-q", "--to", "csv:plain.csv", *(
            word for form in forms for word in
            ("--to", f"json:{form}.jsonl?format.timestamp={form}")))
        expected = self.rows("csv:plain.csv")
        for form in forms:
            with self.subTest(form=form):
                lines = (self.folder / f"{form}.jsonl").read_text().splitlines()
                self.assertIsInstance(json.loads(lines[0])["timestamp"],
                                      str if form.startswith("iso") else int)
                self.assertEqual(self.rows(f"{form}.jsonl"), expected)
                self.client("verify", f"{form}.jsonl")
                self.client("verify", f"{form}.jsonl", "--any-order")

    def test_integer_ids_are_numbers_in_every_typed_format_and_are_read_back(self):
        self.generate("-q", "--set", "dataset.world.ids=integer", "--to", "csv:rows.csv",
                      "--to", "json:rows.jsonl", "--to", "avro:rows.avro",
                      "--to", "parquet:rows.parquet")
        expected = pandas.read_csv(self.folder / "rows.csv")
        json_rows = map(json.loads, (self.folder / "rows.jsonl").read_text().splitlines())
        with open(self.folder / "rows.avro", "rb") as file:
            avro_rows = list(fastavro.reader(file))
        frames = {"rows.csv": expected, "rows.jsonl": pandas.DataFrame(json_rows),
                  "rows.avro": pandas.DataFrame(avro_rows),
                  "rows.parquet": pandas.read_parquet(self.folder / "rows.parquet")}
        shown = self.rows("rows.csv")
        figures = self.client("stats", "rows.csv", "-o", "json").stdout
        for name, frame in frames.items():
            with self.subTest(file=name):
                for column in SAME:
                    self.assertEqual(frame[column].dtype, expected[column].dtype)
                    self.assertEqual(frame[column].to_list(), expected[column].to_list())
                self.assertEqual(expected["user_id"].dtype, "int64")
                self.assertEqual(self.rows(name), shown)
                told = self.client("stats", name, "-o", "json").stdout
                self.assertEqual(whole_seconds(told), whole_seconds(figures))
                self.client("verify", name)
                self.client("verify", name, "--any-order")

    def test_uuids_and_numbers_from_elsewhere_are_the_same_rows_and_are_read_back(self):
        self.generate("-q", "--to", "csv:plain.csv")
        plain = pandas.read_csv(self.folder / "plain.csv")
        numbers = {name: plain[name].str.extract(r"(\d+)$")[0].astype(int) for name in SAME[:2]}
        for ids, options in (("uuid", ["ids=uuid"]),
                             ("text", ["user_start=0", "item_start=7000"]),
                             ("integer", ["ids=integer", "user_start=0", "item_start=4294960000"])):
            with self.subTest(ids=ids):
                self.generate("-q", "--overwrite", *(
                    word for option in options
                    for word in ("--set", f"dataset.world.{option}")), "--to", "csv:rows.csv",
                    "--to", "json:rows.jsonl", "--to", "avro:rows.avro", "--to",
                    "parquet:rows.parquet")
                frame = pandas.read_csv(self.folder / "rows.csv")
                self.check_ids(ids, frame, numbers)
                shown = self.rows("rows.csv")
                figures = self.client("stats", "rows.csv", "-o", "json").stdout
                # So few rows are too few for two of the checks.
                checks = self.client("stats", "rows.csv", "--check", exit_code=1).stdout
                self.assertIn("PASS  Ids are of the spec's world: 0 foreign users", checks)
                self.assertIn("15 passed, 2 failed", checks)
                for name in ("rows.csv", "rows.jsonl", "rows.avro", "rows.parquet"):
                    self.assertEqual(self.rows(name), shown, name)
                    told = self.client("stats", name, "-o", "json").stdout
                    self.assertEqual(whole_seconds(told), whole_seconds(figures))
                    self.client("verify", name)
                    self.client("verify", name, "--any-order")
                renamed = frame.sample(frac=1, random_state=1).rename(columns={"user_id": "who"})
                renamed.to_csv(self.folder / "renamed.csv", index=False)
                spec = self.folder / "spec.json"
                spec.write_text(json.dumps({"dataset": json.loads(
                    (self.folder / "rows.csv.manifest.json").read_text())["spec"]["dataset"]}))
                self.client("verify", "renamed.csv", "--against", "spec.json", "--any-order",
                            "--map", "user_id=who")
                previewed = self.client("preview", "-f", "spec.json", "--rows", "100").stdout
                self.assertEqual(previewed, (self.folder / "rows.csv").read_text())

    def check_ids(self, ids, frame, numbers):
        """One id for each number, and what it looks like."""
        self.assertEqual(frame["rating"].to_list(),
                         pandas.read_csv(self.folder / "plain.csv")["rating"].to_list())
        for name, numbered in numbers.items():
            self.assertEqual(len(set(zip(numbered, frame[name]))), numbered.nunique())
            self.assertEqual(frame[name].nunique(), numbered.nunique())
        if ids == "uuid":
            for name in numbers:
                self.assertTrue(frame[name].map(lambda text: uuid.UUID(text).version == 8).all())
            self.assertFalse(set(frame["user_id"]) & set(frame["item_id"]))
        elif ids == "text":
            self.assertEqual(frame["user_id"].to_list(),
                             [f"user_{number - 1}" for number in numbers["user_id"]])
            self.assertEqual(frame["item_id"].to_list(),
                             [f"item_{number + 6999}" for number in numbers["item_id"]])
        else:
            self.assertEqual(frame["item_id"].to_list(),
                             (numbers["item_id"] + 4294959999).to_list())

    def test_a_document_is_indented_and_an_envelope_is_read_back(self):
        self.generate("-q", "--to", "csv:plain.csv", "--to", "json:rows.json",
                      "--to", "json:indented.json?format.indent=2", "--to",
                      "json:connect.jsonl?format.envelope=connect&format.timestamp=epoch_millis")
        documents = [json.loads((self.folder / name).read_text())
                     for name in ("rows.json", "indented.json")]
        self.assertEqual(documents[0]["interactions"], documents[1]["interactions"])
        self.assertEqual(documents[0]["statistics"], documents[1]["statistics"])
        lines = (self.folder / "indented.json").read_text().splitlines()
        dumped = json.dumps(documents[1], indent=2, ensure_ascii=False).splitlines()
        self.assertEqual([line.partition(":")[0] for line in lines],
                         [line.partition(":")[0] for line in dumped])
        first = json.loads((self.folder / "connect.jsonl").read_text().splitlines()[0])
        self.assertEqual([field["field"] for field in first["schema"]["fields"]], NAMES)
        self.assertEqual(set(first["payload"]), set(NAMES))
        expected = self.rows("plain.csv")
        for name in ("indented.json", "connect.jsonl"):
            self.assertEqual(self.rows(name), expected, name)
            self.client("verify", name)
            self.client("verify", name, "--any-order")

    def test_attributes_of_users_and_items_are_the_same_in_each_format(self):
        columns = {"users": ["user_id", "age_band", "region"],
                   "items": ["item_id", "category", "brand", "price"]}
        for table, names in columns.items():
            options = []
            for index in range(3):
                options += ["--set", f"outputs[{index}].table={table}",
                            "--set", f"outputs[{index}].columns=[{', '.join(names)}]"]
            self.generate("-q", "--to", f"csv:{table}.csv", "--to", f"json:{table}.jsonl", "--to",
                          f"parquet:{table}.parquet", *options)
            frame = pandas.read_csv(self.folder / f"{table}.csv")
            self.assertEqual(list(frame), names)
            self.assertFalse(frame.isna().any().any())
            others = (pandas.read_json(self.folder / f"{table}.jsonl", lines=True),
                      pandas.read_parquet(self.folder / f"{table}.parquet"))
            for other in others:
                self.assertEqual(other[names].values.tolist(), frame.values.tolist())
            self.client("verify", f"{table}.csv")
        told = self.generate("--to", "csv:a.csv", "--set", "outputs[0].columns=[user_id, price]",
                             exit_code=2).stderr
        self.assertIn("outputs[0].columns[1].column: The table interactions has no column "
                      "\"price\"", told)

    def test_what_cannot_hold_together_is_refused_with_its_field(self):
        options = "outputs[0].format.options."
        for wrong, prefix, field, sentence in (
                ("delimiter=a", "u", "delimiter", "may be a part of values"),
                ("delimiter=:", "u", "delimiter", "is a part of times"),
                ("delimiter=;", "a;b", "delimiter", "holds the delimiter"),
                ("header=", "u", "header", "is empty"),
                ("quote=minimal", "=cmd", "allow_formulas", "takes for a formula")):
            with self.subTest(option=wrong, prefix=prefix):
                done = self.generate("--to", f"csv:rows.csv?format.{wrong}", "--set",
                                     f"dataset.world.user_prefix={prefix}", exit_code=2)
                self.assertIn(options + field, done.stderr)
                self.assertIn(sentence, done.stderr)
                self.assertFalse((self.folder / "rows.csv").exists())


if __name__ == "__main__":
    unittest.main()
