"""Fixtures of the tests of ``SQLiteStore``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from esmodel.stores.sqlite import SQLiteStore

SHORT = timedelta(milliseconds=50)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with SQLiteStore(path, busy_timeout=SHORT) as opened:
        yield opened


@pytest.fixture
def when_opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[sqlite3.Connection], None]], None]:
    """Call a function with each connection that the driver opens, at once."""
    original = sqlite3.connect

    def call(function: Callable[[sqlite3.Connection], None]) -> None:
        def connect(
            database: str, *, uri: bool, timeout: float, isolation_level: None, check_same_thread: bool
        ) -> sqlite3.Connection:
            connection = original(
                database,
                uri=uri,
                timeout=timeout,
                isolation_level=isolation_level,
                check_same_thread=check_same_thread,
            )
            if not database.endswith("?mode=rwc"):  # which makes an empty file, and is closed at once
                function(connection)
            return connection

        monkeypatch.setattr(sqlite3, "connect", connect)

    return call


@pytest.fixture
def connections(
    when_opened: Callable[[Callable[[sqlite3.Connection], None]], None],
) -> list[sqlite3.Connection]:
    """Record the connections that the driver opens; the first is the one that writes."""
    given: list[sqlite3.Connection] = []
    when_opened(given.append)
    return given
