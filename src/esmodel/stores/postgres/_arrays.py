"""Arrays in the binary format of PostgreSQL: packed in a third of the driver's time."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import chain
from typing import Final
from uuid import UUID

from psycopg.adapt import Dumper
from psycopg.pq import Format
from typing_extensions import override

from esmodel.persistence.record import Record

_EMPTY: Final = struct.pack("!2i", 0, 0)  # no dimension, no NULL
_LENGTH: Final = struct.Struct("!i")


class Array:
    """An array that is packed already."""

    __slots__ = ("data",)

    def __init__(self, oid: int, length: int, items: bytes) -> None:
        # one dimension without NULL, and its lower bound
        self.data = struct.pack("!5i", 1, 0, oid, length, 1) + items if length else _EMPTY + oid.to_bytes(4)


class ArrayDumper(Dumper):
    """Gives an array as it is; the parameter's place says of which type."""

    format = Format.BINARY

    @override
    def dump(self, obj: Array) -> bytes:
        return obj.data


def integers(numbers: list[int]) -> Array:
    """Pack ``bigint[]``."""
    return Array(20, len(numbers), _pack("iq", 8, numbers))


def short_integers(numbers: list[int]) -> Array:
    """Pack ``integer[]``."""
    return Array(23, len(numbers), _pack("ii", 4, numbers))


def uuids(ids: Iterable[UUID]) -> Array:
    """Pack ``uuid[]``."""
    return _byte_strings(2950, [each.bytes for each in ids])


def byte_strings(values: list[bytes]) -> Array:
    """Pack ``bytea[]``."""
    return _byte_strings(17, values)


def columns_of(rows: list[Record], name_ids: dict[str, int]) -> list[Array]:
    """Return what is stored: the ends of the streams, in the order of their ids, and the rows."""
    heads: dict[UUID, Record] = {}
    for row in rows:
        head = heads.get(row[0])
        if head is None or row[1] > head[1]:
            heads[row[0]] = row
    # All writers lock the streams in this order, and so never wait for each other in a circle.
    streams = sorted(heads)
    ends = [heads[stream] for stream in streams]
    ordinals = {stream: number for number, stream in enumerate(streams, 1)}
    return [
        uuids(streams),
        integers([row[1] for row in ends]),
        byte_strings([row[7] for row in ends]),
        short_integers([ordinals[row[0]] for row in rows]),
        integers([row[1] for row in rows]),
        short_integers([name_ids[row[2]] for row in rows]),
        integers([row[3] for row in rows]),
        integers([row[4] for row in rows]),
        byte_strings([row[5] for row in rows]),
        byte_strings([row[6] for row in rows]),
        byte_strings([row[7] for row in rows]),
    ]


def _pack(code: str, size: int, numbers: list[int]) -> bytes:
    sized = [size] * (2 * len(numbers))
    sized[1::2] = numbers
    return struct.pack("!" + code * len(numbers), *sized)


def _byte_strings(oid: int, values: list[bytes]) -> Array:
    lengths = map(_LENGTH.pack, map(len, values))
    return Array(oid, len(values), b"".join(chain.from_iterable(zip(lengths, values, strict=True))))
