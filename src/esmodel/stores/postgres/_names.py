"""``Names``: the stored names and their ids; a row refers to its name by id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from esmodel.exceptions import StoreError
from esmodel.stores.postgres._arrays import byte_strings, short_integers
from esmodel.stores.postgres._executor import Executor
from esmodel.stores.postgres._statements import Statements
from esmodel.stores.postgres._tables import Tables

_DIGESTS: Final = 4  # the format since which the id of a name is its digest


class Names:
    """The stored names and their ids.

    Each is looked up once and then cached, unless the tables have a format in which an id may stand for
    another name after a failover. A dictionary that was given to a thread is never emptied.
    """

    def __init__(self, executor: Executor, statements: Statements, tables: Tables) -> None:
        self._executor = executor
        self._tables = tables
        self._statements = statements
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def forget(self) -> None:
        """Forget the ids: the tables may have lost some of the names."""
        self._ids = {}

    def by_id(self, name_ids: set[int]) -> dict[int, str]:
        """Return all known names by their ids, at least those asked for."""
        known = self._names if self._tables.version >= _DIGESTS else {}
        if missing := name_ids - known.keys():
            found: list[tuple[int, bytes]] = self._executor.run(
                self._statements.names, (short_integers(list(missing)),)
            )
            known.update((name_id, name.decode()) for name_id, name in found)
            for name_id in missing - known.keys():
                raise StoreError(
                    f"Name {name_id}: expected a stored name, found none. Restore the tables from a backup."
                )
        return known

    def ids(self, names: Iterable[str]) -> dict[str, int]:
        """Return all known ids by their names; store the names that have no id yet."""
        known = self._ids if self._tables.version >= _DIGESTS else {}
        missing = {hashlib.sha256(name.encode()).digest(): name for name in names if name not in known}
        if missing:
            digests = sorted(missing)  # two writers that add the same names cannot deadlock
            parameters = (
                byte_strings(digests),
                byte_strings([missing[digest].encode() for digest in digests]),
            )
            found: list[tuple[bytes, int]] = self._executor.run(
                self._statements.name_ids, parameters, writes=True
            )
            known.update((missing[digest], name_id) for digest, name_id in found)
        return known
