"""Rows and positions to test stores with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from esmodel.rows.append import FREE, After, Append
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record

NEAR_THE_ROWS: Final = (None, LEAST - 1, LEAST, *range(-5, 11), GREATEST, GREATEST + 1)
"""No bound, and bounds before, among and after rows at -3 to 8, and beyond 64 bits."""


def row(stream: UUID, position: int, data: bytes = b"{}") -> Record:
    """Return a row whose timestamp follows from its position."""
    return Record(stream, position, "Happened", 0, 1_700_000_000_000_000 + position, data)


def rows(stream: UUID, positions: Iterable[int]) -> list[Record]:
    """Return a row for each position."""
    return [row(stream, position) for position in positions]


def in_streams(records: Iterable[Record], after: After = FREE) -> list[Append]:
    """Return an append of each stream, in the order of the first row of each."""
    streams: dict[UUID, list[Record]] = {}
    for record in records:
        streams.setdefault(record.originator_id, []).append(record)
    return [Append(each, after) for each in streams.values()]


def too_large(stream: UUID, field: str, number: int, /) -> Record:
    """Return a row with a number in one of its fields that does not fit 64 bits."""
    fields = {"position": 1, "class_version": 0, "timestamp": 0, field: number}
    return Record(stream, fields["position"], "Happened", fields["class_version"], fields["timestamp"], b"{}")
