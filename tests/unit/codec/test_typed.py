"""Values of one type, generic classes among them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from generic_classes import (
    Deep,
    HalfMixed,
    ListPair,
    LooseChild,
    Mixed,
    Named,
    OfLists,
    Pair,
    Paired,
    T,
    WholeMixed,
)

from esmodel import PayloadError
from esmodel.codec.typed import TypedCodec
from esmodel.exceptions import UnsupportedTypeError


def comes_back(codec: TypedCodec[T], value: T) -> None:
    """Assert that a value comes back equal, with the same types."""
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
    with pytest.raises(PayloadError, match=r"\.left: expected str, found int"):
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
    with pytest.raises(UnsupportedTypeError, match="whose values are of the class Pair"):
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
