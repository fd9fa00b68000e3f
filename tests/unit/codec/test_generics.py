"""What the type variables of generic classes stand for, alone and where values are carried."""

# A class that applies one event more has another `apply` than its base says, and that is right: nobody
# assigns to it again. The check is no part of `mypy --strict`.
# mypy: disable-error-code="mutable-override"

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import (
    Annotated,
    Final,
    Generic,
    Literal,
    NamedTuple,
    Optional,
    TypeAlias,
    TypeVar,
    Union,
    get_type_hints,
)
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Collection,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    PayloadError,
    applies,
    attribute,
    ignores,
)
from esmodel.codec.codec import TypedCodec
from esmodel.codec.typevars import bind, bound_in, class_of
from esmodel.exceptions import StoredDataError, UnsupportedTypeError
from esmodel.model import StoredAggregate
from esmodel.stores.memory import MemoryStore

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
STREAM: Final = UUID(int=14)


# --- plain classes ---------------------------------------------------------------------------------


class Plain:
    """No generic class."""


class Root(Generic[T]):
    """Generic in one type."""


class Two(Generic[T, U]):
    """Generic in two types."""


class Fixed(Root[int]):
    """No longer generic."""


class Passed(Root[T], Generic[T]):
    """The type variable of the base, with the meaning that it has there."""


class Wrapped(Root[Root[T]], Generic[T]):
    """The type variable of the base, with another meaning than there."""


class WrappedTwice(Wrapped[Root[T]], Generic[T]):
    """The same once more."""


class Innermost(WrappedTwice[int]):
    """No longer generic, three levels up from the root."""


class Renamed(Root[U], Generic[U]):
    """Another type variable than that of the base."""


class Swapped(Two[U, T], Generic[T, U]):
    """Both type variables of the base, the other way round."""


class Half(Two[int, T], Generic[T]):
    """One of two type variables is bound; the one left has the name of the other."""


class Whole(Half[str]):
    """Both are bound, on two levels."""


class Bare(Root):  # type: ignore[type-arg]  # because what it stands for is open
    """A base without its type."""


class Left(Root[T], Generic[T]):
    """One side of a diamond."""


class Right(Root[T], Generic[T]):
    """The other side."""


class Diamond(Left[int], Right[int]):
    """The root is reached on two ways."""


class HalfBareDiamond(Bare, Left[int]):
    """The root is reached on two ways, and only the second knows its type."""


class BareHalfDiamond(Left[int], Bare):
    """The root is reached on two ways, and only the first knows its type."""


class OpenDiamond(Left[T], Right[T], Generic[T]):
    """A diamond that is still generic."""


def test_the_class_of_a_class_is_that_class() -> None:
    assert class_of(Plain) is Plain
    assert class_of(Root) is Root
    assert class_of(Fixed) is Fixed
    assert class_of(int) is int


def test_the_class_of_a_generic_class_with_its_types_is_without_them() -> None:
    assert class_of(Root[int]) is Root
    assert class_of(Two[int, str]) is Two
    assert class_of(Root[Root[int]]) is Root
    assert class_of(list[int]) is list
    assert class_of(Collection[str]) is Collection


def hints_of(cls: type[object]) -> dict[str, object]:
    """Return the types of the fields of a class, as the codec takes them."""
    hints: dict[str, object] = get_type_hints(cls, include_extras=True)
    return hints


BOUND: Final[Mapping[object, object]] = {T: int, U: str}


class Open(Generic[T, U, V]):
    """Types in which two variables are bound."""

    variable: T
    root: Root[T]
    nested: Root[Root[T]]
    two: Two[T, U]
    swapped: Two[U, T]
    same: Two[T, T]
    half: Two[T, V]
    other_half: Two[V, T]
    mixed: Two[Root[T], U]
    of_list: Root[list[T]]
    of_dict: Root[dict[U, list[T]]]
    annotated: Annotated[T, "noted"]
    optional: Optional[T]  # noqa: UP045  # because it is made in another way than `T | None`
    or_none: T | None
    either: T | U
    union: Union[T, U, None]  # noqa: UP007  # as above
    root_or_none: Root[T] | None
    list_or_none: list[T] | None
    lists: list[T] | dict[str, U] | None
    of_union: Root[list[T] | None]
    open: V
    open_root: Root[V]
    plain: int
    closed: Root[str]
    closed_list: list[str]
    literal: Literal["a"]
    nothing: None


