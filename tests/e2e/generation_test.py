"""GenerationService.Generate gives the rows of the file, from any row, to readers in three
languages; a slow reader holds the worker, and cancelling ends it."""

import csv
import datetime
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest
import unittest.mock
import uuid

import daemon
import grpc
import numpy
import worker
from throng.v1 import generation_service_pb2

ROWS = 150_000
SPEC = {"dataset": {"seed": 7, "interactions": ROWS, "plan_size": 50_000}}
READER = os.environ["THRONG_ROW_READER"]  # the reader in C++
BUF = os.environ.get("THRONG_BUF", "")
PROTO = os.environ["THRONG_PROTO"]


def request(**fields):
    return generation_service_pb2.GenerateRequest(source=daemon.source(SPEC), **fields)


def texts(header, batch):
    """The rows of a batch as the CSV has them."""
    times = numpy.asarray(batch.timestamp_ms, dtype="datetime64[ms]").astype("datetime64[s]")
    return [
        f"{header.user_prefix}{user},{header.item_prefix}{item},{rating / 100:.1f},{time}Z"
        for user, item, rating, time in zip(
            batch.user_numbers, batch.item_numbers, batch.rating_hundredths, times
        )
    ]


class GenerationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="throngd-")
        cls.addClassCleanup(cls.folder.cleanup)
        # What ASan keeps of freed memory would hide whether memory is flat.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
        with unittest.mock.patch.dict(os.environ, ASAN_OPTIONS=asan):
            cls.daemon = daemon.Daemon(cls.folder.name)
        cls.addClassCleanup(cls.daemon.close)
        path = pathlib.Path(cls.folder.name) / "rows.csv"
        spec = worker.write_spec(
            path.with_suffix(".json"), worker.file_output(path), dataset=SPEC["dataset"]
        )
        done = worker.run(spec)
        assert done.returncode == 0, done.stderr
        cls.rows = path.read_text(encoding="utf-8").splitlines()[1:]

    def read(self, generate_request, timeout=60):
        """First message's header, rows as text, and sizes of batches."""
        header, rows, sizes = None, [], []
        for response in self.daemon.generation.Generate(generate_request, timeout=timeout):
            if response.HasField("header"):
                self.assertIsNone(header)
                header = response.header
            if response.HasField("batch"):
                self.assertEqual(response.batch.first_row, header.start_row + len(rows))
                rows += texts(header, response.batch)
                sizes.append(len(response.batch.user_numbers))
        return header, rows, sizes

    def test_python_reads_the_rows_of_the_file_from_any_row(self):
        for start, limit in [(0, ROWS), (1, 5000), (49_990, 20), (123_457, 10_000), (ROWS - 1, 9)]:
            header, rows, _ = self.read(request(start_row=start, row_limit=limit))
            self.assertEqual(header.interactions, ROWS)
            self.assertEqual(rows, self.rows[start : start + limit], f"from {start}")

    def test_ids_are_uuids_or_begin_elsewhere_as_the_world_says(self):
        def first(**world):
            spec = {"dataset": {**SPEC["dataset"], "world": world}}
            asked = generation_service_pb2.GenerateRequest(source=daemon.source(spec), row_limit=50)
            stream = self.daemon.generation.Generate(asked, timeout=60)
            return next(each.batch for each in stream if each.HasField("batch"))

        plain = first()
        self.assertEqual((plain.user_uuids, plain.item_uuids), (b"", b""))
        later = first(user_start=0, item_start=1000)
        self.assertEqual(list(later.user_numbers), [number - 1 for number in plain.user_numbers])
        self.assertEqual(list(later.item_numbers), [number + 999 for number in plain.item_numbers])
        named = first(ids="uuid")
        self.assertEqual(named.user_numbers, plain.user_numbers)
        for packed, numbers in ((named.user_uuids, plain.user_numbers),
                                (named.item_uuids, plain.item_numbers)):
            ids = [uuid.UUID(bytes=packed[at : at + 16]) for at in range(0, len(packed), 16)]
            self.assertEqual(len(ids), 50)
            self.assertEqual({each.version for each in ids}, {8})
            self.assertEqual(len(set(zip(ids, numbers))), len(set(numbers)))

    def test_without_a_limit_all_rows_follow(self):
        _, rows, sizes = self.read(request(start_row=ROWS - 10_000, batch_rows=3000))
        self.assertEqual(rows, self.rows[-10_000:])
        self.assertEqual(sizes, [3000, 3000, 3000, 1000])

    def test_a_reader_in_cpp_reads_the_same(self):
        for start, limit in [(0, ROWS), (49_990, 20)]:
            read = subprocess.run(
                [READER, f"unix:{self.daemon.socket}", json.dumps(SPEC), str(start), str(limit)],
                capture_output=True,
                text=True,
                check=True,
            )
            self.assertEqual(read.stdout.splitlines(), self.rows[start : start + limit])

    def test_buf_curl_reads_the_same(self):
        if not os.path.exists(BUF):
            self.skipTest("buf is not installed; tests/run installs it")
        asked = {
            "source": {"layers": [{"name": "test", "text": json.dumps(SPEC)}]},
            "startRow": "49990",
            "rowLimit": "20",
        }
        method = "http://localhost/throng.v1.GenerationService/Generate"
        command = [BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge"]
        command += ["--unix-socket", str(self.daemon.socket), "--data", json.dumps(asked)]
        for schema in (["--schema", PROTO], ["--reflect"]):
            read = subprocess.run(
                [*command, *schema, method], capture_output=True, text=True, check=False
            )
            self.assertEqual(read.returncode, 0, read.stderr)
            decoder, rows, text = json.JSONDecoder(), [], read.stdout.strip()
            header = None
            while text:
                message, end = decoder.raw_decode(text)
                text = text[end:].lstrip()
                header = message.get("header", header)
                batch = message.get("batch", {})
                for user, item, rating, ms in zip(
                    batch.get("userNumbers", []),
                    batch.get("itemNumbers", []),
                    batch.get("ratingHundredths", []),
                    batch.get("timestampMs", []),
                ):
                    when = datetime.datetime.fromtimestamp(int(ms) // 1000, datetime.timezone.utc)
                    rows.append(
                        f"{header['userPrefix']}{user},{header['itemPrefix']}{item},"
                        f"{rating / 100:.1f},{when:%Y-%m-%dT%H:%M:%S}Z"
                    )
            self.assertEqual(rows, self.rows[49_990:50_010])

    def test_only_the_columns_asked_for_are_sent(self):
        responses = list(
            self.daemon.generation.Generate(
                request(row_limit=100, columns=["item_id", "kind", "cluster", "category"])
            )
        )
        header = responses[0].header
        self.assertEqual(list(header.kinds), ["preferred", "popular", "random"])
        self.assertEqual(len(header.clusters), 6)
        self.assertEqual(len(header.categories), 5)
        batch = next(r.batch for r in responses if r.HasField("batch"))
        self.assertEqual(len(batch.user_numbers), 0)
        self.assertEqual(len(batch.item_numbers), 100)
        self.assertEqual(len(batch.kind_indexes), 100)
        self.assertLess(max(batch.cluster_indexes), 6)
        self.assertLess(max(batch.category_indexes), 5)

    def test_a_runs_dataset_can_be_asked_for_by_name(self):
        run = self.daemon.create({**SPEC, "outputs": [worker.file_output("by-name.csv")]})
        asked = generation_service_pb2.GenerateRequest(run=run.name, start_row=777, row_limit=50)
        _, rows, _ = self.read(asked)
        self.assertEqual(rows, self.rows[777:827])

    def expect_refused(self, generate_request, field, sentence):
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.daemon.generation.Generate(generate_request, timeout=60))
        error = caught.exception
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT, error.details())
        info, violations = daemon.error_info(error)
        self.assertEqual(info.domain, "throng")
        self.assertIn(field, [name for name, _ in violations], violations)
        self.assertIn(sentence, " ".join(text for _, text in violations))

    def test_what_cannot_be_sent_is_refused_with_the_field(self):
        self.expect_refused(request(start_row=ROWS + 1), "start_row", str(ROWS))
        self.expect_refused(request(start_row=-1), "start_row", "-1")
        self.expect_refused(request(row_limit=0), "row_limit", "1")
        self.expect_refused(request(batch_rows=20_000), "batch_rows", "16384")
        self.expect_refused(request(columns=["user"]), "columns", "user_id")
        wrong = {"dataset": {"world": {"users": 0}}}
        self.expect_refused(
            generation_service_pb2.GenerateRequest(source=daemon.source(wrong)),
            "dataset.world.users",
            "1",
        )

    def resident(self, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def endless(self):
        spec = {"dataset": {"seed": 7, "interactions": None}}
        return self.daemon.generation.Generate(
            generation_service_pb2.GenerateRequest(source=daemon.source(spec))
        )

    def test_a_slow_reader_holds_the_worker_and_cancelling_ends_it(self):
        stream = self.endless()
        next(stream)
        give_up = time.monotonic() + daemon.PATIENCE_SECONDS
        while len(workers := self.daemon.workers()) > 1:  # those of earlier streams may still end
            self.assertLess(time.monotonic(), give_up, workers)
            time.sleep(0.01)
        (pid,) = workers

        def cpu_ticks():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        give_up = time.monotonic() + daemon.PATIENCE_SECONDS
        before, ticks = -1, cpu_ticks()
        while ticks != before:  # it fills what lies between, and then waits
            self.assertLess(time.monotonic(), give_up, "the worker is not held")
            time.sleep(1)
            before, ticks = ticks, cpu_ticks()
        memory = self.resident(pid), self.resident(self.daemon.process.pid)
        for _ in range(2000):  # 8 million rows
            next(stream)
        self.assertLess(self.resident(pid), memory[0] + (32 << 20))
        self.assertLess(self.resident(self.daemon.process.pid), memory[1] + (32 << 20))
        stream.cancel()
        give_up = time.monotonic() + 5
        while self.daemon.workers():
            self.assertLess(time.monotonic(), give_up, "the worker outlives its stream")
            time.sleep(0.01)

    def test_beyond_64_streams_a_caller_is_told_when_to_come_again(self):
        streams = []
        try:
            for _ in range(64):
                streams.append(self.endless())
                next(streams[-1])
            with self.assertRaises(grpc.RpcError) as caught:
                next(self.endless())
            error = caught.exception
            self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, error.details())
            self.assertIn("64", error.details())
            self.assertIn("retry", str(error.trailing_metadata()).lower())
        finally:
            for stream in streams:
                stream.cancel()


if __name__ == "__main__":
    unittest.main()
