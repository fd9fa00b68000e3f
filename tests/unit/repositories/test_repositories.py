"""What a repository does beyond the form of its rows: absence, conflicts, publishing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    ConcurrencyError,
    DomainEvent,
    EntityRepository,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    PayloadError,
    RepositoryKeyError,
    applies,
    subscribe,
)
from esmodel.exceptions import OriginatorVersionError, StoreClosedError
from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=11)


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class Paid(AggregateEvent):
    coins: frozenset[int]


@define
class Account(AggregateRoot[Opened | Paid]):
    owner: str
    cents: int = 0

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def paid(self, event: Paid) -> None:
        self.cents += 1

    apply = (opened | paid).exhaustive


@define
class Other(AggregateRoot[Opened]):
    @applies
    def opened(self, event: Opened) -> None:
        """Change nothing."""

    apply = opened.exhaustive


@frozen(kw_only=True)
class Sealed(HashchainedEvent):
    number: int


@define
class Chain(HashchainedAggregateRoot[Sealed]):
    number: int

    @applies
    def sealed(self, event: Sealed) -> None:
        self.number = event.number

    apply = sealed.exhaustive


def account() -> Account:
    return Account.create_with_id(STREAM, Opened, owner="Ada")


def test_it_has_the_shape_of_an_entity_repository() -> None:
    repository: EntityRepository[Account] = EventSourcedRepository(Account, MemoryStore())
    repository.save(account())
    assert STREAM in repository
    assert repository[STREAM] == repository.get_entity(STREAM)


def test_what_is_absent_is_not_in_it() -> None:
    repository = EventSourcedRepository(Account, MemoryStore())
    assert STREAM not in repository
    assert "no id" not in repository
    with pytest.raises(RepositoryKeyError, match=f"No Account with the id {STREAM}"):
        repository[STREAM]
    with pytest.raises(KeyError):
        repository.verify(STREAM)
    assert list(repository.events(STREAM)) == []


def test_what_is_discarded_is_not_in_it_but_verifies_and_was_there_before() -> None:
    repository = EventSourcedRepository(Account, MemoryStore())
    entity = account()
    entity.discard()
    repository.save(entity)
    assert STREAM not in repository
    with pytest.raises(RepositoryKeyError):
        repository.get_entity(STREAM, at=1)
    assert repository.get_entity(STREAM, at=0).owner == "Ada"
    assert repository.verify(STREAM).events == 2


def test_no_version_stands_before_the_first() -> None:
    repository = EventSourcedRepository(Account, MemoryStore())
    repository.save(account())
    with pytest.raises(RepositoryKeyError):
        repository.get_entity(STREAM, at=-1)


def test_a_stale_save_stores_nothing_and_the_events_still_wait() -> None:
    store = MemoryStore()
    repository = EventSourcedRepository(Account, store)
    repository.save(account())
    mine, theirs = repository[STREAM], repository[STREAM]
    theirs.trigger(Paid, coins=frozenset({1}))
    repository.save(theirs)
    mine.trigger(Paid, coins=frozenset({2}))
    published: list[DomainEvent] = []
    with subscribe(published.extend), pytest.raises(ConcurrencyError) as caught:
        repository.save(mine)
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (STREAM, 0, 1)
    assert (len(mine.pending_events), published) == (1, [])
    (between,) = repository.events(STREAM, after=caught.value.expected)
    assert isinstance(between, Paid)
    assert between.coins == {1}


def test_a_save_publishes_its_events_once_as_one_batch_after_they_are_stored() -> None:
    store = MemoryStore()
    repository = EventSourcedRepository(Account, store)
    batches: list[tuple[int, int]] = []

    def note(events: Sequence[DomainEvent]) -> None:
        batches.append((len(events), len(list(store.read(STREAM)))))

    entity = account()
    entity.trigger(Paid, coins=frozenset())
    with subscribe(note):
        repository.save(entity)
        repository.save(entity)
    assert batches == [(2, 2)]
    assert entity.pending_events == ()


def test_what_cannot_be_written_is_refused_when_it_is_triggered() -> None:
    store = MemoryStore()
    repository = EventSourcedRepository(Account, store)
    entity = account()
    with pytest.raises(PayloadError, match=r"Paid\.coins: expected .*, found int 5"):
        entity.trigger(Paid, coins=5)  # type: ignore[arg-type]  # because it is to be refused
    assert (entity.version, len(entity.pending_events)) == (0, 1)
    repository.save(entity)
    assert len(list(store.read(STREAM))) == 1


def test_an_aggregate_of_another_class_is_not_saved() -> None:
    repository = EventSourcedRepository(Account, MemoryStore())
    other = Other.create(Opened, owner="Ada")
    with pytest.raises(ModelError, match="expected an aggregate of the class Account, found Other"):
        repository.save(other)  # type: ignore[arg-type]  # because it is to be refused


def test_a_class_that_is_no_aggregate_has_no_repository() -> None:
    with pytest.raises(ModelError, match="int: expected an aggregate"):
        EventSourcedRepository(int, MemoryStore())  # type: ignore[type-var]  # to be refused


def test_a_hole_in_a_stream_names_the_row_after_it() -> None:
    store = MemoryStore()
    store.append(Append([
        Record(STREAM, 0, "Opened", 0, 0, b'{"owner":"Ada"}'),
        Record(STREAM, 2, "Paid", 0, 0, b'{"coins":[]}'),
    ], FREE))  # fmt: skip
    with pytest.raises(OriginatorVersionError, match="expected version 1, found 2") as caught:
        EventSourcedRepository(Account, store).verify(STREAM)
    assert (caught.value.originator_id, caught.value.position) == (STREAM, 2)


def test_a_row_after_the_discarding_event_is_found() -> None:
    store = MemoryStore()
    store.append(Append([
        Record(STREAM, 0, "Opened", 0, 0, b'{"owner":"Ada"}'),
        Record(STREAM, 1, "Discarded", 0, 0, b"{}"),
        Record(STREAM, 2, "Paid", 0, 0, b'{"coins":[]}'),
    ], FREE))  # fmt: skip
    with pytest.raises(OriginatorVersionError) as caught:
        EventSourcedRepository(Account, store).verify(STREAM)
    assert caught.value.position == 2


def test_the_events_of_a_chain_are_checked_from_any_version() -> None:
    store = MemoryStore()
    chains = EventSourcedRepository(Chain, store)
    chain = Chain.create(Sealed, number=0)
    chain.trigger(Sealed, number=1)
    chain.trigger(Sealed, number=2)
    events = chain.pending_events
    chains.save(chain)
    for after in range(-1, 4):
        assert list(chains.events(chain.id, after=after)) == list(events[after + 1 :])


def test_a_closed_store_says_so() -> None:
    store = MemoryStore()
    repository = EventSourcedRepository(Account, store)
    store.close()
    with pytest.raises(StoreClosedError):
        repository.save(account())
