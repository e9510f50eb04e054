"""Clean roots of distributions, made by mmdebstrap and kept in build/tools/roots, and how programs run
in them, under systemd too. Needs root, as apt and dpkg do there."""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import tempfile
import time

KEPT = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "roots"
MERGED = ["--include=usr-is-merged", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
# Flags of mmdebstrap, and the suite.
ROOTS = {
    "debian12": [*MERGED, "bookworm"],
    "debian13": ["trixie"],
    "java": [*MERGED, "--include=curl,openjdk-17-jre-headless", "bookworm"],
    "prometheus": [*MERGED, "--include=prometheus,wget", "bookworm"],
}


def archive(name):
    """The root as a tar file; made where it is missing, in a minute or two."""
    return made(name, ["--variant=minbase", *ROOTS[name]])


def small(packages):
    """An archive of those packages and what is essential, without apt."""
    packages = ",".join(sorted(packages))
    name = f"small-{hashlib.sha256(packages.encode()).hexdigest()[:8]}"
    return made(name, ["--variant=essential", *MERGED, f"--include={packages}", "bookworm"])


def made(name, flags):
    """The archive of that name, kept or made by mmdebstrap."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}.tar"
    with open(KEPT / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            new = KEPT / f"{name}.new.tar"
            subprocess.run(
                ["mmdebstrap", "--quiet", "--dpkgopt=force-unsafe-io", *flags, new], check=True)
            new.rename(path)
    return path


# Runs a script in a root, by root, writable folders and script.
ENTER = """
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
if [[ $2 != / ]]; then
  for folder in $2; do
    if [[ $folder == /run ]]; then mount -t tmpfs tmpfs ./run; else mount --bind ".$folder" ".$folder"; fi
  done
  mount -o remount,bind,ro "$1"
fi
exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \\
  DEBIAN_FRONTEND=noninteractive bash -euo pipefail -c "$3"
"""

# What a boot finds, in namespaces of its own: a hierarchy of control groups, and devices that do no harm.
BOOT = """
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs tmpfs $folder; done
for device in null zero full random urandom tty; do
  touch dev/$device
  mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
mkdir -p old
pivot_root . old
umount -l /old
exec env -i container=throng PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=0
"""


class Root:
    """A root in a folder of its own, until it is closed."""

    def __init__(self, made_of):
        self._home = tempfile.TemporaryDirectory(prefix="throng-root-")
        self.path = pathlib.Path(self._home.name)
        subprocess.run(["tar", "-xf", made_of, "-C", self.path], check=True)
        self.path.chmod(0o755)
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")

    def close(self):
        self._home.cleanup()

    def bash(self, text, writable=("/",), **options):
        """Runs a script there, as root and with processes of its own that end with it; (code, what it
        said). Nothing is written to but below those folders, of which /run begins empty."""
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-euc", ENTER, "enter",
             self.path, " ".join(writable), f"cd /root\n{text}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            check=False, **options)
        return done.returncode, done.stdout

    def boot(self):
        """systemd, which has to be installed there, as process 1 of it; close what comes back first."""
        return Booted(self.path)


class Booted:
    """A root whose process 1 is systemd, without a network."""

    def __init__(self, path):
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--net", "--fork",
             "--kill-child", "bash", "-euc", BOOT, "boot", path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pid = self._process.pid
        give_up = time.monotonic() + 60
        while not (first := pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            assert time.monotonic() < give_up, "nothing was started"
            time.sleep(0.01)
        self._enter = ["nsenter", "--target", first[0], "--all", "env", "-i", "HOME=/root",
                       "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        while self.bash("systemctl is-system-running")[1] not in ("running\n", "degraded\n"):
            assert time.monotonic() < give_up, self.bash("systemctl list-jobs")
            time.sleep(0.1)

    def close(self):
        self._process.kill()
        self._process.wait()

    def bash(self, text, **options):
        """As of Root."""
        done = subprocess.run(
            [*self._enter, "bash", "-euo", "pipefail", "-c", f"cd /root\n{text}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            check=False, **options)
        return done.returncode, done.stdout
