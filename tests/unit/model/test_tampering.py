"""What is changed in the file of a hash-chained aggregate is found, at the right position."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from attrs import define, frozen
from typing_extensions import override

from esmodel import (
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    IntegrityError,
    RepositoryKeyError,
    applies,
)
from esmodel.exceptions import (
    ClassVersionError,
    EventHashError,
    HeadHashError,
    OriginatorVersionError,
    StoredDataError,
    UnknownEventError,
)
from esmodel.model.eventhash import hash_event
from esmodel.repositories import EventMapper
from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore

STREAM: Final = UUID(int=77)
OTHER: Final = UUID(int=78)
KEY: Final = b"k" * 32


@frozen(kw_only=True)
class Opened(HashchainedEvent):
    owner: str


@frozen(kw_only=True)
class Paid(HashchainedEvent):
    cents: int


@define
class Ledger(HashchainedAggregateRoot[Opened | Paid]):
    owner: str
    cents: int = 0

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def paid(self, event: Paid) -> None:
        self.cents += event.cents

    apply = (opened | paid).exhaustive


@define
class OtherLedger(Ledger, genesis_hash=b"\x01" * 32):
    pass


LAST: Final = 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with two ledgers of five events each."""
    file = tmp_path / "ledger.db"
    with SQLiteStore(file) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        for stream in (STREAM, OTHER):
            ledger = Ledger.create_with_id(stream, Opened, owner="Ada")
            for cents in range(1, LAST + 1):
                ledger.trigger(Paid, cents=cents)
            ledgers.save(ledger)
    return file