class Closed(Generic[V]):
    """The same types, when T is int and U is str."""

    variable: int
    root: Root[int]
    nested: Root[Root[int]]
    two: Two[int, str]
    swapped: Two[str, int]
    same: Two[int, int]
    half: Two[int, V]
    other_half: Two[V, int]
    mixed: Two[Root[int], str]
    of_list: Root[list[int]]
    of_dict: Root[dict[str, list[int]]]
    annotated: Annotated[int, "noted"]
    optional: int | None
    or_none: int | None
    either: int | str
    union: int | str | None
    root_or_none: Root[int] | None
    list_or_none: list[int] | None
    lists: list[int] | dict[str, str] | None
    of_union: Root[list[int] | None]
    open: V
    open_root: Root[V]
    plain: int
    closed: Root[str]
    closed_list: list[str]
    literal: Literal["a"]
    nothing: None


class OpenBuiltins(Generic[T, U, V]):
    """Types that the language brings, in which two variables are bound."""

    a_list: list[T]
    a_set: set[T]
    a_frozenset: frozenset[T]
    a_row: tuple[T, ...]
    a_tuple: tuple[T, U]
    a_triple: tuple[U, T, U]
    a_dict: dict[str, T]
    a_rich_dict: dict[U, list[T]]
    of_roots: list[Root[T]]
    of_lists: list[list[T]]
    a_sequence: Sequence[T]
    a_mapping: Mapping[U, T]
    half: dict[T, V]
    open: list[V]


class ClosedBuiltins(Generic[V]):
    """The same types, when T is int and U is str."""

    a_list: list[int]
    a_set: set[int]
    a_frozenset: frozenset[int]
    a_row: tuple[int, ...]
    a_tuple: tuple[int, str]
    a_triple: tuple[str, int, str]
    a_dict: dict[str, int]
    a_rich_dict: dict[str, list[int]]
    of_roots: list[Root[int]]
    of_lists: list[list[int]]
    a_sequence: Sequence[int]
    a_mapping: Mapping[str, int]
    half: dict[int, V]
    open: list[V]


OPEN: Final = hints_of(Open)
CLOSED: Final = hints_of(Closed)
OPEN_BUILTINS: Final = hints_of(OpenBuiltins)
CLOSED_BUILTINS: Final = hints_of(ClosedBuiltins)


def test_each_open_type_has_a_closed_one() -> None:
    assert OPEN.keys() == CLOSED.keys()
    assert OPEN_BUILTINS.keys() == CLOSED_BUILTINS.keys()


@pytest.mark.parametrize("name", OPEN)
def test_a_bound_variable_is_replaced(name: str) -> None:
    assert bind(OPEN[name], BOUND) == CLOSED[name]


@pytest.mark.parametrize("name", OPEN_BUILTINS)
def test_a_bound_variable_is_replaced_in_what_the_language_brings(name: str) -> None:
    assert bind(OPEN_BUILTINS[name], BOUND) == CLOSED_BUILTINS[name]


@pytest.mark.parametrize("name", OPEN)
def test_a_type_stays_where_nothing_is_bound(name: str) -> None:
    assert bind(OPEN[name], {}) == OPEN[name]


@pytest.mark.parametrize("plain", [int, None, Plain, Root, list, Fixed, "T", 5])
def test_what_has_no_variable_to_replace_stays(plain: object) -> None:
    assert bind(plain, BOUND) is plain


def test_a_variable_that_stands_for_another_is_replaced_once() -> None:
    assert bind(OPEN["two"], {T: U, U: T}) == OPEN["swapped"]
    assert bind(OPEN["variable"], {T: OPEN["root"]}) == OPEN["root"]
    assert bind(OPEN["root"], {T: OPEN["root"]}) == OPEN["nested"]


def test_a_variable_may_stand_for_none() -> None:
    assert bind(OPEN["root"], {T: None}) == Root[None]


def meanings(cls: type[object], *arguments: object) -> dict[type[object], dict[object, object]]:
    """Return what is bound, of the classes for which anything is."""
    found = bound_in(cls, arguments)
    return {each: dict(bound) for each, bound in found.items() if bound}


