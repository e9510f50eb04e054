#!/usr/bin/env python3
"""Speed and memory of whole runs, beside two Python scripts that do the same job, in one go.

    tests/bench/bench.py [--rows 20000000] [--runs 5] [--long] [--no-vectorised]

Prints Markdown tables. Compare ratios, not figures of different days. The vectorised script gets
an environment of its own (numpy, polars) in build/bench-venv.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = os.environ.get("THRONG_BIN", str(ROOT / "build/release/bin/throng-worker"))
PLUGINS = os.environ.get("THRONG_PLUGINS", str(ROOT / "build/release/plugins"))
USERS, ITEMS = 500, 1000


def measured(command):
    """Seconds of a process from start to end, and its peak resident memory in MB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0:
        sys.exit(f"{command} failed: {errors.decode()}")
    return seconds, usage.ru_maxrss / 1024


def medians(command, runs):
    """Of several runs: the median seconds, and the largest memory."""
    results = [measured(command) for _ in range(runs)]
    return statistics.median(s for s, _ in results), max(mb for _, mb in results)


class Runs:
    """Runs of throng-worker in a folder of their own."""

    def __init__(self, folder):
        self.folder = folder

    def command(self, rows, output, threads, users=USERS, items=ITEMS, interactions=None,
                preset="seed"):
        kind, _, component = output.partition(":")
        sink = {"component": kind}
        if kind == "file":
            path = self.folder / f"rows.{'jsonl' if component == 'json' else component}"
            sink["options"] = {"path": str(path), "overwrite": "true"}
        spec = {
            "dataset": {
                "preset": preset,
                "interactions": interactions or rows,
                "world": {"users": users, "items": items},
            },
            "outputs": [{"format": {"component": component}, "sink": sink, "rows": {"to": rows}}],
        }
        file = self.folder / "spec.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        threads = ["--threads", str(threads)]
        return [BINARY, "run", "--quiet", "--spec", str(file), "--plugin-dir", PLUGINS, *threads]

    def measure(self, rows, output, threads, runs=1, **fields):
        command = self.command(rows, output, threads, **fields)
        results = []
        for _ in range(runs):
            for left in self.folder.glob("rows.*"):
                left.unlink()  # a finished output would be left alone
            results.append(measured(command))
        return statistics.median(s for s, _ in results), max(mb for _, mb in results)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def table(*titles):
    print()
    row(*titles)
    row(*("---" for _ in titles))


def rate_text(rows, seconds):
    return f"{rows / seconds / 1e6:.2f}"


def write_and_sync(file, size):
    """Seconds that the disk takes for so many bytes."""
    piece = b"x" * (1 << 20)
    begin = time.perf_counter()
    with open(file, "wb", buffering=0) as out:
        for _ in range(size // len(piece)):
            out.write(piece)
        os.fdatasync(out.fileno())
    seconds = time.perf_counter() - begin
    file.unlink()
    return seconds


def compare_speeds(runs, in_memory, arguments):
    rows = arguments.rows
    table("job", "filling threads", "M rows/s", "of the vectorised script", "MB")
    results = []
    jobs = [("CSV, thrown away", runs, "null:csv"), ("CSV to a file", runs, "file:csv"),
            ("JSON lines to a file", runs, "file:json"), ("Avro to a file", runs, "file:avro")]
    if in_memory:  # what remains when the disk is not what is waited for
        jobs.insert(2, ("CSV to a file in memory", in_memory, "file:csv"))
    for name, where, output in jobs:
        for threads in (1, 2):
            seconds, mb = where.measure(rows, output, threads, arguments.runs)
            results.append((name, threads, rows, seconds, mb))
        if (where, output) == (runs, "file:csv"):
            size = (runs.folder / "rows.csv").stat().st_size
    seconds = statistics.median(
        write_and_sync(runs.folder / "bytes", size) for _ in range(arguments.runs)
    )
    results.append(("the CSV's bytes, only written and synced", "", rows, seconds, 0))
    scripts = [("plain Python loop", sys.executable, "plain_loop.py", max(1, rows // 40))]
    if not arguments.no_vectorised:
        python = vectorised_python()
        scripts.append(("numpy and polars", python, "vectorised.py", max(1, rows // 4)))
    for name, python, script, n in scripts:
        command = [python, HERE / script, str(n), str(USERS), str(ITEMS), runs.folder / "rows.csv"]
        seconds, mb = medians(command, arguments.runs)
        results.append((name, "", n, seconds, mb))
    compared = results[-1][2] / results[-1][3]
    for name, threads, n, seconds, mb in results:
        ratio = f"{n / seconds / compared:.2f}" if not arguments.no_vectorised else ""
        row(name, threads, rate_text(n, seconds), ratio, f"{mb:.0f}" if mb else "")


def vectorised_python():
    folder = ROOT / "build" / "bench-venv"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    packages = ["numpy", "polars"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def compare_presets(runs, arguments):
    """The same rows in turns, so that what slows the machine slows all of them."""
    table("preset, CSV thrown away by one thread", "M rows/s", "of a row of `seed`", "MB")
    names = ("seed", "seed-ranges", "trace", "shop")
    seconds = {name: [] for name in names}
    memory = {}
    for _ in range(arguments.runs):
        for name in names:
            took, memory[name] = runs.measure(arguments.rows // 4, "null:csv", 1, preset=name)
            seconds[name].append(took)
    for name in names:
        ratio = statistics.median(a / b for a, b in zip(seconds[name], seconds["seed"]))
        rate = rate_text(arguments.rows // 4, statistics.median(seconds[name]))
        row(name, rate, f"{ratio:.2f}", f"{memory[name]:.0f}")


def measure_seed_job(runs, arguments):
    seconds = []
    for _ in range(4 * arguments.runs):
        seconds.append(runs.measure(50_000, "file:csv", 2)[0])
    table("whole process", "median ms", "slowest ms")
    figures = (f"{1000 * f(seconds):.0f}" for f in (statistics.median, max))
    row("seed job, 50 000 rows to CSV", *figures)


def measure_memory(runs, arguments):
    sizes = [n for n in (10**5, 10**6, 10**7) if n <= arguments.rows]
    sizes += [10**8] if arguments.long else []
    table("peak memory, MB", *(f"10^{len(str(n)) - 1} rows" for n in sizes))
    for output, name in (("null:csv", "thrown away"), ("file:csv", "CSV to a file")):
        row(name, *(f"{runs.measure(n, output, 2)[1]:.1f}" for n in sizes))
    table("first 1000 rows of a world", "ms", "MB")
    for users, items in ((500, 1000), (10**6, 10**5), (10**8, 10**7)):
        seconds, mb = runs.measure(
            1000, "null:csv", 1, users=users, items=items, interactions=100 * users
        )
        row(f"{users:_} users, {items:_} items", f"{1000 * seconds:.0f}", f"{mb:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=5, help="of which the median is taken")
    parser.add_argument("--long", action="store_true", help="memory at 10^8 rows as well")
    parser.add_argument("--no-vectorised", action="store_true", help="without numpy and polars")
    arguments = parser.parse_args()
    build = ROOT / "build"
    place = build if build.is_dir() else None
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=place) as folder,
        tempfile.TemporaryDirectory(prefix="bench-", dir=memory) as memory_folder,
    ):
        runs = Runs(pathlib.Path(folder))
        compare_speeds(runs, memory and Runs(pathlib.Path(memory_folder)), arguments)
        compare_presets(runs, arguments)
        measure_seed_job(runs, arguments)
        measure_memory(runs, arguments)


if __name__ == "__main__":
    main()
