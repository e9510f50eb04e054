"""A plugin that was built with the header of release 0.2.0, in the host of today: it is loaded, keeps the
contract, and a run with its rating, its format and its sink has the rows that it must have."""

import datetime
import os
import pathlib
import tempfile
import unittest

import worker

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "golden/plugin"
BUILT_ANEW = pathlib.Path(os.environ["THRONG_GOLDEN_PLUGIN"])
ROWS = 5000


def text_of(csv):
    """The rows of a CSV as the format golden_text has them."""
    lines = ["golden"]
    for index, line in enumerate(csv.splitlines()[1:]):
        user, item, rating, time = line.split(",")
        assert float(rating) == (4.5 if index % 2 == 0 else 1.0), line
        seconds = datetime.datetime.fromisoformat(time).timestamp()
        lines.append(f"{user[5:]} {item[5:]} {round(float(rating) * 100)} {round(seconds)}")
    return lines + [f"{len(lines) - 1} rows"]


class GoldenPluginTest(unittest.TestCase):
    def run_with(self, plugins):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            rating = {"component": "golden_alternate", "options": {"high": "4.5"}}
            spec = worker.write_spec(
                folder / "spec.json",
                {"name": "golden", "format": {"component": "golden_text"},
                 "sink": {"component": "golden_file", "options": {"path": str(folder / "rows")}}},
                worker.file_output(folder / "rows.csv"),
                dataset={"size": "producer", "interactions": ROWS, "rating": rating})
            for told in ("", "already complete"):
                done = worker.run(spec, "--plugin-dir", str(plugins))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(told, done.stderr)
                # Times in the CSV have no milliseconds.
                *rows, last = (folder / "rows").read_text(encoding="utf-8").splitlines()
                rows = [row[:-3] if index else row for index, row in enumerate(rows)]
                csv = (folder / "rows.csv").read_text(encoding="utf-8")
                self.assertEqual([*rows, last], text_of(csv))

    def test_runs_as_it_was_built_then(self):
        self.run_with(FOLDER)

    def test_its_source_can_be_built_with_the_header_of_today(self):
        self.run_with(BUILT_ANEW.parent)


if __name__ == "__main__":
    unittest.main()
