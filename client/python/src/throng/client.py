"""A daemon's calls, as Python has them."""

import json
import os
import pathlib

import grpc
import numpy as np
import pandas as pd

from throng.v1 import (
    generation_service_pb2,
    generation_service_pb2_grpc,
    run_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    spec_source_pb2,
)

ENDED = (run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED)
ABSENT_LABEL = 2**32 - 1
ABSENT_INTEGER = -(2**63)


class RunFailed(Exception):
    """A run that was waited for has failed; its text says why. `run` is the run."""

    def __init__(self, run):
        super().__init__(run.reason or f"{run.name} has failed.")
        self.run = run


class Client:
    """A connection to the daemon at `address`, unix:/PATH or HOST:PORT.

    Without one: what THRONG_ADDRESS says, else where a daemon listens by default. With `ca`, `cert`
    and `key`, or `token_file`, paths of files, it is by TLS. An error is a grpc.RpcError.
    """

    def __init__(self, address=None, *, ca=None, cert=None, key=None, token_file=None):
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_http_proxy", 0)]
        address = address or os.environ.get("THRONG_ADDRESS") or default_address()
        if ca or cert or token_file:
            self.channel = grpc.secure_channel(
                address, credentials(ca, cert, key, token_file), options)
        else:
            self.channel = grpc.insecure_channel(address, options)
        self.runs = run_service_pb2_grpc.RunServiceStub(self.channel)
        self.generation = generation_service_pb2_grpc.GenerationServiceStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.channel.close()

    def read(self, spec, *, start_row=0, rows=None, columns=()):
        """Rows of a dataset as a frame whose index is their numbers: `user_id`, `item_id`, `rating`
        (NaN: none) and `timestamp` (UTC), or the columns that are named, as `kind` or
        `choice.niche`.

        `spec` is YAML, a dict, or the pathlib.Path of a file; `rows` how many, at most.
        """
        request = generation_service_pb2.GenerateRequest(
            source=source(spec), start_row=start_row, row_limit=rows, columns=columns,
            batch_rows=16384)
        header, batches = None, []
        for response in self.generation.Generate(request):
            if response.HasField("header"):
                header = response.header
            if response.HasField("batch"):
                batches.append(response.batch)
        names = list(columns) or ["user_id", "item_id", "rating", "timestamp"]
        frame = pd.DataFrame({name: column(name, header, batches) for name in names})
        frame.index += start_row
        return frame

    def create(self, spec, name="", *, paused=False, labels=None):
        """Creates a run and starts it; the run, as the daemon tells it."""
        request = run_service_pb2.CreateRunRequest(
            run_id=name, source=source(spec), paused=paused, labels=labels)
        return self.runs.CreateRun(request).run

    def watch(self, name):
        """The run at once and after each change, until it has succeeded or failed."""
        stream = self.runs.WatchRun(run_service_pb2.WatchRunRequest(name=full_name(name)))
        for response in stream:
            yield response.run
            if response.run.state in ENDED:
                stream.cancel()
                return

    def wait(self, name):
        """The run once it has succeeded. RunFailed: it has failed."""
        for run in self.watch(name):
            pass
        if run.state == run_pb2.RUN_STATE_FAILED:
            raise RunFailed(run)
        return run


def read(spec, *, address=None, **options):
    """Rows of a dataset as a frame, of the daemon at `address`; see Client.read."""
    with Client(address) as client:
        return client.read(spec, **options)


def default_address():
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return f"unix:{runtime}/throngd.sock"
    if os.geteuid() == 0:
        return "unix:/run/throng/throngd.sock"
    return f"unix:/tmp/throngd-{os.geteuid()}/throngd.sock"


def credentials(ca, cert, key, token_file):
    def content(path):
        return pathlib.Path(path).read_bytes() if path else None

    channel = grpc.ssl_channel_credentials(content(ca), content(key), content(cert))
    if not token_file:
        return channel
    token = grpc.access_token_call_credentials(content(token_file).decode().strip())
    return grpc.composite_channel_credentials(channel, token)


def source(spec):
    if isinstance(spec, pathlib.Path):
        layer = spec_source_pb2.SpecLayer(name=str(spec), text=spec.read_text(), has_lines=True)
    else:
        text = spec if isinstance(spec, str) else json.dumps(spec)
        layer = spec_source_pb2.SpecLayer(name="spec", text=text, has_lines=isinstance(spec, str))
    return spec_source_pb2.SpecSource(layers=[layer])


def full_name(name):
    return name if name.startswith("runs/") else f"runs/{name}"


def column(name, header, batches):
    """A column of all batches; of what has labels a categorical, of ids text or numbers."""

    def joined(field, dtype):
        parts = [np.fromiter(getattr(batch, field), dtype) for batch in batches]
        return np.concatenate(parts) if parts else np.empty(0, dtype)

    def labels(values, names):
        codes = np.where(values == ABSENT_LABEL, -1, values.astype(np.int64))
        return pd.Categorical.from_codes(codes, list(names))

    def ids(field, prefix):
        numbers = joined(field, np.uint32)
        if not prefix:
            return numbers
        # Each id becomes a text once, however often it comes.
        different, places = np.unique(numbers, return_inverse=True)
        return np.array([f"{prefix}{n}" for n in different], object)[places]

    if name == "user_id":
        return ids("user_numbers", header.user_prefix)
    if name == "item_id":
        return ids("item_numbers", header.item_prefix)
    if name == "rating":
        hundredths = joined("rating_hundredths", np.int32)
        return np.where(hundredths < 0, np.nan, hundredths / 100)
    if name == "timestamp":
        return pd.to_datetime(joined("timestamp_ms", np.int64), unit="ms", utc=True)
    if name == "kind":
        return labels(joined("kind_indexes", np.uint32), header.kinds)
    if name == "cluster":
        return labels(joined("cluster_indexes", np.uint32), header.clusters)
    if name == "category":
        return labels(joined("category_indexes", np.uint32), header.categories)
    if name == "session_id":
        return joined("session_ids", np.uint64)
    if name == "session_row":
        return joined("session_rows", np.uint32)
    place = [further.name for further in header.further].index(name)
    values = [batch.further[place] for batch in batches]
    if header.further[place].labels:
        indexes = np.array([i for part in values for i in part.label_indexes], np.uint32)
        return labels(indexes, header.further[place].labels)
    if any(part.numbers for part in values):
        return np.array([number for part in values for number in part.numbers])
    integers = np.array([n for part in values for n in part.integers], np.int64)
    return pd.arrays.IntegerArray(integers, integers == ABSENT_INTEGER)
