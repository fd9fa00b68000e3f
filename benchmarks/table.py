"""The results as a table, as JSON and as the input of a chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from benchmarks.contenders import LABELS
from benchmarks.rows import BASELINE, ESMODEL
from benchmarks.run import Result

Json: TypeAlias = "str | float | list[Json] | dict[str, Json] | None"

HEADINGS: Final = ("", "sync", "contender", "best", "median", "ratio", "target", "")
NOTE: Final = """\
The ratio of esmodel compares it with the baseline: 1.2 = esmodel needs 1.2 times as much. All other ratios
compare with esmodel: 7 = that contender needs 7 times as much. "fastest" = of all peers. sync = PRAGMA
synchronous of every contender; "-" = the row writes nothing. All files keep a write-ahead log."""


def targets(result: Result, contender: str) -> Iterator[tuple[str, bool]]:
    """Yield each target of a contender in a row, and whether the contender meets it."""
    aims = result.row.targets
    if contender == ESMODEL and aims.baseline is not None:
        found = result.to_baseline()
        if found is not None:
            yield f"<= {aims.baseline:.3g}", found <= aims.baseline
    if contender == result.named:
        yield f">= {aims.peer:.3g}", result.to_esmodel(contender) >= aims.peer
    if contender == result.fastest and aims.fastest is not None:
        yield f">= {aims.fastest:.3g} (fastest)", result.to_esmodel(contender) >= aims.fastest


def _number(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _ratio(result: Result, contender: str) -> str:
    found = result.to_esmodel(contender)
    if contender == ESMODEL:
        to_baseline = result.to_baseline()
        return "" if to_baseline is None else f"{to_baseline:.2f}"
    if contender == BASELINE:
        return f"({found:.2f})"
    return f"{found:.2f}"


def lines(results: Iterable[Result]) -> list[str]:
    """Return the table."""
    cells: list[tuple[str, ...]] = [HEADINGS]
    for result in results:
        title = result.row.title.format(f"{result.size:,}")
        firsts = [title, f"  in {result.row.unit}"]
        for contender in result.values:
            aims = list(targets(result, contender))
            cells.append(
                (
                    firsts.pop(0) if firsts else "",
                    result.synchronous,
                    LABELS[contender],
                    _number(result.best(contender)),
                    _number(result.median(contender)),
                    _ratio(result, contender),
                    ", ".join(aim for aim, _ in aims),
                    "" if not aims else "met" if all(is_met for _, is_met in aims) else "MISSED",
                )
            )
        if len(result.values) == 1:
            cells.append((firsts.pop(0), *[""] * 7))
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in cells]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if column in {3, 4, 5} else cell.ljust(width)


def as_json(results: Iterable[Result]) -> list[Json]:
    """Return the results with every repeat."""
    return [
        {
            "row": result.row.name,
            "title": result.row.title.format(f"{result.size:,}"),
            "unit": result.row.unit,
            "size": result.size,
            "synchronous": result.synchronous,
            "esmodel_to_baseline": result.to_baseline(),
            "contenders": {
                LABELS[contender]: {
                    "best": result.best(contender),
                    "median": result.median(contender),
                    "to_esmodel": result.to_esmodel(contender),
                    "repeats": list(values),
                }
                for contender, values in result.values.items()
            },
        }
        for result in results
    ]


def as_bars(results: Iterable[Result]) -> list[tuple[str, Mapping[str, float]]]:
    """Return for each row how many times as much as esmodel the others need."""
    rows: list[tuple[str, Mapping[str, float]]] = []
    for result in results:
        title = result.row.title.format(f"{result.size:,}")
        if result.synchronous != "-":
            title = f"{title} ({result.synchronous})"
        ratios = {LABELS[each]: result.to_esmodel(each) for each in result.values}
        rows.append((title, ratios))
    return rows
