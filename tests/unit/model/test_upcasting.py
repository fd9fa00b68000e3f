"""What upcaster steps are given and may return, and models that are refused before an old row is read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from types import GenericAlias
from typing import Any, Final, Generic, NamedTuple, Never, NotRequired, TypedDict, TypeVar
from uuid import UUID

import pytest
from attrs import define, field, frozen, validators

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Codec,
    EventSourcedArrayRepository,
    EventSourcedRepository,
    ModelError,
    TypeHook,
    ignores,
    upcasts,
)
from esmodel.codec.upcasting import Upcasting
from esmodel.exceptions import PayloadError, StoredDataError, UnsupportedTypeError
from esmodel.model import Upcaster
from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=5)
ROW: Final = b'{"cents":5,"note":"rent, March"}'
T = TypeVar("T")


class Cents(TypedDict):
    cents: int


class CentsIn(Cents):
    currency: str


@frozen
class CentsAttrs:
    cents: int


@frozen
class CentsInAttrs:
    cents: int
    currency: str = "EUR"


@dataclass
class CentsData:
    cents: int


@dataclass
class CentsInData:
    cents: int
    currency: str


def by_dict(old: Cents) -> CentsIn:
    return {**old, "currency": "EUR"}


def by_attrs(old: CentsAttrs) -> CentsInAttrs:
    return CentsInAttrs(old.cents)


def by_data(old: CentsData) -> CentsInData:
    return CentsInData(old.cents, "EUR")


def by_json(old: dict[str, object]) -> dict[str, object]:
    return {**old, "currency": "EUR"}


def from_dict_to_json(old: Cents) -> dict[str, object]:
    return {**old, "currency": "EUR"}


@frozen(kw_only=True)
class Paid(AggregateEvent, name="paid", upcaster=upcasts(by_dict)):
    cents: int
    currency: str
    note: str = ""


@define
class Account(AggregateRoot[Paid]):
    apply = ignores(Paid).exhaustive


def chain_of(
    takes: object, returns: object = dict[str, object], run: Callable[[Never], object] = dict[str, object]
) -> Upcaster[Never, object]:
    """Return an upcaster of one step with any types; ``None`` leaves one out."""

    def step(old: Never) -> object:
        return run(old)

    step.__annotations__ = {"old": takes} if returns is None else {"old": takes, "return": returns}
    return upcasts(step)


def upcasting_of(
    chain: Upcaster[Never, object], current: object = object, codec: Codec | None = None
) -> Upcasting:
    shapes = (codec or Codec()).shapes()
    return Upcasting("Paid", chain, shapes.wire, shapes.wire(current))


def returned(value: object, codec: Codec | None = None) -> bytes:
    """Return the JSON of what a step without a typed result returned."""
    return upcasting_of(chain_of(object, object, lambda _: value), codec=codec).run(b"{}", 0)


# --- keys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [by_dict, by_attrs, by_data, by_json, from_dict_to_json])
def test_keys_that_a_step_does_not_name_are_kept(step: Callable[[Never], object]) -> None:
    assert upcasting_of(upcasts(step)).run(ROW, 0) in {
        b'{"note":"rent, March","cents":5,"currency":"EUR"}',
        b'{"cents":5,"note":"rent, March","currency":"EUR"}',
    }


def test_a_kept_key_comes_back_from_a_store() -> None:
    store = MemoryStore()
    store.append(Append([Record(STREAM, 0, "paid", 0, 0, ROW)], FREE))
    (event,) = EventSourcedRepository(Account, store).events(STREAM)
    assert event == Paid(STREAM, 0, event.timestamp, cents=5, currency="EUR", note="rent, March")


def test_a_kept_value_is_kept_byte_by_byte() -> None:
    row = b'{"cents":5,"note":[1.50,1e3,"\\u00e9"]}'
    assert b'"note":[1.50,1e3,"\\u00e9"]' in upcasting_of(upcasts(by_dict)).run(row, 0)


@pytest.mark.parametrize("step", [by_dict])
def test_a_step_that_would_replace_a_key_that_it_does_not_name_is_refused(
    step: Callable[[Never], object],
) -> None:
    row = b'{"cents":5,"currency":"USD"}'
    with pytest.raises(PayloadError, match="to name the key 'currency' in the type of its parameter"):
        upcasting_of(upcasts(step)).run(row, 0)


def test_a_step_may_return_what_is_stored_for_a_key_that_it_does_not_name() -> None:
    row = b'{"cents":5,"currency":"EUR"}'
    assert upcasting_of(upcasts(by_dict)).run(row, 0) == b'{"currency":"EUR","cents":5}'


def keep_the_default(old: CentsAttrs) -> CentsInAttrs:
    return CentsInAttrs(old.cents)


def test_the_default_of_a_class_does_not_replace_what_is_kept() -> None:
    row = b'{"cents":5,"currency":"USD"}'
    assert upcasting_of(upcasts(keep_the_default)).run(row, 0) == b'{"currency":"USD","cents":5}'


class Noted(TypedDict):
    cents: int
    note: NotRequired[str]


def drop_the_note(old: Noted) -> Cents:
    return {"cents": old["cents"]}


def test_a_step_removes_a_key_that_only_its_parameter_names() -> None:
    assert upcasting_of(upcasts(drop_the_note)).run(ROW, 0) == b'{"cents":5}'


def test_a_key_that_neither_a_step_nor_the_event_names_is_an_error() -> None:
    store = MemoryStore()
    store.append(Append([Record(STREAM, 0, "paid", 0, 0, b'{"cents":5,"colour":"red"}')], FREE))
    with pytest.raises(StoredDataError, match="unknown field `colour`"):
        EventSourcedRepository(Account, store)[STREAM]


@frozen
class Cash:
    cents: int


@frozen
class Card:
    number: str


@pytest.mark.parametrize(("returns", "value"), [(int, 5), (Cash | Card, Cash(5))])
def test_a_key_that_the_result_has_no_place_for_is_an_error(returns: object, value: object) -> None:
    upcasting = upcasting_of(chain_of(Cents, returns, lambda _: value), returns)
    assert upcasting.run(b'{"cents":5}', 0) in {b"5", b'{"Cash":{"cents":5}}'}
    with pytest.raises(PayloadError, match=r"expected the upcaster step .*step to name the key 'note'"):
        upcasting.run(ROW, 0)


# --- history --------------------------------------------------------------------------------------


@frozen
class Positive:
    number: int = field(validator=validators.gt(0), converter=abs)


@dataclass
class Checked:
    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError("expected a positive number")


class Old(TypedDict, Generic[T]):
    number: T


@pytest.mark.parametrize("nested", [Positive, Checked])
def test_no_rule_of_today_runs_on_what_a_step_is_given(nested: type[Positive | Checked]) -> None:
    seen: list[int] = []

    def look(old: Old[Positive]) -> dict[str, object]:
        seen.append(old["number"].number)
        return {"number": old["number"]}

    look.__annotations__["old"] = GenericAlias(Old, (nested,))
    upcasting = upcasting_of(upcasts(look))
    assert upcasting.run(b'{"number":{"number":-5}}', 0) == b'{"number":{"number":-5}}'
    assert seen == [-5]


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hint", [dict[str, object], dict[str, Any], dict, Mapping, Mapping[str, object], object, Any]
)
def test_a_step_of_an_open_type_is_given_json_as_stored(hint: object) -> None:
    seen: list[object] = []

    def keep(old: object) -> object:
        seen.append(old)
        return old

    data = b'{"a":[1,1.5,null,true,{"b":"c"}],"big":1180591620717411303424}'
    assert upcasting_of(chain_of(hint, hint, keep)).run(data, 0) == data
    assert seen == [{"a": [1, 1.5, None, True, {"b": "c"}], "big": 2**70}]


class OpenField(TypedDict):
    rows: list[object]
    bare: object
    more: object | None
    each: dict[str, dict[str, object]]


OpenField.__annotations__["bare"] = list


def test_an_open_type_may_be_nested() -> None:
    data = b'{"rows":[1,"a"],"bare":[{}],"more":null,"each":{"a":{"b":[1]}}}'
    assert upcasting_of(chain_of(OpenField, OpenField)).run(data, 0) == data
    data = data.replace(b"null", b'{"c":[1.5]}')
    assert upcasting_of(chain_of(OpenField, OpenField)).run(data, 0) == data


class Colour(Enum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: Decimal


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (Decimal("1.10"), b'"1.10"'),
        (date(2026, 1, 2), b'"2026-01-02"'),
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Colour.RED, b'"red"'),
        (float("inf"), b'"inf"'),
        (b"ab", b'"YWI="'),
        (Cash(5), b'{"cents":5}'),
        (CentsData(5), b'{"cents":5}'),
        (Pair(1, Decimal(2)), b'[1,"2"]'),
        ({3, 1, 2}, b"[1,2,3]"),
        ((1, (2,)), b"[1,[2]]"),
        ({Decimal(1): Cash(1)}, b'[["1",{"cents":1}]]'),
        ({1: Cash(1)}, b'[[1,{"cents":1}]]'),
        (OrderedDict[str, object](a=1), b'{"a":1}'),
        (1 + 2j, b'"(1+2j)"'),
    ],
)
def test_a_value_in_the_result_of_a_json_step_is_written_by_its_class(value: object, data: bytes) -> None:
    codec = Codec(TypeHook(complex, encode=str, decode=complex))
    assert returned({"value": value}, codec) == b'{"value":' + data + b"}"


class Unknown:
    pass


@frozen
class Sub(Cash):
    pass


@frozen
class Generic1(Generic[T]):
    item: T


class Int(int):
    pass


@pytest.mark.parametrize("value", [Unknown(), Generic1(5), Int(5), 1j, "\ud800"])
def test_a_value_that_is_no_json_is_refused_with_the_step_and_the_key(value: object) -> None:
    with pytest.raises(PayloadError) as caught:
        returned({"a": [1, {"price": value}]})
    assert str(caught.value).startswith("the result of the upcaster step ")
    assert "step['a'][1]['price']: expected " in str(caught.value)


def test_a_typed_result_of_another_class_is_refused_with_the_step_and_the_key() -> None:
    chain = chain_of(dict[str, object], Old[Cash], lambda _: {"number": Sub(5)})
    with pytest.raises(PayloadError, match=r"step\['number'\]: expected Cash, found Sub"):
        upcasting_of(chain).run(b"{}", 0)


@pytest.mark.parametrize(("hint", "value"), [(dict, [1]), (list, {"a": 1})])
def test_a_bare_container_is_of_its_class(hint: object, value: object) -> None:
    with pytest.raises(PayloadError, match=r"expected (dict|list), found"):
        upcasting_of(chain_of(object, hint, lambda _: value), hint).run(b"{}", 0)


def test_what_a_step_cannot_take_names_the_step() -> None:
    with pytest.raises(PayloadError, match=r"upcaster step by_dict cannot take it: .*`cents`"):
        upcasting_of(upcasts(by_dict)).run(b'{"units":5}', 0)


# --- shapes that are refused before an old row is read ---------------------------------------------


def repository_of(chain: Upcaster[Never, object]) -> None:
    """Make an event with an upcaster, and a repository of it."""

    @frozen(kw_only=True)
    class Paid1(AggregateEvent, name="paid", upcaster=chain):
        cents: int
        currency: str
        by: Cash | Card | None = None
        note: str = ""

    @define
    class Account1(AggregateRoot[Paid1]):
        apply = ignores(Paid1).exhaustive

    EventSourcedRepository(Account1, MemoryStore())


@pytest.mark.parametrize("hint", [Unknown, Cash | Unknown, Old[Unknown], dict[str, Unknown]])
def test_a_shape_that_cannot_be_carried_is_refused_with_the_repository(hint: object) -> None:
    with pytest.raises(UnsupportedTypeError, match=r"Paid1: the upcaster step .*step takes .*Unknown"):
        repository_of(chain_of(hint))
    with pytest.raises(UnsupportedTypeError, match=r"Paid1: the upcaster step .*step returns .*Unknown"):
        repository_of(chain_of(dict[str, object], hint))


@pytest.mark.parametrize("hint", [int, list[int], Pair, Cash | Card, list])
def test_a_payload_is_taken_by_its_keys(hint: object) -> None:
    with pytest.raises(ModelError, match=r"step takes .*: expected a type with the keys of a payload"):
        repository_of(chain_of(hint))


class Centz(TypedDict):
    centz: int


class Absent(TypedDict):
    cents: NotRequired[int]
    currency: str


class Text(TypedDict):
    cents: str
    currency: str


class By(CentsIn, Generic[T]):
    by: T


class Tagged(TypedDict):
    Cash: Cents


class WrongTag(TypedDict):
    Coins: Cents


class WrongMember(TypedDict):
    Cash: Centz


@pytest.mark.parametrize(
    ("returns", "finding"),
    [
        (Centz, "there is no field 'centz' to take the key"),
        (Cents, "the key 'currency' is missing"),
        (Absent, "the key 'cents' may be absent"),
        (Text, "the key 'cents': expected int, found str"),
        (By[Cash], "the key 'by': the tag 'cents': it is not a tag"),
        (By[WrongTag], "the key 'by': the tag 'Coins': it is not a tag"),
        (By[WrongMember], "the key 'by': the tag 'Cash': there is no field 'centz'"),
        (By[int], "the key 'by': expected .*found int"),
    ],
)
def test_the_shape_that_the_last_step_returns_is_compared_with_the_event(
    returns: object, finding: str
) -> None:
    with pytest.raises(ModelError, match=finding) as caught:
        repository_of(chain_of(dict[str, object], returns))
    assert (
        "to return the shape of today, repository_of.<locals>.Paid1(cents: int, currency: str, by: "
        in str(caught.value)
    )
    assert "found " in str(caught.value)


@pytest.mark.parametrize(
    "returns",
    [By[Tagged], By[None], By[Tagged | None], By[Cash | Card], CentsIn, CentsInAttrs, CentsInData, None],
)
def test_a_shape_that_fits_the_event_is_accepted(returns: object) -> None:
    repository_of(chain_of(dict[str, object], returns))


def to_units(old: Cents) -> Centz:
    return {"centz": old["cents"]}


def test_consecutive_steps_are_compared() -> None:
    first = chain_of(dict[str, object], CentsAttrs)
    chain: Upcaster[Never, object] = Upcaster(
        *first.steps, *upcasts(drop_the_note).steps, *chain_of(Centz).steps
    )
    with pytest.raises(
        ModelError, match=r"drop_the_note to return what the step .*step takes, Centz.*Cents\("
    ):
        repository_of(chain)
    fits: Upcaster[Never, object] = Upcaster(*chain_of(object, CentsIn).steps, *upcasts(by_dict).steps)
    repository_of(fits)


@define
class Tally(AggregateRoot[Paid], snapshot_upcaster=upcasts(to_units)):
    cents: int = 0

    apply = ignores(Paid).exhaustive


def test_the_shape_of_a_snapshot_is_compared_with_the_state() -> None:
    with pytest.raises(ModelError, match=r"Tally: .*to_units, to return .*Tally\(cents: int\); found Centz"):
        EventSourcedRepository(Tally, MemoryStore())


def test_the_shape_of_an_item_is_compared_with_the_type() -> None:
    with pytest.raises(ModelError, match=r"ItemAssigned: .*expected str, found int"):
        EventSourcedArrayRepository(str, MemoryStore(), upcaster=chain_of(int, int))


def later(old: Later) -> CentsIn:
    return {"cents": old["units"], "currency": "EUR"}


LATER: Final = upcasts(later)


def later_without(old: Later) -> Centz:
    return {"centz": old["units"]}


@frozen
class Early(AggregateEvent, upcaster=upcasts(later_without)):
    cents: int


@define
class EarlyOnes(AggregateRoot[Early]):
    apply = ignores(Early).exhaustive


class Later(TypedDict):
    units: int


def never(old: Cents) -> CentsIn:
    return {**old, "currency": "EUR"}


never.__annotations__["old"] = "Nowhere"


def test_the_event_class_is_refused_where_its_types_are_known() -> None:
    with pytest.raises(ModelError, match=r"^Wrong: .*to_units, to return .*Wrong\(cents: int\); found Centz"):

        @frozen
        class Wrong(AggregateEvent, upcaster=upcasts(to_units)):
            cents: int


@frozen
class Open(AggregateEvent, Generic[T], upcaster=upcasts(to_units)):
    cents: T


@define
class Opens(AggregateRoot[Open[int]]):
    apply = ignores(Open[int]).exhaustive


def test_a_generic_event_is_compared_when_the_repository_is_made() -> None:
    with pytest.raises(ModelError, match=r"^Open: .*to_units, to return .*Open\(cents: int\); found Centz"):
        EventSourcedRepository(Opens, MemoryStore())


def test_an_annotation_is_resolved_when_the_repository_is_made() -> None:
    repository_of(LATER)
    with pytest.raises(ModelError, match=r"later_without, to return .*found Centz"):
        EventSourcedRepository(EarlyOnes, MemoryStore())
    with pytest.raises(ModelError, match=r"upcaster step never: .*found 'Nowhere'"):
        repository_of(upcasts(never))


def test_a_step_may_be_typed_by_classes_of_the_function_around_it() -> None:
    class Local(TypedDict):
        cents: int

    def local(old: Local) -> CentsIn:
        return {"cents": old["cents"], "currency": "EUR"}

    repository_of(upcasts(local))
