"""deploy/package: what is in the .deb and in the archive, and that the archive runs from anywhere."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "build" / "package"
GLIBC = re.compile(r"(ld-linux.*|linux-vdso|lib(c|dl|m|pthread|resolv|rt))\.so\.\d+")


def deb():
    (path,) = PACKAGES.glob("throng_*.deb")
    return path


def archive():
    (path,) = PACKAGES.glob("throng-*.tar.gz")
    return path


# Of relative targets, in Markdown and in the HTML within.
LINK = re.compile(r"(?:\]\(|src(?:set)?=\")(?!\w+:)([^)\"\s]+)")


def without_code(markdown):
    """Without blocks, and without code but for that in the words of a link."""
    markdown = re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(\[`[^`\n]+`\])|`[^`\n]+`", lambda match: match[1] or "", markdown)


def heads(markdown):
    """The anchors of a page's headings, as Git hosts make them."""
    titles = re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def words_of_links(page):
    return {words.strip("`") for words in re.findall(
        r"\[([^\[\]]+)\]\(", without_code(page.read_text(encoding="utf-8")))}


def run(*command, **options):
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=600, **options).stdout


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([ROOT / "deploy/package"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.home = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        run("dpkg-deb", "--raw-extract", deb(), cls.home / "deb")
        run("tar", "-xf", archive(), "-C", cls.home)
        (cls.tree,) = cls.home.glob("throng-*")

    def files(self, folder):
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    def test_sums_are_those_of_what_was_made(self):
        run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=PACKAGES)
        self.assertEqual(len(list(PACKAGES.iterdir())), 3)

    def test_the_deb_has_all_that_is_promised(self):
        self.assertLessEqual({
            "etc/throng/throngd.yaml",
            "lib/systemd/system/throngd.service",
            "usr/bin/throng-worker",
            "usr/bin/throngctl",
            "usr/bin/throngd",
            "usr/include/throng/plugin.h",
            "usr/lib/cmake/ThrongPlugin/ThrongPlugin.cmake",
            "usr/lib/pkgconfig/throng-plugin.pc",
            "usr/lib/throng/plugins/kafka.so",
            "usr/share/bash-completion/completions/throngctl",
            "usr/share/doc/throng/README.md",
            "usr/share/doc/throng/changelog.gz",
            "usr/share/doc/throng/copyright",
            "usr/share/doc/throng/docs/tutorial.md",
            "usr/share/doc/throng/examples/clients/python/README.md",
            "usr/share/doc/throng/examples/monitoring/alerts.yml",
            "usr/share/doc/throng/examples/throngd.yaml",
            "usr/share/fish/vendor_completions.d/throngctl.fish",
            "usr/share/man/man1/throng-worker.1.gz",
            "usr/share/man/man1/throngctl.1.gz",
            "usr/share/man/man8/throngd.8.gz",
            "usr/share/throng/proto/throng/v1/run_service.proto",
            "usr/share/zsh/vendor-completions/_throngctl",
        }, self.files(self.home / "deb"))
        self.assertEqual(
            (self.home / "deb/DEBIAN/conffiles").read_text(), "/etc/throng/throngd.yaml\n")
        depends = run("dpkg-deb", "--field", deb(), "Depends")
        # The last is found by nobody but us: it is loaded where it is needed.
        for package in ("libc6", "libgrpc++1.51", "librdkafka1", "libsqlite3-0", "libcurl4"):
            self.assertIn(package, re.findall(r"[^ ,]+", depends))

    def test_links_of_the_documents_lead_to_what_is_installed(self):
        # In a checkout alone, so only named.
        named = {"Apache License 2.0", "Contributing", "The package ", "statistics_test",
                 "tests/bench"}
        for tree in (self.home / "deb/usr", self.tree):
            pages = sorted(tree.rglob("*.md"))
            self.assertGreater(len(pages), 30)
            links = 0
            for page in pages:
                text = without_code(page.read_text(encoding="utf-8"))
                with self.subTest(page.relative_to(tree)):
                    for link in LINK.findall(text):
                        links += 1
                        file, _, head = link.partition("#")
                        target = page.parent / file if file else page
                        self.assertTrue(target.exists(), link)
                        if head:
                            self.assertIn(head, heads(target.read_text(encoding="utf-8")), link)
                    for folder in re.findall(r"protoc -I (\.\./\S+)", page.read_text(encoding="utf-8")):
                        self.assertTrue((page.parent / folder / "throng/v1/run.proto").exists())
            self.assertGreater(links, 100)
            installed = tree / "share/doc/throng"
            for name in ("README.md", "SUPPORT.md", "SECURITY.md"):
                lost = words_of_links(ROOT / name) - words_of_links(installed / name)
                self.assertLessEqual(lost, named, name)
            for page in (ROOT / "docs").rglob("*.md"):
                lost = words_of_links(page) - words_of_links(installed / page.relative_to(ROOT))
                self.assertLessEqual(lost, named, page)

    def test_the_same_tree_gives_the_same_bytes(self):
        """Packed by another person: of another country, at another time, with files of other times."""
        sums = (PACKAGES / "SHA256SUMS").read_text()
        old = ROOT / "deploy/throngd.yaml"
        times = old.stat()
        self.addCleanup(os.utime, old, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.utime(old, (1_000_000_000, 1_000_000_000))
        run("bash", "-c", "umask 077; exec deploy/package", cwd=ROOT,
            env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C"})
        self.assertEqual((PACKAGES / "SHA256SUMS").read_text(), sums)

    def test_the_unit_starts_what_is_installed_with_the_folders_of_the_settings(self):
        unit = (self.home / "deb/lib/systemd/system/throngd.service").read_text()
        self.assertIn("ExecStart=/usr/bin/throngd --config /etc/throng/throngd.yaml\n", unit)
        settings = (self.home / "deb/etc/throng/throngd.yaml").read_text()
        self.assertIn("RuntimeDirectory=throng\n", unit)
        self.assertIn("\nlisten: unix:/run/throng/throngd.sock\n", settings)
        self.assertIn("StateDirectory=throng throng/out\n", unit)
        self.assertIn("\nstate_folder: /var/lib/throng\n", settings)
        self.assertIn("\noutput_roots: [/var/lib/throng/out]\n", settings)

    def test_the_manual_tells_every_command_and_flag(self):
        page = (self.tree / "share/man/man1/throngctl.1").read_text().replace("\\-", "-")
        client = self.tree / "bin/throngctl"
        for command in (["generate"], ["verify"], ["runs", "create"], ["runs", "positions", "reset"]):
            self.assertIn(f"\n.SS throngctl {' '.join(command)}\n", page)
            for flag in re.findall(r"^  (-\S+)", run(client, *command, "--help"), re.MULTILINE):
                self.assertIn(f"\n.TP\n\\fB{flag}", page)

    def test_the_archive_has_the_files_of_the_deb(self):
        packed = self.files(self.home / "deb/usr") - {"share/doc/throng/changelog.Debian.gz"}
        packed = {name.removesuffix(".gz") for name in packed if not name.startswith("share/lintian")}
        elsewhere = {"share/doc/throng/changelog", "share/doc/throng/copyright"}
        self.assertLessEqual(packed - elsewhere, self.files(self.tree))
        self.assertLessEqual({"README.md", "LICENSE"}, self.files(self.tree))

    def test_the_archive_takes_nothing_but_glibc_from_the_system(self):
        objects = [*self.tree.glob("bin/*"), *self.tree.glob("lib/*.so*"),
                   *self.tree.glob("lib/throng/plugins/*")]
        self.assertGreater(len(objects), 60)
        newest = (0, 0)
        for line in run("ldd", *objects).splitlines():
            if "=>" not in line:
                continue
            name, place = line.strip().split(" => ")
            if not GLIBC.fullmatch(name):
                self.assertTrue(place.startswith(str(self.tree)), line)
        for file in objects:
            for version in re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "-VW", file)):
                newest = max(newest, tuple(map(int, version)))
        said = re.search(r"glibc (\d+)\.(\d+)", (self.tree / "README.md").read_text())
        self.assertLessEqual(newest, tuple(map(int, said.groups())))

    def test_the_licence_of_every_library_comes_along(self):
        licences = self.files(self.tree / "share/doc/throng/licences")
        self.assertLessEqual({"libcurl4", "libgrpc29", "librdkafka1", "libstdc++6"}, licences)

    def test_the_archive_generates_from_any_folder(self):
        moved = self.home / "moved here"
        os.symlink(self.tree, moved)
        for program in (moved, self.tree):
            rows = run(program / "bin/throngctl", "generate", "--size", "quick", "--quiet",
                       "--to", "csv:-", cwd=self.home, env={"PATH": "/usr/bin:/bin"})
            self.assertEqual(rows.count("\n"), 101)

    def test_quickstart_uses_what_is_installed_and_builds_nothing(self):
        # Nothing that could be built is there.
        checkout = self.home / "checkout"
        (checkout / "deploy").mkdir(parents=True)
        for name in ("packages.sh", "quickstart"):
            shutil.copy(ROOT / "deploy" / name, checkout / "deploy")
        said = run(checkout / "deploy/quickstart", cwd=self.home,
                   env={"PATH": f"{self.tree}/bin:/usr/bin:/bin", "HOME": str(self.home)})
        self.assertTrue(said.startswith(f"Using the installed {self.tree}/bin/throngctl\n"), said)
        self.assertNotRegex(said, "Installing|Building|build/release")
        self.assertIn("throngctl preview --from 49990 ", said)
        self.assertEqual(self.files(checkout), {
            "deploy/packages.sh", "deploy/quickstart", "out/interactions.csv",
            "out/interactions.csv.manifest.json", "out/report.html"})
        rows = (checkout / "out/interactions.csv").read_text(encoding="utf-8")
        self.assertEqual(rows.count("\n"), 50_001)


if __name__ == "__main__":
    unittest.main()
