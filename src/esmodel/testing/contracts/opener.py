"""StoreOpener: the base class of all contracts."""

from __future__ import annotations

import os
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Generic, Protocol, runtime_checkable

import pytest
from typing_extensions import override

from esmodel.exceptions import ModelError
from esmodel.testing.contracts.protocols import TStore

SEED_VARIABLE: Final = "ESMODEL_TEST_SEED"
"""The environment variable that sets the seed of races and crashes."""


class StoreOpener(ABC, Generic[TStore]):
    """The base class of all contracts. It opens the store under test.

    Raises:
        ModelError: if a class whose name begins with ``Test`` leaves out a method that it must define.

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
        # pytest skips an abstract class silently, and with it all its tests
        missing = [name for name in dir(cls) if _is_abstract(getattr(cls, name, None))]
        if missing and cls.__name__.startswith("Test"):
            raise ModelError(
                f"{cls.__qualname__}: expected {' and '.join(missing)}, found none. "
                f"Define what the contract needs: def {missing[0]}(self, ...)."
            )

    @abstractmethod
    def open_store(self, folder: Path, /) -> TStore:
        """Open the store of a folder.

        A new folder gives an empty store; a folder that was opened before gives the rows stored then. A
        store that keeps no files can derive the name of a schema or keyspace from the folder.

        Contracts with several processes call this in each of them, on a new instance of the class. Keep
        everything else that it needs in class attributes or in the environment.
        """

    # Private, because the types of pytest's fixtures are incomplete. Tests request it by its name.
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
        """Choose the seed of a test, or take the one in ``ESMODEL_TEST_SEED``, and print it."""
        given = os.environ.get(SEED_VARIABLE)
        chosen = int(given) if given else random.SystemRandom().randrange(10**9)
        # pytest shows this only where a test fails
        print(f"{SEED_VARIABLE}={chosen}")  # noqa: T201  # because it repeats the choices of a failure
        return chosen


@runtime_checkable
class _SaysWhetherAbstract(Protocol):
    """A function or property that may be marked as abstract."""

    @property
    def __isabstractmethod__(self) -> bool:
        """Whether a subclass must define it."""
        ...


def _is_abstract(member: object) -> bool:
    return isinstance(member, _SaysWhetherAbstract) and member.__isabstractmethod__
