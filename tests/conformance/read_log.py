"""Prints the log of the sink `faulty_log` as `throng-worker check --read` wants messages."""

import struct
import sys

ESCAPES = {byte: f"\\x{byte:02x}" for byte in (*range(32), *range(127, 256))}
ESCAPES |= {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}

with open(sys.argv[1], "rb") as log:
    while sizes := log.read(8):
        texts = [log.read(size).decode("latin-1").translate(ESCAPES)
                 for size in struct.unpack("=II", sizes)]
        print(*texts, sep="\t")
