"""Fixtures of the tests of ``PostgresStore``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_proxy import Breakpoint
from postgres_sessions import CommitBlocker

from esmodel.stores.postgres import Order, PostgresStore


@pytest.fixture(params=["dense", "transaction"])
def order(request: pytest.FixtureRequest) -> Order:
    found: Order = request.param
    return found


@pytest.fixture
def store(dsn: str, order: Order) -> Iterator[PostgresStore]:
    with PostgresStore(dsn, order=order, migrate=True) as opened:
        yield opened


@pytest.fixture
def blocker(store: PostgresStore, dsn: str) -> Iterator[CommitBlocker]:
    found = CommitBlocker(dsn)
    yield found
    found.connection.close()


@pytest.fixture
def proxy(dsn: str) -> Iterator[Breakpoint]:
    with tempfile.TemporaryDirectory(prefix="esmodel-") as folder:  # the path of a socket must be short
        opened = Breakpoint(dsn, Path(folder))
        yield opened
        opened.close()
