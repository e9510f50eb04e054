"""Parquet as programs written by others read it: every row, compared with the CSV of the same spec.

pyarrow and pandas (C++), polars (Rust) and DuckDB (C++, a reader of its own).
"""

import decimal
import os
import pathlib
import tempfile
import unittest

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet

import worker

ROWS = 1_000_000 if worker.IS_LONG else 50_000
CODECS = ("none", "snappy", "zstd")
OWN = ["user_id", "item_id", "rating", "timestamp"]
EXTRA = ["interaction_id", "kind", "cluster", "category", "session_id", "session_row"]
TIMES = "%Y-%m-%dT%H:%M:%SZ"


def csv_frame(path):
    empty = {name: "" for name in ("rating", "niche", "wanted")}
    return pandas.read_csv(path, keep_default_na=False, na_values=empty)


def as_csv(frame):
    """A frame of pandas with ratings as numbers and times as CSV has them."""
    frame = frame.copy()
    if "timestamp" in frame:
        frame["timestamp"] = frame["timestamp"].dt.floor("s").dt.strftime(TIMES)
    if "rating" in frame:
        frame["rating"] = frame["rating"].astype(float)
    return frame


def read_by_pyarrow(path):
    return pyarrow.parquet.read_table(path).to_pandas()


def read_by_pandas(path):
    return pandas.read_parquet(path)


def read_by_polars(path):
    frame = polars.read_parquet(path)
    return pandas.DataFrame({name: frame[name].to_list() for name in frame.columns})


def read_by_duckdb(path):
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).df()


READERS = (read_by_pyarrow, read_by_pandas, read_by_polars, read_by_duckdb)


class ParquetReadersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, outputs, **dataset):
        """Files `{name}.parquet` and `{name}.csv` for each name, with its options and fields."""
        written = []
        for name, (options, fields) in outputs.items():
            for suffix, component in (("parquet", "parquet"), ("csv", "csv")):
                written.append({**worker.file_output(
                    self.folder / f"{name}.{suffix}", component,
                    options if component == "parquet" else {}, **fields),
                    "name": f"{name}-{suffix}"})
        spec = worker.write_spec(self.folder / "spec.json", *written,
                                 dataset={"interactions": ROWS, "plan_size": 50_000, **dataset})
        done = worker.run(spec, "--plugin-dir", os.environ["THRONG_TEST_PLUGINS"])
        self.assertEqual(done.returncode, 0, done.stderr)

    def expect_same(self, name, readers=READERS):
        expected = csv_frame(self.folder / f"{name}.csv")
        for read in readers:
            with self.subTest(file=name, reader=read.__name__):
                found = as_csv(read(self.folder / f"{name}.parquet"))
                self.assertEqual(list(found.columns), list(expected.columns))
                self.assertEqual(len(found), len(expected))
                for column in expected:
                    ours, theirs = found[column], expected[column]
                    same = (ours == theirs) | (ours.isna() & theirs.isna())
                    self.assertTrue(same.all(), f"{column}: {ours[~same].head()}")

    def test_every_reader_finds_the_rows_of_the_csv_with_each_codec(self):
        self.make({codec: ({"codec": codec, "row_group_rows": 16_384}, {}) for codec in CODECS})
        for codec in CODECS:
            self.expect_same(codec)

    def test_every_reader_finds_all_columns_and_side_tables(self):
        self.make({"all": ({"row_group_rows": 4096}, {"columns": EXTRA + OWN}),
                   "users": ({}, {"table": "users"}), "items": ({}, {"table": "items"})})
        for name in ("all", "users", "items"):
            self.expect_same(name)

    def test_absent_values_are_nulls(self):
        columns = OWN + ["choice.niche", "choice.wanted"]
        self.make({"rows": ({"row_group_rows": 8192}, {"columns": columns})},
                  preset="seed", choice={"component": "niches"}, rating={"component": "seldom"})
        self.expect_same("rows")
        rows = csv_frame(self.folder / "rows.csv")[:8192]
        group = pyarrow.parquet.ParquetFile(self.folder / "rows.parquet").metadata.row_group(0)
        for number in (2, 5):  # rating, wanted
            column = group.column(number)
            values = rows[column.path_in_schema]
            statistics = column.statistics
            self.assertGreater(statistics.null_count, 0)
            self.assertEqual(statistics.null_count, values.isna().sum())
            self.assertEqual((statistics.min, statistics.max),
                             (values.dropna().min(), values.dropna().max()))

    def test_types_are_those_that_are_asked_for(self):
        self.make({"plain": ({}, {}),
                   "asked": ({"rating_type": "decimal", "timestamp": "micros"}, {})})
        schema = pyarrow.parquet.read_schema(self.folder / "plain.parquet")
        self.assertEqual(schema, pyarrow.schema([
            pyarrow.field("user_id", pyarrow.string(), False),
            pyarrow.field("item_id", pyarrow.string(), False),
            pyarrow.field("rating", pyarrow.float64(), False),
            pyarrow.field("timestamp", pyarrow.timestamp("ms", "UTC"), False)]))
        schema = pyarrow.parquet.read_schema(self.folder / "asked.parquet")
        self.assertEqual(schema.field("rating").type, pyarrow.decimal128(9, 2))
        self.assertEqual(schema.field("timestamp").type, pyarrow.timestamp("us", "UTC"))
        self.expect_same("asked")
        found = polars.read_parquet(self.folder / "asked.parquet")["rating"][0]
        self.assertIsInstance(found, decimal.Decimal)

    def test_statistics_are_those_of_the_rows(self):
        self.make({"rows": ({"row_group_rows": 8192}, {"columns": EXTRA + OWN})})
        file = pyarrow.parquet.ParquetFile(self.folder / "rows.parquet")
        expected = csv_frame(self.folder / "rows.csv")
        first = 0
        for group in range(file.metadata.num_row_groups):
            chunk = file.metadata.row_group(group)
            rows = expected[first:first + chunk.num_rows]
            for number in range(chunk.num_columns):
                column = chunk.column(number)
                if column.path_in_schema == "timestamp":
                    continue
                statistics, values = column.statistics, rows[column.path_in_schema]
                self.assertEqual((statistics.min, statistics.max, statistics.null_count),
                                 (values.min(), values.max(), 0), column.path_in_schema)
            first += chunk.num_rows
        self.assertEqual(first, ROWS)

    def test_a_file_is_no_larger_than_that_of_pyarrow(self):
        self.make({codec: ({"codec": codec}, {}) for codec in CODECS})
        table = pyarrow.parquet.read_table(self.folder / "none.parquet")
        for codec in CODECS:
            path = self.folder / "theirs.parquet"
            pyarrow.parquet.write_table(table, path, compression=codec, row_group_size=131_072)
            ours = (self.folder / f"{codec}.parquet").stat().st_size
            self.assertLess(ours, 1.05 * path.stat().st_size, codec)

    def test_what_others_write_is_read_back(self):
        self.make({"ours": ({}, {})})
        table = pyarrow.parquet.read_table(self.folder / "ours.parquet").slice(0, 5000)
        frame = polars.from_arrow(table)
        decimals = table.set_column(2, "rating", table["rating"].cast(pyarrow.decimal128(12, 3)))
        nanos = table.set_column(3, "timestamp",
                                 table["timestamp"].cast(pyarrow.timestamp("ns", "UTC")))
        out = {name: str(self.folder / f"{name}.parquet") for name in (
            "pyarrow", "second", "gzip", "int96", "deltas", "decimals", "nanos", "polars", "pandas",
            "duckdb")}
        write = pyarrow.parquet.write_table
        write(table, out["pyarrow"], row_group_size=1024, data_page_size=4096)
        write(table, out["second"], data_page_version="2.0", compression="zstd")
        write(table, out["gzip"], compression="gzip", use_dictionary=False)
        write(table, out["int96"], use_deprecated_int96_timestamps=True)
        write(table, out["deltas"], use_dictionary=False, column_encoding={
            "user_id": "DELTA_LENGTH_BYTE_ARRAY", "timestamp": "DELTA_BINARY_PACKED"})
        write(decimals, out["decimals"])
        write(nanos, out["nanos"])
        frame.write_parquet(out["polars"])
        table.to_pandas().to_parquet(out["pandas"])
        with duckdb.connect() as connection:
            connection.register("rows", table)
            connection.execute(f"COPY rows TO '{out['duckdb']}' (FORMAT parquet)")
        expected, _ = worker.read_rows(self.file(self.folder / "ours.parquet"))
        self.assertEqual(len(expected), ROWS)
        for name, path in out.items():
            with self.subTest(name):
                rows, wrong = worker.read_rows(self.file(path))
                self.assertEqual(wrong, [])
                self.assertTrue(rows == expected[:5000])

    def file(self, path):
        return {"component": "file", "options": {"path": str(path)}}

    def test_a_file_without_rows_has_its_columns(self):
        self.make({"none": ({}, {"share": {"from": 0, "to": 0.000001}})})
        for read in READERS:
            found = read(self.folder / "none.parquet")
            self.assertEqual((list(found.columns), len(found)), (OWN, 0), read.__name__)


if __name__ == "__main__":
    unittest.main()
