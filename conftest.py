"""Names that the examples of docstrings use, and the PostgreSQL server of the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import attrs
import pytest
from postgres_server import MISSING, PostgresServer, find_binaries, fresh_database

import esmodel


@pytest.fixture(autouse=True)
def _names_of_the_docstrings(request: pytest.FixtureRequest, doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update({name: getattr(esmodel, name) for name in esmodel.__all__})
    doctest_namespace.update({"define": attrs.define, "frozen": attrs.frozen})
    if request.node.name.startswith("esmodel.stores.postgres."):
        doctest_namespace["dsn"] = request.getfixturevalue("dsn")


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """Give the connection string of a running server, of which there is one for all tests."""
    named = os.environ.get("ESMODEL_TEST_POSTGRES")
    if named is not None:
        yield named
        return
    server = new_server()
    try:
        server.start()
        yield server.dsn
    finally:
        server.remove()


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """Give a server that a test may stop and kill, and that writes to the disk what it commits."""
    server = new_server(fsync=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    """Give the connection string of a database that nobody else uses."""
    with fresh_database(postgres_dsn) as fresh:
        yield fresh


def new_server(*, fsync: bool = False) -> PostgresServer:
    """Make a server; without PostgreSQL, the test is skipped on a desk and fails in CI."""
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return PostgresServer(binaries, fsync=fsync)
