"""How exactly a rate is held at the hand-over to the sink: rows that arrive on standard output.

    tests/bench/pace_bench.py [--seconds 12]

Runs in the environment that tests/e2e/python_environment.sh makes. Prints a Markdown table.
"""

import argparse
import bisect
import os
import subprocess
import time

CLIENT = os.environ["THRONG_CLIENT"]


def arrivals(rate, seconds):
    """(time, rows until then) of each read."""
    process = subprocess.Popen(
        [CLIENT, "generate", "-q", "--preset", "trace", "--rate", str(rate), "--set",
         "dataset.interactions=null", "--to", "csv:-"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    seen, rows = [], -1  # the header
    end = None
    while piece := os.read(process.stdout.fileno(), 1 << 20):
        now = time.perf_counter()
        rows += piece.count(b"\n")
        seen.append((now, rows))
        end = end or now + seconds
        if now > end:
            break
    process.terminate()
    process.stdout.close()
    process.wait()
    return seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=12)
    seconds = parser.parse_args().seconds
    print("| rows/s asked | rows in 10 s, smallest and largest of all such spans | most rows in 10 ms |")
    print("|---|---|---|")
    for rate in (1, 10, 1_000, 100_000, 1_000_000):
        seen = arrivals(rate, seconds)
        times = [at for at, _ in seen]
        span = max(0.1, min(10, seconds - 1))
        counts, bursts = [], []
        for i, (at, rows) in enumerate(seen):
            if at - times[0] < 0.5:
                continue
            last = bisect.bisect_right(times, at + span) - 1
            if times[-1] >= at + span:
                counts.append((seen[last][1] - rows) * 10 / span)
            bursts.append(seen[bisect.bisect_right(times, at + 0.01) - 1][1] - seen[i - 1][1])
        least, most = min(counts, default=0), max(counts, default=0)
        print(f"| {rate} | {least:.0f} to {most:.0f} | {max(bursts, default=0)} |", flush=True)


if __name__ == "__main__":
    main()
