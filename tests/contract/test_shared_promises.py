"""Promises of the memory store and the SQLite store beyond the laws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreClosedError
from esmodel.rows import FREE, Append
from esmodel.rows.bounds import GREATEST
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing.contracts.samplerows import row


def memory(_: Path) -> MemoryStore:
    return MemoryStore()


def sqlite(folder: Path) -> SQLiteStore:
    return SQLiteStore(folder / "events.db", synchronous="NORMAL")


every_store = pytest.mark.parametrize("open_store", [memory, sqlite])


@every_store
def test_numbers_have_no_gaps_also_after_a_refusal(
    open_store: Callable[[Path], MemoryStore | SQLiteStore], tmp_path: Path
) -> None:
    stream = uuid4()
    with open_store(tmp_path) as store:
        store.append(Append([row(stream, 0)], FREE))
        with pytest.raises(ConcurrencyError):
            store.append(Append([row(stream, 1), row(stream, 0)], FREE))
        store.append(Append([row(stream, 1)], FREE))
        assert [number for number, _ in store.read_all()] == [1, 2]


@every_store
def test_a_refused_row_is_named_in_a_sentence(
    open_store: Callable[[Path], MemoryStore | SQLiteStore], tmp_path: Path
) -> None:
    large = row(uuid4(), 0)._replace(timestamp=GREATEST + 1)
    with open_store(tmp_path) as store:

        def append(record: Record) -> None:
            store.append(Append([record], FREE))

        def append_streams(record: Record) -> None:
            store.append_streams([Append([record], FREE)])

        for refuse in (append, append_streams, store.write_snapshot):
            with pytest.raises(PayloadError, match="timestamp: expected an integer of 64 bits, found 92"):
                refuse(large)
            with pytest.raises(PayloadError, match=r"name: expected Unicode text, found 'half \\ud800'"):
                refuse(row(uuid4(), 0)._replace(name="half \ud800"))
        with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
            store.read(uuid4(), limit=-1)
        with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
            store.read_all(limit=-1)


@every_store
def test_a_closed_store_says_what_to_do_at_every_call(
    open_store: Callable[[Path], MemoryStore | SQLiteStore], tmp_path: Path
) -> None:
    with open_store(tmp_path) as store:
        store.append(Append([row(UUID(int=1), 0)], FREE))
    store.close()  # again: it does nothing
    calls: list[Callable[[], object]] = [
        lambda: store.append(Append([row(UUID(int=1), 1)], FREE)),
        lambda: store.append(Append([], FREE)),
        lambda: store.append_streams([]),
        lambda: store.read_from_snapshot(UUID(int=1)),
        lambda: store.read(UUID(int=1)),
        lambda: store.last(UUID(int=1)),
        store.read_all,
        lambda: store.write_snapshot(row(UUID(int=1), 1)),
        lambda: store.read_snapshot(UUID(int=1)),
        store.__enter__,
    ]
    for call in calls:
        with pytest.raises(StoreClosedError, match=r"was closed: open a new one\.$"):
            call()
