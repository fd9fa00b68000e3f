"""Type variables of generic classes and of their bases."""

from __future__ import annotations

from typing import NamedTuple, get_args

from generic_classes import (
    Bare,
    BareHalfDiamond,
    Deep,
    Diamond,
    Fixed,
    Half,
    HalfBareDiamond,
    HalfMixed,
    Innermost,
    Left,
    ListPair,
    Mixed,
    Named,
    OpenDiamond,
    Pair,
    Paired,
    Passed,
    Plain,
    Renamed,
    Right,
    Root,
    Swapped,
    T,
    Two,
    U,
    Whole,
    WholeMixed,
    Wrapped,
    WrappedTwice,
)
from typing_extensions import get_original_bases

from esmodel import (
    Collection,
)
from esmodel.codec.typevars import bound_in, class_of


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


def meanings(cls: type[object], *arguments: object) -> dict[type[object], dict[object, object]]:
    """Return the bound type variables of each class that has any."""
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
    assert meanings(Wrapped) == {Root: {T: get_args(get_original_bases(Wrapped)[0])[0]}}


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


class Titled(NamedTuple):
    """A class whose base is a function, `NamedTuple`."""

    name: str


def test_a_base_that_is_no_class_binds_nothing() -> None:
    assert not any(bound_in(Titled).values())
