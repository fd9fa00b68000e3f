"""Aggregates keep their events until they are saved; a hash chain shows what was changed."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from threading import Thread
from typing import Protocol, Self, TypeVar
from uuid import UUID, uuid4

import attrs
import pytest
from attrs import define, frozen
from hypothesis import given
from hypothesis import strategies as st

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    DomainEvent,
    ECCEvent,
    EntityIsDiscarded,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    PayloadError,
    RepositoryKeyError,
    applies,
    attribute,
    caused_by,
    ignores,
    publish,
    subscribe,
    using_clock,
)
from esmodel.clock import microseconds
from esmodel.exceptions import (
    EventHashError,
    HeadHashError,
    InvalidEntityError,
    OriginatorIDError,
    OriginatorVersionError,
    PublishError,
    UnsetFieldError,
)
from esmodel.model import DiscardedEvent, EventBus, StoredAggregate, VersionedEvent
from esmodel.model.eventhash import GENESIS_HASH, hash_event
from esmodel.model.stored import begin, continue_with
from esmodel.stores.memory import MemoryStore

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Account(StoredAggregate, Protocol):
    """What the same model looks like in every kind of aggregate."""

    balance: int

    @classmethod
    def open(cls) -> Self: ...
    @classmethod
    def replay(cls, events: Sequence[DomainEvent], /) -> Self: ...
    def deposit(self, cents: int) -> None: ...
    def fail(self) -> None: ...
    def set_limit(self, limit: int) -> None: ...
    def get_limit(self) -> int: ...
    def change_attribute(self, name: str, value: object, /) -> None: ...
    def discard(self) -> None: ...
    @property
    def created_on(self) -> datetime: ...
    @property
    def last_modified(self) -> datetime: ...


@frozen(kw_only=True)
class PlainOpened(AggregateEvent):
    pass


@frozen(kw_only=True)
class PlainDeposited(AggregateEvent):
    cents: int


@frozen(kw_only=True)
class PlainFailed(AggregateEvent):
    pass


@define
class PlainAccount(AggregateRoot[PlainOpened | PlainDeposited | PlainFailed]):
    balance: int = 0
    _limit: int = 0

    @classmethod
    def open(cls) -> Self:
        return cls.create(PlainOpened)

    def deposit(self, cents: int) -> None:
        self.trigger(PlainDeposited, cents=cents)

    def fail(self) -> None:
        self.trigger(PlainFailed)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: PlainOpened) -> None:
        pass

    @applies
    def deposited(self, event: PlainDeposited) -> None:
        self.balance += event.cents

    @applies
    def failed(self, event: PlainFailed) -> None:
        raise LookupError("on purpose")

    apply = (opened | deposited | failed).exhaustive


@frozen(kw_only=True)
class TracedOpened(ECCEvent):
    pass


@frozen(kw_only=True)
class TracedDeposited(ECCEvent):
    cents: int


@frozen(kw_only=True)
class TracedFailed(ECCEvent):
    pass


@define
class TracedAccount(AggregateRootWithECC[TracedOpened | TracedDeposited | TracedFailed]):
    balance: int = 0
    _limit: int = 0

    @classmethod
    def open(cls) -> Self:
        return cls.create(TracedOpened)

    def deposit(self, cents: int) -> None:
        self.trigger(TracedDeposited, cents=cents)

    def fail(self) -> None:
        self.trigger(TracedFailed)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: TracedOpened) -> None:
        pass

    @applies
    def deposited(self, event: TracedDeposited) -> None:
        self.balance += event.cents

    @applies
    def failed(self, event: TracedFailed) -> None:
        raise LookupError("on purpose")

    apply = (opened | deposited | failed).exhaustive


@frozen(kw_only=True)
class ChainedOpened(HashchainedEvent):
    pass


@frozen(kw_only=True)
class ChainedDeposited(HashchainedEvent):
    cents: int


@frozen(kw_only=True)
class ChainedFailed(HashchainedEvent):
    pass


@define
class ChainedAccount(HashchainedAggregateRoot[ChainedOpened | ChainedDeposited | ChainedFailed]):
    balance: int = 0
    _limit: int = 0

    @classmethod
    def open(cls) -> Self:
        return cls.create(ChainedOpened)

    def deposit(self, cents: int) -> None:
        self.trigger(ChainedDeposited, cents=cents)

    def fail(self) -> None:
        self.trigger(ChainedFailed)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: ChainedOpened) -> None:
        pass

    @applies
    def deposited(self, event: ChainedDeposited) -> None:
        self.balance += event.cents

    @applies
    def failed(self, event: ChainedFailed) -> None:
        raise LookupError("on purpose")

    apply = (opened | deposited | failed).exhaustive


@frozen(kw_only=True)
class Noted(HashchainedEvent):
    text: str


@define
class Note(HashchainedAggregateRoot[Noted]):
    text: str

    @applies
    def noted(self, event: Noted) -> None:
        self.text = event.text

    apply = noted.exhaustive


@define
class OtherNote(Note, genesis_hash=bytes(range(32))):
    pass


@frozen(kw_only=True)
class Begun(HashchainedEvent):
    pass


@define
class Forgetful(HashchainedAggregateRoot[Begun]):
    title: str

    @applies
    def begun(self, event: Begun) -> None:
        pass

    apply = begun.exhaustive


TAccount = TypeVar("TAccount", bound=Account)

KINDS: list[type[Account]] = [PlainAccount, TracedAccount, ChainedAccount]
every_kind = pytest.mark.parametrize("kind", KINDS)


def head_of(account: object) -> object:
    return getattr(account, "head", None)


def chain(account: ChainedAccount) -> list[HashchainedEvent]:
    return list(account.pending_events)


# --- every kind ----------------------------------------------------------------------------------


@every_kind
def test_events_wait_in_order_until_they_are_collected(kind: type[Account]) -> None:
    account = kind.open()
    account.deposit(5)
    waiting = account.pending_events
    assert len(waiting) == 2
    assert account.collect_events() == waiting
    assert account.pending_events == account.collect_events() == ()
    assert (account.version, account.balance) == (1, 5)


@every_kind
def test_collected_events_are_published_as_one_batch(kind: type[Account]) -> None:
    got: list[Sequence[DomainEvent]] = []
    account = kind.open()
    account.deposit(5)
    waiting = account.pending_events
    with subscribe(got.append):
        publish(account.collect_events())
        publish(account.collect_events())
    assert got == [waiting]
    assert account.pending_events == ()


@every_kind
def test_events_stay_pending_when_a_subscriber_raises(kind: type[Account]) -> None:
    def fail(batch: Sequence[DomainEvent]) -> None:
        raise LookupError

    account = kind.open()
    waiting = account.pending_events
    with subscribe(fail), pytest.raises(PublishError):
        publish(account.pending_events)
    assert account.pending_events == waiting


@every_kind
def test_an_aggregate_is_replayed_from_its_events(kind: type[Account]) -> None:
    account = kind.open()
    account.deposit(5)
    account.set_limit(9)
    account.discard()
    again = kind.replay(account.pending_events)
    assert again == account
    assert again.pending_events == ()
    assert (again.balance, again.get_limit(), again.is_discarded, again.version) == (5, 9, True, 3)


@every_kind
def test_events_that_wait_are_no_part_of_the_state(kind: type[Account]) -> None:
    account = kind.open()
    same = kind.replay(account.pending_events)
    account.collect_events()
    assert account == same
    with pytest.raises(TypeError, match="unhashable"):
        hash(account)


@every_kind
def test_a_handler_that_raises_changes_neither_version_nor_head_nor_what_waits(
    kind: type[Account],
) -> None:
    account = kind.open()
    account.deposit(5)
    before = (account.version, head_of(account), account.pending_events, account.last_modified)
    with pytest.raises(LookupError, match="on purpose"):
        account.fail()
    assert (account.version, head_of(account), account.pending_events, account.last_modified) == before
    assert kind.replay(account.pending_events) == account


@every_kind
def test_an_event_of_another_originator_is_refused_and_changes_nothing(kind: type[Account]) -> None:
    account, stranger = kind.open(), kind.open()
    stranger.deposit(5)
    same = kind.replay(account.pending_events)
    with pytest.raises(OriginatorIDError, match=str(stranger.id)):
        continue_with(account, stranger.pending_events[1:])
    assert account == same
    assert head_of(account) == head_of(same)


@every_kind
def test_an_event_of_the_wrong_version_is_refused_and_changes_nothing(kind: type[Account]) -> None:
    account = kind.open()
    for cents in (1, 2):
        account.deposit(cents)
    events = account.pending_events
    again, same = kind.replay(events[:1]), kind.replay(events[:1])
    for wrong in (0, 2):
        with pytest.raises(OriginatorVersionError, match=f"expected version 1, found {wrong}"):
            continue_with(again, [events[wrong]])
        assert again == same


@every_kind
def test_a_discarded_aggregate_refuses_everything(kind: type[Account]) -> None:
    account = kind.open()
    account.discard()
    waiting = account.pending_events
    assert isinstance(waiting[-1], DiscardedEvent)
    with pytest.raises(EntityIsDiscarded) as caught:
        account.deposit(1)
    assert caught.value.originator_id == account.id
    with pytest.raises(EntityIsDiscarded):
        account.set_limit(1)
    with pytest.raises(EntityIsDiscarded):
        account.change_attribute("limit", 1)
    with pytest.raises(EntityIsDiscarded):
        account.discard()
    assert account.pending_events == waiting
    assert (account.version, account.balance, account.get_limit()) == (1, 0, 0)


@every_kind
def test_a_discarded_aggregate_is_absent_from_its_repository(kind: type[Account]) -> None:
    repository = EventSourcedRepository(kind, MemoryStore())
    account = kind.open()
    repository.save(account)
    assert account.id in repository
    account.discard()
    repository.save(account)
    assert account.id not in repository
    with pytest.raises(RepositoryKeyError, match=str(account.id)):
        repository[account.id]
    with pytest.raises(KeyError):
        repository.get_entity(account.id, at=1)
    assert repository.get_entity(account.id, at=0).version == 0


@pytest.mark.parametrize("kind", [PlainAccount, TracedAccount])
@pytest.mark.parametrize("every", [None, 1, 3])
def test_at_gives_the_state_at_any_earlier_version(kind: type[Account], every: int | None) -> None:
    check_versions(kind, EventSourcedRepository(kind, MemoryStore(), snapshot_every=every))


def test_at_gives_the_state_at_any_earlier_version_of_a_chain() -> None:
    check_versions(ChainedAccount, EventSourcedRepository(ChainedAccount, MemoryStore()))


@pytest.mark.parametrize("every", [1, 3])
def test_at_gives_the_state_at_any_earlier_version_from_signed_snapshots(every: int) -> None:
    store = MemoryStore()
    repository = EventSourcedRepository(ChainedAccount, store, snapshot_every=every, snapshot_key=b"k" * 32)
    check_versions(ChainedAccount, repository)


def check_versions(kind: type[TAccount], repository: EventSourcedRepository[TAccount]) -> None:
    account = kind.open()
    repository.save(account)
    states = [kind.replay(list(repository.events(account.id)))]
    for cents in range(1, 8):
        account.deposit(cents)
        repository.save(account)
        states.append(kind.replay(list(repository.events(account.id))))
    for version, state in enumerate(states):
        found = repository.get_entity(account.id, at=version)
        assert found == state
        assert (found.version, found.balance) == (version, sum(range(version + 1)))
    assert repository.get_entity(account.id, at=99) == repository[account.id] == account
    with pytest.raises(RepositoryKeyError):
        repository.get_entity(account.id, at=-1)


@every_kind
def test_time_never_runs_backwards_even_when_the_clock_does(kind: type[Account]) -> None:
    moments = iter([MOMENT, MOMENT - timedelta(hours=1), MOMENT + timedelta(hours=1), MOMENT])
    with using_clock(lambda: next(moments)):
        account = kind.open()
        account.deposit(1)
        account.set_limit(1)
        account.discard()
    later = MOMENT + timedelta(hours=1)
    times = [getattr(each, "timestamp") for each in account.pending_events]  # noqa: B009
    assert times == [MOMENT, MOMENT, later, later]
    assert (account.created_on, account.last_modified) == (MOMENT, later)


@every_kind
def test_a_loaded_aggregate_does_not_go_back_in_time_either(kind: type[Account]) -> None:
    repository = EventSourcedRepository(kind, MemoryStore())
    with using_clock(lambda: MOMENT):
        account = kind.open()
    repository.save(account)
    loaded = repository[account.id]
    with using_clock(lambda: MOMENT - timedelta(days=1)):
        loaded.deposit(1)
    assert loaded.last_modified == MOMENT


@every_kind
def test_a_naive_clock_is_refused_and_changes_nothing(kind: type[Account]) -> None:
    account = kind.open()
    waiting = account.pending_events
    with using_clock(lambda: MOMENT.replace(tzinfo=None)), pytest.raises(PayloadError, match="naive"):
        account.deposit(1)
    assert (account.pending_events, account.balance) == (waiting, 0)


@every_kind
def test_an_aggregate_without_an_event_has_no_times(kind: type[Account]) -> None:
    empty = begin(kind, uuid4())
    for name in ("created_on", "last_modified"):
        with pytest.raises(ModelError, match="has no event yet"):
            getattr(empty, name)


@every_kind
def test_an_aggregate_cannot_be_made_without_an_event(kind: Callable[[], object]) -> None:
    with pytest.raises(ModelError, match="comes from an event"):
        kind()


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(0, 12))
def test_the_replay_of_a_prefix_and_then_the_rest_is_the_replay_of_all(amounts: list[int], cut: int) -> None:
    for kind in KINDS:
        account = kind.open()
        for cents in amounts:
            account.deposit(cents)
        events = account.pending_events
        at = 1 + min(cut, len(amounts))
        parts = kind.replay(events[:at])
        continue_with(parts, events[at:])
        assert parts == kind.replay(events) == account


def test_a_bus_of_ones_own_is_left_alone_by_publish() -> None:
    bus, got = EventBus(), list[Sequence[DomainEvent]]()
    with bus.subscribe(got.append):
        publish(PlainAccount.open().collect_events())
    assert got == []


# --- causes --------------------------------------------------------------------------------------


def traced(account: TracedAccount) -> list[ECCEvent]:
    return list(account.pending_events)


def test_a_cause_is_followed_through_two_aggregates() -> None:
    first, second, third = TracedAccount.open(), TracedAccount.open(), TracedAccount.open()
    [opened] = traced(first)
    assert (opened.correlation_id, opened.causation_id) == (opened.event_id, None)
    with caused_by(opened):
        second.deposit(1)
    [_, deposited] = traced(second)
    with caused_by(deposited):
        third.set_limit(1)
        third.discard()
    [_, changed, discarded] = traced(third)
    assert deposited.causation_id == opened.event_id
    assert changed.causation_id == discarded.causation_id == deposited.event_id
    story = {each.correlation_id for each in (opened, deposited, changed, discarded)}
    assert story == {opened.event_id}
    assert len({each.event_id for each in (opened, deposited, changed, discarded)}) == 4


def test_cause_and_correlation_come_back_from_a_store() -> None:
    repository = EventSourcedRepository(TracedAccount, MemoryStore())
    [opened] = traced(TracedAccount.open())
    with caused_by(opened):
        account = TracedAccount.open()
    waiting = account.pending_events
    repository.save(account)
    assert tuple(repository.events(account.id)) == waiting


def test_each_asyncio_task_has_a_cause_of_its_own() -> None:
    causes = [traced(TracedAccount.open())[0] for _ in range(5)]

    async def work(cause: ECCEvent) -> list[ECCEvent]:
        with caused_by(cause):
            await asyncio.sleep(0)
            one = TracedAccount.open()
            await asyncio.sleep(0)
            inner = await asyncio.create_task(child())
            other = await asyncio.to_thread(TracedAccount.open)
        return [*traced(one), *inner, *traced(other)]

    async def child() -> list[ECCEvent]:
        await asyncio.sleep(0)
        return traced(TracedAccount.open())

    async def main() -> list[list[ECCEvent]]:
        return await asyncio.gather(*(work(each) for each in causes))

    for cause, events in zip(causes, asyncio.run(main()), strict=True):
        assert [each.causation_id for each in events] == [cause.event_id] * 3
        assert {each.correlation_id for each in events} == {cause.correlation_id}


def test_a_thread_follows_a_cause_in_a_copied_context() -> None:
    [cause] = traced(TracedAccount.open())
    got: list[ECCEvent] = []

    def work() -> None:
        got.extend(traced(TracedAccount.open()))

    with caused_by(cause):
        context = contextvars.copy_context()
    thread = Thread(target=context.run, args=(work,))
    thread.start()
    thread.join()
    assert [each.causation_id for each in got] == [cause.event_id]
    assert traced(TracedAccount.open())[0].causation_id is None


# --- hash chains ---------------------------------------------------------------------------------


def chained() -> ChainedAccount:
    account = ChainedAccount.open()
    for cents in (1, 2, 3):
        account.deposit(cents)
    account.set_limit(7)
    return account


def test_each_event_continues_the_hash_of_the_one_before() -> None:
    account = chained()
    events = chain(account)
    assert [each.previous_hash for each in events] == [GENESIS_HASH, *(e.event_hash for e in events[:-1])]
    assert account.head == events[-1].event_hash
    assert {len(each.event_hash) for each in events} == {32}


def test_the_hash_is_that_of_the_bytes_as_they_are_recorded() -> None:
    note = Note.create(Noted, text="one")
    [event] = note.pending_events
    signed = hash_event(
        GENESIS_HASH, note.id, 0, microseconds(note.created_on), "Noted", 0, b'{"text":"one"}'
    )
    assert isinstance(event, Noted)
    assert event.event_hash == note.head == signed


def test_the_hash_is_there_before_a_handler_sees_the_event() -> None:
    seen: list[bytes] = []

    @define
    class Watching(HashchainedAggregateRoot[Begun]):
        @applies
        def begun(self, event: Begun) -> None:
            seen.append(event.event_hash)

        apply = begun.exhaustive

    assert seen == []
    assert [Watching.create(Begun).head] == seen


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_altered_event_is_found(number: int) -> None:
    events = chain(chained())
    event = events[number]
    later = attrs.evolve(event, timestamp=event.timestamp + timedelta(microseconds=1))
    with pytest.raises(EventHashError) as caught:
        ChainedAccount.replay([*events[:number], later, *events[number + 1 :]])
    assert (caught.value.originator_id, caught.value.position) == (events[0].originator_id, number)


def test_an_altered_payload_is_found() -> None:
    events = chain(chained())
    deposited = events[2]
    assert isinstance(deposited, ChainedDeposited)
    events[2] = attrs.evolve(deposited, cents=200)
    with pytest.raises(EventHashError, match=r"Record 2 .*ChainedDeposited"):
        ChainedAccount.replay(events)


def test_an_altered_hash_is_found() -> None:
    events = chain(chained())
    events[2] = attrs.evolve(events[2], event_hash=bytes(32))
    with pytest.raises(EventHashError, match="Record 2"):
        ChainedAccount.replay(events)


def test_a_removed_or_repeated_event_is_found() -> None:
    events = chain(chained())
    with pytest.raises(OriginatorVersionError, match="expected version 2, found 3"):
        ChainedAccount.replay([*events[:2], *events[3:]])
    with pytest.raises(OriginatorVersionError, match="expected version 2, found 1"):
        ChainedAccount.replay([*events[:2], *events[1:]])


def test_reordered_events_are_found() -> None:
    events = chain(chained())
    events[1], events[2] = events[2], events[1]
    with pytest.raises(OriginatorVersionError, match="expected version 1, found 2"):
        ChainedAccount.replay(events)


def test_a_removed_event_is_found_even_when_the_rest_is_renumbered() -> None:
    events = chain(chained())
    renumbered = [attrs.evolve(each, originator_version=each.originator_version - 1) for each in events[2:]]
    with pytest.raises(EventHashError):
        ChainedAccount.replay([events[0], *renumbered])


def test_an_event_that_continues_another_history_is_found_and_changes_nothing() -> None:
    account = ChainedAccount.open()
    fork = ChainedAccount.replay(account.pending_events)
    account.deposit(1)
    fork.deposit(2)
    fork.deposit(3)
    again = ChainedAccount.replay(account.pending_events)
    with pytest.raises(HeadHashError, match=f"expected to continue {account.head.hex()}"):
        continue_with(again, fork.pending_events[1:])
    assert again == account
    with pytest.raises(HeadHashError):
        ChainedAccount.replay([*account.pending_events, fork.pending_events[1]])


def test_a_class_may_name_another_beginning_of_its_chains() -> None:
    note = OtherNote.create(Noted, text="one")
    [event] = note.pending_events
    assert isinstance(event, Noted)
    assert event.previous_hash == bytes(range(32))
    assert OtherNote.replay([event]) == note
    with pytest.raises(HeadHashError, match=f"expected to continue {bytes(32).hex()}"):
        Note.replay([event])
    assert begin(OtherNote, uuid4()).head == bytes(range(32))


def test_aggregates_with_two_histories_differ_though_their_state_is_the_same() -> None:
    with using_clock(lambda: MOMENT):
        one = ChainedAccount.open()
        other = ChainedAccount.replay(one.pending_events)
        one.deposit(1)
        one.deposit(2)
        other.deposit(2)
        other.deposit(1)
    assert one.balance == other.balance
    assert one != other


def test_a_field_that_is_left_unset_is_named_and_nothing_waits() -> None:
    empty = begin(Forgetful, UUID(int=1))
    with pytest.raises(UnsetFieldError, match=r"Forgetful.title has no value .* handler of Begun"):
        empty.trigger(Begun)
    assert (empty.pending_events, empty.version) == ((), -1)
    with pytest.raises(InvalidEntityError, match="the handler of Begun raised UnsetFieldError"):
        empty.trigger(Begun)


@frozen(kw_only=True)
class Foreign(VersionedEvent):
    pass


def test_an_aggregate_takes_no_event_of_another_kind_of_entity() -> None:
    account = begin(Plain, uuid4())

    with pytest.raises(ModelError, match="Foreign: expected an event of an aggregate"):
        methodcaller("_es_take", Foreign(account.id, 0))(account)

    assert account.pending_events == ()


def test_a_chain_takes_no_event_without_a_hash() -> None:
    with pytest.raises(ModelError, match="Unsigned: expected an event of a hash chain"):
        Chained.replay([Unsigned(uuid4(), 0, MOMENT)])


@frozen(kw_only=True)
class Unsigned(AggregateEvent):
    pass


@define
class Plain(AggregateRoot[Unsigned]):
    unsigned = ignores(Unsigned)
    apply = unsigned.exhaustive


@frozen(kw_only=True)
class Signed(HashchainedEvent):
    pass


@define
class Chained(HashchainedAggregateRoot[Signed]):
    signed = ignores(Signed)
    apply = signed.exhaustive


def test_an_event_of_another_kind_is_not_replayed() -> None:
    account = begin(Plain, uuid4())
    with pytest.raises(ModelError, match=r"Foreign: expected an event of an aggregate, .*Derive it from"):
        continue_with(account, [Foreign(account.id, 0)])
    assert account.version == -1
