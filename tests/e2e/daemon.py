"""How the end-to-end tests run throngd and call it: a daemon in a folder of its own, with stubs."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.environ["THRONG_STUBS"])

import grpc
from google.rpc import error_details_pb2, status_pb2
from throng.v1 import (
    generation_service_pb2,
    generation_service_pb2_grpc,
    plugin_service_pb2_grpc,
    run_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    spec_source_pb2,
)

DAEMON = os.environ["THRONG_DAEMON"]
PLUGINS = os.environ["THRONG_PLUGINS"]
IS_LONG = os.environ.get("THRONG_LONG") == "1"
PATIENCE_SECONDS = 60

STARTING, RUNNING, PAUSED, STOPPED, SUCCEEDED, FAILED = (
    run_pb2.RUN_STATE_STARTING,
    run_pb2.RUN_STATE_RUNNING,
    run_pb2.RUN_STATE_PAUSED,
    run_pb2.RUN_STATE_STOPPED,
    run_pb2.RUN_STATE_SUCCEEDED,
    run_pb2.RUN_STATE_FAILED,
)


def source(spec):
    """A spec, as a dict, as the source of a request."""
    layer = spec_source_pb2.SpecLayer(name="test", text=json.dumps(spec))
    return spec_source_pb2.SpecSource(layers=[layer])


def error_info(error):
    """The ErrorInfo and the field violations of a grpc.RpcError."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    info, violations = None, []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            request = error_details_pb2.BadRequest()
            detail.Unpack(request)
            violations = [(v.field, v.description) for v in request.field_violations]
    return info, violations


class Daemon:
    """A throngd with its state, socket and outputs below one folder; killed and started at will."""

    def __init__(self, folder, *arguments, plugin_folders=(PLUGINS,)):
        self.folder = pathlib.Path(folder)
        self.out = self.folder / "out"
        self.out.mkdir(exist_ok=True)
        self.socket = self.folder / "s"
        self.arguments = list(arguments)
        self.plugin_folders = plugin_folders
        self.process = None
        self.channel = None
        self.start()

    def start(self):
        self.log = open(self.folder / "throngd.log", "ab")
        command = [DAEMON, "--listen", f"unix:{self.socket}", "--state", str(self.folder / "state")]
        command += ["--output-root", str(self.out)]
        for plugin_folder in self.plugin_folders:
            command += ["--plugin-dir", str(plugin_folder)]
        self.process = subprocess.Popen(
            command + self.arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self.connect()

    def connect(self):
        if self.channel:
            self.channel.close()
        options = [
            ("grpc.min_reconnect_backoff_ms", 50),
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.max_receive_message_length", 16 << 20),
            # Else it shares the connection of the channel before it, which may be stuck for ever.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self.channel = grpc.insecure_channel(f"unix:{self.socket}", options=options)
        try:
            grpc.channel_ready_future(self.channel).result(PATIENCE_SECONDS)
        except grpc.FutureTimeoutError as error:
            raise AssertionError(f"throngd does not answer: {self.log_text()}") from error
        self.runs = run_service_pb2_grpc.RunServiceStub(self.channel)
        self.generation = generation_service_pb2_grpc.GenerationServiceStub(self.channel)
        self.plugins = plugin_service_pb2_grpc.PluginServiceStub(self.channel)

    def log_text(self):
        return (self.folder / "throngd.log").read_text(encoding="utf-8", errors="replace")

    def kill(self):
        """SIGKILL, and no goodbye."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def restart(self):
        self.kill()
        self.start()

    def close(self):
        """Ends it as an operator would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_SECONDS)
            finally:
                self.process.kill()
                self.process.wait()
        self.channel.close()
        self.log.close()

    def workers(self):
        """Process ids of the live workers below this daemon, or left behind by it."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
                is_here = os.readlink(folder / "cwd") == str(self.out.resolve())
            except OSError:
                continue  # ended meanwhile
            if is_here and b"serve" in command:
                found.append(int(folder.name))
        return found

    def create(self, spec, run_id="", **fields):
        request = run_service_pb2.CreateRunRequest(run_id=run_id, source=source(spec), **fields)
        return self.runs.CreateRun(request, timeout=PATIENCE_SECONDS).run

    def get(self, name):
        request = run_service_pb2.GetRunRequest(name=name)
        return self.runs.GetRun(request, timeout=PATIENCE_SECONDS).run

    def pause(self, name):
        return self.runs.PauseRun(run_service_pb2.PauseRunRequest(name=name), timeout=10).run

    def resume(self, name):
        return self.runs.ResumeRun(run_service_pb2.ResumeRunRequest(name=name), timeout=10).run

    def stop(self, name):
        return self.runs.StopRun(run_service_pb2.StopRunRequest(name=name), timeout=10).run

    def wait(self, name, is_so, what, seconds=PATIENCE_SECONDS):
        """The run, once `is_so(run)`."""
        give_up = time.monotonic() + seconds
        while True:
            run = self.get(name)
            if is_so(run):
                return run
            if time.monotonic() > give_up:
                raise AssertionError(f"{name}: {what} did not come: {run}\n{self.log_text()}")
            time.sleep(0.01)

    def wait_for_state(self, name, *states, seconds=PATIENCE_SECONDS):
        return self.wait(name, lambda run: run.state in states, f"state {states}", seconds)


def scratch_folder(test, prefix="throngd-"):
    """A temporary folder that goes with the test; its path is short enough for sockets."""
    folder = tempfile.TemporaryDirectory(prefix=prefix)
    test.addCleanup(folder.cleanup)
    return pathlib.Path(folder.name)
