"""Code that every type checker must accept as it stands, with the types that it says.

There is no ``type: ignore`` in this file. ``test_typing.py`` runs each ``check_...`` function.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, Literal, Self, TypeAlias, TypedDict, TypeVar, assert_type
from unittest import TestCase
from uuid import UUID, uuid4

import attrs
from attrs import define, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    AttributeChanged,
    Collection,
    Command,
    Discarded,
    ECCEvent,
    EntityIsDiscarded,
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
    using_clock,
    using_ids,
)
from esmodel.model import (
    ApplyRegistry,
    Attribute,
    EntityWithECC,
    EntityWithHashchain,
    EventBus,
    ReadsEntities,
    SavesEntities,
    Snapshot,
    Timestamped,
    TimestampedEntity,
    TimestampedEvent,
    TimestampedVersionedEntity,
    TimestampedVersionedEvent,
    TimeuuidedEntity,
    TimeuuidedEvent,
    TimeuuidedVersionedEntity,
    TimeuuidedVersionedEvent,
    Upcaster,
    Versioned,
    VersionedEntity,
    VersionedEvent,
)
from esmodel.model.events import class_version_of, stored_name_of
from esmodel.repositories import EventSourcedSequences, PendingSave, Verified
from esmodel.rows import FREE, After, Append, Appended, Free, Record, SupportsStreams
from esmodel.stores.memory import MemoryStore
from esmodel.structures import (
    BUCKET_SIZES,
    Array,
    ArrayRepository,
    BigArray,
    BigArrayRepository,
    BucketSize,
    CollectionCreated,
    CollectionRepository,
    ItemAdded,
    ItemRemoved,
    MessageLogged,
    SequencedItem,
    Sequences,
    TimeBucketedLog,
    TimeBucketedLogRepository,
    bucket_starts,
    make_timebucket_id,
    next_bucket_starts,
    previous_bucket_starts,
    register_new_collection,
    start_new_timebucketedlog,
)
from esmodel.testing.contracts import (
    DurableContract,
    FullStoreContract,
    LostAnswersContract,
    MachineContract,
    RaceContract,
    ServerCrashContract,
    StoreContract,
    full_store_machine,
    store_machine,
)
from esmodel.testing.laws import (
    Creation,
    RandomCommand,
    aggregate_laws,
    command,
    creation,
    events,
    payloads,
    values,
)
from esmodel.testing.scenarios import FixedClock, FixedIds, Given, Outcome, Scenario, scenario

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)

# --- an aggregate ----------------------------------------------------------------------------------


def units_to_cents(old: dict[str, int]) -> dict[str, int]:
    return {"cents": old["units"] * 100}


def add_currency(old: dict[str, int]) -> dict[str, object]:
    return {**old, "currency": "EUR"}


@frozen(kw_only=True)
class Opened(AggregateEvent, aliases=("bank.created",)):
    owner: str


@frozen(kw_only=True)
class Deposited(AggregateEvent, name="bank.deposited", upcaster=upcasts(units_to_cents).then(add_currency)):
    cents: int
    currency: str = "EUR"


@frozen(kw_only=True)
class Noted(AggregateEvent):
    text: str


@frozen(kw_only=True)
class Closed(AggregateEvent):
    pass


AccountEvent: TypeAlias = Opened | Deposited | Noted | Closed


@define
class Account(AggregateRoot[AccountEvent]):
    owner: str
    balance: int = 0
    is_open: bool = True
    _limit: int = 0

    @classmethod
    def open(cls, owner: str) -> Self:
        return cls.create(Opened, owner=owner)

    def deposit(self, cents: int) -> None:
        self.trigger(Deposited, cents=cents)

    @attribute
    def limit(self) -> int:
        return self._limit

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.cents

    @applies
    def closed(self, event: Closed) -> None:
        self.is_open = False

    noted = ignores(Noted)
    apply = (opened | deposited | noted | closed).exhaustive


def check_an_aggregate_is_created_and_triggers() -> None:
    account = Account.open("Ada")
    assert_type(account, Account)
    assert_type(Account.create(Opened, owner="Ada"), Account)
    assert_type(Account.create_with_id(uuid4(), Opened, owner="Ada"), Account)
    account.deposit(500)
    account.trigger(Deposited, cents=5, currency="USD")
    account.trigger(Noted, text="hello")
    account.trigger(Closed)
    assert_type(account.id, UUID)
    assert_type(account.version, int)
    assert_type(account.created_on, datetime)
    assert_type(account.last_modified, datetime)
    assert_type(account.is_discarded, bool)
    assert_type(account.owner, str)
    assert_type(
        account.pending_events,
        tuple[Opened | Deposited | Noted | Closed | Discarded | AttributeChanged, ...],
    )
    assert (account.balance, account.is_open, account.version) == (505, False, 4)
    assert_type(Account.replay(account.collect_events()), Account)
    account.discard()
    assert account.is_discarded


def check_an_event_is_an_attrs_class() -> None:
    event = Deposited(uuid4(), 1, MOMENT, cents=5)
    assert_type(event.cents, int)
    assert_type(event.originator_id, UUID)
    assert_type(event.originator_version, int)
    assert_type(event.timestamp, datetime)
    assert_type(attrs.evolve(event, cents=6), Deposited)
    assert_type(stored_name_of(Deposited), str)
    assert_type(class_version_of(Deposited), int)
    assert class_version_of(Deposited) == 2
    assert attrs.evolve(event, cents=6) == Deposited(event.originator_id, 1, MOMENT, cents=6, currency="EUR")


def check_an_attribute_is_read_and_assigned() -> None:
    account = Account.open("Ada")
    assert_type(account.limit, int)
    account.limit = 500
    assert_type(Account.limit, Attribute[int])
    assert account.limit == 500


# --- values, attributes and items with a history ---------------------------------------------------


class Street(TypedDict):
    street: str


def add_country(old: Street) -> "Place":
    return Place(old["street"], "DE")


@frozen
class Place(Value, upcaster=upcasts(add_country)):
    street: str
    country: str


@dataclass
class Town(Value):
    name: str


def to_place(old: str) -> Place:
    return Place(old, "DE")


@define
class Shop(AggregateRoot[Opened]):
    _place: Place | None = None

    @attribute(aliases=("where",), upcaster=upcasts(to_place))
    def place(self) -> Place | None:
        return self._place

    @attribute(aliases=("location",))
    def also(self) -> Place | None:
        return self._place

    _also: Place | None = None

    apply = ignores(Opened).exhaustive


class Places(Collection[Place], item_upcaster=upcasts(to_place)):
    pass


def check_an_attribute_with_a_history_has_the_type_of_its_getter() -> None:
    shop = Shop.create(Opened, owner="Ada")
    assert_type(shop.place, Place | None)
    shop.place = Place("Weg 1", "DE")
    assert_type(Shop.place, Attribute[Place | None])
    assert shop.place == attrs.evolve(Place("Weg 2", "DE"), street="Weg 1")
    assert Places.register().items == frozenset()
    assert Town("Ulm").name == "Ulm"


def check_what_was_recorded_is_replayed() -> None:
    events = [Opened(UUID(int=1), 0, MOMENT, owner="Ada"), Deposited(UUID(int=1), 1, MOMENT, cents=5)]
    account = Account.replay(events)
    assert_type(account, Account)
    assert account.balance == 5


def check_the_clock_is_set() -> None:
    with using_clock(lambda: MOMENT):
        assert Account.open("Ada").created_on == MOMENT


# --- repositories ----------------------------------------------------------------------------------


def deposit(accounts: EntityRepository[Account], originator_id: UUID) -> int:
    account = accounts[originator_id]
    assert_type(account, Account)
    account.deposit(5)
    accounts.save(account)
    return account.balance


def owner(accounts: ReadsEntities[Account], originator_id: UUID) -> str:
    return accounts.get_entity(originator_id, at=0).owner


def add(accounts: SavesEntities[Account]) -> UUID:
    account = Account.open("Ada")
    accounts.save(account)
    return account.id


def check_a_repository_has_the_type_of_its_aggregate() -> None:
    with MemoryStore() as store:
        accounts = EventSourcedRepository(Account, store)
        assert_type(accounts, EventSourcedRepository[Account])
        every_other = EventSourcedRepository(Account, store, snapshot_every=2)
        assert_type(every_other, EventSourcedRepository[Account])
        originator_id = add(accounts)
        assert deposit(accounts, originator_id) == 5
        assert deposit(every_other, originator_id) == 10
        assert owner(accounts, originator_id) == "Ada"
        assert_type(accounts[originator_id], Account)
        assert_type(accounts.get_entity(originator_id, at=1), Account)
        assert_type(originator_id in accounts, bool)
        assert_type(accounts.take_snapshot(originator_id), Snapshot)


def check_a_repository_of_a_chain_takes_a_key() -> None:
    key = bytes(32)
    with MemoryStore() as store:
        contracts = EventSourcedRepository(Contract, store, snapshot_every=2, snapshot_key=key)
        assert_type(contracts, EventSourcedRepository[Contract])
        both = EventSourcedRepository(Contract, store, snapshot_key=[key, key])
        contract = Contract.create(Signed, text="one")
        both.save(contract)
        assert_type(both.verify(contract.id), Verified)


# --- a registry, and a read model that uses one -----------------------------------------------------

Totals: TypeAlias = dict[str, int]


@applies
def add_deposit(state: Totals, event: Deposited) -> None:
    state[event.currency] = state.get(event.currency, 0) + event.cents


@applies
def count_closed(state: Totals, event: Closed) -> None:
    state["closed"] = state.get("closed", 0) + 1


skip_opened = ignores(Opened)
skip_noted = ignores(Noted)
totals = add_deposit | count_closed | skip_opened | skip_noted


def check_a_read_model_folds_events() -> None:
    assert_type(add_deposit, ApplyRegistry[Totals, Deposited])
    assert_type(add_deposit | count_closed, ApplyRegistry[Totals, Deposited | Closed])
    registry: ApplyRegistry[Totals, AccountEvent] = totals
    narrower: ApplyRegistry[Totals, Closed] = totals
    events: list[AccountEvent] = [
        Opened(UUID(int=1), 0, MOMENT, owner="Ada"),
        Deposited(UUID(int=1), 1, MOMENT, cents=5),
        Closed(UUID(int=1), 2, MOMENT),
    ]
    start: Totals = {}
    state = registry.fold(start, events)
    assert_type(state, Totals)
    narrower(state, Closed(UUID(int=1), 3, MOMENT))
    assert_type(totals.event_classes, tuple[type[object], ...])
    assert state == {"EUR": 5, "closed": 2}


# --- subscribe_to, retry, upcasts ------------------------------------------------------------------


def check_a_subscriber_stays_a_function() -> None:
    bus = EventBus()
    seen: list[str] = []

    @subscribe_to(Opened, bus=bus)
    def greet(event: Opened) -> str:
        seen.append(event.owner)
        return event.owner

    @subscribe_to(Deposited, Closed, bus=bus)
    def note(event: Deposited | Closed) -> None:
        seen.append(type(event).__name__)

    assert_type(greet(Opened(uuid4(), 0, MOMENT, owner="Ada")), str)
    note(Closed(uuid4(), 1, MOMENT))
    bus.publish([Opened(uuid4(), 0, MOMENT, owner="Bob"), Closed(uuid4(), 1, MOMENT)])
    assert seen == ["Ada", "Closed", "Bob", "Closed"]


@retry(ValueError, KeyError, attempts=3, wait=0.0, stall=0.0)
def pay(cents: int, *, currency: str = "EUR") -> str:
    return f"{cents} {currency}"


@retry()
def pay_again(cents: int) -> str:
    return str(cents)


@retry(ValueError, timeout=1.0)
async def pay_later(cents: int, *, currency: str = "EUR") -> str:
    return f"{cents} {currency}"


def check_retry_keeps_the_type_of_a_coroutine() -> None:
    async def run() -> str:
        assert_type(await pay_later(5, currency="USD"), str)
        later: Callable[[int], Coroutine[object, object, str]] = pay_later
        return await later(5)

    assert asyncio.run(run()) == "5 EUR"


def check_retry_keeps_the_signature() -> None:
    assert_type(pay(5), str)
    assert_type(pay(cents=5, currency="USD"), str)
    by_position: Callable[[int], str] = pay_again
    assert_type(pay_again(cents=5), str)
    assert by_position(5) == "5"


def check_a_chain_of_upcasters_has_its_ends_as_type() -> None:
    chain = upcasts(units_to_cents)
    assert_type(chain, Upcaster[dict[str, int], dict[str, int]])
    longer = chain.then(add_currency)
    assert_type(longer, Upcaster[dict[str, int], dict[str, object]])
    assert len(longer) == 2


# --- commands --------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Asked(AggregateEvent):
    what: str


@define
class Request(Command[Asked]):
    what: str

    @applies
    def asked(self, event: Asked) -> None:
        self.what = event.what

    apply = asked.exhaustive


def check_a_command_is_done() -> None:
    request = Request.create(Asked, what="a report")
    assert_type(request, Request)
    request.done()
    assert_type(request.is_done, bool)
    with MemoryStore() as store:
        requests = EventSourcedRepository(Request, store)
        requests.save(request)
        assert_type(requests[request.id], Request)
        assert requests[request.id].is_done


# --- hash chains -----------------------------------------------------------------------------------


@frozen(kw_only=True)
class Signed(HashchainedEvent):
    text: str


@define
class Contract(HashchainedAggregateRoot[Signed]):
    text: str

    @applies
    def signed(self, event: Signed) -> None:
        self.text = event.text

    apply = signed.exhaustive


@define
class Seal(EntityWithHashchain[Signed]):
    text: str

    @applies
    def signed(self, event: Signed) -> None:
        self.text = event.text

    apply = signed.exhaustive


def check_a_hash_chain_has_a_head() -> None:
    contract = Contract.create(Signed, text="one")
    contract.trigger(Signed, text="two")
    assert_type(contract, Contract)
    assert_type(contract.head, bytes)
    with MemoryStore() as store:
        contracts = EventSourcedRepository(Contract, store)
        contracts.save(contract)
        assert contracts[contract.id].head == contract.head
    assert_type(Seal.create(Signed, text="one"), Seal)


# --- causes ----------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Told(ECCEvent):
    text: str


@define
class Story(AggregateRootWithECC[Told]):
    text: str

    @applies
    def told(self, event: Told) -> None:
        self.text = event.text

    apply = told.exhaustive


@define
class Rumour(EntityWithECC[Told]):
    text: str

    @applies
    def told(self, event: Told) -> None:
        self.text = event.text

    apply = told.exhaustive


def check_an_event_is_caused_by_another() -> None:
    story = Story.create(Told, text="one")
    assert_type(story, Story)
    (cause,) = story.collect_events()
    assert isinstance(cause, Told)
    with caused_by(cause):
        story.trigger(Told, text="two")
    (effect,) = story.collect_events()
    assert isinstance(effect, Told)
    assert_type(effect.event_id, UUID)
    assert_type(effect.correlation_id, UUID)
    assert_type(effect.causation_id, UUID | None)
    assert (effect.causation_id, effect.correlation_id) == (cause.event_id, cause.correlation_id)
    assert_type(Rumour.create(Told, text="three"), Rumour)


# --- each kind of entity ---------------------------------------------------------------------------


@frozen(kw_only=True)
class VersionedBegun(VersionedEvent):
    title: str


@frozen(kw_only=True)
class TimestampedBegun(TimestampedEvent):
    title: str


@frozen(kw_only=True)
class TimestampedVersionedBegun(TimestampedVersionedEvent):
    title: str


@frozen(kw_only=True)
class TimeuuidedBegun(TimeuuidedEvent):
    title: str


@frozen(kw_only=True)
class TimeuuidedVersionedBegun(TimeuuidedVersionedEvent):
    title: str


@define
class OfVersions(VersionedEntity[VersionedBegun]):
    begun = ignores(VersionedBegun)
    apply = begun.exhaustive


@define
class OfTimes(TimestampedEntity[TimestampedBegun]):
    begun = ignores(TimestampedBegun)
    apply = begun.exhaustive


@define
class OfVersionsAndTimes(TimestampedVersionedEntity[TimestampedVersionedBegun]):
    begun = ignores(TimestampedVersionedBegun)
    apply = begun.exhaustive


@define
class OfTimeuuids(TimeuuidedEntity[TimeuuidedBegun]):
    begun = ignores(TimeuuidedBegun)
    apply = begun.exhaustive


@define
class OfVersionsAndTimeuuids(TimeuuidedVersionedEntity[TimeuuidedVersionedBegun]):
    begun = ignores(TimeuuidedVersionedBegun)
    apply = begun.exhaustive


def version_of(entity: Versioned) -> int:
    return entity.version


def age_of(entity: Timestamped) -> datetime:
    return entity.last_modified


def check_each_kind_of_entity_has_a_header_of_its_own() -> None:
    versioned = OfVersions.create(VersionedBegun, title="one")
    assert_type(versioned, OfVersions)
    versioned.trigger(VersionedBegun, title="two")
    assert version_of(versioned) == 1

    timestamped = OfTimes.create(TimestampedBegun, title="one")
    assert_type(timestamped, OfTimes)
    timestamped.trigger(TimestampedBegun, title="two")
    assert age_of(timestamped) >= timestamped.created_on

    both = OfVersionsAndTimes.create(TimestampedVersionedBegun, title="one")
    assert_type(both, OfVersionsAndTimes)
    both.trigger(TimestampedVersionedBegun, title="two")
    assert version_of(both) == 1
    assert age_of(both) >= both.created_on

    timeuuided = OfTimeuuids.create(TimeuuidedBegun, title="one")
    assert_type(timeuuided, OfTimeuuids)
    timeuuided.trigger(TimeuuidedBegun, title="two")
    assert age_of(timeuuided) >= timeuuided.created_on

    all_three = OfVersionsAndTimeuuids.create(TimeuuidedVersionedBegun, title="one")
    assert_type(all_three, OfVersionsAndTimeuuids)
    all_three.trigger(TimeuuidedVersionedBegun, title="two")
    assert version_of(all_three) == 1
    assert age_of(all_three) >= all_three.created_on
    assert version_of(Account.open("Ada")) == 0


# --- what is generic -------------------------------------------------------------------------------

TValue = TypeVar("TValue")
TEvent = TypeVar("TEvent", bound=AggregateEvent)


@frozen(kw_only=True)
class Kept(AggregateEvent, Generic[TValue]):
    value: TValue


@define
class Box(AggregateRoot[Kept[int]]):
    value: int

    @applies
    def kept(self, event: Kept[int]) -> None:
        self.value = event.value

    apply = kept.exhaustive


def check_an_event_may_be_generic() -> None:
    box = Box.create(Kept[int], value=5)
    assert_type(box, Box)
    assert_type(box.value, int)
    box.trigger(Kept[int], value=6)
    assert box.value == 6


@define
class Titled(AggregateRoot[TEvent]):
    """A base that leaves ``apply`` to its leaves."""

    title: str

    def shout(self) -> str:
        return self.title.upper()


@frozen(kw_only=True)
class BookAdded(AggregateEvent):
    title: str


@frozen(kw_only=True)
class FilmAdded(AggregateEvent):
    title: str
    minutes: int


@define
class Book(Titled[BookAdded]):
    @applies
    def added(self, event: BookAdded) -> None:
        self.title = event.title

    apply = added.exhaustive


@define
class Film(Titled[FilmAdded]):
    minutes: int

    @applies
    def added(self, event: FilmAdded) -> None:
        self.title = event.title
        self.minutes = event.minutes

    apply = added.exhaustive


def check_a_generic_base_leaves_apply_to_its_leaves() -> None:
    book = Book.create(BookAdded, title="one")
    film = Film.create(FilmAdded, title="two", minutes=90)
    assert_type(book, Book)
    assert_type(film, Film)
    assert_type(film.minutes, int)
    assert (book.shout(), film.shout()) == ("ONE", "TWO")


# --- collections -----------------------------------------------------------------------------------


@frozen
class Article:
    name: str
    cents: int


class Tags(Collection[str]):
    """Tags, and what is asked of them."""

    def longest(self) -> str:
        return max(self, key=len)


def check_a_collection_has_the_type_of_its_items() -> None:
    tags = Collection[str].register()
    assert_type(tags, Collection[str])
    assert_type(Collection[str].register(uuid4()), Collection[str])
    tags.add_item("red")
    tags.add_item("green")
    tags.remove_item("red")
    assert_type(tags.items, frozenset[str])
    assert_type("red" in tags, bool)
    assert_type(5 in tags, bool)
    assert_type(len(tags), int)
    for tag in tags:
        assert_type(tag, str)
    assert_type(tags.id, UUID)
    assert sorted(tags) == ["green"]


def check_a_collection_is_registered() -> None:
    tags = register_new_collection(Collection[str])
    assert_type(tags, Collection[str])
    assert_type(register_new_collection(Collection[int], uuid4()), Collection[int])
    assert_type(register_new_collection(Tags), Tags)
    assert len(tags) == 0


def check_a_collection_of_values() -> None:
    articles = Collection[Article].register()
    articles.add_item(Article("book", 900))
    assert_type(articles.items, frozenset[Article])
    for article in articles:
        assert_type(article.cents, int)
    assert Article("book", 900) in articles


def check_a_collection_of_a_sum_type() -> None:
    numbers = Collection[int | None].register()
    numbers.add_item(None)
    numbers.add_item(5)
    assert_type(numbers.items, frozenset[int | None])
    assert len(numbers) == 2


def check_a_class_of_collections() -> None:
    tags = Tags.register()
    assert_type(tags, Tags)
    tags.add_item("red")
    tags.add_item("green")
    assert_type(tags.longest(), str)
    with MemoryStore() as store:
        repository = EventSourcedRepository(Tags, store)
        assert_type(repository, EventSourcedRepository[Tags])
        repository.save(tags)
        assert repository[tags.id].longest() == "green"


def check_a_collection_triggers_events() -> None:
    tags = Collection[str].register()
    tags.trigger(ItemAdded[str], item="red")
    tags.trigger(ItemRemoved[str], item="red")
    first, second, _ = tags.pending_events
    assert isinstance(first, CollectionCreated)
    assert_type(first.originator_id, UUID)
    assert ItemAdded[str](tags.id, 1, second.timestamp, item="red") == second
    assert_type(ItemAdded[str](tags.id, 1, second.timestamp, item="red").item, str)


def collect(collections: CollectionRepository[UUID], collection_id: UUID, item: UUID) -> int:
    collection = collections[collection_id]
    assert_type(collection, Collection[UUID])
    collection.add_item(item)
    collections.save(collection)
    assert_type(collections.get_entity(collection_id, at=0), Collection[UUID])
    return len(collection)


def check_a_repository_of_collections() -> None:
    with MemoryStore() as store:
        collections: CollectionRepository[UUID] = EventSourcedRepository(Collection[UUID], store)
        collection = Collection[UUID].register()
        collections.save(collection)
        assert collect(collections, collection.id, uuid4()) == 1
        assert_type(collections.take_snapshot(collection.id), Snapshot)
        with_snapshots = EventSourcedRepository(Collection[UUID], store, snapshot_every=10)
        assert_type(with_snapshots, EventSourcedRepository[Collection[UUID]])
        assert collect(with_snapshots, collection.id, uuid4()) == 2


# --- arrays ----------------------------------------------------------------------------------------


@frozen
class Card:
    number: str


@frozen
class Cash:
    cents: int


Payment: TypeAlias = Card | Cash


class Indexed:
    """Something that is an index."""

    def __index__(self) -> int:
        return 0


def check_an_array_has_the_type_of_its_items() -> None:
    with MemoryStore() as store:
        arrays = EventSourcedArrayRepository(str, store)
        assert_type(arrays, EventSourcedArrayRepository[str])
        array = arrays[uuid4()]
        assert_type(array, Array[str])
        assert_type(array.append("one"), int)
        array.extend(["two", "three"])
        array.extend(name for name in ("four", "five"))
        array[5] = "six"
        assert_type(array[0], str)
        assert_type(array[Indexed()], str)
        assert_type(array[-1], str)
        assert_type(array[0:9], list[str | None])
        assert_type(array[:], list[str | None])
        assert_type(array[::-1], list[str | None])
        assert_type(array[Indexed() : 2], list[str | None])
        for item in array:
            assert_type(item, str)
        for item in reversed(array):
            assert_type(item, str)
        for pair in array.items():
            assert_type(pair, tuple[int, str])
        for position, item in array.items(5):
            assert_type(position, int)
            assert_type(item, str)
        assert_type("one" in array, bool)
        assert_type(len(array), int)
        assert_type(array.next_position(), int)
        assert_type(array.capacity, int)
        assert_type(array.array_size, int)
        assert_type(array.id, UUID)
        assert array[0:2] == ["one", "two"]


def check_a_big_array_has_the_type_of_its_items() -> None:
    with MemoryStore() as store:
        arrays = EventSourcedBigArrayRepository(Article, store, array_size=10)
        assert_type(arrays, EventSourcedBigArrayRepository[Article])
        articles = arrays[uuid4()]
        assert_type(articles, BigArray[Article])
        articles.extend(Article("book", number) for number in range(25))
        assert_type(articles[24], Article)
        assert_type(articles[24].cents, int)
        assert_type(articles[20:30], list[Article | None])
        for position, article in articles.items(20):
            assert_type(position, int)
            assert_type(article, Article)
        as_array: Array[Article] = articles
        assert as_array[-1].cents == 24


def check_an_array_takes_any_type_of_items() -> None:
    with MemoryStore() as store:
        payments = EventSourcedBigArrayRepository(Card | Cash, store)[uuid4()]
        assert_type(payments, BigArray[Card | Cash])
        payments.append(Card("1234"))
        payments.append(Cash(5))
        assert_type(payments[0], Card | Cash)
        named = EventSourcedBigArrayRepository(Payment, store)[payments.id]
        assert_type(named, BigArray[Card | Cash])
        assert named[1] == Cash(5)

        maybe = EventSourcedBigArrayRepository(str | None, store)[uuid4()]
        assert_type(maybe, BigArray[str | None])
        maybe.append(None)
        assert_type(maybe[0], str | None)
        assert_type(maybe[:], list[str | None])
        assert maybe[0] is None

        lists = EventSourcedBigArrayRepository(list[int], store)[uuid4()]
        assert_type(lists, BigArray[list[int]])
        lists.append([1, 2])
        assert_type(lists[0], list[int])
        assert lists[0] == [1, 2]

        pairs = EventSourcedBigArrayRepository(tuple[int, str], store)[uuid4()]
        assert_type(pairs, BigArray[tuple[int, str]])
        pairs.append((1, "one"))
        number, name = pairs[0]
        assert_type(number, int)
        assert_type(name, str)
        assert (number, name) == (1, "one")


def name_first(arrays: ArrayRepository[str], array_id: UUID) -> str:
    array = arrays[array_id]
    assert_type(array, Array[str])
    assert_type(arrays.array_size, int)
    array.append("first")
    return array[0]


def name_first_of_many(arrays: BigArrayRepository[str], array_id: UUID) -> str:
    array = arrays[array_id]
    assert_type(array, BigArray[str])
    array.append("first")
    return array[0]


def latest(arrays: ArrayRepository[TValue], array_id: UUID) -> TValue:
    return arrays[array_id][-1]


def check_a_function_takes_any_repository_of_arrays() -> None:
    with MemoryStore() as store:
        small = EventSourcedArrayRepository(str, store)
        big = EventSourcedBigArrayRepository(str, store)
        assert name_first(small, uuid4()) == "first"
        assert name_first(big, uuid4()) == "first"
        array_id = uuid4()
        assert name_first_of_many(big, array_id) == "first"
        declared: BigArrayRepository[str] = big
        either: ArrayRepository[str] = declared
        assert_type(latest(either, array_id), str)
        assert_type(latest(big, array_id), str)
        numbers = EventSourcedArrayRepository(int | None, store)
        numbers_id = uuid4()
        numbers[numbers_id].append(5)
        assert_type(latest(numbers, numbers_id), int | None)


# --- the test kit ----------------------------------------------------------------------------------


def check_a_scenario_has_the_type_of_its_aggregate() -> None:
    accounts = scenario(Account)
    assert_type(accounts, Scenario[Account])
    opened = accounts.given(Opened, owner="Ada")
    assert_type(opened, Given[Account])
    assert_type(opened.given(Deposited, cents=5).given_by(lambda it: it.deposit(6)), Given[Account])
    outcome = opened.when(lambda account: account.deposit(500))
    assert_type(outcome, Outcome[Account])
    assert_type(outcome.then(Deposited, cents=500, currency="EUR"), Outcome[Account])
    assert_type(outcome.with_header(originator_version=1).then_nothing_more(), Outcome[Account])
    outcome.then_state(lambda account: account.balance == 500)
    outcome.then_state(lambda account: account.owner, equals="Ada")
    assert_type(outcome.aggregate, Account)
    created = accounts.when(lambda: Account.open("Ada"))
    assert_type(created, Outcome[Account])
    created.then(Opened, owner="Ada")
    opened.when(Account.discard).then(Discarded)
    accounts.given_by(lambda: Account.open("Ada")).when(lambda account: setattr(account, "limit", 5)).then(
        AttributeChanged, name="limit", value=5
    )
    opened.given(Discarded).when(lambda account: account.deposit(5)).then_raises(
        EntityIsDiscarded, match="no"
    )


def check_a_scenario_takes_every_kind_of_aggregate() -> None:
    contract = scenario(Contract).given(Signed, text="one")
    contract.when(lambda it: it.trigger(Signed, text="two")).then(Signed, text="two")
    scenario(Story).when(lambda: Story.create(Told, text="once")).then(Told, text="once")
    tags = scenario(Collection[str]).given(CollectionCreated).given(ItemAdded[str], item="red")
    assert_type(tags, Given[Collection[str]])
    tags.when(lambda it: it.remove_item("red")).then(ItemRemoved[str], item="red")


def check_strategies_have_the_type_of_what_they_draw() -> None:
    assert_type(events(Deposited, cents=st.integers(1, 5)), SearchStrategy[Deposited])
    assert_type(events(ItemAdded[str]), SearchStrategy[ItemAdded[str]])
    assert_type(payloads(Deposited), SearchStrategy[dict[str, object]])
    assert_type(values(Card | Cash), SearchStrategy[Card | Cash])


def check_laws_take_what_is_done_with_the_aggregate() -> None:
    opening = creation(Account.open, st.text())
    depositing = command(Account.deposit, st.integers(), raises=ValueError)
    assert_type(opening, Creation[Account])
    assert_type(depositing, RandomCommand[Account])
    laws = aggregate_laws(Account, creations=[opening], commands=[depositing, command(Account.discard)])
    assert_type(laws, type[TestCase])


def check_ids_and_the_clock_are_fixed() -> None:
    clock, ids = FixedClock(MOMENT), FixedIds()
    with using_clock(clock), using_ids(ids):
        account = Account.open("Ada")
    assert_type(clock.moment, datetime)
    assert_type(ids[1], UUID)
    assert (account.id, account.created_on) == (ids[1], clock.moment)


# --- sequences -------------------------------------------------------------------------------------


def first_of(sequences: Sequences[TValue], originator_id: UUID) -> TValue:
    return next(sequences.read(originator_id, gte=0, lt=1)).item


def check_sequences_keep_items_of_one_type() -> None:
    with MemoryStore() as store:
        sequences = EventSourcedSequences(Card | Cash, store, event_name="Paid")
        assert_type(sequences, EventSourcedSequences[Card | Cash])
        declared: Sequences[Card | Cash] = sequences
        stream = uuid4()
        declared.assign(stream, 0, [Card("1234"), Cash(5)], timestamp=MOMENT)
        assert_type(first_of(sequences, stream), Card | Cash)
        for found in declared.read(stream, gte=0, lt=9, limit=1, descending=True):
            assert_type(found, SequencedItem[Card | Cash])
            assert_type(found.item, Card | Cash)
            assert_type(found.position, int)
        assert_type(declared.last(stream), int | None)
        array = Array(stream, EventSourcedSequences(Card | Cash, store, event_name="Paid"), 10)
        assert_type(array, Array[Card | Cash])
        assert array[1] == Cash(5)


# --- logs ------------------------------------------------------------------------------------------


def latest_message(log: TimeBucketedLog[TValue]) -> TValue:
    return next(TimeBucketedLogReader(log).messages(limit=1, descending=True))


def start_log(repository: TimeBucketedLogRepository[str], size: BucketSize) -> TimeBucketedLog[str]:
    return start_new_timebucketedlog(repository, uuid4(), size)


def check_logs_keep_messages_of_one_type() -> None:
    with MemoryStore() as store:
        logs = EventSourcedTimeBucketedLogRepository(Card | Cash, store)
        assert_type(logs, EventSourcedTimeBucketedLogRepository[Card | Cash])
        declared: TimeBucketedLogRepository[Card | Cash] = logs
        log = declared.get_or_create(uuid4(), "second")
        assert_type(log, TimeBucketedLog[Card | Cash])
        assert_type(declared[log.id], TimeBucketedLog[Card | Cash])
        event = log.log_message(Cash(5), timestamp=MOMENT)
        assert_type(event, MessageLogged[Card | Cash])
        assert_type(event.message, Card | Cash)
        log.change_bucket_size("year")
        log.log_message(Card("1234"))
        reader = TimeBucketedLogReader(log, page_size=1)
        assert_type(reader, TimeBucketedLogReader[Card | Cash])
        for message in reader.messages(gte=MOMENT, lt=MOMENT, limit=9):
            assert_type(message, Card | Cash)
        for logged in reader.events(descending=True):
            assert_type(logged.message, Card | Cash)
            assert_type(logged.timestamp, datetime)
        assert_type(latest_message(log), Card | Cash)
        assert_type(log.bucket_size, BucketSize)
        texts = EventSourcedTimeBucketedLogRepository(str, store)
        assert_type(start_log(texts, "day").log_message("first").message, str)


def check_aggregates_of_several_classes_are_saved_together() -> None:
    store = MemoryStore()
    accounts, names = EventSourcedRepository(Account, store), EventSourcedRepository(Collection[str], store)
    account, collection = Account.open(owner="Ada"), Collection[str].register()
    assert_type(accounts.to_save(account), PendingSave)
    save_together(store, accounts.to_save(account), names.to_save(collection))
    assert_type(accounts[account.id], Account)
    able: SupportsStreams = store
    save_together(able, accounts.to_save(account))


def check_buckets_are_of_a_known_size() -> None:
    for size in BUCKET_SIZES:
        assert_type(bucket_starts(MOMENT, size), datetime)
        assert previous_bucket_starts(next_bucket_starts(MOMENT, size), size) == bucket_starts(MOMENT, size)
        assert_type(make_timebucket_id(uuid4(), MOMENT, size), UUID)


# --- contracts of stores ---------------------------------------------------------------------------


class RowsOnly:
    """A store that can do what a record store must, and no more."""

    def __init__(self) -> None:
        self.rows = MemoryStore()

    def append(self, append: Append, /) -> Appended:
        return self.rows.append(append)

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
        return self.rows.read(
            originator_id, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending
        )

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        return self.rows.last(originator_id)

    def close(self) -> None:
        self.rows.close()


def narrowed(after: After) -> str:
    if after is FREE:
        assert_type(after, Literal[Free.FREE])
        return "free"
    if after is None:
        return "new"
    assert_type(after, int)
    return f"after {after}"


def appended(store: SupportsStreams, records: list[Record]) -> int:
    appends = [Append(records, None), Append(iter(records), 3), Append(records, after=FREE)]
    assert_type(appends[0].after, int | Literal[Free.FREE] | None)
    assert_type(appends[0].records, tuple[Record, ...])
    return assert_type(store.append_streams(appends), Appended).rows


class AskedStore(RowsOnly):
    """A store that can be asked what became of an append."""

    def was_appended(self, append_id: UUID, /) -> bool:
        return self.last(append_id) is not None


class ProvesRowsOnly(
    StoreContract[RowsOnly], DurableContract[RowsOnly], MachineContract[RowsOnly], RaceContract[RowsOnly]
):
    in_processes = False

    @override
    def open_store(self, folder: Path, /) -> RowsOnly:
        return RowsOnly()


class ProvesMore(FullStoreContract[MemoryStore]):
    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return MemoryStore()

    def test_of_its_own(self, store: MemoryStore) -> None:
        assert list(store.read_all()) == []


class ProvesAnswers(LostAnswersContract[AskedStore], ServerCrashContract[AskedStore]):
    @override
    def open_store(self, folder: Path, /) -> AskedStore:
        return AskedStore()

    @override
    def lose_answer(self, store: AskedStore, /, *, stored: bool) -> None:
        store.close()

    @override
    def kill_backend(self, store: AskedStore, /) -> None:
        store.close()

    @override
    def restart(self) -> None: ...


def check_contracts_know_their_store() -> None:
    assert_type(ProvesRowsOnly().open_store(Path()), RowsOnly)
    assert_type(ProvesMore().open_store(Path()), MemoryStore)
    assert_type(ProvesAnswers().open_store(Path()), AskedStore)
    assert_type(store_machine(lambda _: RowsOnly(), durable=False), Callable[[], None])
    assert_type(full_store_machine(ProvesMore().open_store), Callable[[], None])