def execute(path: Path, *statements: str) -> None:
    """Do to the file what no store would do."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0


def finding_of(path: Path, read: Callable[[EventSourcedRepository[Ledger]], object]) -> IntegrityError:
    with SQLiteStore(path) as store:
        with pytest.raises(IntegrityError) as caught:
            read(EventSourcedRepository(Ledger, store, snapshot_key=KEY))
        untouched = EventSourcedRepository(Ledger, store)
        assert untouched.verify(OTHER).events == LAST + 1
        return caught.value


READS: Final[dict[str, Callable[[EventSourcedRepository[Ledger]], object]]] = {
    "loading": lambda ledgers: ledgers[STREAM],
    "verify": lambda ledgers: ledgers.verify(STREAM),
    "in": lambda ledgers: STREAM in ledgers,
    "take_snapshot": lambda ledgers: ledgers.take_snapshot(STREAM),
    "events": lambda ledgers: list(ledgers.events(STREAM)),
    "events after the first": lambda ledgers: [
        next(ledgers.events(STREAM)),
        *ledgers.events(STREAM, after=0),
    ],
}
each_read = pytest.mark.parametrize("read", READS.values(), ids=list(READS))
MINE: Final = f"stream_id = (SELECT stream_id FROM stream WHERE originator_id = x'{STREAM.hex}')"  # noqa: S608


def row(position: int) -> str:
    return f"{MINE} AND position = {position}"


CHANGES: Final = {
    "name": "name_id = (SELECT min(n.name_id) FROM name AS n WHERE n.name_id <> record.name_id)",
    "class_version": "class_version = class_version + 1",
    "timestamp": "timestamp = timestamp + 1",
    "data": "data = CAST(replace(CAST(data AS TEXT), '}', ' }') AS BLOB)",
    "event_hash": "event_hash = zeroblob(32)",
    "no event_hash": "event_hash = x''",
    "header": "header = x'7b7d'",
}


def test_an_untouched_file_verifies(path: Path) -> None:
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        assert ledgers.verify(STREAM).events == LAST + 1
        assert ledgers[STREAM].cents == 10
        assert len(list(ledgers.events(STREAM, after=2))) == 2


@each_read
@pytest.mark.parametrize("position", range(LAST + 1))
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_column_is_found_in_its_row(
    path: Path, change: str, position: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(path, f"UPDATE record SET {change} WHERE {row(position)}")  # noqa: S608
    finding = finding_of(path, read)
    assert isinstance(finding, EventHashError)
    assert (finding.originator_id, finding.position) == (STREAM, position)
    assert f"Record {position} of stream {STREAM}" in str(finding)


@each_read
@pytest.mark.parametrize("column", ["data = CAST(data AS TEXT)", "timestamp = 'noon'"])
def test_a_column_of_another_type_is_found_in_its_row(
    path: Path, column: str, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(path, f"UPDATE record SET {column} WHERE {row(2)}")  # noqa: S608
    finding = finding_of(path, read)
    assert isinstance(finding, StoredDataError)
    assert (finding.originator_id, finding.position) == (STREAM, 2)


@pytest.mark.parametrize("position", range(LAST + 1))
def test_events_finds_a_changed_row_as_well(path: Path, position: int) -> None:
    execute(path, f"UPDATE record SET timestamp = 5 WHERE {row(position)}")  # noqa: S608
    finding = finding_of(path, lambda ledgers: list(ledgers.events(STREAM, after=position - 1)))
    assert isinstance(finding, EventHashError)
    assert finding.position == position


@each_read
@pytest.mark.parametrize("position", range(LAST + 1))
def test_a_moved_row_is_found(
    path: Path, position: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(path, f"UPDATE record SET position = 99 WHERE {row(position)}")  # noqa: S608
    finding = finding_of(path, read)
    assert isinstance(finding, EventHashError)
    assert finding.originator_id == STREAM
    # the first row that does not continue the chain is the one after the hole
    assert finding.position == (99 if position == LAST else position + 1)


@each_read
@pytest.mark.parametrize("first", range(LAST))
def test_two_swapped_rows_are_found(
    path: Path, first: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    swap = "UPDATE record SET position = {} WHERE " + MINE + " AND position = {}"  # noqa: S608
    execute(path, swap.format(99, first), swap.format(first, first + 1), swap.format(first + 1, 99))
    finding = finding_of(path, read)
    assert isinstance(finding, EventHashError)
    assert finding.position == first


@each_read
@pytest.mark.parametrize("position", range(LAST + 1))
def test_a_deleted_row_is_found(
    path: Path, position: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(path, f"DELETE FROM record WHERE {row(position)}")  # noqa: S608
    finding = finding_of(path, read)
    assert isinstance(finding, HeadHashError if position == LAST else EventHashError)
    assert finding.position == (LAST if position == LAST else position + 1)


@each_read
def test_a_stream_whose_rows_are_all_gone_is_found(
    path: Path, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(path, f"DELETE FROM record WHERE {MINE}")  # noqa: S608
    finding = finding_of(path, read)
    assert isinstance(finding, HeadHashError)
    assert finding.position == 0


COLUMNS: Final = "stream_id, position, name_id, class_version, timestamp, data, header, event_hash"


@each_read
def test_an_appended_row_without_a_right_hash_is_found(
    path: Path, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(
        path,
        f"INSERT INTO record ({COLUMNS}) SELECT stream_id, {LAST + 1}, name_id, class_version, "  # noqa: S608
        f"timestamp, data, header, event_hash FROM record WHERE {row(LAST)}",
    )
    finding = finding_of(path, read)
    assert isinstance(finding, EventHashError)
    assert finding.position == LAST + 1


def forge(path: Path, position: int, previous: bytes) -> bytes:
    """Write a row over one of the file, or after it, with a right hash; return the hash."""
    data = b'{"cents":1000000}'
    forged = hash_event(previous, STREAM, position, 5, "Paid", 0, data)
    execute(
        path,
        f"INSERT OR REPLACE INTO record ({COLUMNS}) SELECT stream_id, {position}, "  # noqa: S608
        f"(SELECT name_id FROM name WHERE name = 'Paid'), 0, 5, x'{data.hex()}', x'', "
        f"x'{forged.hex()}' FROM stream WHERE originator_id = x'{STREAM.hex}'",
    )
    return forged


def hash_at(path: Path, position: int) -> bytes:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found: tuple[bytes] = connection.execute(
            f"SELECT event_hash FROM record WHERE {row(position)}"  # noqa: S608
        ).fetchone()
        return found[0]


@each_read
@pytest.mark.parametrize("position", range(1, LAST))
def test_a_row_with_a_right_hash_breaks_the_chain_in_the_next_row(
    path: Path, position: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    forge(path, position, hash_at(path, position - 1))
    finding = finding_of(path, read)
    assert isinstance(finding, EventHashError)
    assert finding.position == position + 1


@each_read
def test_a_last_row_with_a_right_hash_is_not_the_head_of_the_stream(
    path: Path, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    forge(path, LAST, hash_at(path, LAST - 1))
    finding = finding_of(path, read)
    assert isinstance(finding, HeadHashError)
    assert finding.position == LAST
    assert "expected the head" in finding.finding


def test_an_earlier_version_is_loaded_while_a_later_row_is_forged(path: Path) -> None:
    execute(path, f"UPDATE record SET timestamp = 5 WHERE {row(LAST)}")  # noqa: S608
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        assert ledgers.get_entity(STREAM, at=LAST - 1).cents == 6
        with pytest.raises(EventHashError):
            ledgers.get_entity(STREAM, at=LAST)


def test_a_hole_is_found_when_an_earlier_version_is_loaded(path: Path) -> None:
    execute(path, f"DELETE FROM record WHERE {MINE} AND position >= 2")  # noqa: S608
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        assert ledgers.get_entity(STREAM, at=1).cents == 1
        with pytest.raises(HeadHashError) as caught:
            ledgers.get_entity(STREAM, at=3)
        assert caught.value.position == 2


def test_rows_of_one_stream_do_not_pass_for_those_of_another(path: Path) -> None:
    execute(
        path,
        f"UPDATE stream SET originator_id = x'{UUID(int=79).hex}' WHERE originator_id = x'{STREAM.hex}'",  # noqa: S608
    )
    with SQLiteStore(path) as store, pytest.raises(EventHashError) as caught:
        EventSourcedRepository(Ledger, store).verify(UUID(int=79))
    assert caught.value.position == 0


def test_a_chain_that_begins_elsewhere_is_found_in_the_first_row(path: Path) -> None:
    with SQLiteStore(path) as store, pytest.raises(EventHashError) as caught:
        EventSourcedRepository(OtherLedger, store).verify(STREAM)
    assert caught.value.position == 0


def test_a_snapshot_does_not_hide_a_changed_row_from_verify(path: Path) -> None:
    with SQLiteStore(path) as store:
        EventSourcedRepository(Ledger, store, snapshot_key=KEY).take_snapshot(STREAM)
    execute(path, f"UPDATE record SET timestamp = 5 WHERE {row(1)}")  # noqa: S608
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
        assert ledgers[STREAM].cents == 10
        with pytest.raises(EventHashError) as caught:
            ledgers.verify(STREAM)
    assert caught.value.position == 1


# --- the end that the store keeps apart -------------------------------------------------------------

ENDS: Final = {
    f"{number} is {value}": (f"last_position = {number}, last_hash = {value}", number)
    for number in range(-2, LAST + 3)
    for value in ("x''", "'text'", "zeroblob(32)", "last_hash")
    if (number, value) != (LAST, "last_hash")
}
"""Each end that the rows of a stream do not have."""


@each_read
@pytest.mark.parametrize(("change", "number"), ENDS.values(), ids=list(ENDS))
def test_an_end_that_was_moved_or_changed_is_found(
    path: Path, change: str, number: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(path, f"UPDATE stream SET {change} WHERE {MINE}")  # noqa: S608
    finding = finding_of(path, read)
    assert isinstance(finding, HeadHashError)
    assert finding.position == (number if number == LAST else min(number, LAST) + 1)


@each_read
@pytest.mark.parametrize("number", range(LAST))
def test_rows_that_are_cut_together_with_a_lowered_end_leave_one_that_the_next_rows_show(
    path: Path, number: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(
        path,
        f"UPDATE stream SET last_position = {number - 1}, last_hash = x'' WHERE {MINE}",  # noqa: S608
        f"DELETE FROM record WHERE {MINE} AND position > {number}",  # noqa: S608
    )
    finding = finding_of(path, read)
    assert isinstance(finding, HeadHashError)
    assert f"found that it reaches {number}" in str(finding)


@each_read
def test_an_end_of_another_type_is_found(
    path: Path, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    execute(path, f"UPDATE stream SET last_position = 'noon' WHERE {MINE}")  # noqa: S608
    finding = finding_of(path, read)
    assert isinstance(finding, HeadHashError)
    assert "another type" in str(finding)


def test_an_earlier_version_beyond_the_end_is_found(path: Path) -> None:
    execute(path, f"UPDATE stream SET last_position = 1 WHERE {MINE}")  # noqa: S608
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        assert ledgers.get_entity(STREAM, at=0).cents == 0
        with pytest.raises(HeadHashError):
            ledgers.get_entity(STREAM, at=2)


def test_events_look_at_the_end_of_what_is_there(path: Path) -> None:
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        for after in range(-1, LAST + 4):
            found = [event.originator_version for event in ledgers.events(STREAM, after=after)]
            assert found == list(range(after + 1, LAST + 1))
        assert list(ledgers.events(UUID(int=1))) == list(ledgers.events(UUID(int=1), after=3)) == []
    execute(path, f"DELETE FROM record WHERE {row(LAST)}")  # noqa: S608
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        for after in range(-1, LAST + 1):
            with pytest.raises(HeadHashError):
                list(ledgers.events(STREAM, after=after))
        assert list(ledgers.events(STREAM, after=LAST + 1)) == []
    execute(path, f"DELETE FROM record WHERE {row(1)}")  # noqa: S608
    with SQLiteStore(path) as store, pytest.raises(HeadHashError, match="expected a row at version 1"):
        list(EventSourcedRepository(Ledger, store).events(STREAM, after=1))


class Appending(MemoryStore):
    """A store to which somebody appends after the end was read, and before it is read again."""

    def __init__(self) -> None:
        super().__init__()
        self.between: list[Record] = []
        self.calls = 0

    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        self.calls += 1
        if self.between and self.calls % 2 == 0:
            self.append(Append([self.between.pop(0)], FREE))
            return super().last(originator_id)
        found = super().last(originator_id)
        if self.between:
            self.append(Append([self.between.pop(0)], FREE))
        return found


@pytest.mark.parametrize("read", READS.values(), ids=list(READS))
@pytest.mark.parametrize("first", range(LAST + 1))
def test_an_append_beside_a_read_is_no_damage(
    first: int, read: Callable[[EventSourcedRepository[Ledger]], object]
) -> None:
    ledger = Ledger.create_with_id(STREAM, Opened, owner="Ada")
    for cents in range(1, LAST + 1):
        ledger.trigger(Paid, cents=cents)
    rows = EventMapper(Ledger).records(ledger.pending_events)
    store = Appending()
    store.append(Append(rows[: first + 1], None))
    ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
    for appended in range(first + 1, LAST + 1):
        store.calls, store.between = 0, [rows[appended]]
        read(ledgers)
        assert not store.between
    assert ledgers[STREAM].cents == 10


def test_two_appends_beside_a_read_are_no_damage() -> None:
    ledger = Ledger.create_with_id(STREAM, Opened, owner="Ada")
    for cents in range(1, LAST + 1):
        ledger.trigger(Paid, cents=cents)
    rows = EventMapper(Ledger).records(ledger.pending_events)
    store = Appending()
    store.append(Append(rows[:1], None))
    store.between = rows[1:]
    # the end is asked again, and has meanwhile moved beyond what was read
    assert EventSourcedRepository(Ledger, store)[STREAM].version == 1
    assert len(store.between) == LAST - 2


def test_a_stream_without_rows_is_absent(path: Path) -> None:
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store)
        with pytest.raises(RepositoryKeyError):
            ledgers.verify(UUID(int=1))


def test_a_changed_event_is_found_in_replay(path: Path) -> None:
    with SQLiteStore(path) as store:
        events = list(EventSourcedRepository(Ledger, store).events(STREAM))
    assert Ledger.replay(events).cents == 10
    changed = Paid(
        STREAM, 2, datetime(2026, 1, 1, tzinfo=UTC), events[1].event_hash, b"", cents=9
    ) if isinstance(events[1], Paid) else events[1]  # fmt: skip
    with pytest.raises(EventHashError):
        Ledger.replay([*events[:2], changed, *events[3:]])
    with pytest.raises((HeadHashError, OriginatorVersionError)):
        Ledger.replay([events[0], *events[2:]])


# --- one row of many streams ------------------------------------------------------------------------


def test_a_row_of_a_chain_becomes_its_event_whatever_its_stream(path: Path) -> None:
    mapper = EventMapper(Ledger)
    with SQLiteStore(path) as store:
        rows = [record for _, record in store.read_all()]
        expected = [
            event
            for stream in (STREAM, OTHER)
            for event in EventSourcedRepository(Ledger, store).events(stream)
        ]
    heads: dict[UUID, bytes] = {}
    for record, event in zip(rows, expected, strict=True):
        head = heads.get(record.originator_id, bytes(32))
        assert mapper.event(record, head) == event
        found = mapper.event(record)
        assert isinstance(found, (Opened, Paid))
        assert (found.previous_hash, found.event_hash) == (b"", record.event_hash)
        with pytest.raises(EventHashError):
            mapper.event(record, b"x" * 32)
        heads[record.originator_id] = record.event_hash
    with pytest.raises(UnknownEventError):
        mapper.event(rows[0]._replace(name="shop.opened"))
    with pytest.raises(ClassVersionError):
        mapper.event(rows[0]._replace(class_version=1))
