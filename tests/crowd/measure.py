#!/usr/bin/env python3
"""Life and learnability of fresh seeds beside those of the prototype; see README.md.

Exits with 1 if the median of a figure misses its target. `run` starts it with what it needs.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import figures
import interactions
import life
import worker


def generate(folder, preset, seed, size):
    """The CSV file of a fresh dataset."""
    path = folder / f"{seed}.csv"
    dataset = {"preset": preset, "seed": seed, "interactions": size.rows,
               "world": {"users": size.users, "items": size.items}}
    spec = worker.write_spec(folder / f"{seed}.json", worker.file_output(path), dataset=dataset)
    done = worker.run(spec)
    if done.returncode != 0:
        sys.exit(f"throng-worker failed: {done.stderr}")
    return path


def table(title, some_figures, measures, size):
    """Prints figures of the measures, one a seed; returns the names of those that miss."""
    print(f"| {title} | median | least - most | target | prototype | met |\n"
          "| --- | --- | --- | --- | --- | --- |")
    missed = []
    for figure in some_figures:
        values = [float(figure.value(of_seed)) for of_seed in measures]
        median, prototype = statistics.median(values), figure.prototype_at(size)
        target = figure.targets.get(size)
        met = "" if target is None else "yes" if target.is_met(median) else "NO"
        if met == "NO":
            missed.append(figure.name)
        print(f"| {figure.name} | {median:.3f} | {min(values):.3f} - {max(values):.3f} "
              f"| {target or ''} | {'' if prototype is None else f'{prototype:.3f}'} | {met} |")
    return missed


def arguments_of_call():
    parser = argparse.ArgumentParser(prog="run", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="*", type=pathlib.Path,
                        help="CSV files to measure, each as a seed, instead of fresh ones")
    parser.add_argument("--seeds", type=int, default=8, help="how many seeds (default 8)")
    parser.add_argument("--first-seed", type=int, default=1001, help="default 1001")
    parser.add_argument("--preset", default="shop", help="default shop")
    parser.add_argument("--rows", type=int, default=figures.SEED_SIZE.rows)
    parser.add_argument("--users", type=int, default=figures.SEED_SIZE.users)
    parser.add_argument("--items", type=int, default=figures.SEED_SIZE.items)
    parser.add_argument("--life-only", action="store_true", help="leave the recommenders out")
    return parser.parse_args()


def main():
    arguments = arguments_of_call()
    size = figures.Size(arguments.rows, arguments.users, arguments.items)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    lives, lessons = [], []
    if not arguments.life_only:
        import learn
    with tempfile.TemporaryDirectory() as folder:
        for source in arguments.files or seeds:
            path = source if arguments.files else generate(
                pathlib.Path(folder), arguments.preset, source, size)
            rows = interactions.read(path, size.users, size.items)
            lives.append(life.measure(rows))
            if not arguments.life_only:
                lessons.append(learn.measure(rows))
            print(f"{source} measured", file=sys.stderr)
    measured = ", ".join(str(file) for file in arguments.files) or (
        f"preset {arguments.preset}, seeds {seeds[0]} to {seeds[-1]}")
    print(f"{size.users} users, {size.items} items, {size.rows} rows: {measured}.\n")
    missed = table("life", figures.LIFE, lives, size)
    if lessons:
        print()
        missed += table("learnability: split, measure", figures.LEARNING, lessons, size)
        print("| time: nobody beats the oracle | not measured: needs the truth of rows | | | | |")
    if missed:
        sys.exit(f"\nMissed: {'; '.join(missed)}.")


if __name__ == "__main__":
    main()
