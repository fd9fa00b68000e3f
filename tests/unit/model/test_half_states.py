"""No half state: an entity whose handler raised is used no more, and a handler only changes the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Command,
    ECCEvent,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    applies,
    attribute,
    ignores,
    publish,
    save_together,
)
from esmodel.exceptions import InvalidEntityError
from esmodel.model import (
    EntityWithHashchain,
    SnapshotCodec,
    TimestampedEntity,
    TimestampedEvent,
    TimestampedVersionedEntity,
    TimestampedVersionedEvent,
    TimeuuidedEntity,
    TimeuuidedEvent,
    VersionedEntity,
    VersionedEvent,
)
from esmodel.model.stored import begin, continue_with
from esmodel.stores.memory import MemoryStore


@frozen
class Moved(AggregateEvent):
    cents: int


@define
class Account(AggregateRoot[Moved]):
    moves: int = 0
    balance: int = 0
    _limit: int = 0

    def move(self, cents: int) -> None:
        self.trigger(Moved, cents=cents)

    @attribute
    def limit(self) -> int:
        return self._limit

    @applies
    def moved(self, event: Moved) -> None:
        self.moves += 1
        if self.balance + event.cents < 0:
            raise ValueError("overdrawn")
        self.balance += event.cents

    apply = moved.exhaustive


@frozen
class ChainedMoved(HashchainedEvent):
    cents: int


@define
class ChainedAccount(HashchainedAggregateRoot[ChainedMoved]):
    moves: int = 0
    balance: int = 0

    def move(self, cents: int) -> None:
        self.trigger(ChainedMoved, cents=cents)

    @applies
    def moved(self, event: ChainedMoved) -> None:
        self.moves += 1
        if self.balance + event.cents < 0:
            raise ValueError("overdrawn")
        self.balance += event.cents

    apply = moved.exhaustive


@frozen
class TracedMoved(ECCEvent):
    cents: int


@define
class TracedAccount(AggregateRootWithECC[TracedMoved]):
    moves: int = 0
    balance: int = 0

    def move(self, cents: int) -> None:
        self.trigger(TracedMoved, cents=cents)

    @applies
    def moved(self, event: TracedMoved) -> None:
        self.moves += 1
        if self.balance + event.cents < 0:
            raise ValueError("overdrawn")
        self.balance += event.cents

    apply = moved.exhaustive


Spoilt: TypeAlias = Account | ChainedAccount | TracedAccount
FINDING = r"found one where the handler of \w*Moved raised ValueError: overdrawn\. Load it again and repeat"


def spoilt() -> list[Spoilt]:
    accounts: list[Spoilt] = [
        Account.create(Moved, cents=5),
        ChainedAccount.create(ChainedMoved, cents=5),
        TracedAccount.create(TracedMoved, cents=5),
    ]
    for each in accounts:
        with pytest.raises(ValueError, match="overdrawn"):
            each.move(-9)
    return accounts


def test_an_entity_whose_handler_raised_takes_no_more_commands() -> None:
    for account in spoilt():
        assert (account.version, len(account.pending_events)) == (0, 1)
        with pytest.raises(InvalidEntityError, match=FINDING) as caught:
            account.move(1)
        assert (caught.value.entity, caught.value.originator_id) == (type(account).__qualname__, account.id)
        with pytest.raises(InvalidEntityError, match=FINDING):
            account.discard()
        with pytest.raises(InvalidEntityError, match=FINDING):
            continue_with(account, [])
        assert (account.version, len(account.pending_events)) == (0, 1)


def test_an_attribute_of_an_entity_whose_handler_raised_is_not_changed() -> None:
    account = spoilt()[0]
    assert isinstance(account, Account)
    with pytest.raises(InvalidEntityError, match=FINDING):
        account.limit = 3
    with pytest.raises(InvalidEntityError, match=FINDING):
        account.change_attribute("limit", 3)
    assert account.limit == 0


def test_an_aggregate_whose_handler_raised_is_not_saved_nor_snapshotted() -> None:
    account, chained, _ = spoilt()
    assert isinstance(account, Account)
    assert isinstance(chained, ChainedAccount)
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store, snapshot_every=1)
    ledgers = EventSourcedRepository(ChainedAccount, store)
    for call in (
        lambda: accounts.save(account),
        lambda: accounts.to_save(account),
        lambda: SnapshotCodec(Account).take(account),
        lambda: ledgers.save(chained),
        lambda: SnapshotCodec(ChainedAccount).take(chained),
    ):
        with pytest.raises(InvalidEntityError, match=FINDING):
            call()
    assert list(store.read_all()) == []


def test_an_aggregate_that_was_given_to_be_saved_is_checked_again() -> None:
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store)
    account = Account.create(Moved, cents=5)
    waiting = accounts.to_save(account)
    with pytest.raises(ValueError, match="overdrawn"):
        account.move(-9)

    with pytest.raises(InvalidEntityError, match=FINDING):
        save_together(store, waiting)
    assert list(store.read_all()) == []


def test_the_events_before_the_handler_raised_can_still_be_read() -> None:
    account = spoilt()[0]
    assert [each.originator_version for each in account.pending_events] == [0]
    publish(account.collect_events())
    assert account.pending_events == ()


def test_an_entity_whose_handler_raised_in_its_replay_takes_no_more_commands() -> None:
    account = Account.create(Moved, cents=5)
    entity = begin(Account, account.id)
    with pytest.raises(ValueError, match="overdrawn"):
        continue_with(entity, [*account.pending_events, Moved(account.id, 1, account.created_on, -9)])
    assert (entity.version, entity.moves) == (0, 2)
    with pytest.raises(InvalidEntityError, match="the replay of version 1 raised ValueError: overdrawn"):
        entity.move(1)


# --- handlers that trigger -------------------------------------------------------------------------


@frozen
class Filled(AggregateEvent):
    litres: int


@frozen
class Overflowed(AggregateEvent):
    pass


@define
class Tank(AggregateRoot[Filled | Overflowed]):
    litres: int = 0

    @applies
    def filled(self, event: Filled) -> None:
        self.litres += event.litres
        if self.litres > 10:
            self.trigger(Overflowed)

    apply = (filled | ignores(Overflowed)).exhaustive


TRIGGERS = "expected a handler that only changes the state, found one that triggers an event or saves"


def test_a_handler_that_triggers_is_told_so_at_once() -> None:
    with pytest.raises(ModelError, match=TRIGGERS):
        Tank.create(Filled, litres=11)
    tank = Tank.create(Filled, litres=9)
    with pytest.raises(ModelError, match=rf"Tank {tank.id}: {TRIGGERS}"):
        tank.trigger(Filled, litres=2)
    assert len(tank.pending_events) == 1


def test_a_handler_that_triggers_is_told_so_when_history_is_replayed() -> None:
    tank = Tank.create(Filled, litres=9)
    more = Filled(tank.id, 1, tank.created_on, 2)
    with pytest.raises(ModelError, match=TRIGGERS):
        Tank.replay([*tank.pending_events, more])


@frozen
class Asked(AggregateEvent):
    pass


@define
class Impatient(Command[Asked]):
    @applies
    def asked(self, event: Asked) -> None:
        self.done()

    apply = asked.exhaustive


@define
class Suicidal(AggregateRoot[Asked]):
    @applies
    def asked(self, event: Asked) -> None:
        self.discard()

    apply = asked.exhaustive


@frozen
class VersionedAsked(VersionedEvent):
    pass


@define
class AVersioned(VersionedEntity[VersionedAsked]):
    @applies
    def asked(self, event: VersionedAsked) -> None:
        self.trigger(VersionedAsked)

    apply = asked.exhaustive


@frozen
class TimestampedAsked(TimestampedEvent):
    pass


@define
class ATimestamped(TimestampedEntity[TimestampedAsked]):
    @applies
    def asked(self, event: TimestampedAsked) -> None:
        self.trigger(TimestampedAsked)

    apply = asked.exhaustive


@frozen
class BothAsked(TimestampedVersionedEvent):
    pass


@define
class ABoth(TimestampedVersionedEntity[BothAsked]):
    @applies
    def asked(self, event: BothAsked) -> None:
        self.trigger(BothAsked)

    apply = asked.exhaustive


@frozen
class TimeuuidedAsked(TimeuuidedEvent):
    pass


@define
class ATimeuuided(TimeuuidedEntity[TimeuuidedAsked]):
    @applies
    def asked(self, event: TimeuuidedAsked) -> None:
        self.trigger(TimeuuidedAsked)

    apply = asked.exhaustive


@frozen
class ChainedAsked(HashchainedEvent):
    pass


@define
class AChained(EntityWithHashchain[ChainedAsked]):
    @applies
    def asked(self, event: ChainedAsked) -> None:
        self.trigger(ChainedAsked)

    apply = asked.exhaustive


@pytest.mark.parametrize(
    "create",
    [
        lambda: Impatient.create(Asked),
        lambda: Suicidal.create(Asked),
        lambda: AVersioned.create(VersionedAsked),
        lambda: ATimestamped.create(TimestampedAsked),
        lambda: ABoth.create(BothAsked),
        lambda: ATimeuuided.create(TimeuuidedAsked),
        lambda: AChained.create(ChainedAsked),
    ],
)
def test_no_kind_of_entity_triggers_in_a_handler(create: Callable[[], object]) -> None:
    with pytest.raises(ModelError, match=TRIGGERS):
        create()


# --- repr ------------------------------------------------------------------------------------------


@frozen
class Begun(AggregateEvent):
    title: str


@define
class Shown(AggregateRoot[Begun]):
    title: str
    text: str = ""

    @applies
    def begun(self, event: Begun) -> None:
        self.text = repr(self)
        self.title = event.title

    apply = begun.exhaustive


def test_an_entity_is_shown_inside_its_first_handler() -> None:
    shown = Shown.create_with_id(UUID(int=1), Begun, title="one")
    assert shown.text == f"Shown(id={UUID(int=1)!r}, version=-1, title=<unset>, text='')"
