"""Mistakes that every type checker must find: one to a line that ends in a bare ``type: ignore``.

mypy (``warn_unused_ignores``) and pyright (``reportUnnecessaryTypeIgnoreComment``) complain about
an ignore that hides nothing, so a mistake that is no longer found fails the build. This file is
only read by type checkers; it is never imported.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Self, TypeAlias
from uuid import UUID

from attrs import define, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Collection,
    Command,
    ECCEvent,
    EntityRepository,
    EventSourcedArrayRepository,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    TimeBucketedLogReader,
    Value,
    applies,
    attribute,
    caused_by,
    ignores,
    retry,
    save_together,
    subscribe_to,
    upcasts,
    using_ids,
)
from esmodel.model import ApplyRegistry, VersionedEntity, VersionedEvent
from esmodel.repositories import EventSourcedSequences
from esmodel.rows import Append, Appended, Record, RecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import PostgresStore
from esmodel.structures import (
    Array,
    ArrayRepository,
    BigArray,
    BigArrayRepository,
    CollectionCreated,
    CollectionRepository,
    ItemAdded,
    Sequences,
    TimeBucketedLog,
    TimeBucketedLogRepository,
    bucket_duration,
    bucket_starts,
    make_timebucket_id,
    next_bucket_starts,
    previous_bucket_starts,
    register_new_collection,
    start_new_timebucketedlog,
)
from esmodel.testing.contracts import (
    AppendIdsContract,
    FullStoreContract,
    ReadAllContract,
    ServerCrashContract,
    SnapshotsContract,
    StoreContract,
    StreamsContract,
    StreamsCrashContract,
    TailRaceContract,
    full_store_machine,
    store_machine,
)
from esmodel.testing.laws import aggregate_laws, command, creation, events
from esmodel.testing.scenarios import FixedClock, Outcome, scenario

# --- a model without mistakes ----------------------------------------------------------------------


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class Deposited(AggregateEvent):
    cents: int
    currency: str


@frozen(kw_only=True)
class Closed(AggregateEvent):
    pass


@frozen(kw_only=True)
class Placed(AggregateEvent):
    article: str


@frozen(kw_only=True)
class Counted(VersionedEvent):
    count: int


@frozen(kw_only=True)
class Signed(HashchainedEvent):
    text: str


@frozen(kw_only=True)
class Told(ECCEvent):
    text: str


AccountEvent: TypeAlias = Opened | Deposited | Closed


@define
class Account(AggregateRoot[AccountEvent]):
    owner: str
    balance: int = 0
    _limit: int = 0

    @classmethod
    def open(cls, owner: str) -> Self:
        return cls.create(Opened, owner=owner)

    @attribute
    def limit(self) -> int:
        return self._limit

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.cents

    closed = ignores(Closed)
    apply = (opened | deposited | closed).exhaustive


@define
class Order(AggregateRoot[Placed]):
    article: str

    @applies
    def placed(self, event: Placed) -> None:
        self.article = event.article

    apply = placed.exhaustive


@define
class Counter(VersionedEntity[Counted]):
    counted = ignores(Counted)
    apply = counted.exhaustive


@define
class Contract(HashchainedAggregateRoot[Signed]):
    signed = ignores(Signed)
    apply = signed.exhaustive


# --- events ----------------------------------------------------------------------------------------


def construct_events(event_id: UUID, moment: datetime) -> None:
    # an event without its header
    Deposited(cents=5, currency="EUR")  # type: ignore
    # an event without its payload
    Deposited(event_id, 1, moment)  # type: ignore
    # a payload that is positional
    Opened(event_id, 0, moment, "Ada")  # type: ignore
    # a header in another order
    Closed(event_id, moment, 1)  # type: ignore


def change_events(event: Deposited) -> None:
    # assigning to a field of an event
    event.cents = 5  # type: ignore
    # assigning to the header of an event
    event.originator_version = 5  # type: ignore


# --- trigger and create ----------------------------------------------------------------------------


def trigger(account: Account) -> None:
    # a field of the wrong type
    account.trigger(Deposited, cents="5", currency="EUR")  # type: ignore
    # a missing field
    account.trigger(Deposited, cents=5)  # type: ignore
    # a misspelt field, beside all that are needed
    account.trigger(Deposited, cents=5, currency="EUR", curency="EUR")  # type: ignore
    # a misspelt field in the place of one that is needed
    account.trigger(Deposited, cents=5, curency="EUR")  # type: ignore
    # a positional field
    account.trigger(Deposited, 5, currency="EUR")  # type: ignore
    # a header that is given by hand
    account.trigger(Closed, originator_version=5)  # type: ignore
    # an event that is not in AccountEvent
    account.trigger(Placed, article="book")  # type: ignore
    # an event of another kind of entity
    account.trigger(Counted, count=1)  # type: ignore
    # an instance instead of a class
    account.trigger("Closed")  # type: ignore


def create() -> None:
    # a field of the wrong type
    Account.create(Opened, owner=5)  # type: ignore
    # a missing field
    Account.create(Opened)  # type: ignore
    # a misspelt field
    Account.create(Opened, ownr="Ada")  # type: ignore
    # an event that is not in AccountEvent
    Account.create(Placed, article="book")  # type: ignore
    # what is created, used as another aggregate
    order: Order = Account.create(Opened, owner="Ada")  # type: ignore
    order.discard()


def trigger_in_other_kinds(counter: Counter, contract: Contract) -> None:
    # a field of the wrong type, in an entity that has versions only
    counter.trigger(Counted, count="1")  # type: ignore
    # an event with another header, in an entity that has versions only
    counter.trigger(Closed)  # type: ignore
    # a missing field, in a hash chain
    contract.trigger(Signed)  # type: ignore
    # an event without a hash, in a hash chain
    contract.trigger(Closed)  # type: ignore


# --- handlers --------------------------------------------------------------------------------------


@define
class ReadsUnknownField(AggregateRoot[Deposited]):
    balance: int = 0

    @applies
    def deposited(self, event: Deposited) -> None:
        # reading a field that the event does not have
        self.balance += event.cent  # type: ignore

    apply = deposited.exhaustive


@define
class ReadsUnknownState(AggregateRoot[Deposited]):
    balance: int = 0

    @applies
    def deposited(self, event: Deposited) -> None:
        # reading a field that the state does not have
        self.balance = self.balanc + event.cents  # type: ignore

    apply = deposited.exhaustive


@define
class SetsWrongType(AggregateRoot[Deposited]):
    balance: int = 0

    @applies
    def deposited(self, event: Deposited) -> None:
        # setting a field to a value of another type
        self.balance = event.currency  # type: ignore

    apply = deposited.exhaustive


class TakesOtherEvent:
    # above a handler that takes another event
    @applies(Deposited)  # type: ignore
    def closed(self, event: Closed) -> None: ...


class ReturnsSomething:
    # above a handler that returns something
    @applies(Closed)  # type: ignore
    def closed(self, event: Closed) -> int:
        return 5


# --- apply -----------------------------------------------------------------------------------------


@define
class MissesHandler(AggregateRoot[AccountEvent]):
    opened = ignores(Opened)

    @applies
    def deposited(self, event: Deposited) -> None: ...

    @applies
    def closed(self, event: Closed) -> None: ...

    # leaving `closed` out of the join
    apply = (opened | deposited).exhaustive  # type: ignore


@define
class MissesHandlerBesideIgnored(AggregateRoot[AccountEvent]):
    @applies
    def opened(self, event: Opened) -> None: ...

    closed = ignores(Closed)
    # leaving out `deposited`, with `ignores` bound to a name
    apply = (opened | closed).exhaustive  # type: ignore


@define
class MissesAllButOne(AggregateRoot[AccountEvent]):
    @applies
    def opened(self, event: Opened) -> None: ...

    # a single handler for a union of events
    apply = opened.exhaustive  # type: ignore


@define
class JoinsOtherAggregate(AggregateRoot[Opened | Placed]):
    @applies
    def opened(self, event: Opened) -> None: ...

    # a handler of another aggregate, as the first one
    apply = (Order.placed | opened).exhaustive  # type: ignore


@define
class JoinsOtherAggregateInBetween(AggregateRoot[AccountEvent | Placed]):
    @applies
    def opened(self, event: Opened) -> None: ...

    @applies
    def deposited(self, event: Deposited) -> None: ...

    closed = ignores(Closed)
    # a handler of another aggregate, in between
    apply = (opened | Order.placed | deposited | closed).exhaustive  # type: ignore


@define
class JoinsOtherAggregateLast(AggregateRoot[Opened | Placed]):
    @applies
    def opened(self, event: Opened) -> None: ...

    # a handler of another aggregate, as the last one
    apply = (opened | Order.placed).exhaustive  # type: ignore


@define
class JoinsOtherAggregateAfterIgnores(AggregateRoot[Opened | Closed | Placed]):
    @applies
    def opened(self, event: Opened) -> None: ...

    # a handler of another aggregate, after a leading `ignores`
    apply = (ignores(Closed) | Order.placed | opened).exhaustive  # type: ignore


@define
class MissesHandlerBesideInline(AggregateRoot[AccountEvent]):
    @applies
    def opened(self, event: Opened) -> None: ...

    # leaving out `deposited`, with `ignores` inside the join
    apply = (opened | ignores(Closed)).exhaustive  # type: ignore


@define
class IgnoresTooFew(AggregateRoot[AccountEvent]):
    # leaving out `Opened` and all handlers, with a union that is ignored
    apply = ignores(Deposited | Closed).exhaustive  # type: ignore


@define
class IsBareJoin(AggregateRoot[Opened | Closed]):
    @applies
    def opened(self, event: Opened) -> None: ...

    # a join that is not compared whole
    apply = opened | ignores(Closed)  # type: ignore


@define
class IsBareHandler(AggregateRoot[Opened]):
    @applies
    def opened(self, event: Opened) -> None: ...

    # a single handler that is not compared whole
    apply = opened  # type: ignore


class TakesNoEvent:
    # above a handler without an event
    @applies  # type: ignore
    def closed(self) -> None: ...


class ReturnsFromBareHandler:
    # above a handler that returns something
    @applies  # type: ignore
    def closed(self, event: Closed) -> int:
        return 5


@define
class JoinsFunction(AggregateRoot[Opened | Closed]):
    @applies
    def opened(self, event: Opened) -> None: ...

    def closed(self, event: Closed) -> None: ...

    # a handler without @applies
    apply = (opened | closed).exhaustive  # type: ignore


@define
class IsNoRegistry(AggregateRoot[Closed]):
    def closed(self, event: Closed) -> None: ...

    # a function instead of a registry
    apply = closed.exhaustive  # type: ignore


# --- registries ------------------------------------------------------------------------------------


@applies
def total(state: dict[str, int], event: Deposited) -> None:
    state[event.currency] = state.get(event.currency, 0) + event.cents


def fold(
    numbers: list[int], deposits: list[Deposited], events: list[AccountEvent], sums: dict[str, int]
) -> None:
    # a state of another type
    total(numbers, deposits[0])  # type: ignore
    # an event for which there is no handler
    total.fold(sums, events)  # type: ignore
    # a registry that lacks an event of the union
    registry: ApplyRegistry[dict[str, int], AccountEvent] = total  # type: ignore
    registry.fold(sums, events)


# --- repositories ----------------------------------------------------------------------------------


def use(
    accounts: EventSourcedRepository[Account], order: Order, originator_id: UUID, store: RecordStore
) -> None:
    # saving another aggregate
    accounts.save(order)  # type: ignore
    # using what is loaded as another aggregate
    loaded: Order = accounts[originator_id]  # type: ignore
    # using what was loaded at a version as another aggregate
    loaded = accounts.get_entity(originator_id, at=1)  # type: ignore
    # an unknown field of what is loaded
    loaded.article = accounts[originator_id].article  # type: ignore
    # an id that is no UUID
    accounts["ada"]  # type: ignore
    # a repository of something else where one of orders is needed
    orders: EntityRepository[Order] = accounts  # type: ignore
    orders.save(order)
    # saving several at once, in a store that appends to one stream at a time
    save_together(store, accounts.to_save(accounts[originator_id]))  # type: ignore
    # the same of another aggregate, to be saved with others
    accounts.to_save(order)  # type: ignore
    # an aggregate that is not said to be of a repository
    save_together(MemoryStore(), order)  # type: ignore
    # asking a store what became of an append that does not know
    store.was_appended(originator_id)  # type: ignore
    # a repository of what is no aggregate
    EventSourcedRepository(str, store)  # type: ignore
    # snapshots, in a store that keeps none
    EventSourcedRepository(Account, store, snapshot_every=5)  # type: ignore
    # a key for the snapshots of events that are not signed
    EventSourcedRepository(Account, MemoryStore(), snapshot_key=b"k" * 32)  # type: ignore
    # a key that is text
    EventSourcedRepository(Contract, MemoryStore(), snapshot_key="k" * 32)  # type: ignore
    # an aggregate instead of its class
    EventSourcedRepository(order, MemoryStore())  # type: ignore


# --- upcasters -------------------------------------------------------------------------------------


def units_to_cents(old: dict[str, int]) -> dict[str, int]:
    return {"cents": old["units"] * 100}


def add_currency(old: dict[str, int]) -> dict[str, object]:
    return {**old, "currency": "EUR"}


def chain() -> None:
    # a step that does not take what the step before it returns
    upcasts(add_currency).then(units_to_cents)  # type: ignore
    # the same, as the third step
    upcasts(units_to_cents).then(add_currency).then(units_to_cents)  # type: ignore
    # a step that is no function of one payload
    upcasts(units_to_cents).then(lambda: 5)  # type: ignore


@frozen
# a function instead of a chain
class UpcastByFunction(AggregateEvent, upcaster=units_to_cents):  # type: ignore
    pass


@frozen
# a function instead of a chain, on a value
class ValueByFunction(Value, upcaster=units_to_cents):  # type: ignore
    cents: int


# a function instead of a chain, for the items of a collection
class ItemsByFunction(Collection[int], item_upcaster=units_to_cents):  # type: ignore
    pass


def histories() -> None:
    # a text instead of a tuple of former names
    attribute(aliases="old")  # type: ignore
    # a function instead of a chain
    attribute(upcaster=units_to_cents)  # type: ignore


# --- reserved names: final in the checker, refused at import --------------------------------------


@define
class OverridesTrigger(AggregateRoot[Closed]):
    # a method that the base class keeps for itself
    def discard(self) -> None: ...  # type: ignore

    apply = ignores(Closed).exhaustive


@define
class OverridesId(AggregateRoot[Closed]):
    # a field with the name of a property of the base class
    id: int = 0  # type: ignore
    apply = ignores(Closed).exhaustive


# --- names -----------------------------------------------------------------------------------------


@frozen
# a stored name that is no text
class NamedByNumber(AggregateEvent, name=5):  # type: ignore
    pass


@frozen
# one alias instead of a tuple of them
class AliasedByText(AggregateEvent, aliases="bank.created"):  # type: ignore
    pass


@frozen
# a keyword that there is not
class Misspelt(AggregateEvent, nmae="bank.misspelt"):  # type: ignore
    pass


@define
# a keyword of hash chains on a root without one
class Unchained(AggregateRoot[Closed], genesis_hash=b"0" * 32):  # type: ignore
    apply = ignores(Closed).exhaustive


@define
# an upcaster of events on an aggregate
class UpcastAggregate(AggregateRoot[Closed], upcaster=upcasts(units_to_cents)):  # type: ignore
    apply = ignores(Closed).exhaustive


# --- subscribe_to ----------------------------------------------------------------------------------


# above a handler that takes another event
@subscribe_to(Opened)  # type: ignore
def takes_deposited(event: Deposited) -> None: ...


# above a handler that takes only one of two events
@subscribe_to(Opened, Deposited)  # type: ignore
def takes_one(event: Opened) -> None: ...


# what is no event
@subscribe_to(int)  # type: ignore
def takes_int(event: int) -> None: ...


# --- attribute -------------------------------------------------------------------------------------


@define
class WithRenamed(AggregateRoot[Closed]):
    _limit: int = 0

    @attribute(aliases=("bound",))
    def limit(self) -> int:
        return self._limit

    apply = ignores(Closed).exhaustive


def assign(account: Account) -> None:
    # assigning the wrong type
    account.limit = "500"  # type: ignore
    # assigning to what is no @attribute and has no setter
    account.version = 5  # type: ignore


def assign_with_history(entity: WithRenamed) -> None:
    # the same, where the attribute has former names
    entity.limit = "500"  # type: ignore


def read(account: Account) -> None:
    # reading it as another type
    name: str = account.limit  # type: ignore
    account.trigger(Opened, owner=name)


# --- retry -----------------------------------------------------------------------------------------


@retry(ValueError, attempts=3)
def pay(cents: int) -> str:
    return str(cents)


@retry(ValueError)
async def pay_later(cents: int) -> str:
    return str(cents)


async def call_retried_coroutines() -> None:
    # an argument of the wrong type: the signature is kept
    await pay_later("5")  # type: ignore
    # the result used as another type
    number: int = await pay_later(5)  # type: ignore
    pay(number)
    # a coroutine that nobody awaits
    pay_later(5)  # type: ignore


def call_retried() -> None:
    # an argument of the wrong type: the signature is kept
    pay("5")  # type: ignore
    # a missing argument
    pay()  # type: ignore
    # the result used as another type
    number: int = pay(5)  # type: ignore
    pay(number)
    # attempts that are no number
    retry(ValueError, attempts="3")  # type: ignore
    # what is no class of exceptions
    retry(int, attempts=3)  # type: ignore


# --- causes ----------------------------------------------------------------------------------------


def cause(event: Opened, told: Told) -> None:
    # an event that has no correlation
    with caused_by(event):  # type: ignore
        pass
    # a cause that is assigned
    told.causation_id = None  # type: ignore


# --- entities and commands -------------------------------------------------------------------------


# events that are no events
class OfNumbers(AggregateRoot[int]): ...  # type: ignore


def end(command: Command[Closed], counter: Counter) -> None:
    # assigning whether a command is done
    command.is_done = True  # type: ignore
    # a time, of an entity that has versions only
    counter.last_modified  # type: ignore
    # events that wait, of an entity that publishes as it triggers
    counter.pending_events  # type: ignore


def replay(events: list[Opened]) -> None:
    # what is replayed, used as another aggregate
    order: Order = Account.replay(events)  # type: ignore
    # what are no events
    Account.replay([order])  # type: ignore


# --- collections -----------------------------------------------------------------------------------


def change_collection(tags: Collection[str]) -> None:
    # adding an item of another type
    tags.add_item(5)  # type: ignore
    # removing an item of another type
    tags.remove_item(5)  # type: ignore
    # adding by keyword
    tags.add_item(item="red")  # type: ignore
    # triggering an event with an item of another type
    tags.trigger(ItemAdded[str], item=5)  # type: ignore
    # triggering an event of items of another type
    tags.trigger(ItemAdded[int], item=5)  # type: ignore
    # triggering an event of another aggregate
    tags.trigger(Placed, article="book")  # type: ignore
    # adding past the events
    tags.items.add("red")  # type: ignore
    # assigning the items
    tags.items = frozenset()  # type: ignore
    # an index, which a set does not have
    tags[0]  # type: ignore


def read_collection(tags: Collection[str]) -> None:
    # the items used as those of another type
    numbers: frozenset[int] = tags.items  # type: ignore
    # the same, when iterating
    number: int = next(iter(tags))  # type: ignore
    # a collection of something else where one of numbers is needed
    other: Collection[int] = tags  # type: ignore
    other.add_item(number + len(numbers))


# items that are not hashable
def take_lists(lists: Collection[list[int]]) -> None: ...  # type: ignore


def register(collection_id: UUID) -> None:
    # a collection of items that are not hashable
    Collection[list[int]].register()  # type: ignore
    # an id that is no UUID
    Collection[str].register("tags")  # type: ignore
    # what is registered, used as a collection of something else
    numbers: Collection[int] = Collection[str].register()  # type: ignore
    # the same, by the function
    numbers = register_new_collection(Collection[str], collection_id)  # type: ignore
    # an aggregate that is no collection
    register_new_collection(Account)  # type: ignore
    # a collection instead of its class and its id
    register_new_collection(numbers, 5)  # type: ignore


def keep_collections(numbers: Collection[int], order: Order, store: RecordStore, collection_id: UUID) -> None:
    repository = EventSourcedRepository(Collection[str], store)
    # a repository of collections of something else
    wrong: CollectionRepository[int] = repository  # type: ignore
    wrong.save(numbers)
    # the same, in one go
    again: CollectionRepository[int] = EventSourcedRepository(Collection[str], store)  # type: ignore
    again.save(numbers)
    # saving a collection of something else
    repository.save(numbers)  # type: ignore
    # saving what is no collection
    repository.save(order)  # type: ignore
    # using what is loaded as a collection of something else
    numbers = repository[collection_id]  # type: ignore
    # a repository of orders where one of collections is needed
    orders: CollectionRepository[str] = EventSourcedRepository(Order, store)  # type: ignore
    orders.save(Collection[str].register())
    # a repository of collections whose items are not hashable
    EventSourcedRepository(Collection[list[int]], store)  # type: ignore


# --- arrays ----------------------------------------------------------------------------------------


def read_all(*values: object) -> None: ...


@frozen
class Card:
    number: str


@frozen
class Cash:
    cents: int


def write_array(array: Array[str], payments: BigArray[Card | Cash]) -> None:
    # appending an item of another type
    array.append(5)  # type: ignore
    # assigning an item of another type
    array[0] = 5  # type: ignore
    # extending by items of another type
    array.extend([1, 2])  # type: ignore
    # extending by one item instead of several
    array.extend(5)  # type: ignore
    # assigning a slice
    array[0:2] = ["one", "two"]  # type: ignore
    # deleting an item
    del array[0]  # type: ignore
    # inserting, which a list can
    array.insert(0, "one")  # type: ignore
    # assigning to an index that is no number
    array["x"] = "one"  # type: ignore
    # appending what is not in the sum type
    payments.append("cash")  # type: ignore
    # assigning nothing where nothing is no item
    payments[0] = None  # type: ignore
    # assigning the id
    array.id = payments.id  # type: ignore
    # assigning the size
    array.array_size = 5  # type: ignore


def read_array(array: Array[str], payments: BigArray[Card | Cash]) -> None:
    # an index that is no number
    array["x"]  # type: ignore
    # an index that is no whole number
    array[1.0]  # type: ignore
    # a slice whose ends are no numbers
    array["a":"b"]  # type: ignore
    # an item used as another type
    number: int = array[0]  # type: ignore
    # a slice used as if nothing were missing in it
    names: list[str] = array[0:2]  # type: ignore
    # a slice of something else
    numbers: list[int | None] = array[0:2]  # type: ignore
    # an item of a slice, which may be missing
    array[0:2][0].upper()  # type: ignore
    # the position where an item was appended, used as the item
    name: str = array.append("one")  # type: ignore
    # an item when iterating, used as another type
    number = next(iter(array))  # type: ignore
    # a position and an item, the wrong way round
    pair: tuple[str, int] = next(array.items())  # type: ignore
    # one of two types, used as the other
    cash: Cash = payments[0]  # type: ignore
    # a field that only one of two types has
    payments[0].cents  # type: ignore
    read_all(number, names, numbers, name, pair, cash)


def take_numbers(array: Array[int]) -> None:
    array.append(5)


def take_many_numbers(array: BigArray[int]) -> None:
    array.append(5)


def pass_arrays(
    names: Array[str], many_names: BigArray[str], numbers: Array[int], flags: BigArray[bool]
) -> None:
    # an array of something else
    take_numbers(names)  # type: ignore
    # a big array of something else
    take_numbers(many_names)  # type: ignore
    # the same, where a big one is needed
    take_many_numbers(many_names)  # type: ignore
    # an array where a big one is needed
    take_many_numbers(numbers)  # type: ignore
    # an array of a narrower type, into which a wider one would be written
    take_many_numbers(flags)  # type: ignore
    # a list where an array is needed
    take_numbers([1, 2])  # type: ignore


def keep_arrays(store: RecordStore, array_id: UUID) -> None:
    numbers = EventSourcedArrayRepository(int, store)
    # an array of something else than the repository keeps
    names: Array[str] = EventSourcedArrayRepository(int, store)[array_id]  # type: ignore
    # the same, of a repository that has a name
    names = numbers[array_id]  # type: ignore
    # an array where a big one is needed
    many: BigArray[int] = numbers[array_id]  # type: ignore
    # an array of a union, used as one of a member of it
    cards: BigArray[Card] = EventSourcedBigArrayRepository(Card | Cash, store)[array_id]  # type: ignore
    # a repository of something else
    other: ArrayRepository[str] = numbers  # type: ignore
    # a repository of arrays where one of big arrays is needed
    bigger: BigArrayRepository[int] = numbers  # type: ignore
    # a repository of a narrower type
    wider: ArrayRepository[int | None] = numbers  # type: ignore
    read_all(names, many, cards, other, bigger, wider)
    # an id that is no UUID
    numbers["ada"]  # type: ignore
    # arrays are written through what [] gives
    numbers[array_id] = names  # type: ignore
    # assigning the size
    numbers.array_size = 5  # type: ignore


def make_array_repositories(store: RecordStore) -> None:
    # a size that is no number
    EventSourcedArrayRepository(int, store, array_size="10")  # type: ignore
    # the same, of big arrays
    EventSourcedBigArrayRepository(int, store, array_size="10")  # type: ignore
    # a size that is positional
    EventSourcedBigArrayRepository(int, store, 10)  # type: ignore
    # what is no store
    EventSourcedArrayRepository(int, "arrays.db")  # type: ignore
    # the class of a store instead of a store
    EventSourcedBigArrayRepository(int, MemoryStore)  # type: ignore
    # no store
    EventSourcedBigArrayRepository(int)  # type: ignore
    # an item instead of its type
    EventSourcedArrayRepository(5, store)  # type: ignore
    # a stored name that is no string
    EventSourcedArrayRepository(int, store, event_name=5)  # type: ignore
    # a function instead of a chain of upcasters
    EventSourcedArrayRepository(int, store, upcaster=units_to_cents)  # type: ignore


# --- the test kit ----------------------------------------------------------------------------------


@define
class Story(AggregateRootWithECC[Told]):
    told = ignores(Told)
    apply = told.exhaustive


def give() -> None:
    accounts = scenario(Account)
    # a field of the wrong type
    accounts.given(Opened, owner=5)  # type: ignore
    # a missing field
    accounts.given(Opened)  # type: ignore
    # a misspelt field, beside all that are needed
    accounts.given(Opened, owner="Ada", ownr="Ada")  # type: ignore
    # a header that is given by hand
    accounts.given(Opened, owner="Ada", originator_version=5)  # type: ignore
    # an event of another aggregate
    accounts.given(Placed, article="book")  # type: ignore
    # the same, of another kind
    accounts.given(Signed, text="yes")  # type: ignore
    opened = accounts.given(Opened, owner="Ada")
    # a field of the wrong type, of what happened next
    opened.given(Deposited, cents="5", currency="EUR")  # type: ignore
    # an event of another aggregate, of what happened next
    opened.given(Placed, article="book")  # type: ignore
    # something to be given that makes another aggregate
    accounts.given_by(lambda: Order.create(Placed, article="book"))  # type: ignore
    # a class that is no aggregate
    scenario(Counter)  # type: ignore


def run_command() -> None:
    opened = scenario(Account).given(Opened, owner="Ada")
    # a command that the aggregate does not have
    opened.when(lambda account: account.depositt(5))  # type: ignore
    # a command of another aggregate
    opened.when(Order.discard)  # type: ignore
    # what creates another aggregate
    scenario(Account).when(lambda: Order.create(Placed, article="book"))  # type: ignore
    # a command where there is nothing yet
    scenario(Account).when(Account.discard)  # type: ignore


def expect() -> None:
    outcome = scenario(Account).given(Opened, owner="Ada").when(lambda account: account.discard())
    # a field of the wrong type
    outcome.then(Deposited, cents="500", currency="EUR")  # type: ignore
    # a missing field
    outcome.then(Deposited, cents=500)  # type: ignore
    # a misspelt field, beside all that are needed
    outcome.then(Deposited, cents=500, currency="EUR", curency="EUR")  # type: ignore
    # a misspelt field in the place of one that is needed
    outcome.then(Deposited, cents=500, curency="EUR")  # type: ignore
    # a positional field
    outcome.then(Deposited, 500, currency="EUR")  # type: ignore
    # an event of another aggregate
    outcome.then(Placed, article="book")  # type: ignore
    # the same, of another kind of entity
    outcome.then(Counted, count=1)  # type: ignore
    # the same, after an event of this one
    outcome.then(Closed).then(Placed, article="book")  # type: ignore
    # an instance instead of a class
    outcome.then("Closed")  # type: ignore
    # a field of the header that is misspelt
    outcome.with_header(version=5)  # type: ignore
    # a field of the header of the wrong type
    outcome.with_header(originator_version="5")  # type: ignore
    # a field that the state does not have
    outcome.then_state(lambda account: account.balanc == 5)  # type: ignore
    # a state that is no condition, and compared with nothing
    outcome.then_state(lambda account: account.balance)  # type: ignore
    # an error that is an instance
    outcome.then_raises(ValueError("no"))  # type: ignore
    # an outcome of another aggregate
    orders: Outcome[Order] = outcome  # type: ignore
    read_all(orders)


def expect_of_other_kinds() -> None:
    contract = scenario(Contract).given(Signed, text="yes")
    # a field of the wrong type, in a hash chain
    contract.when(lambda it: it.discard()).then(Signed, text=5)  # type: ignore
    # a hash that is given by hand
    contract.given(Signed, text="yes", event_hash=b"")  # type: ignore
    # an event without a place for a hash
    contract.given(Opened, owner="Ada")  # type: ignore
    story = scenario(Story).when(lambda: Story.create(Told, text="once"))
    # a misspelt field, of an event with a cause
    story.then(Told, txt="once")  # type: ignore
    # an event without a cause
    story.then(Opened, owner="Ada")  # type: ignore
    tags = scenario(Collection[str]).given(CollectionCreated)
    # an item of another type
    tags.given(ItemAdded[str], item=5)  # type: ignore
    # an event of items of another type
    tags.given(ItemAdded[int], item=5)  # type: ignore


def draw_and_check_laws() -> None:
    # a strategy for a field that is no strategy
    events(Deposited, cents=5)  # type: ignore
    # what is no class of events
    events(Account)  # type: ignore
    # events drawn of another class
    drawn: SearchStrategy[Opened] = events(Deposited)  # type: ignore
    # a strategy of the wrong type for an argument
    command(Account.change_attribute, st.integers(), st.integers())  # type: ignore
    # one strategy too few
    command(Account.change_attribute, st.text())  # type: ignore
    # one strategy too many
    command(Account.discard, st.text())  # type: ignore
    opening = creation(Account.open, st.text())
    # a strategy of the wrong type for what creates
    creation(Account.open, st.integers())  # type: ignore
    # what creates another aggregate
    aggregate_laws(Order, creations=[opening], commands=[])  # type: ignore
    # a command of another aggregate
    aggregate_laws(Account, creations=[opening], commands=[command(Order.discard)])  # type: ignore
    # no word of what creates one
    aggregate_laws(Account, commands=[])  # type: ignore
    # an id where a source of ids is needed
    using_ids(UUID(int=1))  # type: ignore
    # a clock that shows no datetime
    FixedClock("noon")  # type: ignore
    read_all(drawn)


# --- sequences -------------------------------------------------------------------------------------


def keep_sequences(store: RecordStore, stream: UUID, moment: datetime) -> None:
    sequences = EventSourcedSequences(int, store, event_name="Counted")
    # sequences of something else
    other: Sequences[str] = sequences  # type: ignore
    # items of another type
    sequences.assign(stream, 0, ["one"], timestamp=moment)  # type: ignore
    # items without a time
    sequences.assign(stream, 0, [1])  # type: ignore
    # an item used as another type
    name: str = next(sequences.read(stream, gte=0, lt=1)).item  # type: ignore
    # reading without bounds
    sequences.read(stream)  # type: ignore
    # a last position that may be missing
    last: int = sequences.last(stream)  # type: ignore
    # a big array needs sequences of ids for its links
    BigArray(stream, sequences, sequences)  # type: ignore
    read_all(other, name, last)
    # sequences without the stored name of their rows
    EventSourcedSequences(int, store)  # type: ignore


# --- logs ------------------------------------------------------------------------------------------


def keep_logs(store: RecordStore, log_id: UUID, moment: datetime) -> None:
    logs = EventSourcedTimeBucketedLogRepository(int, store)
    log = logs.get_or_create(log_id, "day")
    reader = TimeBucketedLogReader(log)
    # a message of another type
    log.log_message("one")  # type: ignore
    # a message that may be missing
    log.log_message(None)  # type: ignore
    # a time that is not a datetime
    log.log_message(1, timestamp=1763900000.0)  # type: ignore
    # a time that is positional
    log.log_message(1, moment)  # type: ignore
    # a size that is unknown
    log.change_bucket_size("week")  # type: ignore
    # the same, of a new log
    logs.get_or_create(log_id, "days")  # type: ignore
    # the same
    logs.start(log_id, "decade")  # type: ignore
    # the same
    start_new_timebucketedlog(logs, log_id, "DAY")  # type: ignore
    # assigning the size
    log.bucket_size = "hour"  # type: ignore
    # a message used as another type
    text: str = next(reader.messages())  # type: ignore
    # the same, of the event
    other: str = log.log_message(1).message  # type: ignore
    # a bound that is not a datetime
    reader.messages(gt="2026-11-23")  # type: ignore
    # a bound that is misspelt
    reader.messages(after=moment)  # type: ignore
    # a limit that is no number
    reader.events(limit="5")  # type: ignore
    # a log of something else
    texts: TimeBucketedLog[str] = log  # type: ignore
    # a reader of something else
    letters: TimeBucketedLogReader[str] = TimeBucketedLogReader(log)  # type: ignore
    # a repository of something else
    words: TimeBucketedLogRepository[str] = logs  # type: ignore
    # the id of a log where a log is needed
    TimeBucketedLogReader(log_id)  # type: ignore
    # assigning to an event
    log.log_message(1).message = 2  # type: ignore
    read_all(text, other, texts, letters, words)


def reckon_buckets(log_id: UUID, moment: datetime) -> None:
    # a size that is unknown
    bucket_starts(moment, "week")  # type: ignore
    # a size that is any text
    next_bucket_starts(moment, str(log_id))  # type: ignore
    # the arguments the other way round
    previous_bucket_starts("day", moment)  # type: ignore
    # seconds instead of a datetime
    bucket_duration(1763900000.0, "day")  # type: ignore
    # no log
    make_timebucket_id(moment, "day")  # type: ignore


# --- contracts of stores ---------------------------------------------------------------------------


class NeverClosed:
    def append(self, append: Append, /) -> Appended:
        return Appended(len(append.records))

    def read(
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        return iter(())

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None: ...


def not_appends(store: MemoryStore, records: list[Record]) -> None:
    # rows that do not say what they follow
    store.append(records)  # type: ignore
    # the same, as an Append
    Append(records)  # type: ignore
    # a word instead of FREE
    Append(records, "free")  # type: ignore
    # one row
    Append(records[0], None)  # type: ignore
    # one append, where several are expected
    store.append_streams(Append(records, None))  # type: ignore


class RowsOnly(NeverClosed):
    def close(self) -> None: ...


class LastOnly(RowsOnly):
    # a store whose `last` gives no hash
    def last(self, originator_id: UUID, /) -> int | None: ...  # type: ignore


# a store that cannot be closed
class OfNeverClosed(StoreContract[NeverClosed]): ...  # type: ignore


# a store that does not append to several streams
class OfStreams(StreamsContract[RowsOnly]): ...  # type: ignore


# a store that does not know the order of its commits
class OfCommits(ReadAllContract[RowsOnly]): ...  # type: ignore


# a store that keeps no snapshots
class OfSnapshots(SnapshotsContract[RowsOnly]): ...  # type: ignore


# a store that can do one thing of three
class OfAll(FullStoreContract[RowsOnly]): ...  # type: ignore


# a store that cannot be asked what became of an append
class OfAppendIds(AppendIdsContract[MemoryStore]): ...  # type: ignore


# the same, behind a server
class OfServers(ServerCrashContract[MemoryStore]): ...  # type: ignore


# commits that cannot be followed
class OfTails(TailRaceContract[RowsOnly]): ...  # type: ignore


# batches of several streams that are not one append
class OfCrashes(StreamsCrashContract[RowsOnly]): ...  # type: ignore


class OpensAnother(StoreContract[MemoryStore]):
    @override
    # a store of another class than the contract says
    def open_store(self, folder: Path, /) -> RowsOnly:  # type: ignore
        return RowsOnly()


class OpensAnywhere(StoreContract[MemoryStore]):
    @override
    # a store that does not belong to a folder
    def open_store(self) -> MemoryStore:  # type: ignore
        return MemoryStore()


class OpensNothing(StoreContract[MemoryStore]): ...


def open_rows(folder: Path, /) -> RowsOnly:
    return RowsOnly()


def drive_stores() -> None:
    # a contract that does not say how its store is opened
    OpensNothing()  # type: ignore
    # a class where a function is needed that takes a folder
    store_machine(MemoryStore)  # type: ignore
    # a store instead of what opens it
    store_machine(MemoryStore())  # type: ignore
    # a store that cannot do what the machine does
    full_store_machine(open_rows)  # type: ignore
    # whether it is durable, by position
    store_machine(open_rows, MemoryStore().last(UUID(int=1)) is None)  # type: ignore


def open_postgres() -> None:
    # an order that is unknown
    PostgresStore("postgresql://localhost/bank", order="sparse")  # type: ignore
    # a port instead of a connection string or a pool
    PostgresStore(5432)  # type: ignore
    # seconds instead of a timedelta
    PostgresStore("postgresql://localhost/bank", timeout=5)  # type: ignore
