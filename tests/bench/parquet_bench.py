#!/usr/bin/env python3
"""Nanoseconds and bytes a row of Parquet, beside the writers of pyarrow and polars on the same rows.

    parquet_bench.py [--rows 1000000] [--runs 5]

Ours is what formats_bench (THRONG_FORMATS_BENCH) measures of the encoder alone; theirs are given the
rows as columns in memory and write to memory, in one thread and row groups of 131 072 rows.
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
import pyarrow.parquet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import worker

FORMATS_BENCH = os.environ.get("THRONG_FORMATS_BENCH", "build/release/tests/formats_bench")
GROUP_ROWS = 131_072
CODECS = {"none": ("none", "uncompressed"), "snappy": ("snappy", "snappy"), "zstd": ("zstd", "zstd")}
OURS = {"none": "parquet", "snappy": "parquet_snappy", "zstd": "parquet_zstd"}


def encoder_nanoseconds():
    """By name, of the world of the seed job."""
    done = subprocess.run([FORMATS_BENCH, "--benchmark_filter=^(avro|parquet.*)/500/",
                           "--benchmark_format=json"], capture_output=True, text=True, check=True)
    return {each["name"].split("/")[0]: each["s/row"] * 1e9
            for each in json.loads(done.stdout)["benchmarks"]}


def fastest(runs, rows, write):
    """Nanoseconds and bytes a row."""
    best = float("inf")
    for _ in range(runs):
        out = io.BytesIO()
        begin = time.process_time()
        write(out)
        best = min(best, time.process_time() - begin)
    return best / rows * 1e9, len(out.getvalue()) / rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    pyarrow.set_cpu_count(1)
    ours = encoder_nanoseconds()
    print("| codec | ours, ns and bytes a row | pyarrow | polars |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for codec, (arrow_codec, polars_codec) in CODECS.items():
            path = pathlib.Path(folder) / f"{codec}.parquet"
            spec = worker.write_spec(f"{path}.json",
                                     worker.file_output(path, "parquet", {"codec": codec}),
                                     dataset={"preset": "seed", "interactions": arguments.rows})
            worker.run(spec).check_returncode()
            table = pyarrow.parquet.read_table(path)
            frame = polars.from_arrow(table)
            arrow = fastest(arguments.runs, arguments.rows, lambda out: pyarrow.parquet.write_table(
                table, out, compression=arrow_codec, row_group_size=GROUP_ROWS))
            other = fastest(arguments.runs, arguments.rows, lambda out: frame.write_parquet(
                out, compression=polars_codec, row_group_size=GROUP_ROWS))
            mine = (ours[OURS[codec]], path.stat().st_size / arguments.rows)
            print(f"| {codec} | " + " | ".join(f"{ns:.1f}, {size:.2f}"
                                               for ns, size in (mine, arrow, other)) + " |")
    print(f"\nAvro's encoder: {ours['avro']:.1f} ns a row.")


if __name__ == "__main__":
    main()
