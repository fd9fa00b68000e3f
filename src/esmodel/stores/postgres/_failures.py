"""Translate PostgreSQL errors into errors of esmodel."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from esmodel.exceptions import PayloadError, StoreClosedError, StoreError, StoreFormatError
from esmodel.stores.postgres.schema import FOREIGN

_ADVICE: Final = {  # by the class of an SQLSTATE, its first two characters
    "": "Check that the server runs, and check the connection string.",
    "08": "Check that the server runs, and check the connection string.",
    "23": "Try again; if the error persists, the tables are inconsistent: restore them from a backup.",
    "25": "Connect to the primary server, as a role that may write.",
    "28": "Check the user and the password of the connection string.",
    "3D": "Create the database, or correct the connection string.",
    "40": "Try again.",
    "42": "Grant the role the privileges that it needs: see docs/stores.md.",
    "53": "Give the server more memory, disk or connections, or use fewer.",
    "55": "Another transaction keeps it locked: try again, or set a longer timeout.",
    "57": "The server ended the session or the statement: try again.",
    "58": "Check the disk and the log of the server.",
    "XX": "Stop; check the log of the server, and restore the database from a backup.",
}
_MISSING: Final = ("the tables of esmodel", "Call store.migrate().")
_TAKEN: Final = (
    "only the tables of esmodel",
    "Choose another schema: PostgresStore(..., schema=...). Nothing was changed.",
)
_EXPECTED: Final = {  # and what to do, by the SQLSTATE
    "3F000": _MISSING,  # a schema
    "42P01": _MISSING,  # a table
    "42883": _MISSING,  # a function
    "42703": _MISSING,  # a column
    "42P07": _TAKEN,  # a table
    "42723": _TAKEN,  # a function
    "42710": _TAKEN,  # another object
    FOREIGN: ("rows of this cluster", "They were restored from another one: call store.migrate()."),
}


class ConnectionLostError(Exception):
    """The connection was lost, and it is unknown whether the server executed the statement."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(error)
        self.error = error


def translate(error: psycopg.Error, name: str, seconds: float) -> StoreError | PayloadError:
    """Return the error to raise: it says what PostgreSQL found and what to do about it.

    Args:
        error: the error of the driver.
        name: the name of the store in messages.
        seconds: the timeout of the store.
    """
    state = error.sqlstate or ""
    finding = (error.diag.message_primary or " ".join(str(error).split())).rstrip(".")
    if isinstance(error, PoolClosed):
        return StoreClosedError(f"The pool of {name} was closed: open a new one.")
    if isinstance(error, PoolTimeout):
        return StoreError(
            f"{name}: expected a connection within {seconds} s, found none: {finding}. "
            "Check that the server runs, or allow more connections."
        )
    if expected := _EXPECTED.get(state):
        return StoreFormatError(f"{name}: expected {expected[0]}, found: {finding}. {expected[1]}")
    if state.startswith("54"):
        return PayloadError(f"{name}: expected a row that PostgreSQL can hold: {finding}.")
    advice = _ADVICE.get(state[:2], "See the PostgreSQL error.")
    return StoreError(f"{name}: PostgreSQL reports: {finding}. {advice}")
