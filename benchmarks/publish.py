"""``python -m benchmarks.publish``: write the chart and the table of the manual from a stored run.

The run is ``docs/benchmarks.json``, as ``python -m benchmarks --json docs/benchmarks.json`` writes it.
From it come ``docs/benchmarks.svg``, a few rows at a glance, and the table of ``docs/benchmarks.md``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NotRequired, TypedDict

from benchmarks.charts import Row, bars
from benchmarks.contenders import LABELS
from benchmarks.rows import BASELINE, ESMODEL, EVENT, STRUCT

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
SHOWN: Final = {
    ("trigger", "-"): "create and trigger 10,000 events",
    ("replay", "-"): "replay 10,000 events",
    ("save_one", "FULL"): "save 10,000 events at once",
    ("save_many", "FULL"): "1,000 saves of 10 events",
    ("load_one", "-"): "load 10,000 events",
}
"""The rows of the chart, by name and ``PRAGMA synchronous``, with their labels."""
TABLE: Final = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of the table -->)", re.DOTALL)


class Figures(TypedDict):
    """The result of one contender in one row of a run."""

    to_esmodel: float
    median: NotRequired[float]


class StoredRow(TypedDict):
    """One row of a run."""

    row: str
    title: str
    unit: str
    synchronous: str
    contenders: dict[str, Figures]


def stored(path: Path, /) -> list[StoredRow]:
    """Read a run."""
    rows: list[StoredRow] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def chart(rows: Sequence[StoredRow], /) -> str:
    """Draw the rows that matter most, as times esmodel, on an axis from 0."""
    by_name = {(row["row"], row["synchronous"]): row["contenders"] for row in rows}
    labels = [LABELS[each] for each in (ESMODEL, BASELINE, EVENT, STRUCT)]
    drawn: list[Row] = []
    for key, label in SHOWN.items():
        found = by_name[key]
        drawn.append((label, {name: found[name]["to_esmodel"] for name in labels if name in found}))
    note = "Baseline: a hand-written loop over the same events. SQLite, synchronous=FULL. Medians of one run."
    return bars("Time, in relation to esmodel: less is better", drawn, unit="times esmodel", note=note)


def table(rows: Sequence[StoredRow], /) -> str:
    """Return all rows as a Markdown table: how many times as much as esmodel each contender needs."""
    names = list(dict.fromkeys(name for row in rows for name in row["contenders"]))
    lines = [
        f"| | sync | {' | '.join(names)} |",
        f"|---|---|{'--:|' * len(names)}",
    ]
    for row in rows:
        cells = [_cell(row, name) for name in names]
        lines.append(f"| {row['title']} | {row['synchronous']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: StoredRow, name: str) -> str:
    figures = row["contenders"].get(name)
    if figures is None:
        return ""
    if name == LABELS[ESMODEL]:
        return f"{figures['median']:,.3g} {row['unit']}" if "median" in figures else "1"
    return f"{figures['to_esmodel']:,.3g}"


def with_table(page: str, rows: Sequence[StoredRow], /) -> str:
    """Return a page with its table replaced.

    Raises:
        ValueError: if the page has no marks around a table.
    """
    if TABLE.search(page) is None:
        raise ValueError("expected the marks <!-- table --> and <!-- end of the table -->, found none")
    return TABLE.sub(lambda _: f"\n{table(rows)}\n", page)


def main() -> int:
    """Write the chart and the table, and return the exit status."""
    rows = stored(DOCS / "benchmarks.json")
    (DOCS / "benchmarks.svg").write_text(chart(rows), encoding="utf-8")
    page = DOCS / "benchmarks.md"
    page.write_text(with_table(page.read_text(encoding="utf-8"), rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
