"""A year of readings in a time-bucketed log, and a plot of a week of them.

Run it with ``python examples/sensor_log.py [FOLDER]``; it writes ``sensor.db`` and ``sensor.svg``. The
readings are made by a formula, with noise from a seed, so that the plot is the same each time.
"""

import math
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from attrs import frozen

from esmodel import EventSourcedTimeBucketedLogRepository, TimeBucketedLogReader
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import TimeBucketedLog

ROOF: Final = UUID("5e450000-0000-4000-8000-000000000001")
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
STEP: Final = timedelta(hours=6)
SEED: Final = 20260101


@frozen
class Reading:
    taken_on: datetime
    celsius: float


def readings(count: int) -> list[Reading]:
    noise = random.Random(SEED)  # noqa: S311  # because it is weather, and no secret
    made: list[Reading] = []
    for number in range(count):
        moment = START + number * STEP
        day = (moment - START) / timedelta(days=1)
        season = 10 - 9 * math.cos(2 * math.pi * day / 365)
        hours = -4 * math.cos(2 * math.pi * day)
        made.append(Reading(moment, round(season + hours + noise.gauss(0, 1), 1)))
    return made


def record(log: TimeBucketedLog[Reading], taken: Sequence[Reading]) -> None:
    """Log readings, in the buckets of the times at which they were taken."""
    for reading in taken:
        log.log_message(reading, timestamp=reading.taken_on)


def week(log: TimeBucketedLog[Reading], start: datetime) -> list[Reading]:
    """Read the readings of seven days; the buckets of other times are not asked for."""
    return list(TimeBucketedLogReader(log).messages(gte=start, lt=start + timedelta(days=7)))


def plot(taken: Sequence[Reading], title: str) -> str:
    """Draw readings as a line, in SVG."""
    width, height, left, top = 640.0, 260.0, 48.0, 40.0
    low = math.floor(min(each.celsius for each in taken))
    high = math.ceil(max(each.celsius for each in taken))
    first, last = taken[0].taken_on, taken[-1].taken_on

    def across(moment: datetime) -> float:
        return left + (moment - first) / (last - first) * (width - left - 16)

    def down(celsius: float) -> float:
        return top + (high - celsius) / (high - low) * (height - top - 36)

    points = " ".join(f"{across(each.taken_on):.1f},{down(each.celsius):.1f}" for each in taken)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
        '<g font-family="sans-serif" font-size="12" fill="#444444">',
        f'<text x="{left:g}" y="22" font-size="15" fill="#111111">{title}</text>',
    ]
    for celsius in (low, (low + high) // 2, high):
        y = down(celsius)
        lines += [
            f'<path d="M{left:g} {y:.1f}H{width - 16:g}" stroke="#dddddd"/>',
            f'<text x="{left - 6:g}" y="{y + 4:.1f}" text-anchor="end">{celsius} °C</text>',
        ]
    for number in range((last - first).days + 1):
        moment = first + timedelta(days=number)
        label = f"{moment:%d %b}"
        lines.append(f'<text x="{across(moment):.1f}" y="{height - 12:g}">{label}</text>')
    lines += [
        "</g>",
        f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="2"/>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    with SQLiteStore(folder / "sensor.db", synchronous="NORMAL") as store:
        logs = EventSourcedTimeBucketedLogRepository(Reading, store)
        log = logs.get_or_create(ROOF, "month")
        if not any(TimeBucketedLogReader(log).messages(limit=1)):
            record(log, readings(4 * 365))
        july = week(log, datetime(2026, 7, 1, tzinfo=UTC))
        (folder / "sensor.svg").write_text(plot(july, "The roof in July"), encoding="utf-8")
        print(f"{len(july)} readings of a week, in {log.bucket_size} buckets")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
