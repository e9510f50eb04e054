"""Stands between clients and a Kafka broker, and answers some of their requests itself."""

import contextlib
import socket
import socketserver
import struct
import threading

END_TXN = 26  # the number of the request that commits or aborts


class KafkaProxy:
    """A context manager: in front of the broker at 127.0.0.1:`port` while it is open.

    bootstrap   where clients find it; the broker's own address is replaced in what it answers
    refuse_commit(code)   the next EndTxn that would commit does not reach the broker; it is answered
                          with that error, or with None never
    refused     how many were
    """

    def __init__(self, port):
        self._broker = port
        self._codes = []
        self.refused = 0

    def __enter__(self):
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    proxy._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        self.bootstrap = f"127.0.0.1:{self._port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()

    def refuse_commit(self, code):
        self._codes.append(code)

    def _serve(self, client):
        with socket.create_connection(("127.0.0.1", self._broker)) as broker:
            threading.Thread(target=self._answer, args=(broker, client), daemon=True).start()
            while frame := self._frame(client):
                answer = self._refusal(frame)
                if answer is None:
                    broker.sendall(struct.pack(">i", len(frame)) + frame)
                elif answer:
                    client.sendall(struct.pack(">i", len(answer)) + answer)

    def _answer(self, broker, client):
        own = b"127.0.0.1" + struct.pack(">i", self._broker)
        with contextlib.suppress(OSError):
            while frame := self._frame(broker):
                frame = frame.replace(own, own[:-4] + struct.pack(">i", self._port))
                client.sendall(struct.pack(">i", len(frame)) + frame)

    def _refusal(self, frame):
        """The answer to a frame that is refused, empty for none; None for other frames."""
        request, version, correlation = struct.unpack_from(">hhi", frame)
        if request != END_TXN or frame[-1] != 1 or not self._codes:
            return None
        assert version < 3, "a form of EndTxn that this does not know"
        code = self._codes.pop()
        self.refused += 1
        return b"" if code is None else struct.pack(">iih", correlation, 0, code)

    @staticmethod
    def _frame(connection):
        """The next one without its size; nothing at the end."""
        def take(size):
            data = b""
            while len(data) < size:
                more = connection.recv(size - len(data))
                if not more:
                    return b""
                data += more
            return data

        size = take(4)
        return take(struct.unpack(">i", size)[0]) if size else b""
