"""A clock that stands still, and ids that count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Collection,
    ECCEvent,
    PayloadError,
    ignores,
    using_clock,
    using_ids,
)
from esmodel.clock import now
from esmodel.ids import new_id
from esmodel.model import VersionedEntity, VersionedEvent
from esmodel.testing.scenarios import FixedClock, FixedIds

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_fixed_clock_moves_only_when_it_is_told_to() -> None:
    clock = FixedClock(NOON)
    with using_clock(clock):
        assert (now(), now()) == (NOON, NOON)
        clock.advance(timedelta(seconds=1))
        assert now() == NOON + timedelta(seconds=1)
        clock.set_to(NOON)
        assert now() == NOON
    assert now() != NOON


def test_a_clock_that_ticks_moves_when_it_is_read() -> None:
    clock = FixedClock(NOON, tick=timedelta(microseconds=1))

    assert [clock().microsecond, clock().microsecond, clock.moment.microsecond] == [0, 1, 2]


def test_a_fixed_clock_shows_utc() -> None:
    clock = FixedClock(datetime(2026, 11, 25, 13, tzinfo=timezone(timedelta(hours=1))))

    assert clock.moment.isoformat() == NOON.isoformat()


@pytest.mark.parametrize("use", [FixedClock, FixedClock().set_to])
def test_a_moment_that_is_naive_is_refused(use: Callable[[datetime], object]) -> None:
    with pytest.raises(PayloadError, match="A clock needs a moment that is aware"):
        use(NOON.replace(tzinfo=None))


def test_fixed_ids_count_and_are_known_before() -> None:
    ids = FixedIds()

    assert [ids(), ids()] == [ids[1], ids[2]]
    assert (ids[3].version, ids[3].variant) == (4, UUID(int=0, version=4).variant)
    assert FixedIds(7)() == ids[8]


@frozen(kw_only=True)
class Opened(AggregateEvent):
    pass


@define
class Account(AggregateRoot[Opened]):
    opened = ignores(Opened)
    apply = opened.exhaustive


@frozen(kw_only=True)
class Told(ECCEvent):
    pass


@define
class Story(AggregateRootWithECC[Told]):
    told = ignores(Told)
    apply = told.exhaustive


@frozen(kw_only=True)
class Counted(VersionedEvent):
    pass


@define
class Counter(VersionedEntity[Counted]):
    counted = ignores(Counted)
    apply = counted.exhaustive


def test_ids_of_aggregates_entities_collections_and_events_come_from_the_source() -> None:
    ids = FixedIds()
    with using_ids(ids):
        assert Account.create(Opened).id == ids[1]
        assert Counter.create(Counted).id == ids[2]
        assert Collection[str].register().id == ids[3]
        told = Story.create(Told).pending_events[0]

    assert isinstance(told, Told)
    assert (told.originator_id, told.event_id) == (ids[4], ids[5])


def test_ids_are_random_again_after_the_block() -> None:
    with using_ids(FixedIds()):
        pass

    assert len({new_id() for _ in range(100)}) == 100
    assert Account.create(Opened).id != FixedIds()[1]


def test_blocks_of_ids_can_be_nested() -> None:
    outer, inner = FixedIds(), FixedIds(100)
    with using_ids(outer):
        with using_ids(inner):
            assert new_id() == inner[101]
        assert new_id() == outer[1]
