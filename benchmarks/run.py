"""Taking turns: within each repeat, every contender does the work once."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple, TypeAlias

from benchmarks.bank import Synchronous
from benchmarks.contenders import Process
from benchmarks.rows import BASELINE, DENSE_BASELINE, EIGHT, ESMODEL, EVENT, TRANSACTION, Row

Setting: TypeAlias = Synchronous | Literal["-"]

MILLION = 1_000_000
WARM_UPS = 1


class Plan(NamedTuple):
    """The extent of a run."""

    repeats: int
    is_quick: bool
    synchronous: Sequence[Synchronous]
    folder: Path | None = None

    def size(self, row: Row) -> int:
        """Return the size of one turn of a row."""
        return row.quick if self.is_quick else row.size


class Result(NamedTuple):
    """The figures of a row, by contender, one per repeat."""

    row: Row
    size: int
    synchronous: Setting
    values: Mapping[str, Sequence[float]]

    def best(self, contender: str) -> float:
        """Return the lowest figure."""
        return min(self.values[contender])

    def median(self, contender: str) -> float:
        """Return the median."""
        return statistics.median(self.values[contender])

    def to_esmodel(self, contender: str) -> float:
        """Return how many times as much as esmodel a contender needs."""
        return self.median(contender) / self.median(ESMODEL)

    def to_baseline(self) -> float | None:
        """Return how many times as much as the baseline esmodel needs."""
        if BASELINE not in self.values or ESMODEL not in self.values:
            return None
        return self.median(ESMODEL) / self.median(BASELINE)

    def best_to_baseline(self) -> float | None:
        """Return the same ratio for the lowest figures, which a busy machine disturbs less."""
        if BASELINE not in self.values or ESMODEL not in self.values:
            return None
        return self.best(ESMODEL) / self.best(BASELINE)

    @property
    def peers(self) -> tuple[str, ...]:
        """The contenders that are other libraries."""
        return tuple(
            each for each in self.values if each not in {BASELINE, DENSE_BASELINE, ESMODEL, TRANSACTION}
        )

    @property
    def fastest(self) -> str | None:
        """The fastest peer."""
        return min(self.peers, key=self.median, default=None)

    @property
    def named(self) -> str | None:
        """The peer of the first target."""
        return next((each for each in self.peers if each in {EVENT, EIGHT}), None)


def measured(row: Row, plan: Plan, processes: Mapping[str, Process]) -> Iterator[Result]:
    """Yield the results of a row: one, or one for each ``PRAGMA synchronous``."""
    if row.writes:
        for synchronous in plan.synchronous:
            yield Result(row, plan.size(row), synchronous, _values(row, plan, synchronous, processes))
    else:
        yield Result(row, plan.size(row), "-", _values(row, plan, "NORMAL", processes))


def _values(
    row: Row, plan: Plan, synchronous: Synchronous, processes: Mapping[str, Process]
) -> Mapping[str, Sequence[float]]:
    contenders = [each for each in row.contenders if each in processes]
    values: dict[str, list[float]] = {each: [] for each in contenders}
    repeats = 1 if row.is_quantity else plan.repeats
    warm_ups = 0 if row.is_quantity else WARM_UPS
    scale = 1 if row.is_quantity else MILLION / (row.parts or plan.size(row))
    with TemporaryDirectory(dir=plan.folder) as folder:
        for each in contenders:
            processes[each].ask(
                {
                    "do": "begin",
                    "work": row.work or row.name,
                    "store": row.store,
                    "path": str(Path(folder, f"{each}.db")),
                    "synchronous": synchronous,
                    "size": plan.size(row),
                }
            )
        for repeat in range(-warm_ups, repeats):
            first = repeat % len(contenders)  # no contender is always first, or always after the same one
            for each in contenders[first:] + contenders[:first]:
                value = processes[each].ask({"do": "turn"})
                if repeat >= 0:
                    values[each].append(value * scale)
        for each in contenders:
            processes[each].ask({"do": "end"})
    return values
