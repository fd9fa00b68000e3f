"""``python -m benchmarks``: compare esmodel with a hand-written loop and other libraries."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.bank import Synchronous
from benchmarks.bounds import Bounds, beyond, read
from benchmarks.contenders import CONTENDERS, ContenderError, Process
from benchmarks.rows import BASELINE, ESMODEL, ROWS, Row
from benchmarks.run import Plan, Result, measured
from benchmarks.table import NOTE, as_bars, as_json, lines

SETTINGS: Final[dict[str, tuple[Synchronous, ...]]] = {
    "FULL": ("FULL",),
    "NORMAL": ("NORMAL",),
    "both": ("FULL", "NORMAL"),
}
ATTEMPTS: Final = 3


def _started(stack: ExitStack, rows: Sequence[Row], names: Sequence[str]) -> Mapping[str, Process]:
    """Start the contenders that the rows need; go without one that cannot be installed."""
    processes: dict[str, Process] = {}
    for name in names:
        if any(name in row.contenders for row in rows):
            try:
                processes[name] = stack.enter_context(Process(CONTENDERS[name]))
            except ContenderError as error:
                print(f"{CONTENDERS[name].label} is left out: {error}", file=sys.stderr)
    return processes


def _results(rows: Sequence[Row], plan: Plan, names: Sequence[str], bounds: Bounds) -> Iterator[Result]:
    """Measure the rows; measure a row again if it exceeds its bound, in case the machine was busy."""
    with ExitStack() as stack:
        processes = _started(stack, rows, names)
        for row in rows:
            print(f"{row.name} ...", file=sys.stderr)
            results: list[Result] = []
            for _ in range(ATTEMPTS):
                results = list(measured(row, plan, processes))
                if not beyond(results, bounds):
                    break
            yield from results


def _chart(path: Path, results: Sequence[Result]) -> None:
    from benchmarks.charts import bars  # noqa: PLC0415  # because only this needs it

    note = "Less is better. esmodel = 1; the median of interleaved repeats, on SQLite."
    text = bars(
        "Time or bytes, in relation to esmodel",
        as_bars(results),
        unit="times esmodel",
        note=note,
        is_log=True,
    )
    path.write_text(text, encoding="utf-8")


def main() -> int:
    """Run, and return the exit status."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=names, metavar="ROW", help=", ".join(names))
    parser.add_argument("--repeats", type=int, help="how many turns each contender has (7; quick: 5)")
    parser.add_argument("--synchronous", choices=SETTINGS, default="both", help="where a row writes")
    parser.add_argument("--quick", action="store_true", help="esmodel and baseline only, against the bounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw the results there, too")
    parser.add_argument("--folder", type=Path, help="where the SQLite files are kept meanwhile")
    given = parser.parse_args()
    is_quick: bool = given.quick
    wanted: list[str] = given.rows or names
    json_path: Path | None = given.json
    chart_path: Path | None = given.chart
    synchronous: str = given.synchronous
    plan = Plan(given.repeats or (5 if is_quick else 7), is_quick, SETTINGS[synchronous], given.folder)
    rows = [row for row in ROWS if row.name in wanted]
    bounds: Bounds = read() if is_quick else {}
    try:
        contenders = (BASELINE, ESMODEL) if is_quick else tuple(CONTENDERS)
        results = list(_results(rows, plan, contenders, bounds))
    except ContenderError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join([*lines(results), "", NOTE]))
    if json_path is not None:
        json_path.write_text(json.dumps(as_json(results), indent=2) + "\n", encoding="utf-8")
    if chart_path is not None:
        _chart(chart_path, results)
    found = beyond(results, bounds)
    for sentence in found:
        print(sentence, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
