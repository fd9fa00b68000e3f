"""Horizontal bars, in a group for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from benchmarks.charts.page import GRID, INSIDE, MARGIN, MUTED, WIDTH, Page, check_drawable, in_order
from benchmarks.charts.scale import GAP, LinearScale, LogScale, Scale
from benchmarks.charts.text import LABEL, LEADING, SMALL, text_width, wrapped, written

Row: TypeAlias = tuple[str, Mapping[str, float]]

_THICKNESS: Final = 10.0
_STEP: Final = 12.0
_BETWEEN: Final = 9.0  # two groups


def bars(title: str, rows: Sequence[Row], *, unit: str, note: str = "", is_log: bool = False) -> str:
    """Return a chart of horizontal bars as SVG.

    Args:
        title: what the chart shows.
        rows: a label, and the values by the names of the contenders.
        unit: the unit of the values.
        note: a remark below the chart.
        is_log: use a logarithmic axis, for values of very different sizes; otherwise it begins at 0.

    Raises:
        ValueError: if a value is negative, infinite or not a number.
    """
    names = in_order(values for _, values in rows)
    present = [value for _, values in rows for value in values.values()]
    check_drawable(present)
    page = Page(title)
    page.legend(names, MARGIN, INSIDE)
    column = min(max((text_width(label, LABEL) for label, _ in rows), default=0.0), 250.0)
    left = MARGIN + column + 12
    right = WIDTH - MARGIN - max((text_width(written(each), SMALL) for each in present), default=0.0) - 8
    scale: Scale = (
        LogScale.of_bars([each for each in present if each > 0], left, right)
        if is_log
        else LinearScale(max(present, default=0.0), left, right)
    )
    top = page.y
    body = Page("")  # the grid lies below the bars, and its height is known only after them
    y = top + 6
    for label, values in rows:
        shown = [name for name in names if name in values]
        lines = wrapped(label, LABEL, column)
        height = max(len(shown) * _STEP, len(lines) * LABEL * LEADING)
        first = y + height / 2 - (len(lines) - 1) * LABEL * LEADING / 2 + LABEL * 0.35
        body.block(lines, left - 12, first, LABEL, anchor="end")
        bar_y = y + (height - len(shown) * _STEP) / 2 + 1
        for name in shown:
            value = values[name]
            length = scale.at(value) - left if value > 0 else 0.0
            tip = f"{label}, {name}: {written(value)} {unit}"
            body.bar(left, bar_y, length, _THICKNESS, page.colour(name), tip)
            body.text(written(value), left + length + 5, bar_y + 9, SMALL)
            bar_y += _STEP
        y += height + _BETWEEN
    for value, label in scale.ticks(GAP):
        page.line(scale.at(value), top, scale.at(value), y, GRID)
        page.text(label, scale.at(value), y + 15, SMALL, anchor="middle", fill=MUTED, kind="tick-x")
    page.line(left, top, left, y, MUTED)
    page.take(body)
    axis = f"{unit} (log scale)" if is_log and unit else "log scale" if is_log else unit
    page.y = y + 18
    if axis:
        below = wrapped(axis, SMALL, right - left)
        page.y = page.block(below, (left + right) / 2, page.y + 12, SMALL, anchor="middle", fill=MUTED)
    return page.finished(note)
