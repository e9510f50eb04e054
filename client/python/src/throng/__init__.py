"""Throng from Python: rows of a dataset as a pandas frame, and the runs of a daemon.

    import throng
    frame = throng.read("dataset: {size: quick}")

    with throng.Client("localhost:7447", ca="ca.pem", token_file="token") as client:
        run = client.create(pathlib.Path("nightly.yaml"), name="nightly")
        run = client.wait("nightly")
"""

from throng.client import Client, RunFailed, read

__all__ = ["Client", "RunFailed", "read"]
