"""The tables: made, brought to this version, and looked at before they are used."""

from __future__ import annotations

import psycopg
from psycopg.rows import TupleRow

from esmodel.exceptions import StoreFormatError
from esmodel.stores.postgres._executor import Executor
from esmodel.stores.postgres._statements import HAS_FORMAT, HAS_SCHEMA, LOCK, Statements
from esmodel.stores.postgres.schema import FORMAT, Order


class Tables:
    """The tables of one schema, whose rows have one order."""

    def __init__(self, executor: Executor, statements: Statements, schema: str, order: Order) -> None:
        self._executor = executor
        self._statements = statements
        self._schema = schema
        self._order: Order = order
        self._ready = False

    def check(self) -> None:
        """Refuse tables that are missing or not what we would write, once."""
        self._executor.check_open()
        if not self._ready:
            self._version_of(self._executor.ask(self._statements.identify))
            if self._order == "transaction" and is_true(self._executor.ask(self._statements.is_foreign)):
                raise StoreFormatError(
                    f"{self._executor.name}: expected rows of this cluster, found rows that were restored from "
                    "another, whose transaction ids run ahead. Call store.migrate()."
                )
            self._ready = True

    def migrate(self) -> None:
        """Make the tables, or bring them to this version, in one transaction."""
        with self._executor.transaction() as cursor:
            cursor.execute(LOCK, (self._schema,))
            if not is_true(cursor.execute(HAS_SCHEMA, (self._schema,)).fetchall()):
                cursor.execute(self._statements.create_schema)
            if is_true(cursor.execute(HAS_FORMAT, (self._schema,)).fetchall()):
                self._bring_to_this_version(cursor)
            else:
                cursor.execute(self._statements.create_tables)
                cursor.execute(self._statements.create_functions)

    def _bring_to_this_version(self, cursor: psycopg.Cursor[TupleRow]) -> None:
        if self._version_of(cursor.execute(self._statements.identify).fetchall()) < FORMAT:
            cursor.execute(self._statements.create_functions)
            cursor.execute(self._statements.set_version, (FORMAT,))
        if self._order == "transaction" and is_true(cursor.execute(self._statements.is_foreign).fetchall()):
            cursor.execute(self._statements.lock_records)
            cursor.execute(self._statements.mend)

    def _version_of(self, rows: list[TupleRow]) -> int:
        """Return the format of the tables, after they were found to be what we would read and write."""
        found: list[tuple[int, str, str]] = rows
        if not found:
            raise StoreFormatError(
                f"{self._executor.name}: expected one row in format, found none. Restore it."
            )
        ((version, order, level),) = found
        if not 1 <= version <= FORMAT:
            raise StoreFormatError(
                f"{self._executor.name}: expected format 1 to {FORMAT}, found {version}. Upgrade esmodel."
            )
        if order != self._order:
            raise StoreFormatError(
                f"{self._executor.name}: expected order {self._order!r}, found {order!r}, which is fixed: "
                f"open it with PostgresStore(..., order={order!r})."
            )
        self._executor.is_read_committed = level == "read committed"
        return version


def is_true(rows: list[TupleRow]) -> bool:
    """Whether the one answer to a question is yes."""
    found: list[tuple[bool]] = rows
    return bool(found and found[0][0])
