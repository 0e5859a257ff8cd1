"""A change that does not fit into one event: servers from 6.0.9 on send it in fragments, older ones end the stream with
BSONObjectTooLarge (10334).

The embedded server does neither; proxies do it: one splits every event, with its last fragment in the next batch, one
says that it is a server of 5.0 and refuses what is larger than a limit.
"""
from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from older_server import OlderServer
from world import World

LIMIT = 200_000
TOO_LARGE = bson.encode({"ok": 0.0, "code": 10334, "codeName": "BSONObjectTooLarge",
                         "errmsg": "BSONObj size is invalid; first element: _id"})
OP_MSG = 2013
RAW = CodecOptions(document_class=RawBSONDocument)


class SmallEvents(OlderServer):
    """Answers a read of the change stream that is larger than LIMIT with the error, as often as it is asked."""

    refused = 0
    single = 0  # answers with one event

    def answer(self, message: bytes) -> bytes:
        message = super().answer(message)
        if b"nextBatch\0" not in message or b"operationType\0" not in message:
            return message
        if len(message) <= LIMIT:
            self.single += message.count(b"operationType\0") == 1
            return message
        self.refused += 1
        return reply_to(message, TOO_LARGE)


class Fragments(OlderServer):
    """Sends each event in two fragments; the second one of a batch's last event comes with the cursor's next batch."""

    def __init__(self, uri: str, version: list[int]) -> None:
        super().__init__(uri, version)
        self.kept: dict[int, list[dict]] = {}  # by cursor: a read of a killed daemon may be answered late
        self.split = 0
        self.apart = 0

    def answer(self, message: bytes) -> bytes:
        if b"nextBatch\0" not in message or b"postBatchResumeToken\0" not in message:
            return message
        body = dict(bson.decode(message[21:], RAW))
        cursor = dict(body["cursor"])
        fragments = self.kept.pop(cursor["id"], [])
        for event in cursor["nextBatch"]:
            fields = list(dict(event).items())
            half = len(fields) // 2
            for number, part in ((1, fields[:half]), (2, [("_id", event["_id"]), *fields[half:]])):
                fragments.append({**dict(part), "splitEvent": {"fragment": number, "of": 2}})
            self.split += 1
        if cursor["nextBatch"]:
            self.kept[cursor["id"]] = [fragments.pop()]
            self.apart += 1
        cursor["nextBatch"] = fragments
        return reply_to(message, bson.encode({**body, "cursor": cursor}))


def reply_to(message: bytes, document: bytes) -> bytes:
    """The answer `message` with another document in it."""
    body = struct.pack("<IB", 0, 0) + document
    return struct.pack("<i", 16 + len(body)) + message[4:12] + struct.pack("<i", OP_MSG) + body


@contextmanager
def behind(world: World, kind: Callable[[str, list[int]], OlderServer]) -> Iterator[OlderServer]:
    server = kind(world.pair.local_uri, world.local.admin.command("buildInfo")["versionArray"])
    world.pair = dataclasses.replace(world.pair, local_uri=server.uri)
    try:
        yield server
    finally:
        for daemon in world.daemons:
            daemon.stop()
        server.close()


@pytest.fixture
def small(world: World) -> Iterator[tuple[World, OlderServer]]:
    with behind(world, SmallEvents) as server:
        yield world, server


@pytest.fixture
def split(world: World) -> Iterator[tuple[World, OlderServer]]:
    with behind(world, Fragments) as server:
        yield world, server


def test_fragments_are_joined(split: tuple[World, Fragments]) -> None:
    world, server = split
    daemon = world.mirror()
    for number in range(20):
        world.db.things.insert_one({"_id": number, "text": "x" * 100, "n": {"a": number}})
    world.db.things.update_many({"_id": {"$lt": 10}}, {"$set": {"n.a": -1}})
    world.db.things.replace_one({"_id": 11}, {"other": True})
    world.settle()
    # Whatever the daemon had of an event when it was killed comes again.
    for number in range(20, 60):
        world.db.things.insert_one({"_id": number})
    daemon.kill()
    daemon.start()
    world.db.things.delete_many({"_id": {"$gte": 50}})
    world.settle()
    world.assert_equal()
    assert server.split >= 60 and server.apart >= 2, (server.split, server.apart)
    assert daemon.metrics()["malformedEvents"] == 0


def test_what_does_not_fit_is_read_again(small: tuple[World, SmallEvents]) -> None:
    world, server = small
    world.db.things.insert_one({"_id": "before", "text": "x"})
    daemon = world.mirror()
    large = {"_id": "large", "text": "y" * (2 * LIMIT), "list": list(range(50))}
    world.db.things.insert_one({"_id": 1})
    world.db.things.insert_one(large)
    world.db.things.update_one({"_id": "large"}, {"$set": {"list.7": "changed"}})
    world.db.things.update_one({"_id": "large"}, {"$set": {"other": "z" * (2 * LIMIT)}})
    world.db.things.insert_one({"_id": 2})
    world.db.things.replace_one({"_id": "before"}, {"text": "w" * (2 * LIMIT)})
    world.settle()
    assert server.refused >= 3, "each of the large events struck"
    assert server.single >= server.refused, "and was read without its content"
    world.assert_equal()
    # With its content gone, an event is still understood, and the stream goes on with content behind it.
    world.db.things.update_one({"_id": 2}, {"$set": {"small": 1}})
    world.db.things.delete_one({"_id": "large"})
    world.settle()
    world.assert_equal()
    metrics = daemon.metrics()
    assert metrics["gaps"] == 0, "no position was lost"
    assert metrics["malformedEvents"] == 0, metrics


def test_documents_of_the_largest_size(world: World) -> None:
    """MongoDB takes 16 MiB; the embedded server a little less."""
    def of_size(number: int, size: int) -> dict:
        empty = {"_id": number, "small": 1, "text": ""}
        return {**empty, "text": "x" * (size - len(bson.encode(empty)))}

    largest = 16 * 1024 * 1024 - 64
    world.db.things.insert_one(of_size(1, largest))
    world.mirror()
    world.db.things.insert_one(of_size(2, largest))
    world.db.things.update_one({"_id": 1}, {"$set": {"small": 2}})
    world.db.things.update_one({"_id": 2}, {"$set": {"text": "y" * (largest - 100)}})
    world.db.things.replace_one({"_id": 1}, of_size(1, largest))
    world.db.things.insert_one({"_id": 3})
    world.settle()
    world.assert_equal()
    assert len(world.copy.things.find_one({"_id": 2})["text"]) == largest - 100
