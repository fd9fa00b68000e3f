"""Axes: where a value lies, and which values are ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Protocol

from benchmarks.charts.text import SMALL, short, text_width

GAP: Final = 8.0
"""The least distance between two labels of an axis, in pixels."""


class Scale(Protocol):
    """Maps values to pixels along one axis."""

    def at(self, value: float, /) -> float:
        """Return the pixel of a value."""
        ...

    def ticks(self, gap: float, /) -> list[tuple[float, str]]:
        """Return the values to mark, with their labels, at least ``gap`` pixels apart."""
        ...


class LinearScale:
    """An axis from 0."""

    def __init__(self, highest: float, left: float, right: float) -> None:
        """Reach from 0 to a round value at or above the highest."""
        self._ticks = linear_ticks(highest)
        self._left, self._right = left, right

    def at(self, value: float, /) -> float:
        """Return the pixel of a value."""
        return self._left + value / self._ticks[-1] * (self._right - self._left)

    def ticks(self, gap: float, /) -> list[tuple[float, str]]:
        """Return the values to mark, with their labels."""
        return _apart(self, self._ticks, gap)


class LogScale:
    """A logarithmic axis."""

    def __init__(self, low: float, high: float, left: float, right: float, ticks: Sequence[float]) -> None:
        """Reach from ``low`` to ``high``, both above 0."""
        self._low, self._high = math.log10(low), math.log10(high)
        self._left, self._right = left, right
        self._ticks = ticks

    @classmethod
    def of_bars(cls, values: Sequence[float], left: float, right: float) -> LogScale:
        """Begin at a round value below all others, so that each bar has a length."""
        low, high = min(values, default=1.0), max(values, default=1.0)
        bottom = max(each for each in _round_values(low / 20, low) if each < low * 0.8)
        top = min(each for each in _round_values(high, high * 20) if each >= high)
        decades = [each for each in _decades(bottom, top) if bottom <= each <= top]
        ticks = decades if len(decades) > 4 else [e for e in _round_values(bottom, top) if bottom <= e <= top]
        scale = cls(bottom, top, left, right, ticks)
        kept = len(scale.ticks(GAP))
        return scale if kept == len(ticks) or not decades else cls(bottom, top, left, right, decades)

    @classmethod
    def of_points(cls, values: Sequence[float], left: float, right: float) -> LogScale:
        """Reach from the lowest to the highest value; mark the powers of ten in between.

        With fewer than three powers of ten, mark the values themselves.
        """
        known = sorted(set(values)) or [1.0, 10.0]
        low, high = known[0], known[-1]
        decades = [each for each in _decades(low, high) if low <= each <= high]
        ticks = decades if len(decades) >= 3 else known
        if low == high:
            low, high = low / 3, high * 3
        return cls(low, high, left, right, ticks)

    def at(self, value: float, /) -> float:
        """Return the pixel of a value."""
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._left + share * (self._right - self._left)

    def ticks(self, gap: float, /) -> list[tuple[float, str]]:
        """Return the values to mark; where they do not fit, every second, every third and so on."""
        return _apart(self, self._ticks, gap)


def _apart(scale: Scale, ticks: Sequence[float], gap: float) -> list[tuple[float, str]]:
    step = 1
    while True:
        found = [(each, short(each)) for each in ticks[::step]]
        ends = [(scale.at(each), text_width(label, SMALL) / 2) for each, label in found]
        if all(x + half + gap <= other - wide for (x, half), (other, wide) in pairwise(ends)):
            return found
        step += 1


def linear_ticks(highest: float, /) -> list[float]:
    """Return round values from 0 to one that is not below the highest."""
    if highest <= 0:
        return [0.0, 1.0]
    step = next(each for each in _round_values(highest / 50, highest) if each * 5 >= highest)
    return [float(f"{step * each:.12g}") for each in range(math.ceil(highest / step - 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [_power(each) for each in range(first, last + 1)]


def _round_values(low: float, high: float) -> list[float]:
    return [factor * each for each in _decades(low, high) for factor in (1, 2, 5)]


def _power(exponent: int) -> float:
    return float(f"1e{exponent}")  # 10.0 ** -3 is not quite 0.001
