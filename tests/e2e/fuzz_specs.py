"""Random specs, each a function of a seed, and what a program of its own reads from their files."""

import csv
import datetime
import gzip
import io
import json
import random
import re

import backports.zstd
import fastavro
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1)
COLUMNS = ["interaction_id", "user_id", "item_id", "rating", "timestamp", "kind", "cluster",
           "category", "session_id", "session_row"]
WINDOWS = ["1ms", "1s", "37m", "12h", "30d", "365d"]
STARTS = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z",
          "2024-02-29T12:00:00Z", "9998-01-01T00:00:00Z"]
EDGES = [4_096, 16_384, 65_536]  # of strides, units and cuts; of several of them
PREFIXES = ["", "u", "user_", "ü", "用户-", "😀", "a b", "\\/'", "x" * 64]
NAMES = ["plain", "mit Leerzeichen", "naïve", "книга", "書籍", "😀😀", "back\\slash", "a'b", "<&>"]
FORMATS = [("csv", {}, "csv"), ("csv", {}, "csv.gz"), ("csv", {"compression": "zstd"}, "data"),
           ("csv", {"delimiter": ";", "quote": "all", "timestamp": "epoch_millis"}, "csv"),
           ("csv", {"delimiter": "tab", "header": "false", "timestamp": "iso_millis",
                    "rating_decimals": 2}, "tsv.gz"),
           ("csv", {"delimiter": "tab", "header": "typed", "timestamp": "epoch_millis",
                    "rating_decimals": "fewest"}, "inter"),
           ("json", {}, "jsonl"), ("json", {}, "jsonl.zst"), ("json", {"layout": "lines"}, "gz"),
           ("json", {"timestamp": "epoch_millis", "envelope": "connect"}, "jsonl"),
           ("json", {"indent": 2}, "json"), ("json", {"indent": 0}, "json.zst"),
           ("json", {}, "json"), ("json", {}, "json.gz"), ("avro", {"codec": "null"}, "avro"),
           ("avro", {"codec": "deflate"}, "avro"), ("avro", {"codec": "snappy"}, "avro"),
           ("avro", {"codec": "zstandard"}, "avro"),
           ("parquet", {"codec": "none", "row_group_rows": 4096}, "parquet"),
           ("parquet", {"codec": "snappy", "row_group_rows": 16_384}, "parquet"),
           ("parquet", {"codec": "zstd", "timestamp": "micros"}, "parquet")]


def shares(chance, count):
    """So many shares, of at least 0.1 each, that sum to 1."""
    spare = 100 - 10 * count
    cuts = sorted(chance.randint(0, spare) for _ in range(count - 1))
    return [(10 + end - begin) / 100 for begin, end in zip([0, *cuts], [*cuts, spare])]


def groups(chance, count):
    names = chance.sample(NAMES, count)
    return [{"name": name, "share": share} for name, share in zip(names, shares(chance, count))]


