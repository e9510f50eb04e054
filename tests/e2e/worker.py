"""How the end-to-end tests run throng-worker: the binary, specs, and what a run leaves behind."""

import hashlib
import json
import os
import pathlib
import subprocess

BINARY = os.environ.get("THRONG_BIN", "build/release/bin/throng-worker")
PLUGINS = os.environ.get("THRONG_PLUGINS", "build/release/plugins")
IS_LONG = os.environ.get("THRONG_LONG") == "1"
# Of the calls at which a process is killed every how many-th is tried: under sanitizers, which look
# for other faults, not each.
STRIDE = 1 if IS_LONG else int(os.environ.get("THRONG_STRIDE", "1"))


def command(spec, *arguments):
    """The command line of a run of the spec in the file `spec`."""
    return [BINARY, "run", "--spec", str(spec), "--plugin-dir", PLUGINS, *arguments]


def run(spec, *arguments, **options):
    """Runs the spec in the file `spec` to its end; stdout and stderr are captured as text."""
    options = {"capture_output": True, "text": True, "timeout": 600, **options}
    return subprocess.run(command(spec, *arguments), check=False, **options)


def file_output(path, component="csv", options=None, **fields):
    """An output into the file `path`; `options` are those of the format."""
    output_format = {"component": component, "options": options or {}}
    sink = {"component": "file", "options": {"path": str(path)}}
    return {"name": "rows", "format": output_format, "sink": sink, **fields}


def write_spec(file, *outputs, dataset=None, **fields):
    """Writes a spec, as JSON, and returns its file."""
    spec = {"dataset": dataset or {}, "outputs": list(outputs), **fields}
    pathlib.Path(file).write_text(json.dumps(spec), encoding="utf-8")
    return file


def read_rows(source, decoder=None, columns=(), mapping=None):
    """What the program read_rows finds in a place: rows, each a list of texts (the four columns of
    interactions, then those that are named), and lines of what is damaged or wrong."""
    place = {"source": source, "columns": mapping or {}}
    if decoder is not None:
        place["decoder"] = decoder
    done = subprocess.run([os.environ["THRONG_READ_ROWS"], PLUGINS, json.dumps(place), *columns],
                          capture_output=True, text=True, check=False, timeout=600)
    return [line.split(",") for line in done.stdout.splitlines()], done.stderr.splitlines()


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest(path):
    """The manifest of the finished file `path`."""
    with open(f"{path}.manifest.json", encoding="utf-8") as file:
        return json.load(file)
