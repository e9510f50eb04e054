"""Builds the package `throng`: its files, and the stubs of the protos in throng/v1."""

import pathlib

from setuptools import setup
from setuptools.command.build_py import build_py

PROTOS = pathlib.Path(__file__).resolve().parents[2] / "proto"


class BuildWithStubs(build_py):
    def run(self):
        super().run()
        # Here, since only a build has it.
        import grpc_tools
        from grpc_tools import protoc

        own = pathlib.Path(grpc_tools.__file__).parent / "_proto"  # google/protobuf
        files = sorted(str(path) for path in PROTOS.glob("throng/v1/*.proto"))
        out = [f"--python_out={self.build_lib}", f"--grpc_python_out={self.build_lib}"]
        if not files or protoc.main(["protoc", f"-I{PROTOS}", f"-I{own}", *out, *files]) != 0:
            raise SystemExit(f"No stubs can be made of {PROTOS}/throng/v1.")


setup(cmdclass={"build_py": BuildWithStubs})
