"""How cost grows with the length of a history and with the number of writers, on an SQLite file.

``python -m benchmarks.growth`` measures, and prints a table for each part:

1. microseconds an event of replay, of one save and of a load;
2. the peak of memory while loading an aggregate, and while reading its events and all rows;
3. microseconds of a load with snapshots;
4. saves a second of 1, 2, 4 and 8 processes that write to one file.

The ratio in parentheses compares a figure with the reference of its column. The benchmark takes some
minutes and about 600 MB of memory; with ``--quick``, some seconds.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.charts import lines
from benchmarks.growth.memory import memory
from benchmarks.growth.part import Part
from benchmarks.growth.per_event import per_event
from benchmarks.growth.snapshots import snapshots
from benchmarks.growth.writers import writers

FULL: Final = 1_000_000
QUICK: Final = 10_000


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"up to {QUICK:,} events, fewer repeats")
    parser.add_argument("--events", type=int, help=f"the longest history, by default {FULL:,}")
    parser.add_argument("--folder", help="where to make the temporary folder")
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    parser.add_argument("--chart", metavar="FILE.svg", help="draw them")
    given = parser.parse_args()
    quick: bool = given.quick
    asked: int | None = given.events
    inside: str | None = given.folder
    json_file: str | None = given.json
    chart_file: str | None = given.chart
    events = asked if asked is not None else QUICK if quick else FULL
    if events < 1:
        parser.error("--events must be 1 or more")
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    print(versions)
    parts: list[Part] = []
    with TemporaryDirectory(dir=inside) as name:
        folder = Path(name)
        for measure in (
            partial(per_event, folder, events, quick=quick),
            partial(memory, folder, events),
            partial(snapshots, folder, events, quick=quick),
            partial(writers, folder, quick=quick),
        ):
            parts.append(measure())
            parts[-1].show()
    if json_file is not None:
        figures = {"versions": versions, "parts": [part.plain() for part in parts]}
        Path(json_file).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if chart_file is not None:
        panels = [(part.title, part.x, part.y, part.curves) for part in parts]
        drawn = lines("How cost grows", panels, note=f"On one SQLite file. {versions}.")
        Path(chart_file).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
