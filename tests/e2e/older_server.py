"""A MongoDB server that says it is 5.0: stands between its clients and a newer one, and changes what that says.

A client that believes it asks for no `showExpandedEvents`, so that its change stream tells of drops and renames only.

Threads  one for each direction of each connection; all end with `close`
"""
from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest
from pymongo.uri_parser import parse_uri

OLD = (5, 0, 14)
HEADER_BYTES = 4


def array_of(version: tuple[int, ...]) -> bytes:
    """The first three numbers of buildInfo's versionArray."""
    return b"".join(b"\x10" + str(place).encode() + b"\0" + struct.pack("<i", part)
                    for place, part in enumerate(version))


def receive(connection: socket.socket, length: int) -> bytes:
    """Empty if the connection ends before that."""
    received = b""
    while len(received) < length:
        part = connection.recv(length - len(received))
        if not part:
            return b""
        received += part
    return received


class OlderServer:
    """`uri` is the given one by way of this process."""

    def __init__(self, uri: str, version: list[int]) -> None:
        parsed = parse_uri(uri)
        if parsed["options"].get("tls"):
            pytest.skip("a connection with TLS cannot be changed on the way")
        self.target = parsed["nodelist"][0]
        self.newer = array_of(tuple(version[:3]))
        self.listener = socket.create_server(("127.0.0.1", 0))
        scheme, rest = uri.split("://", 1)
        authority, _, tail = rest.partition("/")
        login = authority.rpartition("@")[0]
        path, _, query = tail.partition("?")
        kept = [each for each in query.split("&") if each and not each.lower().startswith("replicaset=")]
        address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.uri = (f"{scheme}://{login + '@' if login else ''}{address}/{path}?"
                    + "&".join([*kept, "directConnection=true"]))
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                return
            self.connections += [client, server]
            for source, sink, of_server in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, sink, of_server), daemon=True).start()

    def request(self, message: bytes) -> bytes | None:  # noqa: ARG002
        """An answer that the server is not asked for; a client sends its next message after that."""
        return None

    def answer(self, message: bytes) -> bytes:
        return message.replace(self.newer, array_of(OLD)) if b"versionArray\0" in message else message

    def _pass(self, source: socket.socket, sink: socket.socket, of_server: bool) -> None:
        with contextlib.suppress(OSError):
            while header := receive(source, HEADER_BYTES):
                message = header + receive(source, struct.unpack("<i", header)[0] - HEADER_BYTES)
                own = None if of_server else self.request(message)
                if own is not None:
                    source.sendall(own)
                else:
                    sink.sendall(self.answer(message) if of_server else message)
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
