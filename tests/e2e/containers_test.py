"""deploy/Dockerfile and deploy/compose.yaml, as far as they can be tested without an engine: they fit
the checkout, and the settings and versions of deploy/kafka. image_test.py has the rest."""

import json
import pathlib
import re
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# Where the listeners are and where data lies differs between a container and this machine.
PLACES = {
    "advertised.listeners",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dirs",
    "node.id",
}


def read(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


class ComposeTest(unittest.TestCase):
    def setUp(self):
        self.compose = yaml.safe_load(read("compose.yaml"))
        self.services = self.compose["services"]

    def test_every_service_is_pinned_healthy_and_for_this_machine_only(self):
        self.assertEqual(set(self.services),
                         {"broker", "registry", "ui", "throngd", "prometheus", "grafana"})
        for name, service in self.services.items():
            with self.subTest(name):
                if "build" not in service:
                    self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$")
                self.assertEqual(service["healthcheck"]["test"][0], "CMD")
                for needed, how in service.get("depends_on", {}).items():
                    self.assertIn(needed, self.services)
                    self.assertEqual(how, {"condition": "service_healthy"})
                for port in service.get("ports", []):
                    self.assertRegex(port, r"^127\.0\.0\.1:\d+:\d+$")
                for volume in service.get("volumes", []):
                    if volume.startswith("./"):
                        file, _, rights = volume.split(":")
                        self.assertTrue((DEPLOY / file).is_file(), file)
                        self.assertEqual(rights, "ro")
                    else:
                        self.assertIn(volume.split(":")[0], self.compose["volumes"])

    def test_versions_are_those_of_deploy_kafka(self):
        version = re.search(r"^version=(.*)$", read("kafka/parts.sh"), re.MULTILINE)[1]
        self.assertIn(f"/kafka_2.13-{version}.jar", read("kafka/jars.txt"))
        self.assertEqual(self.services["broker"]["image"], f"apache/kafka:{version}")
        registry = re.search(r"apicurio-registry-app-([\d.]+)-all", read("kafka/registry.txt"))[1]
        self.assertEqual(
            self.services["registry"]["image"], f"apicurio/apicurio-registry:{registry}")

    def test_the_brokers_settings_are_those_of_deploy_kafka(self):
        ours = dict(re.findall(r"^([a-z.]+)=(.*)$", read("kafka/start"), re.MULTILINE))
        compared = 0
        for name, value in self.services["broker"]["environment"].items():
            # As the image makes a property of it.
            setting = name.removeprefix("KAFKA_").lower().replace("_", ".")
            with self.subTest(setting):
                self.assertIn(setting, ours)
                if setting not in PLACES:
                    # One broker: every replication factor is 1.
                    expected = "1" if "replicas" in ours[setting] else ours[setting]
                    self.assertEqual(str(value), expected)
                    compared += 1
        self.assertGreaterEqual(compared, 8)

    def test_who_calls_a_service_finds_it_there(self):
        listeners = self.services["broker"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
        self.assertEqual(listeners, "HOST://localhost:9092,INSIDE://broker:19092")
        callers = {**self.services["registry"]["environment"], **self.services["ui"]["environment"]}
        self.assertEqual(callers["APICURIO_KAFKASQL_BOOTSTRAP_SERVERS"], "broker:19092")
        self.assertEqual(callers["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"], "broker:19092")
        self.assertEqual(
            callers["KAFKA_CLUSTERS_0_SCHEMAREGISTRY"], "http://registry:8080/apis/ccompat/v7")

    def mounted(self, name):
        """Files of this checkout by where a service has them."""
        return {inside: DEPLOY / file for file, inside, *_ in (
            volume.split(":") for volume in self.services[name]["volumes"]) if file.startswith("./")}

    def test_the_daemons_settings_are_those_of_throngd_yaml_and_metrics(self):
        command = self.services["throngd"]["command"]
        place = command[command.index("--config") + 1]
        settings = yaml.safe_load(self.mounted("throngd")[place].read_text(encoding="utf-8"))
        metrics = settings.pop("http")
        ours = yaml.safe_load(read("throngd.yaml"))
        self.assertEqual({name: ours[name] for name in settings}, settings)
        self.assertLessEqual({name for name in ours if "root" in name or "folder" in name},
                             set(settings))
        self.assertEqual(metrics, {"address": "0.0.0.0:9464", "insecure": True})
        self.assertIn("--insecure", command)
        self.assertNotIn("ports", self.services["throngd"])

    def test_prometheus_and_grafana_find_what_they_ask(self):
        mounted = self.mounted("prometheus")
        settings = yaml.safe_load(
            mounted["/etc/prometheus/prometheus.yml"].read_text(encoding="utf-8"))
        example = yaml.safe_load(read("monitoring/prometheus.yml"))
        self.assertEqual(settings["scrape_configs"][0]["static_configs"], [
            {"targets": ["throngd:9464"]}])
        settings["scrape_configs"][0]["static_configs"] = [{"targets": ["127.0.0.1:9464"]}]
        self.assertEqual(settings, example)
        self.assertEqual(mounted[f"/etc/prometheus/{settings['rule_files'][0]}"],
                         DEPLOY / "monitoring/alerts.yml")
        mounted = self.mounted("grafana")
        provisioning = "/etc/grafana/provisioning"
        sources, dashboards = (
            yaml.safe_load(mounted[f"{provisioning}/{kind}/throng.yml"].read_text(encoding="utf-8"))
            for kind in ("datasources", "dashboards"))
        self.assertEqual(sources["datasources"][0]["url"], "http://prometheus:9090")
        folder = dashboards["providers"][0]["options"]["path"]
        dashboard = json.loads(mounted[f"{folder}/throng.json"].read_text(encoding="utf-8"))
        # What compose.yaml says of its address, and which source it takes by itself.
        self.assertIn(f"http://localhost:3000/d/{dashboard['uid']}", read("compose.yaml"))
        variables = {one["name"]: one for one in dashboard["templating"]["list"]}
        self.assertEqual(variables["source"]["query"], sources["datasources"][0]["type"])


class DockerfileTest(unittest.TestCase):
    def setUp(self):
        # Instructions, with continued lines joined and comments left out.
        text = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ")
        self.instructions = [line.split(maxsplit=1) for line in text.splitlines() if line]

    def runs(self):
        return [re.sub(r"^--mount=\S+ ", "", rest) for word, rest in self.instructions if word == "RUN"]

    def test_what_it_copies_is_there_and_is_all_that_a_build_needs(self):
        copied = set()
        for word, rest in self.instructions:
            if word == "COPY" and not rest.startswith("--from"):
                for source in rest.split()[:-1]:
                    self.assertTrue((ROOT / source).exists(), source)
                    copied.add(source)
        listed = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
        folders = set(re.findall(r"^add_subdirectory\((\w+)\)", listed, re.MULTILINE))
        documents = {"README.md", "SECURITY.md", "SUPPORT.md", "CHANGELOG.md", "docs"}
        self.assertLessEqual(folders | documents | {"CMakeLists.txt", "CMakePresets.json"}, copied)

    def test_its_shell_commands_are_commands(self):
        for command in self.runs():
            subprocess.run(["bash", "-n", "-c", command], check=True)

    def test_the_daemon_runs_as_a_user_of_its_own_with_the_settings_of_throngd_yaml(self):
        instructions = dict(self.instructions)
        self.assertEqual(instructions["USER"], "throng")
        settings = yaml.safe_load(read("throngd.yaml"))
        runtime = instructions["ENV"].removeprefix("XDG_RUNTIME_DIR=")
        self.assertEqual(f"unix:{runtime}/throngd.sock", settings["listen"])
        self.assertIn(settings["listen"], instructions["HEALTHCHECK"])
        self.assertEqual(
            yaml.safe_load(instructions["VOLUME"]), [runtime, settings["state_folder"]])
        for folder in settings["output_roots"]:
            self.assertTrue(folder.startswith(f"{settings['state_folder']}/"))


if __name__ == "__main__":
    unittest.main()
