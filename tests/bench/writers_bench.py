#!/usr/bin/env python3
"""Nanoseconds and bytes a row of each format of files, beside the writers of pyarrow and polars on the
same rows.

    writers_bench.py [--rows 1000000] [--runs 5]

Bytes are those of the same job. Ours is the time that formats_bench (THRONG_FORMATS_BENCH) measures of
the encoder alone; theirs are given the rows as columns in memory and write to memory, in one thread
and row groups of 131 072 rows. A dash: there is no such writer.
"""

import argparse
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ["POLARS_MAX_THREADS"] = "1"

import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import worker

FORMATS_BENCH = os.environ.get("THRONG_FORMATS_BENCH", "build/release/tests/formats_bench")
GROUP_ROWS = 131_072
ISO = "%Y-%m-%dT%H:%M:%SZ"
MOVIELENS = {"delimiter": "tab", "header": "false", "timestamp": "epoch_seconds"}


def parquet(codec, other):
    return (lambda table, out: pyarrow.parquet.write_table(table, out, compression=codec,
                                                           row_group_size=GROUP_ROWS),
            lambda frame, out: frame.write_parquet(out, compression=other,
                                                   row_group_size=GROUP_ROWS))


def avro(codec):
    # Which knows no times with a zone.
    return None, lambda frame, out: frame.with_columns(
        polars.col("timestamp").dt.replace_time_zone(None)).write_avro(out, compression=codec)


CSV = (lambda table, out: pyarrow.csv.write_csv(table, out),
       lambda frame, out: frame.write_csv(out, datetime_format=ISO))
TABS = (lambda table, out: pyarrow.csv.write_csv(
            table, out, pyarrow.csv.WriteOptions(include_header=False, delimiter="\t")),
        lambda frame, out: frame.write_csv(out, include_header=False, separator="\t"))
LINES = None, lambda frame, out: frame.write_ndjson(out)

# Format and options, name in formats_bench, writers of pyarrow and polars, times as seconds.
WRITERS = [
    ("csv", {}, "csv", CSV, False),
    ("csv", MOVIELENS, "csv_movielens", TABS, True),
    ("json", {"layout": "lines"}, "json_lines", LINES, False),
    ("json", {"indent": 2}, "json_indent", (None, None), False),
    ("json", {"layout": "lines", "envelope": "connect"}, "json_connect", (None, None), False),
    ("libsvm", {}, "libsvm", (None, None), False),
    ("avro", {"codec": "null"}, "avro", avro("uncompressed"), False),
    ("avro", {"codec": "deflate"}, "avro_deflate", avro("deflate"), False),
    ("avro", {"codec": "snappy"}, "avro_snappy", avro("snappy"), False),
    ("parquet", {"codec": "none"}, "parquet", parquet("none", "uncompressed"), False),
    ("parquet", {"codec": "snappy"}, "parquet_snappy", parquet("snappy", "snappy"), False),
    ("parquet", {"codec": "zstd"}, "parquet_zstd", parquet("zstd", "zstd"), False),
]


def encoder_nanoseconds():
    """By name, of the world of the seed job."""
    names = "|".join(name for _, _, name, _, _ in WRITERS)
    done = subprocess.run([FORMATS_BENCH, f"--benchmark_filter=^({names})/500/",
                           "--benchmark_format=json"], capture_output=True, text=True, check=True)
    return {each["name"].split("/")[0]: each["s/row"] * 1e9
            for each in json.loads(done.stdout)["benchmarks"]}


def fastest(runs, rows, write, source):
    """Nanoseconds and bytes a row, as text."""
    if write is None:
        return "-"
    best = float("inf")
    for _ in range(runs):
        out = io.BytesIO()
        begin = time.process_time()
        write(source, out)
        best = min(best, time.process_time() - begin)
    return f"{best / rows * 1e9:.1f}, {len(out.getvalue()) / rows:.2f}"


def deliver(path, component, options, rows):
    spec = worker.write_spec(f"{path}.json", worker.file_output(path, component, options),
                             dataset={"preset": "seed", "interactions": rows})
    worker.run(spec).check_returncode()
    return path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    pyarrow.set_cpu_count(1)
    ours = encoder_nanoseconds()
    print("| format | ours, ns and bytes a row | pyarrow | polars |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        table = pyarrow.parquet.read_table(
            deliver(folder / "rows.parquet", "parquet", {}, arguments.rows))
        frame = polars.from_arrow(table)
        seconds = frame.with_columns(polars.col("timestamp").dt.epoch("s"))
        for number, (component, options, bench, writers, is_seconds) in enumerate(WRITERS):
            path = deliver(folder / str(number), component, options, arguments.rows)
            sources = (seconds.to_arrow(), seconds) if is_seconds else (table, frame)
            theirs = [fastest(arguments.runs, arguments.rows, write, source)
                      for write, source in zip(writers, sources)]
            said = ", ".join(f"{option}: {value}" for option, value in options.items())
            print(f"| {component} {said} | {ours[bench]:.1f}, "
                  f"{path.stat().st_size / arguments.rows:.2f} | " + " | ".join(theirs) + " |",
                  flush=True)


if __name__ == "__main__":
    main()
