"""PostgreSQL stores in schemas of one database: the name of a schema follows from a folder."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typing_extensions import override

from esmodel.stores.postgres import Order, PostgresStore
from esmodel.testing.contracts import StoreOpener

DSN_VARIABLE = "ESMODEL_TEST_CONTRACT_DSN"
"""The environment variable with the database, for the processes of writers."""

# The trigger runs at the commit. The seed does not fix how long it sleeps.
PAUSE = """
CREATE FUNCTION {0}.pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF random() < 0.5 THEN PERFORM pg_sleep(random() * 0.004); END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER pause AFTER INSERT ON {0}.append
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {0}.pause();
"""


TABLES = ("record", "stream", "snapshot", "append", "name", "counter")
"""The tables that change."""


@cache
def create_schema(dsn: str, order: Order, schema: str) -> None:
    """Create the tables of a store, once in each process."""
    PostgresStore(dsn, order=order, schema=schema, migrate=True).close()


class SchemaStore(PostgresStore):
    """A store in a schema of its own, which it creates for a folder."""

    def __init__(
        self, dsn: str, order: Order, folder: Path, *, timeout: timedelta = timedelta(seconds=30)
    ) -> None:
        self.dsn = dsn
        self.schema = f"test_{sha256(str(folder).encode()).hexdigest()[:32]}"
        create_schema(dsn, order, self.schema)
        super().__init__(dsn, order=order, schema=self.schema, timeout=timeout)

    def pause_before_commit(self) -> None:
        """Make each append pause on the server: it is one statement, in which the client cannot pause."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(43)")  # several writers run this at once
            has_pause = "SELECT 1 FROM pg_trigger WHERE tgname = 'pause' AND tgrelid = %s::regclass"
            if connection.execute(has_pause, (f"{self.schema}.append",)).rowcount == 0:
                connection.execute(sql.SQL(PAUSE).format(sql.Identifier(self.schema)))

    def save_state(self) -> None:
        """Copy all rows of all tables."""
        self._run(*(f"DROP TABLE IF EXISTS {{0}}.copied_{name}" for name in TABLES))
        self._run(*(f"CREATE TABLE {{0}}.copied_{name} AS TABLE {{0}}.{name}" for name in TABLES))

    def restore_state(self) -> None:
        """Put all tables back into the state of the copy; ids that are given next are given again."""
        last = "(SELECT coalesce(max(name_id), 0) + 1 FROM {0}.name)"
        self._run(
            "TRUNCATE " + ", ".join(f"{{0}}.{name}" for name in TABLES),
            *(
                f"INSERT INTO {{0}}.{name} OVERRIDING SYSTEM VALUE TABLE {{0}}.copied_{name}"
                for name in TABLES
            ),
            f"SELECT setval(pg_get_serial_sequence('{{0}}.name', 'name_id'), {last}, false)",
        )

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self.dsn) as connection:
            for statement in statements:
                connection.execute(statement.format(self.schema).encode())

    def clear(self) -> None:
        """Delete all rows and snapshots; keep the names."""
        clear = sql.SQL(
            "TRUNCATE {0}.record, {0}.stream, {0}.snapshot, {0}.append; UPDATE {0}.counter SET last = 0"
        )
        with psycopg.connect(self.dsn) as connection:
            connection.execute(clear.format(sql.Identifier(self.schema)))


def own_name() -> str:
    """Return the application name of the sessions of this process."""
    return f"esmodel test {os.getpid()}"


class OnPostgres(StoreOpener[SchemaStore]):
    """Opens the schema of a folder."""

    order: ClassVar[Order] = "dense"

    @pytest.fixture(autouse=True)
    def _database(self, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(DSN_VARIABLE, dsn)

    @override
    def open_store(self, folder: Path, /) -> SchemaStore:
        dsn = make_conninfo(os.environ[DSN_VARIABLE], application_name=own_name())
        return SchemaStore(dsn, self.order, folder)
