"""Unions of each pair of types that the codec carries: refused, or each value comes back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Final, Literal, get_origin
from uuid import UUID

from codec_values import HOOKED, VALUES
from indistinguishable import seen

from esmodel.codec.wire import union_of
from esmodel.exceptions import PayloadError, UnsupportedTypeError

CONTAINERS: Final[tuple[object, ...]] = (
    list[int],
    set[int],
    dict[str, int],
    tuple[int, ...],
    frozenset[UUID],
)
VARIED: Final = [
    (hint, value)
    for _, hint, value in VALUES
    if get_origin(hint) in {None, Literal, Annotated} or any(hint == each for each in CONTAINERS)
]
"""Types that differ in their JSON: of the containers, one of each kind."""


def failures_of(hint: object, values: tuple[object, ...]) -> Iterator[str]:
    for value in values:
        try:
            stored = HOOKED.encode(hint, value)
        except PayloadError:
            continue
        try:
            back = HOOKED.decode(hint, stored)
        except Exception as error:  # noqa: BLE001  # because each error is a finding
            yield f"{hint}: {value!r} is stored as {stored!r} and cannot be read: {error}"
        else:
            if seen(back) != seen(value):
                yield f"{hint}: {value!r} is stored as {stored!r} and read as {back!r}"


def test_what_is_written_for_a_union_of_any_two_types_is_read() -> None:
    carried, failures = 0, list[str]()
    for (one, first), (other, second) in combinations(VARIED, 2):
        try:
            hint = union_of([one, other])
            HOOKED.wire(hint)
        except (UnsupportedTypeError, TypeError):
            continue
        carried += 1
        failures += failures_of(hint, (first, second))
    assert failures == []
    assert carried > 500
