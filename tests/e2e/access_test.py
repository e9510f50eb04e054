"""A stranger gets nothing: throngd on TCP with TLS, certificates and tokens, and on sockets of groups."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import unittest

import daemon
import grpc
import yaml
from throng.v1 import plugin_service_pb2, plugin_service_pb2_grpc, run_service_pb2

CLIENT = os.environ["THRONG_CLIENT"]
TOKENS = {"operator": "a-token-of-an-operator", "reader": "a-token-of-a-reader"}
UNAVAILABLE, UNAUTHENTICATED, DENIED, NOT_FOUND = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
)


class Authority:
    """A CA and what it vouches for, as PEM files NAME.crt and NAME.key in a folder."""

    KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

    def __init__(self, folder, name):
        self.folder = folder
        self.ca = folder / f"{name}.crt"
        self.ca_key = folder / f"{name}.key"
        self._openssl("req", "-x509", *self.KEY, "-keyout", self.ca_key, "-out", self.ca,
                      "-subj", f"/CN={name}", "-days", "2")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, file, name, days=2, alternatives="DNS:localhost,IP:127.0.0.1"):
        request = self.folder / "request.pem"
        extensions = self.folder / "extensions.txt"
        extensions.write_text(f"subjectAltName={alternatives}\n", encoding="utf-8")
        key, certificate = self.folder / f"{file}.key", self.folder / f"{file}.crt"
        self._openssl("req", *self.KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key,
                      "-CAcreateserial", "-days", days, "-extfile", extensions,
                      "-out", certificate)
        key.chmod(0o600)
        return certificate, key


class ConfiguredDaemon(daemon.Daemon):
    """With a throngd.yaml of the test's, and its socket for the test itself."""

    def __init__(self, folder, settings, *arguments, **variables):
        self.settings = settings
        self.variables = variables
        super().__init__(folder, *arguments)

    def write(self):
        socket_listener = {"address": f"unix:{self.socket}"}
        settings = {
            "state_folder": str(self.folder / "state"),
            "output_roots": [str(self.out)],
            "plugin_folders": [str(folder) for folder in self.plugin_folders],
            **self.settings,
            "listeners": [socket_listener, *self.settings.get("listeners", [])],
        }
        (self.folder / "throngd.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def start(self):
        self.write()
        self.log = open(self.folder / "throngd.log", "ab")
        self.process = subprocess.Popen(
            [daemon.DAEMON, "--config", str(self.folder / "throngd.yaml"), *self.arguments],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, **self.variables})
        self.connect()

    def reload(self, said):
        """Writes the settings, sends SIGHUP and waits until the log says so."""
        self.write()
        before = self.log_text().count(said)
        self.process.send_signal(signal.SIGHUP)
        give_up = time.monotonic() + daemon.PATIENCE_SECONDS
        while self.log_text().count(said) == before:
            if time.monotonic() > give_up:
                raise AssertionError(f"not said: {said}\n{self.log_text()}")
            time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def code_of(call, *arguments, **options):
    """The status code of a call, and what is said."""
    try:
        call(*arguments, timeout=20, **options)
        return grpc.StatusCode.OK, ""
    except grpc.RpcError as error:
        return error.code(), error.details()


