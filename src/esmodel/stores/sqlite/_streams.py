"""``Streams``: the ends of the streams in an SQLite file, and their ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Final
from uuid import UUID

from esmodel.exceptions import ConcurrencyError, StoreError
from esmodel.rows.append import FREE, Append, last_known
from esmodel.rows.record import Record
from esmodel.stores.sqlite._statements import (
    ADD_STREAM,
    ADVANCE_STREAM,
    CONTINUE_STREAM,
    FIND_STREAM,
    LAST,
)

_STREAMS: Final = 1_024  # streams whose ids are cached

_position_of: Final[Callable[[Record], int]] = itemgetter(1)


class Streams:
    """The ends of the streams in a file, and the ids that it has given them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[UUID, int] = {}

    def last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream."""
        found: tuple[int, bytes] | None
        found = self._connection.execute(LAST, (originator_id.bytes,)).fetchone()
        return found

    def remember(self, ids: Mapping[UUID, int]) -> None:
        """Cache the ids of streams once they are committed."""
        self._ids.update(ids)  # a stream never changes its id: caching it saves a query
        while len(self._ids) > _STREAMS:
            del self._ids[next(iter(self._ids))]

    def advance(self, appends: Iterable[Append]) -> dict[UUID, int]:
        """Advance the end of each stream, and return the ids of the streams.

        Raises:
            ConcurrencyError: if a stream ends elsewhere than its append says.
        """
        ids: dict[UUID, int] = {}
        for each in appends:
            if not each.records:
                continue
            originator_id = each.records[0].originator_id
            if each.after is FREE:
                stream_id = self._add_or_advance(max(each.records, key=_position_of))
            elif each.after is None:
                stream_id = self._add(each.records[-1])
            else:
                stream_id = self._continue(each.records[-1], each.after)
            if stream_id is None:
                raise self.conflict(each)
            ids[originator_id] = stream_id
        return ids

    def _add(self, head: Record) -> int | None:
        """Add the stream that ends with ``head``, and return its id, or ``None`` if it is not new."""
        values = (head.originator_id.bytes, head.position, head.event_hash)
        added = self._connection.execute(ADD_STREAM, values)
        return new_id(added) if added.rowcount == 1 else None

    def _continue(self, head: Record, after: int) -> int | None:
        """Advance a stream from ``after``, and return its id, or ``None`` if it ends elsewhere."""
        execute, key = self._connection.execute, head.originator_id.bytes
        cached = self._ids.get(head.originator_id)
        if cached is not None:
            values = (head.position, head.event_hash, cached, key, after)
            if execute(CONTINUE_STREAM, values).rowcount == 1:
                return cached
        found = self._find(key)  # the cached id is stale if the file was restored in place
        if found is None or found == cached:
            return None
        values = (head.position, head.event_hash, found, key, after)
        return found if execute(CONTINUE_STREAM, values).rowcount == 1 else None

    def _find(self, key: bytes) -> int | None:
        found: tuple[int] | None = self._connection.execute(FIND_STREAM, (key,)).fetchone()
        return found and found[0]

    def _add_or_advance(self, head: Record) -> int | None:
        """Add the stream that ends with ``head``, or advance it, and return its id."""
        key = head.originator_id.bytes
        cached = self._ids.get(head.originator_id)
        if cached is not None and self._advance(head, cached, key):
            return cached
        added = self._add(head)
        if added is not None:
            return added
        stream_id = self._find(key)
        if stream_id is not None:
            self._advance(head, stream_id, key)
        return stream_id

    def _advance(self, head: Record, stream_id: int, key: bytes) -> bool:
        """Advance the end of a stream; return whether it ended before the head."""
        values = (head.position, head.event_hash, stream_id, key, head.position)
        return self._connection.execute(ADVANCE_STREAM, values).rowcount == 1

    def conflict(self, append: Append) -> ConcurrencyError:
        """Return the error of an append whose stream ends elsewhere."""
        originator_id = append.records[0].originator_id
        last = self.last(originator_id)
        return ConcurrencyError(originator_id, last_known(append), -1 if last is None else last[0])


def new_id(cursor: sqlite3.Cursor) -> int:
    """Return the id of the row that a statement inserted."""
    if cursor.lastrowid is None:
        raise StoreError("SQLite: expected a number for a new row, found none. Report this as a bug.")
    return cursor.lastrowid
