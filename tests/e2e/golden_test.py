"""The bytes of seed 42: 200 rows and the digests of a million, the same in every build.

`golden_test.py --update` writes them anew: a change of bytes is a line in CHANGELOG.md.
"""

import pathlib
import sys
import tempfile
import unittest

import worker

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"


def produce(folder):
    """The first 200 lines after the header of seed 42, and the digests of a million rows."""
    folder = pathlib.Path(folder)
    first = worker.file_output(folder / "first.csv", rows={"from": 0, "to": 200})
    done = worker.run(worker.write_spec(folder / "first.yaml", first, dataset={"seed": 42}))
    assert done.returncode == 0, done.stderr
    million = [
        worker.file_output(folder / "million.csv", name="csv"),
        worker.file_output(folder / "million.jsonl", component="json", name="json"),
        worker.file_output(folder / "million.avro", component="avro", name="avro"),
    ]
    done = worker.run(worker.write_spec(folder / "million.yaml", *million,
                                        dataset={"seed": 42, "interactions": 1_000_000}))
    assert done.returncode == 0, done.stderr
    digests = "".join(f"{worker.sha256(folder / name)}  {name}\n"
                      for name in ("million.csv", "million.jsonl", "million.avro"))
    return (folder / "first.csv").read_text(), digests


class GoldenTest(unittest.TestCase):
    def test_seed_42_has_the_golden_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            rows, digests = produce(folder)
        self.assertEqual(rows, (GOLDEN / "seed-42.csv").read_text())
        self.assertEqual(digests, (GOLDEN / "million.sha256").read_text())


if __name__ == "__main__":
    if "--update" in sys.argv:
        with tempfile.TemporaryDirectory() as scratch:
            golden_rows, golden_digests = produce(scratch)
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / "seed-42.csv").write_text(golden_rows)
        (GOLDEN / "million.sha256").write_text(golden_digests)
    else:
        unittest.main()
