"""Rows a second that GenerationService.Generate brings to another process over a unix socket, and
how long a run and a call take, beside what the generator makes for nobody; in one go.

    tests/bench/stream_bench.py [--rows 20000000] [--runs 5]

Runs in the environment that tests/e2e/python_environment.sh makes: `ctest -R '^bench.stream$' -V`.
Prints Markdown tables.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import daemon
import worker
from throng.v1 import generation_service_pb2, run_service_pb2

READER = os.environ["THRONG_ROW_READER"]
CLIENT = os.environ["THRONG_CLIENT"]


def median(runs, measure):
    return statistics.median(measure() for _ in range(runs))


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def dataset(rows):
    return {"dataset": {"seed": 42, "interactions": rows, "plan_size": 50_000}}


def generated_for_nobody(folder, rows):
    """Seconds that the worker takes to make the rows and drop them, less those for one row."""

    def seconds(n):
        output = {"format": {"component": "csv"}, "sink": {"component": "null"}}
        spec = worker.write_spec(folder / "null.json", output, dataset=dataset(n)["dataset"])
        begin = time.perf_counter()
        done = worker.run(spec, "--quiet")
        assert done.returncode == 0, done.stderr
        return time.perf_counter() - begin

    return seconds(rows) - seconds(1)


def read_by_cpp(served, rows):
    command = [READER, f"unix:{served.socket}", json.dumps(dataset(rows)), "0", str(rows)]
    read = subprocess.run([*command, "--count"], capture_output=True, text=True, check=True)
    count, seconds = read.stdout.split()
    assert int(count) == rows
    return float(seconds)


def read_by_python(served, rows):
    request = generation_service_pb2.GenerateRequest(
        source=daemon.source(dataset(rows)), batch_rows=16_384
    )
    stream = served.generation.Generate(request)
    count = len(next(stream).batch.user_numbers)
    begin = time.perf_counter()
    for response in stream:
        count += len(response.batch.user_numbers)
    assert count == rows
    return time.perf_counter() - begin


def created_to_committed(served, number):
    """Seconds from CreateRun until the first row of a CSV file is committed."""
    spec = {**dataset(10_000_000), "outputs": [worker.file_output(f"{number}.csv")]}
    begin = time.perf_counter()
    run = served.create(spec)
    request = run_service_pb2.WatchRunRequest(name=run.name)
    for seen in served.runs.WatchRun(request):
        if seen.run.outputs and seen.run.outputs[0].position > 0:
            break
    seconds = time.perf_counter() - begin
    served.stop(run.name)
    served.wait_for_state(run.name, daemon.STOPPED, daemon.SUCCEEDED)
    return seconds


def unary(served, name):
    begin = time.perf_counter()
    served.get(name)
    return time.perf_counter() - begin


def statistics_of_largest_world(served):
    """Seconds that GetRunStatistics takes of a run in the largest world, call by call."""
    spec = {
        "dataset": {
            "interactions": None,
            "plan_size": 10**11,
            "world": {"users": 2**32 - 1, "items": 2**32 - 1},
        },
        "pace": {"rate": 100_000},
        "outputs": [worker.file_output("largest-{part}.csv", roll_rows=10**9)],
    }
    run = served.create(spec)
    request = run_service_pb2.WatchRunRequest(name=run.name)
    for seen in served.runs.WatchRun(request):
        if seen.run.outputs and seen.run.outputs[0].position > 100_000:
            break
    statistics_request = run_service_pb2.GetRunStatisticsRequest(name=run.name)
    while True:
        begin = time.perf_counter()
        served.runs.GetRunStatistics(statistics_request)
        yield time.perf_counter() - begin


def whole_generate(folder):
    """Seconds of `throngctl generate` of the seed job as a whole process."""
    path = folder / "generated.csv"
    for file in folder.glob("generated.csv*"):
        file.unlink()
    begin = time.perf_counter()
    subprocess.run(
        [CLIENT, "generate", "--to", f"csv:{path}", "--quiet"], check=True, capture_output=True
    )
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=5, help="of which the median is taken")
    arguments = parser.parse_args()
    rows, runs = arguments.rows, arguments.runs
    with tempfile.TemporaryDirectory(prefix="throngd-") as name:
        folder = pathlib.Path(name)
        served = daemon.Daemon(folder)
        try:
            row("rows to", "M rows/s", "of the generator alone")
            row("---", "---", "---")
            alone = median(runs, lambda: generated_for_nobody(folder, rows))
            row("nobody (CSV, thrown away)", f"{rows / alone / 1e6:.2f}", "1.00")
            for reader, read in (("C++", read_by_cpp), ("Python", read_by_python)):
                seconds = median(runs, lambda read=read: read(served, rows))
                row(
                    f"a reader in {reader}",
                    f"{rows / seconds / 1e6:.2f}",
                    f"{alone / seconds:.2f}",
                )
            print()
            row("what", "median ms")
            row("---", "---")
            numbers = iter(range(1000))
            committed = median(4 * runs, lambda: created_to_committed(served, next(numbers)))
            row("created to first committed row", f"{1000 * committed:.1f}")
            call = median(200 * runs, lambda: unary(served, "runs/run-1"))
            row("GetRun", f"{1000 * call:.2f}")
            calls = statistics_of_largest_world(served)
            seconds = median(20 * runs, lambda: next(calls))
            row("GetRunStatistics, 4.29e9 users and items", f"{1000 * seconds:.2f}")
            whole = median(4 * runs, lambda: whole_generate(folder))
            row("throngctl generate of the seed job", f"{1000 * whole:.0f}")
        finally:
            served.close()


if __name__ == "__main__":
    main()
