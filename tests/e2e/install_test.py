"""The packages in clean roots, which have nothing of what Throng needs: the .deb is installed, used,
upgraded, removed and purged; the archive runs on every platform that its README.md names."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import package_test
import roots

CLIENT = package_test.ROOT / "build/release/bin/throngctl"
DAEMON = """
install -d -o throng -m 0750 /run/throng
setpriv --reuid throng --regid throng --clear-groups throngd --config /etc/throng/throngd.yaml &
until throngctl version --address unix:/run/throng/throngd.sock >/dev/null 2>&1; do sleep 0.1; done
"""


def default_job(folder):
    """SHA-256 of the default job's rows, made by what was built."""
    subprocess.run([CLIENT, "generate", "--quiet"], cwd=folder, check=True, timeout=600)
    return hashlib.sha256(pathlib.Path(folder, "out/interactions.csv").read_bytes()).hexdigest()


def next_version(folder):
    """The package once more, as a later version whose settings are others."""
    raw = pathlib.Path(folder, "raw")
    subprocess.run(["dpkg-deb", "--raw-extract", package_test.deb(), raw], check=True)
    control = raw / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", r"\g<0>.1", control.read_text(), flags=re.MULTILINE))
    with open(raw / "etc/throng/throngd.yaml", "a", encoding="utf-8") as settings:
        settings.write("\n# Of the next version.\n")
    path = pathlib.Path(folder, "next.deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", raw, path],
                   check=True, stdout=subprocess.DEVNULL)
    return path


