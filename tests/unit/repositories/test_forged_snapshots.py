"""A snapshot of a hash chain that is forged or moved is refused; without a key, none is read."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import count, product
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from attrs import define, frozen
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    IntegrityError,
    RepositoryKeyError,
    applies,
)
from esmodel.codec import Codec, TypeHook
from esmodel.exceptions import EventHashError, HeadHashError, ModelError, SnapshotError, StoreError
from esmodel.model.snapshot import SnapshotCodec
from esmodel.repositories import SnapshotWarning, Verified
from esmodel.repositories.snapshotkeys import SnapshotKeys
from esmodel.rows import Append, Record
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore

STREAM, OTHER = UUID(int=77), UUID(int=78)
KEY, NEW_KEY = b"k" * 32, b"n" * 40
LAST: Final = 4


@frozen
class Opened(HashchainedEvent):
    owner: str


@frozen
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
class NorthLedger(Ledger, genesis_hash=b"\x01" * 32):
    pass


@define
class RenamedLedger(HashchainedAggregateRoot[Opened | Paid]):
    holder: str
    cents: int = 0

    @applies
    def opened(self, event: Opened) -> None:
        self.holder = event.owner

    @applies
    def paid(self, event: Paid) -> None:
        self.cents += event.cents

    apply = (opened | paid).exhaustive


def a_ledger(stream: UUID = STREAM, cents: int = 1) -> Ledger:
    ledger = Ledger.create_with_id(stream, Opened, owner="Ada")
    for _ in range(LAST):
        ledger.trigger(Paid, cents=cents)
    return ledger


def forged(stream: UUID = STREAM) -> Record:
    """Return the snapshot that an attacker wants: of the right version and head, with another state."""
    rich = a_ledger(stream)
    rich.cents = 9_000_000
    taken = SnapshotCodec(Ledger).take(rich)
    return Record(stream, LAST, "Snapshot", 0, 0, taken.data, b"", rich.head)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with two ledgers of five events each, and signed snapshots of versions 2 and 4."""
    file = tmp_path / "ledger.db"
    with SQLiteStore(file) as store:
        ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
        for stream in (STREAM, OTHER):
            ledgers.save(a_ledger(stream))
            ledgers.take_snapshot(stream, at=2)
            ledgers.take_snapshot(stream)
    return file


