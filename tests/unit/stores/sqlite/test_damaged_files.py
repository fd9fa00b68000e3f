"""Files damaged at random: what is wrong is an error, or ``check`` finds it.

A changed character in the payload of a plain event is not found: only a hash chain has a checksum of it.
``just storm-damage`` damages many; a failure names its seed.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
import pytest
from attrs import define, field, frozen
from profiles import examples

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, RepositoryKeyError, applies
from esmodel.exceptions import EsmodelError, OriginatorVersionError
from esmodel.stores.sqlite import SQLiteStore

COUNT: Final = int(os.environ.get("ESMODEL_STORM", "0")) or examples(100)
SEED: Final = int(os.environ.get("ESMODEL_STORM_SEED", str(time.time_ns() // 1000)))
PAGE: Final = 4096
IDS: Final = [UUID(int=7919 * number) for number in range(1, 41)]
EVENTS: Final = 20


@frozen
class Added(AggregateEvent):
    number: int
    text: str


@define
class Sum(AggregateRoot[Added]):
    total: int = 0

    @applies
    def added(self, event: Added) -> None:
        self.total += event.number

    apply = added.exhaustive


@define
class Outcome:
    """What came of one damaged file.

    Attributes:
        wrong: what a read returned that was never stored, without an error.
        has_other_payload: whether the payload of a row was changed.
        is_found: whether ``check`` finds a fault.
    """

    wrong: set[str] = field(factory=set[str])
    has_other_payload: bool = False
    is_found: bool = False


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "events.db"
    with SQLiteStore(path) as store:
        sums = EventSourcedRepository(Sum, store)
        for stream in IDS:
            aggregate = Sum.create_with_id(stream, Added, number=0, text="x" * 40)
            for number in range(1, EVENTS):
                aggregate.trigger(Added, number=number, text=f"note {number} " * 4)
            sums.save(aggregate)
    return path.read_bytes()


def payload(number: int) -> bytes:
    text = f"note {number} " * 4 if number else "x" * 40
    return msgspec.json.encode({"number": number, "text": text})


def damaged(whole: bytes, choices: random.Random) -> bytes:
    data, at = bytearray(whole), choices.randrange(len(whole))
    page, other = (place // PAGE * PAGE for place in (at, choices.randrange(len(whole))))
    match choices.choice(["bit", "byte", "sector", "page", "swap"]):
        case "bit":
            data[at] ^= 1 << choices.randrange(8)
        case "byte":
            data[at] = choices.randrange(256)
        case "sector":
            data[at // 512 * 512 : at // 512 * 512 + 512] = bytes(512)
        case "page":
            data[page : page + PAGE] = bytes(PAGE)
        case _:
            data[page : page + PAGE], data[other : other + PAGE] = (
                data[other : other + PAGE],
                data[page : page + PAGE],
            )
    return bytes(data)


def read(store: SQLiteStore) -> Outcome:
    outcome, sums = Outcome(), EventSourcedRepository(Sum, store)
    for stream in IDS:
        try:
            found = sums[stream]
        except RepositoryKeyError:
            outcome.wrong.add("absent")
        except EsmodelError:
            continue
        else:
            if (found.version, found.total) != (EVENTS - 1, sum(range(EVENTS))):
                outcome.wrong.add("another state")
                outcome.has_other_payload |= any(
                    row.data != payload(row.position) for row in store.read(stream)
                )
    try:
        if len(list(store.read_all())) != EVENTS * len(IDS):
            outcome.wrong.add("read_all is short")
    except EsmodelError:
        pass
    try:
        outcome.is_found = bool(store.check().faults)
    except EsmodelError:
        outcome.is_found = True
    return outcome


@pytest.mark.slow
def test_what_a_damaged_file_has_wrong_is_an_error_or_found_by_check(whole: bytes, tmp_path: Path) -> None:
    counts: dict[str, int] = {}
    for number in range(COUNT):
        seed = SEED + number
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged(whole, random.Random(seed)))
        try:
            store = SQLiteStore(path)
        except EsmodelError:
            continue
        with store:
            outcome = read(store)
        for each in outcome.wrong:
            counts[each] = counts.get(each, 0) + 1
        assert outcome.is_found or not outcome.wrong or outcome.has_other_payload, seed
        path.unlink()
    print(f"of {COUNT} damaged files from the seed {SEED}: {counts}")  # noqa: T201  # for those who ask for many


def test_an_aggregate_whose_rows_are_gone_is_an_error_and_not_absent(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM record WHERE stream_id = 1")
    with SQLiteStore(path) as store:
        sums = EventSourcedRepository(Sum, store)
        with pytest.raises(OriginatorVersionError, match="expected the rows of the stream, found none"):
            _ = sums[IDS[0]]
        assert sums[IDS[1]].version == EVENTS - 1
