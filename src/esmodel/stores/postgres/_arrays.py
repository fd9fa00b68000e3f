"""Pack arrays in the binary format of PostgreSQL, three times as fast as the driver does."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple
from uuid import UUID

from psycopg.adapt import Dumper
from psycopg.pq import Format
from typing_extensions import override

from esmodel.rows.append import FREE, Append
from esmodel.rows.record import Record
from esmodel.stores.postgres.schema import ANYWHERE, NEW

_HEAD: Final = struct.Struct("!5i")  # one dimension, no NULL, the type, the length, and the lower bound
_EMPTY: Final = struct.Struct("!3i")  # no dimension, no NULL, the type
_LENGTH: Final = struct.Struct("!i")
_LENGTHS: Final = [_LENGTH.pack(length) for length in range(1_024)]  # of most values, packed in advance

_position_of: Final[Callable[[Record], int]] = itemgetter(1)


class Array:
    """A packed array."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class ArrayDumper(Dumper):
    """Sends a packed array unchanged; the server infers its type from the statement."""

    format = Format.BINARY

    @override
    def dump(self, obj: Array) -> bytes:
        return obj.data


def integers(numbers: Sequence[int]) -> Array:
    """Pack ``bigint[]``."""
    return _integers(20, "iq", 8, numbers)


def short_integers(numbers: Sequence[int]) -> Array:
    """Pack ``integer[]``."""
    return _integers(23, "ii", 4, numbers)


def uuids(ids: Iterable[UUID]) -> Array:
    """Pack ``uuid[]``."""
    return _byte_strings(2950, [each.bytes for each in ids])


def byte_strings(values: Sequence[bytes]) -> Array:
    """Pack ``bytea[]``."""
    return _byte_strings(17, values)


class Columns(NamedTuple):
    """The arguments of ``append_rows`` after the id and the timeout.

    Attributes:
        streams: the ids of the streams, sorted. All writers lock the streams in this order, so they cannot
            deadlock.
        lasts: the highest position of each stream.
        heads: the hash of the row at this position.
        afters: what each append follows; ``NEW`` and ``ANYWHERE`` stand for ``None`` and ``FREE``.
        rows: the columns of the rows; the first of them has the number of the stream of each row.
    """

    streams: Array
    lasts: Array
    heads: Array
    afters: Array
    rows: tuple[Array, ...]


def columns_of(appends: Sequence[Append], rows: Sequence[Record], name_ids: dict[str, int]) -> Columns:
    """Pack the rows of some appends, each of which has rows."""
    _, positions, names, class_versions, timestamps, data, headers, hashes = zip(*rows, strict=True)
    if len(appends) == 1:
        ordered, of = appends, [1] * len(rows)
    else:
        ordered = sorted(appends, key=stream_of)
        numbers = {stream_of(each): number for number, each in enumerate(ordered, 1)}
        of = [number for each in appends for number in [numbers[stream_of(each)]] * len(each.records)]
    heads = [_head_of(each) for each in ordered]
    return Columns(
        uuids([head[0] for head in heads]),
        integers([head[1] for head in heads]),
        byte_strings([head[7] for head in heads]),
        integers([_after_of(each) for each in ordered]),
        (
            short_integers(of),
            integers(positions),
            short_integers([name_ids[name] for name in names]),
            integers(class_versions),
            integers(timestamps),
            byte_strings(data),
            byte_strings(headers),
            byte_strings(hashes),
        ),
    )


def stream_of(append: Append, /) -> UUID:
    """Return the stream of an append that has rows."""
    return append.records[0][0]


def _after_of(append: Append) -> int:
    return NEW if append.after is None else ANYWHERE if append.after is FREE else append.after


def _head_of(append: Append) -> Record:
    """Return the row with the highest position."""
    return max(append.records, key=_position_of) if append.after is FREE else append.records[-1]


def _integers(oid: int, code: str, size: int, numbers: Sequence[int]) -> Array:
    length = len(numbers)
    if not length:
        return Array(_EMPTY.pack(0, 0, oid))
    sized = [size] * (2 * length)
    sized[1::2] = numbers
    return Array(struct.pack("!5i" + code * length, 1, 0, oid, length, 1, *sized))


def _byte_strings(oid: int, values: Sequence[bytes]) -> Array:
    if not values:
        return Array(_EMPTY.pack(0, 0, oid))
    try:
        lengths = [_LENGTHS[len(value)] for value in values]
    except IndexError:
        lengths = [_LENGTH.pack(len(value)) for value in values]
    parts = [b""] * (2 * len(values))
    parts[::2] = lengths
    parts[1::2] = values
    return Array(_HEAD.pack(1, 0, oid, len(values), 1) + b"".join(parts))
