"""Charts of the benchmarks, and the benchmark of growth itself, with short histories."""

from __future__ import annotations

import doctest
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree as ET

import pytest
from uncovered import without_coverage

sys.path.insert(0, str(Path(__file__).parents[3]))  # the benchmarks are not installed

from benchmarks import charts, publish
from benchmarks.charts import text as chart_text

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
NOTHING: Mapping[str, float] = MappingProxyType({})
NO_SERIES: Mapping[str, Sequence[tuple[float, float]]] = MappingProxyType({})
LONG = "load 10,000 events through a repository that verifies a hash chain of " + "w" * 90


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # coverage warns in a process that multiprocessing starts after the import of esmodel
    return subprocess.run(
        command, cwd=ROOT, env=without_coverage(), capture_output=True, text=True, check=False, timeout=120
    )


def parsed(svg: str) -> ET.Element:
    root = ET.fromstring(svg)  # noqa: S314  # because it was written here
    assert root.tag == f"{SVG}svg"
    return root


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in parsed(svg).iter(f"{SVG}text")]


def tips(svg: str) -> list[str]:
    return [each.text or "" for each in parsed(svg).iter(f"{SVG}title")]


def boxes(svg: str, kind: str | None = None) -> list[tuple[str, float, float, float, float]]:
    """Return each text with the left, top, right and bottom of where it stands, as estimated."""
    found: list[tuple[str, float, float, float, float]] = []
    for each in parsed(svg).iter(f"{SVG}text"):
        if kind is not None and each.get("class") != kind:
            continue
        text, size = each.text or "", float(each.attrib["font-size"])
        x, y, width = float(each.attrib["x"]), float(each.attrib["y"]), chart_text.text_width(text, size)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[each.get("text-anchor", "start")]
        found.append((text, left, y - size * 0.8, left + width, y + size * 0.2))
    return found


