"""Values with parts that their fields do not name, and hooks that would be passed over, are refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Generic, NewType, TypeVar

import attrs
import pytest
from attrs import field, frozen

from esmodel import Codec
from esmodel.codec import TypedCodec, TypeHook
from esmodel.exceptions import UnsupportedTypeError

T = TypeVar("T")


@attrs.define
class Plain:
    x: int


@dataclass(slots=True)
class DataOverAttrs(Plain):
    y: int = 0


@dataclass(slots=True)
class Data:
    x: int


@attrs.define
class AttrsOverData(Data):
    y: int = 0


class Bare:
    __slots__ = ("z",)


@attrs.define
class OverBare(Bare):
    x: int = 0


class Undecorated(Plain):
    __slots__ = ("z",)


@pytest.mark.parametrize("cls", [DataOverAttrs, AttrsOverData, OverBare, Undecorated])
def test_a_class_with_parts_that_are_no_fields_is_refused(cls: type[object]) -> None:
    with pytest.raises(UnsupportedTypeError, match=f"{cls.__name__}, which has more than its fields: [xyz]"):
        TypedCodec(cls)


@attrs.define
class Cached(Plain):
    later: int = field(init=False, default=7)

    @cached_property
    def twice(self) -> int:
        return 2 * self.x


def test_cached_properties_and_fields_without_an_argument_are_no_other_parts() -> None:
    codec, value = TypedCodec(Cached), Cached(4)
    assert value.twice == 8
    assert codec.decode(codec.encode(value)) == value


@frozen
class Box(Generic[T]):
    item: T


def sealed(box: Box[str]) -> str:
    return box.item[::-1]


def opened(text: str) -> Box[str]:
    return Box(text[::-1])


def test_a_hook_of_a_generic_class_carries_it_with_type_arguments() -> None:
    codec = TypedCodec(Box[str], Codec(TypeHook(Box, encode=sealed, decode=opened)))
    assert codec.encode(Box("secret")) == b'"terces"'
    assert codec.decode(b'"terces"') == Box("secret")


Secret = NewType("Secret", str)


@pytest.mark.parametrize("hooked", [Secret, Box[str], int | str])
def test_a_hook_of_what_is_no_class_is_refused(hooked: type[str]) -> None:
    with pytest.raises(UnsupportedTypeError, match="TypeHook: expected a class, found"):
        TypeHook(hooked, encode=str, decode=str)