class AccessTest(unittest.TestCase):
    def setUp(self):
        self.folder = daemon.scratch_folder(self)
        self.pki = self.folder / "pki"
        self.pki.mkdir()
        self.ca = Authority(self.pki, "ca")
        self.server = self.ca.issue("server", "localhost")
        self.tokens = self.pki / "tokens"
        self.write_tokens(TOKENS)
        self.port = free_port()
        self.listener = {
            "address": f"127.0.0.1:{self.port}",
            "tls": {"certificate": str(self.server[0]), "key": str(self.server[1])},
        }

    def write_tokens(self, tokens):
        fresh = self.pki / "tokens.new"
        fresh.write_text("".join(f"{role}-name {role} {token}\n" for role, token in tokens.items()),
                         encoding="utf-8")
        fresh.chmod(0o600)
        fresh.rename(self.tokens)

    def start(self, *listeners, settings=None, arguments=(), **variables):
        started = ConfiguredDaemon(self.folder, {"listeners": list(listeners), **(settings or {})},
                                   *arguments, **variables)
        self.addCleanup(started.close)
        return started

    def with_clients(self):
        self.listener["tls"]["client_ca"] = str(self.ca.ca)
        self.listener["clients"] = [{"name": "ci", "role": "operator"},
                                    {"name": "spiffe://here/board", "role": "reader"}]

    def channel(self, ca=None, identity=None, token=None, port=None):
        """A channel over TLS, with a new connection."""
        read = lambda path: pathlib.Path(path).read_bytes()
        chain, key = (read(identity[0]), read(identity[1])) if identity else (None, None)
        credentials = grpc.ssl_channel_credentials(read(ca or self.ca.ca), key, chain)
        if token:
            credentials = grpc.composite_channel_credentials(
                credentials, grpc.access_token_call_credentials(token))
        channel = grpc.secure_channel(f"localhost:{port or self.port}", credentials,
                                      options=[("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        return channel

    def presets(self, channel):
        call = plugin_service_pb2_grpc.PluginServiceStub(channel).ListPresets
        return code_of(call, plugin_service_pb2.ListPresetsRequest())[0]

    def delete(self, channel):
        call = daemon.run_service_pb2_grpc.RunServiceStub(channel).DeleteRun
        return code_of(call, run_service_pb2.DeleteRunRequest(name="runs/none"))

    def assert_comes_in(self, make_channel):
        """At some time soon: files are looked at again after a second."""
        give_up = time.monotonic() + 20
        while (code := self.presets(make_channel())) != grpc.StatusCode.OK:
            self.assertLess(time.monotonic(), give_up, f"still {code}")
            time.sleep(0.2)

    def assert_stays_out(self, make_channel, expected):
        give_up = time.monotonic() + 20
        while (code := self.presets(make_channel())) != expected:
            self.assertLess(time.monotonic(), give_up, f"still {code}")
            time.sleep(0.2)

    def test_certificates_say_who_may_do_what(self):
        self.with_clients()
        started = self.start(self.listener)
        operator = self.ca.issue("operator", "ci")
        reader = self.ca.issue("reader", "b", alternatives="URI:spiffe://here/board")
        self.assertEqual(self.delete(self.channel(identity=operator))[0], NOT_FOUND)
        self.assertEqual(self.presets(self.channel(identity=reader)), grpc.StatusCode.OK)
        self.assertEqual(
            self.delete(self.channel(identity=reader)),
            (DENIED, "throng.v1.RunService/DeleteRun is for operators, and spiffe://here/board is "
                     "a reader."))
        stranger = self.ca.issue("stranger", "nobody")
        code, said = self.delete(self.channel(identity=stranger))
        self.assertEqual(code, UNAUTHENTICATED)
        self.assertIn('The certificate of "nobody" is not among `clients`', said)
        # Who changed something is in the log, who looked is not.
        self.assertIn("ci calls throng.v1.RunService/DeleteRun.", started.log_text())
        self.assertNotIn("board calls", started.log_text())
        # Nor do they hear of health and reflection.
        health = self.channel(identity=stranger).unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(code_of(health, b"")[0], UNAUTHENTICATED)

    def test_strangers_do_not_get_through_the_handshake(self):
        self.with_clients()
        self.start(self.listener)
        other = Authority(self.pki, "other")
        self.assertEqual(self.presets(self.channel()), UNAVAILABLE, "no certificate")
        wrong = other.issue("wrong", "ci")
        self.assertEqual(self.presets(self.channel(identity=wrong)), UNAVAILABLE, "wrong CA")
        expired = self.ca.issue("expired", "ci", days=-1)
        self.assertEqual(self.presets(self.channel(identity=expired)), UNAVAILABLE, "expired")
        operator = self.ca.issue("operator", "ci")
        channel = self.channel(ca=other.ca, identity=operator)
        self.assertEqual(self.presets(channel), UNAVAILABLE, "another CA vouches for the daemon")
        with grpc.insecure_channel(f"localhost:{self.port}") as plain:
            self.assertEqual(self.presets(plain), UNAVAILABLE, "plain text")
        with socket.create_connection(("127.0.0.1", self.port)) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            raw.settimeout(20)
            self.assertNotIn(b"HTTP/1", raw.recv(4096))
        self.assertEqual(self.presets(self.channel(identity=operator)), grpc.StatusCode.OK)

    def test_tokens_say_who_may_do_what(self):
        self.listener["tokens"] = str(self.tokens)
        self.start(self.listener)
        self.assertEqual(self.delete(self.channel(token=TOKENS["operator"]))[0], NOT_FOUND)
        self.assertEqual(self.presets(self.channel(token=TOKENS["reader"])), grpc.StatusCode.OK)
        self.assertEqual(self.delete(self.channel(token=TOKENS["reader"]))[0], DENIED)
        code, said = self.delete(self.channel(token="a-token-of-nobody"))
        self.assertEqual((code, said), (UNAUTHENTICATED, "The token is not known here; ask the "
                                                         "daemon's operator."))
        self.assertEqual(self.delete(self.channel())[0], UNAUTHENTICATED)
        with grpc.insecure_channel(f"localhost:{self.port}") as plain:
            self.assertEqual(self.presets(plain), UNAVAILABLE)
        # On one connection each call is asked for itself.
        channel = self.channel()
        for token, code in ((TOKENS["operator"], NOT_FOUND), (TOKENS["reader"], DENIED),
                            ("a-token-of-nobody", UNAUTHENTICATED)):
            call = daemon.run_service_pb2_grpc.RunServiceStub(channel).DeleteRun
            self.assertEqual(
                code_of(call, run_service_pb2.DeleteRunRequest(name="runs/none"),
                        metadata=[("authorization", f"Bearer {token}")])[0], code)

    def test_certificates_and_tokens_are_read_again_when_they_change(self):
        self.listener["tokens"] = str(self.tokens)
        started = self.start(self.listener)
        token = TOKENS["operator"]
        self.assertEqual(self.presets(self.channel(token=token)), grpc.StatusCode.OK)
        self.write_tokens({"operator": "another-token-of-it"})
        self.assert_stays_out(lambda: self.channel(token=token), UNAUTHENTICATED)
        self.assert_comes_in(lambda: self.channel(token="another-token-of-it"))
        # Half a file changes nothing.
        self.tokens.write_text("operator-name oper", encoding="utf-8")
        time.sleep(1.5)
        self.assertEqual(self.presets(self.channel(token="another-token-of-it")),
                         grpc.StatusCode.OK)
        started.reload("who may call stays as it was")
        self.write_tokens(TOKENS)
        other = Authority(self.pki, "other")
        other.issue("server", "localhost")
        self.assert_comes_in(lambda: self.channel(ca=other.ca, token=token))
        self.assertEqual(self.presets(self.channel(token=token)), UNAVAILABLE)

    def test_sighup_reads_the_settings_again(self):
        self.with_clients()
        started = self.start(self.listener)
        operator = self.ca.issue("operator", "ci")
        fresh = self.ca.issue("fresh", "fresh")
        self.assertEqual(self.presets(self.channel(identity=fresh)), UNAUTHENTICATED)
        self.listener["clients"] = [{"name": "fresh", "role": "reader"}]
        started.settings["max_streams"] = 7
        started.reload("SIGHUP: the settings were read again.")
        self.assertIn("SIGHUP: `max_streams` is other than before; it takes effect when throngd is "
                      "started again.", started.log_text())
        self.assertEqual(self.presets(self.channel(identity=fresh)), grpc.StatusCode.OK)
        self.assertEqual(self.delete(self.channel(identity=fresh))[0], DENIED)
        self.assertEqual(self.presets(self.channel(identity=operator)), UNAUTHENTICATED)
        self.listener["clients"] = [{"name": "fresh", "role": "king"}]
        started.reload("nothing is changed, as the settings are wrong: listeners[1].clients[0]")
        self.assertEqual(self.presets(self.channel(identity=fresh)), grpc.StatusCode.OK)

    def test_a_socket_is_open_to_whom_its_listener_names(self):
        readers = self.folder / "open" / "readers"
        self.start({"address": f"unix:{readers}", "mode": "0666", "role": "reader"})
        self.assertEqual(readers.stat().st_mode & 0o777, 0o666)
        self.assertEqual(readers.parent.stat().st_mode & 0o777, 0o755)
        self.assertEqual((self.folder / "s").stat().st_mode & 0o777, 0o600)
        with grpc.insecure_channel(f"unix:{readers}") as channel:
            self.assertEqual(self.presets(channel), grpc.StatusCode.OK)
            self.assertEqual(self.delete(channel)[0], DENIED)

    def test_throngctl_comes_in_with_what_its_flags_name(self):
        self.with_clients()
        self.listener["tokens"] = str(self.tokens)
        self.start(self.listener)
        operator = self.ca.issue("operator", "ci")
        token = self.pki / "token"
        token.write_text(TOKENS["reader"] + "\n", encoding="utf-8")
        address = ("--address", f"localhost:{self.port}")
        ca = ("--cacert", self.ca.ca)
        mine = ("--cert", operator[0], "--key", operator[1])

        def throngctl(*arguments, variables=None):
            command = [CLIENT, *map(str, arguments)]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                                  env={**os.environ, **(variables or {})})

        self.assertEqual(throngctl("runs", "list", *address, *ca, *mine).returncode, 0)
        done = throngctl("runs", "list", *address, *ca, "--token-file", token)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = throngctl("runs", "list", *address, variables={
            "THRONG_CACERT": str(self.ca.ca), "THRONG_TOKEN_FILE": str(token)})
        self.assertEqual(done.returncode, 0, done.stderr)
        done = throngctl("runs", "delete", "none", *address, *ca, "--token-file", token)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr,
                         f"The daemon at localhost:{self.port} refuses: throng.v1.RunService/"
                         "DeleteRun is for operators, and reader-name is a reader.\n")
        done = throngctl("runs", "delete", "none", *address, *ca, *mine)
        self.assertEqual(done.returncode, 4, done.stderr)
        done = throngctl("runs", "list", *address, *ca)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("refuses: The daemon asks for a token", done.stderr)
        done = throngctl("runs", "list", "--address", f"127.0.0.1:{self.port}", *ca, *mine)
        self.assertEqual(done.returncode, 0, done.stderr)
        for wrong in ((), ("--cacert", operator[0], *mine), ("--tls", *mine),
                      (*ca, *mine, "--server-name", "elsewhere")):
            done = throngctl("runs", "list", *address, *wrong)
            self.assertEqual(done.returncode, 3, (wrong, done.stderr))
            if wrong:
                self.assertIn("See to --cacert, --cert, --key and --server-name", done.stderr)
        done = throngctl("runs", "list", *address, *ca, "--cert", operator[0])
        self.assertEqual(done.returncode, 2, done.stderr)

    def refused(self, listener, *said, **settings):
        """What a throngd says that does not start; its exit code is 1."""
        file = self.folder / "refused.yaml"
        settings = {"state_folder": str(self.folder / "refused"), "output_roots": [str(self.folder)],
                    "listeners": [listener], **settings}
        file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        done = subprocess.run([daemon.DAEMON, "--config", str(file)], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        for part in said:
            self.assertIn(part, done.stderr)

    def test_files_that_do_not_fit_are_told_at_the_start(self):
        self.listener["tokens"] = str(self.tokens)
        other = self.ca.issue("other-server", "localhost")
        tls = self.listener["tls"]
        tls["key"] = str(other[1])
        self.refused(self.listener, f"{other[1]}: Is not the key of {self.server[0]}.")
        tls["key"] = str(self.server[1])
        self.server[1].chmod(0o644)
        self.refused(self.listener, f"{self.server[1]}: Every user can open it")
        self.server[1].chmod(0o600)
        self.tokens.chmod(0o644)
        self.refused(self.listener, f"{self.tokens}: Every user can open it")
        self.tokens.chmod(0o600)
        self.refused({"address": f"unix:{self.folder}/g", "mode": "0660", "group": "no-such-group"},
                     'There is no group "no-such-group"')

    def test_state_folders_of_others_are_refused(self):
        state = self.folder / "theirs"
        state.mkdir()
        state.chmod(0o1777)
        listener = {"address": f"unix:{self.folder}/g"}
        self.refused(listener, f"Every user can write in the state folder {state}.",
                     state_folder=str(state))
        state.chmod(0o700)
        if os.geteuid() != 0:
            self.skipTest("only root can give a folder away")
        shutil.chown(state, 12345)
        self.refused(listener, f"The state folder {state} belongs to another user (uid 12345).",
                     state_folder=str(state))

    def test_a_worker_has_the_secrets_that_its_run_names(self):
        started = self.start(settings={"environment": ["THRONG_SECRET_A", "THRONG_SECRET_B"]},
                             THRONG_SECRET_A="first", THRONG_SECRET_B="second")
        run = {"dataset": {"interactions": 1000}, "pace": {"rate": 1}}
        started.create({**run, "outputs": [{
            "format": {"component": "csv"},
            "sink": {"component": "file", "options": {"path": "rows.csv"}}}]}, "none")
        [without] = started.workers()
        started.create({**run, "outputs": [{
            "format": {"component": "json"},
            "sink": {"component": "kafka", "options": {
                "bootstrap_servers": "localhost:1", "topic": "t", "sasl_mechanism": "PLAIN",
                "security_protocol": "sasl_plaintext", "sasl_username": "u",
                "sasl_password": "env:THRONG_SECRET_A"}}}]}, "one")
        [with_one] = set(started.workers()) - {without}
        variables = lambda pid: pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        self.assertFalse([v for v in variables(without) if v.startswith(b"THRONG_SECRET")])
        self.assertEqual([v for v in variables(with_one) if v.startswith(b"THRONG_SECRET")],
                         [b"THRONG_SECRET_A=first"])


if __name__ == "__main__":
    unittest.main()
