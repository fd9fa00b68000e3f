"""The contracts on ``PostgresStore``: the laws, a state machine, lost answers and killed servers."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from postgres_proxy import Breakpoint
from postgres_schemas import OnPostgres, SchemaStore
from postgres_server import PostgresServer
from typing_extensions import override

from esmodel.rows import Append, Appended
from esmodel.stores.postgres import Order
from esmodel.testing.contracts import (
    AppendIdsContract,
    DurableContract,
    ForkContract,
    FullMachineContract,
    FullStoreContract,
    InterruptContract,
    LostAnswersContract,
    RestoreContract,
    ServerCrashContract,
)

pytestmark = pytest.mark.server

SHORT = timedelta(milliseconds=300)


class TestPostgresStore(
    OnPostgres,
    FullStoreContract[SchemaStore],
    AppendIdsContract[SchemaStore],
    DurableContract[SchemaStore],
): ...


class TestPostgresStoreByTransaction(TestPostgresStore):
    order: ClassVar[Order] = "transaction"


class TestInterruptsOfPostgresStore(
    OnPostgres, InterruptContract[SchemaStore], ForkContract[SchemaStore]
): ...


class TestInterruptsOfPostgresStoreByTransaction(TestInterruptsOfPostgresStore):
    order: ClassVar[Order] = "transaction"


class TestRestoredPostgresStore(OnPostgres, RestoreContract[SchemaStore]):
    """As after a failover to a standby that lacks the last commits."""

    @override
    def save_state(self, store: SchemaStore, folder: Path, /) -> None:
        store.save_state()

    @override
    def restore_state(self, store: SchemaStore, folder: Path, /) -> None:
        store.restore_state()


class TestRestoredPostgresStoreByTransaction(TestRestoredPostgresStore):
    order: ClassVar[Order] = "transaction"


@pytest.mark.slow
class TestMachineOfPostgresStore(OnPostgres, FullMachineContract[SchemaStore]):
    seen: ClassVar[set[Path]] = set()

    @override
    def open_store(self, folder: Path, /) -> SchemaStore:
        """Open one schema for all examples, and clear it for each new folder: to create one takes longer."""
        store = super().open_store(Path(type(self).__name__))
        if folder not in self.seen:
            self.seen.add(folder)
            store.clear()
        return store


class TestMachineOfPostgresStoreByTransaction(TestMachineOfPostgresStore):
    order: ClassVar[Order] = "transaction"


class LosingStore(SchemaStore):
    """A store whose connection breaks, and stays broken until an append has raised."""

    def __init__(self, line: Breakpoint, order: Order, folder: Path) -> None:
        self.line = line
        super().__init__(line.dsn, order, folder, timeout=SHORT)

    @override
    def append(self, append: Append, /) -> Appended:
        try:
            return super().append(append)
        finally:
            self.line.is_down = False


class TestLostAnswersOfPostgresStore(LostAnswersContract[LosingStore]):
    order: ClassVar[Order] = "dense"

    @pytest.fixture(autouse=True)
    def _line(self, dsn: str) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="esmodel-") as folder:  # the path of a socket must be short
            self.line = Breakpoint(dsn, Path(folder))
            yield
            self.line.close()

    @override
    def open_store(self, folder: Path, /) -> LosingStore:
        return LosingStore(self.line, self.order, folder)

    @override
    def lose_answer(self, store: LosingStore, /, *, stored: bool) -> None:
        store.line.at = "answer" if stored else "question"
        store.line.times, store.line.goes_down = 1, True


class TestLostAnswersOfPostgresStoreByTransaction(TestLostAnswersOfPostgresStore):
    order: ClassVar[Order] = "transaction"


@pytest.mark.slow
class TestKilledPostgres(ServerCrashContract[SchemaStore]):
    order: ClassVar[Order] = "dense"
    kills = 5  # after one killed backend, the server ends all others and recovers
    restarts = 3
    longest = 0.3

    @pytest.fixture(autouse=True)
    def _server(self, postgres_server: PostgresServer) -> None:
        self.server = postgres_server

    @override
    def open_store(self, folder: Path, /) -> SchemaStore:
        return SchemaStore(self.server.dsn, self.order, folder, timeout=SHORT)

    @override
    def kill_backend(self, store: SchemaStore, /) -> None:
        backends = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND query ~ %s"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):  # the server is still recovering
                with psycopg.connect(store.dsn, autocommit=True) as connection:
                    found = connection.execute(
                        backends + " AND pid <> pg_backend_pid()", (rf"{store.schema}\W",)
                    ).fetchall()
                if found:
                    pid: int = found[0][0]
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    return
            time.sleep(0.005)
        pytest.fail("expected a backend to kill, found none")

    @override
    def restart(self) -> None:
        self.server.kill()
        self.server.start()


class TestKilledPostgresByTransaction(TestKilledPostgres):
    order: ClassVar[Order] = "transaction"
