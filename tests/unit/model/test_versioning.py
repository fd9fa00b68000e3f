"""Old rows in today's classes: upcasters, aliases, names that belong to nobody."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Final, Never, TypedDict
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    applies,
    ignores,
    upcasts,
)
from esmodel.codec.upcasting import Upcasting
from esmodel.exceptions import ClassVersionError, StoredDataError, UnknownEventError
from esmodel.model.eventhash import GENESIS_HASH, hash_event
from esmodel.model.events import schema_of
from esmodel.model.versioning import Step, Upcaster
from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=5)


class Units(TypedDict):
    units: int


@frozen
class Cents:
    cents: int
    notes: tuple[str, ...] = ()


class CentsIn(TypedDict):
    cents: int
    currency: str


def to_cents(old: Units) -> Cents:
    return Cents(old["units"] * 100)


def add_currency(old: Cents) -> CentsIn:
    return {"cents": old.cents, "currency": "EUR"}


def to_amount(old: dict[str, object]) -> dict[str, object]:
    return {"amount": Decimal(str(old["cents"])) / 100, "currency": old["currency"]}


def to_amount_typed(old: CentsIn) -> dict[str, object]:
    return to_amount({"cents": old["cents"], "currency": old["currency"]})


@frozen(kw_only=True)
class Deposited(
    AggregateEvent,
    name="deposited",
    aliases=("paid_in", "put"),
    upcaster=(upcasts(to_cents).then(add_currency).then(to_amount_typed)),
):
    amount: Decimal
    currency: str
    note: str = "none"


@define
class Account(AggregateRoot[Deposited]):
    balance: Decimal = Decimal(0)
    currency: str = ""
    note: str = ""

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.amount
        self.currency = event.currency
        self.note = event.note

    apply = deposited.exhaustive


@frozen(kw_only=True)
class Begun(
    HashchainedEvent,
    name="begun",
    aliases=("started",),
    upcaster=(upcasts(to_cents).then(add_currency).then(to_amount_typed)),
):
    amount: Decimal
    currency: str


@frozen(kw_only=True)
class Noted(HashchainedEvent):
    text: str


@define
class Chained(HashchainedAggregateRoot[Begun | Noted]):
    amount: Decimal
    currency: str

    @applies
    def begun(self, event: Begun) -> None:
        self.amount = event.amount
        self.currency = event.currency

    noted = ignores(Noted)
    apply = (begun | noted).exhaustive


def account_of(*records: Record) -> Account:
    store = MemoryStore()
    store.append(Append(records, FREE))
    return EventSourcedRepository(Account, store)[STREAM]


def row(
    data: bytes, class_version: int = 0, name: str = "deposited", timestamp: int = 0, position: int = 0
) -> Record:
    return Record(STREAM, position, name, class_version, timestamp, data)


@pytest.mark.parametrize(
    ("class_version", "data"),
    [
        (0, b'{"units":12}'),
        (1, b'{"cents":1200,"notes":["a"]}'),
        (1, b'{"cents":1200}'),
        (2, b'{"cents":1200,"currency":"EUR"}'),
        (3, b'{"amount":"12","currency":"EUR"}'),
        (3, b'{"amount":"12","currency":"EUR","note":"none"}'),
    ],
)
def test_a_row_of_each_class_version_is_read_as_todays_event(class_version: int, data: bytes) -> None:
    account = account_of(row(data, class_version))
    assert (account.balance, account.currency, account.note) == (Decimal(12), "EUR", "none")


def test_what_is_written_has_the_number_of_steps_as_its_class_version() -> None:
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store)
    account = Account.create(Deposited, amount=Decimal("1.50"), currency="USD")
    accounts.save(account)
    (record,) = store.read(account.id)
    assert (record.name, record.class_version) == ("deposited", 3)
    assert record.data == b'{"amount":"1.50","currency":"USD","note":"none"}'
    assert accounts[account.id] == account


@pytest.mark.parametrize("name", ["deposited", "paid_in", "put"])
def test_a_row_is_found_under_its_name_and_each_alias(name: str) -> None:
    assert account_of(row(b'{"units":1}', name=name)).balance == 1


def test_rows_of_many_versions_and_names_stand_in_one_stream() -> None:
    account = account_of(
        row(b'{"units":1}'),
        row(b'{"cents":200}', 1, "put", position=1),
        row(b'{"amount":"0.5","currency":"CHF"}', 3, position=2),
    )
    assert (account.balance, account.currency, account.version) == (Decimal("3.5"), "CHF", 2)


@pytest.mark.parametrize("class_version", [4, 99, -1])
def test_a_class_version_that_is_not_known_is_named(class_version: int) -> None:
    with pytest.raises(ClassVersionError, match=f"version 3 or older, found {class_version}") as caught:
        account_of(row(b'{"units":1}'), row(b"{}", class_version, position=1))
    assert (caught.value.originator_id, caught.value.position) == (STREAM, 1)


@pytest.mark.parametrize(
    ("data", "class_version", "word"),
    [
        (b'{"amount":"12"}', 3, "currency"),
        (b'{"amount":"twelve","currency":"EUR"}', 3, "amount"),
        (b'{"amount":"12","currency":5}', 3, "currency"),
        (b'{"amount":"12","currency":"EUR","colour":1}', 3, "colour"),
        (b'{"units":"many"}', 0, "units"),
        (b"{}", 0, "units"),
        (b'{"pounds":1}', 1, "cents"),
        (b'{"cents":1200}', 2, "currency"),
        (b"[]", 3, "array"),
        (b"", 3, "truncated"),
        (b"", 0, "truncated"),
        (b"\xff", 3, "malformed"),
    ],
)
def test_a_payload_of_another_shape_names_stream_position_and_field(
    data: bytes, class_version: int, word: str
) -> None:
    with pytest.raises(StoredDataError, match=word) as caught:
        account_of(row(b'{"units":1}'), row(data, class_version, position=1))
    assert (caught.value.originator_id, caught.value.position) == (STREAM, 1)
    assert str(caught.value).startswith(f"Record 1 of stream {STREAM}: the payload of deposited")


@pytest.mark.parametrize("timestamp", [2**62, -(2**62)])
def test_a_timestamp_that_is_no_date_names_its_row(timestamp: int) -> None:
    with pytest.raises(StoredDataError, match=f"{timestamp} is not a date") as caught:
        account_of(row(b'{"units":1}', timestamp=timestamp))
    assert caught.value.position == 0


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "antigravity#Class",
        "this#Zen",
        "some.module#Class",
        "esmodel.model.aggregate#AggregateRoot",
        "Account",
        "Deposited",
        "",
        "../deposited",
        "deposited\x00",
        "__class__",
    ],
)
def test_a_name_that_belongs_to_no_event_is_refused_and_imports_nothing(name: str) -> None:
    account_of(row(b'{"units":1}'))
    before = set(sys.modules)
    with pytest.raises(UnknownEventError) as caught:
        account_of(row(b'{"units":1}'), row(b"{}", name=name, position=1))
    assert set(sys.modules) == before
    assert (caught.value.originator_id, caught.value.position) == (STREAM, 1)
    expected = "expected one of AttributeChanged, Discarded, deposited, paid_in, put"
    assert caught.value.finding == f"{expected}; found {name!r}"


def chain(*rows: tuple[str, int, bytes]) -> MemoryStore:
    """Return a store with a chain as older code wrote it."""
    store, head = MemoryStore(), GENESIS_HASH
    for position, (name, class_version, data) in enumerate(rows):
        head = hash_event(head, STREAM, position, position, name, class_version, data)
        store.append(Append([Record(STREAM, position, name, class_version, position, data, b"", head)], FREE))
    return store


def test_a_chain_whose_events_were_upcast_and_renamed_still_verifies() -> None:
    store = chain(("started", 0, b'{"units":12}'), ("Noted", 0, b'{"text":"a"}'))
    repository = EventSourcedRepository(Chained, store)
    assert repository.verify(STREAM).events == 2
    chained = repository[STREAM]
    assert (chained.amount, chained.currency) == (Decimal(12), "EUR")
    chained.trigger(Noted, text="b")
    repository.save(chained)
    assert repository.verify(STREAM).events == 3
    assert repository[STREAM] == chained


def test_a_chain_with_a_newer_class_version_is_intact_but_not_read() -> None:
    store = chain(("begun", 4, b"{}"))
    with pytest.raises(ClassVersionError):
        EventSourcedRepository(Chained, store).verify(STREAM)


def upcast(chain_of_steps: Upcaster[Never, object], data: bytes, class_version: int = 0) -> bytes:
    codec = schema_of(Deposited).codec
    return Upcasting("Tried", chain_of_steps, codec.shapes().wire, None).run(data, class_version)


def test_a_step_may_add_what_an_attrs_class_defaults() -> None:
    chain_of_steps = upcasts(to_cents)
    assert upcast(chain_of_steps, b'{"units":2}') == b'{"cents":200,"notes":[]}'
    assert upcast(chain_of_steps, b'{"units":2}', 1) == b'{"units":2}'


def test_then_leaves_the_chain_before_it_as_it_was() -> None:
    first = upcasts(to_cents)
    second = first.then(add_currency)
    assert (len(first), len(second)) == (1, 2)


def no_parameter() -> int:
    return 1


def test_a_step_without_an_annotated_payload_is_refused_with_what_to_write() -> None:
    def unannotated(old: int) -> int:
        return old

    del unannotated.__annotations__["old"]
    with pytest.raises(ModelError, match=r"def unannotated\(old: OldShape\)"):
        upcasts(unannotated)
    with pytest.raises(ModelError, match=r"def no_parameter\(old: OldShape\)"):
        Step(no_parameter)  # type: ignore[arg-type]  # because it is to be refused


@frozen
class Card:
    number: str


@frozen
class Cash:
    paid: int


class Bare(TypedDict):
    paid: int


class Payment(TypedDict):
    by: Card | Cash
    tips: frozenset[int]
    rate: float


def to_payment(old: Bare) -> Payment:
    return {"by": Cash(old["paid"]), "tips": frozenset({old["paid"]}), "rate": math.inf}


def to_open_payment(old: Bare) -> dict[str, object]:
    return {"by": {"Cash": {"paid": old["paid"]}}, "tips": {old["paid"]}, "rate": math.inf}


@pytest.mark.parametrize("step", [to_payment, to_open_payment])
def test_a_step_may_return_sum_types_sets_and_infinities(step: Callable[[Bare], object]) -> None:
    assert upcast(upcasts(step), b'{"paid":5}') == b'{"by":{"Cash":{"paid":5}},"tips":[5],"rate":"inf"}'
