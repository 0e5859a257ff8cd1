"""Documents that are legal and rare, as raw BSON: what a mirror must carry byte for byte."""
from __future__ import annotations

import math
import struct
import uuid
from datetime import datetime

import bson
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from bson.son import SON

DEEP_LEVELS = 80
LARGE_BYTES = 15_900_000


def element(kind: int, name: str, value: bytes = b"") -> bytes:
    return bytes([kind]) + name.encode() + b"\0" + value


def int32(name: str, value: int) -> bytes:
    return element(0x10, name, struct.pack("<i", value))


def string(value: str) -> bytes:
    encoded = value.encode() + b"\0"
    return struct.pack("<i", len(encoded)) + encoded


def raw(*elements: bytes) -> RawBSONDocument:
    body = b"".join(elements) + b"\0"
    return RawBSONDocument(struct.pack("<i", len(body) + 4) + body)


def deep(levels: int) -> dict:
    document: dict = {"bottom": True}
    for level in range(levels):
        document = {"n": document} if level % 2 else {"n": [document]}
    return document


def every_type() -> SON:
    return SON([
        ("double", 1.5), ("nan", math.nan), ("inf", math.inf), ("minus_inf", -math.inf), ("zero", 0.0),
        ("minus_zero", -0.0), ("tiny", 5e-324), ("int", 7), ("int_min", -2**31), ("long", Int64(7)),
        ("long_max", Int64(2**63 - 1)), ("decimal", Decimal128("7")), ("decimal_scale", Decimal128("7.00")),
        ("decimal_nan", Decimal128("NaN")), ("decimal_inf", Decimal128("-Infinity")),
        ("decimal_big", Decimal128("9.999999999999999999999999999999999E+6144")), ("text", "täxt 🛫"), ("empty", ""),
        ("nul", "a\0b"), ("document", {}), ("array", []), ("nested", [[], [1, [2.0, Int64(3)]], {"a": [None]}]),
        ("binary", b"\0\1\2"), ("uuid", Binary(uuid.UUID(int=1).bytes, 4)), ("old_uuid", Binary(b"x" * 16, 3)),
        ("custom", Binary(b"x", 0x80)), ("md5", Binary(b"y" * 16, 5)), ("old_binary", Binary(b"old", 2)),
        ("id", ObjectId("0123456789abcdef01234567")), ("true", True), ("false", False), ("null", None),
        ("date", datetime(2013, 1, 1)), ("date_1901", datetime(1901, 12, 13)), ("regex", Regex("^a.*b$", "imx")),
        ("code", Code("return 1")), ("scoped", Code("return x", {"x": 1})), ("timestamp", Timestamp(1, 2)),
        ("timestamp_max", Timestamp(2**32 - 1, 2**32 - 1)), ("inner_timestamp", {"zero": Timestamp(0, 0)}),
        ("min", MinKey()), ("max", MaxKey()), ("ref", DBRef("things", 1, "other")),
    ])


def bodies() -> dict[str, RawBSONDocument]:
    """Name to document; `_id` is the name."""
    made = {name: SON([("_id", name), *body.items()]) for name, body in {
        "every type": every_type(),
        "one field": SON(), "deep": SON(deep(DEEP_LEVELS)), "large": SON(blob=b"\x5a" * LARGE_BYTES),
        "many fields": SON((f"f{number}", number) for number in range(5_000)),
        "long array": SON(values=list(range(20_000))), "numeric names": SON([("1", 1), ("0", 0), ("00", 2)]),
        "long name": SON([("n" * 10_000, 1)]), "emoji name": SON([("🛬", 1), ("ä", 2)]),
        "inner dots": SON(inner=SON([("a.b", 1), ("$c", 2), ("", 3)])),
    }.items()}
    found = {name: RawBSONDocument(bson.encode(body)) for name, body in made.items()}

    def key(name: str) -> bytes:
        return element(0x02, "_id", string(name))

    found["empty name"] = raw(key("empty name"), int32("", 1))
    found["dotted names"] = raw(key("dotted names"), int32("a.b", 1), int32("a", 2), int32(".", 3))
    found["undefined"] = raw(key("undefined"), element(0x06, "u"), int32("after", 1))
    found["symbol"] = raw(key("symbol"), element(0x0E, "s", string("symbol")))
    found["pointer"] = raw(key("pointer"), element(0x0C, "p", string("things") + b"\1" * 12))
    found["long date"] = raw(key("long date"), element(0x09, "d", struct.pack("<q", 2**62)))
    found["nan payload"] = raw(key("nan payload"), element(0x01, "n", struct.pack("<Q", 0x7FF8000000000123)))
    found["odd boolean code"] = raw(key("odd boolean code"), element(0x0D, "c", string("")), element(0x08, "b", b"\1"))
    return found


def duplicate_names() -> RawBSONDocument:
    """A name twice in a document: legal BSON, which MongoDB neither supports nor refuses."""
    return raw(int32("_id", 1), int32("a", 1), element(0x02, "a", string("again")), int32("b", 2))


def dollar_names() -> RawBSONDocument:
    """Servers from 5.0 on take such a document on insert, but not as a replacement."""
    return raw(int32("_id", 1), int32("$a", 1), int32("b$", 2))


def keys() -> dict[str, object]:
    """Name to `_id`: one of every type that MongoDB takes."""
    return {
        "double": 1.25, "nan": math.nan, "inf": math.inf, "minus inf": -math.inf, "minus zero": -0.0, "int": 42,
        "long": Int64(43), "long big": Int64(2**62), "decimal": Decimal128("44.10"),
        "decimal inf": Decimal128("Infinity"),
        "text": "text", "empty": "", "nul": "a\0b", "emoji": "🛫", "document": SON([("b", 1), ("a", [1, {"c": None}])]),
        "empty document": SON(), "binary": b"bytes", "empty binary": b"", "uuid": Binary(uuid.UUID(int=9).bytes, 4),
        "custom binary": Binary(b"x", 0x80), "object id": ObjectId("0123456789abcdef01234567"), "true": True,
        "false": False, "date": datetime(2013, 1, 1), "date 1901": datetime(1901, 12, 13), "null": None,
        "timestamp": Timestamp(5, 6), "min": MinKey(), "max": MaxKey(), "code": Code("return 1"),
        "ref": DBRef("things", 1), "deep": {"a": {"b": {"c": {"d": Int64(1)}}}},
    }