def test_nothing_is_bound_in_a_plain_class() -> None:
    assert meanings(Plain) == {}
    assert meanings(int) == {}


def test_a_generic_class_without_its_types_binds_nothing() -> None:
    assert meanings(Root) == {}
    assert meanings(Bare) == {}
    assert Root in bound_in(Bare)


def test_a_generic_class_binds_its_own_types() -> None:
    assert meanings(Root, int) == {Root: {T: int}}
    assert meanings(Two, int, str) == {Two: {T: int, U: str}}


def test_each_base_is_there_bound_or_not() -> None:
    assert set(bound_in(Whole)) == set(Whole.__mro__)
    assert set(bound_in(Diamond)) == set(Diamond.__mro__)
    assert set(bound_in(Innermost)) == set(Innermost.__mro__)


def test_a_base_is_bound_by_its_subclass() -> None:
    assert meanings(Fixed) == {Root: {T: int}}


def test_what_is_passed_on_is_bound_in_both() -> None:
    assert meanings(Passed, int) == {Passed: {T: int}, Root: {T: int}}


def test_one_variable_has_a_meaning_on_each_level() -> None:
    assert meanings(Wrapped, int) == {Wrapped: {T: int}, Root: {T: Root[int]}}
    assert meanings(Innermost) == {
        WrappedTwice: {T: int},
        Wrapped: {T: Root[int]},
        Root: {T: Root[Root[int]]},
    }


def test_another_variable_is_bound_under_the_name_of_each_level() -> None:
    assert meanings(Renamed, int) == {Renamed: {U: int}, Root: {T: int}}
    assert meanings(Swapped, int, str) == {Swapped: {T: int, U: str}, Two: {T: str, U: int}}


def test_types_are_bound_on_several_levels() -> None:
    assert meanings(Half, str) == {Half: {T: str}, Two: {T: int, U: str}}
    assert meanings(Whole) == {Half: {T: str}, Two: {T: int, U: str}}


def test_what_is_left_open_stays_a_variable() -> None:
    assert meanings(Half) == {Two: {T: int, U: T}}
    assert meanings(Wrapped) == {Root: {T: OPEN["root"]}}


def test_a_diamond_is_bound_once() -> None:
    assert meanings(Diamond) == {Left: {T: int}, Right: {T: int}, Root: {T: int}}
    assert meanings(OpenDiamond, str) == {
        OpenDiamond: {T: str},
        Left: {T: str},
        Right: {T: str},
        Root: {T: str},
    }


def test_a_base_without_its_type_does_not_hide_one_that_has_it() -> None:
    assert meanings(HalfBareDiamond) == {Left: {T: int}, Root: {T: int}}
    assert meanings(BareHalfDiamond) == {Left: {T: int}, Root: {T: int}}


# --- attrs classes ---------------------------------------------------------------------------------

Some: TypeAlias = list[T] | dict[str, T] | None


@frozen
class Pair(Generic[T]):
    left: T
    right: T


@frozen
class Named(Pair[str], Generic[T]):
    """The type variable is that of the base, which is bound to something else there."""

    value: T


@frozen
class Paired(Pair[Pair[T]], Generic[T]):
    """The type variable is that of the base, which stands for more there."""

    value: T


@frozen
class Deep(Paired[Named[T]], Generic[T]):
    """The same once more."""

    deepest: T


@frozen
class Mixed(Generic[T, U]):
    some: Some[T]
    others: tuple[U, ...] = ()
    nested: Pair[T] | None = None
    of_both: dict[str, Pair[U]] | None = None


@frozen
class HalfMixed(Mixed[int, T], Generic[T]):
    """One of two types is given."""


@frozen
class WholeMixed(HalfMixed[str]):
    """Both are given."""


@frozen
class OfLists(Generic[T]):
    pair: Pair[list[T]]


@frozen
class ListPair(Pair[list[T]], Generic[T]):
    value: T


@define
class Loose(Generic[T]):
    """Neither frozen, nor with slots only in its subclass."""

    value: T


@define(slots=False)
class LooseChild(Loose[int]):
    other: str


