"""Charts as SVG text: grouped bars, and small multiples of lines.

Both bring a white background of their own, so that they read alike on light and on dark pages. How
wide a text will be is estimated for each character, a little generously, because the reader's font
is not known here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, TypeAlias

Row: TypeAlias = tuple[str, Mapping[str, float]]
Series: TypeAlias = Mapping[str, Sequence[tuple[float, float]]]
Panel: TypeAlias = tuple[str, str, str, Series]
Anchor: TypeAlias = Literal["start", "middle", "end"]

WIDTH: Final = 860
_MARGIN: Final = 24
_INSIDE: Final = WIDTH - 2 * _MARGIN
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, 'DejaVu Sans', sans-serif"

# Dark enough on white, and apart from each other also for eyes that do not tell red from green.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56a5d8", "#5e4fa2", "#555555")
_INK, _MUTED, _GRID, _FRAME = "#1f2328", "#59636e", "#e4e7eb", "#d0d7de"

_TITLE, _HEADING, _LABEL, _SMALL = 17.0, 13.0, 12.5, 11.0
_LEADING: Final = 1.35
_GAP: Final = 8.0  # at least this much between two labels of an axis

_NARROW: Final = frozenset("iljtfrI.,:;'`|!()[]{}/\\ ")
_WIDE: Final = frozenset("mwMW@%&—…")


def text_width(text: str, size: float, /) -> float:
    """Return about how many pixels wide a text is.

    Example:
        >>> text_width("1M", 10.0)
        16.2
    """
    return round(sum(map(_character_width, text)) * size, 2)


def _character_width(character: str) -> float:
    if character in _NARROW:
        return 0.4
    if character in _WIDE:
        return 0.98
    if ord(character) >= 0x1100:  # from here on, many are as wide as they are high
        return 1.05
    return 0.72 if character.isupper() else 0.64


def written(value: float, /) -> str:
    """Return a value as it stands at the end of its bar: three digits, or all before the point.

    Example:
        >>> [written(each) for each in (1234.5, 12.34, 2.0, 0.01234)]
        ['1,234', '12.3', '2', '0.0123']
    """
    if value >= 999.5:
        return f"{value:,.0f}"
    digits = 3 if value <= 0 else 2 - math.floor(math.log10(value))
    text = f"{value:.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(value: float, /) -> str:
    """Return a value as it stands at a tick.

    Example:
        >>> [short(each) for each in (0.1, 500, 1_000, 2_500, 100_000, 1_000_000)]
        ['0.1', '500', '1k', '2.5k', '100k', '1M']
    """
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def bars(title: str, rows: Sequence[Row], *, unit: str, note: str = "") -> str:
    """Return horizontal bars, in a group for each row, on a log scale.

    Args:
        title: what the chart shows.
        rows: a label, and the values by the names of the contenders.
        unit: of the values.
        note: what the reader should know; it stands below.

    Raises:
        ValueError: if a value is negative or no number.
    """
    names = _in_order(values for _, values in rows)
    present = [value for _, values in rows for value in values.values()]
    _check(present)
    page = _Page(title)
    page.legend(names, _MARGIN, _INSIDE)
    widest = max((text_width(label, _LABEL) for label, _ in rows), default=0.0)
    column = min(widest, 250.0)
    left = _MARGIN + column + 12
    right = WIDTH - _MARGIN - max((text_width(written(each), _SMALL) for each in present), default=0.0) - 8
    scale = _LogScale.of_bars([each for each in present if each > 0], left, right)
    top = page.y
    body = _Page("")  # the grid lies below the bars, and its height is known after them
    y = top + 10
    for label, values in rows:
        lines = wrapped(label, _LABEL, column)
        shown = [name for name in names if name in values]
        height = max(len(shown) * 19.0, len(lines) * _LABEL * _LEADING)
        first = y + height / 2 - (len(lines) - 1) * _LABEL * _LEADING / 2 + _LABEL * 0.35
        body.block(lines, left - 12, first, _LABEL, anchor="end")
        bar_y = y + (height - len(shown) * 19.0) / 2 + 1.5
        for name in shown:
            value = values[name]
            length = scale.at(value) - left if value > 0 else 0.0
            tip = f"{label}, {name}: {written(value)} {unit}"
            body.bar(left, bar_y, length, page.colour(name), tip)
            body.text(written(value), left + length + 5, bar_y + 12, _SMALL)
            bar_y += 19.0
        y += height + 16
    for value, label in scale.ticks(_GAP):
        page.line(scale.at(value), top, scale.at(value), y, _GRID)
        page.text(label, scale.at(value), y + 16, _SMALL, anchor="middle", fill=_MUTED, kind="tick-x")
    page.line(left, top, left, y, _MUTED)
    page.take(body)
    page.y = y + 20
    axis = wrapped(f"{unit} (log scale)" if unit else "log scale", _SMALL, right - left)
    page.y = page.block(axis, (left + right) / 2, page.y + 14, _SMALL, anchor="middle", fill=_MUTED)
    return page.finished(note)


def lines(title: str, panels: Sequence[Panel], *, note: str = "") -> str:
    """Return small multiples: dots and lines over a log x axis, y from 0.

    Args:
        title: what the charts show together.
        panels: a title, what x is, what y is, and the points by the names of the series.
        note: what the reader should know; it stands below.

    Raises:
        ValueError: if a number is negative or none, or an x is 0.
    """
    for _, _, _, series in panels:
        points = [point for each in series.values() for point in each]
        _check([each for point in points for each in point])
        if any(x == 0 for x, _ in points):
            raise ValueError("0 has no place on a log axis")
    page = _Page(title)
    names = _in_order(series for _, _, _, series in panels)
    shared = all(set(series) == set(names) for _, _, _, series in panels)
    page.name(names)
    if shared:
        page.legend(names, _MARGIN, _INSIDE)
    columns = min(len(panels), 2)
    gap = 32.0
    width = (_INSIDE - gap * (columns - 1)) / max(columns, 1)
    for start in range(0, len(panels), 2):
        in_line = panels[start : start + 2]
        # what is drawn side by side begins at one height, whatever stands above it
        plots = [_Plot(page, panel, has_legend=not shared) for panel in in_line]
        above = max(plot.above(width) for plot in plots)
        top = page.y
        bottoms: list[float] = []
        for column, plot in enumerate(plots):
            page.y = top
            plot.draw(_MARGIN + column * (width + gap), width, top + above, 210.0)
            bottoms.append(page.y)
        page.y = max(bottoms)
    return page.finished(note)


def wrapped(text: str, size: float, width: float, /) -> list[str]:
    """Return a text in lines that are no wider than this; a longer word is cut."""
    found: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if text_width(joined, size) <= width:
            line = joined
            continue
        if line:
            found.append(line)
        line = ""
        for character in word:
            if line and text_width(line + character, size) > width:
                found.append(line)
                line = ""
            line += character
    return [*found, line] if line else found


def _check(values: Iterable[float]) -> None:
    for value in values:
        if not math.isfinite(value) or value < 0:
            msg = f"{value!r} cannot be drawn: expected a number from 0"
            raise ValueError(msg)


def _in_order(mappings: Iterable[Mapping[str, object]]) -> list[str]:
    """Return all names, in the order of their first appearance."""
    return list(dict.fromkeys(name for each in mappings for name in each))


def _escaped(text: str) -> str:
    # XML has no place for control characters and lone surrogates
    return html.escape("".join(each if each.isprintable() else " " for each in text))


class _Page:
    """The elements of a picture, and how far down it is filled."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._elements: list[str] = []
        self._colours: dict[str, str] = {}
        self.y = float(_MARGIN)
        shown = wrapped(title, _TITLE * 1.06, _INSIDE)  # bold is wider
        if shown:
            self.y = self.block(shown, _MARGIN, _MARGIN + 14.0, _TITLE, weight=600) + 10

    def name(self, names: Iterable[str]) -> None:
        """Give names their colours."""
        for each in names:
            self._colours.setdefault(each, _COLOURS[len(self._colours) % len(_COLOURS)])

    def colour(self, name: str) -> str:
        return self._colours[name]

    def take(self, other: _Page) -> None:
        self._elements += other._elements

    def text(  # noqa: PLR0913  # because SVG has as many
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        *,
        anchor: Anchor = "start",
        fill: str = _INK,
        weight: int = 400,
        kind: str = "",
    ) -> None:
        self._elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"'
            + (f' text-anchor="{anchor}"' if anchor != "start" else "")
            + (f' font-weight="{weight}"' if weight != 400 else "")
            + (f' class="{kind}"' if kind else "")
            + f">{_escaped(text)}</text>"
        )

    def block(  # noqa: PLR0913  # because SVG has as many
        self,
        block: Iterable[str],
        x: float,
        y: float,
        size: float,
        *,
        anchor: Anchor = "start",
        fill: str = _INK,
        weight: int = 400,
    ) -> float:
        """Write lines below each other, and return where the next one would be."""
        for line in block:
            self.text(line, x, y, size, anchor=anchor, fill=fill, weight=weight)
            y += size * _LEADING
        return y

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str) -> None:
        self._elements.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
        )

    def bar(self, x: float, y: float, length: float, fill: str, tip: str) -> None:
        self._elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{length:.1f}" height="16" fill="{fill}">'
            f"<title>{_escaped(tip)}</title></rect>"
        )

    def dot(self, x: float, y: float, fill: str, tip: str) -> None:
        self._elements.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{fill}"><title>{_escaped(tip)}</title></circle>'
        )

    def path(self, points: Iterable[tuple[float, float]], stroke: str) -> None:
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._elements.append(f'<polyline points="{where}" fill="none" stroke="{stroke}" stroke-width="2"/>')

    def legend(self, names: Sequence[str], left: float, width: float) -> None:
        """Write names beside their colours, in as many lines as they need."""
        self.name(names)
        x, high = left, 0.0
        for name in names:
            shown = wrapped(name, _LABEL, width - 18)
            wide = 18 + max((text_width(each, _LABEL) for each in shown), default=0.0)
            if x > left and x + wide > left + width:
                x = left
                self.y += high
                high = 0.0
            self._elements.append(
                f'<rect x="{x:.1f}" y="{self.y:.1f}" width="12" height="12" rx="2" '
                f'fill="{self._colours[name]}"/>'
            )
            self.block(shown, x + 18, self.y + 10.5, _LABEL)
            high = max(high, 20.0, len(shown) * _LABEL * _LEADING + 3)
            x += wide + 20
        self.y += high + (4 if names else 0)

    def legend_height(self, names: Sequence[str], width: float) -> float:
        trial = _Page("")
        start = trial.y
        trial.legend(names, 0.0, width)
        return trial.y - start

    def finished(self, note: str) -> str:
        """Return the picture, with a note below."""
        shown = wrapped(note, _SMALL, _INSIDE)
        if shown:
            self.y = self.block(shown, _MARGIN, self.y + 12, _SMALL, fill=_MUTED) - 8
        height = math.ceil(self.y + 10)
        size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ground = f'width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#ffffff" stroke="{_FRAME}"'
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} font-family="{_FONT}">',
                f"<title>{_escaped(self._title)}</title>",
                f'<rect x="0.5" y="0.5" {ground}/>',
                *self._elements,
                "</svg>\n",
            )
        )


