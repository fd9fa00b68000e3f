"""``SQLiteStore`` compares the end of a stream in the transaction of the append."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.rows import FREE, After, Append
from esmodel.stores.sqlite import SQLiteStore

OTHER = UUID(int=2)


def test_the_end_that_another_store_has_written_counts(path: Path, store: SQLiteStore) -> None:
    with SQLiteStore(path) as other:
        store.append(Append(rows(2), None))
        other.append(Append([row(2)], after=1))
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append([row(2)], after=1))
        assert (caught.value.expected, caught.value.found) == (1, 2)
        store.append(Append([row(3)], after=2))
        other.append(Append([row(7)], FREE))
        with pytest.raises(ConcurrencyError):
            store.append(Append([row(4)], after=3))
        store.append(Append([row(8)], after=7))
        assert [record.position for record in other.read(STREAM)] == [0, 1, 2, 3, 7, 8]


def test_a_refused_append_leaves_nothing_behind(store: SQLiteStore) -> None:
    store.append(Append(rows(2), None))
    for after in (None, 0, 5):
        stale = Append([row(0 if after is None else after + 1)._replace(name="Unseen")], after)
        with pytest.raises(ConcurrencyError):
            store.append_streams([Append([row(0, OTHER)], None), stale])
        assert store.last(OTHER) is None
    store.append_streams([Append([row(0, OTHER)], None), Append([row(2)], after=1)])
    assert [number for number, _ in store.read_all()] == [1, 2, 3, 4]


@pytest.mark.parametrize("after", [None, 0, 5])
def test_a_row_that_no_store_can_hold_comes_before_a_conflict(store: SQLiteStore, after: After) -> None:
    store.append(Append(rows(2), None))
    position = 0 if after is None else 1 if after == 0 else 6
    bad = row(position)._replace(name="half \ud800")
    with pytest.raises(PayloadError, match="name"):
        store.append(Append([bad], after))


@pytest.mark.parametrize("knows", [True, False])
def test_a_file_that_was_restored_in_place_gets_no_row_of_another_stream(
    path: Path, tmp_path: Path, *, knows: bool
) -> None:
    backup = tmp_path / "backup.db"
    with SQLiteStore(backup) as made:
        made.append(Append([row(0, OTHER)], None))  # has the number that STREAM has in the other file
    with SQLiteStore(path) as store:
        store.append(Append(rows(1), None))
        if knows:
            store.append_streams([Append([row(1)], after=0), Append([row(0, OTHER)], None)])
        with closing(sqlite3.connect(backup)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append([row(2 if knows else 1)], after=1 if knows else 0))
        assert caught.value.found == -1
        assert store.last(OTHER) == (0, b"")
        if knows:
            store.append(Append([row(1, OTHER)], after=0))
            assert list(store.read(OTHER)) == [row(0, OTHER), row(1, OTHER)]
        assert list(store.read(STREAM)) == []
