"""Callers in other languages, over TLS with a token: client/examples, and the Python package.

What is not there (a toolchain, a registry) is skipped, and the reason said.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import access_test
import daemon
import docs_test

ROOT = docs_test.ROOT
EXAMPLES = ROOT / "client/examples"
BUILT = pathlib.Path(os.environ["THRONG_CLIENTS"])  # kept, so that little is fetched twice
ROWS = ["user_18 item_18 4 2024-01-01T18:17:43", "user_2 item_39 5 2024-01-01T21:19:48",
        "user_11 item_29 3 2024-01-04T12:29:14", "user_11 item_37 4 2024-01-04T12:30:02",
        "user_14 item_21 3.5 2024-01-04T15:49:35"]
TOKEN = "a-token-of-an-operator"
FETCH_SECONDS = 600


def version_of(*command):
    """The numbers that a program says its version by; none: it is not there."""
    if not shutil.which(command[0]):
        return ()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    found = re.search(r"(\d+)\.(\d+)", done.stdout + done.stderr)
    return tuple(int(number) for number in found.groups()) if found else ()


class ClientsTest(unittest.TestCase):
    """With a daemon on a port with TLS, and a token in a file."""

    def setUp(self):
        self.folder = daemon.scratch_folder(self)
        self.ca = access_test.Authority(self.folder, "ca")
        certificate, key = self.ca.issue("server", "localhost")
        tokens = self.folder / "tokens"
        tokens.write_text(f"ci operator {TOKEN}\n", encoding="utf-8")
        tokens.chmod(0o600)
        self.token = self.folder / "token"
        self.token.write_text(f"{TOKEN}\n", encoding="utf-8")
        self.address = f"localhost:{access_test.free_port()}"
        self.daemon = access_test.ConfiguredDaemon(self.folder, {"listeners": [{
            "address": self.address.replace("localhost", "127.0.0.1"), "tokens": str(tokens),
            "tls": {"certificate": str(certificate), "key": str(key)}}]})
        self.addCleanup(self.daemon.close)
        self.environment = {**os.environ, "THRONG_CACERT": str(self.ca.ca),
                            "THRONG_TOKEN_FILE": str(self.token)}

    def need(self, tool, least, *command):
        version = version_of(*command)
        if version < least:
            self.skipTest(f"{tool} {'.'.join(map(str, least))} is not here, but "
                          f"{'.'.join(map(str, version)) or 'none'}")

    def copy(self, language):
        """The example beside the protos, as in a checkout, in a folder that is kept."""
        folder = BUILT / "client/examples" / language
        shutil.copytree(EXAMPLES / language, folder, dirs_exist_ok=True)
        shutil.copytree(ROOT / "proto", BUILT / "proto", dirs_exist_ok=True)
        return folder

    def fetch(self, *command, cwd):
        """What needs a registry; without one there is nothing to test."""
        try:
            done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False,
                                  timeout=FETCH_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.skipTest(str(error))
        if done.returncode:
            self.skipTest(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-500:]}")

    def run_in(self, folder, *command, environment=None):
        done = subprocess.run(command, cwd=folder, env=environment or self.environment,
                              capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def assert_rows(self, printed):
        plain = [re.sub(r"(\d)\.0 ", r"\1 ", re.sub(r"(\.\d+)?Z$", "", line))
                 for line in printed.splitlines()]
        self.assertEqual(plain, ROWS)

    def assert_refused(self, folder, *command):
        self.token.write_text("another token\n", encoding="utf-8")
        done = subprocess.run(command, cwd=folder, env=self.environment, capture_output=True,
                              text=True, check=False, timeout=300)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout + done.stderr, "(?i)unauthenticated")

    def test_node(self):
        self.need("Node.js", (18, 0), "node", "--version")
        folder = self.copy("node")
        self.fetch("npm", "ci", "--no-audit", "--no-fund", cwd=folder)
        self.assert_rows(self.run_in(folder, "node", "rows.js", self.address))
        self.assert_rows(self.run_in(folder, "node", "rows.js", f"unix:{self.daemon.socket}",
                                     environment=dict(os.environ)))
        self.assert_refused(folder, "node", "rows.js", self.address)

    def test_go(self):
        self.need("Go", (1, 26), "go", "version")
        self.need("protoc", (3, 21), "protoc", "--version")
        folder = self.copy("go")
        self.fetch("go", "mod", "download", cwd=folder)
        self.run_in(folder, "./generate")
        self.run_in(folder, "go", "build", "-o", "bin/rows", ".")
        self.assert_rows(self.run_in(folder, "bin/rows", self.address))
        self.assert_rows(self.run_in(folder, "bin/rows", f"unix:{self.daemon.socket}",
                                     environment=dict(os.environ)))
        self.assert_refused(folder, "bin/rows", self.address)

    def test_java(self):
        self.need("Java", (17, 0), "javac", "-version")
        self.need("Maven", (3, 8), "mvn", "-version")
        folder = self.copy("java")
        self.fetch("mvn", "-q", "-B", "compile", cwd=folder)
        run = ("mvn", "-q", "-B", "exec:java", f"-Dexec.args={self.address}")
        printed = re.sub(r"\x1b\[\d*m", "", self.run_in(folder, *run))
        self.assert_rows(printed.strip() + "\n")
        self.assert_refused(folder, *run)

    def test_python(self):
        packages = self.install_python()
        environment = {**self.environment, "PYTHONPATH": str(packages)}
        code = ("import os, sys, pathlib, throng\n"
                "with throng.Client(sys.argv[1], ca=os.environ['THRONG_CACERT'],\n"
                "                   token_file=os.environ['THRONG_TOKEN_FILE']) as client:\n"
                "    for row in client.read({'dataset': {'size': 'quick', 'seed': 7}}, rows=5)"
                ".itertuples():\n"
                "        print(row.user_id, row.item_id, f'{row.rating:g}', f'{row.timestamp:%FT%T}Z')\n")
        self.assert_rows(self.run_in(self.folder, sys.executable, "-c", code, self.address,
                                     environment=environment))

    def install_python(self):
        """The package, of client/python as it stands, without what it needs: the test has that."""
        packages = self.folder / "packages"
        checkout = self.folder / "checkout"
        shutil.copytree(ROOT / "client/python", checkout / "client/python")
        shutil.copytree(ROOT / "proto", checkout / "proto")
        self.run_in(checkout, sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                    "--no-build-isolation", "--disable-pip-version-check", "--target",
                    str(packages), "./client/python")
        return packages

    def test_the_python_package_reads_frames_and_drives_runs(self):
        environment = {**os.environ, "PYTHONPATH": str(self.install_python()),
                       "THRONG_ADDRESS": f"unix:{self.daemon.socket}"}
        (self.folder / "spec.yaml").write_text("dataset: {size: quick}", encoding="utf-8")
        code = r"""
