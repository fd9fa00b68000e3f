"""How the cost of a big array grows with its length, on an SQLite file.

``python benchmarks/big_array.py`` appends a million items, each in a transaction of its own, and
prints the time of an append, of reading an item at random and of a slice, for each tenth of the way.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ParamSpec
from uuid import UUID

from esmodel import EventSourcedBigArrayRepository
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import BigArray

P = ParamSpec("P")

READS, SLICES, SLICE = 1_000, 20, 1_000


def microseconds(times: int, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    """Return the microseconds per piece of work."""
    start = time.perf_counter()
    work(*args, **kwargs)
    return (time.perf_counter() - start) / times * 1e6


def append(array: BigArray[int], first: int, count: int) -> None:
    """Append numbers, one at a time, and check that each goes to its own position."""
    for number in range(first, first + count):
        if array.append(number) != number:
            sys.exit(f"{number} went to another position")


def read(array: BigArray[int], draw: random.Random, length: int) -> None:
    """Read items at random."""
    for _ in range(READS):
        position = draw.randrange(length)
        if array[position] != position:
            sys.exit(f"position {position} has another item")


def cut(array: BigArray[int], draw: random.Random, length: int) -> None:
    """Read slices that begin at random."""
    for _ in range(SLICES):
        start = draw.randrange(max(length - SLICE, 1))
        if array[start : start + SLICE] != list(range(start, min(start + SLICE, length))):
            sys.exit(f"the slice at {start} has other items")


def report(title: str, figures: Sequence[float]) -> None:
    """Print the ratio of the last figures of a column to the first ones."""
    quarter = max(len(figures) // 4, 1)
    begin, end = statistics.median(figures[:quarter]), statistics.median(figures[-quarter:])
    print(f"{title}: last quarter / first quarter of the way = {end / begin:.2f}")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000, help="how many items to append")
    parser.add_argument("--parts", type=int, default=20, help="how many lines to print")
    parser.add_argument("--synchronous", choices=("FULL", "NORMAL"), default="NORMAL")
    given = parser.parse_args()
    items: int = given.items
    parts: int = given.parts
    is_full: bool = given.synchronous == "FULL"
    appends: list[float] = []
    reads: list[float] = []
    slices: list[float] = []
    draw = random.Random(1)
    with (
        TemporaryDirectory() as folder,
        SQLiteStore(Path(folder, "array.db"), synchronous="FULL" if is_full else "NORMAL") as store,
    ):
        array = EventSourcedBigArrayRepository(int, store)[UUID(int=1)]
        print(f"{'length':>10}  {'append':>10}  {'read':>10}  {'in a slice':>10}   microseconds an item")
        each = items // parts
        for part in range(parts):
            first, length = part * each, (part + 1) * each
            appends.append(microseconds(each, append, array, first, each))
            reads.append(microseconds(READS, read, array, draw, length))
            slices.append(microseconds(SLICES * SLICE, cut, array, draw, length))
            print(f"{length:>10,}  {appends[-1]:>10.1f}  {reads[-1]:>10.1f}  {slices[-1]:>10.2f}")
    report("append", appends)
    report("read", reads)
    report("slice", slices)


if __name__ == "__main__":
    main()
