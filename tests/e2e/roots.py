"""Clean roots of distributions, made by mmdebstrap and kept in build/tools/roots, and how programs run
in them. Needs root, as apt and dpkg do there."""

import fcntl
import pathlib
import shutil
import subprocess
import tempfile

KEPT = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "roots"
MERGED = ["--include=usr-is-merged", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
# Flags of mmdebstrap, and the suite.
ROOTS = {
    "debian12": [*MERGED, "bookworm"],
    "debian13": ["trixie"],
    "java": [*MERGED, "--include=curl,openjdk-17-jre-headless", "bookworm"],
}


def archive(name):
    """The root as a tar file; made where it is missing, in a minute or two."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}.tar"
    with open(KEPT / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            new = KEPT / f"{name}.new.tar"
            subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=minbase", *ROOTS[name], new], check=True)
            new.rename(path)
    return path


class Root:
    """A root in a folder of its own, until it is closed."""

    def __init__(self, name):
        self._home = tempfile.TemporaryDirectory(prefix="throng-root-")
        self.path = pathlib.Path(self._home.name)
        subprocess.run(["tar", "-xf", archive(name), "-C", self.path], check=True)
        self.path.chmod(0o755)
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")

    def close(self):
        self._home.cleanup()

    def bash(self, text, **options):
        """Runs a script there, as root and with processes of its own that end with it; (code, what it
        said)."""
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--root={self.path}",
             "--wd=/root", "--mount-proc", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
             "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "bash", "-euo",
             "pipefail", "-c", text],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            check=False, **options)
        return done.returncode, done.stdout