class Case:
    """What a seed says of a dataset, of the form of its files and of the ways to deliver it."""

    def __init__(self, seed):
        chance = self.chance = random.Random(seed)
        self.rows = self.draw_rows()
        self.dataset = self.draw_dataset()
        self.component, self.options, self.suffix = chance.choice(FORMATS)
        chosen = chance.sample(COLUMNS, chance.randint(2, len(COLUMNS)))
        self.columns = {column: chance.choice([column, f"{column}_2", "c" + str(i)])
                        for i, column in enumerate(chosen)}  # and their names

    def draw_rows(self):
        if self.chance.random() < 0.5:
            return self.chance.randint(1, 9_000)
        return self.chance.choices(EDGES, [4, 3, 1])[0] + self.chance.randint(-1, 1)

    def draw_dataset(self):
        chance = self.chance
        start, window = chance.choice(STARTS), chance.choice(WINDOWS)
        epochs = chance.choice([1, 1, 2, 3, 7])
        if start.startswith("9998"):
            window = chance.choice(WINDOWS[:-1])
        plan_size = max(100, -(-self.rows // epochs))
        categories = groups(chance, chance.randint(1, 6))
        clusters = groups(chance, chance.randint(1, 6))
        for cluster in clusters:
            if chance.random() < 0.7:
                cluster["prefers"] = chance.choice(categories)["name"]
        world = {"users": chance.randint(5, max(5, min(2_000, plan_size // 20))),
                 "items": chance.choice([60, 61, 500, 4_097, 10_000]),
                 "clusters": clusters, "categories": categories,
                 "user_prefix": chance.choice(PREFIXES), "item_prefix": chance.choice(PREFIXES)}
        if chance.random() < 0.2:
            world = {name: value for name, value in world.items() if "prefix" not in name}
            world["ids"] = chance.choice(["integer", "uuid"])
        if chance.random() < 0.3 and world.get("ids") != "uuid":
            world["user_start"] = chance.choice([0, 7, 4_294_967_295 - world["users"] + 1])
            world["item_start"] = chance.choice([0, 1_000_000])
        return {"seed": chance.getrandbits(64), "interactions": self.rows, "plan_size": plan_size,
                "preset": chance.choice(["seed", "seed-ranges"]), "world": world,
                "clock": {"component": "uniform", "options": {"start": start, "window": window}}}

    def named_columns(self):
        return [{"column": column, "name": name} for column, name in self.columns.items()]

    def text(self):
        return json.dumps({"dataset": self.dataset, "format": self.component,
                           "options": self.options, "suffix": self.suffix,
                           "columns": self.named_columns()}, ensure_ascii=False)

    def told(self):
        """Of a row of all columns as CSV has it, what the case's files tell."""
        chosen = [COLUMNS.index(column) for column in self.columns]
        return lambda row: tuple(row[column] for column in chosen)


def plain(data):
    """What a file holds, whatever packed it."""
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    return backports.zstd.decompress(data) if data.startswith(b"\x28\xb5\x2f\xfd") else data


def undated(data):
    """A file, less the time at which it was begun."""
    return re.sub(rb'"generated_at": "[^"]*"', b"", plain(data), count=1)


def delimiter(case):
    name = case.options.get("delimiter", ",")
    return "\t" if name == "tab" else name


def lines(case, data):
    """The rows of a file, each as the format has it."""
    data = plain(data)
    if case.component == "avro":
        return list(fastavro.reader(io.BytesIO(data)))
    if case.component == "parquet":
        return pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    if case.component == "csv":  # contiguous slices join: only the first has the header
        mark = '"' if case.options.get("quote") == "all" else ""
        names = (mark + name + mark for name in case.columns.values())
        header = delimiter(case).join(names).encode() + b"\n"
        if case.options.get("header") == "false":
            header = b""
        if case.options.get("header") == "typed":
            first = data[:data.find(b"\n") + 1]
            header = first if re.search(rb":(token|float)(\t|\n)", first) else b""
        return data.removeprefix(header).splitlines(True)
    is_document = data.startswith(b"{") and b'"metadata"' in data[:40]
    return json.loads(data)["interactions"] if is_document else data.splitlines(keepends=True)


def table(case, rows):
    """The same as tuples of what they say: texts, numbers and whole seconds."""
    if case.component == "csv":
        reader = csv.reader((row.decode() for row in rows), delimiter=delimiter(case))
        return [typed(case, values) for values in reader]
    if case.component == "json" and rows and isinstance(rows[0], bytes):
        rows = [json.loads(row) for row in rows]
        rows = [row.get("payload", row) for row in rows]
    names = list(case.columns.values())
    return [typed(case, [row[name] for name in names]) for row in rows]


def typed(case, values):
    return tuple(VALUES.get(column, str)(value)
                 for column, value in zip(case.columns, values, strict=True))


def seconds(value):
    if isinstance(value, int):
        return value // 1000
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value) // 1000
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    return (value.replace(tzinfo=None) - EPOCH) // datetime.timedelta(seconds=1)


VALUES = {"interaction_id": int, "session_id": int, "session_row": int, "rating": float, "timestamp": seconds}
