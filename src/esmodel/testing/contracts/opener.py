"""StoreOpener: the base of all contracts."""

from __future__ import annotations

import os
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Generic

import pytest
from typing_extensions import override

from esmodel.exceptions import ModelError
from esmodel.testing.contracts.protocols import (
    TStore,
)

SEED_VARIABLE: Final = "ESMODEL_TEST_SEED"
"""The environment variable that gives the seed of a failure back."""


class StoreOpener(ABC, Generic[TStore]):
    """The base of all contracts: it knows how to open a store, and nothing else.

    Raises:
        ModelError: if a class whose name begins with ``Test`` leaves a method out that it must write.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> class Opens(StoreOpener[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
        >>> Opens().open_store(Path()).last(UUID(int=1)) is None
        True
    """

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # pytest passes an abstract class over in silence, and all its tests with it
        missing = [name for name in dir(cls) if _is_abstract(getattr(cls, name, None))]
        if missing and cls.__name__.startswith("Test"):
            raise ModelError(
                f"{cls.__qualname__}: expected {' and '.join(missing)}, found none. "
                f"Write what the contract needs: def {missing[0]}(self, ...)."
            )

    @abstractmethod
    def open_store(self, folder: Path, /) -> TStore:
        """Open a store; what it keeps belongs to a folder that exists.

        A folder that was never seen gives an empty store, and one that was opened before gives what
        was stored then. A store that keeps nothing in files may make a name of the folder, for a
        schema or a keyspace. Where writers are processes, this is called in each of them, on an
        instance of its own: what it needs to know beyond the folder is in class attributes or in
        the environment.
        """

    # Private, because the types of pytest's fixtures are not complete; tests ask for it by its name.
    @pytest.fixture(name="store")
    def _opened(self, tmp_path: Path) -> Iterator[TStore]:
        """Open an empty store, and close it after the test."""
        opened = self.open_store(tmp_path)
        try:
            yield opened
        finally:
            opened.close()

    @pytest.fixture(name="seed")
    def _seed(self) -> int:
        """Choose the seed of a test, or take that of ``ESMODEL_TEST_SEED``, and print it."""
        given = os.environ.get(SEED_VARIABLE)
        chosen = int(given) if given else random.SystemRandom().randrange(10**9)
        # pytest shows it where a test fails, and nowhere else
        print(f"{SEED_VARIABLE}={chosen}")  # noqa: T201  # because a failure is run again with it
        return chosen


def _is_abstract(member: object) -> bool:
    return getattr(member, "__isabstractmethod__", False) is True
