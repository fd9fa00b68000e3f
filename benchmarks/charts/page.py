"""A page: the elements of a picture, and how far down it is filled."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from benchmarks.charts.text import LABEL, LEADING, SMALL, TITLE, escaped, text_width, wrapped

Anchor: TypeAlias = Literal["start", "middle", "end"]

WIDTH: Final = 860
MARGIN: Final = 24
INSIDE: Final = WIDTH - 2 * MARGIN
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, 'DejaVu Sans', sans-serif"

# Dark enough on white, and distinct to readers who cannot tell red from green.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56a5d8", "#5e4fa2", "#555555")
INK: Final = "#1f2328"
MUTED: Final = "#59636e"
GRID: Final = "#e4e7eb"
_FRAME: Final = "#d0d7de"


def check_drawable(values: Iterable[float], /) -> None:
    """Refuse what has no length.

    Raises:
        ValueError: if a value is negative, infinite or not a number.
    """
    for value in values:
        if not math.isfinite(value) or value < 0:
            msg = f"{value!r} cannot be drawn: expected a number from 0"
            raise ValueError(msg)


def in_order(mappings: Iterable[Mapping[str, object]], /) -> list[str]:
    """Return all names, in the order of their first appearance."""
    return list(dict.fromkeys(name for each in mappings for name in each))


class Page:
    """The elements of a picture.

    Attributes:
        y: how far down the page is filled.
    """

    def __init__(self, title: str) -> None:
        """Write the title."""
        self._title = title
        self._elements: list[str] = []
        self._colours: dict[str, str] = {}
        self.y = float(MARGIN)
        shown = wrapped(title, TITLE * 1.06, INSIDE)  # bold is wider
        if shown:
            self.y = self.block(shown, MARGIN, MARGIN + 14.0, TITLE, weight=600) + 2

    def name(self, names: Iterable[str]) -> None:
        """Give names their colours."""
        for each in names:
            self._colours.setdefault(each, _COLOURS[len(self._colours) % len(_COLOURS)])

    def colour(self, name: str) -> str:
        """Return the colour of a name."""
        return self._colours[name]

    def take(self, other: Page) -> None:
        """Add the elements of another page on top."""
        self._elements += other._elements

    def text(  # noqa: PLR0913  # because SVG has as many
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        *,
        anchor: Anchor = "start",
        fill: str = INK,
        weight: int = 400,
        kind: str = "",
    ) -> None:
        """Write one line."""
        self._elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"'
            + (f' text-anchor="{anchor}"' if anchor != "start" else "")
            + (f' font-weight="{weight}"' if weight != 400 else "")
            + (f' class="{kind}"' if kind else "")
            + f">{escaped(text)}</text>"
        )

    def block(  # noqa: PLR0913  # because SVG has as many
        self,
        block: Iterable[str],
        x: float,
        y: float,
        size: float,
        *,
        anchor: Anchor = "start",
        fill: str = INK,
        weight: int = 400,
    ) -> float:
        """Write several lines, and return the y of the next one."""
        for line in block:
            self.text(line, x, y, size, anchor=anchor, fill=fill, weight=weight)
            y += size * LEADING
        return y

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str) -> None:
        """Draw a line."""
        self._elements.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
        )

    def bar(self, x: float, y: float, length: float, height: float, fill: str, tip: str) -> None:  # noqa: PLR0913, PLR0917  # because SVG has as many
        """Draw a bar with a tooltip."""
        self._elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{length:.1f}" height="{height:g}" fill="{fill}">'
            f"<title>{escaped(tip)}</title></rect>"
        )

    def dot(self, x: float, y: float, fill: str, tip: str) -> None:
        """Draw a dot with a tooltip."""
        self._elements.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{fill}"><title>{escaped(tip)}</title></circle>'
        )

    def path(self, points: Iterable[tuple[float, float]], stroke: str) -> None:
        """Draw a line through several points."""
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._elements.append(f'<polyline points="{where}" fill="none" stroke="{stroke}" stroke-width="2"/>')

    def legend(self, names: Sequence[str], left: float, width: float) -> None:
        """Write names beside their colours, on as many lines as they need."""
        self.name(names)
        x, high = left, 0.0
        for name in names:
            shown = wrapped(name, LABEL, width - 18)
            wide = 18 + max((text_width(each, LABEL) for each in shown), default=0.0)
            if x > left and x + wide > left + width:
                x = left
                self.y += high
                high = 0.0
            self._elements.append(
                f'<rect x="{x:.1f}" y="{self.y:.1f}" width="12" height="12" rx="2" '
                f'fill="{self._colours[name]}"/>'
            )
            self.block(shown, x + 18, self.y + 10.5, LABEL)
            high = max(high, 20.0, len(shown) * LABEL * LEADING + 3)
            x += wide + 20
        self.y += high + (4 if names else 0)

    @staticmethod
    def legend_height(names: Sequence[str], width: float) -> float:
        """Return the height of a legend."""
        trial = Page("")
        start = trial.y
        trial.legend(names, 0.0, width)
        return trial.y - start

    def finished(self, note: str) -> str:
        """Return the picture as SVG, with a note below."""
        shown = wrapped(note, SMALL, INSIDE)
        if shown:
            self.y = self.block(shown, MARGIN, self.y + 6, SMALL, fill=MUTED) - 8
        height = math.ceil(self.y + 10)
        size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ground = f'width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#ffffff" stroke="{_FRAME}"'
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} font-family="{_FONT}">',
                f"<title>{escaped(self._title)}</title>",
                f'<rect x="0.5" y="0.5" {ground}/>',
                *self._elements,
                "</svg>\n",
            )
        )
