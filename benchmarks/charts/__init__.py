"""Charts as SVG text: grouped bars, and small multiples of lines.

Both draw a white background of their own, so they read the same on light and on dark pages. The
width of a text is estimated per character, generously, because the reader's font is unknown.
"""

from benchmarks.charts.bars import Row, bars
from benchmarks.charts.lines import Panel, lines

__all__ = ["Panel", "Row", "bars", "lines"]
