"""A seeded application that does what applications do, in any order: documents of all shapes, transactions, DDL.

It goes on after an error of its own (a name that is taken, a change that the document does not fit): what counts is
what is on local in the end.
"""
from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from bson import Binary, Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.son import SON
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

NAMES = ("orders", "people", "stock", "visits", "log entries")
IDS = 40  # few, so that operations meet


class Chaos:
    def __init__(self, database: Database, seed: int, ddl: bool = True) -> None:
        self.database = database
        self.random = random.Random(seed)
        self.ddl = ddl
        self.done: list[str] = []
        self.refused = 0

    # What things are made of

    def collection(self) -> Collection:
        return self.database[self.random.choice(NAMES)]

    def id(self) -> object:
        number = self.random.randrange(IDS)
        return self.random.choice((
            number, number, number, Int64(number), float(number), f"id {number}", SON(a=number, b=Int64(number)),
            Binary(bytes([number])), ObjectId(f"{number:024x}"), datetime(2020, 1, 1) + timedelta(days=number),
            number + 0.5, Decimal128(str(number))))

    def value(self, depth: int = 0) -> object:
        pick = self.random.randrange(16 if depth < 3 else 13)
        simple = (None, True, self.random.randrange(100), Int64(self.random.randrange(100)), self.random.random(),
                  -0.0, float("nan"), "t" * self.random.randrange(60), Decimal128("1.10"),
                  Binary(self.random.randbytes(5), 5), Regex("^a", "i"), Timestamp(self.random.randrange(9), 1),
                  datetime(1969, 5, 5))
        if pick < len(simple):
            return simple[pick]
        if pick == len(simple):
            return [self.value(depth + 1) for _ in range(self.random.randrange(5))]
        return SON((name, self.value(depth + 1)) for name in self.random.sample("abcdef", self.random.randrange(4)))

    def document(self) -> SON:
        fields = self.random.sample(("a", "b", "c", "d", "e", "f.g", "$h", ""), self.random.randrange(1, 6))
        return SON((name, self.value()) for name in fields)

    def path(self) -> str:
        return self.random.choice(("a", "b", "c", "a.b", "b.c.d", "c.0", "d.1.a", "e", "new"))

    def change(self) -> dict:
        kind = self.random.choice(
            ("$set", "$set", "$unset", "$inc", "$push", "$addToSet", "$pull", "$rename", "$mul", "$pop", "$min"))
        path = self.path()
        if kind == "$rename":
            return {kind: {"a": "z", "b": "y"}}
        if kind == "$unset":
            return {kind: {path: "", "e": ""}} if path != "e" else {kind: {path: ""}}
        if kind in ("$inc", "$mul", "$min"):
            return {kind: {path: self.random.choice((1, Int64(2), 0.5))}}
        if kind == "$pop":
            return {kind: {path: -1}}
        if kind == "$push":
            return {kind: {path: {"$each": [self.value(2), self.value(2)], "$slice": -self.random.randrange(1, 6)}}}
        return {kind: {path: self.value(1)}}

    # What it does

    def write(self) -> object:
        draw, key = self.random.random(), self.id()
        if draw < 0.25:
            return InsertOne(SON(_id=key) | self.document())
        if draw < 0.45:
            return UpdateOne({"_id": key}, self.change(), upsert=self.random.random() < 0.2)
        if draw < 0.55:
            return UpdateOne({"_id": key}, [{"$set": {"p": {"$ifNull": ["$a", 1]}, "q": self.random.randrange(9)}}])
        if draw < 0.75:
            fields = {name: value for name, value in self.document().items() if not name.startswith("$")}
            return ReplaceOne({"_id": key}, fields, upsert=True)
        if draw < 0.80:
            return UpdateMany({"a": {"$gte": self.random.randrange(100)}}, {"$set": {"m": self.random.randrange(9)}})
        if draw < 0.82:
            return DeleteMany({"a": self.random.randrange(100)})
        return DeleteOne({"_id": key})

    def one(self) -> None:
        self.collection().bulk_write([self.write()])

    def bulk(self) -> None:
        writes = [self.write() for _ in range(self.random.randrange(2, 80))]
        self.collection().bulk_write(writes, ordered=self.random.random() < 0.5)

    def transaction(self) -> None:
        with self.database.client.start_session() as session:
            session.start_transaction()
            for _ in range(self.random.randrange(1, 6)):
                self.collection().bulk_write([self.write() for _ in range(3)], session=session)
            if self.random.random() < 0.3:
                session.abort_transaction()
            else:
                session.commit_transaction()

    def find_and_modify(self) -> None:
        collection, key = self.collection(), self.id()
        self.random.choice((
            lambda: collection.find_one_and_update({"_id": key}, self.change(), upsert=True),
            lambda: collection.find_one_and_replace({"_id": key}, {"r": self.value()}, upsert=True),
            lambda: collection.find_one_and_delete({"_id": key})))()

    def many(self) -> None:
        start = self.random.randrange(10_000)
        self.collection().insert_many([{"_id": 1_000_000 + start + i, "n": i, "text": "x" * self.random.randrange(300)}
                                       for i in range(300)], ordered=False)

    def drop(self) -> None:
        self.collection().drop()

    def recreate(self) -> None:
        collection = self.collection()
        collection.drop()
        self.database.create_collection(collection.name)
        documents = [SON(_id=n) | self.document() for n in range(self.random.randrange(1, 20))]
        collection.insert_many(documents, ordered=False)

    def rename(self) -> None:
        source, target = self.collection(), self.random.choice(NAMES)
        if source.name != target:
            source.rename(target, dropTarget=self.random.random() < 0.7)

    def swap(self) -> None:
        """The usual way to replace a collection: fill another one, then rename over it."""
        target = self.collection().name
        fresh = self.database[f"{target} new"]
        fresh.drop()
        fresh.insert_many([{"_id": n, "fresh": self.random.random()} for n in range(self.random.randrange(1, 60))])
        fresh.rename(target, dropTarget=True)

    def index(self) -> None:
        field = self.random.choice(("a", "b", "n", "m"))
        self.collection().create_index([(field, self.random.choice((1, -1)))])

    def drop_index(self) -> None:
        collection = self.collection()
        names = [name for name in collection.index_information() if name != "_id_"]
        if names:
            collection.drop_index(self.random.choice(names))

    def out(self) -> None:
        self.collection().aggregate([{"$match": {"n": {"$lt": 50}}}, {"$out": self.random.choice(NAMES)}])

    def step(self) -> None:
        documents: list[tuple[int, Callable[[], None]]] = [
            (30, self.one), (25, self.bulk), (8, self.transaction), (10, self.find_and_modify), (4, self.many)]
        schema = [(2, self.drop), (2, self.recreate), (2, self.rename), (2, self.swap), (2, self.index),
                  (1, self.drop_index), (1, self.out)]
        choices = documents + (schema if self.ddl else [])
        act = self.random.choices([each for _, each in choices], [weight for weight, _ in choices])[0]
        self.done.append(act.__name__)
        try:
            act()
        except PyMongoError:
            self.refused += 1
