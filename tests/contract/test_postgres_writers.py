"""The contracts on ``PostgresStore``: writers that race, and writers that are killed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from postgres_schemas import DSN_VARIABLE, OnPostgres, SchemaStore, own_name
from typing_extensions import override

from esmodel.stores.postgres import Order
from esmodel.stores.postgres.schema import functions_of
from esmodel.testing.contracts import RaceContract, StreamsCrashContract, TailRaceContract

pytestmark = [pytest.mark.server, pytest.mark.slow]


class TestRacesOfPostgresStore(OnPostgres, RaceContract[SchemaStore], TailRaceContract[SchemaStore]):
    turns = 30
    appends = 40

    @override
    def pause_before_commit(self, store: SchemaStore, _: Callable[[], None], /) -> None:
        store.pause_before_commit()


class TestRacesOfPostgresStoreByTransaction(TestRacesOfPostgresStore):
    order: ClassVar[Order] = "transaction"


class TestKilledWritersOfPostgresStore(OnPostgres, StreamsCrashContract[SchemaStore]):
    rounds = 5

    @override
    def pause_before_commit(self, store: SchemaStore, _: Callable[[], None], /) -> None:
        store.pause_before_commit()

    @override
    def wait_for_killed_writers(self, store: SchemaStore, /) -> None:
        # the server ends a session after its last request, when it finds the connection closed
        others = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND application_name <> %s"
        )
        deadline = time.monotonic() + 30
        with psycopg.connect(store.dsn, autocommit=True) as connection:
            while connection.execute(others, (own_name(),)).rowcount:
                assert time.monotonic() < deadline
                time.sleep(0.005)


class TestKilledWritersOfPostgresStoreByTransaction(TestKilledWritersOfPostgresStore):
    order: ClassVar[Order] = "transaction"


# Changes to the functions that make rows visible out of order; the race must find them.
FAULTS: dict[Order, tuple[str, str]] = {
    "dense": (
        r"LOCK TABLE .*?INTO base;",
        "base := nextval('{schema}.early') * 100;",
    ),
    "transaction": (r"AND number < \(SELECT .*?\.format\)", ""),
}


class EarlyStore(SchemaStore):
    """A store that numbers rows too early, or reads them too early."""

    def __init__(self, dsn: str, order: Order, folder: Path) -> None:
        super().__init__(dsn, order, folder)
        fault, instead = FAULTS[order]
        right = functions_of(self.schema, order)
        wrong = re.sub(fault, instead.format(schema=self.schema), right, flags=re.DOTALL)
        assert wrong != right
        # which would find the fault before the race does
        wrong = re.sub(r"GET DIAGNOSTICS.*?END IF;", "", wrong, flags=re.DOTALL)
        with psycopg.connect(dsn) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(44)")  # several writers run this at once
            connection.execute(f"CREATE SEQUENCE IF NOT EXISTS {self.schema}.early".encode())
            connection.execute(wrong.encode())


class EarlyPostgres(OnPostgres, TailRaceContract[SchemaStore]):
    __test__ = False
    appends = 40

    @override
    def open_store(self, folder: Path, /) -> SchemaStore:
        return EarlyStore(os.environ[DSN_VARIABLE], self.order, folder)

    @override
    def pause_before_commit(self, store: SchemaStore, _: Callable[[], None], /) -> None:
        store.pause_before_commit()


class EarlyPostgresByTransaction(EarlyPostgres):
    order: ClassVar[Order] = "transaction"


@pytest.mark.parametrize("contract", [EarlyPostgres, EarlyPostgresByTransaction])
def test_the_race_finds_rows_that_a_tail_reader_misses(
    contract: type[EarlyPostgres], dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DSN_VARIABLE, dsn)
    race = contract()

    def run(seed: int) -> None:
        folder = tmp_path / str(seed)
        folder.mkdir()
        store = race.open_store(folder)
        try:
            race.test_a_tail_reader_sees_every_commit_once_in_order(store, seed, folder)
        finally:
            store.close()

    def run_three_times() -> None:  # one race may miss it
        for seed in range(3):
            run(seed)

    with pytest.raises(AssertionError, match="law 2: the reader skipped or repeated rows"):
        run_three_times()
