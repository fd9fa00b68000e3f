"""Values with an upcaster of their own, wherever they are nested; members of sum types that were renamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, TypeAlias, TypedDict, TypeVar
from uuid import UUID

import pytest
from attrs import define, field, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Collection,
    EventSourcedArrayRepository,
    EventSourcedRepository,
    ModelError,
    Value,
    applies,
    attribute,
    upcasts,
)
from esmodel.codec import DEFAULT_CODEC, TypedCodec
from esmodel.exceptions import StoredDataError, UnsupportedTypeError
from esmodel.model import SnapshotCodec
from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=5)
T = TypeVar("T")


class Street(TypedDict):
    street: str


class Place(TypedDict):
    street: str
    town: str


def add_town(old: Street) -> Place:
    return {"street": old["street"], "town": "Ulm"}


def add_country(old: Place) -> "Address":  # noqa: UP037  # because the class follows
    return Address(old["street"], old["town"], "DE")


def refuse_empty(value: str) -> str:
    """Convert nothing, and refuse what history may have."""
    if not value:
        raise ValueError("expected a street")
    return value


@frozen
class Address(Value, upcaster=upcasts(add_town).then(add_country)):
    street: str = field(converter=refuse_empty)
    town: str
    country: str
    note: str = ""


def add_zip(old: dict[str, object]) -> dict[str, object]:
    return {**old, "zip": "89073"}


@dataclass(frozen=True, slots=True)
class Town(Value, upcaster=upcasts(add_zip)):
    name: str
    zip: str


@frozen
class Nowhere:
    pass


OLD: Final = b'{"street":"Weg 1"}'
OLDER_ONE: Final = b'{"@version":1,"street":"Weg 1","town":"Ulm"}'
NEW: Final = b'{"@version":2,"street":"Weg 1","town":"Ulm","country":"DE","note":""}'
ULM: Final = Address("Weg 1", "Ulm", "DE")


@pytest.mark.parametrize(
    ("hint", "form", "value"),
    [
        (Address, b"%s", ULM),
        (Address | None, b"%s", ULM),
        (list[Address], b"[%s]", [ULM]),
        (tuple[int, Address], b"[1,%s]", (1, ULM)),
        (frozenset[Address], b"[%s]", frozenset({ULM})),
        (dict[str, Address], b'{"home":%s}', {"home": ULM}),
        (dict[Address, int], b"[[%s,1]]", {ULM: 1}),
        (Address | Nowhere, b'{"Address":%s}', ULM),
        (Address | Nowhere | None, b'{"Address":%s}', ULM),
    ],
)
def test_a_value_of_each_version_is_read_wherever_it_is_nested(
    hint: object, form: bytes, value: object
) -> None:
    assert DEFAULT_CODEC.encode(hint, value) == form % NEW
    for stored in (OLD, OLDER_ONE, NEW):
        assert DEFAULT_CODEC.decode(hint, form % stored) == value


def test_a_value_keeps_what_its_steps_do_not_name() -> None:
    data = b'{"street":"Weg 1","note":"left door"}'
    assert DEFAULT_CODEC.decode(Address, data) == Address("Weg 1", "Ulm", "DE", "left door")


def test_no_converter_runs_on_an_old_value() -> None:
    stored = TypedCodec(Address).decode(b'{"@version":2,"street":"","town":"Ulm","country":"DE"}')
    assert (stored.street, stored.note) == ("", "")


def test_a_dataclass_may_have_an_upcaster() -> None:
    codec = TypedCodec(Town | None)
    assert codec.encode(Town("Ulm", "1")) == b'{"@version":1,"name":"Ulm","zip":"1"}'
    assert codec.decode(b'{"name":"Ulm"}') == Town("Ulm", "89073")
    assert TypedCodec(Town | int).encode(5) == b"5"
    assert TypedCodec(Town | int).decode(b'{"name":"Ulm"}') == Town("Ulm", "89073")


@pytest.mark.parametrize("version", [b"3", b"-1", b"true", b'"2"', b"null"])
def test_a_version_that_is_not_known_is_refused(version: bytes) -> None:
    with pytest.raises(ValueError, match=r"class version 2 or older|Expected `int`"):
        DEFAULT_CODEC.decode(Address, NEW.replace(b"2", version, 1))


@pytest.mark.parametrize("data", [b'{"@version":2,"street":"a"}', b'{"town":"Ulm"}', b"5"])
def test_a_value_of_another_shape_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"`town`|`street`|`object`"):
        DEFAULT_CODEC.decode(Address, data)


@frozen
class Moved(AggregateEvent, name="moved"):
    to: Address
    seen: list[Address]


@define
class Person(AggregateRoot[Moved]):
    home: Address | None = None
    _work: Address | None = None

    @applies
    def moved(self, event: Moved) -> None:
        self.home = event.to

    @attribute
    def work(self) -> Address | None:
        return self._work

    apply = moved.exhaustive


def test_a_value_in_an_event_and_in_an_attribute_is_upcast() -> None:
    store = MemoryStore()
    store.append(
        Append(
            [
                Record(STREAM, 0, "moved", 0, 0, b'{"to":%s,"seen":[%s,%s]}' % (OLD, OLDER_ONE, NEW)),
                Record(STREAM, 1, "AttributeChanged", 0, 0, b'{"name":"work","value":%s}' % OLD),
            ],
            FREE,
        )
    )
    people = EventSourcedRepository(Person, store)
    person = people[STREAM]
    assert (person.home, person.work) == (ULM, ULM)
    first, _ = people.events(STREAM)
    assert isinstance(first, Moved)
    assert first.seen == [ULM, ULM]
    person.trigger(Moved, to=ULM, seen=[])
    people.save(person)
    assert [row.data for row in store.read(STREAM)][2] == b'{"to":%s,"seen":[]}' % NEW


def test_an_old_row_with_a_bad_value_names_its_place() -> None:
    store = MemoryStore()
    store.append(Append([Record(STREAM, 0, "moved", 0, 0, b'{"to":{"@version":9},"seen":[]}')], FREE))
    with pytest.raises(StoredDataError, match="Address of class version 2 or older, found 9"):
        EventSourcedRepository(Person, store)[STREAM]


def test_the_items_of_an_array_and_of_a_collection_are_upcast() -> None:
    store = MemoryStore()
    store.append(
        Append(
            [
                Record(STREAM, 0, "ItemAssigned", 0, 0, OLD),
            ],
            FREE,
        )
    )
    store.append(
        Append(
            [
                Record(UUID(int=6), 0, "Collection.Created", 0, 0, b"{}"),
                Record(UUID(int=6), 1, "Collection.ItemAdded", 0, 0, b'{"item":%s}' % OLDER_ONE),
            ],
            FREE,
        )
    )
    assert EventSourcedArrayRepository(Address, store)[STREAM][:] == [ULM]
    assert EventSourcedRepository(Collection[Address], store)[UUID(int=6)].items == {ULM}


class OldState(TypedDict):
    home: Address | None


class NewState(TypedDict):
    home: Address | None
    _work: Address | None


def add_work(old: OldState) -> NewState:
    return {"home": old["home"], "_work": old["home"]}


@define
class Worker(Person, snapshot_upcaster=upcasts(add_work)):
    pass


def test_a_value_in_a_snapshot_is_upcast_where_the_state_has_an_upcaster() -> None:
    store = MemoryStore()
    workers = EventSourcedRepository(Worker, store)
    worker = Worker.create_with_id(STREAM, Moved, to=ULM, seen=[])
    workers.save(worker)
    snapshot = SnapshotCodec(Worker).take(worker)
    stored = snapshot.data.partition(b'"state":')[0] + b'"state":{"home":%s}}' % OLD
    old = type(snapshot)(STREAM, 0, snapshot.timestamp, 0, stored, snapshot.head)
    restored = SnapshotCodec(Worker).restore(old)
    assert (restored.home, restored.work) == (ULM, ULM)


# --- steps of an event around a value --------------------------------------------------------------


class Home(TypedDict):
    to: Address


class Seen(Home):
    seen: list[Address]


class Stored(TypedDict):
    to: Street
    seen: list[Street]


class Today(TypedDict):
    to: Place
    seen: list[Address]


def add_seen(old: Home) -> Seen:
    return {**old, "seen": [old["to"]]}


def as_stored(old: Home) -> Stored:
    return {"to": {"street": old["to"].street}, "seen": [{"street": "Weg 1"}]}


def wrong(old: Home) -> Today:
    return {"to": {"street": "a", "town": "b"}, "seen": [old["to"]]}


@pytest.mark.parametrize("step", [add_seen, as_stored])
def test_a_step_of_an_event_takes_and_returns_values_or_their_oldest_shape(
    step: Callable[[Home], object],
) -> None:
    @frozen
    class Moved2(AggregateEvent, name="moved", upcaster=upcasts(step)):
        to: Address
        seen: list[Address]

    @define
    class Person2(AggregateRoot[Moved2]):
        home: tuple[Address, ...] = ()

        @applies
        def moved(self, event: Moved2) -> None:
            self.home = (event.to, *event.seen)

        apply = moved.exhaustive

    store = MemoryStore()
    store.append(Append([Record(STREAM, 0, "moved", 0, 0, b'{"to":%s}' % OLDER_ONE)], FREE))
    assert EventSourcedRepository(Person2, store)[STREAM].home == (ULM, ULM)


def test_a_step_of_an_event_returns_no_shape_in_between() -> None:
    with pytest.raises(ModelError, match=r"the key 'to': there is no field 'town' to take the key"):

        @frozen
        class Moved3(AggregateEvent, name="moved", upcaster=upcasts(wrong)):
            to: Address
            seen: list[Address]


# --- what is refused -------------------------------------------------------------------------------


class Lost(TypedDict):
    street: str
    planet: str


def lose(old: Street) -> Lost:
    return {"street": old["street"], "planet": "earth"}


@frozen
class Strayed(Value, upcaster=upcasts(lose)):
    street: str


@frozen
class Sub(Address):
    planet: str = "earth"


def around(old: "Nested") -> dict[str, object]:  # noqa: UP037  # because the class follows
    return {"inner": old["inner"]}


@frozen
class Circle(Value, upcaster=upcasts(around)):
    inner: int


class Nested(TypedDict):
    inner: list[Circle]


def test_steps_that_do_not_fit_the_value_are_refused() -> None:
    with pytest.raises(ModelError, match=r"Strayed: .*lose, to return .*Strayed\(street: str\); found Lost"):
        TypedCodec(list[Strayed])
    with pytest.raises(UnsupportedTypeError, match="Circle contains itself"):
        TypedCodec(Circle)


def test_an_upcaster_is_not_inherited() -> None:
    assert TypedCodec(Sub).encode(Sub("a", "b", "c")).startswith(b'{"street":"a"')


def test_what_is_no_upcaster_is_refused() -> None:
    given: Mapping[str, object] = {"upcaster": add_town}
    with pytest.raises(ModelError, match=r"Made: upcaster: expected an Upcaster, found <function add_town"):
        type("Made", (Value,), {}, **given)


# --- former names of members -----------------------------------------------------------------------


@frozen
class Fixed:
    stored_name: ClassVar[str] = "fixed"
    stored_aliases: ClassVar[tuple[str, ...]] = ("Flat", "lump")
    cents: int


@frozen
class Hourly(Generic[T]):
    stored_aliases: ClassVar[tuple[str, ...]] = ("PerHour",)
    cents: T


Price: TypeAlias = Fixed | Hourly[int]


@pytest.mark.parametrize("tag", [b"fixed", b"Flat", b"lump"])
def test_a_member_is_read_by_its_name_and_its_former_names(tag: bytes) -> None:
    assert DEFAULT_CODEC.decode(Price, b'{"%s":{"cents":5}}' % tag) == Fixed(5)
    assert DEFAULT_CODEC.encode(Price, Fixed(5)) == b'{"fixed":{"cents":5}}'
    assert DEFAULT_CODEC.decode(list[Price | None], b'[{"PerHour":{"cents":5}}]') == [Hourly(5)]


@frozen
class Lump:
    stored_aliases: ClassVar[tuple[str, ...]] = ("lump",)


@frozen
class Named:
    stored_name: ClassVar[str] = "Flat"


@frozen
class NoTuple:
    stored_aliases: ClassVar[str] = "Flat"


@frozen
class NoTexts:
    stored_aliases: ClassVar[tuple[int, ...]] = (5,)


@pytest.mark.parametrize("other", [Lump, Named])
def test_a_former_name_belongs_to_one_member(other: type[object]) -> None:
    for union in (Fixed | other, other | Fixed):
        with pytest.raises(
            UnsupportedTypeError, match=r"two members that are or were stored as '(lump|Flat)'"
        ):
            DEFAULT_CODEC.encode(union, Fixed(5))


@pytest.mark.parametrize("other", [NoTuple, NoTexts])
def test_former_names_are_a_tuple_of_texts(other: type[object]) -> None:
    with pytest.raises(
        UnsupportedTypeError, match=rf"{other.__name__}.stored_aliases: expected a tuple of texts"
    ):
        DEFAULT_CODEC.encode(Fixed | other, Fixed(5))
