"""Values, bytes and types that the codec refuses."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import GenericAlias
from typing import Final, Literal
from uuid import UUID

import pytest
from attrs import define, frozen
from codec_types import Box, Card, Cash, Colour, Line, Mixed, Node, Plain, Point, Right, T
from codec_values import HOOKED, IDS

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, PayloadError, ignores
from esmodel.codec.codec import DEFAULT_CODEC
from esmodel.exceptions import UnsupportedTypeError
from esmodel.stores.memory import MemoryStore

WRONG: Final[tuple[tuple[str, object, object], ...]] = (
    ("mixed enum", Mixed, "NUMBER"),
    ("Flag", Right, 1),
    ("sum type", Card | Cash, Point(1)),
    ("sum type, none", Card | Cash, None),
    ("attrs", Point, Line(Point(1), Point(2))),
    ("hook", complex, "1j"),
    ("set", frozenset[int], 5),
    ("tuple too short", tuple[Mixed, int], (Mixed.TEXT,)),
    ("list of wrong items", list[Mixed], [1]),
    ("no mapping by text", dict[str, Mixed], 5),
    ("no mapping by UUID", dict[UUID, int], None),
    ("pairs in place of a mapping", Mapping[UUID, int], [(IDS[0], 1)]),
    ("no JSON", str, Plain()),
    ("set item", set[str], {Plain()}),
)


@pytest.mark.parametrize(("hint", "value"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_a_value_of_another_type_is_refused_before_it_is_stored(hint: object, value: object) -> None:
    with pytest.raises(PayloadError):
        HOOKED.encode(hint, value)


BYTES: Final[tuple[tuple[str, object, bytes], ...]] = (
    ("mixed enum", Mixed, b'"OTHER"'),
    ("enum", Colour, b'"blue"'),
    ("Flag", Right, b"64"),
    ("float", float, b'"1.5"'),
    ("tag", Card | Cash, b'{"Point":{"x":1}}'),
    ("no tag", Card | Cash, b"{}"),
    ("two tags", Card | Cash, b'{"Card":{"number":"1","limit":"1"},"cash.v1":{"coins":1}}'),
    ("wrong member", Card | Cash, b'{"cash.v1":{"coins":"one"}}'),
    ("null", Card | Cash, b"null"),
    ("Decimal", Decimal, b'"ten"'),
    ("date", date, b'"2026-02-30"'),
    ("UUID", UUID, b'"1"'),
    ("tuple", tuple[int, str], b"[1]"),
    ("unknown field", Point, b'{"x":1,"z":1}'),
    ("missing field", Point, b'{"y":1}'),
    ("field of a nested class", Line, b'{"start":{"x":"1"},"end":{"x":1}}'),
    ("Literal", Literal["a"], b'"b"'),
    ("no JSON", int, b"{"),
)


@pytest.mark.parametrize(("hint", "data"), [each[1:] for each in BYTES], ids=[each[0] for each in BYTES])
def test_bytes_of_another_shape_are_refused(hint: object, data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # because each sentence is another
        HOOKED.decode(hint, data)


def test_two_members_of_a_sum_type_cannot_be_written_the_same() -> None:
    with pytest.raises(UnsupportedTypeError, match="nothing tells them apart"):
        DEFAULT_CODEC.encode(Box[int] | Box[str], Box(1))


REFUSED: Final[tuple[tuple[str, object, str], ...]] = (
    ("object", object, "object"),
    ("open type variable", T, "open"),
    ("open type variable in a list", GenericAlias(list, (T,)), "open"),
    ("plain class", Plain, "Plain"),
    ("plain class in a mapping", dict[str, Plain], "Plain"),
    ("plain class in a fixed tuple", tuple[int, Plain], "Plain"),
    ("plain class in a sum type", Card | Plain, "Plain"),
    ("recursive attrs class", Node, "Node"),
    ("bare list", list, "list"),
    ("bare tuple", tuple, "tuple"),
    ("bare dict", dict, "dict"),
    ("list of objects", list[object], "object"),
    ("hook of another codec", complex, "complex"),
    ("number", 5, "5"),
)


@pytest.mark.parametrize(("hint", "word"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_type_that_cannot_be_carried_is_named_with_its_class_and_field(hint: object, word: str) -> None:
    made: type[AggregateEvent] = type(
        "Bad", (AggregateEvent,), {"__annotations__": {"payload": hint}, "__slots__": ()}
    )
    event = frozen(kw_only=True)(made)
    aggregate: type[AggregateRoot[AggregateEvent]] = type(
        "Holder", (AggregateRoot,), {"apply": ignores(event).exhaustive, "__slots__": ()}
    )
    with pytest.raises(UnsupportedTypeError, match=rf"Bad\.payload: .*{word}"):
        EventSourcedRepository(define(aggregate), MemoryStore())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the `type` statement is new in Python 3.12")
@pytest.mark.parametrize("alias", ["Tree", "Growing[int]", "Nest"])
def test_an_alias_that_contains_itself_is_refused(alias: str) -> None:
    made: dict[str, object] = {"Box": Box}
    exec(  # noqa: S102  # because 3.11 cannot parse it
        "type Tree = list[Tree] | int\n"
        "type Growing[S] = list[Growing[list[S]]] | S\n"
        "type Nest = Box[Nest] | int\n"
        f"asked = {alias}",
        made,
    )
    with pytest.raises(UnsupportedTypeError, match=f"{alias[:4]}.* contains itself.* add a hook"):
        HOOKED.encode(made["asked"], 5)


@frozen(kw_only=True)
class Unresolvable(AggregateEvent):
    payload: Missing  # type: ignore[name-defined]  # noqa: F821  # because that is the point


@define
class HoldsUnresolvable(AggregateRoot[Unresolvable]):
    unresolvable = ignores(Unresolvable)
    apply = unresolvable.exhaustive


def test_an_annotation_that_cannot_be_resolved_is_named_with_its_class() -> None:
    with pytest.raises(UnsupportedTypeError, match=r"Unresolvable.*'Missing' cannot be resolved"):
        EventSourcedRepository(HoldsUnresolvable, MemoryStore())
