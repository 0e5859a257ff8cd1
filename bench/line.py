"""A line of limited bandwidth that all connections share, as Toxiproxy's is not: there each has the whole of it.

Threads  one for each direction of each connection; they end with their connection, all of them with `close`
"""
from __future__ import annotations

import contextlib
import socket
import threading
import time

CHUNK_BYTES = 16 * 1024
CONNECT_SECONDS = 10.0
SLACK_SECONDS = 0.005  # what a sleep takes too long is made up for


class Direction:
    """One way of the line: chunks go one after the other, whatever connection they are of."""

    def __init__(self, bytes_per_second: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._lock = threading.Lock()
        self._free = 0.0
        self.carried = 0

    def carry(self, size: int) -> None:
        """Returns when so many bytes have gone."""
        with self._lock:
            self._free = max(self._free, time.monotonic() - SLACK_SECONDS) + size / self._bytes_per_second
            self.carried += size
            ahead = self._free - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


class Line:
    """Takes connections on `address` and carries them to `upstream`; unlimited until `limit`."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self.limit(float("inf"))
        threading.Thread(target=self._accept, daemon=True).start()

    def limit(self, bytes_per_second: float) -> None:
        """Each way."""
        self.up, self.down = Direction(bytes_per_second), Direction(bytes_per_second)

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(self._upstream, CONNECT_SECONDS)
                far.settimeout(None)
                for each in (near, far):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [near, far]
                for source, sink, way in ((near, far, "up"), (far, near, "down")):
                    threading.Thread(target=self._pump, args=(source, sink, way), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):  # one side has closed
            while chunk := source.recv(CHUNK_BYTES):
                (self.up if way == "up" else self.down).carry(len(chunk))
                sink.sendall(chunk)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
