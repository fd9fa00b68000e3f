"""Columns that hold what this package never writes: each read says so with an error of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    EsmodelError,
    EventSourcedArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    TimeBucketedLogReader,
    applies,
)
from esmodel.stores.sqlite import SQLiteStore

PLAIN, CHAINED, ARRAY, LOG = (UUID(int=number) for number in range(1, 5))


@frozen
class Added(AggregateEvent):
    number: int


@define
class Sum(AggregateRoot[Added]):
    total: int = 0

    @applies
    def added(self, event: Added) -> None:
        self.total += event.number

    apply = added.exhaustive


@frozen
class Chained(HashchainedEvent):
    number: int


@define
class ChainedSum(HashchainedAggregateRoot[Chained]):
    total: int = 0

    @applies
    def added(self, event: Chained) -> None:
        self.total += event.number

    apply = added.exhaustive


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "events.db"
    with SQLiteStore(path) as store:
        for repository, aggregate in (
            (
                EventSourcedRepository(Sum, store, snapshot_every=2),
                Sum.create_with_id(PLAIN, Added, number=1),
            ),
        ):
            for _ in range(4):
                aggregate.trigger(Added, number=1)
            repository.save(aggregate)
        chained = ChainedSum.create_with_id(CHAINED, Chained, number=1)
        chained.trigger(Chained, number=2)
        EventSourcedRepository(ChainedSum, store).save(chained)
        EventSourcedArrayRepository(int, store)[ARRAY].extend([1, 2, 3])
        log = EventSourcedTimeBucketedLogRepository(str, store).start(LOG, "day")
        log.log_message("first")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:  # damage knows no constraints
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')")
    return path


def load(store: SQLiteStore, every: int | None) -> object:
    accounts = EventSourcedRepository(Sum, store, snapshot_every=every)
    return accounts[PLAIN].total


def append(store: SQLiteStore) -> None:
    accounts = EventSourcedRepository(Sum, store)
    account = accounts[PLAIN]
    account.trigger(Added, number=1)
    accounts.save(account)


READS: Final[dict[str, Callable[[SQLiteStore], object]]] = {
    "load": lambda store: load(store, None),
    "load by a snapshot": lambda store: load(store, 2),
    "load a chain": lambda store: EventSourcedRepository(ChainedSum, store)[CHAINED].total,
    "verify": lambda store: EventSourcedRepository(ChainedSum, store).verify(CHAINED),
    "array": lambda store: EventSourcedArrayRepository(int, store)[ARRAY][:],
    "length": lambda store: len(EventSourcedArrayRepository(int, store)[ARRAY]),
    "log": lambda store: list(
        TimeBucketedLogReader(EventSourcedTimeBucketedLogRepository(str, store)[LOG]).events()
    ),
    "read_all": lambda store: len(list(store.read_all())),
    "append": append,
}


VALUES: Final = {
    "null": "NULL",
    "text": "'a'",
    "real": "1.5",
    "blob": "x'ff00'",
    "empty": "x''",
    "empty text": "''",
    "negative": "-7",
    "huge": "9223372036854775807",
    "not utf8": "CAST(x'ff' AS TEXT)",
    "deep": "CAST('" + "[" * 5_000 + "' AS BLOB)",
}
COLUMNS: Final = {
    "record": "position name_id class_version timestamp data header event_hash stream_id number",
    "snapshot": "originator_id position name_id class_version timestamp data header event_hash",
    "stream": "stream_id originator_id last_position last_hash",
    "name": "name_id name",
}


def damages() -> Iterator[tuple[str, str, str]]:
    for table, columns in COLUMNS.items():
        for column in columns.split():
            for value in VALUES:
                yield table, column, value


@pytest.mark.filterwarnings("ignore::esmodel.repositories.snapshots.SnapshotWarning")
@pytest.mark.parametrize(("table", "column", "value"), list(damages()))
def test_a_column_that_is_damaged_is_an_error_of_this_package_or_makes_no_difference(
    whole: Path, tmp_path: Path, table: str, column: str, value: str
) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        try:
            statement = f"UPDATE OR REPLACE {table} SET {column} = {VALUES[value]}"  # noqa: S608  # because of lists above
            connection.execute(statement)
        except sqlite3.Error:
            return  # such a value cannot be there
    with SQLiteStore(path) as store:
        for read in READS.values():
            try:
                read(store)
            except EsmodelError:
                continue
        assert store.check().rows >= 0
