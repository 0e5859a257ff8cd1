#!/usr/bin/env python3
"""What the fuzzers begin with: some inputs of every kind that they are meant for, in DIR/<fuzzer>/.

Run      tests/fuzz/make_corpus.py DIR [MOST]   (with the Python of tools/setup.sh: it needs pymongo's bson)
         MOST: at most so many of each, evenly chosen; tests/fuzz/corpus was begun with 16
"""
from __future__ import annotations

import struct
import sys
from datetime import datetime
from pathlib import Path

import bson
from bson import Binary, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.json_util import CANONICAL_JSON_OPTIONS, dumps
from bson.son import SON

VALUES = (1, Int64(1), 1.5, -0.0, float("nan"), Decimal128("1.10"), "text", "", None, True, datetime(1969, 5, 5),
          ObjectId("0" * 24), Binary(b"\1\2", 5), Regex("^a", "i"), Timestamp(3, 4), MinKey(), MaxKey(),
          SON(a=1, b=SON(c=[1, 2.0])), [1, "x", SON(y=None)])
HEAD = SON(_id=SON(_data="8265"), clusterTime=Timestamp(10, 1), ns=SON(db="shop", coll="bills"),
           collectionUUID=Binary(bytes(16), 4))


def events() -> list[bytes]:
    made = []
    for value in VALUES:
        key = SON(documentKey=SON(_id=value))
        full = SON(fullDocument=SON(_id=value, a=value))
        made += [SON(HEAD, operationType="insert") | key | full, SON(HEAD, operationType="replace") | key | full,
                 SON(HEAD, operationType="delete") | key]
        description = SON(updatedFields=SON({"a.b": value, "c": 1}), removedFields=["d"], truncatedArrays=[],
                          disambiguatedPaths=SON({"a.b": ["a", "b"]}))
        made.append(SON(HEAD, operationType="update", updateDescription=description) | key)
    target = SON(to=SON(db="shop", coll="new"))
    index = SON(indexes=[SON(v=2, key=SON(a=1), name="a_1")])
    made += [SON(HEAD, operationType=each)
             for each in ("drop", "dropDatabase", "invalidate", "refineCollectionShardKey")]
    made += [SON(HEAD, operationType="rename", operationDescription=target) | target,
             SON(HEAD, operationType="create", operationDescription=SON(capped=True, size=4096)),
             SON(HEAD, operationType="createIndexes", operationDescription=index),
             SON(HEAD, operationType="dropIndexes", operationDescription=index),
             SON(HEAD, operationType="modify", operationDescription=SON(index=SON(name="a_1", hidden=True)))]
    return [bson.encode(each) for each in made]


def record(kind: int, key: bytes, payload: bytes) -> bytes:
    """Of docs/formats/queue.md, without its checksum."""
    return struct.pack("<BBHIQQqIHHIIQ", 1, kind, 0, 0, 10 << 32 | 1, 10 << 32 | 1, 1, 0, 4, 5, len(key), len(payload),
                       0) + b"shopbills" + key + payload


def bodies() -> list[bytes]:
    names = ["shop.bills", "b*", "*.x", "späti", "a" * 300]
    made = [{}, {"namespaces": names}, {"namespaces": []}, {"namespaces": names, "repair": True, "quick": True},
            {"namespaces": names, "keepExtra": True, "dryRun": True}, {"repair": 1}, {"namespaces": [1]}, [], "x", None,
            {"unknown": {"a": [1, 2, {"b": None}]}}]
    broken = [b"", b"{", b'{"a":1e999}', b'{"namespaces":["\\ud800"]}', b"\xff"]
    return [dumps(each).encode() for each in made] + broken


def digests() -> list[bytes]:
    made = [SON(n=3, b=Int64(512), low=Int64(-1), high=1.5), SON(n=None), SON(n="x", b=[1]), SON(high=float("nan"))]
    return [bson.encode(each) for each in [*made, *(SON(_id=value) for value in VALUES)]]


def uris() -> list[bytes]:
    """Behind a byte that chooses the rules; the same texts are also what follows a password."""
    hosts = (b"a", b"localhost:27017", b"[::1]:1", b"127.0.0.1,b.example:65535", b"%2Ftmp%2Fsocket", b"a:0", b"a b")
    options = (b"", b"/shop", b"/shop?tls=true&replicaSet=rs", b"/admin?authSource=admin", b"/?tlsInsecure=true",
               b"/?tlsCAFile=/none&authMechanismProperties=A:b", b"/x?w=majority&readConcernLevel=&=&a")
    whole = [scheme + login + host + option for scheme, login in (
        (b"mongodb://", b""), (b"mongodb://", b"u:p%40@"), (b"mongodb+srv://", b"u@"), (b"", b""))
             for host in hosts for option in options]
    return [bytes([place % 4]) + uri for place, uri in enumerate(whole)]


def corpus() -> dict[str, list[bytes]]:
    documents = [bson.encode(SON(_id=value, a=value)) for value in VALUES]
    entries = [dumps(SON(id="1", operation=kind, collection="shop.bills", filter=SON(_id=value), data=SON(_id=value),
                         timestamp="2026-11-22T10:00:00.000Z", retryCount=0), json_options=CANONICAL_JSON_OPTIONS)
               for value in VALUES for kind in ("insert", "update", "delete", "replace")]
    reported = [dumps({"operations": [{"collection": "shop.bills", "filter": {"_id": value}}],
                       "dirtyRanges": [{"collection": "shop.bills"}]}, json_options=CANONICAL_JSON_OPTIONS)
                for value in VALUES]
    deltas = [bson.encode(SON(updatedFields=SON({path: value}), removedFields=removed, disambiguatedPaths=SON()))
              for value in VALUES[:8] for path, removed in (("a", []), ("a.b", ["c"]), ("b", ["a.c", "d"]))]
    env = [b"A=1\n# x\nexport B='two words'\nC=\"a\\n\\\"b\"\n", b"SYNC_LANES=4 # four\n", b"\xef\xbb\xbfA = b\r\n"]
    settings = [bytes([field]) + value for field in range(64)
                for value in (b"1", b"24h", b"10 MiB", b"mongodb://a:b@h:1/d?tls=true", b"a=b,c=d", b"127.0.0.1:0")]
    return {"body": bodies(), "digest": digests(), "event": events(),
            "record": [record(kind, each, each) for kind in range(8) for each in documents],
            "json": [each.encode() for each in entries], "reported": [each.encode() for each in reported], "env": env,
            "settings": settings, "uri": uris(), "key": documents,
            "delta": [one + two for one in deltas for two in deltas[:5]]}


def main() -> None:
    most = int(sys.argv[2]) if len(sys.argv) > 2 else sys.maxsize
    for name, all_inputs in corpus().items():
        inputs = all_inputs[::max(1, -(-len(all_inputs) // most))]
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for place, content in enumerate(inputs):
            (folder / f"seed-{place:04}").write_bytes(content)


if __name__ == "__main__":
    main()
