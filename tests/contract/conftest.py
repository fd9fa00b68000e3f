"""One database for the PostgreSQL tests of a module: each test has a schema of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_server import fresh_database


@pytest.fixture(scope="module")
def dsn(postgres_dsn: str) -> Iterator[str]:
    """Return the connection string of a database that the tests of a module share."""
    with fresh_database(postgres_dsn) as fresh:
        yield fresh
