"""Rows for the tests of stores."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from esmodel.rows import Record

STREAM: Final = UUID(int=1)


def row(position: int, stream: UUID = STREAM, data: bytes = b"{}") -> Record:
    """Return a row of a stream."""
    return Record(stream, position, "Happened", 0, position, data)


def rows(stop: int) -> list[Record]:
    """Return the rows of ``STREAM`` before a position."""
    return [row(position) for position in range(stop)]
