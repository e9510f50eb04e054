"""What a release is made of: its number, its notes, its files; and the forms of issues."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ["THRONG_CLIENT"]).parent
PLUGINS = pathlib.Path(os.environ["THRONG_PLUGINS"])
VERSION = re.search(r"project\(throng VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


class WordsTest(unittest.TestCase):
    def test_the_number_is_the_same_everywhere(self):
        newest = re.search(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)[1]
        self.assertEqual(newest, VERSION)
        told = subprocess.run([PROGRAMS / "throngctl", "version"], capture_output=True, text=True,
                              check=True).stdout
        self.assertEqual(set(re.findall(r"\d+\.\d+\.\d+", told)), {VERSION})
        minor = VERSION.rsplit(".", 1)[0]
        self.assertIn(f"the newest minor version ({minor})", read("SUPPORT.md"))
        for name in re.findall(r"throng[-_](\d+\.\d+\.\d+)", read("docs/install.md")):
            self.assertEqual(name, VERSION)

    def test_each_change_is_told_once(self):
        changes = re.findall(r"^\* .*", read("CHANGELOG.md"), re.MULTILINE)
        self.assertEqual([one for one in changes if changes.count(one) > 1], [])

    def test_forms_of_issues_can_be_filled_in(self):
        forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
        self.assertEqual([form.stem for form in forms], ["bug", "config", "data", "wish"])
        for form in forms:
            if form.stem == "config":
                continue
            with self.subTest(form.stem):
                asked = yaml.safe_load(form.read_text(encoding="utf-8"))
                self.assertIn(f'"{asked["name"]}"', read("SUPPORT.md"))
                ids = [field["id"] for field in asked["body"]]
                self.assertEqual(len(ids), len(set(ids)))
                for field in asked["body"]:
                    self.assertIn(field["type"], ("input", "textarea"))
                    self.assertTrue(field["attributes"]["label"])


class BillOfMaterialsTest(unittest.TestCase):
    def test_names_the_package_of_each_library(self):
        files = [*PROGRAMS.glob("throng*"), *PLUGINS.glob("*.so")]
        done = subprocess.run([ROOT / "deploy/sbom", VERSION, *files], check=True, text=True,
                              capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "86400"})
        bill = json.loads(done.stdout)
        self.assertEqual(bill["bomFormat"], "CycloneDX")
        self.assertEqual(bill["metadata"]["timestamp"], "1970-01-02T00:00:00Z")
        self.assertEqual(bill["metadata"]["component"]["version"], VERSION)
        components = {one["name"]: one for one in bill["components"]}
        self.assertEqual(len(components), len(bill["components"]))
        for name in ("libc6", "libcli11-dev", "libcurl4", "librdkafka1", "libssl3",
                     "nlohmann-json3-dev"):
            self.assertIn(name, components)
        for name, one in components.items():
            self.assertTrue(one["purl"].startswith(f"pkg:deb/debian/{name}@{one['version']}?"))
        self.assertEqual(bill["dependencies"][0]["dependsOn"],
                         [one["bom-ref"] for one in bill["components"]])


class ReleaseTest(unittest.TestCase):
    """deploy/release in a small repository whose deploy/package and deploy/sbom only pretend."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="release")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.write("CMakeLists.txt", "project(throng VERSION 1.2.3 LANGUAGES CXX)\n")
        self.write("CHANGELOG.md", "# Changelog\n\n## 1.2.3 (2030-01-02)\n\n* New.\n\n## 1.2.2 (2029-"
                   "01-02)\n\n* Old.\n")
        self.write(".gitignore", "/build/\n")
        self.write("deploy/package", "#!/bin/sh\nmkdir -p build/package\n"
                   "echo packed >build/package/throng_1.2.3-1_amd64.deb\n", 0o755)
        self.write("deploy/sbom", "#!/bin/sh\necho '{}'\n", 0o755)
        self.write("tests/run", "#!/bin/sh\necho tested $1 >&2\n", 0o755)
        shutil.copy(ROOT / "deploy/release", self.folder / "deploy")
        self.git("init", "-q")
        self.commit()

    def write(self, path, text, mode=0o644):
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def git(self, *arguments):
        who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "All")

    def release(self, *arguments, exit_code=0):
        done = subprocess.run(["deploy/release", *arguments], cwd=self.folder, text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, exit_code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_makes_files_whose_sums_are_right(self):
        told = self.release()
        self.assertIn("tested --long", told)
        self.assertIn("git tag -s v1.2.3", told)
        out = self.folder / "build/release-1.2.3"
        self.assertEqual({path.name for path in out.iterdir()}, {
            "SHA256SUMS", "notes.md", "throng-1.2.3.cdx.json", "throng-1.2.3.src.tar.gz",
            "throng_1.2.3-1_amd64.deb"})
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=out, check=True)
        self.assertEqual((out / "notes.md").read_text(encoding="utf-8").strip(), "* New.")
        with tarfile.open(out / "throng-1.2.3.src.tar.gz") as source:
            self.assertIn("throng-1.2.3/deploy/release", source.getnames())
        first = (out / "SHA256SUMS").read_bytes()
        self.assertNotIn("tested", self.release("--skip-tests"))
        self.assertEqual((out / "SHA256SUMS").read_bytes(), first)

    def test_refuses_what_is_no_release(self):
        self.write("new.txt", "new\n")
        self.assertIn("commit it first", self.release(exit_code=1))
        (self.folder / "new.txt").unlink()
        self.git("tag", "v1.2.3")
        self.assertIn("The tag v1.2.3 is there", self.release(exit_code=1))
        self.write("CHANGELOG.md", "# Changelog\n\n## 1.2.3 (unreleased)\n")
        self.commit()
        self.assertIn('needs "## 1.2.3 (YYYY-MM-DD)"', self.release(exit_code=1))
        self.assertIn("Unknown argument --fast.", self.release("--fast", exit_code=2))


if __name__ == "__main__":
    unittest.main()
