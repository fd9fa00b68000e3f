"""Snapshots spare events, and change nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, TypedDict
from uuid import UUID

import pytest
from attrs import define, evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Command,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    RepositoryKeyError,
    applies,
    ignores,
    upcasts,
    using_clock,
)
from esmodel.model import Done
from esmodel.model.snapshot import SnapshotCodec
from esmodel.repositories import SnapshotWarning
from esmodel.rows import Append, Record, RecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore

STREAM: Final = UUID(int=9)


@frozen(kw_only=True)
class Counted(AggregateEvent):
    by: int


@define
class Counter(AggregateRoot[Counted]):
    total: int = 0
    seen: tuple[int, ...] = ()

    @applies
    def counted(self, event: Counted) -> None:
        self.total += event.by
        self.seen += (event.by,)

    apply = counted.exhaustive


@define
class WiderCounter(AggregateRoot[Counted]):
    total: int = 0
    times: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        self.total += event.by
        self.times += 1

    apply = counted.exhaustive


class OldState(TypedDict):
    total: int
    seen: list[int]


class NewState(TypedDict):
    total: int
    times: int


def count_times(old: OldState) -> NewState:
    return {"total": old["total"] + 1000, "times": len(old["seen"])}


@define
class UpcastCounter(AggregateRoot[Counted], snapshot_upcaster=upcasts(count_times)):
    total: int = 0
    times: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        self.total += event.by
        self.times += 1

    apply = counted.exhaustive


@frozen(kw_only=True)
class Sealed(HashchainedEvent):
    by: Decimal


@define
class Vault(HashchainedAggregateRoot[Sealed]):
    total: Decimal = Decimal(0)

    @applies
    def sealed(self, event: Sealed) -> None:
        self.total += event.by

    apply = sealed.exhaustive


def counter_of(*numbers: int, stream: UUID = STREAM) -> Counter:
    counter = Counter.create_with_id(stream, Counted, by=numbers[0])
    for number in numbers[1:]:
        counter.trigger(Counted, by=number)
    return counter


def everything(counter: Counter) -> tuple[object, ...]:
    return (
        *(counter.id, counter.version, counter.created_on, counter.last_modified),
        *(counter.is_discarded, counter.total, counter.seen, counter.pending_events),
    )


@pytest.mark.parametrize(("every", "position"), [(1, 6), (2, 5), (3, 5), (7, 6), (8, None)])
def test_a_save_takes_a_snapshot_when_a_multiple_is_reached(every: int, position: int | None) -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store, snapshot_every=every)
    counter = counter_of(0)
    counters.save(counter)
    for number in range(1, 7):
        counter.trigger(Counted, by=number)
        counters.save(counter)
    found = store.read_snapshot(STREAM)
    assert (None if found is None else found.position) == position
    assert counters[STREAM] == counter


def test_a_batch_that_passes_a_multiple_takes_one_snapshot_at_its_end() -> None:
    store = MemoryStore()
    EventSourcedRepository(Counter, store, snapshot_every=3).save(counter_of(*range(8)))
    found = store.read_snapshot(STREAM)
    assert found is not None
    assert found.position == 7
    assert store.read_snapshot(STREAM, lte=6) is None


@pytest.mark.parametrize("every", [0, -1])
def test_snapshot_every_is_at_least_one(every: int) -> None:
    with pytest.raises(ModelError, match="snapshot_every"):
        EventSourcedRepository(Counter, MemoryStore(), snapshot_every=every)


def test_an_earlier_version_is_loaded_from_the_snapshot_before_it() -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store)
    counters.save(counter_of(1, 2, 3, 4))
    assert counters.take_snapshot(STREAM, at=1).originator_version == 1
    assert counters.take_snapshot(STREAM).originator_version == 3
    assert [counters.get_entity(STREAM, at=at).seen for at in range(5)] == [
        (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4),
    ]  # fmt: skip


def test_events_before_a_snapshot_are_not_read() -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store)
    counters.save(counter_of(1, 2, 3))
    snapshot = counters.take_snapshot(STREAM)
    only_snapshot = MemoryStore()
    only_snapshot.write_snapshot(Record(STREAM, 2, "Snapshot", 0, 0, snapshot.data))
    assert EventSourcedRepository(Counter, only_snapshot)[STREAM].seen == (1, 2, 3)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=12), st.data())
def test_a_snapshot_and_the_tail_after_it_give_the_whole(numbers: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(numbers) - 1))
    plain, store = MemoryStore(), MemoryStore()
    counter = counter_of(*numbers)
    events = counter.pending_events
    EventSourcedRepository(Counter, store).save(counter)
    plain.append(Append(store.read(STREAM), None))
    counters = EventSourcedRepository(Counter, store)
    counters.take_snapshot(STREAM, at=at)
    whole = EventSourcedRepository(Counter, plain)[STREAM]
    assert everything(counters[STREAM]) == everything(whole) == everything(counter)
    assert whole.version == len(events) - 1


def test_a_snapshot_of_a_chain_holds_its_head(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "vault.db") as store:
        vaults = EventSourcedRepository(Vault, store, snapshot_every=2, snapshot_key=b"k" * 32)
        vault = Vault.create(Sealed, by=Decimal("1.0"))
        vault.trigger(Sealed, by=Decimal(2))
        vault.trigger(Sealed, by=Decimal(3))
        vaults.save(vault)
        again = vaults[vault.id]
        assert (again, again.head, again.total) == (vault, vault.head, Decimal("6.0"))
        again.trigger(Sealed, by=Decimal(4))
        vaults.save(again)
        assert vaults.verify(vault.id).events == 4


def test_a_snapshot_holds_the_times() -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store)
    with using_clock(lambda: datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)):
        counter = counter_of(1)
    with using_clock(lambda: datetime(2026, 1, 2, tzinfo=UTC)):
        counter.trigger(Counted, by=2)
    counters.save(counter)
    counters.take_snapshot(STREAM)
    assert everything(counters[STREAM]) == everything(counter)


def test_a_snapshot_of_another_schema_is_passed_over() -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store)
    counters.save(counter_of(1, 2, 3))
    counters.take_snapshot(STREAM)
    wider = EventSourcedRepository(WiderCounter, store)
    with pytest.warns(SnapshotWarning, match="WiderCounter .* at version 2 does not fit and is ignored"):
        counter = wider[STREAM]
    assert (counter.total, counter.times, counter.version) == (6, 3, 2)
    wider.take_snapshot(STREAM)  # from the events
    assert wider[STREAM] == counter


def test_an_old_snapshot_passes_the_snapshot_upcaster() -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store)
    counters.save(counter_of(1, 2, 3))
    counters.take_snapshot(STREAM, at=1)
    upcast = EventSourcedRepository(UpcastCounter, store)
    counter = upcast[STREAM]
    # 1000 comes from the step, which shows that the snapshot was used
    assert (counter.total, counter.times, counter.version) == (1006, 3, 2)
    assert upcast.take_snapshot(STREAM).class_version == 1


def test_a_newer_snapshot_is_passed_over() -> None:
    store = MemoryStore()
    newer = EventSourcedRepository(UpcastCounter, store)
    counter = UpcastCounter.create_with_id(STREAM, Counted, by=1)
    newer.save(counter)
    newer.take_snapshot(STREAM)
    with pytest.warns(SnapshotWarning, match="it has the class version 1, the class 0"):
        assert EventSourcedRepository(WiderCounter, store)[STREAM].total == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xff\x00",
        b"null",
        b'{"fingerprint":"x","created_on":0,"is_discarded":false,"flags":{},"state":{}}',
    ],
)
def test_a_corrupt_snapshot_is_passed_over(data: bytes) -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store)
    counters.save(counter_of(1, 2, 3))
    store.write_snapshot(Record(STREAM, 1, "Snapshot", 0, 0, data))
    with pytest.warns(SnapshotWarning, match=str(STREAM)):
        assert counters[STREAM].seen == (1, 2, 3)


def test_a_state_that_does_not_fit_or_a_time_that_is_none_is_passed_over() -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store)
    counters.save(counter_of(1, 2))
    good = counters.take_snapshot(STREAM)
    bad = good.data.replace(b'"total":3', b'"total":"3"')
    assert bad != good.data
    for data, timestamp in ((bad, 0), (good.data, 2**62)):
        store.write_snapshot(Record(STREAM, 1, "Snapshot", 0, timestamp, data))
        with pytest.warns(SnapshotWarning):
            assert counters[STREAM].total == 3


class WithoutSnapshots:
    """A store of rows alone."""

    def __init__(self) -> None:
        store = MemoryStore()
        self.append = store.append
        self.read = store.read
        self.last = store.last


def test_a_store_without_snapshots_serves_all_but_taking_one() -> None:
    store: RecordStore = WithoutSnapshots()
    counters = EventSourcedRepository(Counter, store)
    counter = counter_of(1, 2)
    counters.save(counter)
    assert counters[STREAM] == counter
    with pytest.raises(ModelError, match="expected a store that keeps snapshots, found WithoutSnapshots"):
        counters.take_snapshot(STREAM)


def test_no_snapshot_is_taken_of_what_is_absent_or_discarded() -> None:
    counters = EventSourcedRepository(Counter, MemoryStore())
    with pytest.raises(RepositoryKeyError):
        counters.take_snapshot(STREAM)
    counter = counter_of(1)
    counter.discard()
    counters.save(counter)
    with pytest.raises(RepositoryKeyError):
        counters.take_snapshot(STREAM)


def test_a_discarded_aggregate_stays_discarded_through_its_snapshot() -> None:
    store = MemoryStore()
    counters = EventSourcedRepository(Counter, store, snapshot_every=1)
    counter = counter_of(1)
    counter.discard()
    counters.save(counter)
    assert store.read_snapshot(STREAM) is not None
    assert STREAM not in counters
    assert counters.get_entity(STREAM, at=0).total == 1


def test_a_snapshot_is_a_value() -> None:
    snapshot = SnapshotCodec(Counter).take(counter_of(1))
    assert evolve(snapshot) == snapshot
    assert snapshot.head == b""
    assert snapshot.event_name == "Snapshot"


@frozen(kw_only=True)
class Asked(AggregateEvent):
    what: str


@define
class Request(Command[Asked | Done]):
    what: str

    @applies
    def asked(self, event: Asked) -> None:
        self.what = event.what

    finished = ignores(Done)
    apply = (asked | finished).exhaustive


def test_a_snapshot_of_a_command_knows_whether_it_is_done() -> None:
    store = MemoryStore()
    requests = EventSourcedRepository(Request, store, snapshot_every=1)
    request = Request.create(Asked, what="a report")
    requests.save(request)
    assert not requests[request.id].is_done
    request.done()
    requests.save(request)
    assert requests[request.id].is_done


def test_snapshots_asked_of_a_store_without_them_are_refused_before_anything_is_saved() -> None:
    store = WithoutSnapshots()

    with pytest.raises(ModelError, match="expected a store that keeps snapshots"):
        EventSourcedRepository(Counter, store, snapshot_every=2)  # type: ignore[call-overload]  # the mistake


@define
class Unstorable(AggregateRoot[Counted]):
    state: object = 0
    counted = ignores(Counted)
    apply = counted.exhaustive


def test_a_state_that_cannot_be_carried_is_refused_before_anything_is_saved() -> None:
    with pytest.raises(ModelError, match=r"Unstorable\.state"):
        EventSourcedRepository(Unstorable, MemoryStore(), snapshot_every=2)


@define
class Scribbler(AggregateRoot[Counted]):
    text: str = ""

    @applies
    def counted(self, event: Counted) -> None:
        self.text += chr(event.by)

    apply = counted.exhaustive


def test_a_snapshot_that_cannot_be_stored_leaves_the_save_a_success() -> None:
    scribblers = EventSourcedRepository(Scribbler, MemoryStore(), snapshot_every=1)
    half_a_pair = 0xD800
    scribbler = Scribbler.create_with_id(STREAM, Counted, by=half_a_pair)

    with pytest.warns(SnapshotWarning, match="No snapshot of Scribbler"):
        scribblers.save(scribbler)

    assert scribbler.pending_events == ()
    assert scribblers[STREAM] == scribbler
