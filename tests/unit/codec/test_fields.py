"""Fields of attrs classes, without their validators and converters."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import attrs
import pytest
from attrs import field, frozen
from codec_types import Loose, Plain, Point, Strict, refused
from codec_values import HOOKED, assert_same

from esmodel import (
    ModelError,
)
from esmodel.codec.fields import fields_of


def test_validators_and_converters_do_not_run_on_history() -> None:
    value = Strict("Ada")
    assert value.name == "Ada!"
    data = HOOKED.encode(Strict, value)
    refused.clear()
    assert_same(HOOKED.decode(Strict, data), value)
    assert refused == []


def test_a_missing_field_gets_its_default_or_what_its_factory_makes() -> None:
    assert_same(HOOKED.decode(Point, b'{"x":1}'), Point(1, 0))
    loose = HOOKED.decode(Loose, b'{"amount":"1.5"}')
    assert_same(loose, Loose(Decimal("1.5"), [], Decimal("3.0")))
    assert HOOKED.decode(Loose, b'{"amount":"1.5"}') is not loose


def test_fields_of_names_the_class_that_is_no_attrs_class() -> None:
    with pytest.raises(ModelError, match="Plain must be an attrs class"):
        fields_of(Plain)


def shouted(text: str) -> str:
    return text + "!"


def with_owner(text: str, instance: attrs.AttrsInstance, attribute: attrs.Attribute[str]) -> str:
    return f"{type(instance).__name__} {attribute.name} {text}"


def upper(words: frozenset[str]) -> frozenset[str]:
    return frozenset(map(str.upper, words))


@frozen
class Converted:
    name: str = field(default="Ada", converter=shouted)
    tags: frozenset[str] = field(default=frozenset({"new"}), converter=upper)


def test_a_default_goes_through_its_converter() -> None:
    assert_same(HOOKED.decode(Converted, b"{}"), Converted())
    assert Converted().name == "Ada!"


def test_a_converter_may_take_the_instance_and_the_field() -> None:
    convert = attrs.Converter(with_owner, takes_self=True, takes_field=True)
    titled = attrs.make_class("Titled", {"title": field(default="Dr", converter=convert, type=str)})
    assert_same(HOOKED.decode(titled, b"{}"), titled())
    assert attrs.astuple(titled()) == ("Titled title Dr",)


@frozen
class Described:
    name: Annotated[str, {"note": "a dictionary has no hash"}]


def test_a_note_without_a_hash_is_left_out() -> None:
    assert_same(HOOKED.decode(Described, HOOKED.encode(Described, Described("a"))), Described("a"))


@frozen
class Listing:
    lines: list[str] = []  # noqa: RUF008  # because a class may have one by mistake


def test_a_default_that_can_change_is_not_shared_by_what_is_read() -> None:
    one, other = HOOKED.decode(Listing, b"{}"), HOOKED.decode(Listing, b"{}")
    assert isinstance(one, Listing)
    one.lines.append("a")
    assert_same(other, Listing([]))
