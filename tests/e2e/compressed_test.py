"""Compressed files as gzip, zstd, Python, pandas and pyarrow have them: the bytes of the plain file."""

import gzip
import pathlib
import subprocess
import tempfile
import unittest

import pandas
import pyarrow.csv
import worker

ROWS = 1_000_000 if worker.IS_LONG else 50_000
SUFFIXES = ("gz", "zst")


def unpacked(*paths):
    """The files' content, joined, by the tool of the first one's kind."""
    tool = "gzip" if str(paths[0]).endswith(".gz") else "zstd"
    packed = b"".join(path.read_bytes() for path in paths)
    return subprocess.run([tool, "-dc"], input=packed, stdout=subprocess.PIPE, check=True).stdout


class CompressedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="throng-compressed-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, *names, component="csv", slice=None, interactions=ROWS, **fields):
        """Makes files of these names in one run."""
        outputs = [worker.file_output(self.folder / name, component, name=name, **fields)
                   for name in names]
        spec = worker.write_spec(self.folder / "spec.json", *outputs,
                                 dataset={"seed": 42, "interactions": interactions},
                                 **({"slice": slice} if slice else {}))
        done = worker.run(spec, timeout=1800)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [self.folder / name for name in names]

    def test_they_unpack_to_the_plain_file(self):
        for component, name in (("csv", "rows.csv"), ("json", "rows.jsonl"), ("json", "rows.json")):
            plain, *packed = self.make(name, *(f"{name}.{suffix}" for suffix in SUFFIXES),
                                       component=component)
            for path in packed:
                self.assertTrue(unpacked(path) == plain.read_bytes(), path.name)
                self.assertLess(path.stat().st_size, plain.stat().st_size / 3)
        self.assertTrue(gzip.open(self.folder / "rows.csv.gz").read() ==
                        (self.folder / "rows.csv").read_bytes())

    def test_other_programs_read_them(self):
        plain, *packed = self.make("rows.csv", *(f"rows.csv.{suffix}" for suffix in SUFFIXES))
        expected, table = pandas.read_csv(plain), pyarrow.csv.read_csv(plain)
        self.assertEqual(len(expected), ROWS)
        for path in packed:
            with self.subTest(path=path.name):
                self.assertTrue(pyarrow.csv.read_csv(path).equals(table))
        self.assertTrue(pandas.read_csv(packed[0]).equals(expected))

    def test_contiguous_slices_join(self):
        whole, = self.make("rows.csv")
        for suffix in SUFFIXES:
            paths = [self.make(f"{index}.csv.{suffix}",
                               slice={"index": index, "count": 3, "mode": "contiguous"})[0]
                     for index in range(3)]
            self.assertTrue(unpacked(*paths) == whole.read_bytes(), suffix)

    def test_a_file_without_rows_is_a_file(self):
        for suffix in SUFFIXES:
            for index in (0, 1):  # only the first slice has a header
                path, = self.make(f"{index}.csv.{suffix}", interactions=50_000, slice={
                    "index": index, "count": 500_000, "mode": "contiguous"})
                header = b"user_id,item_id,rating,timestamp\n" if index == 0 else b""
                self.assertEqual(unpacked(path), header)


if __name__ == "__main__":
    unittest.main()
