#!/usr/bin/env python3
"""What it costs to go on after a kill, beside a whole run; what statistics of the largest world and
of twenty parts cost, beside those of a small one and of one file; in one go.

    tests/bench/resume_bench.py [--rows 20000000] [--runs 5] [--before BINARY PLUGINS]

Prints a Markdown table of ratios, with --before those of another build too, its runs in turn with
ours. Files are in memory where there is room for them, so that a disk has no say.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = (
    os.environ.get("THRONG_BIN", str(ROOT / "build/release/bin/throng-worker")),
    os.environ.get("THRONG_PLUGINS", str(ROOT / "build/release/plugins")),
)
SMALL, LARGE, LARGEST = (500, 1000), (10**6, 10**5), (2**32 - 1, 2**32 - 1)
KILLED_AT = 0.95


class Bench:
    """Runs of one build, with files in a folder of its own."""

    def __init__(self, build, folder):
        self.binary, self.plugins = build
        self.folder = folder

    def command(self, rows, world, path="rows.csv", stdout=False, **output):
        users, items = world
        sink = {"component": "file", "options": {"path": str(self.folder / path)}}
        if stdout:
            sink = {"component": "stdout"}
        spec = {
            "dataset": {
                "preset": "seed",
                "interactions": min(10**11, max(rows, 100 * users)),
                "world": {"users": users, "items": items},
            },
            "outputs": [
                {"format": {"component": "csv"}, "sink": sink, "rows": {"to": rows}, **output}
            ],
        }
        file = self.folder / "spec.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        plugins = ["--plugin-dir", self.plugins]
        return [self.binary, "run", "--quiet", "--spec", str(file), *plugins]

    def clear(self):
        for left in self.folder.glob("rows*"):
            left.unlink()

    def seconds(self, command):
        begin = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode != 0:
            sys.exit(f"{command} failed: {done.stderr.decode()}")
        return time.perf_counter() - begin

    def whole(self, *arguments, **fields):
        self.clear()
        return self.seconds(self.command(*arguments, **fields))

    def position(self):
        try:
            text = (self.folder / "rows.csv.position").read_text(encoding="utf-8")
        except FileNotFoundError:
            return 0
        return json.loads(text.split("\n", 1)[0])["position"] or 0

    def after_a_kill(self, rows, world):
        """Of the same command, once it was killed near the end."""
        command = self.command(rows, world, commit_rows=rows // 100)
        while True:
            self.clear()
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
                while self.position() < KILLED_AT * rows and process.poll() is None:
                    time.sleep(0.0005)
                process.send_signal(signal.SIGKILL)
            if process.returncode == -signal.SIGKILL and not (self.folder / "rows.csv").exists():
                return self.seconds(command)


def going_on(bench, rows, world):
    whole = bench.whole(rows, world, commit_rows=rows // 100)
    return bench.after_a_kill(rows, world) / whole


def three_rows(bench):
    command = bench.command(3, LARGEST, stdout=True)
    largest = bench.seconds(command)
    return largest / bench.seconds(bench.command(3, SMALL, stdout=True))


def twenty_parts(bench, rows, world):
    parts = bench.whole(rows, world, path="rows-{part}.csv", roll_rows=rows // 20)
    return parts / bench.whole(rows, world)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=5, help="of which the median is taken")
    parser.add_argument("--before", nargs=2, metavar=("BINARY", "PLUGINS"), help="another build")
    arguments = parser.parse_args()
    rows = arguments.rows
    jobs = [
        ("after a kill at 95 %, 500 users, of a whole run", lambda b: going_on(b, rows, SMALL)),
        ("the same, 1M users, 100k items", lambda b: going_on(b, rows, LARGE)),
        ("3 rows of 4.29e9 users and items, of 500 and 1000", three_rows),
        ("20 parts, 500 users, of one file", lambda b: twenty_parts(b, rows, SMALL)),
        ("the same, 1M users, 100k items", lambda b: twenty_parts(b, rows, LARGE)),
    ]
    builds = [tuple(arguments.before)] if arguments.before else []
    titles = ["what, as a ratio", *(["before"] if builds else []), "now"]
    print("| " + " | ".join(titles) + " |\n|" + " --- |" * len(titles))
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory) as folder:
        benches = [Bench(build, pathlib.Path(folder)) for build in [*builds, BUILD]]
        for name, measure in jobs:
            ratios = [[] for _ in benches]
            for _ in range(arguments.runs):
                for bench, measured in zip(benches, ratios):
                    measured.append(measure(bench))
            medians = (f"{statistics.median(measured):.2f}" for measured in ratios)
            print(f"| {name} | " + " | ".join(medians) + " |", flush=True)


if __name__ == "__main__":
    main()
