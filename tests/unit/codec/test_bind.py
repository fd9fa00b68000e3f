"""Types in which a type variable is replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import (
    Annotated,
    Final,
    Generic,
    Literal,
    Optional,
    Union,
    get_type_hints,
)

import pytest
from generic_classes import Fixed, Plain, Root, T, Two, U, V

from esmodel.codec.typevars import bind


def hints_of(cls: type[object]) -> dict[str, object]:
    """Return the types of the fields of a class, as the codec reads them."""
    hints: dict[str, object] = get_type_hints(cls, include_extras=True)
    return hints


BOUND: Final[Mapping[object, object]] = {T: int, U: str}


class Open(Generic[T, U, V]):
    """Types with two bound variables."""

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
    """Built-in types with two bound variables."""

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
