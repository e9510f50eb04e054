"""Those who watch a daemon: metrics by Prometheus itself, readiness, the log, the service manager."""

import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import access_test
import daemon
import worker

ROOT = pathlib.Path(__file__).parents[2]
MONITORING = ROOT / "deploy/monitoring"


def get(address, path, token=None, context=None):
    """Status and text of a page."""
    request = urllib.request.Request(f"{address}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(text):
    """The samples of a scrape, by name and labels as they stand there."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


class WatchTest(unittest.TestCase):
    def setUp(self):
        self.folder = daemon.scratch_folder(self)
        self.port = access_test.free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self, settings=None, arguments=(), **variables):
        http = {"address": f"127.0.0.1:{self.port}", "insecure": True}
        started = access_test.ConfiguredDaemon(
            self.folder, {"http": http, **(settings or {})}, *arguments, **variables)
        self.addCleanup(started.close)
        return started

    def paced(self, started, name, rows=1_000_000):
        spec = {"dataset": {"interactions": rows}, "pace": {"rate": 2000},
                "outputs": [worker.file_output(started.out / f"{name}.csv", "csv",
                                               commit_rows=500)]}
        return started.create(spec, name)

    def scrape(self):
        status, text = get(self.address, "/metrics")
        self.assertEqual(status, 200)
        return samples(text)

    def wait_for(self, is_so, what):
        give_up = time.monotonic() + daemon.PATIENCE_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), give_up, what)
            time.sleep(0.05)

    def test_metrics_follow_runs_and_forget_them(self):
        started = self.start()
        self.assertEqual(get(self.address, "/healthz"), (200, "ok\n"))
        self.assertEqual(get(self.address, "/elsewhere")[0], 404)
        run = self.paced(started, "nightly")
        rows = 'throng_output_rows_total{run="nightly",output="rows"}'
        self.wait_for(lambda: self.scrape().get(rows, 0) > 1000, "rows")
        found = self.scrape()
        self.assertEqual(found['throng_runs{state="running"}'], 1)
        self.assertEqual(found['throng_run_state{run="nightly",state="running"}'], 1)
        self.assertEqual(found['throng_output_expected_rows{run="nightly",output="rows"}'],
                         1_000_000)
        self.assertGreater(found['throng_output_bytes_total{run="nightly",output="rows"}'], 10_000)
        self.assertGreater(found['throng_output_position{run="nightly",output="rows"}'], 0)
        self.assertIn('throng_run_restarts_total{run="nightly"}', found)
        commits = [value for name, value in found.items()
                   if name.startswith('throng_commit_seconds_bucket{run="nightly",output="rows"')]
        self.assertGreater(commits[-1], 0)
        self.assertEqual(commits, sorted(commits))
        started.stop(run.name)
        started.wait_for_state(run.name, daemon.STOPPED)
        self.wait_for(lambda: not [s for s in self.scrape() if "nightly" in s], "it is forgotten")
        started.runs.DeleteRun(daemon.run_service_pb2.DeleteRunRequest(name=run.name))
        self.assertEqual(self.scrape()['throng_runs{state="stopped"}'], 0)

    def test_strangers_see_whether_it_is_well_and_nothing_else(self):
        pki = self.folder / "pki"
        pki.mkdir()
        authority = access_test.Authority(pki, "ca")
        certificate, key = authority.issue("server", "localhost")
        tokens = pki / "tokens"
        tokens.write_text("prometheus reader a-token-of-prometheus\n", encoding="utf-8")
        tokens.chmod(0o600)
        self.start({"http": {"address": f"127.0.0.1:{self.port}", "tokens": str(tokens),
                             "tls": {"certificate": str(certificate), "key": str(key)}}})
        trusting = ssl.create_default_context(cafile=authority.ca)
        address = f"https://localhost:{self.port}"
        self.assertEqual(get(address, "/metrics", "a-token-of-prometheus", trusting)[0], 200)
        self.assertEqual(get(address, "/metrics", "a-token-of-nobody", trusting)[0], 401)
        self.assertEqual(get(address, "/metrics", None, trusting)[0], 401)
        self.assertEqual(get(address, "/healthz", None, trusting), (200, "ok\n"))
        with self.assertRaises(OSError):
            get(f"http://localhost:{self.port}", "/healthz")
        # A new certificate is in use at once.
        other = access_test.Authority(pki, "other")
        other.issue("server", "localhost")
        with self.assertRaises(urllib.error.URLError):
            get(address, "/healthz", None, trusting)
        self.assertEqual(get(address, "/healthz", None,
                             ssl.create_default_context(cafile=other.ca))[0], 200)

    def test_it_is_not_ready_without_plugins(self):
        empty = self.folder / "empty"
        empty.mkdir()
        started = self.start({"plugin_folders": [str(empty)]})
        self.wait_for(lambda: get(self.address, "/readyz") == (503, "not ready: plugins\n"),
                      "not ready")
        self.assertEqual(self.scrape()["throng_ready"], 0)
        check = started.channel.unary_unary("/grpc.health.v1.Health/Check")
        asked = lambda service: check(b"\n" + bytes([len(service)]) + service.encode(), timeout=20)
        self.assertEqual(asked("throng.v1.RunService"), b"\x08\x02")  # NOT_SERVING
        self.assertEqual(asked("throng.v1.PluginService"), b"\x08\x01")  # SERVING

    def test_the_log_tells_the_life_of_runs(self):
        started = self.start({"log": {"format": "json"}})
        run = self.paced(started, "nightly")
        started.wait_for_state(run.name, daemon.RUNNING)
        for pid in started.workers():
            os.kill(pid, signal.SIGKILL)
        started.wait(run.name, lambda r: r.restarts == 1 and r.state == daemon.RUNNING, "again")
        started.pause(run.name)
        started.wait_for_state(run.name, daemon.PAUSED)
        started.stop(run.name)
        started.wait_for_state(run.name, daemon.STOPPED)
        started.runs.DeleteRun(daemon.run_service_pb2.DeleteRunRequest(name=run.name))
        lines = [json.loads(line) for line in started.log_text().splitlines()]
        said = [line["message"] for line in lines if line.get("run") == run.name]
        self.assertEqual(said[0], "It was created with 1 output; it is starting.")
        self.assertEqual(said[-1], "It was deleted.")
        for part in ("It is running.", "Its worker ended and is started again, for the 1. time",
                     "It was asked to be paused.", "It is paused.", "It is stopped"):
            self.assertTrue([text for text in said if text.startswith(part)], (part, said))
        for line in lines:
            self.assertRegex(line["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
        # And after SIGHUP as text; then only what is wrong.
        started.settings["log"] = {"format": "text"}
        started.reload("info throngd: SIGHUP: the settings were read again.")
        started.settings["log"] = {"level": "warning"}
        started.settings["max_streams"] = 7
        started.reload("warning throngd: SIGHUP: `max_streams` is other than before")
        started.close()
        self.assertEqual(started.log_text().count("the settings were read again"), 1)
        self.assertNotIn("Ends: runs commit", started.log_text())

    def test_a_service_manager_hears_of_its_life(self):
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(daemon.PATIENCE_SECONDS)
            started = self.start(NOTIFY_SOCKET=str(path), WATCHDOG_USEC="200000")
            heard = [manager.recv(4096) for _ in range(4)]
            self.assertEqual(heard, [b"READY=1"] + 3 * [b"WATCHDOG=1"])
            started.process.send_signal(signal.SIGTERM)
            while (message := manager.recv(4096)) == b"WATCHDOG=1":
                pass
            self.assertEqual(message, b"STOPPING=1")

    @unittest.skipUnless(shutil.which("promtool"), "Prometheus is not installed")
    def test_prometheus_takes_alerts_and_metrics_as_they_are(self):
        rules = self.folder / "rules"
        shutil.copytree(MONITORING, rules)
        shutil.copy(pathlib.Path(__file__).parent / "alerts_test.yml", rules)

        def promtool(*arguments, text=None):
            done = subprocess.run(["promtool", *arguments], cwd=rules, input=text, text=True,
                                  capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout + done.stderr

        promtool("check", "config", "prometheus.yml")
        shutil.copy(rules / "alerts.yml", rules / "compose")  # as compose.yaml mounts it
        promtool("check", "config", "compose/prometheus.yml")
        promtool("test", "rules", "alerts_test.yml")
        started = self.start()
        self.paced(started, "nightly")
        self.wait_for(lambda: 'throng_runs{state="running"} 1' in get(self.address, "/metrics")[1],
                      "it runs")
        self.assertEqual(promtool("check", "metrics", text=get(self.address, "/metrics")[1]), "")
        # Prometheus itself scrapes it, and has the rules.
        port = access_test.free_port()
        settings = (rules / "prometheus.yml").read_text(encoding="utf-8")
        settings = settings.replace("127.0.0.1:9464", f"127.0.0.1:{self.port}")
        (rules / "prometheus.yml").write_text(settings.replace("15s", "1s"), encoding="utf-8")
        with open(self.folder / "prometheus.log", "wb") as log:
            prometheus = subprocess.Popen(
                ["prometheus", "--config.file", str(rules / "prometheus.yml"),
                 "--storage.tsdb.path", str(self.folder / "tsdb"),
                 "--web.listen-address", f"127.0.0.1:{port}"], stdout=log, stderr=log)
        self.addCleanup(prometheus.wait)
        self.addCleanup(prometheus.kill)

        def asked(query):
            try:
                text = get(f"http://127.0.0.1:{port}", f"/api/v1/{query}")[1]
                return json.loads(text)["data"]
            except (OSError, ValueError):
                return {}

        self.wait_for(lambda: asked("query?query=throng_output_rows_total").get("result"),
                      "Prometheus has scraped")
        names = [rule["name"] for rule in asked("rules")["groups"][0]["rules"]]
        self.assertIn("ThrongOutputBlocked", names)
        # The dashboard asks for what there is.
        dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
        known = set(asked("label/__name__/values")) | {"throng_run_failed"}
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                asks = {word for word in known if word in target["expr"]}
                self.assertTrue(asks, target["expr"])


if __name__ == "__main__":
    unittest.main()
