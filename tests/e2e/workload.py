"""Writes of every sort, as applications make them: seeded, so that a failure can be repeated."""
from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from bson import Int64
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

BULK_OPERATIONS = 500
TRANSACTION_EVERY = 10    # bulks
RECREATED_PER_ROUND = 5
GROUPS = 5_000            # update_many and delete_many touch a few documents each
NEW_IDS_FROM = 10_000_000


class Mixed:
    """Mixed operations on a collection of flights with integer ids from 1 to `documents`."""

    def __init__(self, collection: Collection, documents: int, seed: int) -> None:
        self.collection = collection
        self.random = random.Random(seed)
        self.documents = documents
        self.next_id = NEW_IDS_FROM + seed * 1_000_000
        self.done = 0

    def an_id(self) -> int:
        # A quarter of the writes go to a few hot documents, so that pending operations of one document merge.
        hot = self.random.random() < 0.25
        return self.random.randint(1, 50 if hot else self.documents)

    def document(self, number: int) -> dict:
        return {"_id": number, "carrier": "ZZ", "route": ["JFK", "LAX"], "delay": {"departure": self.random.random()},
                "time_hour": datetime(2013, 1, 1) + timedelta(hours=self.random.randint(0, 8000)),
                "note": "n" * self.random.randint(0, 400), "group": self.random.randint(0, GROUPS)}

    def operation(self):
        draw, number = self.random.random(), self.an_id()
        if draw < 0.25:
            return UpdateOne({"_id": number}, {"$set": {"delay.departure": self.random.random(), "seen": True}})
        if draw < 0.35:
            return UpdateOne({"_id": number}, {"$inc": {"times.scheduled.departure": 1}, "$unset": {"air_time": ""}})
        if draw < 0.42:
            return UpdateOne({"_id": number}, {"$push": {"route": {"$each": ["BOS"], "$slice": -4}}})
        if draw < 0.47:
            return UpdateOne({"_id": number}, [{"$set": {"copied": "$delay", "distance": {"$add": ["$distance", 1]}}}])
        if draw < 0.52:
            return UpdateOne({"_id": number}, {"$rename": {"carrier": "airline"}}, upsert=False)
        if draw < 0.55:
            near = {"_id": {"$in": [number, number + 1, number + 2]}}
            return UpdateMany(near, {"$set": {"many": self.random.randint(0, 9)}})
        if draw < 0.70:
            return ReplaceOne({"_id": number}, self.document(number), upsert=True)
        if draw < 0.82:
            return DeleteOne({"_id": number})
        if draw < 0.83:
            return DeleteMany({"_id": {"$in": [number, number + 1]}})
        self.next_id += 1
        return InsertOne(self.document(self.next_id))

    def bulk(self, operations: int = BULK_OPERATIONS) -> None:
        self.collection.bulk_write([self.operation() for _ in range(operations)], ordered=self.random.random() < 0.5)
        self.done += operations

    def transaction(self) -> None:
        """Several documents at once; one in four is rolled back and must leave no trace."""
        with self.collection.database.client.start_session() as session:
            session.start_transaction()
            for _ in range(5):
                number = self.an_id()
                self.collection.update_one({"_id": number}, {"$set": {"in_transaction": True}}, session=session)
                self.collection.delete_one({"_id": number + 1}, session=session)
                self.done += 2
            if self.random.random() < 0.25:
                session.abort_transaction()
            else:
                session.commit_transaction()

    def recreate(self) -> None:
        """Deletes and inserts the same `_id`, sometimes as a long that equals the int that was there."""
        for _ in range(RECREATED_PER_ROUND):
            number = self.an_id()
            self.collection.delete_one({"_id": number})
            again = Int64(number) if self.random.random() < 0.5 else number
            self.collection.replace_one({"_id": again}, {**self.document(number), "_id": again}, upsert=True)
            self.done += 2

    def run(self, operations: int) -> None:
        """At least `operations` operations of all sorts."""
        until, rounds = self.done + operations, 0
        while self.done < until:
            self.bulk()
            self.recreate()
            rounds += 1
            if rounds % TRANSACTION_EVERY == 0:
                self.transaction()


class Background:
    """Runs a write again and again in a thread until stopped. `stop` raises what the writes raised."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self.rounds = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._write()
                self.rounds += 1
        except (PyMongoError, AssertionError) as error:
            self._error = error

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        if self._error:
            raise self._error


def filled(database: Database, name: str, documents: int, padding: int = 200) -> Collection:
    """A collection with documents 1 to `documents`, each of a bit more than `padding` bytes."""
    collection = database[name]
    for first in range(1, documents + 1, 1000):
        collection.insert_many([{"_id": number, "value": number, "group": number % GROUPS, "text": "t" * padding}
                                for number in range(first, min(first + 1000, documents + 1))], ordered=False)
    return collection
