"""deploy/Dockerfile built and run, and deploy/compose.yaml brought up, by a real engine.

The base image and Prometheus are made of Debian's packages, broker and registry of the programs of
deploy/kafka, each under its public name. The page to look at these (`ui`) and Grafana are published as
images alone, so nothing here runs them: containers_test.py reads their settings. Without systemd the
engine does not look at the health of containers by itself; the test asks it to."""

import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import confluent_kafka
import yaml

import container_engine
import package_test

ROOT = package_test.ROOT
HERE = pathlib.Path(__file__).resolve().parent
IMAGE = "localhost/throng"
MOST_BYTES = 60_000_000


def wait_until(is_so, seconds=180):
    give_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up, "it took too long"
        time.sleep(0.5)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def build_image(engine, image):
    """By deploy/Dockerfile, with what build/package has in the place of the stage `package`."""
    engine.import_root("debian12", "docker.io/library/debian:12-slim")
    with tempfile.TemporaryDirectory() as packed:
        shutil.copy(package_test.deb(), pathlib.Path(packed, "throng.deb"))
        engine.build(ROOT / "deploy/Dockerfile", image, ROOT, "--build-context", f"package={packed}")


@unittest.skipUnless(os.geteuid() == 0, "the engine runs as root here")
class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = cls.enterClassContext(container_engine.Engine())
        build_image(cls.engine, IMAGE)

    def start(self, *flags):
        name = f"throngd-{self.id().rsplit('.', 1)[1][:40]}"
        self.engine.call("podman", "run", "--detach", "--name", name, *flags, IMAGE)
        self.addCleanup(self.engine.run, "podman", "rm", "--force", "--volumes", name)
        wait_until(lambda: self.engine.run("podman", "healthcheck", "run", name).returncode == 0)
        return name

    def test_it_is_small_and_nobody_special(self):
        size = self.engine.compressed_bytes(IMAGE)
        print(f"The image has {size / 1e6:.1f} MB, compressed.")
        self.assertLess(size, MOST_BYTES)
        said = self.engine.call("podman", "run", "--rm", "--network", "none", IMAGE, "id")
        self.assertEqual(said, "uid=10001(throng) gid=10001(throng) groups=10001(throng)\n")

    def test_the_daemon_works_with_a_read_only_root_and_no_rights(self):
        # Without the folders that podman alone adds to a read-only root.
        name = self.start("--network", "none", "--read-only", "--read-only-tmpfs=false",
                          "--cap-drop", "all", "--security-opt", "no-new-privileges")
        inside = ("podman", "exec", name)
        self.assertNotEqual(self.engine.run(*inside, "touch", "/x").returncode, 0)
        self.engine.call(*inside, "throngctl", "runs", "create", "--name", "a", "--to", "csv:a.csv")
        self.engine.call(*inside, "throngctl", "runs", "wait", "a", "--for", "succeeded",
                         "--timeout", "60s")
        manifest = yaml.safe_load(self.engine.call(*inside, "cat", "a.csv.manifest.json"))
        rows = self.engine.call(*inside, "cat", "a.csv").encode()
        self.assertEqual(hashlib.sha256(rows).hexdigest(), manifest["sha256"])
        # It ends as it is told to, not by force.
        self.engine.call("podman", "stop", "--time", "60", name)
        self.assertEqual(
            self.engine.call("podman", "inspect", "--format", "{{.State.ExitCode}}", name), "0\n")

    def test_runs_outlive_their_container(self):
        flags = ("--network", "none", "--volume", "state:/var/lib/throng")
        name = self.start(*flags)
        self.engine.call("podman", "exec", name, "throngctl", "runs", "create", "--name", "a",
                         "--to", "csv:a.csv", "--rate", "1/s")
        self.engine.call("podman", "rm", "--force", name)
        name = self.start(*flags)
        said = self.engine.call("podman", "exec", name, "throngctl", "runs", "list", "-o", "name")
        self.assertIn("a", said)

    def test_a_caller_gets_files_of_his_own_without_a_daemon(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chown(folder, 1234, 1234)
            self.engine.call(
                "podman", "run", "--rm", "--network", "none", "--user", "1234:1234",
                "--volume", f"{folder}:/data", "--workdir", "/data", IMAGE, "throngctl", "generate",
                "--size", "quick", "--quiet")
            rows = pathlib.Path(folder, "out/interactions.csv")
            self.assertEqual(rows.stat().st_uid, 1234)
            self.assertEqual(rows.read_text(encoding="utf-8").count("\n"), 101)

    def test_the_whole_dockerfile_is_built_from_the_checkout(self):
        # The compiler's cache of this machine serves there, too.
        cache = self.engine.call("ccache", "--get-config", "cache_dir").strip()
        self.engine.build(
            ROOT / "deploy/Dockerfile", "localhost/whole", ROOT,
            "--volume", f"{cache}:/root/.cache/ccache",
            "--env", "CCACHE_BASEDIR=/throng", "--env", "CCACHE_NOHASHDIR=1")
        self.engine.call("podman", "run", "--rm", "--network", "none", "localhost/whole",
                         "throngctl", "preview", "--rows", "1")


@unittest.skipUnless(os.geteuid() == 0, "the engine runs as root here")
class ComposeTest(unittest.TestCase):
    def setUp(self):
        self.engine = self.enterContext(container_engine.Engine())
        self.engine.import_root("java", "localhost/java")
        self.engine.import_root("prometheus", "localhost/prometheus")
        with open(ROOT / "deploy/compose.yaml", encoding="utf-8") as file:
            self.compose = yaml.safe_load(file)
        self.services = self.compose["services"]
        get = "source deploy/kafka/parts.sh; prepare; download registry.txt apicurio; echo $cache"
        programs = subprocess.run(
            ["bash", "-euc", get], cwd=ROOT, check=True, stdout=subprocess.PIPE,
            text=True).stdout.split()[-1]
        for name in ("broker", "registry", "prometheus"):
            self.engine.build(HERE / f"images/{name}.containerfile",
                              f"docker.io/{self.services[name]['image']}", programs)
        build_image(self.engine, f"localhost/{self.services['throngd']['image']}")
        # Podman before 4.4 does not know how often to look while a container starts.
        for service in self.services.values():
            service["healthcheck"].pop("start_interval", None)
        # The ports of this machine may be in use.
        self.port = {}
        for name, service in self.services.items():
            if "ports" in service:
                self.port[name] = free_port()
                inner = service["ports"][0].split(":")[-1]
                service["ports"] = [f"127.0.0.1:{self.port[name]}:{inner}"]
        listeners = self.services["broker"]["environment"]
        listeners["KAFKA_ADVERTISED_LISTENERS"] = listeners["KAFKA_ADVERTISED_LISTENERS"].replace(
            "localhost:9092", f"localhost:{self.port['broker']}")
        # Files that are mounted lie beside compose.yaml.
        os.symlink(ROOT / "deploy/monitoring", self.engine.home / "monitoring")
        self.file = self.engine.home / "compose.yaml"
        self.file.write_text(yaml.safe_dump(self.compose), encoding="utf-8")

    def podman_compose(self, *arguments):
        return self.engine.call(
            sys.executable, "-m", "podman_compose", "--file", self.file, *arguments)

    def up(self, name):
        self.podman_compose("up", "--detach", "--no-build", "--no-deps", name)
        wait_until(lambda: self.engine.run(
            "podman", "healthcheck", "run", f"throng_{name}_1").returncode == 0)

    def test_broker_registry_and_throngd_work_together(self):
        for name in ("broker", "registry", "throngd"):
            self.up(name)
        throngctl = ("podman", "exec", "throng_throngd_1", "throngctl")
        self.engine.call(
            *throngctl, "runs", "create", "--name", "a", "--size", "quick", "--to",
            "kafka://broker:19092/interactions?format=avro"
            "&registry=http://registry:8080/apis/ccompat/v7")
        self.engine.call(*throngctl, "runs", "wait", "a", "--for", "succeeded", "--timeout", "120s")
        # As seen from this machine, at the addresses that compose.yaml publishes.
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": f"localhost:{self.port['broker']}", "group.id": "test",
            "auto.offset.reset": "earliest"})
        self.addCleanup(consumer.close)
        consumer.subscribe(["interactions"])
        rows = 0
        give_up = time.monotonic() + 60
        while rows < 100 and time.monotonic() < give_up:
            message = consumer.poll(1)
            rows += message is not None and not message.error()
        self.assertEqual(rows, 100)
        registry = f"http://localhost:{self.port['registry']}/apis/ccompat/v7"
        with urllib.request.urlopen(f"{registry}/subjects", timeout=30) as answer:
            self.assertEqual(json.load(answer), ["interactions-value"])

    def test_prometheus_watches_throngd(self):
        for name in ("throngd", "prometheus"):
            self.up(name)
        self.engine.call("podman", "exec", "throng_throngd_1", "throngctl", "runs", "create",
                         "--name", "a", "--to", "csv:a.csv", "--rate", "10/s")

        def asked(query):
            url = f"http://localhost:{self.port['prometheus']}/api/v1/{query}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]

        wait_until(lambda: asked("query?query=throng_output_rows_total")["result"])
        wait_until(lambda: {alert["state"] for group in asked("rules")["groups"]
                            for alert in group["rules"]} == {"inactive"})
        # An alert that fires with the next look at the rules: another file is in the way of the run.
        self.engine.call("podman", "exec", "throng_throngd_1", "sh", "-c", "echo x >b.csv")
        self.engine.call("podman", "exec", "throng_throngd_1", "throngctl", "runs", "create",
                         "--name", "b", "--to", "csv:b.csv")
        wait_until(lambda: [alert["labels"]["run"] for alert in asked("alerts")["alerts"]] == ["b"])


if __name__ == "__main__":
    unittest.main()
