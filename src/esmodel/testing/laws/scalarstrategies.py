"""Strategies for scalars: the types of the codec that hold no other values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from esmodel.testing.laws.bounds import Bounds

_LEAST: Final = -(2**63)
_GREATEST: Final = 2**63 - 1


def _integers(bounds: Bounds) -> SearchStrategy[object]:
    least, greatest = bounds.least, bounds.greatest
    return st.integers(
        max(least, _LEAST) if isinstance(least, int) else _LEAST,
        min(greatest, _GREATEST) if isinstance(greatest, int) else _GREATEST,
    )


def _floats(bounds: Bounds) -> SearchStrategy[object]:
    least, greatest = bounds.least, bounds.greatest
    return st.floats(
        least if isinstance(least, (int, float)) else None,
        greatest if isinstance(greatest, (int, float)) else None,
        allow_nan=False,
    )


def _decimals(bounds: Bounds) -> SearchStrategy[object]:
    least, greatest = bounds.least, bounds.greatest
    return st.decimals(
        least if isinstance(least, (int, Decimal)) else None,
        greatest if isinstance(greatest, (int, Decimal)) else None,
        allow_nan=False,
        allow_infinity=False,
    )


def _text(bounds: Bounds) -> SearchStrategy[object]:
    if bounds.pattern is not None:
        return st.from_regex(bounds.pattern, fullmatch=True)
    return st.text(min_size=bounds.shortest, max_size=bounds.longest)


_SCALARS: Final[Mapping[object, Callable[[Bounds], SearchStrategy[object]]]] = {
    int: _integers,
    float: _floats,
    Decimal: _decimals,
    str: _text,
    bytes: lambda bounds: st.binary(min_size=bounds.shortest, max_size=bounds.longest),
    bool: lambda _: st.booleans(),
    None: lambda _: st.none(),
    type(None): lambda _: st.none(),
    UUID: lambda _: st.uuids(),
    dt.datetime: lambda _: st.datetimes(timezones=st.just(dt.UTC)),
    dt.date: lambda _: st.dates(),
    dt.time: lambda _: st.times(),
    dt.timedelta: lambda _: st.timedeltas(),
}


def is_scalar(hint: object, /) -> bool:
    """Whether there is a strategy here for a type."""
    return hint in _SCALARS


def scalars_of(hint: object, bounds: Bounds, /) -> SearchStrategy[object]:
    """Return a strategy for the values of a scalar type within bounds."""
    return _SCALARS[hint](bounds)
