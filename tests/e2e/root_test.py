"""The .deb in a small root with nothing but its dependencies: the daemon of the package, as its user and
with a read-only root, delivers a run. install_test.py and image_test.py have the rest, at full size."""

import os
import re
import shutil
import subprocess
import unittest

import install_test
import package_test
import roots


@unittest.skipUnless(os.geteuid() == 0, "only root installs packages, in a root of its own, too")
class RootTest(unittest.TestCase):
    def test_the_package_alone_delivers_a_run(self):
        depends = package_test.run("dpkg-deb", "--field", package_test.deb(), "Depends")
        try:
            made_of = roots.small(re.findall(r"(?:^|, )([a-z0-9.+-]+)", depends))
        except subprocess.CalledProcessError as error:  # no mirror, or no namespaces
            self.skipTest(f"mmdebstrap makes no root here: {error}")
        root = roots.Root(made_of)
        self.addCleanup(root.close)
        shutil.copy(package_test.deb(), root.path / "tmp/throng.deb")
        # dpkg refuses it where a dependency is missing.
        code, said = root.bash("dpkg --force-unsafe-io -i /tmp/throng.deb")
        self.assertEqual(code, 0, said)
        code, said = root.bash(
            "! touch /etc/x 2>/dev/null" + install_test.DAEMON + """
            throngctl runs create --name first --size quick --to csv:first.csv
            throngctl runs wait first --for succeeded --timeout 60s
            kill %1
            wait %1""", writable=("/run", "/var/lib/throng"), timeout=300)
        self.assertEqual(code, 0, said)
        rows = (root.path / "var/lib/throng/out/first.csv").read_text(encoding="utf-8")
        self.assertEqual(rows.count("\n"), 101)
        self.assertEqual(rows, package_test.run(
            install_test.CLIENT, "generate", "--size", "quick", "--quiet", "--to", "csv:-"))


if __name__ == "__main__":
    unittest.main()