def test_attrs_classes_with_slots_bind_their_bases() -> None:
    assert meanings(Named, int) == {Named: {T: int}, Pair: {T: str}}
    assert meanings(Paired, int) == {Paired: {T: int}, Pair: {T: Pair[int]}}
    assert meanings(Deep, int) == {
        Deep: {T: int},
        Paired: {T: Named[int]},
        Pair: {T: Pair[Named[int]]},
    }
    assert meanings(WholeMixed) == {HalfMixed: {T: str}, Mixed: {T: int, U: str}}


def test_an_attrs_class_binds_its_base_to_a_list() -> None:
    assert meanings(ListPair, int) == {ListPair: {T: int}, Pair: {T: list[int]}}


def comes_back(codec: TypedCodec[T], value: T) -> None:
    """Check that a value is carried as it is, with its types."""
    read = codec.decode(codec.encode(value))
    assert (read, repr(read)) == (value, repr(value))


def test_fields_of_a_generic_class_have_its_type() -> None:
    codec = TypedCodec(Pair[Decimal])
    comes_back(codec, Pair(Decimal("1.50"), Decimal(0)))
    loaded = codec.decode(b'{"left":"1.50","right":"0"}')
    assert type(loaded.left) is Decimal
    comes_back(TypedCodec(Pair[int | None]), Pair(None, 5))
    comes_back(TypedCodec(Pair[Pair[int]]), Pair(Pair(1, 2), Pair(3, 4)))


def test_inherited_fields_have_the_type_that_the_base_was_given() -> None:
    number: Decimal = Decimal("1.50")
    codec = TypedCodec(Named[Decimal])
    comes_back(codec, Named("a", "b", number))
    assert codec.encode(Named("a", "b", number)) == b'{"left":"a","right":"b","value":"1.50"}'
    loaded = codec.decode(b'{"left":"1","right":"2","value":"3"}')
    assert (loaded.left, loaded.right, loaded.value) == ("1", "2", Decimal(3))
    with pytest.raises(PayloadError, match=r"Expected `str`, got `int` - at `\$\.left`"):
        codec.encode(Named(1, "b", number))  # type: ignore[arg-type]  # because it is to be refused


def test_one_variable_on_two_levels_is_carried_with_both_meanings() -> None:
    comes_back(TypedCodec(Paired[int]), Paired(Pair(1, 2), Pair(3, 4), 5))
    named = Named("a", "b", 1)
    deep = Deep(Pair(named, named), Pair(named, named), named, 5)
    comes_back(TypedCodec(Deep[int]), deep)
    with pytest.raises(PayloadError):
        TypedCodec(Deep[int]).encode(Deep(Pair(named, named), Pair(named, named), named, "5"))  # type: ignore[arg-type]


def test_an_alias_of_a_union_has_the_type_of_the_class() -> None:
    codec = TypedCodec(Mixed[int, str])
    comes_back(codec, Mixed([1, 2], ("a",), Pair(1, 2), {"x": Pair("a", "b")}))
    comes_back(codec, Mixed({"one": 1}))
    comes_back(codec, Mixed(None))
    with pytest.raises(PayloadError):
        codec.encode(Mixed(["1"]))  # type: ignore[list-item]  # because it is to be refused


def test_a_class_that_is_bound_on_several_levels_is_carried() -> None:
    comes_back(TypedCodec(HalfMixed[str]), HalfMixed([1], ("a",)))
    comes_back(TypedCodec(WholeMixed), WholeMixed([1], ("a",), Pair(1, 2), {"x": Pair("a", "b")}))
    with pytest.raises(PayloadError):
        TypedCodec(WholeMixed).encode(WholeMixed([1], (5,)))  # type: ignore[arg-type]  # to be refused


def test_a_class_without_slots_is_carried() -> None:
    comes_back(TypedCodec(LooseChild), LooseChild(5, "a"))
    with pytest.raises(PayloadError):
        TypedCodec(LooseChild).encode(LooseChild("5", "a"))  # type: ignore[arg-type]  # to be refused


def test_one_generic_class_is_carried_with_two_types() -> None:
    comes_back(TypedCodec(tuple[Pair[int], Pair[str]]), (Pair(1, 2), Pair("1", "2")))
    comes_back(TypedCodec(Named[int] | Pair[str]), Named("a", "b", 1))
    comes_back(TypedCodec(Named[int] | Pair[str]), Pair("a", "b"))