@unittest.skipUnless(os.geteuid() == 0, "only root installs packages, in a root of its own, too")
class InstallTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.expected = default_job(self.folder)

    def root(self, name):
        root = roots.Root(roots.archive(name))
        self.addCleanup(root.close)
        self.bash = lambda text: self.assert_runs(root, text)
        return root

    def assert_runs(self, root, text):
        code, said = root.bash(text, timeout=1800)
        self.assertEqual(code, 0, said)
        return said

    def test_lintian_finds_no_error(self):
        done = subprocess.run(
            ["lintian", "--allow-root", "--fail-on", "error", package_test.deb()],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_deb_is_installed_used_upgraded_removed_and_purged(self):
        root = self.root("debian12")
        shutil.copy(package_test.deb(), root.path / "tmp/throng.deb")
        shutil.copy(next_version(self.folder), root.path / "tmp/next.deb")

        with self.subTest("the default job from nothing"):
            began = time.monotonic()
            self.bash("apt-get update -qq && apt-get install -y -qq /tmp/throng.deb")
            installed = time.monotonic()
            self.bash("throngctl generate --quiet --to csv:out/interactions.csv")
            print(f"From nothing to the rows of the default job: {time.monotonic() - began:.1f} s, "
                  f"of which apt takes {installed - began:.1f} s.")
            rows = (root.path / "root/out/interactions.csv").read_bytes()
            self.assertEqual(hashlib.sha256(rows).hexdigest(), self.expected)

        with self.subTest("shells complete commands"):
            self.bash("apt-get install -y -qq --no-install-recommends bash-completion fish zsh")
            bash = self.bash("""set +eu
                source /usr/share/bash-completion/bash_completion
                _completion_loader throngctl
                COMP_WORDS=(throngctl pre) COMP_CWORD=1
                _throngctl
                echo "${COMPREPLY[@]}" """)
            fish = self.bash("fish -c 'complete -C \"throngctl pre\"'")
            # Outside of an editor, compadd has nobody to tell: it prints.
            zsh = self.bash("""zsh -f -c '
                compadd() { print -rl -- $candidates }
                fpath=(/usr/share/zsh/vendor-completions $fpath)
                autoload -Uz _throngctl
                words=(throngctl pre) CURRENT=2
                _throngctl'""")
            for said in (bash, fish, zsh):
                self.assertEqual(sorted(said.split()), ["presets", "preview"])

        with self.subTest("the unit is one that systemd takes, in a tight sandbox"):
            self.bash("apt-get install -y -qq --no-install-recommends systemd man-db")
            self.bash("systemd-analyze verify throngd.service")
            self.bash("systemd-analyze security --offline=true --threshold=15 throngd.service")

        with self.subTest("the daemon runs as its user"):
            self.bash(DAEMON + """
                throngctl runs create --name first --to csv:first.csv
                throngctl runs wait first --for succeeded --timeout 60s""")
            said = self.bash("stat -c '%U %a' /var/lib/throng /var/lib/throng/out/first.csv")
            self.assertEqual(said.split("\n")[:2], ["throng 750", "throng 644"])
            rows = (root.path / "var/lib/throng/out/first.csv").read_bytes()
            self.assertEqual(hashlib.sha256(rows).hexdigest(), self.expected)

        with self.subTest("an upgrade keeps settings, runs and rows"):
            self.bash("sed -i 's/^ended_runs: .*/ended_runs: 7/' /etc/throng/throngd.yaml")
            self.bash("apt-get install -y -qq -o Dpkg::Options::=--force-confold /tmp/next.deb")
            self.assertTrue(self.bash("dpkg-query -Wf '${Version}' throng").endswith(".1"))
            self.bash("grep -q '^ended_runs: 7$' /etc/throng/throngd.yaml")
            self.bash("grep -q 'next version' /etc/throng/throngd.yaml.dpkg-dist")
            self.assertIn("first", self.bash(DAEMON + "throngctl runs list -o name"))

        with self.subTest("what is removed leaves settings, runs and rows"):
            self.bash("apt-get remove -y -qq throng")
            self.assertFalse((root.path / "usr/bin/throngctl").exists())
            self.assertTrue((root.path / "etc/throng/throngd.yaml").exists())
            self.assertTrue((root.path / "var/lib/throng/out/first.csv").exists())

        with self.subTest("what is purged leaves its account alone"):
            self.bash("apt-get purge -y -qq throng && rm -r /run/throng /tmp/throng.deb")
            self.assertEqual(self.bash(
                "find / -xdev -name '*throng*' -not -path '/var/cache/man/*'"), "")
            self.bash("getent passwd throng")

        with self.subTest("it is installed again"):
            self.bash("apt-get install -y -qq /tmp/next.deb")
            self.bash(DAEMON + "throngctl runs list")

    def test_systemd_keeps_the_daemon_and_shuts_it_in(self):
        """By a systemd that is process 1, in namespaces of its own."""
        root = self.root("debian12")
        shutil.copy(package_test.deb(), root.path / "tmp/throng.deb")
        self.bash("apt-get update -qq && apt-get install -y -qq --no-install-recommends "
                  "dbus systemd /tmp/throng.deb")
        (root.path / "srv/data").mkdir()
        booted = root.boot()
        self.addCleanup(booted.close)
        bash = lambda text: self.assert_runs(booted, text)
        shown = lambda name: bash(f"systemctl show --property {name} --value throngd").strip()

        def wait_until(is_so):
            give_up = time.monotonic() + 60
            while not is_so():
                self.assertLess(time.monotonic(), give_up, bash("journalctl -n 40 --no-pager"))
                time.sleep(0.05)

        with self.subTest("it is off until somebody starts it"):
            self.assertEqual(shown("ActiveState"), "inactive")
            bash("systemctl enable --now throngd")  # which waits for READY=1
            self.assertEqual(shown("ActiveState"), "active")
            bash("throngctl runs create --name first --to csv:first.csv --rate 10000/s")

        with self.subTest("it is shut in"):
            pids = bash("cat /sys/fs/cgroup/system.slice/throngd.service/cgroup.procs").split()
            self.assertEqual(len(pids), 2)  # with the worker
            for pid in pids:
                status = bash(f"cat /proc/{pid}/status")
                self.assertNotRegex(status, r"\nUid:\s+0\b")
                for line in (r"NoNewPrivs:\s+1", r"Seccomp:\s+2", "CapEff:\t0+", "CapBnd:\t0+"):
                    self.assertRegex(status, f"\n{line}\n")
                inside = f"nsenter --target {pid} --mount"
                for place in ("/usr", "/etc/throng", "/srv/data", "/var/lib/dpkg"):
                    said = bash(f"{inside} touch {place}/x 2>&1 || true")
                    self.assertIn("Read-only file system", said)
                bash(f"touch /tmp/of-others && ! {inside} ls /tmp/of-others && {inside} touch /tmp/x")
                self.assertEqual(bash(f"{inside} ls /home /root 2>/dev/null"), "/home:\n\n/root:\n")

        with self.subTest("a daemon that is killed comes back, and its runs go on"):
            bash("systemctl kill --kill-whom=main --signal=KILL throngd")
            wait_until(lambda: shown("NRestarts") == "1" and shown("ActiveState") == "active")
            bash("throngctl runs wait first --for succeeded --timeout 60s")
            rows = (root.path / "var/lib/throng/out/first.csv").read_bytes()
            self.assertEqual(hashlib.sha256(rows).hexdigest(), self.expected)

        with self.subTest("an output folder elsewhere takes what the guide says"):
            bash("""
                chown throng: /srv/data
                mkdir /etc/systemd/system/throngd.service.d
                printf '[Service]\nReadWritePaths=/srv/data\nWatchdogSec=2\nTimeoutAbortSec=1\n' \
                  >/etc/systemd/system/throngd.service.d/override.conf
                sed -i 's,^output_roots: .*,output_roots: [/srv/data],' /etc/throng/throngd.yaml
                systemctl daemon-reload
                systemctl restart throngd
                throngctl runs create --name second --size quick --to csv:second.csv
                throngctl runs wait second --for succeeded --timeout 60s
                test -s /srv/data/second.csv""")

        with self.subTest("one that hangs is started again"):
            bash(f"kill -STOP {shown('MainPID')}")
            wait_until(lambda: shown("NRestarts") == "1" and shown("ActiveState") == "active")
            bash("throngctl runs list")

        with self.subTest("it reads its settings again"):
            bash("sed -i 's/level: info/level: debug/' /etc/throng/throngd.yaml && "
                 "systemctl reload throngd")
            wait_until(lambda: "the settings were read again" in bash("journalctl -u throngd -o cat"))

        with self.subTest("it stops once runs have committed"):
            bash("""throngctl runs create --name third --to csv:third.csv --rate 1000/s
                sleep 1; systemctl stop throngd; systemctl start throngd
                throngctl runs wait third --for running,succeeded --timeout 60s""")
            self.assertEqual(shown("Result"), "success")
            self.assertIn("went_on_from", bash("throngctl runs get third -o json"))

        with self.subTest("wrong settings are tried once"):
            bash("echo 'nonsense: 1' >>/etc/throng/throngd.yaml; ! systemctl restart throngd")
            wait_until(lambda: shown("ActiveState") == "failed")
            self.assertEqual((shown("ExecMainStatus"), shown("NRestarts")), ("2", "0"))
            self.assertIn("nonsense", bash("journalctl -u throngd -o cat -n 20"))

    def test_the_archive_runs_on_every_platform_that_it_names(self):
        said = (package_test.ROOT / "deploy/archive.md").read_text()
        tried = re.search(r"It was tried on (.*)\.", said)[1]
        for name in re.split(r", | and ", tried):
            with self.subTest(name):
                root = self.root(name.lower().replace(" ", ""))
                subprocess.run(
                    ["tar", "-xf", package_test.archive(), "-C", root.path / "opt"], check=True)
                self.assertEqual(
                    self.bash("find / -xdev -name 'libgrpc*' -not -path '/opt/*'"), "")
                self.bash("/opt/throng-*/bin/throngctl generate --quiet --to csv:out/interactions.csv")
                rows = (root.path / "root/out/interactions.csv").read_bytes()
                self.assertEqual(hashlib.sha256(rows).hexdigest(), self.expected)


if __name__ == "__main__":
    unittest.main()
