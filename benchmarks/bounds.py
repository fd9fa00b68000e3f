"""The bounds: how many times as much as the baseline esmodel may need in each row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.run import Result

PATH: Final = Path(__file__).parent / "bounds.json"

Bounds: TypeAlias = Mapping[str, float]


def read() -> Bounds:
    """Read the committed bounds."""
    found: dict[str, float] = json.loads(PATH.read_text(encoding="utf-8"))
    return found


def beyond(results: Sequence[Result], bounds: Bounds) -> list[str]:
    """Return a sentence for each result that is above its bound.

    It is the best values that count: what else the machine does disturbs them least.
    """
    found: list[str] = []
    for result in results:
        bound, ratio = bounds.get(result.row.name), result.best_to_baseline()
        if bound is not None and ratio is not None and ratio > bound:
            found.append(
                f"{result.row.name}, synchronous {result.synchronous}: expected esmodel to need at most "
                f"{bound} times as much as the baseline, found {ratio:.2f}"
            )
    return found
