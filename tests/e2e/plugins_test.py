"""Plugins as their authors meet them: plugins/README.md executed against an installed Throng, and
the exit codes of `throng-worker describe` and `check`."""

import collections
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("THRONG_BUILD", ROOT / "build/release")).resolve()
EXAMPLES = ROOT / "tests/plugins"
README = (ROOT / "plugins/README.md").read_text()


def blocks(language, text=README):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def worker(*arguments):
    return subprocess.run([BUILD / "bin/throng-worker", *arguments],
                          capture_output=True, text=True, timeout=300, check=False)


def run(text, folder, **environment):
    """What bash says to `text`, which must end with 0."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder,
                          env={**os.environ, "CMAKE_GENERATOR": "Ninja", **environment},
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{text}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def install(home):
    """Throng in home/throng, as the README says."""
    run(blocks("sh")[0].replace("build/release", str(BUILD)), home, HOME=home)
    return pathlib.Path(home, "throng")


class ReadmeTest(unittest.TestCase):
    def test_shows_the_examples_as_they_are_compiled(self):
        zipf, journal = blocks("cpp")
        self.assertEqual(zipf, (EXAMPLES / "zipf.cc").read_text())
        self.assertEqual(journal, (EXAMPLES / "journal.cc").read_text())
        self.assertEqual(blocks("cmake"), [(EXAMPLES / "outside/CMakeLists.txt").read_text()])

    def test_stays_as_short_as_it_is_said_to_be(self):
        header = ROOT / "plugins/include/throng/plugin.h"
        for file, lines in ((header, 520), (EXAMPLES / "zipf.cc", 35), (EXAMPLES / "plain_c.c", 45),
                            (ROOT / "plugins/README.md", 360)):
            with self.subTest(file.name):
                self.assertLessEqual(len(file.read_text().splitlines()), lines)

    def test_every_command_works_in_a_project_outside_the_tree(self):
        with tempfile.TemporaryDirectory() as home:
            throng = install(home)
            project = pathlib.Path(home, "my plugins")
            project.mkdir()
            shutil.copy(EXAMPLES / "zipf.cc", project)
            shutil.copy(EXAMPLES / "outside/CMakeLists.txt", project)
            spec, = blocks("yaml")
            (project / "zipf.yaml").write_text(spec)
            for text in blocks("sh")[1:]:
                run(text, project, HOME=home)
            with open(project / "out/zipf.csv", encoding="utf-8") as rows:
                self.assertEqual(sum(1 for _ in rows), 101)

            # The sink is built and kept in order there too.
            shutil.copy(EXAMPLES / "journal.cc", project)
            with open(project / "CMakeLists.txt", "a", encoding="utf-8") as cmake:
                cmake.write("throng_plugin(journal SOURCES journal.cc)\n")
            run("cmake --build build", project)
            run(f"{throng}/bin/throng-worker check build/journal.so "
                "--set journal.path={dir}/data", project)


class InstallTest(unittest.TestCase):
    """What an author finds below the prefix, apart from what the README's commands need."""

    @classmethod
    def setUpClass(cls):
        # The prefix is moved after it was installed: nothing may know where it was.
        home = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.throng = pathlib.Path(home, "moved")
        install(home).rename(cls.throng)
        cls.guide = cls.throng / "share/doc/throng/plugins"

    def test_no_runpath_leads_to_where_nothing_is(self):
        files = [*self.throng.glob("bin/*"), *self.throng.glob("lib/throng/plugins/*.so")]
        self.assertGreater(len(files), 14)
        for file in files:
            dynamic = run(f"readelf -dW '{file}'", self.throng)
            for path in re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", dynamic):
                for folder in path.split(":"):
                    with self.subTest(file=file.name, folder=folder):
                        self.assertIn("$ORIGIN", folder)
                        self.assertTrue(
                            pathlib.Path(folder.replace("$ORIGIN", str(file.parent))).is_dir())

    def test_the_guides_links_lead_to_files(self):
        guide = (self.guide / "README.md").read_text()
        links = re.findall(r"\]\(([^) ]+)\)", guide)
        self.assertGreater(len(links), 8)
        for link in links:
            with self.subTest(link):
                self.assertTrue((self.guide / link).is_file())
        for language in ("cpp", "sh", "cmake"):
            self.assertEqual(blocks(language, guide), blocks(language))

    def test_a_bare_compiler_call_with_pkg_config_makes_plugins(self):
        call, = (block for block in blocks("") if "pkg-config" in block)
        with tempfile.TemporaryDirectory() as folder:
            for example in ("plain_c.c", "zipf.cc"):
                shutil.copy(self.guide / "examples" / example, folder)
            run(call, folder, PKG_CONFIG_PATH=f"{self.throng}/lib/pkgconfig")
            for plugin in ("plain_c.so", "zipf.so"):
                run(f"{self.throng}/bin/throng-worker check {plugin}", folder)
        version = run("pkg-config --modversion throng-plugin", self.throng,
                      PKG_CONFIG_PATH=f"{self.throng}/lib/pkgconfig")
        self.assertIn(version.strip(), (ROOT / "CMakeLists.txt").read_text())

    def test_the_protos_compile_alone(self):
        with tempfile.TemporaryDirectory() as out:
            run(f"protoc --proto_path=. --python_out={out} $(find . -name '*.proto')",
                self.throng / "share/throng/proto")
            self.assertTrue(pathlib.Path(out, "throng/v1/run_service_pb2.py").exists())
            self.assertTrue(pathlib.Path(out, "google/rpc/error_details_pb2.py").exists())

    def test_the_hash_is_what_the_guide_says(self):
        vectors = re.findall(r"^\| (\S.*?) \| (\S.*?) \| `(0x\w{16})` \|$", README, re.MULTILINE)
        self.assertEqual(len(vectors), 3)
        lines = "".join(f"if (throng_hash({key}, {counter}) != {value}u) return 1;\n"
                        for key, counter, value in vectors).replace("2^64 - 1", "UINT64_MAX")
        source = f"#include <throng/hash.h>\nint main(void) {{\n{lines}return 0;\n}}\n"
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "hash.c").write_text(source)
            run(f"cc -I{self.throng}/include hash.c -o hash && ./hash", folder)


