"""The pytest plugin of esmodel: fixtures, and scenarios that must be asserted to the end.

It stands beside the package and imports nothing of it until a test uses it: pytest loads its plugins
before each run, of tests that have nothing to do with esmodel too.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("esmodel.testing.contracts")  # a failure shows both sides of a comparison

if TYPE_CHECKING:
    from collections.abc import Generator

    from esmodel.stores.memory import MemoryStore
    from esmodel.testing.scenarios import FixedClock, FixedIds


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail a test that ran a command in a scenario, and did not assert its outcome."""
    if "esmodel.testing.scenarios.outcome" not in sys.modules:
        return (yield)
    from esmodel.testing.scenarios import scenarios_settled  # noqa: PLC0415  # because it is loaded already

    with scenarios_settled():
        return (yield)


@pytest.fixture
def memory_store() -> Generator[MemoryStore]:
    """Give an empty record store in memory, and close it after the test."""
    from esmodel.stores.memory import MemoryStore  # noqa: PLC0415  # because not every run needs it

    with MemoryStore() as store:
        yield store


@pytest.fixture
def fixed_clock() -> Generator[FixedClock]:
    """Let all that is triggered take the time of a clock that stands still: 2026-01-01 in UTC."""
    from esmodel.clock import using_clock  # noqa: PLC0415  # because not every run needs it
    from esmodel.testing.scenarios import FixedClock  # noqa: PLC0415  # the same

    clock = FixedClock()
    with using_clock(clock):
        yield clock


@pytest.fixture
def fixed_ids() -> Generator[FixedIds]:
    """Let new ids, of aggregates and of events, count from 1."""
    from esmodel.ids import using_ids  # noqa: PLC0415  # because not every run needs it
    from esmodel.testing.scenarios import FixedIds  # noqa: PLC0415  # the same

    ids = FixedIds()
    with using_ids(ids):
        yield ids


@pytest.fixture
def clean_event_bus() -> Generator[None]:
    """Fail the test if it leaves a handler on the default event bus, or finds one there.

    What is left is taken off, so that the next test begins with none.
    """
    from esmodel.model import bus  # noqa: PLC0415  # because not every run needs it

    bus.assert_event_handlers_empty()
    yield
    try:
        bus.assert_event_handlers_empty()
    finally:
        bus.clear_event_handlers()
