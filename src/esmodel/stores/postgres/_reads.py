"""``Reads``: read rows and snapshots, one page in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypeAlias
from uuid import UUID

from esmodel.rows.bounds import LEAST
from esmodel.rows.pages import NumberedPage, Page, read_numbered_pages, read_pages
from esmodel.rows.record import Record, make_record
from esmodel.stores.postgres._executor import Executor
from esmodel.stores.postgres._names import Names
from esmodel.stores.postgres._statements import Statements
from esmodel.stores.postgres._tables import Tables
from esmodel.stores.postgres.schema import PAGE_BYTES, PAGE_ROWS

# Position, name_id, class version, timestamp, data, header, hash.
_Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]
# The same columns, then the number and the originator id.
_NumberedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int, UUID]
# The same columns as `_Row`, then whether the row is the snapshot.
_MarkedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, bool]


class Reads:
    """Reads rows and snapshots from tables that it checks on first use."""

    def __init__(self, executor: Executor, statements: Statements, tables: Tables, names: Names) -> None:
        self._executor = executor
        self._statements = statements
        self._tables = tables
        self._names = names

    def rows(
        self, originator_id: UUID, low: int, high: int, limit: int | None, *, descending: bool
    ) -> Iterator[Record]:
        """Yield the rows of one stream from one position to another."""
        statement = self._statements.read_descending if descending else self._statements.read
        fetch = partial(self._page, statement, originator_id)
        return read_pages(fetch, low, high, limit=limit, descending=descending)

    def numbered_rows(self, after: int, limit: int | None) -> Iterator[tuple[int, Record]]:
        """Yield the rows of all streams with their numbers."""
        return read_numbered_pages(self._numbered_page, after, limit)

    def snapshot(self, originator_id: UUID, bound: int) -> Record | None:
        """Return the latest snapshot at or before a position."""
        self._tables.check()
        rows: list[_Row] = self._executor.run(self._statements.read_snapshot, (originator_id, bound))
        return self._records(originator_id, rows)[0] if rows else None

    def rows_from_snapshot(self, originator_id: UUID, bound: int) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows after it up to there."""
        self._tables.check()
        marked: list[_MarkedRow] = self._executor.run(
            self._statements.read_from_snapshot, (originator_id, bound)
        )
        rows: list[_Row] = [row[:7] for row in marked]
        records = self._records(originator_id, rows)
        snapshot = None
        if marked and marked[0][7]:
            snapshot = records.pop(0)
            del rows[0]
        if not _may_continue(rows, PAGE_ROWS):
            return snapshot, iter(records)
        fetch = partial(self._page, self._statements.read, originator_id)
        return snapshot, read_pages(fetch, LEAST, bound, first=(records, True))

    def _page(self, statement: bytes, originator_id: UUID, low: int, high: int, most: int) -> Page:
        self._tables.check()
        size = min(most, PAGE_ROWS)
        rows: list[_Row] = self._executor.run(statement, (originator_id, low, high, size))
        return self._records(originator_id, rows), _may_continue(rows, size)

    def _numbered_page(self, after: int, most: int) -> NumberedPage:
        self._tables.check()
        size = min(most, PAGE_ROWS)
        rows: list[_NumberedRow] = self._executor.run(self._statements.read_all, (after, size))
        names = self._names.by_id({row[1] for row in rows})
        records = [
            (
                number,
                make_record(Record, (stream, position, names[name_id], version, time, data, header, digest)),
            )
            for position, name_id, version, time, data, header, digest, number, stream in rows
        ]
        return records, _may_continue(rows, size)

    def _records(self, stream: UUID, rows: list[_Row]) -> list[Record]:
        names = self._names.by_id({row[1] for row in rows})
        return [
            make_record(
                Record, (stream, position, names[name_id], class_version, timestamp, data, header, event_hash)
            )
            for position, name_id, class_version, timestamp, data, header, event_hash in rows
        ]


def _may_continue(rows: Sequence[_Row] | Sequence[_NumberedRow], size: int) -> bool:
    """Tell whether more rows may follow a page: it is full, by its rows or by its bytes."""
    return len(rows) == size or sum(len(row[4]) for row in rows) > PAGE_BYTES