def test_one_generic_class_with_two_types_is_no_sum_type() -> None:
    with pytest.raises(UnsupportedTypeError, match="two members that are written as 'Pair'"):
        TypedCodec(Pair[int] | Pair[str])


def test_an_open_variable_is_refused() -> None:
    refused: Sequence[tuple[type[object], str]] = ((Pair, "Pair.left"), (Named, "Named.value"))
    for each, field in refused:
        with pytest.raises(UnsupportedTypeError, match=f"{field}: the type variable ~T is open"):
            TypedCodec(each)


def test_a_list_is_given_to_a_generic_field() -> None:
    comes_back(TypedCodec(OfLists[int]), OfLists(Pair([1], [2])))


def test_a_list_is_given_to_a_generic_base() -> None:
    comes_back(TypedCodec(ListPair[int]), ListPair([1], [2], 3))


def test_a_list_is_given_from_the_outside() -> None:
    comes_back(TypedCodec(Pair[list[int]]), Pair([1], [2]))
    comes_back(TypedCodec(Named[dict[str, int]]), Named("a", "b", {"x": 1}))


def test_generic_items_are_kept_in_collections_and_arrays() -> None:
    store = MemoryStore()
    collections = EventSourcedRepository(Collection[Named[int]], store, snapshot_every=2)
    collection = Collection[Named[int]].register(STREAM)
    collection.add_item(Named("a", "b", 1))
    collections.save(collection)
    collection.remove_item(Named("a", "b", 1))
    collection.add_item(Named("a", "b", 2))
    collections.save(collection)
    assert collections[STREAM].items == {Named("a", "b", 2)}
    with pytest.raises(StoredDataError):
        EventSourcedRepository(Collection[Named[str]], store).verify(STREAM)
    array = EventSourcedBigArrayRepository(Named[int] | Pair[int], store)[UUID(int=15)]
    array.extend([Named("a", "b", 1), Pair(1, 2)])
    assert array[:] == [Named("a", "b", 1), Pair(1, 2)]


# --- events and aggregates -------------------------------------------------------------------------


@frozen(kw_only=True)
class Kept(AggregateEvent, Generic[T]):
    value: T


@frozen(kw_only=True)
class Labelled(Kept[str], Generic[T]):
    """An event whose base is bound to something else."""

    more: T


@define
class Keeper(AggregateRoot[Kept[T]], Generic[T]):
    value: T
    values: tuple[T, ...] = ()

    @applies
    def kept(self, event: Kept[T]) -> None:
        self.value = event.value
        self.values += (event.value,)

    apply = kept.exhaustive


@define
class NumberKeeper(Keeper[int]):
    """Its type is given."""


class NameKeeper(Keeper[str]):
    """Its type is given, and it declares nothing."""


@define
class PairKeeper(Keeper[Pair[T]], Generic[T]):
    """The type variable of the base, with another meaning than there, and a field of its own."""

    own: T | None = None


@define
class NumberPairKeeper(PairKeeper[int]):
    """Its type is given, on the second level."""


@define
class ListKeeper(Keeper[list[T]], Generic[T]):
    """The type variable of the base stands for a list."""


@define
class TwoKeeper(AggregateRoot[Kept[T] | Labelled[U]], Generic[T, U]):
    value: T | None = None
    more: U | None = None

    @applies
    def kept(self, event: Kept[T]) -> None:
        self.value = event.value

    @applies
    def labelled(self, event: Labelled[U]) -> None:
        self.more = event.more

    apply = (kept | labelled).exhaustive


@define
class HalfKeeper(TwoKeeper[int, T], Generic[T]):
    """One of two types is given."""


@define
class WholeKeeper(HalfKeeper[Pair[str]]):
    """Both are given."""