class _LogScale:
    """Where values lie on a log axis, and which of them are ticks."""

    def __init__(self, low: float, high: float, left: float, right: float, ticks: Sequence[float]) -> None:
        self._low, self._high = math.log10(low), math.log10(high)
        self._left, self._right = left, right
        self._ticks = ticks

    @classmethod
    def of_bars(cls, values: Sequence[float], left: float, right: float) -> _LogScale:
        """Return a scale that begins at a round value below all, so that each bar is seen."""
        low, high = min(values, default=1.0), max(values, default=1.0)
        bottom = max(each for each in _round_values(low / 20, low) if each < low * 0.8)
        top = min(each for each in _round_values(high, high * 20) if each >= high)
        decades = [each for each in _decades(bottom, top) if bottom <= each <= top]
        ticks = decades if len(decades) > 4 else [e for e in _round_values(bottom, top) if bottom <= e <= top]
        scale = cls(bottom, top, left, right, ticks)
        kept = len(scale.ticks(_GAP))
        return scale if kept == len(ticks) or not decades else cls(bottom, top, left, right, decades)

    @classmethod
    def of_points(cls, values: Sequence[float], left: float, right: float) -> _LogScale:
        """Return a scale from the lowest to the highest, with the powers of ten between as ticks.

        Where these are fewer than three, the values themselves are the ticks.
        """
        known = sorted(set(values)) or [1.0, 10.0]
        low, high = known[0], known[-1]
        decades = [each for each in _decades(low, high) if low <= each <= high]
        ticks = decades if len(decades) >= 3 else known
        if low == high:
            low, high = low / 3, high * 3
        return cls(low, high, left, right, ticks)

    def at(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._left + share * (self._right - self._left)

    def ticks(self, gap: float) -> list[tuple[float, str]]:
        """Return values and labels; where there is no room for all, every second, third and so on."""
        step = 1
        while True:
            found = [(each, short(each)) for each in self._ticks[::step]]
            ends = [(self.at(each), text_width(label, _SMALL) / 2) for each, label in found]
            pairs = pairwise(ends)
            if all(x + half + gap <= other - wide for (x, half), (other, wide) in pairs):
                return found
            step += 1


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [_power(each) for each in range(first, last + 1)]


def _round_values(low: float, high: float) -> list[float]:
    return [factor * each for each in _decades(low, high) for factor in (1, 2, 5)]


def _power(exponent: int) -> float:
    return float(f"1e{exponent}")  # 10.0 ** -3 is not quite 0.001


class _Plot:
    """One panel."""

    def __init__(self, page: _Page, panel: Panel, *, has_legend: bool) -> None:
        self._page = page
        self._title, self._x, self._y, self._series = panel
        self._legend = list(self._series) if has_legend else []

    def above(self, width: float) -> float:
        """Return how much stands above the plot."""
        heading = len(wrapped(self._title, _HEADING * 1.06, width)) * _HEADING * _LEADING
        label = len(wrapped(self._y, _SMALL, width)) * _SMALL * _LEADING
        return 24 + heading + label + self._page.legend_height(self._legend, width)

    def draw(self, left: float, width: float, top: float, height: float) -> None:
        """Draw it, and leave the page filled as far as it reaches."""
        page = self._page
        title = wrapped(self._title, _HEADING * 1.06, width)
        page.y = page.block(title, left, page.y + 16, _HEADING, weight=600) - 4
        page.legend(self._legend, left, width)
        page.block(wrapped(self._y, _SMALL, width), left, page.y + 9, _SMALL, fill=_MUTED)

        points = [point for each in self._series.values() for point in each]
        ys = _linear_ticks(max((y for _, y in points), default=0.0))
        start = left + max(text_width(short(each), _SMALL) for each in ys) + 8
        bottom = top + height
        for each in ys:
            y = bottom - each / ys[-1] * height
            page.line(start, y, left + width, y, _GRID if each else _MUTED)
            page.text(short(each), start - 6, y + 4, _SMALL, anchor="end", fill=_MUTED, kind="tick-y")
        scale = _LogScale.of_points([x for x, _ in points], start + 14, left + width - 14)
        for value, label in scale.ticks(_GAP) if points else ():
            x = scale.at(value)
            page.line(x, bottom, x, bottom + 4, _MUTED)
            page.text(label, x, bottom + 17, _SMALL, anchor="middle", fill=_MUTED, kind="tick-x")
        for name, line in self._series.items():
            where = [(scale.at(x), bottom - y / ys[-1] * height) for x, y in line]
            if len(where) > 1:
                page.path(where, page.colour(name))
            for (x, y), (across, up) in zip(line, where, strict=True):
                page.dot(across, up, page.colour(name), f"{name}: {written(x)}, {written(y)}")
        below = wrapped(self._x, _SMALL, left + width - start)
        middle = (start + left + width) / 2
        page.y = page.block(below, middle, bottom + 34, _SMALL, anchor="middle", fill=_MUTED)


def _linear_ticks(highest: float) -> list[float]:
    """Return round values from 0 to one that is not below the highest."""
    if highest <= 0:
        return [0.0, 1.0]
    step = next(each for each in _round_values(highest / 50, highest) if each * 5 >= highest)
    return [float(f"{step * each:.12g}") for each in range(math.ceil(highest / step - 1e-9) + 1)]
