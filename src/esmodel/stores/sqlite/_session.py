"""``Session``: an SQLite connection, the ids it knows, and its transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic
from uuid import UUID

from esmodel.exceptions import ConcurrencyError, StoreError
from esmodel.rows.append import Append
from esmodel.rows.bounds import LEAST
from esmodel.rows.checked import Checked
from esmodel.rows.pages import NumberedPage, Page
from esmodel.rows.record import Record, check_record, make_record
from esmodel.stores.sqlite._backup import back_up
from esmodel.stores.sqlite._check import check_file
from esmodel.stores.sqlite._identity import FileIdentity
from esmodel.stores.sqlite._inserts import insert_rows
from esmodel.stores.sqlite._names import NameIds, Names
from esmodel.stores.sqlite._pages import (
    Cursor,
    FollowingRow,
    LastRow,
    NumberedRow,
    Row,
    fetch_page,
)
from esmodel.stores.sqlite._statements import (
    IS_TAKEN,
    MISFITS,
    NEWEST_NUMBER,
    PAGE_ROWS,
    READ,
    READ_AFTER_SNAPSHOT,
    READ_ALL,
    READ_LAST_SNAPSHOT,
    READ_SNAPSHOT,
    ROLLBACK,
    WRITE_SNAPSHOT,
)
from esmodel.stores.sqlite._streams import Streams
from esmodel.stores.sqlite._transactions import Transactions


class Session:
    """An SQLite connection, the ids it knows, and its transactions.

    Args:
        connection: an open connection to the file.
        identity: which file that is.
        path: the file.
        seconds: how long a transaction waits for a locked file.
        is_synced: whether each commit is on the disk when it is acknowledged.

    Attributes:
        connection: the connection.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        identity: FileIdentity,
        path: Path,
        seconds: float,
        *,
        is_synced: bool,
    ) -> None:
        self.connection = connection
        self._path = path
        self._names = Names(connection)
        self._name_ids = NameIds(connection)
        self._streams = Streams(connection)
        self._identity = identity
        self._transactions = Transactions(connection, self._identity, seconds, is_synced=is_synced)

    def check_identity(self) -> None:
        """Check that the connection still has the file that the path names.

        Raises:
            StoreError: if it does not, or if the file has a second name.
        """
        self._identity.check()

    def check(self) -> Checked:
        """Check the whole file, as of one moment."""
        return check_file(self.connection)

    def backup(self, target: Path) -> Checked:
        """Copy the file, as of one moment, and check the copy."""
        return back_up(self.connection, target)

    def last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream."""
        if monotonic() > self._identity.next_look:
            self._identity.check()
        return self._streams.last(originator_id)

    def append(self, appends: Sequence[Append], rows: Sequence[Record]) -> None:
        """Store the rows of all appends or none, in one transaction."""
        execute = self.connection.execute
        self._transactions.begin()
        try:
            stream_ids = self._streams.advance(appends)
            insert_rows(self.connection, rows, stream_ids, self._name_ids)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                raise
            execute(ROLLBACK)
            _check_all(rows)  # a row that can never be stored takes precedence over a conflict
            raise self._conflict(appends) from error
        except (ConcurrencyError, OverflowError, UnicodeEncodeError):
            execute(ROLLBACK)
            _check_all(rows)
            raise
        self._transactions.commit()
        self._streams.remember(stream_ids)

    def write_snapshot(self, record: Record) -> None:
        """Store a snapshot, or replace the one at its position."""
        self._transactions.begin()
        name_id = self._name_ids.of((record.name,))[record.name]
        key = (record.originator_id.bytes, record.position, name_id)
        self.connection.execute(WRITE_SNAPSHOT, (*key, *record[3:]))
        self._transactions.commit()

    def snapshot_and_page(self, originator_id: UUID, bound: int) -> tuple[Record | None, Page]:
        """Return the latest snapshot at or before a position, and the first page of the rows after it."""
        page, since = self._page_after_snapshot(originator_id, bound)
        if since is None and page[0]:
            return None, page
        # The snapshot is read by a second statement, and may have been deleted in between. Rows are
        # only ever added, so rows that are read after a snapshot always continue it.
        if since is None:  # the latest snapshot may be at the end of the stream
            snapshot, is_complete = self._last_snapshot(originator_id, bound)
        else:
            snapshot = self.snapshot(originator_id, since)
            is_complete = snapshot is not None and snapshot.position == since
        if not is_complete:
            low = LEAST if snapshot is None else snapshot.position + 1
            page = self.page(READ, originator_id, low, bound, PAGE_ROWS)
        return snapshot, page

    def snapshot(self, originator_id: UUID, bound: int) -> Record | None:
        """Return the latest snapshot at or before a position."""
        row: Row | None = self.connection.execute(READ_SNAPSHOT, (originator_id.bytes, bound)).fetchone()
        if row is None:
            return None
        return make_record(Record, (originator_id, row[0], self._names[row[1]], *row[2:]))

    def _last_snapshot(self, originator_id: UUID, bound: int) -> tuple[Record | None, bool]:
        """Return the latest snapshot at or before a position, and whether it is known that no row follows."""
        row: LastRow | None
        row = self.connection.execute(
            READ_LAST_SNAPSHOT, (originator_id.bytes, originator_id.bytes, bound)
        ).fetchone()
        if row is None:
            return None, False
        record = make_record(Record, (originator_id, row[0], self._names[row[1]], *row[2:7]))
        return record, row[7] == 1

    def page(self, statement: str, stream: UUID, low: int, high: int, size: int) -> Page:
        """Return up to ``size`` rows of a stream, and whether more may follow."""
        if monotonic() > self._identity.next_look:
            self._identity.check()
        parameters = (stream.bytes, low, high, size)
        cursor: Cursor[Row] = self.connection.execute(statement, parameters)
        rows, more = fetch_page(cursor, size)
        if not rows:
            self._check_absent(stream)
        names = self._names
        return [
            make_record(
                Record, (stream, position, names[name_id], class_version, timestamp, data, header, event_hash)
            )
            for position, name_id, class_version, timestamp, data, header, event_hash in rows
        ], more

    def _check_absent(self, stream: UUID) -> None:
        """Check that a stream that is not found is not there.

        Raises:
            StoreError: if its neighbors in the index are not as in the table.
        """
        if self._streams.last(stream) is not None:
            return
        if self.connection.execute(MISFITS, (stream.bytes, stream.bytes)).fetchone() is not None:
            raise StoreError(
                f"{self._path}: expected an index that fits the streams, found a mismatch near {stream}. "
                "Check the store, and restore the file from a backup."
            )

    def _page_after_snapshot(self, stream: UUID, bound: int) -> tuple[Page, int | None]:
        """Return the first page after the latest snapshot, and the position of that snapshot."""
        key = stream.bytes
        parameters = (key, bound, key, key, bound, LEAST, bound, PAGE_ROWS)
        if monotonic() > self._identity.next_look:
            self._identity.check()
        cursor: Cursor[FollowingRow] = self.connection.execute(READ_AFTER_SNAPSHOT, parameters)
        rows, more = fetch_page(cursor, PAGE_ROWS)
        names = self._names
        records = [
            make_record(
                Record, (stream, position, names[name_id], class_version, timestamp, data, header, event_hash)
            )
            for position, name_id, class_version, timestamp, data, header, event_hash, _ in rows
        ]
        return (records, more), rows[-1][7] if rows else None

    def numbered_page(self, after: int, size: int) -> NumberedPage:
        """Return up to ``size`` rows of all streams, and whether more may follow.

        Raises:
            StoreError: if there is a hole, or a row of the newest stream is missing at the end.
        """
        if monotonic() > self._identity.next_look:
            self._identity.check()
        rows, more = self._numbered_rows(after, size)
        if not more:
            newest = self._newest_number()
            if _last_of(rows, after) < newest:  # appended a moment ago, or not found
                rows, more = self._numbered_rows(after, size)
            if not more and _last_of(rows, after) < newest:
                raise self._hole(after, newest, rows)
        if _last_of(rows, after) - after != len(rows):  # they rise
            raise self._hole(after, rows[-1][7], rows)
        names = self._names
        return [
            (
                number,
                make_record(
                    Record, (UUID(bytes=key), position, names[kind], version, time, data, header, digest)
                ),
            )
            for position, kind, version, time, data, header, digest, number, key in rows
        ], more

    def _numbered_rows(self, after: int, size: int) -> tuple[list[NumberedRow], bool]:
        cursor: Cursor[NumberedRow] = self.connection.execute(READ_ALL, (after, size))
        return fetch_page(cursor, size)

    def _newest_number(self) -> int:
        """Return the number of the newest stream's last row, or 0 without streams.

        Raises:
            StoreError: if the row is missing.
        """
        row: tuple[int | None] | None = self.connection.execute(NEWEST_NUMBER).fetchone()
        if row is None:
            return 0
        if row[0] is None:
            raise StoreError(
                f"{self._path}: expected the rows of its streams, found none of the newest one. "
                "Check the store, and restore the file from a backup."
            )
        return row[0]

    def _hole(self, after: int, last: int, rows: Sequence[NumberedRow]) -> StoreError:
        return StoreError(
            f"{self._path}: expected the rows numbered {after + 1} to {last}, found {len(rows)} of them. "
            "Check the store, and restore the file from a backup."
        )

    def _conflict(self, appends: Iterable[Append]) -> ConcurrencyError | StoreError:
        """Return the error of the first append of which a position is taken."""
        for each in appends:
            for row in each.records:
                key = (row.position, row.originator_id.bytes)
                if self.connection.execute(IS_TAKEN, key).fetchone() is not None:
                    return self._streams.conflict(each)
        return StoreError(
            f"{self._path}: expected indexes that match the rows, found a mismatch. "
            "Restore the file from a backup."
        )


def _last_of(rows: Sequence[NumberedRow], after: int) -> int:
    return rows[-1][7] if rows else after


def _check_all(rows: Iterable[Record]) -> None:
    """Raise for the row that no store can hold, after a failure: checking every append would be slow."""
    for row in rows:
        check_record(row)