def test_a_concrete_class_of_a_generic_one_is_kept() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(NumberKeeper, store)
    keeper = NumberKeeper.create_with_id(STREAM, Kept[int], value=1)
    keeper.trigger(Kept[int], value=2)
    keepers.save(keeper)
    assert keepers[STREAM] == keeper
    assert keepers[STREAM].values == (1, 2)
    keepers.take_snapshot(STREAM)
    assert keepers[STREAM] == keeper
    assert keepers.get_entity(STREAM, at=0).values == (1,)
    keeper.trigger(Kept[int], value="3")  # type: ignore[arg-type]  # because it is to be refused
    with pytest.raises(PayloadError, match="Expected `int`, got `str`"):
        keepers.save(keeper)


def test_two_concrete_classes_of_a_generic_one_are_kept_apart() -> None:
    store = MemoryStore()
    numbers, names = EventSourcedRepository(NumberKeeper, store), EventSourcedRepository(NameKeeper, store)
    numbers.save(NumberKeeper.create_with_id(STREAM, Kept[int], value=1))
    name = NameKeeper.create(Kept[str], value="one")
    names.save(name)
    names.take_snapshot(name.id)
    assert names[name.id].values == ("one",)
    assert numbers[STREAM].value == 1
    with pytest.raises(StoredDataError, match="Expected `str`, got `int`"):
        names[STREAM]


def test_a_generic_class_is_kept_with_its_type() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(Keeper[Decimal], store, snapshot_every=2)
    keeper = Keeper[Decimal].create_with_id(STREAM, Kept[Decimal], value=Decimal("1.50"))
    keeper.trigger(Kept[Decimal], value=Decimal(2))
    keepers.save(keeper)
    found = store.read_snapshot(STREAM)
    assert found is not None
    assert b'{"value":"2","values":["1.50","2"]}' in found.data
    assert keepers[STREAM] == keeper
    keeper.trigger(Kept[Decimal], value=Decimal(3))
    keepers.save(keeper)
    assert [type(value) for value in keepers[STREAM].values] == [Decimal] * 3


def test_one_variable_on_two_levels_of_aggregates_has_both_meanings() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(NumberPairKeeper, store, snapshot_every=2)
    keeper = NumberPairKeeper.create_with_id(STREAM, Kept[Pair[int]], value=Pair(1, 2))
    keepers.save(keeper)
    keeper.trigger(Kept[Pair[int]], value=Pair(3, 4))
    keepers.save(keeper)
    assert keepers[STREAM] == keeper
    assert keepers[STREAM].value == Pair(3, 4)
    assert list(keepers.events(STREAM)) == [
        Kept[Pair[int]](STREAM, 0, keeper.created_on, value=Pair(1, 2)),
        Kept[Pair[int]](STREAM, 1, keeper.last_modified, value=Pair(3, 4)),
    ]
    names = EventSourcedRepository(PairKeeper[str], store, snapshot_every=1)
    named = PairKeeper[str].create(Kept[Pair[str]], value=Pair("a", "b"))
    names.save(named)
    assert names[named.id] == named


def test_a_list_is_given_to_a_generic_aggregate() -> None:
    keepers = EventSourcedRepository(ListKeeper[int], MemoryStore(), snapshot_every=1)
    keeper = ListKeeper[int].create_with_id(STREAM, Kept[list[int]], value=[1, 2])
    keepers.save(keeper)
    assert keepers[STREAM] == keeper


def test_a_generic_class_of_collections_is_kept() -> None:
    keepers = EventSourcedRepository(Places[int], MemoryStore(), snapshot_every=1)
    places = Places[int].register(STREAM)
    places.add_item((1, 2))
    keepers.save(places)
    assert keepers[STREAM].items == {(1, 2)}


class Places(Collection[tuple[T, ...]], Generic[T]):
    """Collections of places, in coordinates of a type that is open."""


def test_types_that_are_given_on_several_levels_reach_the_events() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(WholeKeeper, store, snapshot_every=3)
    keeper = WholeKeeper.create_with_id(STREAM, Kept[int], value=1)
    keeper.trigger(Labelled[Pair[str]], value="label", more=Pair("a", "b"))
    keepers.save(keeper)
    assert keepers[STREAM] == keeper
    keeper.trigger(Kept[int], value=2)
    keepers.save(keeper)
    assert (keepers[STREAM].value, keepers[STREAM].more) == (2, Pair("a", "b"))
    assert [row.data for row in store.read(STREAM)] == [
        b'{"value":1}',
        b'{"value":"label","more":{"left":"a","right":"b"}}',
        b'{"value":2}',
    ]
    halves = EventSourcedRepository(HalfKeeper[Pair[str]], store)
    assert halves[STREAM].more == Pair("a", "b")