class AuthorTest(unittest.TestCase):
    """Plugins of every role, in C++, C and Rust, in a project that knows the install tree alone."""

    CHECKS = {
        "loyal": [],
        "steps": [],
        "tides": [],
        "tsv": [],
        "segments": ["--set", "segments.path={dir}/messages",
                     "--read", "cat {dir}/messages/*.tsv"],
    }
    SPEC = """
dataset:
  size: testing
  interactions: 4000
  clock: {{component: steps, options: {{start: "2024-01-01T00:00:00Z", step: 10s}}}}
  choice: {{component: loyal, options: {{loyal: 0.75}}}}
  rating: {rating}
outputs:
  - name: table
    columns: [interaction_id, user_id, item_id, rating, timestamp, kind]
    format: {{component: tsv}}
    sink: {{component: file, options: {{path: out/rows.tsv}}}}
  - name: messages
    format: {{component: json}}
    sink: {{component: segments, options: {{path: out/messages}}}}
"""

    def test_plugins_of_every_role_are_checked_and_run_together(self):
        has_rust = shutil.which("cargo") is not None
        with tempfile.TemporaryDirectory() as home:
            throng = install(home)
            project = pathlib.Path(home, "author")
            shutil.copytree(EXAMPLES / "outside/author", project)
            run(f"cmake -B build -DCMAKE_PREFIX_PATH={throng} "
                f"-DEXAMPLES={throng}/share/doc/throng/plugins/examples && cmake --build build",
                project)
            plugins = {file.stem for file in project.glob("build/*.so")}
            self.assertEqual(plugins, set(self.CHECKS) - (set() if has_rust else {"tides"}))
            for plugin in sorted(plugins):
                with self.subTest(plugin):
                    done = subprocess.run(
                        [throng / "bin/throng-worker", "check", f"build/{plugin}.so", "--quiet",
                         *self.CHECKS[plugin]],
                        cwd=project, capture_output=True, text=True, timeout=300, check=False)
                    self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

            rating = "{component: tides, options: {low: 3}}" if has_rust else "{component: ranges}"
            (project / "spec.yaml").write_text(self.SPEC.format(rating=rating))
            run(f"{throng}/bin/throng-worker run --spec spec.yaml --plugin-dir build "
                f"--plugin-dir {throng}/lib/throng/plugins", project)
            self.look_at_rows(project / "out/rows.tsv", has_rust)
            messages = [line.split("\t") for file in sorted(project.glob("out/messages/*.tsv"))
                        for line in file.read_text().splitlines()]
            self.assertEqual(len(messages), 4000)
            for key, value in messages:
                self.assertEqual(json.loads(value)["user_id"], key)
        if not has_rust:
            self.skipTest("All but `tides`, which is in Rust: there is no cargo.")

    def look_at_rows(self, file, has_rust):
        names, *rows = (line.split("\t") for line in file.read_text().splitlines())
        self.assertEqual(
            names, ["interaction_id", "user_id", "item_id", "rating", "timestamp", "kind"])
        self.assertEqual(len(rows), 4000)
        self.assertEqual(len({row[0] for row in rows}), 4000)
        kinds = collections.Counter(row[5] for row in rows)
        self.assertEqual(kinds, {"loyal": 3000, "curious": 1000})
        # A loyal choice is the user's own item, and most users have both kinds.
        own = collections.defaultdict(set)
        curious = set()
        for _, user, item, _, _, kind in rows:
            if kind == "loyal":
                own[user].add(item)
            else:
                curious.add(user)
        self.assertEqual({len(items) for items in own.values()}, {1})
        self.assertGreater(len(curious & set(own)), len(own) / 2)
        # A row each ten seconds.
        start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
        for i, row in enumerate(rows):
            time = datetime.datetime.fromisoformat(row[4])
            self.assertEqual((time - start).total_seconds() // 10, i)
        if has_rust:
            self.assertEqual(min(float(row[3]) for row in rows), 3)
            self.assertGreater(max(float(row[3]) for row in rows), 4.5)


class CommandsTest(unittest.TestCase):
    plugins = BUILD / "tests/plugins"

    def test_describe_prints_a_table_or_json(self):
        zipf = self.plugins / "zipf.so"
        table = worker("describe", zipf)
        self.assertEqual(table.returncode, 0, table.stderr)
        self.assertIn("choice `zipf`: Zipf item popularity.", table.stdout)
        described = json.loads(worker("describe", zipf, "-o", "json").stdout)
        self.assertEqual(described["components"][0]["options"][0]["name"], "exponent")

    def test_describe_of_what_cannot_be_loaded_is_a_sentence_and_1(self):
        done = worker("describe", "/nowhere/x.so")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, "^plugin /nowhere/x.so cannot be loaded: .*No such file")

    def test_check_says_line_by_line_what_is_well(self):
        done = worker("check", self.plugins / "plain_c.so")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertIn("ok      rating `constant`: equal bytes in any order and from any instance",
                      lines)
        self.assertRegex(lines[-1], "plain_c.so: [0-9]+ checks, 0 failed[.]$")

    def test_check_of_a_plugin_that_crashes_names_check_component_and_signal_and_is_1(self):
        done = worker("check", self.plugins / "misbehaving/faulty_behaviours.so",
                      "--set", "faulty_rating.fault=segfault", "--only", "batches of 1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED  rating `faulty_rating`: equal bytes for batches of 1, 7 and 4096: "
                      "SIGSEGV in fill of rows 0 to 4095.", done.stdout.splitlines())

    def test_check_lists_its_checks_and_prints_failures_alone(self):
        listed = worker("check", "--list")
        self.assertEqual(listed.returncode, 0)
        self.assertIn("equal bytes in a new process", listed.stdout.splitlines())
        faulty = self.plugins / "misbehaving/faulty_behaviours.so"
        quiet = worker("check", faulty, "--quiet", "--set", "faulty_rating.fault=segfault",
                       "--only", "batches of 1")
        self.assertEqual(quiet.returncode, 1)
        self.assertRegex(quiet.stdout, "^FAILED  rating `faulty_rating`: equal bytes for .*[.]\n$")
        self.assertEqual(worker("check", self.plugins / "plain_c.so", "--quiet").stdout, "")

    def run_with_fault(self, role, fault):
        """A run with a behaviour that breaks the contract, which leaves no file."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(self.plugins / "misbehaving/faulty_behaviours.so", folder)
            spec = pathlib.Path(folder, "spec.yaml")
            spec.write_text(
                "dataset: {size: testing, "
                f"{role}: {{component: faulty_{role}, options: {{fault: {fault}}}}}}}\n"
                "outputs: [{format: {component: csv}, "
                f"sink: {{component: file, options: {{path: {folder}/out.csv}}}}}}]\n")
            done = worker("run", "--spec", spec, "--plugin-dir", BUILD / "plugins",
                          "--plugin-dir", folder)
            self.assertEqual(done.stdout, "")
            self.assertFalse(pathlib.Path(folder, "out.csv").exists())
            return done

    def test_a_plugin_that_exits_does_not_look_like_a_run_that_is_done(self):
        for fault, exit_code in ("exit_7", 1), ("exit", 1), ("segfault", -signal.SIGSEGV):
            done = self.run_with_fault("rating", fault)
            self.assertEqual(done.returncode, exit_code)
            what = "SIGSEGV in " if fault == "segfault" else ""
            self.assertIn(f"{what}rating `faulty_rating`", done.stderr)

    def test_what_no_column_can_hold_is_said_of_who_filled_it(self):
        for role, fault, sentence in (
                ("activity", "user_out_of_range", "filled a user outside [0, 160) within rows "),
                ("activity", "user_row_out_of_range", "filled a user_row outside [0, user_rows) "),
                ("clock", "goes_back", "filled a time that is before that of the row before it "),
                ("choice", "item_out_of_range", "filled an item outside [0, 475) within rows "),
                ("choice", "kind_out_of_range", "filled a kind outside [0, 2) within rows "),
                ("choice", "kind_row_out_of_range", "filled a kind_row outside [0, the rows of "),
                ("choice", "kind_without_name", "its kind 1 lacks a name"),
                ("choice", "kind_below_nothing", "or has less than no rows")):
            with self.subTest(fault):
                done = self.run_with_fault(role, fault)
                self.assertIn(done.returncode, (1, 2))  # 2 if it is met while the run is planned
                self.assertIn(f"{role} `faulty_{role}`", done.stderr)
                self.assertIn(sentence, done.stderr)

    def test_wrong_requests_are_2(self):
        zipf = self.plugins / "zipf.so"
        for arguments, sentence in (
                (["describe"], "FILE is required"),
                (["describe", zipf, "-o", "xml"], "xml not in {table,json}"),
                (["check", "/nowhere/x.so"], "there is no file /nowhere/x.so."),
                (["check", zipf, "--set", "zipf"], "write COMPONENT.OPTION=VALUE"),
                (["check"], "check: give the FILE of a plugin, or --list."),
                (["check", zipf, "--only", "nosuch"], '--only: no check has "nosuch" in its line'),
                (["check", zipf, "--time-limit", "soon"], "write a duration such as 30s")):
            done = worker(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(sentence, done.stderr)


if __name__ == "__main__":
    unittest.main()
