"""Throng from Python: rows into a pandas frame, and a run that is watched to its end.

    python crowd.py ADDRESS frame             # 5 rows of 50 000, as a frame
    python crowd.py ADDRESS run PATH          # a run that writes PATH, relative to the output root
"""

import sys

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


def connect(address):
    """A channel to the daemon at `address`, as unix:/run/throng/throngd.sock."""
    options = [("grpc.max_receive_message_length", 16 << 20), ("grpc.enable_http_proxy", 0)]
    return grpc.insecure_channel(address, options=options)


def source(yaml):
    """A spec in YAML as the source of a request."""
    layer = spec_source_pb2.SpecLayer(name="spec", text=yaml, has_lines=True)
    return spec_source_pb2.SpecSource(layers=[layer])


def frame(channel, yaml, start_row=0, row_limit=None):
    """Rows of a dataset as a frame: numbers of users and items, ratings in stars, times in UTC.

    Columns come packed, so that no row becomes a Python object on the way.
    A rating of NaN: the row has none.
    """
    request = generation_service_pb2.GenerateRequest(
        source=source(yaml), start_row=start_row, row_limit=row_limit, batch_rows=16384
    )
    columns = {"user": [], "item": [], "rating": [], "timestamp": []}
    for response in generation_service_pb2_grpc.GenerationServiceStub(channel).Generate(request):
        batch = response.batch
        columns["user"].append(np.fromiter(batch.user_numbers, np.uint32))
        columns["item"].append(np.fromiter(batch.item_numbers, np.uint32))
        hundredths = np.fromiter(batch.rating_hundredths, np.int32)
        columns["rating"].append(np.where(hundredths < 0, np.nan, hundredths / 100))
        columns["timestamp"].append(np.fromiter(batch.timestamp_ms, np.int64))
    rows = pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})
    rows["timestamp"] = pd.to_datetime(rows["timestamp"], unit="ms", utc=True)
    rows.index += start_row
    return rows


def run_to_its_end(channel, yaml):
    """Creates a run and yields it at each change, until it has succeeded or failed."""
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    created = runs.CreateRun(run_service_pb2.CreateRunRequest(source=source(yaml))).run
    watch = runs.WatchRun(run_service_pb2.WatchRunRequest(name=created.name))
    for response in watch:
        yield response.run
        if response.run.state in (run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED):
            watch.cancel()
            return


def main(address, what, path="interactions.csv"):
    with connect(address) as channel:
        if what == "frame":
            print(frame(channel, "dataset: {size: production}", row_limit=5))
            return 0
        output = f"{{format: {{component: csv}}, sink: {{component: file, options: {{path: '{path}'}}}}}}"
        for run in run_to_its_end(channel, f"outputs: [{output}]"):
            rows = ", ".join(f"{output.name} {output.rows}" for output in run.outputs)
            print(run.name, run_pb2.RunState.Name(run.state), rows, run.reason)
        return 0 if run.state == run_pb2.RUN_STATE_SUCCEEDED else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
