"""The example examples/sensor_log.py, and its plot in the manual."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sensor_log
from esmodel import EventSourcedTimeBucketedLogRepository
from esmodel.stores.memory import MemoryStore
from sensor_log import ROOF, Reading, plot, readings, record, week

SCRIPT = Path(str(sensor_log.__file__))
PLOT = SCRIPT.parents[1] / "docs" / "sensor.svg"


def run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), str(folder)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_plot_of_the_manual_is_the_one_that_the_example_draws(tmp_path: Path) -> None:
    assert run(tmp_path) == "28 readings of a week, in month buckets\n"
    assert (tmp_path / "sensor.svg").read_bytes() == PLOT.read_bytes()


def test_a_second_run_logs_nothing_twice(tmp_path: Path) -> None:
    assert run(tmp_path) == run(tmp_path)


def test_a_week_across_two_buckets_is_whole() -> None:
    logs = EventSourcedTimeBucketedLogRepository(Reading, MemoryStore())
    log = logs.get_or_create(ROOF, "day")
    taken = readings(60)
    record(log, taken)
    start = datetime(2026, 1, 3, tzinfo=UTC)

    found = week(log, start)

    assert found == [each for each in taken if start <= each.taken_on < start + timedelta(days=7)]
    assert len(found) == 28


def test_each_reading_is_a_point_of_the_plot() -> None:
    taken = readings(28)

    tree = ET.fromstring(plot(taken, "A week"))  # noqa: S314  # because the plot is our own

    [line] = tree.iter("{http://www.w3.org/2000/svg}polyline")
    points = [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]
    assert len(points) == 28
    assert all(0 <= x <= 640 and 0 <= y <= 260 for x, y in points)
    assert points == sorted(points)  # in the order of time
    warmest = max(range(28), key=lambda number: taken[number].celsius)
    assert points[warmest][1] == min(y for _, y in points)
