"""The findings of one part of the benchmark."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, TypeAlias

from attrs import frozen

REFERENCE: Final = 1_000
LENGTHS: Final = (10, 1_000, 100_000, 1_000_000)
TOLERATED: Final = 1.15
Curve: TypeAlias = list[tuple[int, float]]


@frozen
class Part:
    """The findings of one part: curves, and their limits.

    Attributes:
        title: what was measured.
        x: what it may depend on.
        y: its unit.
        curves: the figures by name.
        reference: the x whose figure is compared with those of the others.
        wanted: what is wanted of the ratio of the last figure to that.
        least: the lowest ratio of the last figure that is good.
        most: the highest.
    """

    title: str
    x: str
    y: str
    curves: dict[str, Curve]
    reference: int
    wanted: str
    least: float = 0.0
    most: float = TOLERATED

    def ratio(self, name: str, value: float) -> float:
        """Return the ratio of a figure to the reference."""
        return value / dict(self.curves[name])[self.reference]

    def last_ratio(self, name: str) -> float:
        """Return the ratio of the last figure of a curve to the reference."""
        return self.ratio(name, self.curves[name][-1][1])

    def show(self) -> None:
        """Print a table."""
        print(f"\n{self.title}: {self.y}\n")
        print(f"{self.x:>22}" + "".join(f"{name:>22}" for name in self.curves))
        for x, _ in next(iter(self.curves.values())):
            cells: list[str] = []
            for name, curve in self.curves.items():
                value = dict(curve)[x]
                digits = 0 if value >= 1_000 else 2 if value < 100 else 1
                cells.append(f"{f'{value:,.{digits}f} ({self.ratio(name, value):.2f})':>22}")
            print(f"{x:>22,}" + "".join(cells))
        for name in self.curves:
            ratio = self.last_ratio(name)
            verdict = "" if self.least <= ratio <= self.most else "   <-- NOT"
            print(f"{name}: last / {self.reference:,} = {ratio:.2f}, wanted: {self.wanted}{verdict}")
        sys.stdout.flush()

    def plain(self) -> dict[str, object]:
        """Return the findings as JSON values."""
        return {
            "title": self.title,
            "x": self.x,
            "y": self.y,
            "reference": self.reference,
            "curves": self.curves,
            "last_ratio": {name: self.last_ratio(name) for name in self.curves},
        }


def lengths_up_to(events: int, lowest: int = 1) -> list[int]:
    """Return the lengths of the histories to measure."""
    found = [each for each in LENGTHS if lowest <= each < events]
    return [*found, events]


def reference_of(lengths: Sequence[int]) -> int:
    """Return the length to compare with."""
    return REFERENCE if REFERENCE in lengths else lengths[0]