def execute(path: Path, *statements: str) -> None:
    """Do to the file what no store would do."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0


@pytest.fixture
def store() -> MemoryStore:
    """Return a store with two ledgers of five events each, and no snapshot."""
    memory = MemoryStore()
    for stream in (STREAM, OTHER):
        EventSourcedRepository(Ledger, memory).save(a_ledger(stream))
    return memory


def taken(store: MemoryStore, key: bytes = KEY, stream: UUID = STREAM, at: int | None = None) -> Record:
    """Return a signed snapshot, which stays in the store."""
    EventSourcedRepository(Ledger, store, snapshot_key=key).take_snapshot(stream, at=at)
    found = store.read_snapshot(stream, lte=at)
    assert found is not None
    return found


# --- what is read -----------------------------------------------------------------------------------

COLUMNS: Final = (
    *("originator_id", "position", "name_id", "class_version", "timestamp", "data", "header", "event_hash"),
)
VALUES: Final = (
    *(
        "{} + 1",
        "{} - 1",
        "1.5",
        "'noon'",
        "x''",
        "''",
        "zeroblob(32)",
        "CAST({} AS TEXT)",
        "CAST({} AS BLOB)",
    ),
    f"x'{OTHER.hex}'",
    "(SELECT {} FROM snapshot AS s WHERE s.originator_id = snapshot.originator_id ORDER BY position LIMIT 1)",
    f"(SELECT {{}} FROM snapshot WHERE originator_id = x'{OTHER.hex}' ORDER BY position DESC LIMIT 1)",  # noqa: S608
)
WHERE: Final = f"WHERE originator_id = x'{STREAM.hex}' AND position = {LAST}"
SNAPSHOT: Final = f"SELECT *, typeof(data), typeof(header), typeof(event_hash) FROM snapshot {WHERE}"  # noqa: S608


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_of_a_snapshot_is_signed(path: Path, column: str, value: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.text_factory = bytes
        before = connection.execute(SNAPSHOT).fetchone()
        connection.execute(
            f"UPDATE OR REPLACE snapshot SET {column} = {value.format(column)} {WHERE}"  # noqa: S608
        )
        is_changed = connection.execute(SNAPSHOT).fetchone() != before
        connection.execute(f"DELETE FROM snapshot WHERE originator_id = x'{STREAM.hex}' AND position = 2")  # noqa: S608
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
        try:
            is_there = store.read_snapshot(STREAM) is not None
        except StoreError:  # its name is gone, or its text is none
            for read in (ledgers.get_entity, ledgers.verify):
                with pytest.raises(StoreError, match=r"expected a stored name|decode"):
                    read(STREAM)
            return
        if is_there and is_changed:
            for read in (ledgers.get_entity, ledgers.verify):
                with pytest.raises(
                    SnapshotError, match=r"a signature by a key|a whole number|no snapshot beyond"
                ):
                    read(STREAM)
        else:
            assert ledgers[STREAM].cents == LAST
        if is_changed and column == "originator_id" and store.read_snapshot(OTHER, lte=LAST) is not None:
            assert ledgers.get_entity(OTHER, at=1).cents == 1
        # without a key, no snapshot is read
        assert EventSourcedRepository(Ledger, store)[STREAM].cents == LAST


PLANTED: Final[dict[str, Callable[[MemoryStore], Record]]] = {
    "unsigned": lambda store: forged(),
    "signed with another key": lambda store: SnapshotKeys(NEW_KEY, bytes(32)).signed(forged()),
    "signed for another genesis": lambda store: SnapshotKeys(KEY, b"\x01" * 32).signed(forged()),
    "with the signature of the right one": lambda store: forged()._replace(header=taken(store).header),
    "with the right state at another version": lambda store: taken(store, at=2)._replace(position=LAST),
    "beyond the end": lambda store: taken(store)._replace(position=LAST + 1),
    "of another stream": lambda store: taken(store, stream=OTHER)._replace(originator_id=STREAM),
    "of another stream, with its end": lambda store: taken(store, stream=OTHER)._replace(
        originator_id=STREAM, event_hash=a_ledger().head
    ),
    "empty": lambda store: forged()._replace(data=b""),
    "without an end": lambda store: forged()._replace(event_hash=b""),
    "deeply nested": lambda store: forged()._replace(data=b"[" * 100_000),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=list(PLANTED))
def test_a_planted_snapshot_is_refused_with_a_key_and_not_read_without(
    store: MemoryStore, plant: Callable[[MemoryStore], Record]
) -> None:
    store.write_snapshot(plant(store))
    ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
    for read in (ledgers.get_entity, ledgers.verify):
        with pytest.raises(SnapshotError, match=r"a signature by a key|no snapshot beyond") as caught:
            read(STREAM)
        assert caught.value.originator_id == STREAM
    with pytest.raises(SnapshotError):
        assert STREAM not in ledgers
    assert ledgers.get_entity(STREAM, at=1).cents == 1
    without = EventSourcedRepository(Ledger, store)
    assert without[STREAM].cents == LAST
    assert [event.originator_version for event in without.events(STREAM)] == [*range(LAST + 1)]


class Unread(MemoryStore):
    """A store whose snapshots nobody may read."""

    @override
    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        raise AssertionError


def test_without_a_key_no_snapshot_of_a_chain_is_read() -> None:
    store = Unread()
    ledgers = EventSourcedRepository(Ledger, store)
    ledgers.save(a_ledger())
    store.write_snapshot(forged())
    assert ledgers[STREAM].cents == LAST
    assert ledgers.get_entity(STREAM, at=3).cents == 3
    assert STREAM in ledgers


def changed_bytes(record: Record) -> Iterator[Record]:
    """Yield a row with each of its bytes changed."""
    for field in range(len(record)):
        written = record[field]
        if isinstance(written, bytes):
            for place in range(len(written)):
                changed = written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :]
                yield Record._make((*record[:field], changed, *record[field + 1 :]))


def test_each_byte_of_a_signed_snapshot_counts(store: MemoryStore) -> None:
    right = taken(store)
    keys = SnapshotKeys(KEY, bytes(32))
    keys.check(right)
    changed = list(changed_bytes(right))
    assert len(changed) == len(right.data) + len(right.header) + 32
    for each in changed:
        with pytest.raises(SnapshotError):
            keys.check(each)


def signature(parts: Sequence[bytes]) -> bytes:
    name, genesis, head, data = parts
    record = Record(STREAM, 0, name.decode("latin-1"), 0, 0, data, b"", head)
    return SnapshotKeys(KEY, genesis).signed(record).header


PARTS: Final = st.lists(st.binary(max_size=4), min_size=4, max_size=4)


@given(PARTS, PARTS)
def test_two_snapshots_have_one_signature_only_if_they_are_equal(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (signature(one) == signature(other)) == (one == other)


@pytest.mark.parametrize("part", range(4))
def test_each_part_of_a_snapshot_is_signed(part: int) -> None:
    changed = [b"aaaa"] * 4
    changed[part] = b"aaab"
    assert signature(changed) != signature([b"aaaa"] * 4)


@pytest.mark.parametrize(("source", "target"), list(product(range(4), range(4))))
def test_no_byte_moves_from_one_part_of_a_snapshot_to_another(source: int, target: int) -> None:
    moved = [b"aaaa"] * 4
    moved[source] = moved[source][1:]
    moved[target] += b"a"
    assert (signature([b"aaaa"] * 4) == signature(moved)) == (source == target)


# --- keys -------------------------------------------------------------------------------------------


def test_a_key_signs_what_a_load_uses(store: MemoryStore) -> None:
    ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY, snapshot_every=3)
    ledger = ledgers[STREAM]
    ledger.trigger(Paid, cents=5)
    ledgers.save(ledger)
    assert ledgers.verify(STREAM) == Verified(LAST + 2, 1, 0, signed=True)
    found = store.read_snapshot(STREAM)
    assert found is not None
    assert found.position == LAST + 1
    assert len(found.header) == len(b'{"hmac":""}') + 64
    # a changed row before the snapshot shows that the load began at it; `verify` finds the row
    damaged = MemoryStore()
    changed = [row if row.position else row._replace(timestamp=5) for row in store.read(STREAM)]
    damaged.append(Append(changed, None))
    damaged.write_snapshot(found)
    others = EventSourcedRepository(Ledger, damaged, snapshot_key=KEY)
    assert others[STREAM] == ledger
    with pytest.raises(EventHashError):
        others.verify(STREAM)


def test_keys_are_rotated(store: MemoryStore) -> None:
    old = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
    both = EventSourcedRepository(Ledger, store, snapshot_key=[NEW_KEY, KEY])
    new = EventSourcedRepository(Ledger, store, snapshot_key=(NEW_KEY,))
    old.take_snapshot(STREAM)
    assert both[STREAM].cents == LAST
    with pytest.raises(SnapshotError, match="its key is no longer given"):
        new[STREAM]
    both.take_snapshot(STREAM)
    assert (both[STREAM].cents, new[STREAM].cents) == (LAST, LAST)
    with pytest.raises(SnapshotError):
        old[STREAM]


def test_a_snapshot_that_is_refused_is_replaced_by_one_of_the_events(store: MemoryStore) -> None:
    store.write_snapshot(forged())
    ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
    with pytest.raises(SnapshotError) as caught:
        ledgers[STREAM]
    ledgers.take_snapshot(STREAM, at=caught.value.position)
    assert ledgers[STREAM].cents == LAST
    assert ledgers.verify(STREAM) == Verified(LAST + 1, 1, 0, signed=True)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (b"", "found 0"),
        (b"x" * 31, "found 31"),
        ([KEY, b"short-secret"], "found 12"),
        ((), "expected one key or more, found none"),
        ("s" * 40, "expected bytes, found str"),
        ([bytearray(32)], "expected bytes, found bytearray"),
    ],
)
def test_a_key_has_32_bytes_and_is_never_shown(key: bytes, found: str) -> None:
    with pytest.raises(ModelError, match=found) as caught:
        EventSourcedRepository(Ledger, MemoryStore(), snapshot_key=key)
    assert "short-secret" not in str(caught.value)
    assert repr(KEY) not in repr(vars(EventSourcedRepository(Ledger, MemoryStore(), snapshot_key=KEY)))


def test_without_a_key_a_chain_takes_no_snapshot(store: MemoryStore) -> None:
    expected = r"snapshot_key: expected a key for the snapshots of Ledger, found none.*snapshot_key=key\)"
    with pytest.raises(ModelError, match=expected):
        EventSourcedRepository(Ledger, store, snapshot_every=2)
    with pytest.raises(ModelError, match=expected):
        EventSourcedRepository(Ledger, store).take_snapshot(STREAM)
    assert store.read_snapshot(STREAM) is None


def test_a_key_for_events_that_are_not_signed_is_refused() -> None:
    with pytest.raises(ModelError, match=r"snapshot_key: expected a class with a hash chain, found Tally"):
        EventSourcedRepository(Tally, MemoryStore(), snapshot_key=KEY)  # type: ignore[type-var]  # the mistake


def test_a_signed_snapshot_of_an_older_class_is_passed_over(store: MemoryStore) -> None:
    taken(store)
    renamed = EventSourcedRepository(RenamedLedger, store, snapshot_key=KEY)
    with pytest.warns(SnapshotWarning, match="does not fit and is ignored"):
        assert renamed[STREAM].holder == "Ada"
    assert renamed.verify(STREAM) == Verified(LAST + 1, 0, 1, signed=True)


def test_a_snapshot_of_a_chain_with_another_genesis_is_refused(store: MemoryStore) -> None:
    taken(store)
    with pytest.raises(SnapshotError):
        EventSourcedRepository(NorthLedger, store, snapshot_key=KEY)[STREAM]


def test_a_signed_snapshot_is_refused_once_its_stream_is_gone(path: Path) -> None:
    execute(path, f"DELETE FROM stream WHERE originator_id = x'{STREAM.hex}'")  # noqa: S608
    with SQLiteStore(path) as store:
        signed = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
        with pytest.raises(HeadHashError):
            signed[STREAM]
        with pytest.raises(SnapshotError, match="expected no snapshot beyond version -1"):
            signed.verify(STREAM)
        with pytest.raises(RepositoryKeyError):
            EventSourcedRepository(Ledger, store)[STREAM]


def test_a_stream_that_is_cut_before_its_snapshot_is_found(path: Path) -> None:
    execute(
        path,
        "UPDATE stream SET last_position = 3, last_hash = (SELECT event_hash FROM record WHERE position = 3 "
        "AND record.stream_id = stream.stream_id)",
        "DELETE FROM record WHERE position = 4",
    )
    with SQLiteStore(path) as store:
        ledgers = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
        with pytest.raises(
            HeadHashError, match="expected the stream to end at version 3, found that it reaches 4"
        ):
            ledgers[STREAM]
        with pytest.raises(SnapshotError, match="beyond version 3"):
            ledgers.verify(STREAM)


@frozen
class Secret:
    text: str


NONCES: Final = count()
NONCE: Final = Codec(
    TypeHook(
        Secret,
        encode=lambda secret: f"{next(NONCES)}:{secret.text}",
        decode=lambda text: Secret(text.partition(":")[2]),
    )
)


@frozen
class Hidden(AggregateEvent, codec=NONCE):
    secret: Secret


@define(eq=False)
class Safe(AggregateRoot[Hidden], codec=NONCE):
    secret: Secret

    @applies
    def hidden(self, event: Hidden) -> None:
        self.secret = event.secret

    apply = hidden.exhaustive


# --- verify compares states -------------------------------------------------------------------------


@frozen
class Counted(AggregateEvent):
    by: float


@define
class Tally(AggregateRoot[Counted]):
    total: float = 0.0
    times: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        self.total += event.by
        self.times += 1

    apply = counted.exhaustive


@define
class DoublingTally(AggregateRoot[Counted]):
    total: float = 0.0
    times: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        self.total += 2 * event.by
        self.times += 1

    apply = counted.exhaustive


@pytest.fixture
def tallies() -> tuple[EventSourcedRepository[Tally], MemoryStore]:
    """Return a repository of a tally with four events and snapshots of versions 0, 2 and 3."""
    store = MemoryStore()
    repository = EventSourcedRepository(Tally, store)
    tally = Tally.create_with_id(STREAM, Counted, by=1.5)
    for _ in range(3):
        tally.trigger(Counted, by=1.0)
    repository.save(tally)
    for at in (2, 0, 3):
        repository.take_snapshot(STREAM, at=at)
    return repository, store


def test_a_snapshot_that_is_nested_too_deeply_is_passed_over(
    tallies: tuple[EventSourcedRepository[Tally], MemoryStore],
) -> None:
    repository, store = tallies
    deep = b'{"fingerprint":"","created_on":0,"is_discarded":false,"flags":{},"state":' + b"[" * 100_000
    store.write_snapshot(Record(STREAM, 3, "Snapshot", 0, 0, deep))
    with pytest.warns(SnapshotWarning, match="does not fit and is ignored"):
        assert repository[STREAM].times == 4
    assert repository.verify(STREAM) == Verified(4, 2, 1)


def test_verify_says_what_it_checked(tallies: tuple[EventSourcedRepository[Tally], MemoryStore]) -> None:
    repository, store = tallies
    assert repository.verify(STREAM) == Verified(4, 3)
    store.write_snapshot(Record(STREAM, 1, "Snapshot", 0, 0, b"{}"))
    assert repository.verify(STREAM) == Verified(events=4, snapshots=3, ignored=1, signed=False)


CHANGES: Final[dict[str, tuple[Callable[[Record], Record], str]]] = {
    "a value": (lambda row: row._replace(data=row.data.replace(b'"total":', b'"total":1')), "total"),
    "a count": (lambda row: row._replace(data=row.data.replace(b'"times":', b'"times":7')), "times"),
    "a time": (lambda row: row._replace(timestamp=row.timestamp + 1), "last_modified"),
    "a start": (lambda row: row._replace(data=row.data.replace(b'on":1', b'on":10')), "created_on"),
    "an end": (
        lambda row: row._replace(data=row.data.replace(b'discarded":false', b'discarded":true')),
        "is_discarded",
    ),
}


@pytest.mark.parametrize("at", [0, 2, 3])
@pytest.mark.parametrize("change", CHANGES)
def test_verify_compares_each_snapshot_with_the_events(
    tallies: tuple[EventSourcedRepository[Tally], MemoryStore], at: int, change: str
) -> None:
    repository, store = tallies
    row = store.read_snapshot(STREAM, lte=at)
    assert row is not None
    changed = CHANGES[change][0](row)
    assert changed != row
    store.write_snapshot(changed)
    with pytest.raises(SnapshotError, match=f"found a difference in .*{CHANGES[change][1]}") as caught:
        repository.verify(STREAM)
    assert (caught.value.originator_id, caught.value.position) == (STREAM, at)
    repository.take_snapshot(STREAM, at=at)
    assert repository.verify(STREAM) == Verified(4, 3)


@pytest.mark.parametrize("position", [-(2**63), -1, 4, 2**63 - 1])
def test_verify_finds_a_snapshot_of_a_version_that_does_not_exist(
    tallies: tuple[EventSourcedRepository[Tally], MemoryStore], position: int
) -> None:
    repository, store = tallies
    row = store.read_snapshot(STREAM)
    assert row is not None
    store.write_snapshot(row._replace(position=position))
    with pytest.raises(SnapshotError) as caught:
        repository.verify(STREAM)
    assert caught.value.position == position


def test_verify_finds_snapshots_of_handlers_that_were_changed(
    tallies: tuple[EventSourcedRepository[Tally], MemoryStore],
) -> None:
    doubling = EventSourcedRepository(DoublingTally, tallies[1])
    assert doubling[STREAM].total == 4.5  # no fingerprint sees the code of a handler
    with pytest.raises(SnapshotError, match="total"):
        doubling.verify(STREAM)
    for at in (0, 2, 3):
        doubling.take_snapshot(STREAM, at=at)
    assert doubling[STREAM].total == 9.0
    assert doubling.verify(STREAM) == Verified(4, 3)


def test_verify_sees_what_equality_does_not(
    tallies: tuple[EventSourcedRepository[Tally], MemoryStore],
) -> None:
    _, store = tallies
    repository = EventSourcedRepository(Tally, store)
    tally = Tally.create_with_id(OTHER, Counted, by=0.0)
    repository.save(tally)
    repository.take_snapshot(OTHER)
    row = store.read_snapshot(OTHER)
    assert row is not None
    store.write_snapshot(row._replace(data=row.data.replace(b'"total":0.0', b'"total":-0.0')))
    with pytest.raises(SnapshotError, match="the stored state"):
        repository.verify(OTHER)


def test_verify_compares_the_values_where_a_hook_writes_other_text_each_time() -> None:
    store = MemoryStore()
    safes = EventSourcedRepository(Safe, store, snapshot_every=1)
    safes.save(Safe.create_with_id(STREAM, Hidden, secret=Secret("a")))
    assert safes.verify(STREAM) == Verified(1, 1)
    row = store.read_snapshot(STREAM)
    assert row is not None
    store.write_snapshot(row._replace(data=row.data.replace(b':a"', b':b"')))
    with pytest.raises(SnapshotError, match="a difference in secret"):
        safes.verify(STREAM)


def test_without_a_key_verify_still_compares_the_states_of_a_chain(store: MemoryStore) -> None:
    ledgers = EventSourcedRepository(Ledger, store)
    taken(store)
    assert ledgers.verify(STREAM) == Verified(LAST + 1, 1, 0, signed=False)
    for wrong, name in ((forged(), "cents"), (taken(store)._replace(event_hash=bytes(32)), "head")):
        store.write_snapshot(wrong)
        with pytest.raises(SnapshotError, match=f"difference in .*{name}"):
            ledgers.verify(STREAM)
        assert ledgers[STREAM].cents == LAST


class Deleting(MemoryStore):
    """A store whose snapshots are deleted once their positions are known."""

    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        self._snapshots.clear()
        return super().last(originator_id)


def test_a_snapshot_that_is_deleted_beside_verify_is_no_damage() -> None:
    store = Deleting()
    repository = EventSourcedRepository(Tally, store)
    repository.save(Tally.create_with_id(STREAM, Counted, by=1.0))
    repository.take_snapshot(STREAM)
    assert repository.verify(STREAM) == Verified(1)


def test_errors_of_snapshots_say_where() -> None:
    error = SnapshotError(STREAM, 3, "expected this, found that")
    assert str(error) == f"Snapshot 3 of stream {STREAM}: expected this, found that."
    assert isinstance(error, IntegrityError)
