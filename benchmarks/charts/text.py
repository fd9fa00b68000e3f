"""Text in a chart: how wide it is, where it breaks, and how numbers are written."""

from __future__ import annotations

import html
import math
from typing import Final

TITLE: Final = 17.0
HEADING: Final = 13.0
LABEL: Final = 12.5
SMALL: Final = 11.0
LEADING: Final = 1.35

_NARROW: Final = frozenset("iljtfrI.,:;'`|!()[]{}/\\ ")
_WIDE: Final = frozenset("mwMW@%&—…")


def text_width(text: str, size: float, /) -> float:
    """Return the approximate width of a text in pixels.

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
    if ord(character) >= 0x1100:  # from here on, many characters are as wide as they are high
        return 1.05
    return 0.72 if character.isupper() else 0.64


def written(value: float, /) -> str:
    """Return a value as the end of its bar shows it: three digits, or all before the point.

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
    """Return a value as a tick shows it.

    Example:
        >>> [short(each) for each in (0.1, 500, 1_000, 2_500, 100_000, 1_000_000)]
        ['0.1', '500', '1k', '2.5k', '100k', '1M']
    """
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def wrapped(text: str, size: float, width: float, /) -> list[str]:
    """Break a text into lines of at most this width; cut a word that is longer."""
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


def escaped(text: str, /) -> str:
    """Return a text as XML; control characters and lone surrogates become spaces."""
    return html.escape("".join(each if each.isprintable() else " " for each in text))
