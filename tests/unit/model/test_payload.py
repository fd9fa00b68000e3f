"""EventCodecs of plain ``@frozen`` events, by position and by keyword, on every kind of entity."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Command,
    ECCEvent,
    EntityIsDiscarded,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    applies,
    using_clock,
    using_ids,
)
from esmodel.exceptions import InvalidEntityError
from esmodel.model import (
    EntityWithECC,
    EntityWithHashchain,
    TimestampedEntity,
    TimestampedEvent,
    TimestampedVersionedEntity,
    TimestampedVersionedEvent,
    TimeuuidedEntity,
    TimeuuidedEvent,
    TimeuuidedVersionedEntity,
    TimeuuidedVersionedEvent,
    VersionedEntity,
    VersionedEvent,
)
from esmodel.model.kinds import TimestampedVersionedVerbs
from esmodel.stores.memory import MemoryStore
from esmodel.testing.scenarios import FixedClock, FixedIds

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@frozen
class Paid(AggregateEvent):
    cents: int
    currency: str = "EUR"


@define
class Account(AggregateRoot[Paid]):
    balance: int = 0
    currency: str = ""

    @applies
    def paid(self, event: Paid) -> None:
        self.balance += event.cents
        self.currency = event.currency

    apply = paid.exhaustive


def test_a_payload_is_given_by_position_or_by_keyword() -> None:
    with using_clock(lambda: MOMENT), using_ids(FixedIds()):
        account = Account.create(Paid, 5)
        account.trigger(Paid, 5, "USD")
        account.trigger(Paid, 5, currency="USD")
        account.trigger(Paid, currency="USD", cents=5)
    assert (account.balance, account.currency) == (20, "USD")
    _, *rest = account.pending_events
    assert {each.originator_version for each in rest} == {1, 2, 3}
    assert [str(each).partition("cents")[2] for each in rest] == ["=5, currency='USD')"] * 3
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store)
    accounts.save(account)
    assert accounts[account.id] == account


@frozen
class Told(HashchainedEvent):
    text: str


@define
class Chain(HashchainedAggregateRoot[Told]):
    text: str

    @applies
    def told(self, event: Told) -> None:
        self.text = event.text

    apply = told.exhaustive


@define
class Note(EntityWithHashchain[Told]):
    text: str

    @applies
    def told(self, event: Told) -> None:
        self.text = event.text

    apply = told.exhaustive


@frozen
class Traced(ECCEvent):
    text: str


@define
class Trace(AggregateRootWithECC[Traced]):
    text: str

    @applies
    def traced(self, event: Traced) -> None:
        self.text = event.text

    apply = traced.exhaustive


@define
class Story(EntityWithECC[Traced]):
    text: str

    @applies
    def traced(self, event: Traced) -> None:
        self.text = event.text

    apply = traced.exhaustive


@frozen
class Asked(AggregateEvent):
    text: str


@define
class Request(Command[Asked]):
    text: str

    @applies
    def asked(self, event: Asked) -> None:
        self.text = event.text

    apply = asked.exhaustive


@frozen
class Numbered(VersionedEvent):
    text: str


@define
class OfVersions(VersionedEntity[Numbered]):
    text: str

    @applies
    def numbered(self, event: Numbered) -> None:
        self.text = event.text

    apply = numbered.exhaustive


@frozen
class Timed(TimestampedEvent):
    text: str


@define
class OfTimes(TimestampedEntity[Timed]):
    text: str

    @applies
    def timed(self, event: Timed) -> None:
        self.text = event.text

    apply = timed.exhaustive


@frozen
class Both(TimestampedVersionedEvent):
    text: str


@define
class OfBoth(TimestampedVersionedEntity[Both]):
    text: str

    @applies
    def both(self, event: Both) -> None:
        self.text = event.text

    apply = both.exhaustive


@frozen
class Uuided(TimeuuidedEvent):
    text: str


@define
class OfIds(TimeuuidedEntity[Uuided]):
    text: str

    @applies
    def uuided(self, event: Uuided) -> None:
        self.text = event.text

    apply = uuided.exhaustive


@frozen
class UuidedVersioned(TimeuuidedVersionedEvent):
    text: str


@define
class OfIdsAndVersions(TimeuuidedVersionedEntity[UuidedVersioned]):
    text: str

    @applies
    def uuided(self, event: UuidedVersioned) -> None:
        self.text = event.text

    apply = uuided.exhaustive


CREATED: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "HashchainedAggregateRoot": (lambda: Chain.create(Told, "x"), lambda: Chain.create(Told, text="x")),
    "EntityWithHashchain": (lambda: Note.create(Told, "x"), lambda: Note.create(Told, text="x")),
    "AggregateRootWithECC": (lambda: Trace.create(Traced, "x"), lambda: Trace.create(Traced, text="x")),
    "EntityWithECC": (lambda: Story.create(Traced, "x"), lambda: Story.create(Traced, text="x")),
    "Command": (lambda: Request.create(Asked, "x"), lambda: Request.create(Asked, text="x")),
    "VersionedEntity": (
        lambda: OfVersions.create(Numbered, "x"),
        lambda: OfVersions.create(Numbered, text="x"),
    ),
    "TimestampedEntity": (lambda: OfTimes.create(Timed, "x"), lambda: OfTimes.create(Timed, text="x")),
    "TimestampedVersionedEntity": (lambda: OfBoth.create(Both, "x"), lambda: OfBoth.create(Both, text="x")),
    "TimeuuidedEntity": (lambda: OfIds.create(Uuided, "x"), lambda: OfIds.create(Uuided, text="x")),
    "TimeuuidedVersionedEntity": (
        lambda: OfIdsAndVersions.create(UuidedVersioned, "x"),
        lambda: OfIdsAndVersions.create(UuidedVersioned, text="x"),
    ),
}


@pytest.mark.parametrize("kind", CREATED)
def test_every_kind_takes_a_payload_by_position(kind: str) -> None:
    made: list[object] = []
    for create in CREATED[kind]:
        with using_clock(lambda: MOMENT), using_ids(FixedIds()):
            made.append(create())
    assert made[0] == made[1]


def test_a_chained_event_given_by_position_is_signed() -> None:
    chain = Chain.create(Told, "x")
    chain.trigger(Told, "y")
    assert Chain.replay(chain.pending_events) == chain
    chains = EventSourcedRepository(Chain, MemoryStore())
    chains.save(chain)
    assert chains.verify(chain.id).events == 2


# --- the hot path is the slow one, written out -----------------------------------------------------


@frozen
class Checked(AggregateEvent):
    """Its validator sends it through ``__init__``."""

    cents: int
    words: list[str]
    text: str = ""


@define
class Ledger(AggregateRoot[Checked]):
    balance: int = 0
    words: tuple[str, ...] = ()

    @applies
    def checked(self, event: Checked) -> None:
        self.balance += event.cents
        self.words = (*self.words, *event.words)
        if event.cents < 0:
            raise ValueError("a handler that fails")

    apply = checked.exhaustive


Trigger: TypeAlias = Callable[[Ledger, int, list[str], str], None]


def hot(ledger: Ledger, cents: int, words: list[str], text: str) -> None:
    ledger.trigger(Checked, cents=cents, words=words, text=text)


def slow(ledger: Ledger, cents: int, words: list[str], text: str) -> None:
    TimestampedVersionedVerbs[Checked].trigger(ledger, Checked, cents=cents, words=words, text=text)


def run(trigger: Trigger) -> tuple[Ledger, Ledger, list[str]]:
    """Trigger the same by the hot path or by the slow one, and return the outcome."""
    said: list[str] = []
    with using_clock(FixedClock()), using_ids(FixedIds()):
        ledger, spoilt = Ledger.create(Checked, 1, ["a"]), Ledger.create(Checked, 1, ["a"])
        for cents in (2, 3):
            trigger(ledger, cents, ["b"] * cents, f"t{cents}")
        for cents in (-1, 4):
            try:
                trigger(spoilt, cents, ["c"], "")
            except (ValueError, InvalidEntityError) as error:
                said.append(str(error))
        ledger.discard()
        try:
            trigger(ledger, 1, [], "")
        except EntityIsDiscarded as error:
            said.append(str(error))
    return ledger, spoilt, said


def test_the_hot_path_of_trigger_does_what_the_slow_one_does() -> None:
    fast, plain = run(hot), run(slow)
    assert fast == plain
    assert fast[0].pending_events == plain[0].pending_events
    assert fast[1].pending_events == plain[1].pending_events
    assert len(fast[2]) == 3
