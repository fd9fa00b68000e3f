"""Arrays and logs of the baseline: one stream each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from typing_extensions import override

from benchmarks.bank import Items, Messages, Synchronous
from benchmarks.baseline.data import (
    decode_item,
    decode_message,
    encode,
)
from benchmarks.baseline.tables import (
    ADD,
    EPOCH,
    ITEM,
    ITEMS,
    LAST,
    LATEST,
    MICROSECOND,
    TABLE,
    connect,
)


class BaselineSequence:
    """Values in one stream of the table."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._connection = connect(path, synchronous, TABLE)
        self._execute = self._connection.execute
        self._key = uuid4().bytes

    def add(self, name: str, value: int | str) -> None:
        """Append a value."""
        self._execute("BEGIN IMMEDIATE")
        row: tuple[int] | None = self._execute(LAST, (self._key,)).fetchone()
        timestamp = (datetime.now(UTC) - EPOCH) // MICROSECOND
        version = 0 if row is None else row[0] + 1
        self._execute(ADD, (self._key, version, name, 0, timestamp, encode(value)))
        self._execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class BaselineItems(BaselineSequence, Items):
    """An array in one stream, without a tree."""

    @override
    def append(self, item: int, /) -> None:
        self.add("ItemAssigned", item)

    @override
    def read(self, position: int, /) -> int:
        row: tuple[bytes] = self._execute(ITEM, (self._key, position)).fetchone()
        return decode_item(row[0])

    @override
    def slice(self, start: int, stop: int, /) -> Sequence[int]:
        return [decode_item(data) for (data,) in self._execute(ITEMS, (self._key, start, stop))]


class BaselineMessages(BaselineSequence, Messages):
    """A log in one stream, without buckets."""

    @override
    def log(self, message: str, /) -> None:
        self.add("MessageLogged", message)

    @override
    def latest(self, limit: int, /) -> Sequence[str]:
        return [decode_message(data) for (data,) in self._execute(LATEST, (self._key, limit))]
