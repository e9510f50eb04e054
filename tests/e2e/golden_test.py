"""The bytes of seed 42: 200 rows and the digests of a million, and of two epochs of each preset; the
same in every build.

`golden_test.py --update` writes them anew: a change of bytes is a line in CHANGELOG.md.
"""

import pathlib
import sys
import tempfile
import unittest

import worker

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"


PRESETS = ("shop", "seed", "seed-ranges", "trace")


def generate(folder, name, outputs, dataset):
    done = worker.run(worker.write_spec(folder / f"{name}.yaml", *outputs,
                                        dataset={"seed": 42, **dataset}))
    assert done.returncode == 0, done.stderr


def first_rows(folder, preset):
    """The first 200 lines after the header of a preset."""
    path = folder / f"{preset}-42.csv"
    output = worker.file_output(path, rows={"from": 0, "to": 200})
    generate(folder, preset, [output], {"preset": preset})
    return path.read_text()


def digests(folder, *names):
    return "".join(f"{worker.sha256(folder / name)}  {name}\n" for name in names)


def produce(folder):
    """The golden files, by name."""
    folder = pathlib.Path(folder)
    files = {f"{preset}-42.csv": first_rows(folder, preset) for preset in ("seed", "shop")}
    million = {"million.csv": "csv", "million.jsonl": "json", "million.avro": "avro",
               "million.parquet": "parquet"}
    outputs = [worker.file_output(folder / name, component=component, name=component,
                                  options={"codec": "none"} if component == "parquet" else {})
               for name, component in million.items()]
    generate(folder, "million", outputs, {"preset": "seed", "interactions": 1_000_000})
    files["million.sha256"] = digests(folder, *million)
    for preset in PRESETS:
        output = worker.file_output(folder / f"{preset}.csv", columns=[
            "user_id", "item_id", "rating", "timestamp", "kind", "session_id", "session_row"])
        generate(folder, preset, [output],
                 {"preset": preset, "interactions": 100_000, "plan_size": 50_000})
    files["presets.sha256"] = digests(folder, *(f"{preset}.csv" for preset in PRESETS))
    return files


class GoldenTest(unittest.TestCase):
    def test_seed_42_has_the_golden_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            files = produce(folder)
        for name, text in files.items():
            with self.subTest(name):
                self.assertEqual(text, (GOLDEN / name).read_text())


if __name__ == "__main__":
    if "--update" in sys.argv:
        with tempfile.TemporaryDirectory() as scratch:
            for golden_name, golden_text in produce(scratch).items():
                (GOLDEN / golden_name).write_text(golden_text)
    else:
        unittest.main()
