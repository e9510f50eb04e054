"""Avro as programs written by others read it: every row, compared with the CSV of the same spec.

fastavro (Python), polars (Rust), avrocat (C), Debian's python3-avro and avsc (JavaScript).
"""

import csv
import datetime
import heapq
import io
import itertools
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import fastavro
import polars

import worker

ROWS = 1_000_000 if worker.IS_LONG else 50_000
CODECS = ("null", "deflate", "snappy", "zstandard")
OWN = ["user_id", "item_id", "rating", "timestamp"]
EXTRA = ["interaction_id", "kind", "cluster", "category", "session_id", "session_row"]
READERS = pathlib.Path(__file__).parent / "readers"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MILLISECOND = datetime.timedelta(milliseconds=1)


def avro_output(path, codec="null", **fields):
    return worker.file_output(path, "avro", {"codec": codec}, name=path.name, **fields)


def csv_rows(path):
    """The rows of a CSV file, typed; times in seconds."""
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if name == "rating":
                    row[name] = float(value)
                elif name == "timestamp":
                    row[name] = (datetime.datetime.fromisoformat(value) - EPOCH).total_seconds()
                elif name in ("interaction_id", "session_id", "session_row", "activity_rank"):
                    row[name] = int(value)
                elif name == "popular":
                    row[name] = value == "true"
            yield row


def in_seconds(records):
    """Records with their times, in milliseconds or as a datetime, in seconds."""
    for record in records:
        time = record.get("timestamp")
        if isinstance(time, datetime.datetime):
            time = (time - EPOCH) // MILLISECOND
        if time is not None:
            record["timestamp"] = time // 1000
        yield record


def by_fastavro(path):
    with open(path, "rb") as file:
        yield from in_seconds(fastavro.reader(file))


def by_polars(path):
    yield from in_seconds(polars.read_avro(path).iter_rows(named=True))


def by_program(*command, **environment):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **environment}) as program:
        yield from in_seconds(json.loads(line) for line in program.stdout)
    if program.returncode != 0:
        raise AssertionError(f"{command} ended with {program.returncode}")


def by_avrocat(path):
    for record in by_program("avrocat", path):
        # A value of a union stands under the name of its type.
        yield {name: next(iter(value.values())) if isinstance(value, dict) else value
               for name, value in record.items()}


def by_python3_avro(path):
    # Debian's modules belong to Debian's interpreter.
    return by_program("/usr/bin/python3", READERS / "avro_lines.py", path)


def by_avsc(path):
    return by_program("node", READERS / "avro_lines.js", path,
                      NODE_PATH=os.environ["THRONG_NODE_MODULES"])


class AvroReadersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="throng-avro-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, *outputs, interactions=ROWS, **fields):
        spec = worker.write_spec(self.folder / "spec.json", *outputs,
                                 dataset={"seed": 42, "interactions": interactions},
                                 **fields)
        done = worker.run(spec, timeout=1800)
        self.assertEqual(done.returncode, 0, done.stderr)

    def expect_rows(self, found, expected):
        count = 0
        for row, wanted in itertools.zip_longest(found, expected):
            if row != wanted:  # a million calls of assertEqual take their time
                self.assertEqual(row, wanted, f"row {count}")
            count += 1
        return count

    def test_every_reader_reads_every_row_of_every_codec(self):
        columns = {"null": OWN + EXTRA, "deflate": OWN + EXTRA, "snappy": OWN, "zstandard": OWN}
        narrow, wide = self.folder / "narrow.csv", self.folder / "wide.csv"
        self.make(worker.file_output(narrow),
                  worker.file_output(wide, columns=OWN + EXTRA, name="wide"),
                  *(avro_output(self.folder / f"{codec}.avro", codec, columns=columns[codec])
                    for codec in CODECS))
        readers = {by_fastavro: CODECS, by_python3_avro: CODECS, by_avsc: CODECS,
                   by_polars: CODECS[:3], by_avrocat: CODECS[:3]}
        for read, codecs in readers.items():
            for codec in codecs:
                with self.subTest(reader=read.__name__, codec=codec):
                    rows = self.expect_rows(read(self.folder / f"{codec}.avro"),
                                            csv_rows(wide if len(columns[codec]) > 4 else narrow))
                    self.assertEqual(rows, ROWS)

    def test_the_decoder_reads_every_row_of_every_codec_whoever_wrote_it(self):
        narrow = self.folder / "narrow.csv"
        paths = {codec: self.folder / f"{codec}.avro" for codec in CODECS}
        self.make(worker.file_output(narrow),
                  *(avro_output(paths[codec], codec, columns=OWN) for codec in CODECS))
        with open(paths["null"], "rb") as file:
            reader = fastavro.reader(file)
            schema, records = reader.writer_schema, list(reader)
        for codec in CODECS:
            paths[f"fastavro {codec}"] = path = self.folder / f"fastavro-{codec}.avro"
            with open(path, "wb") as file:
                fastavro.writer(file, schema, records, codec=codec)
        frame = polars.DataFrame(records).with_columns(
            polars.col("timestamp").dt.replace_time_zone(None))
        for codec in ("uncompressed", "deflate", "snappy"):
            paths[f"polars {codec}"] = path = self.folder / f"polars-{codec}.avro"
            frame.write_avro(path, codec, name="Rows")
        expected = [line.split(",") for line in narrow.read_text(encoding="utf-8").splitlines()[1:]]
        for name, path in paths.items():
            with self.subTest(name):
                found, said = worker.read_rows({"component": "file", "options": {"path": str(path)}})
                self.assertEqual(said, [])
                self.expect_rows((row[:4] for row in found), expected)

    def test_the_schema_names_types_and_what_is_optional(self):
        path = self.folder / "rows.avro"
        self.make(avro_output(path, columns=[*OWN, "kind", {"column": "interaction_id", "name": "row"}]))
        with open(path, "rb") as file:
            reader = fastavro.reader(file)
            schema = reader.writer_schema
            first = next(reader)
        self.assertEqual(schema["name"], "throng.v1.Interaction")
        types = {field["name"]: field["type"] for field in schema["fields"]}
        self.assertEqual(types["timestamp"], {"type": "long", "logicalType": "timestamp-millis"})
        self.assertEqual(types["kind"], ["null", "string"])
        self.assertEqual(types["row"], ["null", "long"])
        self.assertEqual(first["row"], 0)
        self.assertNotEqual(first["timestamp"].microsecond, 0)  # unlike the texts of csv and json

    def test_side_tables(self):
        outputs = []
        for table in ("users", "items"):
            outputs.append(worker.file_output(self.folder / f"{table}.csv", table=table,
                                              name=f"{table}.csv"))
            outputs.append(avro_output(self.folder / f"{table}.avro", "zstandard", table=table))
        self.make(*outputs)
        for table, rows in (("users", 500), ("items", 1000)):
            found = self.expect_rows(by_fastavro(self.folder / f"{table}.avro"),
                                     csv_rows(self.folder / f"{table}.csv"))
            self.assertEqual(found, rows)

    def test_slices_are_files_of_their_own(self):
        columns = ["interaction_id", *OWN]
        whole = self.folder / "whole.csv"
        self.make(worker.file_output(whole, columns=columns))
        for mode in ("contiguous", "interleaved"):
            paths = [self.folder / f"{mode}-{index}.avro" for index in range(3)]
            for index, path in enumerate(paths):
                self.make(avro_output(path, "snappy", columns=columns),
                          slice={"index": index, "count": 3, "mode": mode})
            rows = heapq.merge(*map(by_fastavro, paths), key=lambda row: row["interaction_id"])
            self.assertEqual(self.expect_rows(rows, csv_rows(whole)), ROWS)

    def test_a_file_without_rows_is_a_file(self):
        path = self.folder / "none.avro"
        self.make(avro_output(path, "zstandard"), interactions=50_000,
                  slice={"index": 0, "count": 100_000, "mode": "contiguous"})
        for read in (by_fastavro, by_python3_avro, by_avsc):
            self.assertEqual(list(read(path)), [], read.__name__)

    def test_a_message_is_a_record_that_the_schema_of_a_file_reads(self):
        expected, messages = self.folder / "rows.csv", self.folder / "messages"
        sink = {"component": "mailbox", "options": {"path": str(messages)}}
        header, some = self.folder / "rows.avro", {"from": 0, "to": 1000}
        spec = worker.write_spec(
            self.folder / "spec.json", worker.file_output(expected, rows=some),
            avro_output(header, rows=some),
            {"name": "m", "format": {"component": "avro"}, "sink": sink, "rows": some},
            dataset={"seed": 42})
        done = worker.run(spec, "--plugin-dir", os.environ["THRONG_MAILBOX_FOLDER"])
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(header, "rb") as file:
            schema = fastavro.reader(file).writer_schema
        content = io.BytesIO(messages.read_bytes())

        def read():
            while content.tell() < len(content.getvalue()):
                start = content.tell()
                key = content.getvalue()[start:content.getvalue().index(b"|", start)].decode()
                content.seek(len(key) + 1, os.SEEK_CUR)
                record = fastavro.schemaless_reader(content, schema)
                self.assertEqual(key, record["user_id"])
                self.assertEqual(content.readline()[:1], b"|")
                yield record

        self.assertEqual(self.expect_rows(in_seconds(read()), csv_rows(expected)), 1000)


if __name__ == "__main__":
    unittest.main()
