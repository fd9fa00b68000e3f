"""``MemoryStore`` beyond the laws that the contracts check."""

from __future__ import annotations

from uuid import UUID

import pytest

from esmodel.exceptions import StoreClosedError
from esmodel.rows import FREE, Append, Record, RecordStore, SupportsReadAll, SupportsSnapshots
from esmodel.stores.memory import MemoryStore

STREAM = UUID(int=1)


def row(position: int) -> Record:
    return Record(STREAM, position, "Happened", 0, position, b"{}")


def test_it_implements_each_protocol() -> None:
    store = MemoryStore()
    as_record_store: RecordStore = store
    as_read_all: SupportsReadAll = store
    as_snapshots: SupportsSnapshots = store
    as_record_store.append(Append([row(0)], FREE))
    as_snapshots.write_snapshot(row(0))
    assert list(as_read_all.read_all()) == [(1, row(0))]


def test_two_stores_share_nothing() -> None:
    one, two = MemoryStore(), MemoryStore()
    one.append(Append([row(0)], FREE))
    assert list(two.read_all()) == []


def test_changing_an_appended_list_changes_nothing_stored() -> None:
    store, batch = MemoryStore(), [row(0)]
    store.append(Append(batch, FREE))
    batch.append(row(1))
    batch[0] = row(9)
    assert list(store.read(STREAM)) == [row(0)]


def test_reading_yields_the_rows_as_of_the_call() -> None:
    store = MemoryStore()
    store.append(Append([row(0)], FREE))
    stream, everything = store.read(STREAM), store.read_all()
    store.append(Append([row(1)], FREE))
    assert list(stream) == [row(0)]
    assert list(everything) == [(1, row(0))]


def test_the_end_of_the_with_block_closes_it_even_after_an_error() -> None:
    store = MemoryStore()
    with pytest.raises(ZeroDivisionError), store:
        raise ZeroDivisionError
    with pytest.raises(StoreClosedError):
        store.last(STREAM)