def test_an_inherited_field_of_an_event_has_the_type_that_its_base_was_given() -> None:
    keepers = EventSourcedRepository(WholeKeeper, MemoryStore())
    keeper = WholeKeeper.create(Kept[int], value=1)
    keeper.trigger(Labelled[Pair[str]], value=5, more=Pair("a", "b"))  # type: ignore[arg-type]
    with pytest.raises(PayloadError, match=r"Expected `str`, got `int` - at `\$\.value`"):
        keepers.save(keeper)


def test_an_aggregate_whose_type_is_open_is_refused() -> None:
    refused: Sequence[type[StoredAggregate]] = (Keeper, PairKeeper, HalfKeeper)
    for each in refused:
        with pytest.raises(UnsupportedTypeError, match=r"the type variable ~\w is open"):
            EventSourcedRepository(each, MemoryStore())


@frozen(kw_only=True)
class Sealed(HashchainedEvent, Generic[T]):
    value: T


@define
class Vault(HashchainedAggregateRoot[Sealed[T]], Generic[T]):
    value: T

    @applies
    def sealed(self, event: Sealed[T]) -> None:
        self.value = event.value

    apply = sealed.exhaustive


@define
class NumberVault(Vault[int]):
    """Its type is given."""


def test_a_concrete_class_of_a_generic_chain_is_kept() -> None:
    store = MemoryStore()
    vaults = EventSourcedRepository(NumberVault, store, snapshot_every=2)
    vault = NumberVault.create_with_id(STREAM, Sealed[int], value=1)
    vault.trigger(Sealed[int], value=2)
    vault.trigger(Sealed[int], value=3)
    vaults.save(vault)
    assert vaults[STREAM] == vault
    assert vaults.verify(STREAM) == 3


@define
class Setting(AggregateRoot[Kept[T]], Generic[T]):
    _value: T

    @attribute
    def value(self) -> T:
        return self._value

    @applies
    def kept(self, event: Kept[T]) -> None:
        self._value = event.value

    apply = kept.exhaustive


@define
class NumberSetting(Setting[int]):
    """Its type is given."""


def test_an_attribute_of_a_generic_class_has_its_type() -> None:
    settings = EventSourcedRepository(NumberSetting, MemoryStore())
    setting = NumberSetting.create_with_id(STREAM, Kept[int], value=1)
    setting.value = 2
    settings.save(setting)
    assert settings[STREAM].value == 2


@frozen(kw_only=True)
class Retired(AggregateEvent, Generic[T]):
    """Applied where it was recorded, and no longer triggered: it is in no union."""

    value: T


@define
class Archive(AggregateRoot[Kept[T]], Generic[T]):
    value: T | None = None

    @applies
    def retired(self, event: Retired[T]) -> None:
        self.value = event.value

    kept = ignores(Kept[T])
    apply = (kept | retired).exhaustive


@define
class NumberArchive(Archive[int]):
    """Its type is given."""


@define
class PairArchive(Archive[Pair[T]], Generic[T]):
    """The type variable of the base, with another meaning than there."""


def test_an_event_that_is_only_applied_has_the_type_of_its_class() -> None:
    archives = EventSourcedRepository(NumberArchive, MemoryStore())
    archive = NumberArchive.create_with_id(STREAM, Retired[int], value=1)  # type: ignore[arg-type]
    archives.save(archive)
    assert archives[STREAM].value == 1


def test_an_event_that_is_only_applied_has_the_meaning_of_its_own_level() -> None:
    archives = EventSourcedRepository(PairArchive[int], MemoryStore())
    archive = PairArchive[int].create_with_id(STREAM, Retired[Pair[int]], value=Pair(1, 2))  # type: ignore[arg-type]
    archives.save(archive)
    assert archives[STREAM].value == Pair(1, 2)


class Titled(NamedTuple):
    """Its base is written as a function."""

    name: str


def test_a_base_that_is_no_class_binds_nothing() -> None:
    assert not any(bound_in(Titled).values())
