"""The profile of a run, the names that docstrings use, and the PostgreSQL servers of the tests."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import settings
from postgres_server import MISSING, PostgresServer, find_binaries, fresh_database, make_cluster
from profiles import PROFILE

import esmodel

settings.load_profile(PROFILE)

# pytest has loaded the plugin; collected, it would run again, after the modules whose assertions it rewrites
collect_ignore = ["src/esmodel_pytest.py"]

SERVERS = {"postgres_dsn", "postgres_server"}
"""The fixtures that start PostgreSQL."""


# --- which tests run, and where --------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--slow``."""
    parser.addoption("--slow", action="store_true", help="on a desk, run the tests marked slow too")


def pytest_report_header(config: pytest.Config) -> str:
    """Name the profile, and the tests that it leaves out."""
    left_out = "" if _takes_slow_tests(config) else ", without the tests marked slow (--slow)"
    return f"profile: {PROFILE}{left_out}"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run a named file in this process, where a debugger works, and all else on every core."""
    return 0 if _names_a_file(config) else None


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need a server. Run slow tests first, or leave them out.

    A worker that ended with a slow test would keep the others waiting.
    """
    slow: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        if isinstance(item, pytest.Function) and SERVERS.intersection(item.fixturenames):
            item.add_marker("server")
        (others if item.get_closest_marker("slow") is None else slow).append(item)
    if _takes_slow_tests(config):
        items[:] = slow + others
    elif slow:
        items[:] = others
        config.hook.pytest_deselected(items=slow)


def _takes_slow_tests(config: pytest.Config) -> bool:
    asked = config.getoption("slow") or config.getoption("markexpr")
    return PROFILE == "ci" or bool(asked) or _names_a_file(config)


def _names_a_file(config: pytest.Config) -> bool:
    return any(".py" in argument for argument in config.args)


# --- docstrings ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _names_of_the_docstrings(request: pytest.FixtureRequest, doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update({name: getattr(esmodel, name) for name in esmodel.__all__})
    doctest_namespace.update({"define": attrs.define, "frozen": attrs.frozen})
    if request.node.name.startswith("esmodel.stores.postgres."):
        doctest_namespace["dsn"] = request.getfixturevalue("dsn")


# --- PostgreSQL ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_binaries() -> Path:
    """Return the folder of PostgreSQL; without one, skip the test on a desk, and fail it in CI."""
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return binaries


@pytest.fixture(scope="session")
def postgres_cluster(postgres_binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data of a new server, which is made once for all workers: each server starts with a copy."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgres"
    folder.mkdir(exist_ok=True)
    cluster = folder / "data"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cluster.exists():
            make_cluster(postgres_binaries, cluster)
    return cluster


@pytest.fixture(scope="session")
def postgres_dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the connection string of a running server, of which each worker has one."""
    named = os.environ.get("ESMODEL_TEST_POSTGRES")
    if named is not None:
        yield named
        return
    binaries: Path = request.getfixturevalue("postgres_binaries")
    cluster: Path = request.getfixturevalue("postgres_cluster")
    server = PostgresServer(binaries, cluster)
    try:
        server.start()
        yield server.dsn
    finally:
        server.remove()


@pytest.fixture
def postgres_server(postgres_binaries: Path, postgres_cluster: Path) -> Iterator[PostgresServer]:
    """Give a server that a test may stop and kill, and that writes to the disk what it commits."""
    server = PostgresServer(postgres_binaries, postgres_cluster, fsync=True)
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
