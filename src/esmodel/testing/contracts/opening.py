"""What a store must be to be tested, and how a test class opens one."""

from __future__ import annotations

import os
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from typing_extensions import override

from esmodel.exceptions import ModelError
from esmodel.rows.protocols import (
    RecordStore,
    SupportsAppendIds,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
)
from esmodel.rows.record import Record

SEED_VARIABLE: Final = "ESMODEL_TEST_SEED"
"""The environment variable that gives the seed of a failure back."""


class ClosableStore(RecordStore, Protocol):
    """A record store that can be closed.

    Laws:
        1. To close twice does no harm.
        2. Every call on a closed store raises ``StoreClosedError``.
    """

    def close(self) -> None:
        """Let go of what the store holds of its engine."""
        ...


class StreamsStore(ClosableStore, SupportsStreams, Protocol):
    """A closable store that appends to several streams at once."""


class ReadAllStore(ClosableStore, SupportsReadAll, Protocol):
    """A closable store that knows the order of all its commits."""


class SnapshotsStore(ClosableStore, SupportsSnapshots, Protocol):
    """A closable store that keeps snapshots."""


class AppendIdsStore(ClosableStore, SupportsAppendIds, Protocol):
    """A closable store that can be asked what became of an append."""


class TailStore(ReadAllStore, StreamsStore, Protocol):
    """A closable store whose commits, of several streams each, can be followed."""


class FullStore(TailStore, SnapshotsStore, Protocol):
    """A closable store that can do all that the stores of esmodel can."""


TStore = TypeVar("TStore", bound=ClosableStore)
TCheck = TypeVar("TCheck")


class StoreOpener(ABC, Generic[TStore]):
    """The base of all contracts: it knows how to open a store, and nothing else.

    Raises:
        ModelError: if a class whose name begins with ``Test`` leaves a method out that it must write.

    Example:
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


def on_one_store(check: TCheck, /) -> TCheck:
    """Have a property of hypothesis take its time: all examples share a store, which may be slow.

    The rest is as the profile of hypothesis says, at the moment of the call.
    """
    return settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])(check)


def row(stream: UUID, position: int, data: bytes = b"{}") -> Record:
    """Make a row whose timestamp follows from its position."""
    return Record(stream, position, "Happened", 0, 1_700_000_000_000_000 + position, data)


def rows(stream: UUID, positions: Iterable[int]) -> list[Record]:
    """Make a row for each position."""
    return [row(stream, position) for position in positions]


def _is_abstract(member: object) -> bool:
    return getattr(member, "__isabstractmethod__", False) is True
