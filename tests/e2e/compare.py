"""An independent comparison of two MongoDBs in raw BSON: it shares no code with the product.

Documents: every collection in scope is read on both sides in `_id` order; the bytes must be equal.
Indexes: equal but for expireAfterSeconds (a mirror must not delete by its own clock) and the version number.
Collections: equal but for what the design changes on the backup: capped ones are plain there and clustered ones do not
expire, archives are extra.
"""
from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import zip_longest

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.son import SON
from pymongo.database import Database
from pymongo.errors import OperationFailure

ARCHIVED = re.compile(r"__dropped_")
OWN_METADATA = "__dualsync"
DIFFERENCES_SHOWN = 20
BATCH_DOCUMENTS = 2000
# Dates beyond what Python can hold are legal: they are only shown, never computed with.
ORDERED = CodecOptions(document_class=SON, datetime_conversion=DatetimeConversion.DATETIME_AUTO)
# Options of a collection that the backup does not have by design.
LEFT_OUT_OPTIONS = ("capped", "size", "max", "expireAfterSeconds")
# What a server lists after a collMod, and means without.
USUAL_OPTIONS = {"validationLevel": "strict", "validationAction": "error"}
# prepareUnique is a state on the way to a unique index and says nothing of what is there.
LEFT_OUT_INDEX_FIELDS = ("v", "ns", "expireAfterSeconds", "background", "prepareUnique")


def raw_documents(database: Database, name: str) -> Iterator[bytes]:
    """Every document of a collection as the server sends it, in `_id` order."""
    cursor = database[name].find_raw_batches({}, sort=[("_id", 1)], batch_size=BATCH_DOCUMENTS)
    for batch in cursor:
        offset = 0
        while offset < len(batch):
            (size,) = struct.unpack_from("<i", batch, offset)
            yield batch[offset:offset + size]
            offset += size


def id_of(document: bytes) -> bytes:
    """The `_id` element's own bytes, to name a document by."""
    for name, value in bson.decode(document, ORDERED).items():
        if name == "_id":
            return bson.encode(SON(_id=value))
    return b""


def describe(document: bytes | None) -> str:
    return "absent" if document is None else repr(bson.decode(document, ORDERED))[:300]


def document_differences(local: Database, backup: Database, name: str, backup_name: str | None = None) -> list[str]:
    """Up to DIFFERENCES_SHOWN differing documents, in words."""
    pairs = zip_longest(raw_documents(local, name), raw_documents(backup, backup_name or name))
    if all(left == right for left, right in pairs):
        return []
    ours = {id_of(document): document for document in raw_documents(local, name)}
    theirs = {id_of(document): document for document in raw_documents(backup, backup_name or name)}
    found = [f"{name}: local {describe(ours.get(key))} backup {describe(theirs.get(key))}"
             for key in [*ours, *(key for key in theirs if key not in ours)] if ours.get(key) != theirs.get(key)]
    # The same documents, but in another order: two `_id`s that compare equal have different bytes.
    return found[:DIFFERENCES_SHOWN] or [f"{name}: the same documents in another order"]


def collections(database: Database) -> dict[str, SON]:
    """Name to definition of every collection and view that a mirror has to carry."""
    listed = {}
    for entry in database.with_options(ORDERED).list_collections():
        name = entry["name"]
        if not name.startswith("system.") and not ARCHIVED.search(name) and name != OWN_METADATA:
            listed[name] = entry
    return listed


def archived(database: Database, name: str) -> list[str]:
    """The archives of a dropped collection."""
    return sorted(each for each in database.list_collection_names() if each.startswith(f"{name}__dropped_"))


def _plain(value: object) -> object:
    """Numbers without their width: servers report 1 and 1.0 for the same definition."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, dict):
        return [(key, _plain(each)) for key, each in value.items()]
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def indexes(database: Database, name: str) -> dict[str, object]:
    found = {}
    for index in database[name].with_options(ORDERED).list_indexes():
        definition = SON((key, index[key]) for key in sorted(index) if key not in LEFT_OUT_INDEX_FIELDS)
        found[index["name"]] = _plain(definition)
    return found


def options(entry: SON) -> object:
    kept = SON((key, value) for key, value in sorted(entry.get("options", {}).items())
               if key not in LEFT_OUT_OPTIONS and USUAL_OPTIONS.get(key) != value)
    return _plain(kept)


def database_differences(local: Database, backup: Database) -> list[str]:
    """Everything in which the backup's database is not a copy of local's, in words; empty when it is."""
    ours, theirs = collections(local), collections(backup)
    found = [f"collection {name} is missing on the backup" for name in ours if name not in theirs]
    found += [f"collection {name} is only on the backup" for name in theirs if name not in ours]
    for name in ours:
        if name not in theirs:
            continue
        kind = ours[name].get("type", "collection")
        if kind != theirs[name].get("type", "collection"):
            found.append(f"{name} is a {kind} on local, a {theirs[name].get('type')} on the backup")
            continue
        if options(ours[name]) != options(theirs[name]):
            found.append(f"{name}: options {options(ours[name])} on local, {options(theirs[name])} on the backup")
        if kind == "view":
            continue
        try:
            left, right = indexes(local, name), indexes(backup, name)
        except OperationFailure as error:
            found.append(f"{name}: its indexes cannot be listed: {error}")
            continue
        found += [f"{name}: index {index}: {left.get(index)} on local, {right.get(index)} on the backup"
                  for index in sorted({*left, *right}) if left.get(index) != right.get(index)]
        found += document_differences(local, backup, name)
    return found
