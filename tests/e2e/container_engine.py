"""An engine of containers for tests: podman and buildah as root, with a store, settings and networks of
their own, and without the privileges of a container host. No registry is asked: images of others are
made under their public names."""

import os
import pathlib
import subprocess
import tempfile

import roots

# As Debian's own slim images do.
LEFT_OUT = ["./usr/share/doc", "./usr/share/man", "./usr/share/info", "./usr/share/locale"]


class Engine:
    """Use it as a context manager, or `test.addCleanup(it.close)`."""

    def __init__(self):
        self._home = tempfile.TemporaryDirectory(prefix="throng-engine-")
        self.home = pathlib.Path(self._home.name)
        settings = {
            # Limits cannot be raised; crun refuses a mix of cgroups.
            "CONTAINERS_CONF": f"""
                [containers]
                default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
                [engine]
                runtime = "runc"
                cgroup_manager = "cgroupfs"
                events_logger = "file"
                [network]
                network_backend = "netavark"
                network_config_dir = "{self.home}/networks"
                """,
            "CONTAINERS_STORAGE_CONF": f"""
                [storage]
                driver = "overlay"
                graphroot = "{self.home}/store"
                runroot = "{self.home}/run"
                """,
            "CONTAINERS_REGISTRIES_CONF": 'unqualified-search-registries = ["docker.io"]',
        }
        self.environment = dict(os.environ)
        for name, text in settings.items():
            path = self.home / f"{name}.toml"
            path.write_text(text, encoding="utf-8")
            self.environment[name] = str(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.run("podman", "rm", "--all", "--force", "--volumes", "--time", "1")
        # What is mounted still is so on purpose of the engine: to be quick.
        self.run("umount", self.home / "store/overlay")
        self._home.cleanup()

    def run(self, *command, **options):
        """The completed process, with what it said as text."""
        return subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False,
            env=self.environment, stdin=subprocess.DEVNULL, **options)

    def call(self, *command, **options):
        """What a command prints that has to succeed."""
        done = self.run(*command, **options)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def import_root(self, name, image):
        """Makes an image of a clean root, without what slim images leave out."""
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            excludes = [f"--exclude={path}/*" for path in LEFT_OUT]
            self.call("tar", "-xf", roots.archive(name), "-C", folder, *excludes)
            rules = "".join(f"path-exclude {path[1:]}/*\n" for path in LEFT_OUT)
            pathlib.Path(folder, "etc/dpkg/dpkg.cfg.d/slim").write_text(
                rules + "path-include /usr/share/doc/*/copyright\n", encoding="utf-8")
            archive = self.home / "root.tar"
            self.call("tar", "-cf", archive, "-C", folder, ".")
        self.call("podman", "import", archive, image)
        archive.unlink()

    def build(self, containerfile, image, context, *flags):
        return self.call(
            "buildah", "bud", "--isolation", "chroot", "--pull-never", "--format", "docker",
            *flags, "-f", containerfile, "-t", image, context)

    def compressed_bytes(self, image):
        """Of the image's layers, as a registry keeps them."""
        folder = self.home / "pushed"
        self.call("buildah", "push", image, f"oci:{folder}")
        return sum(path.stat().st_size for path in (folder / "blobs/sha256").iterdir())
