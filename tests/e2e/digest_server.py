"""A MongoDB server with `$toHashedIndexKey`: stands between its clients and an embedded one, which has none.

It lets the server work out the value to hash, hashes that as MongoDB documents it (every number as a 64-bit integer),
and sums up. It counts how many documents were read through it, and how many digests it gave.

Threads  one for each direction of each connection; all end with `close`
"""
from __future__ import annotations

import hashlib
import struct
import threading

import bson
from bson import Decimal128, Int64
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.son import SON
from older_server import OlderServer
from pymongo import MongoClient

OP_MSG = 2013
BODY_AT = 21  # header, flag bits, kind of the first section
HALF = 1 << 32
ORDERED = CodecOptions(document_class=SON)


def as_integer(value: object) -> object:
    """What MongoDB's hash sees of a value: of a number the 64-bit integer, of everything else all of it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal128):
        value = float(value.to_decimal())
    if isinstance(value, float):
        finite = value == value and abs(value) != float("inf")
        return Int64(max(-(1 << 63), min((1 << 63) - 1, int(value)))) if finite else Int64(0)
    if isinstance(value, int):
        return Int64(value)
    if isinstance(value, dict):
        return SON((name, as_integer(each)) for name, each in value.items())
    if isinstance(value, list):
        return [as_integer(each) for each in value]
    return value


def hash_of(value: object) -> int:
    digest = hashlib.md5(bson.encode(SON(v=as_integer(value))), usedforsecurity=False).digest()
    return struct.unpack("<q", digest[:8])[0]


def low_half(hashed: int) -> int:
    """$mod: of the sign of what is divided."""
    return hashed % HALF if hashed >= 0 else -(-hashed % HALF)


class DigestServer(OlderServer):
    """Of the server's own age; `uri` is the given one by way of this process."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri, [0, 0, 0])
        self.client: MongoClient = MongoClient(uri, directConnection=True)
        self.lock = threading.Lock()
        self.digests = 0
        self.documents_read = 0

    def close(self) -> None:
        super().close()
        self.client.close()

    def forget(self) -> None:
        self.digests = self.documents_read = 0

    def request(self, message: bytes) -> bytes | None:
        """The answer, if it is ours to give."""
        if b"$toHashedIndexKey\0" not in message or struct.unpack_from("<i", message, 12)[0] != OP_MSG:
            return None
        command = bson.decode(message[BODY_AT:BODY_AT + struct.unpack_from("<i", message, BODY_AT)[0]], ORDERED)
        *matches, project, group = command["pipeline"]
        assert set(group["$group"]) == {"_id", "n", "b", "low", "high"}, group
        wanted = {"_id": 0, "b": project["$project"]["b"], "h": project["$project"]["h"]["$toHashedIndexKey"]}
        rows = list(self.client[command["$db"]].get_collection(command["aggregate"], ORDERED).aggregate(
            [*matches, {"$project": wanted}]))
        hashes = [hash_of(row["h"]) for row in rows]
        sums = SON(_id=None, n=len(rows), b=sum(row["b"] for row in rows), low=Int64(sum(map(low_half, hashes))),
                   high=Int64(sum((each - low_half(each)) // HALF for each in hashes)))
        with self.lock:
            self.digests += 1
        namespace = f"{command['$db']}.{command['aggregate']}"
        body = bson.encode(SON(cursor=SON(firstBatch=[sums] if rows else [], id=Int64(0), ns=namespace), ok=1.0))
        request_id = struct.unpack_from("<i", message, 4)[0]
        return struct.pack("<iiiiiB", BODY_AT + len(body), 0, request_id, OP_MSG, 0, 0) + body

    def answer(self, message: bytes) -> bytes:
        """Counts the documents of replies with a cursor."""
        if b"Batch\0" in message and struct.unpack_from("<i", message, 12)[0] == OP_MSG:
            reply = RawBSONDocument(message[BODY_AT:BODY_AT + struct.unpack_from("<i", message, BODY_AT)[0]])
            cursor = reply.get("cursor")
            batch = (cursor.get("firstBatch") or cursor.get("nextBatch") or []) if cursor is not None else []
            if cursor is not None and not str(cursor["ns"]).rpartition(".")[2].startswith("$cmd"):
                with self.lock:
                    self.documents_read += len(batch)
        return message
