"""The rows of the table: the work, its contenders, its size and its targets."""

from __future__ import annotations

from typing import Final, NamedTuple

BASELINE: Final = "baseline"
ESMODEL: Final = "esmodel"
EVENT: Final = "eventsourcing9"
STRUCT: Final = "eventsourcing9_msgspec"
EIGHT: Final = "eventsourcing8"
SOURCERY: Final = "sourcery"
TRANSACTION: Final = "esmodel_transaction"
DENSE_BASELINE: Final = "baseline_dense"

ALL: Final = (BASELINE, ESMODEL, EVENT, STRUCT, SOURCERY)
WITH_EIGHT: Final = (BASELINE, ESMODEL, EIGHT)
ON_POSTGRES: Final = (BASELINE, DENSE_BASELINE, ESMODEL, TRANSACTION, EVENT, STRUCT)


class Targets(NamedTuple):
    """The targets of a row.

    Attributes:
        peer: the least ratio of the named peer to esmodel; that peer is 9.5 with ``@event``, or 8.2.5.
        fastest: the least ratio of the fastest peer to esmodel.
        baseline: the highest ratio of esmodel to the baseline.
    """

    peer: float
    fastest: float | None = None
    baseline: float | None = None


class Row(NamedTuple):
    """A row.

    Attributes:
        name: its name for ``--rows``.
        title: the work; ``{}`` stands for the size.
        unit: the unit of a figure; a quantity is in bytes.
        size: the size of a turn.
        quick: the size with ``--quick``.
        contenders: the contenders that take part.
        targets: the targets.
        store: the attribute of the contender's module that the work uses.
        work: the name of the work; by default that of the row.
        writes: whether ``PRAGMA synchronous`` matters.
        parts: the number of units in a turn, if it is not the size.
    """

    name: str
    title: str
    unit: str
    size: int
    quick: int
    contenders: tuple[str, ...]
    targets: Targets
    store: str = "plain"
    work: str = ""
    writes: bool = False
    parts: int | None = None

    @property
    def is_quantity(self) -> bool:
        """Whether the row measures bytes instead of time."""
        return self.unit.startswith("bytes")


ROWS: Final = (
    Row(
        "trigger",
        "create and trigger {} events, in memory",
        "µs an event",
        10_000,
        2_000,
        ALL,
        Targets(6, 1, 1.25),
    ),
    Row("replay", "replay {} event objects", "µs an event", 10_000, 2_000, ALL, Targets(10, 1, 1.3)),
    Row(
        "chained_trigger",
        "trigger {} hash-chained events, in memory",
        "µs an event",
        10_000,
        2_000,
        WITH_EIGHT,
        Targets(10),
        store="chained",
        work="trigger",
    ),
    Row(
        "chained_load",
        "load {} hash-chained events, verified",
        "µs an event",
        10_000,
        2_000,
        WITH_EIGHT,
        Targets(5),
        store="chained",
        work="load_one",
    ),
    Row(
        "chained_load_alone",
        "the same, 8.2.5 without a chain",
        "µs an event",
        10_000,
        2_000,
        WITH_EIGHT,
        Targets(5),
        store="unverified",
        work="load_one",
    ),
    Row(
        "save_one",
        "save one aggregate of {} events",
        "µs an event",
        10_000,
        2_000,
        ALL,
        Targets(3, 2, 1.5),
        writes=True,
    ),
    Row(
        "save_many",
        "save {} aggregates of 10 events, one by one",
        "µs a save",
        1_000,
        200,
        ALL,
        Targets(1.6, 1.35, 1.3),
        writes=True,
    ),
    Row(
        "load_one",
        "load an aggregate of {} events",
        "µs an event",
        10_000,
        2_000,
        ALL,
        Targets(7, 1.8, 1.5),
    ),
    Row(
        "load_many",
        "load {} aggregates of 10 events, one by one",
        "µs a load",
        1_000,
        200,
        ALL,
        Targets(6, 2, 1.5),
    ),
    Row(
        "load_snapshot",
        "load from a snapshot at event {}",
        "µs a load",
        10_000,
        2_000,
        ALL,
        Targets(2, 2),
        store="snapshotting",
        parts=100,
    ),
    Row(
        "file_bytes",
        "the SQLite file, {} aggregates of 10 events",
        "bytes an event",
        1_000,
        200,
        ALL,
        Targets(1 / 0.55, 1),
    ),
    Row(
        "object_bytes",
        "the memory of {} event objects",
        "bytes an event",
        10_000,
        2_000,
        ALL,
        Targets(1 / 0.8),
    ),
    Row(
        "array_append",
        "append {} items to a big array, one by one",
        "µs an item",
        1_000,
        200,
        WITH_EIGHT,
        Targets(10),
        store="array",
        writes=True,
    ),
    Row(
        "array_read",
        "read {} items of a big array at random",
        "µs an item",
        1_000,
        200,
        WITH_EIGHT,
        Targets(10),
        store="array",
    ),
    Row(
        "array_slice",
        "slice {} items of a big array",
        "µs an item",
        1_000,
        200,
        WITH_EIGHT,
        Targets(10),
        store="array",
    ),
    Row(
        "log_write",
        "log {} messages, one by one",
        "µs a message",
        1_000,
        200,
        WITH_EIGHT,
        Targets(10),
        store="log",
        writes=True,
    ),
    Row(
        "log_read",
        "read {} messages back, newest first",
        "µs a message",
        1_000,
        200,
        WITH_EIGHT,
        Targets(10),
        store="log",
    ),
)

POSTGRES_ROWS: Final = (
    Row(
        "save_many",
        "save {} aggregates of 10 events, one by one",
        "µs a save",
        1_000,
        100,
        ON_POSTGRES,
        Targets(1.5, 1.5),
    ),
    Row(
        "save_one",
        "save one aggregate of {} events",
        "µs an event",
        10_000,
        2_000,
        ON_POSTGRES,
        Targets(1.5, 1.5),
    ),
    Row(
        "load_one",
        "load an aggregate of {} events",
        "µs an event",
        10_000,
        2_000,
        ON_POSTGRES,
        Targets(1.5, 1.5),
    ),
    Row(
        "save_together",
        "16 writers save {} aggregates of 10 events",
        "µs a save, of all",
        1_600,
        160,
        ON_POSTGRES,
        Targets(1.5, 1.5),
    ),
)