def assert_apart(svg: str) -> None:
    root = parsed(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    found = boxes(svg)
    for text, left, top, right, bottom in found:
        assert (left >= 0, top >= 0, right <= width, bottom <= height) == (True,) * 4, text
    for (one, left, top, right, bottom), (other, left2, top2, right2, bottom2) in itertools.combinations(
        found, 2
    ):
        apart = right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
        assert apart, f"{one!r} and {other!r} overlap"


ROWS: list[tuple[str, Mapping[str, float]]] = [
    ("replay", {"one": 0.82, "another library": 14.26}),
    ("save & publish", {"another library": 1_534, "one": 123.4, "third": 0.01}),
    (LONG, {"third": 987_654.3}),
]
PANELS: list[tuple[str, str, str, Mapping[str, Sequence[tuple[float, float]]]]] = [
    ("An event", "events", "microseconds", {"load": [(10, 4.5), (1_000, 2.5), (1_000_000, 2.25)]}),
    ("Writers " * 12, "processes", "saves a second", {"FULL": [(1, 3_000), (2, 3_100), (8, 2_900)]}),
    ("Memory", "events", "KiB", {"load": [(1_000, 237.5)], "save": []}),
]


class TestBars:
    def test_labels_and_values_are_written(self) -> None:
        svg = charts.bars("A title", ROWS, unit="ms", note="A note.", is_log=True)
        found = texts(svg)
        for text in ("A title", "A note.", "one", "another library", "third", "replay", "save & publish"):
            assert text in found
        for value in ("0.82", "14.3", "1,534", "123", "0.01", "987,654", "ms (log scale)"):
            assert value in found
        assert "save & publish, one: 123 ms" in tips(svg)
        assert "".join(LONG.split()) in "".join("".join(found).split())

    def test_ticks_are_round(self) -> None:
        ticks = [text for text, *_ in boxes(charts.bars("", ROWS, unit="ms", is_log=True), "tick-x")]
        assert ticks == ["0.01", "0.1", "1", "10", "100", "1k", "10k", "100k", "1M"]
        near = charts.bars("", [("a", {"x": 1.2, "y": 4.0})], unit="ms", is_log=True)
        assert [text for text, *_ in boxes(near, "tick-x")] == ["0.5", "1", "2", "5"]

    def test_a_longer_bar_is_a_greater_value(self) -> None:
        root = parsed(charts.bars("", [("a", {"x": 1, "y": 10, "z": 100})], unit="", is_log=True))
        bars = [each for each in root.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
        one, ten, hundred = (float(each.attrib["width"]) for each in bars)
        assert 0 < one < ten
        assert hundred - ten == pytest.approx(ten - one, abs=0.2)

    def test_colours_are_those_of_the_first_appearance(self) -> None:
        root = parsed(charts.bars("", ROWS, unit=""))
        colours: dict[str, set[str]] = {}
        for each in root.iter(f"{SVG}rect"):
            tip = each.findtext(f"{SVG}title")
            if tip is not None:
                colours.setdefault(tip.rpartition(", ")[2].partition(":")[0], set()).add(each.attrib["fill"])
        assert [len(each) for each in colours.values()] == [1, 1, 1]
        assert len({colour for each in colours.values() for colour in each}) == 3

    def test_a_bar_is_as_long_as_its_value_where_the_axis_begins_at_0(self) -> None:
        root = parsed(charts.bars("", [("a", {"x": 1, "y": 10, "z": 5})], unit=""))
        drawn = [each for each in root.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
        one, ten, five = (float(each.attrib["width"]) for each in drawn)
        assert ten == pytest.approx(10 * one, abs=1)
        assert five == pytest.approx(5 * one, abs=1)

    @pytest.mark.parametrize(
        "rows",
        [[], [("a", NOTHING)], [("a", {"x": 0})], [("", {"": 1})], [("a", {"x": 1e-9}), ("b", {"x": 1e9})]],
    )
    def test_little_is_enough(self, rows: list[tuple[str, Mapping[str, float]]]) -> None:
        assert_apart(charts.bars("", rows, unit="", is_log=True))
        assert_apart(charts.bars("", rows, unit=""))

    def test_no_texts_overlap(self) -> None:
        assert_apart(charts.bars(LONG, ROWS, unit="ms", note=LONG, is_log=True))
        many = [
            (f"row {n}", {f"a contender called {k}": 10.0 ** (n - k) for k in range(9)}) for n in range(4)
        ]
        assert_apart(charts.bars("Many", many, unit="a unit", is_log=True))
        assert_apart(charts.bars("Many", many, unit="a unit"))

    @pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
    def test_what_is_no_length_is_refused(self, value: float) -> None:
        with pytest.raises(ValueError, match="cannot be drawn"):
            charts.bars("", [("a", {"x": value})], unit="")


class TestLines:
    def test_labels_and_values_are_written(self) -> None:
        svg = charts.lines("A title", PANELS, note="A note.")
        found = texts(svg)
        for text in ("A title", "A note.", "An event", "events", "microseconds", "load", "FULL", "save"):
            assert text in found
        for tip in ("load: 10, 4.5", "load: 1,000,000, 2.25", "FULL: 8, 2,900", "load: 1,000, 238"):
            assert tip in tips(svg)

    def test_ticks_are_powers_of_ten_or_the_few_values_there_are(self) -> None:
        first = charts.lines("", PANELS[:1])
        assert [text for text, *_ in boxes(first, "tick-x")] == ["10", "100", "1k", "10k", "100k", "1M"]
        second = charts.lines("", PANELS[1:2])
        assert [text for text, *_ in boxes(second, "tick-x")] == ["1", "2", "8"]
        assert [text for text, *_ in boxes(second, "tick-y")] == ["0", "1k", "2k", "3k", "4k"]

    def test_y_begins_at_0(self) -> None:
        svg = charts.lines("", [("", "", "", {"a": [(1, 0), (10, 5), (100, 10)]})])
        bottom, middle, top = (float(each.attrib["cy"]) for each in parsed(svg).iter(f"{SVG}circle"))
        assert bottom - middle == pytest.approx(middle - top, abs=0.2)
        line = parsed(svg).find(f"{SVG}polyline")
        assert line is not None
        assert len(line.attrib["points"].split()) == 3

    def test_panels_with_the_same_series_share_a_legend(self) -> None:
        panel = ("", "", "", {"a": [(1.0, 1.0)]})
        other = ("", "", "", {"b": [(1.0, 1.0)]})
        assert texts(charts.lines("", [panel, panel])).count("a") == 1
        assert texts(charts.lines("", [panel, panel, other])).count("a") == 2

    @pytest.mark.parametrize(
        "series", [NO_SERIES, {"a": []}, {"a": [(7, 0)]}, {"a": [(0.5, 1e-7), (0.5, 3)]}]
    )
    def test_little_is_enough(self, series: Mapping[str, Sequence[tuple[float, float]]]) -> None:
        assert_apart(charts.lines("", [("t", "x", "y", series)]))
        assert_apart(charts.lines("", [("", "", "", series)] * 3))
        parsed(charts.lines("", []))

    def test_no_texts_overlap(self) -> None:
        assert_apart(charts.lines(LONG, PANELS, note=LONG))
        wide = {f"a series called {k}": [(10.0**n, 1e5 * n) for n in range(14)] for k in range(9)}
        near = {"x": [(x, 2.0 * x) for x in range(1_000, 3_000, 10)]}
        assert_apart(charts.lines("Wide", [(LONG, LONG, LONG, wide), ("Near", "x", "y", near)]))

    @pytest.mark.parametrize("point", [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, float("nan"))])
    def test_what_has_no_place_is_refused(self, point: tuple[float, float]) -> None:
        with pytest.raises(ValueError, match=r"cannot be drawn|log axis"):
            charts.lines("", [("", "", "", {"a": [point]})])


@pytest.mark.parametrize("text", ["<b>&amp;\"'</b>", "]]>", "a\x00\x1b\udc00b", "Zoë, 数"])
def test_any_text_is_escaped(text: str) -> None:
    shown = "".join(each if each.isprintable() else " " for each in text)
    drawn = (
        charts.bars(text, [(text, {text: 1})], unit=text, note=text),
        charts.lines(text, [(text, text, text, {text: [(1, 1)]})], note=text),
    )
    for svg in drawn:
        assert tips(svg)[0] == shown
        assert texts(svg).count(shown) >= 4
        assert parsed(svg.encode().decode()).get("role") == "img"


def test_the_chart_and_the_table_of_the_manual_are_those_of_the_stored_run() -> None:
    rows = publish.stored(ROOT / "docs" / "benchmarks.json")
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    drawn = publish.chart(rows)

    assert (ROOT / "docs" / "benchmarks.svg").read_text(encoding="utf-8") == drawn
    assert publish.with_table(page, rows) == page
    assert_apart(drawn)
    assert float(parsed(drawn).attrib["height"]) < 450  # a reader takes it in at a glance


def test_a_page_without_marks_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="end of the table"):
        publish.with_table("# A page\n", [])


def test_the_examples_of_the_module_hold() -> None:
    assert doctest.testmod(chart_text) == (0, 3)


def test_growth_says_what_it_measures() -> None:
    command = [sys.executable, "-m", "benchmarks.growth", "--help"]
    done = run(command)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--quick" in done.stdout


@pytest.mark.slow
def test_growth_is_measured(tmp_path: Path) -> None:
    figures, drawn = tmp_path / "growth.json", tmp_path / "growth.svg"
    options = ["--quick", "--events", "300", "--folder", str(tmp_path)]
    command = [
        sys.executable,
        "-m",
        "benchmarks.growth",
        *options,
        "--json",
        str(figures),
        "--chart",
        str(drawn),
    ]
    done = run(command)
    assert (done.returncode, done.stderr) == (0, "")
    parts: list[dict[str, dict[str, list[list[float]]]]] = json.loads(figures.read_text())["parts"]
    lengths = [{name: [x for x, _ in curve] for name, curve in part["curves"].items()} for part in parts]
    assert lengths == [
        {name: [10, 300] for name in ("replay", "save", "save without gc", "load")},
        {"load": [300], "events": [300], "read_all": [300]},
        {"load": [100, 300]},
        {"FULL": [1, 2, 4, 8], "NORMAL": [1, 2, 4, 8]},
    ]
    assert all(y > 0 for part in parts for curve in part["curves"].values() for _, y in curve)
    assert "How cost grows" in texts(drawn.read_text())
    assert {each.name for each in tmp_path.iterdir()} == {"growth.json", "growth.svg"}
