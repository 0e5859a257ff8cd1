"""The benchmark's operations: half inserts of about 500 bytes, 40 % updates of hot documents, 10 % deletes. Seeded.

Each operation changes exactly one document, so that operations and change events are the same number.
"""
from __future__ import annotations

import random
from collections import deque
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


def operations(count: int) -> Iterator[InsertOne | UpdateOne | DeleteOne]:
    """`count` operations, the same ones every time. A delete takes the oldest document that was inserted here."""
    draw = random.Random(SEED)
    inserted: deque[int] = deque()
    following = FIRST_NEW_ID
    for number in range(count):
        kind = PATTERN[number % len(PATTERN)]
        if kind == "insert":
            inserted.append(following)
            yield InsertOne(document(following))
            following += 1
        elif kind == "update":
            # $inc changes the document every time, so that no update is a no-op without an event.
            change = {"$inc": {"count": 1}, "$set": {"value": draw.random()}}
            yield UpdateOne({"_id": draw.randrange(HOT_DOCUMENTS)}, change)
        else:
            yield DeleteOne({"_id": inserted.popleft()})
