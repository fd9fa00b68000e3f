"""Rows that version 0.1.0 wrote are read by every later version, and are still written so.

``v0_1.json`` was written once (``python tests/stored/test_stored_rows.py`` prints such a file)
and never changes again; a new version adds a file of its own.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, Flag, auto
from itertools import count
from pathlib import Path
from typing import ClassVar, Final, TypedDict
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    ECCEvent,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    applies,
    attribute,
    using_clock,
)
from esmodel.exceptions import SnapshotError
from esmodel.model.eventcodec import event_codecs_of
from esmodel.model.snapshot import SnapshotCodec
from esmodel.repositories import Verified
from esmodel.rows import Record
from esmodel.stores.memory import MemoryStore
from esmodel.testing.contracts.samplerows import in_streams

FILE: Final = Path(__file__).with_name("v0_1.json")
MOMENT: Final = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
KEY: Final = b"the key of the stored snapshots."
SIGNATURE: Final = b'{"hmac":"ba4b9e0e7e78add206059639bd71ee2bae7ddc020e49026e595510ae9b1fb068"}'
PLAIN, CHAINED, CAUSED, GONE = (UUID(int=number) for number in range(1, 5))


class Kind(Enum):
    ONE = 1
    PAIR = (1, 2)


class Right(Flag):
    READ = auto()
    WRITE = auto()


@frozen
class Card:
    number: str
    limit: Decimal


@frozen
class Cash:
    stored_name: ClassVar[str] = "cash.v1"
    coins: int


@frozen
class Rich:
    price: Decimal
    ids: frozenset[UUID]
    days: dict[date, Decimal]
    kind: Kind
    right: Right
    payment: Card | Cash | None
    payments: tuple[Card | Cash, ...]
    ratio: float
    span: timedelta
    data: bytes
    at: datetime
    word: str | None


RICH: Final = Rich(
    price=Decimal("1.10"),
    ids=frozenset({UUID(int=1), UUID(int=2)}),
    days={date(2026, 1, 2): Decimal("0.0"), date(2026, 1, 1): Decimal(5)},
    kind=Kind.PAIR,
    right=Right.READ | Right.WRITE,
    payment=Cash(5),
    payments=(Card("4000", Decimal("9.90")), Cash(1)),
    ratio=float("inf"),
    span=timedelta(days=1, microseconds=5),
    data=b"\x00\xff",
    at=datetime(2026, 1, 1, 5),  # noqa: DTZ001
    word="\u00e9\U0001f600",
)


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str
    rich: Rich


@define
class Account(AggregateRoot[Opened]):
    owner: str
    rich: Rich
    _limit: Decimal = Decimal(0)

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner
        self.rich = event.rich

    @attribute
    def limit(self) -> Decimal:
        return self._limit

    apply = opened.exhaustive


@frozen(kw_only=True)
class Sealed(HashchainedEvent):
    rich: Rich


@define
class Chain(HashchainedAggregateRoot[Sealed]):
    rich: Rich

    @applies
    def sealed(self, event: Sealed) -> None:
        self.rich = event.rich

    apply = sealed.exhaustive


@frozen(kw_only=True)
class Asked(ECCEvent):
    text: str


@define
class Question(AggregateRootWithECC[Asked]):
    text: str

    @applies
    def asked(self, event: Asked) -> None:
        self.text = event.text

    apply = asked.exhaustive


class Row(TypedDict):
    """A record as JSON; what is bytes there is hex here."""

    originator_id: str
    position: int
    name: str
    class_version: int
    timestamp: int
    data: str
    header: str
    event_hash: str


class Stored(TypedDict):
    records: list[Row]
    snapshots: list[Row]


def to_row(record: Record) -> Row:
    return {
        "originator_id": str(record.originator_id),
        "position": record.position,
        "name": record.name,
        "class_version": record.class_version,
        "timestamp": record.timestamp,
        "data": record.data.hex(),
        "header": record.header.hex(),
        "event_hash": record.event_hash.hex(),
    }


def to_record(row: Row) -> Record:
    return Record(
        UUID(row["originator_id"]),
        row["position"],
        row["name"],
        row["class_version"],
        row["timestamp"],
        bytes.fromhex(row["data"]),
        bytes.fromhex(row["header"]),
        bytes.fromhex(row["event_hash"]),
    )


def written() -> MemoryStore:
    """Write one stream of each kind, with a clock of its own."""
    store, ticks = MemoryStore(), count()
    with using_clock(lambda: MOMENT + timedelta(seconds=next(ticks))):
        account = Account.create_with_id(PLAIN, Opened, owner="Ada", rich=RICH)
        account.limit = Decimal("5.50")
        accounts = EventSourcedRepository(Account, store)
        accounts.save(account)
        accounts.take_snapshot(PLAIN)
        chain = Chain.create_with_id(CHAINED, Sealed, rich=RICH)
        chain.trigger(Sealed, rich=RICH)
        chains = EventSourcedRepository(Chain, store, snapshot_key=KEY)
        chains.save(chain)
        chains.take_snapshot(CHAINED)
        question = Question.create_with_id(CAUSED, Asked, text="why")
        EventSourcedRepository(Question, store).save(question)
        gone = Account.create_with_id(GONE, Opened, owner="Bob", rich=RICH)
        gone.discard()
        accounts.save(gone)
    return store


def dump() -> str:
    store = written()
    snapshots = [store.read_snapshot(stream) for stream in (PLAIN, CHAINED)]
    stored: Stored = {
        "records": [to_row(record) for _, record in store.read_all()],
        "snapshots": [to_row(record) for record in snapshots if record is not None],
    }
    return json.dumps(stored, indent=1) + "\n"


@pytest.fixture
def stored() -> Stored:
    found: Stored = json.loads(FILE.read_text())
    return found


@pytest.fixture(params=[False, True], ids=["from events", "from snapshots"])
def store(request: pytest.FixtureRequest, stored: Stored) -> MemoryStore:
    memory = MemoryStore()
    memory.append_streams(in_streams(to_record(row) for row in stored["records"]))
    with_snapshots: bool = request.param
    if with_snapshots:
        for row in stored["snapshots"]:
            memory.write_snapshot(to_record(row))
    return memory


def test_the_stored_account_is_read(store: MemoryStore) -> None:
    account = EventSourcedRepository(Account, store)[PLAIN]
    assert (account.owner, account.limit, account.version) == ("Ada", Decimal("5.50"), 1)
    assert account.rich == RICH
    assert (account.created_on, account.last_modified) == (MOMENT, MOMENT + timedelta(seconds=1))


def test_the_stored_chain_is_read_and_verifies(store: MemoryStore) -> None:
    chains = EventSourcedRepository(Chain, store)
    assert chains.verify(CHAINED).events == 2
    assert chains[CHAINED].rich == RICH
    assert chains[CHAINED].head == list(store.read(CHAINED))[-1].event_hash


def test_a_stored_snapshot_of_a_chain_has_a_signature_that_is_read(
    store: MemoryStore, stored: Stored
) -> None:
    taken = to_record(stored["snapshots"][1])
    store.write_snapshot(taken._replace(header=SIGNATURE))
    chains = EventSourcedRepository(Chain, store, snapshot_key=KEY)
    assert chains[CHAINED].rich == RICH
    assert chains.verify(CHAINED) == Verified(2, 1, 0, signed=True)
    store.write_snapshot(taken)
    with pytest.raises(SnapshotError):
        chains[CHAINED]


def test_the_stored_question_is_read_with_its_cause(store: MemoryStore) -> None:
    questions = EventSourcedRepository(Question, store)
    assert questions[CAUSED].text == "why"
    (event,) = questions.events(CAUSED)
    assert isinstance(event, Asked)
    assert event.event_id == event.correlation_id
    assert event.causation_id is None
    assert event_codecs_of(Question).for_event(event).encode_header(event) == next(store.read(CAUSED)).header


def test_the_stored_discarded_account_is_gone(store: MemoryStore) -> None:
    accounts = EventSourcedRepository(Account, store)
    assert GONE not in accounts
    assert accounts.get_entity(GONE, at=0).owner == "Bob"


def test_todays_version_writes_the_same_bytes(stored: Stored) -> None:
    # the ids of events with a cause are random
    expected = [to_record(row) for row in stored["records"]]
    found = [record for _, record in written().read_all()]
    assert [each._replace(header=b"") for each in found] == [each._replace(header=b"") for each in expected]
    assert [bool(each.header) for each in found] == [bool(each.header) for each in expected]


def test_todays_version_writes_the_same_snapshots(stored: Stored) -> None:
    today = written()
    rows = [to_record(row) for row in stored["snapshots"]]
    rows[1] = rows[1]._replace(header=SIGNATURE)  # since then, a snapshot of a chain is signed
    assert [today.read_snapshot(row.originator_id) for row in rows] == rows
    account = EventSourcedRepository(Account, today)[PLAIN]
    assert SnapshotCodec(Account).take(account).data == rows[0].data


if __name__ == "__main__":
    print(dump(), end="")  # noqa: T201  # because this is how the file was made
