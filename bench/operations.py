"""The benchmark's operations: half inserts of about 500 bytes, 40 % updates of hot documents, 10 % deletes. Seeded.

Each operation changes exactly one document, so that operations and change events are the same number.
"""
from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator

from pymongo import DeleteOne, InsertOne, UpdateOne

SEED = 4
HOT_DOCUMENTS = 20_000
FIRST_NEW_ID = 10_000_000
PATTERN = ("insert", "update", "insert", "update", "insert", "update", "insert", "update", "insert", "delete")
TEXT = "abcdefghijklmnopqrstuvwxyz" * 15


def document(number: int) -> dict:
    """About 500 bytes of BSON."""
    return {"_id": number, "name": f"document {number}", "value": number * 0.5, "count": 0, "text": TEXT,
            "nested": {"a": number, "b": [1, 2, 3]}}


def hot_documents() -> list[dict]:
    return [document(number) for number in range(HOT_DOCUMENTS)]


def steps(count: int) -> Iterator[tuple[str, int, float]]:
    """Kind, `_id` and new value of `count` operations, the same ones every time.

    A delete takes the oldest document that was inserted here."""
    draw = random.Random(SEED)
    inserted: deque[int] = deque()
    following = FIRST_NEW_ID
    for number in range(count):
        kind = PATTERN[number % len(PATTERN)]
        if kind == "insert":
            inserted.append(following)
            yield kind, following, 0
            following += 1
        elif kind == "update":
            value = draw.random()
            yield kind, draw.randrange(HOT_DOCUMENTS), value
        else:
            yield kind, inserted.popleft(), 0


def operations(count: int) -> Iterator[InsertOne | UpdateOne | DeleteOne]:
    for kind, key, value in steps(count):
        if kind == "insert":
            yield InsertOne(document(key))
        elif kind == "update":
            # $inc changes the document every time, so that no update is a no-op without an event.
            yield UpdateOne({"_id": key}, {"$inc": {"count": 1}, "$set": {"value": value}})
        else:
            yield DeleteOne({"_id": key})


def final_operations(count: int) -> Iterator[dict]:
    """What is left of these operations if all that can merge has merged: one of `insert`, `update` (with `set`) and
    `delete` for each document."""
    last: dict[int, tuple[str, float]] = {}
    counts: Counter[int] = Counter()
    for kind, key, value in steps(count):
        last[key] = kind, value
        counts[key] += kind == "update"
    for key, (kind, value) in last.items():
        if kind == "insert":
            yield {"insert": document(key)}
        elif kind == "update":
            yield {"update": {"_id": key}, "set": {"$set": {"count": counts[key], "value": value}}}
        else:
            yield {"delete": {"_id": key}}
