"""``Tables``: create the tables of a schema, migrate them, and check them before use."""

from __future__ import annotations

import psycopg
from psycopg.rows import TupleRow

from esmodel.exceptions import StoreFormatError
from esmodel.stores.postgres._executor import Executor
from esmodel.stores.postgres._statements import HAS_FORMAT, HAS_SCHEMA, LOCK, STRANGERS, Statements
from esmodel.stores.postgres.schema import FORMAT, FUNCTIONS, TABLES, Order


class Tables:
    """The tables of one schema, whose rows have one order.

    Attributes:
        version: their format, once they were checked. Another process may have migrated them since.
    """

    def __init__(self, executor: Executor, statements: Statements, schema: str, order: Order) -> None:
        self._executor = executor
        self._statements = statements
        self._schema = schema
        self._order: Order = order
        self._ready = False
        self.version: int = FORMAT

    def check(self) -> None:
        """Refuse tables that are missing or that this store cannot use; check them once."""
        self._executor.check_open()
        if not self._ready:
            self.version = self._version_of(self._executor.run(self._statements.identify))
            if self._order == "transaction" and is_true(self._executor.run(self._statements.is_foreign)):
                raise StoreFormatError(
                    f"{self._executor.name}: expected rows of this cluster, found rows restored from "
                    "another cluster, whose transaction ids differ. Call store.migrate()."
                )
            self._ready = True

    def migrate(self) -> None:
        """Create the tables, or migrate them to this format, in one transaction.

        Raises:
            StoreFormatError: if another role made a part of them, or newer code did.
        """
        with self._executor.transaction() as cursor:
            cursor.execute(LOCK, (self._schema,))
            if not is_true(cursor.execute(HAS_SCHEMA, (self._schema,)).fetchall()):
                cursor.execute(self._statements.create_schema)
            self._refuse_strangers(cursor)
            if is_true(cursor.execute(HAS_FORMAT, (self._schema,)).fetchall()):
                self._update(cursor)
            else:
                cursor.execute(self._statements.create_tables)
                cursor.execute(self._statements.create_functions)
        self._ready = False  # the format may have changed

    def _refuse_strangers(self, cursor: psycopg.Cursor[TupleRow]) -> None:
        """Refuse a schema, a table or a function that another role made, and could replace."""
        names = {"s": self._schema, "tables": list(TABLES), "functions": list(FUNCTIONS)}
        found: list[tuple[str, str]] = cursor.execute(STRANGERS, names).fetchall()
        for what, owner in found:
            raise StoreFormatError(
                f"{self._executor.name}: expected the {what} to belong to the role that migrates, or to a "
                f"superuser, found that it belongs to {owner!r}, who could replace it. If that role is "
                f"trusted, migrate as it; else choose another schema."
            )

    def _update(self, cursor: psycopg.Cursor[TupleRow]) -> None:
        if self._version_of(cursor.execute(self._statements.identify).fetchall()) < FORMAT:
            cursor.execute(self._statements.create_functions)
            cursor.execute(self._statements.set_version, (FORMAT,))
        if self._order == "transaction" and is_true(cursor.execute(self._statements.is_foreign).fetchall()):
            cursor.execute(self._statements.lock_records)
            cursor.execute(self._statements.shift_numbers)

    def _version_of(self, rows: list[TupleRow]) -> int:
        """Return the format of the tables; refuse a newer format and another order."""
        found: list[tuple[int, str, str]] = rows
        if not found:
            raise StoreFormatError(
                f"{self._executor.name}: expected one row in format, found none. "
                "Restore the table from a backup."
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
    """Return the answer to a query for one boolean."""
    found: list[tuple[bool]] = rows
    return bool(found and found[0][0])
