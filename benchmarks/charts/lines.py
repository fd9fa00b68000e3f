"""Small multiples of lines: dots and lines over a logarithmic x axis, y from 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from benchmarks.charts.page import GRID, INSIDE, MARGIN, MUTED, Page, check_drawable, in_order
from benchmarks.charts.scale import GAP, LogScale, linear_ticks
from benchmarks.charts.text import HEADING, LEADING, SMALL, short, text_width, wrapped, written

Series: TypeAlias = Mapping[str, Sequence[tuple[float, float]]]
Panel: TypeAlias = tuple[str, str, str, Series]


def lines(title: str, panels: Sequence[Panel], *, note: str = "") -> str:
    """Return panels of lines as SVG, two side by side.

    Args:
        title: what the panels show together.
        panels: a title, what x is, what y is, and the points by the names of the series.
        note: a remark below the panels.

    Raises:
        ValueError: if a number is negative, infinite or not a number, or an x is 0.
    """
    for _, _, _, series in panels:
        points = [point for each in series.values() for point in each]
        check_drawable(each for point in points for each in point)
        if any(x == 0 for x, _ in points):
            raise ValueError("0 has no place on a log axis")
    page = Page(title)
    names = in_order(series for _, _, _, series in panels)
    shared = all(set(series) == set(names) for _, _, _, series in panels)
    page.name(names)
    if shared:
        page.legend(names, MARGIN, INSIDE)
    columns = min(len(panels), 2)
    gap = 32.0
    width = (INSIDE - gap * (columns - 1)) / max(columns, 1)
    for start in range(0, len(panels), 2):
        # the plots of one row begin at one height, whatever stands above them
        plots = [_Plot(page, panel, has_legend=not shared) for panel in panels[start : start + 2]]
        above = max(plot.above(width) for plot in plots)
        top = page.y
        bottoms: list[float] = []
        for column, plot in enumerate(plots):
            page.y = top
            plot.draw(MARGIN + column * (width + gap), width, top + above, 210.0)
            bottoms.append(page.y)
        page.y = max(bottoms)
    return page.finished(note)


class _Plot:
    """One panel."""

    def __init__(self, page: Page, panel: Panel, *, has_legend: bool) -> None:
        self._page = page
        self._title, self._x, self._y, self._series = panel
        self._legend = list(self._series) if has_legend else []

    def above(self, width: float) -> float:
        """Return the height of what stands above the plot."""
        heading = len(wrapped(self._title, HEADING * 1.06, width)) * HEADING * LEADING
        label = len(wrapped(self._y, SMALL, width)) * SMALL * LEADING
        return 24 + heading + label + self._page.legend_height(self._legend, width)

    def draw(self, left: float, width: float, top: float, height: float) -> None:
        """Draw the panel, and mark how far down the page is filled."""
        page = self._page
        title = wrapped(self._title, HEADING * 1.06, width)
        page.y = page.block(title, left, page.y + 16, HEADING, weight=600) - 4
        page.legend(self._legend, left, width)
        page.block(wrapped(self._y, SMALL, width), left, page.y + 9, SMALL, fill=MUTED)

        points = [point for each in self._series.values() for point in each]
        ys = linear_ticks(max((y for _, y in points), default=0.0))
        start = left + max(text_width(short(each), SMALL) for each in ys) + 8
        bottom = top + height
        for each in ys:
            y = bottom - each / ys[-1] * height
            page.line(start, y, left + width, y, GRID if each else MUTED)
            page.text(short(each), start - 6, y + 4, SMALL, anchor="end", fill=MUTED, kind="tick-y")
        scale = LogScale.of_points([x for x, _ in points], start + 14, left + width - 14)
        for value, label in scale.ticks(GAP) if points else ():
            x = scale.at(value)
            page.line(x, bottom, x, bottom + 4, MUTED)
            page.text(label, x, bottom + 17, SMALL, anchor="middle", fill=MUTED, kind="tick-x")
        for name, line in self._series.items():
            where = [(scale.at(x), bottom - y / ys[-1] * height) for x, y in line]
            if len(where) > 1:
                page.path(where, page.colour(name))
            for (x, y), (across, up) in zip(line, where, strict=True):
                page.dot(across, up, page.colour(name), f"{name}: {written(x)}, {written(y)}")
        below = wrapped(self._x, SMALL, left + width - start)
        middle = (start + left + width) / 2
        page.y = page.block(below, middle, bottom + 34, SMALL, anchor="middle", fill=MUTED)
