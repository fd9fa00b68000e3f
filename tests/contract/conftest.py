"""One database for the PostgreSQL tests of a module, and how many calls are interrupted.

Each test has a schema of its own in the database. ``just storm-interrupts`` interrupts more calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from postgres_server import fresh_database

from esmodel.testing.contracts import InterruptContract

InterruptContract.interrupts = int(os.environ.get("ESMODEL_STORM", InterruptContract.interrupts))


@pytest.fixture(scope="module")
def dsn(postgres_dsn: str) -> Iterator[str]:
    """Return the connection string of a database that the tests of a module share."""
    with fresh_database(postgres_dsn) as fresh:
        yield fresh