import json, pathlib
import pandas as pd
import throng

whole = throng.read(pathlib.Path("spec.yaml"))
part = throng.read("dataset: {size: quick}", start_row=90, rows=5)
assert part.equals(whole.iloc[90:95]), part
assert list(part.index) == [90, 91, 92, 93, 94]
assert throng.read({"dataset": {"size": "quick"}}, rows=100).equals(whole)
more = throng.read("dataset: {size: quick}", columns=["kind", "session_id", "choice.niche"])
assert more["kind"].dtype == "category" and more["kind"].notna().all(), more.dtypes
assert len(more) == 100 and list(more.columns) == ["kind", "session_id", "choice.niche"]
ids = throng.read("dataset: {size: quick, world: {ids: integer}}", rows=3)
assert ids["user_id"].dtype == "uint32", ids.dtypes
with throng.Client() as client:
    output = {"format": {"component": "csv"}, "sink": {"component": "file", "options": {"path": "a.csv"}}}
    spec = {"dataset": {"size": "quick"}, "outputs": [output]}
    run = client.create(spec, "a", labels={"team": "x"})
    assert run.name == "runs/a" and run.labels["team"] == "x"
    states = [run.state for run in client.watch("a")]
    assert client.wait("runs/a").outputs[0].rows == 100
    taken = {**spec, "outputs": [{**output, "sink": {"component": "file", "options": {"path": "b.csv"}}}]}
    client.create(taken, "b")
    try:
        client.wait("b")
    except throng.RunFailed as error:
        print(error)
whole["timestamp"] = whole["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
print(whole.to_csv(index=False), end="")
"""
        (self.daemon.out / "b.csv").write_text("not ours", encoding="utf-8")
        printed = self.run_in(self.folder, sys.executable, "-c", code, environment=environment)
        failure, _, rows = printed.partition("\n")
        self.assertIn("b.csv", failure)
        self.assertEqual(rows, (self.daemon.out / "a.csv").read_text(encoding="utf-8"))

    def test_grpcurl_as_the_page_has_it(self):
        page = (ROOT / "docs/how-to/embed-grpc.md").read_text(encoding="utf-8")
        command = re.search(r"^grpcurl (?:.*\\\n)*.*$", page, re.MULTILINE)[0]
        self.assertIn("ListRuns", command)
        if not shutil.which("grpcurl"):
            self.skipTest("grpcurl is not here")
        for shown, real in (("localhost:7443", self.address), ("ca.crt", str(self.ca.ca)),
                            ("$(cat token)", TOKEN)):
            self.assertIn(shown, command)
            command = command.replace(shown, real)
        self.assertEqual(json.loads(self.run_in(self.folder, "bash", "-c", command)), {})

    def test_buf_curl(self):
        buf = os.environ["THRONG_BUF"]
        if not os.access(buf, os.X_OK):
            self.skipTest("buf is not here")
        told = self.run_in(self.folder, buf, "curl", "--cacert", str(self.ca.ca), "--protocol",
                           "grpc", "--http2-prior-knowledge", "--schema", str(ROOT / "proto"),
                           "--header", f"authorization: Bearer {TOKEN}",
                           f"https://{self.address}/throng.v1.RunService/ListRuns")
        self.assertEqual(json.loads(told), {})


if __name__ == "__main__":
    unittest.main()
