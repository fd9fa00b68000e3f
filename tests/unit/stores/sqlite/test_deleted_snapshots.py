"""Snapshots of an ``SQLiteStore`` that are deleted, replaced or written beside a load are no damage."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from sample_rows import STREAM, rows

from esmodel.rows import Append
from esmodel.stores.sqlite import SQLiteStore

ROWS: Final = 8
POSITIONS: Final = (None, 2, 5, ROWS - 1)
"""Versions of a snapshot; ``None`` for none."""


class TracedStore(SQLiteStore):
    """A store that tells each statement with which it reads, before it runs."""

    def trace(self, tell: Callable[[str], object], /) -> None:
        self._reader.call(lambda session: session.connection.set_trace_callback(tell))


def rewrite(path: Path, positions: set[int]) -> None:
    """Leave the snapshots of these positions, and no others."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM snapshot")
        for position in positions:
            connection.execute(
                "INSERT INTO snapshot SELECT ?, ?, min(name_id), 0, 0, x'7b7d', x'', x'' FROM name",
                (STREAM.bytes, position),
            )


@pytest.mark.parametrize("older", POSITIONS)
@pytest.mark.parametrize("before", POSITIONS)
@pytest.mark.parametrize("after", POSITIONS)
@pytest.mark.parametrize("lte", [None, ROWS - 1, 5, 3])
def test_rows_continue_the_snapshot_whatever_happens_between_two_statements(
    path: Path, older: int | None, before: int | None, after: int | None, lte: int | None
) -> None:
    with TracedStore(path) as store:
        store.append(Append(rows(ROWS), None))
        list(store.read(STREAM))  # caches the names
        rewrite(path, {each for each in (older, before) if each is not None})
        left = {each for each in (older, after) if each is not None}
        statements: list[str] = []

        def trace(statement: str) -> None:
            statements.append(statement)
            if len(statements) == 2:
                rewrite(path, left)

        store.trace(trace)
        snapshot, found = store.read_from_snapshot(STREAM, lte=lte)
        low = 0 if snapshot is None else snapshot.position + 1
        high = ROWS if lte is None else lte + 1
        assert list(found) == rows(ROWS)[low:high]


@pytest.mark.slow
def test_loads_beside_a_thread_that_deletes_snapshots_find_no_gap(path: Path) -> None:
    end = time.monotonic() + 3

    def tidy() -> None:
        while time.monotonic() < end:
            rewrite(path, set())
            rewrite(path, {3, 5})
            rewrite(path, {ROWS - 1})

    with SQLiteStore(path) as store:
        store.append(Append(rows(ROWS), None))
        thread = Thread(target=tidy)
        thread.start()
        seen: set[int | None] = set()
        while time.monotonic() < end:
            snapshot, found = store.read_from_snapshot(STREAM)
            seen.add(None if snapshot is None else snapshot.position)
            low = 0 if snapshot is None else snapshot.position + 1
            assert list(found) == rows(ROWS)[low:]
        thread.join()
    assert seen == {None, 5, ROWS - 1}
